//! The loop with the real core and a registry that does what the test says.

use std::{sync::Arc, time::Duration};

use stoker_master_core::{Config, OperatorCommand};
use stoker_types::{
    Epoch, FrameworkId, FrameworkInfo, Role,
    scheduler::{Call, Event, NumberedCall},
};
use tokio::task::JoinHandle;

use super::*;
use crate::registry::scripted::{Script, scripted};

/// A loop that runs.
struct Running {
    master: MasterHandle,
    script: Script,
    changes: mpsc::Receiver<Changes>,
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), MasterError>>,
}

impl Running {
    fn start() -> Self {
        let clock = Clock::start();
        let (registry, script) = scripted();
        let (master, inbox) = MasterHandle::new(Epoch::new(1));
        let (told, changes) = mpsc::channel(64);
        let mut effects = Vec::new();
        let epoch = Epoch::new(1);
        let (config, recovered) = (Config::default(), Default::default());
        let core = Master::new(config, epoch, 7, clock.now(), recovered, &mut effects);
        let driver = Driver::new(Parts {
            core,
            effects,
            registry: Box::new(registry),
            clock,
            inbox,
            changes: told,
            max_peers: 10,
            metrics: Metrics::new(),
        });
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(driver.unwrap().run(shutdown.clone()));
        Self {
            master,
            script,
            changes,
            shutdown,
            ended,
        }
    }

    /// Connects a scheduler whose framework the registry must hold, or not.
    async fn subscribe(&self, failover_timeout: Duration) -> Arc<Outbox<Event>> {
        let Connection {
            id: connection,
            outbox,
        } = self.master.connect_scheduler().await.unwrap();
        let framework = FrameworkInfo {
            name: "words".to_owned(),
            principal: String::new(),
            roles: vec![Role::default()],
            failover_timeout,
        };
        let subscribe = Call::Subscribe {
            framework,
            framework_id: None,
            suppressed_roles: Vec::new(),
        };
        let call = NumberedCall {
            call_id: 1,
            call: subscribe,
        };
        self.master
            .input(Input::Scheduler { connection, call })
            .await
            .unwrap();
        outbox
    }
}

const DURABLE: Duration = Duration::from_secs(600);
const EPHEMERAL: Duration = Duration::ZERO;

fn is_subscribed(taken: &Taken<Event>) -> bool {
    matches!(taken, Taken::Items(events) if matches!(events[0], Event::Subscribed { .. }))
}

#[tokio::test]
async fn a_slow_write_holds_up_nothing_but_what_depends_on_it() {
    let mut running = Running::start();
    let durable = running.subscribe(DURABLE).await;
    running.script.wait_for_commits(1).await;
    // While the disk is busy with the one, the other is admitted and seen.
    let ephemeral = running.subscribe(EPHEMERAL).await;
    assert!(is_subscribed(&ephemeral.take(1).await));
    let seen = running.changes.recv().await.unwrap();
    assert!(
        matches!(seen.changes[..], [Change::Framework(_)]),
        "{seen:?}"
    );

    running.script.let_one_commit(true);
    assert!(is_subscribed(&durable.take(1).await));
    running.shutdown.cancel();
    running.ended.await.unwrap().unwrap();
    let told = Taken::End(Ending::ShuttingDown);
    // What was told before the end comes before it.
    while durable.take(9).await != told {}
}

#[tokio::test]
async fn a_write_that_fails_ends_the_master_and_what_hung_on_it_never_happens() {
    let running = Running::start();
    running.script.let_one_commit(false);
    let durable = running.subscribe(DURABLE).await;
    let error = running.ended.await.unwrap().unwrap_err();
    assert!(matches!(error, MasterError::Registry(_)), "{error}");
    assert_eq!(durable.take(9).await, Taken::End(Ending::ShuttingDown));
    assert!(running.master.is_ended());
}

#[tokio::test]
async fn what_was_handed_to_the_registry_is_written_before_the_master_ends() {
    let running = Running::start();
    let _durable = running.subscribe(DURABLE).await;
    running.script.wait_for_commits(1).await;
    running.shutdown.cancel();
    running.script.let_one_commit(true);
    running.ended.await.unwrap().unwrap();
    assert_eq!(running.script.commits(), [vec![1]]);
}

#[tokio::test]
async fn an_operator_is_answered() {
    let running = Running::start();
    let framework_id = FrameworkId::from_bits(9);
    let command = OperatorCommand::TeardownFramework { framework_id };
    assert_eq!(
        running.master.ask(command.clone()).await,
        Err(AskError::Refused(OperatorRefusal::FrameworkUnknown(
            framework_id
        )))
    );
    running.shutdown.cancel();
    running.ended.await.unwrap().unwrap();
    assert_eq!(
        running.master.ask(command).await,
        Err(AskError::Ended(LoopEnded))
    );
}

#[tokio::test]
async fn what_comes_from_a_stream_after_its_end_is_not_heard() {
    let running = Running::start();
    let Connection {
        id: connection,
        outbox,
    } = running.master.connect_scheduler().await.unwrap();
    running
        .master
        .input(Input::SchedulerDisconnected { connection })
        .await
        .unwrap();
    let call = NumberedCall {
        call_id: 1,
        call: Call::Teardown,
    };
    running
        .master
        .input(Input::Scheduler { connection, call })
        .await
        .unwrap();
    // Its turn is over once the counts are there.
    let counts = running.master.counts().await.unwrap();
    assert!(counts.scheduler_calls.is_empty(), "{counts:?}");
    assert_eq!(outbox.take(9).await, Taken::End(Ending::Finished));
}
