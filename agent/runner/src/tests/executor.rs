//! The executor with lives that are no guests: whose CPU time is booked on whom.

use std::{
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use stoker_types::{agent::OutputStream, runner::Outcome};

use super::lab::{control, workers};
use crate::{
    executor::{Finished, Job, Share},
    metering::Account,
    output::{Output, Policy, Sink},
};

/// Far longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

/// Uses that much CPU time of this thread.
fn burn(time: Duration) {
    let begun = thread_cpu();
    while thread_cpu() - begun < time {
        std::hint::spin_loop();
    }
}

/// Burns when it is dropped.
struct Ashes(Duration);

impl Drop for Ashes {
    fn drop(&mut self) {
        burn(self.0);
    }
}

/// The CPU time that is booked on a job with this life when its end is told.
fn booked(life: impl Future<Output = ()> + Send + 'static, remains: Ashes) -> Duration {
    let account = Arc::new(Account::default());
    let (sender, ended) = mpsc::channel();
    let booked = Arc::clone(&account);
    let job = Job {
        life: Box::pin(async {
            life.await;
            Finished {
                outcome: Outcome::Exited { code: 0 },
                remains: Some(Box::new(remains)),
            }
        }),
        share: Share::of(&super::lab::trial("").task),
        wall_time: None,
        account,
        on_end: Box::new(move |_| sender.send(booked.usage().cpu_time).unwrap_or_default()),
    };
    let executor = workers(1);
    let _stopper = executor.spawn(job);
    ended.recv_timeout(PATIENCE).expect("the job never ended")
}

const BURNT: Duration = Duration::from_millis(30);

fn assert_is_about(booked: Duration) {
    assert!(booked >= BURNT, "{booked:?}");
    assert!(booked < BURNT + Duration::from_millis(20), "{booked:?}");
}

#[test]
fn what_a_blocking_thread_does_is_booked_on_who_waits_for_it() {
    let control = control();
    let begun = Instant::now();
    let life = async move {
        control.spawn_blocking(|| burn(BURNT)).await.unwrap();
    };
    assert_is_about(booked(life, Ashes(Duration::ZERO)));
    assert!(begun.elapsed() >= BURNT);
}

#[test]
fn what_the_reaper_does_is_booked_on_whom_it_buries() {
    assert_is_about(booked(async {}, Ashes(BURNT)));
}

#[test]
fn what_a_worker_does_is_booked_slice_by_slice() {
    let life = async {
        for _ in 0..30 {
            burn(BURNT / 30);
            tokio::task::yield_now().await;
        }
    };
    assert_is_about(booked(life, Ashes(Duration::ZERO)));
}

#[test]
fn what_is_written_is_booked_on_whose_output_it_is() {
    struct Slow;
    impl Sink for Slow {
        fn write(&mut self, _: OutputStream, _: &[u8]) -> std::io::Result<()> {
            burn(BURNT);
            Ok(())
        }
    }
    let account = Arc::new(Account::default());
    let output = Output::new(
        Policy::with_cap(100),
        Box::new(Slow),
        control(),
        Arc::clone(&account),
    );
    output.write(OutputStream::Stdout, b"x");
    let (sender, written) = mpsc::channel();
    output.end(Box::new(move || sender.send(()).unwrap_or_default()));
    written.recv_timeout(PATIENCE).unwrap();
    assert_is_about(account.usage().cpu_time);
    // The run queue has not been told, and is at the task's next turn.
    assert_is_about(account.take_cpu_elsewhere());
    assert_eq!(account.take_cpu_elsewhere(), Duration::ZERO);
}
