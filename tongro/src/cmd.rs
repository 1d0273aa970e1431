//! The commands: one file each, with its arguments, its work and what it prints.

mod bench;
mod capture;
mod check;
mod clock;
mod craft;
mod doctor;
mod echo;
mod fields;
mod file;
mod follow;
mod http;
mod httpd;
mod init;
mod json;
mod lab;
mod ladder;
mod learn;
mod pack;
mod ping;
mod race;
mod read;
mod stats;
mod sync;
mod tls;
mod traceroute;
mod unpack;
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
    /// Read the course: days, lessons, practicals
    Learn(learn::Learn),
    /// Write a workspace for the course
    Init(init::Init),
    /// Run a program in the private lab and judge it
    Check(check::Check),
    /// Open the workbench
    Up(up::Up),
    /// Race the concurrency models, and your own program, under the same load
    Bench(bench::Bench),
    /// The time over UDP: broadcast, multicast, question and answer
    Clock(clock::Clock),
    /// An echo server and client
    Echo(echo::Echo),
    /// Send, receive and serve large files
    File(file::FileCommand),
    /// Synchronise folders, here or across the network
    Sync(sync::SyncCommand),
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
    /// Lost updates and deadlocks: what threads and processes do to shared data
    Race(race::Race),
    /// Show a run or a capture as a ladder diagram
    Ladder(ladder::LadderCommand),
    /// Read a capture
    Read(read::Read),
    /// Capture the frames of an interface
    Capture(capture::Capture),
    /// Make packets; show, write, send them, or ask with them
    Craft(craft::Craft),
    /// Pack values into bytes with a format of Python's struct
    Pack(pack::Pack),
    /// Unpack bytes into values with a format of Python's struct
    Unpack(unpack::Unpack),
    /// Follow a conversation
    Follow(follow::FollowCommand),
    /// Show statistics of a capture
    Stats(stats::StatsCommand),
    /// Look up protocols and fields
    Fields(fields::Fields),
    /// Measure how long a host takes to answer
    Ping(ping::Ping),
    /// Show the routers on the way to a host
    Traceroute(traceroute::Traceroute),
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
        Some(Command::Learn(learn)) => learn.run(&mut talk),
        Some(Command::Init(init)) => init.run(&mut talk),
        Some(Command::Check(check)) => check.run(&mut talk),
        Some(Command::Up(up)) => up.run(&mut talk),
        Some(Command::Bench(bench)) => bench.run(&mut talk),
        Some(Command::Clock(clock)) => clock.run(&mut talk),
        Some(Command::Echo(echo)) => echo.run(&mut talk),
        Some(Command::File(file)) => file.run(&mut talk),
        Some(Command::Sync(sync)) => sync.run(&mut talk),
        Some(Command::Http(http)) => http.run(&mut talk),
        Some(Command::Httpd(httpd)) => httpd.run(&mut talk),
        Some(Command::Url(url)) => url.run(&mut talk),
        Some(Command::Json(json)) => json.run(&mut talk),
        Some(Command::Xml(xml)) => xml.run(&mut talk),
        Some(Command::Tls(tls)) => tls.run(&mut talk),
        Some(Command::Lab(lab)) => lab.run(&mut talk),
        Some(Command::Race(race)) => race.run(&mut talk),
        Some(Command::Ladder(ladder)) => ladder.run(&mut talk),
        Some(Command::Read(read)) => read.run(&mut talk),
        Some(Command::Capture(capture)) => capture.run(&mut talk),
        Some(Command::Craft(craft)) => craft.run(&mut talk),
        Some(Command::Ping(ping)) => ping.run(&mut talk),
        Some(Command::Traceroute(traceroute)) => traceroute.run(&mut talk),
        Some(Command::Pack(pack)) => pack.run(&mut talk),
        Some(Command::Unpack(unpack)) => unpack.run(&mut talk),
        Some(Command::Follow(follow)) => follow.run(&mut talk),
        Some(Command::Stats(stats)) => stats.run(&mut talk),
        Some(Command::Fields(fields)) => fields.run(&mut talk),
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
