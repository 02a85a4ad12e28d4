//! Faults: what may go wrong, and how it is made to.
//!
//! Owns the list and the choice of victims. What a fault means for a process is the process's
//! own file's business.

use std::time::Duration;

use stoker_master_core::OperatorCommand;

use crate::{
    network::{self, Cut, Peer},
    random::Span,
    scene::Scene,
    simulation::Simulation,
    trace::Who,
};

/// Something that goes wrong, or that an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    MasterCrash,
    MasterPause,
    DaemonKill,
    DaemonPause,
    DaemonLeave,
    AgentStop,
    PowerCut,
    RunnerKill,
    RunnerPause,
    SchedulerCrash,
    SchedulerCrashMidway,
    SchedulerPause,
    StreamBreak,
    StreamCutByMaster,
    LinkCut,
    ClockJump,
    SlowRegistry,
    SlowLog,
    ShortenLog,
    OperatorKill,
    OperatorTeardown,
}

impl Fault {
    pub(crate) const ALL: &'static [Self] = &[
        Self::MasterCrash,
        Self::MasterPause,
        Self::DaemonKill,
        Self::DaemonPause,
        Self::DaemonLeave,
        Self::AgentStop,
        Self::PowerCut,
        Self::RunnerKill,
        Self::RunnerPause,
        Self::SchedulerCrash,
        Self::SchedulerCrashMidway,
        Self::SchedulerPause,
        Self::StreamBreak,
        Self::StreamCutByMaster,
        Self::LinkCut,
        Self::ClockJump,
        Self::SlowRegistry,
        Self::SlowLog,
        Self::ShortenLog,
        Self::OperatorKill,
        Self::OperatorTeardown,
    ];
}

/// How long a process or a runner is stopped, a link cut, a disk slow.
const PAUSE: Span = Span::millis(10, 30_000);
const CUT: Span = Span::millis(50, 120_000);
const SLOW: Span = Span::millis(500, 60_000);
/// How far a clock jumps.
const JUMP: Span = Span::millis(100, 300_000);

/// Makes something go wrong.
pub(crate) fn strike(simulation: &mut Simulation, fault: Fault) {
    simulation
        .scene
        .note(Who::World, || format!("fault: {fault:?}"));
    match fault {
        Fault::MasterCrash => simulation.master.crash(&mut simulation.scene),
        Fault::MasterPause | Fault::DaemonPause | Fault::SchedulerPause => {
            pause(simulation, fault);
        }
        Fault::DaemonKill
        | Fault::DaemonLeave
        | Fault::AgentStop
        | Fault::PowerCut
        | Fault::RunnerKill
        | Fault::RunnerPause
        | Fault::ShortenLog
        | Fault::SlowLog => strike_machine(simulation, fault),
        Fault::SchedulerCrash | Fault::SchedulerCrashMidway => {
            strike_scheduler(simulation, fault);
        }
        Fault::StreamBreak | Fault::StreamCutByMaster | Fault::LinkCut => {
            strike_network(simulation, fault);
        }
        Fault::ClockJump => jump(simulation),
        Fault::SlowRegistry => {
            let pause = simulation.scene.random.pause(SLOW);
            simulation.master.slow_until = simulation.scene.now.after(pause);
        }
        Fault::OperatorKill | Fault::OperatorTeardown => operate(simulation, fault),
    }
}

fn pause(simulation: &mut Simulation, fault: Fault) {
    let process = match fault {
        Fault::DaemonPause => any_machine(simulation).into(),
        Fault::SchedulerPause => any_scheduler(simulation).into(),
        _ => crate::events::Process::Master,
    };
    let pause = simulation.scene.random.pause(PAUSE);
    simulation.pause(process, pause);
}

fn strike_machine(simulation: &mut Simulation, fault: Fault) {
    let Peer::Agent(index) = any_machine(simulation) else {
        return;
    };
    let scene = &mut simulation.scene;
    let Some(machine) = simulation.machines.get_mut(index) else {
        return;
    };
    match fault {
        Fault::DaemonKill => machine.kill_daemon(scene),
        Fault::DaemonLeave => machine.stop(scene, false),
        Fault::AgentStop => machine.stop(scene, true),
        Fault::PowerCut => machine.cut_power(scene),
        Fault::ShortenLog => machine.shorten_log(scene),
        Fault::SlowLog => {
            let pause = scene.random.pause(SLOW);
            machine.slow_until = scene.now.after(pause);
        }
        _ => {
            let Some(runner_id) = scene.random.pick(&machine.live_runners()) else {
                return;
            };
            if fault == Fault::RunnerKill {
                machine.kill_runner(scene, runner_id);
            } else {
                machine.pause_runner(scene, runner_id, PAUSE);
            }
        }
    }
}

