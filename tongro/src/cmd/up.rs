//! `tongro up`: the workbench. Prints its address at once, opens the browser, and shows a living network.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::Args;
use tongro_web::{Session, Stop, Texts, Token, serve};

use crate::talk::Talk;

/// Open the workbench
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where to listen: loopback only
    #[arg(long, default_value = "127.0.0.1")]
    host: std::net::IpAddr,
    /// The port; 0 = any free one
    #[arg(long, default_value_t = 7070)]
    port: u16,
    /// Don't open a browser
    #[arg(long)]
    no_open: bool,
}

impl Up {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Some(listener) = self.listen(talk) else { return 2 };
        let Ok(address) = listener.local_addr() else { return 2 };
        let (Ok(token), stop) = (Token::random(), Stop::new()) else { return 2 };
        let url = format!("http://{address}/?token={token}");
        // Before the address is known to anybody, and before the first lab, whose threads inherit which signals are
        // waited for here.
        let asked = stop.clone();
        if let Err(error) = tongro_sys::process::on_interrupt(move || asked.stop()) {
            talk.error(&error.to_string(), None);
            return 2;
        }
        talk.say(&talk.text("cli.up.url", &[("url", &url)]));
        self.open(talk, &url);
        let session = Session::new("/proc/self/exe".into());
        match session.start_demo() {
            Ok(_) => talk.note(&talk.text("cli.up.demo", &[])),
            Err(text) => {
                let params: Vec<(&str, &str)> =
                    text.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let hint = talk.text("cli.error.no_namespaces_hint", &[]);
                talk.error(&talk.text(&text.id, &params), Some(&hint));
                talk.note(&talk.text("cli.up.no_lab", &[]));
            }
        }
        talk.note(&talk.text("cli.up.stop_hint", &[]));
        let served =
            serve(listener, token, Arc::new(session.clone()), Texts::of_course().speaking(talk.lang), stop);
        talk.note(&talk.text("cli.up.stopping", &[]));
        session.stop();
        match served {
            Ok(()) => {
                talk.note(&talk.text("cli.up.stopped", &[]));
                0
            }
            Err(error) => {
                talk.error(&error.to_string(), None);
                2
            }
        }
    }

    /// The port asked for, or another one when it is taken.
    fn listen(&self, talk: &mut Talk) -> Option<TcpListener> {
        match TcpListener::bind((self.host, self.port)) {
            Ok(listener) => Some(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                let listener = TcpListener::bind((self.host, 0)).ok()?;
                let using = listener.local_addr().ok()?.port().to_string();
                let wanted = self.port.to_string();
                talk.note(&talk.text("cli.up.port_taken", &[("wanted", &wanted), ("port", &using)]));
                Some(listener)
            }
            Err(error) => {
                talk.error(&error.to_string(), None);
                None
            }
        }
    }

    fn open(&self, talk: &mut Talk, url: &str) {
        let is_remote = std::env::var_os("SSH_CONNECTION").is_some();
        let has_display =
            std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some();
        let is_asked = !self.no_open && !is_remote && has_display;
        let opened = is_asked
            && Command::new("xdg-open")
                .arg(url)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .is_ok();
        let id = if opened { "cli.up.opening" } else { "cli.up.no_open" };
        talk.note(&talk.text(id, &[]));
    }
}
