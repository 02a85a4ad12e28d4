//! The way from a guest's writes to the sink: bounded in rate, amount and memory.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use stoker_types::agent::OutputStream;
use tokio::{runtime::Handle, sync::Notify};

use super::{Policy, Sink, bucket::Bucket};
use crate::{executor::booked, metering::Account};

/// What may wait for the sink; a guest that has so much under way waits itself.
const ROOM_BYTES: usize = 64 << 10;
/// A guest that used up its rate waits until so much may pass again: no wakes for crumbs.
const WAKE_BYTES: u64 = 64 << 10;

/// The output of one task; clones are the same output.
#[derive(Clone)]
pub(crate) struct Output {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when the queue has become shorter.
    drained: Notify,
    /// Where blocking threads come from.
    control: Handle,
    /// On whom their work is booked.
    account: Arc<Account>,
}

struct State {
    queue: VecDeque<(OutputStream, Vec<u8>)>,
    queued_bytes: usize,
    /// What may still be written.
    left: u64,
    is_over_cap: bool,
    bucket: Bucket,
    /// Absent while a blocking thread has it.
    sink: Option<Box<dyn Sink>>,
    failure: Option<Failure>,
    on_end: Option<Box<dyn FnOnce() + Send>>,
}

/// What stopped the sink, to be told to each later write.
#[derive(Clone, Copy, Debug)]
struct Failure {
    os_error: Option<i32>,
    kind: io::ErrorKind,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self {
            os_error: error.raw_os_error(),
            kind: error.kind(),
        }
    }

    fn to_error(self) -> io::Error {
        self.os_error
            .map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// All of it is on its way.
    All,
    /// Only what the cap had left; the task is to end.
    OverCap,
}

impl Output {
    /// Output into `sink`, whose writes run on blocking threads of `control` and are booked on
    /// `account`.
    pub(crate) fn new(
        policy: Policy,
        sink: Box<dyn Sink>,
        control: Handle,
        account: Arc<Account>,
    ) -> Self {
        let state = State {
            queue: VecDeque::new(),
            queued_bytes: 0,
            left: policy.cap,
            is_over_cap: false,
            bucket: Bucket::new(policy.rate, policy.burst, Instant::now()),
            sink: Some(sink),
            failure: None,
            on_end: None,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                drained: Notify::new(),
                control,
                account,
            }),
        }
    }

    /// The bytes that may be written now; zero means [`Self::ready`] is to be awaited.
    ///
    /// # Errors
    /// If the sink has failed.
    pub(crate) fn permit(&self) -> io::Result<usize> {
        let mut state = self.shared.lock();
        if let Some(failure) = state.failure {
            return Err(failure.to_error());
        }
        let room = ROOM_BYTES.saturating_sub(state.queued_bytes);
        let passing = usize::try_from(state.bucket.level(Instant::now())).unwrap_or(usize::MAX);
        Ok(room.min(passing))
    }

    /// Resolves when [`Self::permit`] is not zero, or the sink has failed.
    pub(crate) async fn ready(&self) {
        loop {
            // Registered before the look, so that no change in between is missed.
            let drained = self.shared.drained.notified();
            match self.shared.wait() {
                Wait::Nothing => return,
                Wait::Drain => drained.await,
                Wait::Time(time) => tokio::time::sleep(time).await,
            }
        }
    }

    /// Sends bytes on their way; no more than [`Self::permit`] allowed.
    pub(crate) fn write(&self, stream: OutputStream, bytes: &[u8]) -> Accepted {
        let mut state = self.shared.lock();
        let left = usize::try_from(state.left).unwrap_or(usize::MAX);
        let taken = &bytes[..bytes.len().min(left)];
        if taken.len() < bytes.len() {
            state.is_over_cap = true;
        }
        self.shared.account.add_out(taken.len() as u64);
        state.left -= taken.len() as u64;
        state.bucket.take(taken.len() as u64);
        state.push(stream, taken);
        let sink = if state.queue.is_empty() {
            None
        } else {
            state.sink.take()
        };
        drop(state);
        if let Some(sink) = sink {
            let shared = Arc::clone(&self.shared);
            // It ends by itself; nobody waits for it but through `on_end`.
            drop(
                self.shared
                    .control
                    .spawn_blocking(move || shared.drain(sink)),
            );
        }
        if taken.len() < bytes.len() {
            Accepted::OverCap
        } else {
            Accepted::All
        }
    }

    /// Whether a write went past the cap.
    pub(crate) fn is_over_cap(&self) -> bool {
        self.shared.lock().is_over_cap
    }

    /// Calls `on_end` once all that was written has reached the sink: now, or from a blocking
    /// thread. No write may follow.
    pub(crate) fn end(&self, on_end: Box<dyn FnOnce() + Send>) {
        let mut state = self.shared.lock();
        if state.sink.is_none() {
            state.on_end = Some(on_end);
            return;
        }
        drop(state);
        on_end();
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.shared.lock();
        formatter
            .debug_struct("Output")
            .field("queued_bytes", &state.queued_bytes)
            .field("left", &state.left)
            .field("failure", &state.failure)
            .finish_non_exhaustive()
    }
}