fn strike_scheduler(simulation: &mut Simulation, fault: Fault) {
    let Peer::Scheduler(index) = any_scheduler(simulation) else {
        return;
    };
    if let Some(scheduler) = simulation.schedulers.get_mut(index) {
        if fault == Fault::SchedulerCrash {
            scheduler.crash(&mut simulation.scene);
        } else {
            scheduler.crash_midway();
        }
    }
}

fn strike_network(simulation: &mut Simulation, fault: Fault) {
    let peer = any_peer(simulation);
    let scene = &mut simulation.scene;
    if fault == Fault::LinkCut {
        let cuts = [Cut::Both, Cut::ToMaster, Cut::FromMaster];
        let cut = scene.random.pick(&cuts).unwrap_or(Cut::Both);
        let lasts = scene.random.pause(CUT);
        return network::cut_link(scene, peer, cut, lasts);
    }
    let streams = scene.network.streams_of(peer);
    let Some(number) = scene.random.pick(&streams) else {
        return;
    };
    scene.note(Who::World, || format!("stream #{number} of {peer:?}"));
    if fault == Fault::StreamBreak {
        network::break_stream(scene, number);
    } else {
        simulation.master.cut(scene, number);
    }
}

fn jump(simulation: &mut Simulation) {
    let scene = &mut simulation.scene;
    let ahead: Duration = scene.random.pause(JUMP);
    let peer = any_peer(simulation);
    let scene = &mut simulation.scene;
    scene.note(Who::World, || {
        format!("a clock jumps by {ahead:?}, near {peer:?}")
    });
    match peer {
        Peer::Agent(index) => {
            if let Some(machine) = simulation.machines.get_mut(index) {
                machine.jump(scene, ahead);
            }
        }
        Peer::Scheduler(0) => simulation.master.jump(scene, ahead),
        Peer::Scheduler(index) => {
            if let Some(scheduler) = simulation.schedulers.get_mut(index) {
                scheduler.jump(scene, ahead);
            }
        }
    }
}

fn operate(simulation: &mut Simulation, fault: Fault) {
    let Peer::Agent(index) = any_machine(simulation) else {
        return;
    };
    let scene = &mut simulation.scene;
    let tasks = simulation
        .machines
        .get(index)
        .map(crate::machine::Machine::running_tasks);
    let tasks = tasks.unwrap_or_default();
    let Some(task) = tasks.get(scene.random.index(tasks.len())).cloned() else {
        return;
    };
    // Few frameworks are torn down from outside: nothing is left to look at then.
    let command = if fault == Fault::OperatorTeardown && scene.random.percent(30) {
        OperatorCommand::TeardownFramework {
            framework_id: task.framework_id,
        }
    } else {
        OperatorCommand::KillTask { task, grace: None }
    };
    simulation.master.operate(scene, command);
}

// ---- Victims. ----

fn any_machine(simulation: &mut Simulation) -> Peer {
    let count = simulation.machines.len();
    Peer::Agent(simulation.scene.random.index(count))
}

fn any_scheduler(simulation: &mut Simulation) -> Peer {
    let count = simulation.schedulers.len();
    Peer::Scheduler(simulation.scene.random.index(count))
}

fn any_peer(simulation: &mut Simulation) -> Peer {
    if simulation.scene.random.percent(50) {
        any_machine(simulation)
    } else {
        any_scheduler(simulation)
    }
}

/// Nothing goes wrong any more: what is down starts, what is cut is mended, what is stopped goes on.
pub(crate) fn calm_down(simulation: &mut Simulation) {
    let scene: &mut Scene = &mut simulation.scene;
    scene.note(Who::World, || "all trouble is over".to_owned());
    scene.is_calm = true;
    scene.plan.calm_down();
    simulation.resume_all();
    let scene = &mut simulation.scene;
    network::mend_all(scene);
    simulation.master.start(scene);
    for machine in &mut simulation.machines {
        machine.resume_runners(scene);
        machine.start(scene);
    }
    for scheduler in &mut simulation.schedulers {
        scheduler.start(scene);
        scheduler.calm_down(scene);
    }
}
