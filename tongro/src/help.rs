//! The help of every command, in the language spoken: the words come from `course` (`help.*`), the shape from clap.
//!
//! The doc comments of the commands are the English words; `course` has the same words and the Korean ones, and a test
//! holds them together. clap's own headings are replaced, and `tongro --help` lists the commands in the groups of
//! the course instead of one long list.

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use tongro_course::{Lang, text, try_text};

/// The commands by what one wants to do; the ids are those of `help.group`.
pub(crate) const GROUPS: [(&str, &[&str]); 6] = [
    ("learn", &["up", "learn", "init", "race", "doctor"]),
    ("judge", &["check"]),
    ("break", &["lab", "proxy"]),
    ("see", &["capture", "read", "follow", "ladder", "stats", "fields"]),
    ("make", &["pack", "unpack", "craft", "ping", "traceroute"]),
    (
        "talk",
        &["echo", "bench", "file", "clock", "http", "httpd", "url", "json", "xml", "tls", "chat", "sync"],
    ),
];

/// What stands before the words of an option that takes a value.
const COLUMN: usize = 14;

/// The language asked for on the command line, before the command line is understood.
pub(crate) fn lang_asked() -> Option<String> {
    let arguments: Vec<String> =
        std::env::args_os().map_while(|argument| argument.into_string().ok()).collect();
    let ours = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments[..ours].iter().enumerate().find_map(|(at, argument)| {
        let after = || arguments[..ours].get(at + 1).cloned();
        argument.strip_prefix("--lang=").map(str::to_owned).or_else(|| (argument == "--lang").then(after)?)
    })
}

/// The whole command line, speaking `lang`.
pub(crate) fn speaking(command: Command, lang: Lang) -> Command {
    let command = command.disable_help_subcommand(true);
    let groups = groups(&command, lang);
    let (usage, options) = (text(lang, "cli.help.usage", &[]), text(lang, "cli.help.options", &[]));
    let template = format!("{{about}}\n\n{usage}: {{usage}}\n\n{groups}{options}:\n{{options}}");
    let mut command = localized(command, lang, "help").help_template(template);
    command.build(); // gives each command its full name, its `--help` and the options of all
    headed(command, lang)
}

/// The list of `tongro --help`.
fn groups(command: &Command, lang: Lang) -> String {
    let mut list = String::new();
    for (group, names) in GROUPS {
        let known: Vec<&Command> = names.iter().filter_map(|name| command.find_subcommand(name)).collect();
        if known.is_empty() {
            continue;
        }
        list.push_str(&format!("{}:\n", text(lang, &format!("cli.help.{group}"), &[])));
        for command in known {
            let (name, about) = (command.get_name(), about(command, lang, "help"));
            list.push_str(&format!("  {name:<COLUMN$}{about}\n"));
        }
        list.push('\n');
    }
    list
}

fn about(command: &Command, lang: Lang, under: &str) -> String {
    let written = || command.get_about().map(ToString::to_string).unwrap_or_default();
    try_text(lang, &format!("{under}.{}.about", command.get_name()), &[]).unwrap_or_else(|_| written())
}

/// Puts the words of `lang` in the place of the doc comments, for a command and all below it.
fn localized(command: Command, lang: Lang, id: &str) -> Command {
    let mut command = command.mut_args(|argument| {
        let help = try_text(lang, &format!("{id}.{}", argument.get_id()), &[]);
        match help {
            Ok(help) => argument.help(help.clone()).long_help(help),
            Err(_) => argument,
        }
    });
    if let Ok(about) = try_text(lang, &format!("{id}.about"), &[])
        && lang != Lang::En
    {
        let long = match examples(&command) {
            Some(examples) => format!("{about}\n\n{examples}"),
            None => about.clone(),
        };
        command = command.about(about).long_about(long);
    }
    let names: Vec<String> = command.get_subcommands().map(|part| part.get_name().to_owned()).collect();
    for name in names {
        let id = format!("{id}.{name}");
        command =
            command.mut_subcommand(name, |part| localized(part.disable_help_subcommand(true), lang, &id));
    }
    command
}

