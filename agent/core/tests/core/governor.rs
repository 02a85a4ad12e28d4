//! The governor by exact effects: who gets what budget, when it is told, and what becomes of a
//! runner that does not keep to it.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use stoker_agent_core::governor::{
    DECIDE_EVERY, Governor, GovernorEffect, GovernorInput, GovernorView, Sight,
};
use stoker_types::{
    Milli, RunnerId, Timestamp,
    runner::{BUDGET_WINDOW, Budget, LOAD_INTERVAL, Load},
};

const A: RunnerId = RunnerId::from_bits(1);
const B: RunnerId = RunnerId::from_bits(2);
const C: RunnerId = RunnerId::from_bits(3);

/// A governor and its clock. Looks are answered by what each runner uses.
struct Rig {
    governor: Governor,
    now: Timestamp,
    cores: u32,
    /// Thousandths of a core that each uses.
    uses: BTreeMap<RunnerId, u32>,
    /// The same of all other programs.
    others: u32,
    sight: Sight,
}

impl Rig {
    fn new(cores: u32) -> Self {
        Self {
            governor: Governor::new(cores),
            now: Timestamp::from_micros(1_000_000_000),
            cores,
            uses: BTreeMap::new(),
            others: 0,
            sight: Sight::default(),
        }
    }

    /// One input, and all that it leads to but looks.
    fn input(&mut self, input: GovernorInput) -> Vec<GovernorEffect> {
        let mut effects = Vec::new();
        self.governor.handle(self.now, input, &mut effects);
        let looks = effects.len();
        effects.retain(|effect| *effect != GovernorEffect::Look);
        if effects.len() < looks {
            let sight = GovernorInput::Seen(self.sight.clone());
            self.governor.handle(self.now, sight, &mut effects);
        }
        effects
    }

    /// Time passes, and the deadlines in it.
    fn wait(&mut self, duration: Duration) -> Vec<GovernorEffect> {
        let end = self.now.after(duration);
        let mut all = Vec::new();
        while let Some(deadline) = self.governor.deadline().filter(|deadline| *deadline <= end) {
            self.pass(deadline);
            all.extend(self.input(GovernorInput::Tick));
        }
        self.pass(end);
        all
    }

    fn pass(&mut self, until: Timestamp) {
        let until = until.max(self.now);
        let time = until.since(self.now);
        for (runner_id, part) in &self.uses {
            *self.sight.used.entry(*runner_id).or_default() += time * *part / 1000;
        }
        let busy = self.uses.values().sum::<u32>() + self.others;
        self.sight.idle += time * (self.cores * 1000).saturating_sub(busy) / 1000;
        self.now = until;
    }

    fn uses(&mut self, runner_id: RunnerId, part: u32) {
        self.uses.insert(runner_id, part);
    }

    /// Runners that were just started, with tasks of so many cpus, that want so much of a core.
    fn with(cores: u32, runners: &[(RunnerId, &str, u32)]) -> Self {
        let mut rig = Self::new(cores);
        for (runner_id, cpus, part) in runners {
            let runner_id = *runner_id;
            let is_new = true;
            rig.input(GovernorInput::Joined { runner_id, is_new });
            rig.input(has(runner_id, cpus));
            rig.input(wants(runner_id, *part));
        }
        rig
    }
}

fn has(runner_id: RunnerId, cpus: &str) -> GovernorInput {
    let cpus: Milli = cpus.parse().expect("cpus");
    GovernorInput::Guarantee { runner_id, cpus }
}

fn wants(runner_id: RunnerId, part: u32) -> GovernorInput {
    let wanted = LOAD_INTERVAL * part / 1000;
    GovernorInput::Load {
        runner_id,
        load: Load {
            interval: LOAD_INTERVAL,
            wanted,
            used: wanted,
            ..Load::default()
        },
    }
}

/// A budget in thousandths of a core.
fn budget(runner_id: RunnerId, cpu: Option<u32>, alone: Option<u32>) -> GovernorEffect {
    turn(runner_id, cpu, alone, 0)
}

/// The same, with windows that begin so many thousandths of one later.
fn turn(runner_id: RunnerId, cpu: Option<u32>, alone: Option<u32>, offset: u32) -> GovernorEffect {
    let time = |part: u32| BUDGET_WINDOW * part / 1000;
    GovernorEffect::Budget {
        runner_id,
        budget: Budget {
            cpu: cpu.map(time),
            alone: alone.map(time),
            offset: time(offset),
        },
    }
}

const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn nobody_has_a_budget_while_there_is_enough() {
    let mut rig = Rig::with(2, &[(A, "1", 1000), (B, "1", 1000)]);
    let told = [budget(A, None, Some(1000)), budget(B, None, Some(1000))];
    assert_eq!(rig.wait(MOMENT), told);
    assert_eq!(rig.wait(Duration::from_secs(10)), []);
    assert_eq!(rig.governor.view().budgets, [].into());
}

#[test]
fn a_runner_that_is_alone_is_told_nothing_whatever_it_wants() {
    let mut rig = Rig::with(2, &[(A, "0.1", 64_000)]);
    // A warm one without tasks changes nothing.
    let runner_id = B;
    let is_new = true;
    rig.input(GovernorInput::Joined { runner_id, is_new });
    assert_eq!(rig.wait(Duration::from_secs(10)), []);
}

