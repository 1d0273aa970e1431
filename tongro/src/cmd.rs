//! The commands: one file each, with its arguments, its work and what it prints.

mod check;
mod doctor;
mod echo;
mod http;
mod httpd;
mod json;
mod lab;
mod ladder;
mod tls;
mod up;
mod url;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::help;
use crate::talk::{Color, Talk};

/// See, break and prove network programs.
#[derive(Debug, Parser)]
#[command(name = "tongro", version, max_term_width = 100, arg_required_else_help = false)]
pub(crate) struct Cli {
    /// Language to speak: ko or en (default from the locale)
    #[arg(long, global = true, value_name = "LANG")]
    lang: Option<String>,
    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a program in the private lab and judge it
    Check(check::Check),
    /// Open the workbench
    Up(up::Up),
    /// An echo server and client
    Echo(echo::Echo),
    /// Send an HTTP request and explain its answer
    Http(Box<http::Http>),
    /// A practice HTTP server that names the byte at fault
    Httpd(httpd::Httpd),
    /// Take URLs apart and put them together
    Url(url::UrlCommand),
    /// Check, indent, query or convert JSON
    Json(json::JsonCommand),
    /// Check, indent, query or convert XML
    Xml(json::XmlCommand),
    /// Certificates of one's own, good and broken
    Tls(tls::Tls),
    /// The private network
    Lab(lab::LabCommand),
    /// Show a run as a ladder diagram
    Ladder(ladder::LadderCommand),
    /// Tell what works on this computer, and how to fix what does not
    Doctor(doctor::Doctor),
}

/// Reads the command line and runs the command.
pub(crate) fn run() -> ExitCode {
    let lang = Talk::new(help::lang_asked().as_deref(), Color::Never).lang;
    let matches = help::speaking(Cli::command(), lang).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut talk = Talk::new(cli.lang.as_deref(), cli.color);
    let code = match cli.command {
        None => {
            welcome(&mut talk);
            0
        }
        Some(Command::Check(check)) => check.run(&mut talk),
        Some(Command::Up(up)) => up.run(&mut talk),
        Some(Command::Echo(echo)) => echo.run(&mut talk),
        Some(Command::Http(http)) => http.run(&mut talk),
        Some(Command::Httpd(httpd)) => httpd.run(&mut talk),
        Some(Command::Url(url)) => url.run(&mut talk),
        Some(Command::Json(json)) => json.run(&mut talk),
        Some(Command::Xml(xml)) => xml.run(&mut talk),
        Some(Command::Tls(tls)) => tls.run(&mut talk),
        Some(Command::Lab(lab)) => lab.run(&mut talk),
        Some(Command::Ladder(ladder)) => ladder.run(&mut talk),
        Some(Command::Doctor(doctor)) => doctor.run(&mut talk),
    };
    ExitCode::from(code)
}

/// `tongro` alone: what it is and four commands.
fn welcome(talk: &mut Talk) {
    talk.say(&format!("tongro (통로) – {}", talk.text("cli.main.tagline", &[])));
    talk.say("");
    for (command, id) in [
        ("tongro up", "cli.main.start"),
        ("tongro check --contract echo -- python3 server.py", "cli.main.check"),
        ("tongro doctor", "cli.main.doctor"),
        ("tongro --help", "cli.main.help"),
    ] {
        talk.say(&format!("  {command:<52}{}", talk.text(id, &[])));
    }
}
