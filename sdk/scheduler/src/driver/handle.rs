//! Talking to a scheduler from the rest of the program.
//!
//! Owns the queue of commands into a driver, which is bounded: a sender waits while it is full.

use tokio::sync::mpsc;

use crate::core::Input;

/// How many commands may wait for the scheduler.
const WAITING_COMMANDS: usize = 1024;

/// Sends commands to a running scheduler from anywhere: other tasks, other threads, a handler of
/// Ctrl-C. Cheap to clone.
#[derive(Debug)]
pub struct Handle<C> {
    sender: mpsc::Sender<Message<C>>,
}

/// The scheduler has ended, or its driver was dropped: there is no one to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler has ended")]
pub struct SchedulerEnded;

/// What comes through the queue.
#[derive(Debug)]
pub(super) enum Message<C> {
    Command(C),
    Stop,
}

impl<C> From<Message<C>> for Input<C> {
    fn from(message: Message<C>) -> Self {
        match message {
            Message::Command(command) => Self::Command(command),
            Message::Stop => Self::Stop,
        }
    }
}

impl<C> Handle<C> {
    pub(super) fn new() -> (Self, mpsc::Receiver<Message<C>>) {
        let (sender, receiver) = mpsc::channel(WAITING_COMMANDS);
        (Self { sender }, receiver)
    }

    /// Hands a command to [`Scheduler::command`](crate::Scheduler::command); waits while the queue
    /// is full.
    ///
    /// # Errors
    /// If the scheduler has ended.
    pub async fn send(&self, command: C) -> Result<(), SchedulerEnded> {
        self.push(Message::Command(command)).await
    }

    /// Like [`send`](Self::send), for threads outside the runtime.
    ///
    /// # Errors
    /// If the scheduler has ended.
    ///
    /// # Panics
    /// On a thread of an asynchronous runtime, which it would block.
    pub fn blocking_send(&self, command: C) -> Result<(), SchedulerEnded> {
        self.sender
            .blocking_send(Message::Command(command))
            .map_err(|_| SchedulerEnded)
    }

    /// Does what [`Calls::stop`](crate::Calls::stop) does, from outside.
    ///
    /// # Errors
    /// If the scheduler has ended already.
    pub async fn stop(&self) -> Result<(), SchedulerEnded> {
        self.push(Message::Stop).await
    }

    async fn push(&self, message: Message<C>) -> Result<(), SchedulerEnded> {
        self.sender.send(message).await.map_err(|_| SchedulerEnded)
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
        }
    }
}
