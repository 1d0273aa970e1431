//! Human language: what findings, bugs and verdicts say, in Korean and English.
//!
//! The other rooms emit ids and parameters; this one turns them into sentences. The sentences are data,
//! `text/ko/**.toml` and `text/en/**.toml`, embedded when the crate is built. A file's name is the first
//! part of its ids, its tables and keys are the rest: `[echo] title` in `ui.toml` is `ui.echo.title`.
//!
//! ```
//! use tongro_course::{Lang, text};
//!
//! assert_eq!(text(Lang::En, "ui.checks.title", &[]), "Checks");
//! assert_eq!(text(Lang::Ko, "ui.checks.title", &[]), "검사 결과");
//! ```
//!
//! A sentence may hold placeholders: `{port}` is the value, `{port:은/는}` the value and the Korean particle
//! that fits its last sound, `{port|은/는}` the particle alone (for a value in quotation marks), and `{{`, `}}`
//! are braces.

mod bug;
mod days;
mod lang;
mod lint;
mod particle;
mod practical;
mod template;
mod texts;

pub use bug::{Bug, BugPage, Severity, bug_page, bugs};
pub use days::{Day, Item, Kind, Title, days};
pub use lang::Lang;
pub use lint::{LintProblem, lint};
pub use particle::{Pair, particle};
pub use practical::{Goal, Practical, SourceFile, practical, practicals};
pub use template::TemplateError;
pub use texts::{TextError, ids, text, try_text};
