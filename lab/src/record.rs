//! The recorder: every thread of the lab puts its events here; one thread sends them to the parent in batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tongro_sys::clock;
use tongro_sys::fdpass::{Channel, MESSAGE_MAX};
use tongro_trace::event::What;

use crate::message::{FromLab, Record};

/// Records in one message at most; a batch also ends at half the message's bytes.
const BATCH: usize = 256;
/// An encoded event without its frame bytes is never longer.
const EVENT_MAX: usize = 4096;

/// Shared by all threads of the lab.
#[derive(Debug)]
pub(crate) struct Recorder {
    epoch: u64,
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    records: Vec<Record>,
    is_sending: bool,
}

impl Recorder {
    pub(crate) fn new(epoch: u64) -> Arc<Self> {
        Arc::new(Self {
            epoch,
            queue: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            is_over: AtomicBool::new(false),
        })
    }

    /// Nanoseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        clock::monotonic().saturating_sub(self.epoch)
    }

    /// Puts an event that happens now.
    pub(crate) fn put(&self, what: What) {
        self.put_at(self.now(), what, None);
    }

    /// Puts an event of a given time, with the bytes of its frame.
    pub(crate) fn put_at(&self, at: u64, what: What, bytes: Option<Vec<u8>>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.records.push(Record { at, what, bytes });
        if queue.records.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Waits until all that was put before has been sent.
    pub(crate) fn flush(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while !queue.records.is_empty() || queue.is_sending {
            queue = self.drained.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Starts the sending thread.
    pub(crate) fn send_over(self: &Arc<Self>, channel: Arc<Channel>) -> std::io::Result<JoinHandle<()>> {
        let recorder = Arc::clone(self);
        std::thread::Builder::new().name("recorder".into()).spawn(move || recorder.send_loop(&channel))
    }

    fn send_loop(&self, channel: &Channel) {
        while !self.is_over.load(Ordering::Relaxed) {
            let records = self.take();
            if send_records(channel, records).is_err() {
                // The parent is gone; the control thread sees the end of file and ends the lab.
                self.is_over.store(true, Ordering::Relaxed);
            }
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.is_sending = false;
            if queue.records.is_empty() {
                self.drained.notify_all();
            }
        }
    }

    fn take(&self) -> Vec<Record> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.records.is_empty() {
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_sending = true;
        std::mem::take(&mut queue.records)
    }
}

fn send_records(channel: &Channel, records: Vec<Record>) -> tongro_sys::Result<()> {
    let mut batch = Vec::with_capacity(BATCH.min(records.len()));
    let mut weight = 0;
    for record in records {
        let len = EVENT_MAX / 16 + record.bytes.as_ref().map_or(0, Vec::len);
        if batch.len() == BATCH || (weight + len > MESSAGE_MAX / 2 && !batch.is_empty()) {
            send_batch(channel, std::mem::take(&mut batch))?;
            weight = 0;
        }
        weight += len;
        batch.push(record);
    }
    send_batch(channel, batch)
}

/// Sends records in one message, or in more where their weight was guessed too low.
fn send_batch(channel: &Channel, mut batch: Vec<Record>) -> tongro_sys::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    let halves = batch.len() / 2;
    let message = FromLab::Records(batch);
    let bytes = postcard::to_stdvec(&message).map_err(|_| tongro_sys::fdpass::garbled())?;
    if bytes.len() <= MESSAGE_MAX || halves == 0 {
        return channel.send(&bytes, &[]);
    }
    let FromLab::Records(records) = message else { return Ok(()) };
    batch = records;
    let rest = batch.split_off(halves);
    send_batch(channel, batch)?;
    send_batch(channel, rest)
}

/// Encodes and sends one message.
pub(crate) fn send(
    channel: &Channel,
    message: &FromLab,
    fds: &[std::os::fd::BorrowedFd<'_>],
) -> tongro_sys::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(|_| tongro_sys::fdpass::garbled())?;
    channel.send(&bytes, fds)
}