/// The command lines in a long doc comment, indented there; they need no translation.
fn examples(command: &Command) -> Option<String> {
    let long = command.get_long_about()?.to_string();
    let lines: Vec<&str> = long.lines().filter(|line| line.starts_with("  ")).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Gives clap's own headings, defaults and values the words of `lang`.
fn headed(mut command: Command, lang: Lang) -> Command {
    let heading = |id: &str| text(lang, &format!("cli.help.{id}"), &[]);
    let (options, arguments) = (heading("options"), heading("arguments"));
    let help = heading("help");
    command = command.mut_args(|argument| {
        let own = if argument.is_positional() { &arguments } else { &options };
        let argument =
            if argument.get_help_heading().is_none() { argument.help_heading(own.clone()) } else { argument };
        match argument.get_action() {
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong => {
                argument.help(&help).long_help(&help)
            }
            ArgAction::Version => {
                let version = heading("version");
                argument.help(&version).long_help(version)
            }
            _ if lang == Lang::Ko => with_values(argument),
            _ => argument,
        }
    });
    if command.has_subcommands() {
        command = command.subcommand_help_heading(heading("commands"));
    }
    if !command.get_name().eq("tongro") {
        let usage = heading("usage");
        command = command.help_template(format!("{{about}}\n\n{usage}: {{usage}}\n\n{{all-args}}"));
    }
    let names: Vec<String> = command.get_subcommands().map(|part| part.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |part| headed(part, lang)))
}

/// clap says `[default: …]` and `[possible values: …]` in English only; here the same follows the words.
fn with_values(argument: Arg) -> Arg {
    let Some(help) = argument.get_help().map(ToString::to_string) else { return argument };
    let values: Vec<String> =
        if argument.is_hide_possible_values_set() || !argument.get_action().takes_values() {
            Vec::new()
        } else {
            let visible = |value: &PossibleValue| !value.is_hide_set();
            let values = argument.get_possible_values();
            values.iter().filter(|value| visible(value)).map(|value| value.get_name().to_owned()).collect()
        };
    let defaults: Vec<String> = if argument.is_hide_default_value_set() {
        Vec::new()
    } else {
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect()
    };
    let mut help = help;
    for (id, values) in [("default", &defaults), ("values", &values)] {
        if !values.is_empty() && argument.get_action().takes_values() {
            let values = values.join(", ");
            help.push_str(&format!(
                " [{}]",
                text(Lang::Ko, &format!("cli.help.{id}"), &[("values", &values)])
            ));
        }
    }
    argument.help(help.clone()).long_help(help).hide_default_value(true).hide_possible_values(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

    use clap::CommandFactory;

    use super::*;
    use crate::cmd::Cli;

    /// Every command and argument with its id and its doc comment.
    fn words(command: &Command, id: &str, out: &mut Vec<(String, String)>) {
        let mut put = |id: String, words: Option<String>| out.push((id, words.unwrap_or_default()));
        put(format!("{id}.about"), command.get_about().map(ToString::to_string));
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            put(format!("{id}.{}", argument.get_id()), argument.get_help().map(ToString::to_string));
        }
        for part in command.get_subcommands().filter(|part| !part.is_hide_set()) {
            words(part, &format!("{id}.{}", part.get_name()), out);
        }
    }

    #[test]
    fn every_command_and_option_is_told_in_both_languages() {
        let mut all = Vec::new();
        words(&Cli::command(), "help", &mut all);
        let mut wrong = Vec::new();
        for (id, english) in &all {
            if try_text(Lang::Ko, id, &[]).is_err()
                || try_text(Lang::En, id, &[]).ok().as_ref() != Some(english)
            {
                wrong.push(format!("{id} = {english:?}"));
            }
        }
        let list = wrong.join("\n");
        assert!(wrong.is_empty(), "not in course/text/*/help.toml, or not as its doc comment:\n{list}");
        let known = |id: &str| all.iter().any(|(known, _)| known == id);
        let idle: Vec<&str> =
            tongro_course::ids(Lang::En, "help.").map(|(id, _)| id).filter(|id| !known(id)).collect();
        assert!(idle.is_empty(), "words of nothing: {idle:?}");
    }

    #[test]
    fn every_command_is_in_one_group() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let groups = GROUPS.iter().filter(|(_, names)| names.contains(&command.get_name()));
            assert_eq!(groups.count(), 1, "{}", command.get_name());
        }
    }

    #[test]
    fn help_speaks_korean_and_english() {
        let of = |lang, name: &str| {
            let mut all = speaking(Cli::command(), lang);
            all.find_subcommand_mut(name).unwrap().render_long_help().to_string()
        };
        let korean = of(Lang::Ko, "up");
        assert!(korean.contains("사용법: tongro up") && korean.contains("[기본값: 7070]"), "{korean}");
        assert!(
            !korean.contains("Usage") && !korean.contains("Options") && !korean.contains("Print"),
            "{korean}"
        );
        let english = of(Lang::En, "up");
        assert!(english.contains("Usage: tongro up") && english.contains("[default: 7070]"), "{english}");
        let list = speaking(Cli::command(), Lang::Ko).render_long_help().to_string();
        assert!(list.contains("배우기:\n  up") && list.contains("판정하기:\n  check"), "{list}");
    }
}
