//! One runner's life, seen from the daemon: a task that ends with it.
//!
//! A runner whose connection breaks or that breaks a rule is killed: a local socket does not fail
//! by itself, and a task must never be told lost while it runs. So [`Input::RunnerLost`] is sent
//! only when the process is over, and after everything that it had said before.

use std::{collections::HashSet, sync::Arc, time::Duration};

use stoker_agent_core::Input;
use stoker_proto::convert::runner::RunnerFrame;
use stoker_types::{
    RunnerId,
    agent::Launch,
    runner::{CompiledKey, Hello, Order, PROTOCOL_VERSION, Tenant, Welcome},
};
use tokio::{net::UnixStream, sync::mpsc, time::timeout};

use super::{
    Context,
    events::Events,
    frames::{self, ConnectionError, FrameReader},
    orders::Batch,
    process,
};
use crate::{
    artifacts::CompiledModule,
    children::{Ended, Process},
    governor::Rulings,
};

/// From its start, or from being found, to its welcome: a large engine on a busy machine is slow.
const WELCOME_WITHIN: Duration = Duration::from_secs(60);
/// From the end of its connection to the end of the process, or the other way round.
const END_WITHIN: Duration = Duration::from_secs(5);
/// From the order to end to the end: the runner takes up to 7 seconds for its tasks and events.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// The orders that are sent at once.
const BATCH: usize = 1000;

/// What a runner is to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Run a task; its module is sent first where the runner does not have it.
    Launch {
        /// The task.
        launch: Box<Launch>,
        /// Its module's name,
        key: CompiledKey,
        /// and its code.
        module: Option<Arc<CompiledModule>>,
        /// The file with its standard input.
        stdin: Option<String>,
    },
    /// Anything else.
    Order(Order),
    /// End at once, whatever it is doing.
    KillProcess,
}

/// Looks after one runner.
#[derive(Debug)]
pub(super) struct Supervisor {
    context: Arc<Context>,
    runner_id: RunnerId,
    nonce: u64,
    commands: mpsc::UnboundedReceiver<Command>,
}

/// What is known of a runner that is over.
struct Lost {
    message: String,
    /// Whether it ended as it should: then nobody wants its last words.
    is_clean: bool,
}

impl Lost {
    fn unclean(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_clean: false,
        }
    }
}

