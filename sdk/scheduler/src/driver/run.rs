//! The driver's loop: wait for one thing, hand it to the core, do what the core says.
//!
//! Owns the outbox and the present connection. Everything in here is bounded: while the outbox is
//! full nothing is read, neither from the master nor from handles.

use std::collections::VecDeque;

use stoker_proto::{convert::scheduler::encode_calls, v1::SchedulerCalls};
use stoker_types::{
    limit,
    scheduler::{Event, NumberedCall},
};
use tokio::{sync::mpsc, time::sleep_until};
use tonic::transport::Endpoint;

use super::{
    DriverError, Progress,
    builder::{Driver, ProgressListener},
    clock::Clock,
    handle::{Handle, Message},
    link::{Link, News},
};
use crate::{
    Ending, Scheduler,
    core::{Input, Output, SchedulerCore},
};

/// How many calls may wait to be sent before nothing more is read.
const WAITING_CALLS: usize = 10_000;

/// A driver that runs.
pub(super) struct Running<S: Scheduler> {
    core: SchedulerCore<S>,
    clock: Clock,
    masters: Vec<(String, Endpoint)>,
    /// The one that is dialled, or was last.
    master: usize,
    link: Option<Link>,
    /// Calls that are not encoded yet.
    outbox: VecDeque<NumberedCall>,
    /// Encoded batches of them, to be sent before the others.
    batches: VecDeque<SchedulerCalls>,
    commands: mpsc::Receiver<Message<S::Command>>,
    /// Keeps the queue open when no one else does.
    _handle: Handle<S::Command>,
    listener: Option<ProgressListener>,
    outputs: Vec<Output>,
}

/// What the loop was woken by.
enum Wake<C> {
    Input(Input<C>),
    News(News),
    Sent,
}

impl<S: Scheduler> Running<S> {
    pub(super) fn start(driver: Driver<S>) -> Self {
        let clock = Clock::start();
        Self {
            core: SchedulerCore::new(driver.scheduler, driver.settings, clock.now()),
            clock,
            // The first attempt moves on to the first.
            master: driver.masters.len().saturating_sub(1),
            masters: driver.masters,
            link: None,
            outbox: VecDeque::new(),
            batches: VecDeque::new(),
            commands: driver.commands,
            _handle: driver.handle,
            listener: driver.listener,
            outputs: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) -> Result<S, DriverError> {
        let ending = loop {
            if let Some(ending) = self.act() {
                break ending;
            }
            self.encode_next();
            if !self.outputs.is_empty() {
                continue;
            }
            match self.wait().await {
                Wake::Input(input) => self.feed(input),
                Wake::News(news) => self.take_news(news),
                Wake::Sent => {}
            }
        };
        if let Some(link) = self.link.take().filter(|_| self.core.is_subscribed()) {
            let mut batches: Vec<SchedulerCalls> = self.batches.drain(..).collect();
            batches.extend(encode_calls(self.outbox.drain(..)).0);
            link.finish(batches).await;
        }
        let addresses: Vec<&str> = self.masters.iter().map(|(address, _)| &**address).collect();
        match DriverError::from_ending(ending, addresses.join(", ")) {
            None => Ok(self.core.into_scheduler()),
            Some(error) => Err(error),
        }
    }

    /// Does what the core said, in order; says so if it is over.
    fn act(&mut self) -> Option<Ending> {
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Connect => self.dial(),
                Output::Disconnect => self.hang_up(),
                Output::Send(call) => self.outbox.push_back(call),
                Output::Lost { message, retry_in } => {
                    let master = self.address();
                    tracing::warn!(master, ?retry_in, "no master: {message}");
                    self.tell(Progress::Lost {
                        master,
                        message,
                        retry_in,
                    });
                }
                Output::Stop(ending) => return Some(ending),
            }
        }
        None
    }

    /// Waits for the next thing that happens. Cancelling it loses nothing.
    async fn wait(&mut self) -> Wake<S::Command> {
        let has_room = self.outbox.len() < WAITING_CALLS;
        let deadline = self.core.deadline().map(|at| self.clock.instant(at));
        let timer = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let batches = &mut self.batches;
        let link = self.link.as_mut();
        let has_link = link.is_some();
        let conversation = async {
            match link {
                Some(link) => link.talk(batches, has_room).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = timer => Wake::Input(Input::Tick),
            Some(message) = self.commands.recv(), if has_room => Wake::Input(message.into()),
            news = conversation, if has_link => news.map_or(Wake::Sent, Wake::News),
        }
    }

    fn take_news(&mut self, news: News) {
        match news {
            News::Connected => self.feed(Input::Connected),
            News::Events(epoch, events) => {
                let was_subscribed = self.core.is_subscribed();
                for event in events {
                    self.feed(Input::Event { epoch, event });
                }
                if !was_subscribed && self.core.is_subscribed() {
                    self.tell_subscribed();
                }
            }
            News::Closed { message, retry } => {
                self.hang_up();
                self.feed(Input::Disconnected { message, retry });
            }
        }
    }

    fn feed(&mut self, input: Input<S::Command>) {
        self.core.handle(self.clock.now(), input, &mut self.outputs);
    }

    /// Encodes the next calls, when all that were encoded are sent.
    fn encode_next(&mut self) {
        if !self.batches.is_empty() || self.outbox.is_empty() {
            return;
        }
        let count = self.outbox.len().min(limit::BATCH_ITEMS);
        let (batches, refused) = encode_calls(self.outbox.drain(..count));
        self.batches.extend(batches);
        // What is too large for the wire is answered as the master would answer it.
        let epoch = self.core.epoch();
        for call in refused {
            let event = Event::Refused {
                call_id: call.call_id,
                message: call.error.to_string(),
            };
            self.feed(Input::Event { epoch, event });
        }
    }

    fn dial(&mut self) {
        self.hang_up();
        self.master = (self.master + 1) % self.masters.len();
        let (address, endpoint) = &self.masters[self.master];
        let (master, link) = (address.clone(), Link::open(endpoint.clone()));
        tracing::debug!(master, "dialling");
        self.link = Some(link);
        self.tell(Progress::Dialling { master });
    }

    /// What was not sent on this connection is void with it.
    fn hang_up(&mut self) {
        self.link = None;
        self.outbox.clear();
        self.batches.clear();
    }

    fn address(&self) -> String {
        self.masters[self.master].0.clone()
    }

    fn tell_subscribed(&mut self) {
        let Some(framework_id) = self.core.framework_id() else {
            return;
        };
        let master = self.address();
        tracing::info!(master, %framework_id, "registered");
        self.tell(Progress::Subscribed {
            master,
            framework_id,
        });
    }

    fn tell(&mut self, progress: Progress) {
        if let Some(listener) = &mut self.listener {
            listener(progress);
        }
    }
}