/// What a writer waits for.
enum Wait {
    Nothing,
    Drain,
    Time(Duration),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that runs under the lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> Wait {
        let mut state = self.lock();
        let now = Instant::now();
        if state.failure.is_some() {
            Wait::Nothing
        } else if state.queued_bytes >= ROOM_BYTES {
            Wait::Drain
        } else if state.bucket.level(now) == 0 {
            Wait::Time(state.bucket.wait_for(WAKE_BYTES, now))
        } else {
            Wait::Nothing
        }
    }

    /// Writes until the queue is empty, then puts the sink back.
    fn drain(&self, sink: Box<dyn Sink>) {
        if let Some(on_end) = booked(&self.account, || self.empty(sink)) {
            on_end();
        }
    }

    /// Returns who is to be told that all is written.
    fn empty(&self, mut sink: Box<dyn Sink>) -> Option<Box<dyn FnOnce() + Send>> {
        loop {
            let mut state = self.lock();
            let batch = std::mem::take(&mut state.queue);
            state.queued_bytes = 0;
            if batch.is_empty() {
                state.sink = Some(sink);
                return state.on_end.take();
            }
            let has_failed = state.failure.is_some();
            drop(state);
            self.drained.notify_waiters();
            if has_failed {
                continue;
            }
            let mut writes = batch.iter();
            if let Err(error) = writes.try_for_each(|(stream, bytes)| sink.write(*stream, bytes)) {
                self.lock().failure = Some(Failure::of(&error));
                self.drained.notify_waiters();
            }
        }
    }
}

impl State {
    fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.queued_bytes += bytes.len();
        match self.queue.back_mut() {
            Some((last, queued)) if *last == stream => queued.extend_from_slice(bytes),
            Some(_) | None => self.queue.push_back((stream, bytes.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::output::{CaptureSink, FileSink, Rotation};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    fn wait_for_end(output: &Output) {
        let (sender, receiver) = mpsc::channel();
        output.end(Box::new(move || sender.send(()).unwrap_or_default()));
        receiver.recv().unwrap();
    }

    #[test]
    fn all_that_was_written_is_there_when_the_end_is_told() {
        let runtime = runtime();
        let (sink, captures) = CaptureSink::new(1 << 20);
        let policy = Policy::with_cap(1 << 20);
        let output = Output::new(
            policy,
            Box::new(sink),
            runtime.handle().clone(),
            Arc::default(),
        );
        for index in 0..1000_u32 {
            let line = format!("{index}\n");
            assert_eq!(
                output.write(OutputStream::Stdout, line.as_bytes()),
                Accepted::All
            );
        }
        wait_for_end(&output);
        let [stdout, _] = captures.lock().unwrap().clone();
        let expected: String = (0..1000).map(|index| format!("{index}\n")).collect();
        assert_eq!(stdout.bytes, expected.as_bytes());
    }

    #[test]
    fn a_sink_that_fails_fails_each_later_write_with_its_error() {
        let runtime = runtime();
        let sink = FileSink::new("/dev/null/no/folder".into(), Rotation::none());
        let policy = Policy::with_cap(1 << 20);
        let output = Output::new(
            policy,
            Box::new(sink),
            runtime.handle().clone(),
            Arc::default(),
        );
        assert_eq!(output.write(OutputStream::Stderr, b"lost"), Accepted::All);
        wait_for_end(&output);
        runtime.block_on(output.ready());
        let error = output.permit().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
