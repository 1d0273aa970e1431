//! `tongro tls`: a certificate authority of one's own, certificates good and broken, and what a server shows of itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tongro_http::tls::{Authority, Breakage};

use crate::talk::Talk;

/// Certificates of one's own, good and broken
#[derive(Debug, Args)]
pub(crate) struct Tls {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Make a CA and certificates it signs
    Ca {
        /// Where certificates and keys are kept
        #[arg(long, default_value = "tls")]
        data: PathBuf,
        /// Names and addresses of the server
        #[arg(default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])]
        names: Vec<String>,
        /// Make a broken certificate of each kind as well
        #[arg(long)]
        zoo: bool,
        /// Make a client's certificate for this name as well
        #[arg(long, value_name = "NAME")]
        client: Option<String>,
    },
}

impl Tls {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let Part::Ca { data, names, zoo, client } = self.part;
        match make(talk, &data, &names, zoo, client.as_deref()) {
            Ok(()) => 0,
            Err(error) => {
                talk.error(&error.to_string(), Some(&talk.text("http.tls.ca_hint", &[])));
                2
            }
        }
    }
}

fn make(
    talk: &mut Talk,
    folder: &std::path::Path,
    names: &[String],
    has_zoo: bool,
    client: Option<&str>,
) -> tongro_http::Result<()> {
    let (authority, is_new) = Authority::open_or_make(folder)?;
    let shown = |name: &str| folder.join(name).display().to_string();
    let id = if is_new { "http.tls.ca_made" } else { "http.tls.ca_used" };
    talk.say(&format!("{:<40} {}", shown("ca.pem"), talk.text(id, &[])));
    let kinds = if has_zoo { &Breakage::ALL[..] } else { &Breakage::ALL[..1] };
    for kind in kinds {
        let name = if *kind == Breakage::None { "server" } else { kind.id() };
        authority.issue(names, *kind)?.save(folder, name)?;
        let what = talk.text(&format!("http.zoo.{}", kind.id()), &[]);
        talk.say(&format!("{:<40} {what}", shown(&format!("{name}.pem"))));
    }
    if let Some(name) = client {
        authority.issue_client(name)?.save(folder, "client")?;
        talk.say(&format!("{:<40} {}", shown("client.pem"), talk.text("http.tls.client", &[("name", name)])));
    }
    Ok(())
}
