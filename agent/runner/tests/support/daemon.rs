//! A daemon of few words: connects to a runner and speaks frames, with its own framing.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, IoSlice, Read as _, Write as _},
    mem::MaybeUninit,
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use prost::Message as _;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use stoker_proto::{
    convert::runner::{DaemonFrame, RunnerFrame},
    v1,
};
use stoker_types::{
    RunnerId, TaskUsage,
    runner::{
        CompiledKey, Event, Hello, Load, NumberedEvent, Order, Outcome, PROTOCOL_VERSION, Welcome,
    },
};

/// Far longer than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One connection to a runner.
#[derive(Debug)]
pub(crate) struct Daemon {
    socket: UnixStream,
    loads: VecDeque<Load>,
    usages: VecDeque<TaskUsage>,
}

impl Daemon {
    /// Connects to the runner that listens at `path`.
    pub(crate) fn connect(path: &Path) -> Self {
        let socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            loads: VecDeque::new(),
            usages: VecDeque::new(),
        }
    }

    /// Connects and is welcomed.
    pub(crate) fn welcomed(
        path: &Path,
        runner_id: RunnerId,
        nonce: u64,
        confirmed: u64,
    ) -> (Self, Welcome) {
        let mut daemon = Self::connect(path);
        daemon.hello(runner_id, nonce, confirmed);
        match daemon.frame().unwrap() {
            RunnerFrame::Welcome(welcome) => (daemon, welcome),
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub(crate) fn hello(&mut self, runner_id: RunnerId, nonce: u64, confirmed_event: u64) {
        self.write(DaemonFrame::Hello(Hello {
            runner_id,
            nonce,
            protocol_version: PROTOCOL_VERSION,
            confirmed_event,
        }));
    }

    pub(crate) fn order(&mut self, orders: impl IntoIterator<Item = Order>) {
        self.write(DaemonFrame::Orders(orders.into_iter().collect()));
    }

    /// Sends a compiled module: its descriptor with the first byte of its frame.
    pub(crate) fn module(&mut self, key: CompiledKey, artifact: &File) {
        let bytes = encode(DaemonFrame::Orders(vec![Order::Module { key }]));
        let descriptors = [artifact.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let slices = [IoSlice::new(&bytes[..1])];
        sendmsg(&self.socket, &slices, &mut control, SendFlags::empty()).unwrap();
        self.socket.write_all(&bytes[1..]).unwrap();
    }

    /// Sends the length of a frame that is too long.
    pub(crate) fn nonsense(&mut self) {
        self.socket.write_all(&u32::MAX.to_le_bytes()).unwrap();
    }

    /// The next frame that tells of events or of the connection, or how the connection ended.
    pub(crate) fn frame(&mut self) -> io::Result<RunnerFrame> {
        loop {
            match self.any_frame()? {
                RunnerFrame::Load(load) => self.loads.push_back(load),
                RunnerFrame::Usages(usages) => self.usages.extend(usages),
                other => return Ok(other),
            }
        }
    }

    /// The next load that the runner tells.
    pub(crate) fn load(&mut self) -> Load {
        if let Some(load) = self.loads.pop_front() {
            return load;
        }
        loop {
            match self.any_frame().unwrap() {
                RunnerFrame::Load(load) => return load,
                RunnerFrame::Usages(usages) => self.usages.extend(usages),
                other => panic!("no load: {other:?}"),
            }
        }
    }

    /// What the runner tells next of the use of a task that runs. Other frames are skipped.
    pub(crate) fn usage(&mut self) -> TaskUsage {
        loop {
            if let Some(usage) = self.usages.pop_front() {
                return usage;
            }
            if let RunnerFrame::Usages(usages) = self.any_frame().unwrap() {
                self.usages.extend(usages);
            }
        }
    }

    /// The next load of which `is_it` is true.
    pub(crate) fn load_with(&mut self, what: &str, is_it: impl Fn(&Load) -> bool) -> Load {
        let give_up = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < give_up {
            let load = self.load();
            if is_it(&load) {
                return load;
            }
            last = Some(load);
        }
        panic!("the runner never {what}; its last load is {last:?}");
    }

    fn any_frame(&mut self) -> io::Result<RunnerFrame> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let mut message = vec![0; u32::from_le_bytes(length) as usize];
        self.socket.read_exact(&mut message)?;
        let frame = v1::RunnerFrame::decode(&*message).unwrap();
        Ok(RunnerFrame::try_from(frame).unwrap())
    }

    /// The next `count` events.
    pub(crate) fn events(&mut self, count: usize) -> Vec<NumberedEvent> {
        let mut events = Vec::new();
        while events.len() < count {
            match self.frame().unwrap() {
                RunnerFrame::Events(more) => events.extend(more),
                other => panic!("no events: {other:?}"),
            }
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }

    /// Reads events until one tells how a task ended, and gives that and its number.
    pub(crate) fn end(&mut self) -> (u64, Outcome) {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let RunnerFrame::Events(events) = self.frame().unwrap() else {
                panic!("no events");
            };
            for NumberedEvent { number, event } in events {
                if let Event::Ended { outcome, .. } = event {
                    return (number, outcome);
                }
            }
        }
        panic!("no task ended");
    }

    /// Whether the runner has closed the connection; events that still come are skipped.
    pub(crate) fn is_closed(&mut self) -> bool {
        loop {
            match self.frame() {
                Ok(_) => {}
                Err(error) => {
                    return matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    );
                }
            }
        }
    }

    fn write(&mut self, frame: DaemonFrame) {
        self.socket.write_all(&encode(frame)).unwrap();
    }
}

fn encode(frame: DaemonFrame) -> Vec<u8> {
    let message = v1::DaemonFrame::from(frame).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_le_bytes();
    [length.as_slice(), &message].concat()
}
