//! The file transfer's client: bring a file to a server, or get one.
//!
//! Bytes come from a directory and go to one peer, or the other way round; the conversation itself is
//! [`tongro_proto::transfer`], driven here by the same session loop that drives the server.
//!
//! A broken connection is an error here and not retried: the caller decides how often, and the next attempt resumes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, mpsc};

use tongro_proto::transfer::{Errand, Transfer};
use tongro_proto::{Notice, Proto};

use crate::client::Client;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::doors::Doors;
use crate::drive::{Sleep, drive};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::options::{Options, Timeouts};
use crate::session::{Session, Watch};
use crate::shelf::Shelf;
use crate::tls::ClientTls;

/// Does one errand with the server at `address`; files lie in `directory`. Returns [`Notice::FileSent`] or
/// [`Notice::FileReceived`]. A transfer that broke off goes on where it stopped when this is called again.
pub fn transfer(
    address: SocketAddr,
    errand: Errand,
    directory: &Path,
    tls: Option<&ClientTls>,
) -> Result<Notice> {
    let socket = Client::connect(address)?.into_socket();
    socket.set_nonblocking(true).map_err(Error::io("fcntl"))?;
    let machine = Box::new(Transfer::client(errand));
    let shelf = Shelf::new(&Arc::new(directory.to_owned()));
    let mut session = Session::new(machine, Clock::start().now()).with_shelf(shelf);
    if let Some(tls) = tls {
        session = session.with_tls(tls.layer()?);
    }
    let (tell, told) = mpsc::channel();
    let watch = Watch::new(move |notice| drop(tell.send(notice)));
    // Hashing what the peer has already may take it a while.
    let timeouts = Timeouts { idle: Timeouts::default().idle * 4, ..Timeouts::default() };
    let options = Options { proto: Proto::Transfer, timeouts, watch: Some(watch), ..Options::default() };
    let job = Job::new(options, Doors::closed())?;
    let mut connection = Connection::outgoing(socket, session);
    let outcome = drive(&mut connection, &job, &mut job.scratch(), Sleep::InPoll);
    match told.try_recv() {
        Ok(Notice::FileFailed { why }) => Err(Error::FileRefused { why }),
        Ok(notice) => Ok(notice),
        Err(_) => Err(outcome.map_or_else(Error::io("transfer"), |()| Error::Reset)),
    }
}
