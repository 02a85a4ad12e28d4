//! What a seed decides before anything happens: how large the cluster is, how long things take,
//! which faults there are and how often.
//!
//! Owns those choices. Each seed has only some of the faults (a swarm of configurations finds more
//! than one that does everything at once), and half of them have short timeouts, so that what
//! takes minutes in life happens in every minute.

use std::time::Duration;

use stoker_agent_core::Timeouts as AgentTimeouts;
use stoker_master_core::{Config as MasterConfig, Timeouts as MasterTimeouts};

use crate::{
    faults::Fault,
    planted::Planted,
    random::{Random, Span},
};

/// What a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) agents: usize,
    pub(crate) schedulers: usize,
    /// How many ends the schedulers want to see, each.
    pub(crate) wanted: u32,
    /// How long there is trouble.
    pub(crate) trouble: Duration,
    /// From one fault to the next.
    pub(crate) fault_pause: Span,
    /// Those that may happen, each as often as it is in here.
    pub(crate) faults: Vec<Fault>,
    pub(crate) master: MasterConfig,
    pub(crate) agent: AgentTimeouts,
    /// How long frameworks with a failover timeout may be away.
    pub(crate) failover: Duration,
    /// How many tasks a runner takes.
    pub(crate) tasks_per_runner: usize,
    /// How long a runner lives without a daemon.
    pub(crate) orphan_timeout: Duration,
    pub(crate) times: Times,
    pub(crate) planted: Option<Planted>,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// A message on the network.
    pub(crate) message: Span,
    /// How many messages of a hundred take a clog instead.
    pub(crate) clog_percent: u64,
    pub(crate) clog: Span,
    /// A message on a local socket.
    pub(crate) socket: Span,
    /// A commit of the registry, and one on a slow disk.
    pub(crate) commit: Span,
    pub(crate) slow_commit: Span,
    /// A write and a sync of the checkpoint log, and a sync on a slow disk.
    pub(crate) write: Span,
    pub(crate) sync: Span,
    pub(crate) slow_sync: Span,
    /// A runner's start.
    pub(crate) spawn: Span,
    /// A module's preparation.
    pub(crate) prepare: Span,
    /// How late a timer is.
    pub(crate) timer: Span,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random, planted: Option<Planted>) -> Self {
        let is_hasty = random.percent(50);
        let slowest_fault = random.pick(&[4_000, 10_000, 30_000]).unwrap_or(10_000);
        let (master, failover) = master_times(random, is_hasty);
        Self {
            agents: random.index(3) + 2,
            schedulers: random.index(2) + 2,
            wanted: u32::try_from(random.between(8, 40)).unwrap_or(6),
            trouble: random.pause(Span::millis(30_000, 480_000)),
            fault_pause: Span::millis(100, slowest_fault),
            faults: draw_faults(random),
            master,
            agent: agent_times(is_hasty),
            failover,
            tasks_per_runner: random.pick(&[1000, 1, 2, 3]).unwrap_or(1000),
            orphan_timeout: Duration::from_secs(if is_hasty { 90 } else { 900 }),
            times: draw_times(random),
            planted,
        }
    }

    /// When all trouble is over nothing is slow any more.
    pub(crate) fn calm_down(&mut self) {
        self.times.clog_percent = 0;
        self.times.slow_commit = self.times.commit;
        self.times.slow_sync = self.times.sync;
    }
}

fn master_times(random: &mut Random, is_hasty: bool) -> (MasterConfig, Duration) {
    let usual = MasterTimeouts::default();
    if !is_hasty {
        let failover = random.pause(Span::millis(60_000, 600_000));
        return (MasterConfig::default(), failover);
    }
    let timeouts = MasterTimeouts {
        offer: Duration::from_secs(random.between(2, 10)),
        ping: Duration::from_secs(random.between(2, 5)),
        unreachable: Duration::from_secs(random.between(8, 20)),
        reregister: Duration::from_secs(random.between(10, 60)),
        orphaned_framework: Duration::from_secs(random.between(10, 60)),
        heartbeat: Duration::from_secs(random.between(3, 15)),
        ..usual
    };
    let config = MasterConfig {
        timeouts,
        ..MasterConfig::default()
    };
    (config, random.pause(Span::millis(15_000, 200_000)))
}

fn agent_times(is_hasty: bool) -> AgentTimeouts {
    let usual = AgentTimeouts::default();
    if !is_hasty {
        return usual;
    }
    AgentTimeouts {
        runner_idle: Duration::from_secs(3),
        registration: Duration::from_secs(10),
        ..usual
    }
}

fn draw_times(random: &mut Random) -> Times {
    let is_far = random.percent(30);
    Times {
        message: if is_far {
            Span::micros(500, 120_000)
        } else {
            Span::micros(50, 2_000)
        },
        clog_percent: random.pick(&[0, 0, 1, 3, 10]).unwrap_or(0),
        clog: Span::millis(50, 5_000),
        socket: Span::micros(10, 1_000),
        commit: Span::micros(300, 15_000),
        slow_commit: Span::millis(50, 8_000),
        write: Span::micros(5, 300),
        sync: Span::micros(300, 12_000),
        slow_sync: Span::millis(50, 4_000),
        spawn: Span::millis(5, 1_500),
        prepare: Span::millis(1, 4_000),
        timer: Span::micros(1, 1_500),
    }
}

/// At least two kinds of faults, each one to three times as often as the rarest.
fn draw_faults(random: &mut Random) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..random.between(2, 9) {
        let fault = random.pick(Fault::ALL).unwrap_or(Fault::MasterCrash);
        let weight = usize::try_from(random.between(1, 3)).unwrap_or(1);
        faults.extend(std::iter::repeat_n(fault, weight));
    }
    faults
}
