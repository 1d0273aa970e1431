//! The machine's file actions, in order and a few per turn: a disk is slow, and others wait.
//!
//! Orders come from the machine as actions, in order; answers go back to it as events, one by one, and may lead to more
//! orders. A resumed transfer of gigabytes is hashed first, which is thousands of such rounds: done at a stretch they
//! would keep all other peers of the loop waiting. So a turn ends after a few, and the session asks for another
//! ([`Session::wants`] says "writable" although nothing has to be written, and the socket is).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tongro_proto::{Event, FileAction, Now};

use super::{Io, PIECES, Scratch, Session};
use crate::shelf::{Answer, Shelf};

/// What is still to be done with files.
#[derive(Debug)]
pub(super) struct Files {
    shelf: Shelf,
    /// Actions, each with the bytes that came with it.
    queue: VecDeque<(FileAction, Arc<Vec<u8>>)>,
}

impl Files {
    /// Nothing to do yet.
    pub(super) fn new(shelf: Shelf) -> Self {
        Self { shelf, queue: VecDeque::new() }
    }

    /// Takes orders.
    pub(super) fn order(&mut self, orders: Vec<FileAction>, written: Vec<u8>) {
        let written = Arc::new(written);
        self.queue.extend(orders.into_iter().map(|order| (order, Arc::clone(&written))));
    }

    /// Is something left over for the next turn?
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Does the next action. `None` if there is none.
    fn next(&mut self) -> Option<Option<Answer>> {
        let (order, written) = self.queue.pop_front()?;
        Some(self.shelf.carry_out(order, &written))
    }
}

impl Session {
    /// Does some of the file actions and tells the machine what came of them; says whether it answered with stream
    /// output.
    pub(super) fn work_on_files(
        &mut self,
        io: &mut dyn Io,
        scratch: &mut Scratch,
        now: Now,
    ) -> io::Result<bool> {
        let mut had_output = false;
        for _ in 0..PIECES {
            let Some(done) = self.files.as_mut().and_then(|files| files.next()) else {
                return Ok(had_output);
            };
            if let Some(answer) = done {
                had_output |= self.step(Event::File(answer.event()), io, scratch, now)?;
            }
        }
        self.owes_a_turn |= self.files.as_ref().is_some_and(|files| files.is_busy());
        Ok(had_output)
    }
}