impl Supervisor {
    pub(super) fn new(
        context: Arc<Context>,
        runner_id: RunnerId,
        nonce: u64,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            context,
            runner_id,
            nonce,
            commands,
        }
    }

    /// Starts the runner of a tenant and stays until it is over.
    pub(super) async fn start(mut self, tenant: Tenant) {
        let started = process::start(&self.context, self.runner_id, self.nonce, &tenant).await;
        let lost = match started {
            Ok(process) => self.live(process, true, 0).await,
            Err(error) => Lost::unclean(format!("cannot start a runner: {error}")),
        };
        self.report(lost).await;
    }

    /// Finds the runner and stays until it is over.
    pub(super) async fn adopt(mut self, confirmed_event: u64) {
        let lost = match process::find(&self.context, self.runner_id) {
            Some(process) => {
                // The earlier daemon may have been about to pace it.
                process.go_on();
                self.live(process, false, confirmed_event).await
            }
            None => Lost::unclean("the runner ended while no agent was running"),
        };
        self.report(lost).await;
    }

    async fn report(self, lost: Lost) {
        self.context.sockets.remove(self.runner_id);
        let words = process::last_words(&self.context, self.runner_id, lost.is_clean);
        let message = match words {
            Some(words) => format!("{}; its last words: {words}", lost.message),
            None => lost.message,
        };
        // A driver that is gone needs no news.
        drop(
            self.context
                .inputs
                .send(Input::RunnerLost {
                    runner_id: self.runner_id,
                    message,
                })
                .await,
        );
    }

    /// From the process to its end.
    async fn live(&mut self, mut process: Process, is_new: bool, confirmed_event: u64) -> Lost {
        let mut reader = FrameReader::default();
        let connected = tokio::select! {
            biased;
            connected = timeout(WELCOME_WITHIN, self.connect(&mut reader, confirmed_event)) => {
                connected.unwrap_or_else(|_| Err(broke("did not answer in time")))
            }
            ended = process.ended() => return ended_early(ended),
        };
        match connected {
            Ok((stream, welcome)) => {
                let rulings = self.context.governor.join(self.runner_id, &process, is_new);
                let ready = Input::RunnerReady { welcome };
                drop(self.context.inputs.send(ready).await);
                self.serve(&stream, (reader, rulings), &mut process).await
            }
            // A process that dies breaks the connection first; its end says more.
            Err(error) => match timeout(END_WITHIN / 10, process.ended()).await {
                Ok(ended) => ended_early(ended),
                Err(_) => end_process(&mut process, &error.to_string()).await,
            },
        }
    }

    /// Says hello and waits for the welcome. Whoever wants it ended meanwhile gets an error.
    async fn connect(
        &mut self,
        reader: &mut FrameReader,
        confirmed_event: u64,
    ) -> Result<(UnixStream, Welcome), ConnectionError> {
        let stream = self.context.sockets.connect(self.runner_id).await?;
        let hello = Hello {
            runner_id: self.runner_id,
            nonce: self.nonce,
            protocol_version: PROTOCOL_VERSION,
            confirmed_event,
        };
        frames::send_hello(&stream, hello).await?;
        let frame = tokio::select! {
            frame = reader.next(&stream) => frame?,
            // Before its welcome there is nothing else that could be asked of it.
            _ = self.commands.recv() => return Err(broke("was to end before it had answered")),
        };
        match frame {
            Some(RunnerFrame::Welcome(welcome))
                if welcome.runner_id == self.runner_id
                    && welcome.protocol_version == PROTOCOL_VERSION =>
            {
                Ok((stream, welcome))
            }
            Some(RunnerFrame::Welcome(_)) => Err(broke("is another one, or of another version")),
            Some(RunnerFrame::Refused { message }) => {
                Err(broke(&format!("refused the agent: {message}")))
            }
            Some(RunnerFrame::Events(_) | RunnerFrame::Load(_) | RunnerFrame::Usages(_)) => {
                Err(broke("spoke before its welcome"))
            }
            None => Err(broke("closed the connection before its welcome")),
        }
    }

    /// Passes orders and events until the process is over.
    async fn serve(
        &mut self,
        stream: &UnixStream,
        (reader, rulings): (FrameReader, Rulings),
        process: &mut Process,
    ) -> Lost {
        let context = Arc::clone(&self.context);
        let mut events = Events::new(&context, self.runner_id, stream, reader);
        let over = tokio::select! {
            ended = process.ended() => Over::Process(ended),
            result = events.pass() => Over::Connection(result.err()),
            over = self.pass_orders(stream, rulings) => over,
        };
        let (within, cause) = match over {
            Over::Process(ended) => return last_events(&mut events, ended).await,
            // A process that dies closes its socket first; its end says more.
            Over::Connection(None) => (END_WITHIN, "closed its connection".to_owned()),
            Over::Connection(Some(error)) => (END_WITHIN / 10, error.to_string()),
            Over::Stopping => (STOP_WITHIN, "did not end when it was told to".to_owned()),
            Over::Kill(cause) => (Duration::ZERO, cause),
        };
        let goes_on = async {
            drop(events.pass().await);
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = timeout(within, process.ended()) => ended.ok(),
            () = goes_on => None,
        };
        match ended {
            Some(ended) => last_events(&mut events, ended).await,
            None => {
                let lost = end_process(process, &cause).await;
                drop(timeout(END_WITHIN, events.pass()).await);
                lost
            }
        }
    }

    /// Sends orders until one says that the runner ends, or the connection breaks.
    async fn pass_orders(&mut self, stream: &UnixStream, mut rulings: Rulings) -> Over {
        let mut sent = HashSet::new();
        let mut commands = Vec::new();
        loop {
            let mut batch = Batch::default();
            tokio::select! {
                biased;
                ruling = rulings.next() => batch.add_ruling(ruling),
                count = self.commands.recv_many(&mut commands, BATCH) => if count == 0 {
                    // The daemon leaves; the runner stays.
                    std::future::pending::<()>().await;
                }
            }
            for command in commands.drain(..) {
                batch.add(&self.context, &mut sent, command);
            }
            let over = batch.over.take();
            if let Err(error) = frames::send_orders(stream, batch.finish()).await {
                return Over::Connection(Some(error));
            }
            if let Some(over) = over {
                return over;
            }
        }
    }
}

/// Why orders and events are not passed any more.
#[derive(Debug)]
pub(super) enum Over {
    /// The process has ended.
    Process(Ended),
    /// The connection is closed or broken.
    Connection(Option<ConnectionError>),
    /// The runner was told to end.
    Stopping,
    /// The runner is to be killed. For people: what it did, or what was to be done with it.
    Kill(String),
}

/// Passes on what a runner said before its end, which is in the socket still.
async fn last_events(events: &mut Events<'_>, ended: Ended) -> Lost {
    drop(timeout(END_WITHIN, events.pass()).await);
    Lost {
        message: format!("the runner {}", ended.describe()),
        is_clean: ended.is_success(),
    }
}

fn ended_early(ended: Ended) -> Lost {
    Lost::unclean(format!(
        "the runner {} before it was ready",
        ended.describe()
    ))
}

fn broke(message: &str) -> ConnectionError {
    ConnectionError::Protocol(message.to_owned())
}

/// Kills the process, because of `cause`.
async fn end_process(process: &mut Process, cause: &str) -> Lost {
    process.kill();
    process.ended().await;
    Lost::unclean(format!("the runner {cause}, and was ended"))
}

#[cfg(test)]
#[path = "supervise_tests.rs"]
mod tests;