#[test]
fn whoever_wants_too_much_gets_its_share_and_the_others_keep_their_guarantee() {
    // Of 2 cores, 1.5 are due to A by weight, and it wants a quarter.
    let mut rig = Rig::with(2, &[(A, "1.5", 250), (B, "0.25", 2000), (C, "0.25", 2000)]);
    let told = [
        budget(A, Some(1500), Some(1500)),
        budget(B, Some(875), Some(250)),
        // It begins when B is about to be through.
        turn(C, Some(875), Some(250), 500),
    ];
    assert_eq!(rig.wait(MOMENT), told);
    let budgets =
        [(A, 1500), (B, 875), (C, 875)].map(|(id, part)| (id, BUDGET_WINDOW * part / 1000));
    let view = GovernorView {
        budgets: budgets.into(),
        orders: 3,
        ..GovernorView::default()
    };
    assert_eq!(rig.governor.view(), view);
}

#[test]
fn what_was_lent_is_taken_back_within_two_decisions() {
    let mut rig = Rig::with(2, &[(A, "1", 0), (B, "1", 2000)]);
    rig.wait(Duration::from_secs(5));
    assert_eq!(rig.governor.view().budgets, [].into(), "B has all");
    rig.input(wants(A, 2000));
    let began = rig.now;
    let told = [
        budget(A, Some(1000), Some(1000)),
        turn(B, Some(1000), Some(1000), 500),
    ];
    assert_eq!(rig.wait(2 * DECIDE_EVERY), told);
    assert!(rig.now.since(began) + LOAD_INTERVAL < Duration::from_millis(100));
    rig.input(wants(A, 100));
    let lent = [budget(A, None, Some(1000)), budget(B, None, Some(1000))];
    rig.input(wants(B, 1500));
    assert_eq!(rig.wait(2 * DECIDE_EVERY), lent);
}

#[test]
fn budgets_change_at_most_every_25_ms_and_only_when_something_has_changed() {
    let mut rig = Rig::with(2, &[(A, "1", 2000), (B, "1", 2000)]);
    assert_eq!(rig.wait(MOMENT).len(), 2);
    let mut decisions = 0;
    for step in 0..1000 {
        // Something else each millisecond.
        rig.input(wants(A, 100 + step % 2 * 1000));
        decisions += usize::from(!rig.wait(Duration::from_millis(1)).is_empty());
    }
    assert!((20..=40).contains(&decisions), "{decisions}");
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.wait(Duration::from_secs(10)), []);
    // The same again is nothing new, and next to the same is none to speak of.
    rig.input(wants(B, 2000));
    rig.input(has(A, "1.005"));
    assert_eq!(rig.wait(Duration::from_secs(10)), []);
}

#[test]
fn what_holds_without_a_daemon_is_told_once_a_second() {
    let mut rig = Rig::with(2, &[(A, "1", 100), (B, "1", 100)]);
    rig.wait(MOMENT);
    rig.input(has(B, "3"));
    assert_eq!(rig.wait(Duration::from_millis(900)), []);
    let told = [budget(A, None, Some(500)), budget(B, None, Some(1500))];
    assert_eq!(rig.wait(Duration::from_millis(100)), told);
}

#[test]
fn a_runner_that_was_found_again_keeps_its_budget_until_all_have_told() {
    let mut rig = Rig::new(2);
    for runner_id in [A, B] {
        rig.input(has(runner_id, "1"));
        let is_new = false;
        rig.input(GovernorInput::Joined { runner_id, is_new });
    }
    rig.input(wants(A, 2000));
    // B may want anything.
    let guarded = [
        budget(A, Some(1000), Some(1000)),
        turn(B, Some(1000), Some(1000), 500),
    ];
    assert_eq!(rig.wait(MOMENT), guarded);
    rig.input(wants(B, 0));
    let free = [budget(A, None, Some(1000)), budget(B, None, Some(1000))];
    assert_eq!(rig.wait(2 * DECIDE_EVERY), free);
}

#[test]
fn one_that_was_found_again_is_told_that_it_has_none() {
    let mut rig = Rig::new(2);
    rig.input(has(A, "1"));
    let (runner_id, is_new) = (A, false);
    rig.input(GovernorInput::Joined { runner_id, is_new });
    rig.input(wants(A, 2000));
    assert_eq!(rig.wait(MOMENT), [budget(A, None, None)]);
}

#[test]
fn whoever_leaves_leaves_its_share() {
    let mut rig = Rig::with(1, &[(A, "1", 1000), (B, "1", 1000)]);
    assert_eq!(rig.wait(MOMENT).len(), 2);
    rig.input(GovernorInput::Left { runner_id: A });
    assert_eq!(rig.wait(2 * DECIDE_EVERY), [budget(B, None, None)]);
}

