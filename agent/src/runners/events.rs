//! A runner's events on their way to the driver.

use std::collections::VecDeque;

use stoker_agent_core::Input;
use stoker_proto::convert::runner::RunnerFrame;
use stoker_types::{RunnerId, runner::NumberedEvent};
use tokio::net::UnixStream;

use super::{
    Context,
    frames::{ConnectionError, FrameReader},
};

/// Passes a runner's events on.
#[derive(Debug)]
pub(super) struct Events<'a> {
    context: &'a Context,
    runner_id: RunnerId,
    stream: &'a UnixStream,
    reader: FrameReader,
    waiting: VecDeque<NumberedEvent>,
}

impl<'a> Events<'a> {
    pub(super) const fn new(
        context: &'a Context,
        runner_id: RunnerId,
        stream: &'a UnixStream,
        reader: FrameReader,
    ) -> Self {
        Self {
            context,
            runner_id,
            stream,
            reader,
            waiting: VecDeque::new(),
        }
    }

    /// Passes them on until the connection is closed or broken. Cancelling loses none, and after
    /// the end it ends at once.
    pub(super) async fn pass(&mut self) -> Result<(), ConnectionError> {
        loop {
            while let Some(event) = self.waiting.front() {
                // First the room, which may take time, and then the event.
                let Ok(room) = self.context.inputs.reserve().await else {
                    return Ok(());
                };
                room.send(Input::Runner {
                    runner_id: self.runner_id,
                    event: event.clone(),
                });
                self.waiting.pop_front();
            }
            match self.reader.next(self.stream).await? {
                Some(RunnerFrame::Events(events)) => self.waiting.extend(events),
                Some(RunnerFrame::Usages(usages)) => {
                    let input = Input::Usages {
                        runner_id: self.runner_id,
                        usages,
                    };
                    // Behind the events that were told before; lost if nobody has room for it.
                    drop(self.context.inputs.try_send(input));
                }
                Some(RunnerFrame::Load(load)) => self.context.governor.load(self.runner_id, load),
                Some(RunnerFrame::Welcome(_) | RunnerFrame::Refused { .. }) => {
                    return Err(ConnectionError::Protocol("spoke out of turn".to_owned()));
                }
                None => return Ok(()),
            }
        }
    }
}
