//! How an agent is told to stop.

use std::io;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::AgentConfig;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// The daemon ends and its tasks go on: another daemon finds them.
    Leave,
    /// All tasks end, and then the daemon.
    EndTasks,
}

/// Turns signals into requests: SIGTERM and SIGINT leave the tasks alone unless the configuration
/// says otherwise, SIGUSR1 ends them. A signal that was ignored at the start counts as well.
///
/// # Errors
/// If the signals cannot be handled.
pub fn stop_signals(config: &AgentConfig) -> io::Result<mpsc::Receiver<StopRequest>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut user = signal(SignalKind::user_defined1())?;
    let at_terminate = if config.end_tasks_on_sigterm {
        StopRequest::EndTasks
    } else {
        StopRequest::Leave
    };
    let (sender, requests) = mpsc::channel(4);
    tokio::spawn(async move {
        loop {
            let request = tokio::select! {
                _ = terminate.recv() => at_terminate,
                _ = interrupt.recv() => at_terminate,
                _ = user.recv() => StopRequest::EndTasks,
            };
            if sender.send(request).await.is_err() {
                return;
            }
        }
    });
    Ok(requests)
}