#[test]
fn a_runner_that_ignores_its_budget_is_paced_and_then_ended() {
    let mut rig = Rig::with(2, &[(A, "1", 2000), (B, "1", 2000)]);
    rig.uses(A, 2000);
    rig.uses(B, 1000);
    rig.wait(MOMENT);
    let mut effects = Vec::new();
    for _ in 0..1300 {
        let more = rig.wait(Duration::from_millis(1));
        if let Some(last) = more.last() {
            // A stopped process uses nothing.
            rig.uses(
                A,
                if *last == (GovernorEffect::Pause { runner_id: A }) {
                    0
                } else {
                    2000
                },
            );
        }
        effects.extend(more);
    }
    let pause = GovernorEffect::Pause { runner_id: A };
    let go_on = GovernorEffect::Continue { runner_id: A };
    assert_eq!(
        effects[..4],
        [pause.clone(), go_on.clone(), pause, go_on.clone()]
    );
    assert_eq!(effects.last(), Some(&go_on));
    assert_eq!(
        (rig.governor.view().paced, rig.governor.view().killed),
        (1, 0)
    );
    let killed = GovernorEffect::Kill {
        runner_id: A,
        message: "used 2.00 cores where its budget was 1.00, and did so again after it had been \
                  paced"
            .to_owned(),
    };
    rig.uses(A, 2000);
    assert_eq!(rig.wait(Duration::from_secs(1))[0], killed);
    assert_eq!(rig.governor.view().killed, 1);
}

#[test]
fn a_runner_that_says_too_little_is_seen_through() {
    let mut rig = Rig::with(2, &[(A, "1", 0), (B, "1", 2000)]);
    rig.uses(A, 2000);
    rig.uses(B, 0);
    rig.wait(MOMENT);
    let shares = [
        budget(A, Some(1000), Some(1000)),
        turn(B, Some(1000), Some(1000), 500),
    ];
    assert_eq!(rig.wait(Duration::from_millis(2200)), shares);
}

#[test]
fn what_other_programs_take_comes_out_of_everybodys_share() {
    let mut rig = Rig::with(2, &[(A, "1", 1000), (B, "1", 1000)]);
    rig.wait(MOMENT);
    // One of them with many threads, so that the kernel gives it more.
    rig.uses(A, 300);
    rig.uses(B, 900);
    rig.others = 800;
    let effects = rig.wait(Duration::from_secs(2));
    // 1.2 cores are theirs, and a fortieth of the machine is tried for.
    let shares = [
        budget(A, Some(625), Some(1000)),
        turn(B, Some(625), Some(1000), 625),
    ];
    assert_eq!(effects, shares);
    // What B leaves the others take, until A has as much as B.
    rig.uses(A, 350);
    rig.uses(B, 625);
    rig.others = 1025;
    rig.wait(Duration::from_millis(600));
    let budgets = rig.governor.view().budgets;
    assert_eq!(budgets[&A], budgets[&B]);
    assert!(budgets[&A] < BUDGET_WINDOW * 520 / 1000, "{budgets:?}");
    // The others are done.
    rig.others = 0;
    let free = [budget(A, None, Some(1000)), budget(B, None, Some(1000))];
    let effects = rig.wait(Duration::from_secs(1));
    assert_eq!(effects[effects.len() - 2..], free);
}

proptest! {
    /// Whatever happens: who wants no more than its guarantee is never held to less, and together
    /// the budgets of those that want more, and what the others want, are all there is.
    #[test]
    fn budgets_guarantee_and_waste_nothing(
        cores in 1..5_u32,
        steps in proptest::collection::vec((0..6_u64, 0..4000_u32, 1..3000_u64), 1..60),
    ) {
        let mut rig = Rig::new(cores);
        let mut claims = BTreeMap::new();
        for (id, part, cpus) in steps {
            let runner_id = RunnerId::from_bits(id);
            if !claims.contains_key(&id) {
                rig.input(GovernorInput::Joined { runner_id, is_new: true });
            }
            let cpus = Milli::from_thousandths(cpus);
            rig.input(GovernorInput::Guarantee { runner_id, cpus });
            rig.input(wants(runner_id, part));
            claims.insert(id, (part.min(cores * 1000), cpus.thousandths()));
            rig.wait(2 * DECIDE_EVERY);
            let budgets = rig.governor.view().budgets;
            let wanted: u32 = claims.values().map(|(part, _)| part).sum();
            let capacity = f64::from(cores) * 50e6;
            if wanted <= cores * 1000 {
                prop_assert_eq!(budgets, [].into());
                continue;
            }
            let weights: u64 = claims.values().map(|(_, cpus)| cpus).sum();
            let mut used = 0.0;
            for (id, (part, cpus)) in &claims {
                let budget = budgets[&RunnerId::from_bits(*id)].as_nanos() as f64;
                let guarantee = capacity * *cpus as f64 / weights as f64;
                prop_assert!(budget >= guarantee * 63.0 / 64.0 - 1.0, "{budget} of {guarantee}");
                used += budget.min(f64::from(*part) * 50e3);
            }
            prop_assert!(used <= capacity * 65.0 / 64.0, "{used} of {capacity}");
            prop_assert!(used >= capacity * 63.0 / 64.0, "{used} of {capacity}");
        }
    }
}
