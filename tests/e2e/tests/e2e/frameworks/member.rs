//! A framework whose scheduler a test holds in its hands: it tells what it hears, and calls what the
//! test says. It runs on the real driver.

use std::time::Duration;

use stoker_sdk_scheduler::{
    Calls, Driver, DriverBuilder, DriverError, Ending, FrameworkId, Handle, Offer, Registration,
    Scheduler, StatusUpdate, Task, TaskId, TaskState, Timestamp,
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::harness::guest;

/// How long something may take on a busy machine before the test gives up on it.
const WITHIN: Duration = Duration::from_secs(60);

/// What a scheduler is told.
#[derive(Debug)]
pub(super) enum Heard {
    Registered(Registration),
    Offers(Vec<Offer>),
    Update(StatusUpdate),
    Error(Ending),
}

type Action = Box<dyn FnOnce(&mut Calls) + Send>;

/// Tells what it hears. Offers stay open until the test says what to do with them.
#[derive(Debug)]
pub(super) struct Recorder(mpsc::UnboundedSender<Heard>);

impl Recorder {
    fn tell(&self, heard: Heard) {
        // A test that looks at nothing more has all that it wants.
        drop(self.0.send(heard));
    }
}

impl Scheduler for Recorder {
    type Command = Action;

    fn offers(&mut self, _: Timestamp, offers: Vec<Offer>, _: &mut Calls) {
        self.tell(Heard::Offers(offers));
    }

    fn update(&mut self, _: Timestamp, update: &StatusUpdate, _: &mut Calls) {
        self.tell(Heard::Update(update.clone()));
    }

    fn registered(&mut self, _: Timestamp, registration: &Registration, _: &mut Calls) {
        self.tell(Heard::Registered(registration.clone()));
    }

    fn command(&mut self, _: Timestamp, action: Action, calls: &mut Calls) {
        action(calls);
    }

    fn error(&mut self, _: Timestamp, ending: &Ending) {
        self.tell(Heard::Error(ending.clone()));
    }
}

/// A scheduler, and what it will be told.
pub(super) fn recorder() -> (Recorder, mpsc::UnboundedReceiver<Heard>) {
    let (sender, heard) = mpsc::unbounded_channel();
    (Recorder(sender), heard)
}

/// A framework that is registered.
pub(super) struct Member {
    pub(super) id: FrameworkId,
    pub(super) is_return: bool,
    handle: Handle<Action>,
    ears: Ears,
    running: JoinHandle<Result<Recorder, DriverError>>,
}

impl Member {
    /// Registers a framework at `master` that is as `choose` says.
    pub(super) async fn join(
        master: &str,
        choose: impl FnOnce(DriverBuilder<Recorder>) -> DriverBuilder<Recorder>,
    ) -> Self {
        let (scheduler, heard) = recorder();
        let builder = Driver::builder(scheduler).master(master).name("held");
        let driver = choose(builder).build().unwrap();
        let handle = driver.handle();
        let running = tokio::spawn(driver.run());
        let mut ears = Ears {
            heard,
            passed_over: Vec::new(),
        };
        let registration = ears.expect("a registration", |heard| match heard {
            Heard::Registered(registration) => Some(registration.clone()),
            _ => None,
        });
        let registration = registration.await;
        Self {
            id: registration.framework_id,
            is_return: registration.is_return,
            handle,
            ears,
            running,
        }
    }

    /// Has it call something.
    pub(super) async fn call(&self, action: impl FnOnce(&mut Calls) + Send + 'static) {
        self.handle.send(Box::new(action)).await.unwrap();
    }

    /// Launches a task that sleeps for ten minutes on an offer; what is left over may be offered
    /// again at once.
    pub(super) async fn launch(&self, offer: &Offer) -> TaskId {
        let module = format!("file:{}", guest("sleep").display());
        let task = Task::new(module.parse().unwrap())
            .cpu_millis(100)
            .mem_mib(16)
            .arg("600000");
        let (sender, launched) = tokio::sync::oneshot::channel();
        let offer_id = offer.id;
        self.call(move |calls| {
            let mut ids = calls.accept_for([offer_id], [task], Duration::ZERO);
            sender.send(ids.remove(0)).unwrap();
        })
        .await;
        launched.await.unwrap()
    }

    /// The first thing that it hears and `pick` wants; the rest stays for later looks.
    pub(super) async fn expect<T>(
        &mut self,
        what: &str,
        pick: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        self.ears.expect(what, pick).await
    }

    /// The next offers that it gets.
    pub(super) async fn expect_offers(&mut self) -> Vec<Offer> {
        self.expect("offers", |heard| match heard {
            Heard::Offers(offers) => Some(offers.clone()),
            _ => None,
        })
        .await
    }

    /// The next update of a task in this state.
    pub(super) async fn expect_update(
        &mut self,
        task_id: &TaskId,
        state: TaskState,
    ) -> StatusUpdate {
        self.expect(&format!("{task_id} {state}"), |heard| match heard {
            Heard::Update(update) => {
                let is_it = update.task.task_id == *task_id && update.state == state;
                is_it.then(|| update.clone())
            }
            _ => None,
        })
        .await
    }

    /// How it ended.
    pub(super) async fn end(self) -> Result<Recorder, DriverError> {
        timeout(WITHIN, self.running).await.unwrap().unwrap()
    }

    /// Leaves; its framework waits for its return.
    pub(super) async fn leave(self) {
        self.handle.stop().await.unwrap();
        self.end().await.unwrap();
    }
}

/// What a scheduler was told and the test has not looked at.
struct Ears {
    heard: mpsc::UnboundedReceiver<Heard>,
    passed_over: Vec<Heard>,
}

impl Ears {
    /// The first thing that `pick` wants, now or later. What it does not want stays for later looks.
    async fn expect<T>(&mut self, what: &str, mut pick: impl FnMut(&Heard) -> Option<T>) -> T {
        for position in 0..self.passed_over.len() {
            if let Some(found) = pick(&self.passed_over[position]) {
                self.passed_over.remove(position);
                return found;
            }
        }
        loop {
            let next = timeout(WITHIN, self.heard.recv()).await;
            let seen = &self.passed_over;
            let next = next.unwrap_or_else(|_| panic!("no {what} within {WITHIN:?}: {seen:?}"));
            let next = next.unwrap_or_else(|| panic!("it ended before {what}: {seen:?}"));
            match pick(&next) {
                Some(found) => return found,
                None => self.passed_over.push(next),
            }
        }
    }
}
