//! The table of runners, and the one door through which things happen to it.

use std::{collections::BTreeMap, time::Duration};

use stoker_types::{
    RunnerId, Timestamp,
    runner::{BUDGET_WINDOW, Load},
};

use super::{
    GovernorEffect, GovernorInput, GovernorView, Sight,
    backstop::{LOOK_EVERY, Verdict},
    cores,
    member::{Member, Process, Told},
    pace::{Beat, Pace},
    shares::{Claim, fair_shares, guaranteed},
    supply::Supply,
    turns::turns,
};

/// Budgets change at most this often.
pub const DECIDE_EVERY: Duration = Duration::from_millis(25);
/// What happens within this time is decided on together.
const GATHER: Duration = Duration::from_millis(5);
/// What holds without a daemon, and nothing else, is told at most this often.
const TELL_ALONE_EVERY: Duration = Duration::from_secs(1);
/// Runners without a budget are looked at this often.
const LOOK_AT_FREE_EVERY: Duration = Duration::from_secs(1);
/// A budget that differs by less than this part of itself is none to speak of.
const SMALLEST_PART: u64 = 64;

/// Shares a machine's CPU between runners. See the page of this module.
#[derive(Debug)]
pub struct Governor {
    supply: Supply,
    members: BTreeMap<RunnerId, Member>,
    /// Since when something has changed that shares depend on.
    stale_since: Option<Timestamp>,
    decided: Option<Timestamp>,
    /// Whether somebody does not know yet what it is guaranteed.
    owes_alone: bool,
    alone_told: Option<Timestamp>,
    looked: Option<Timestamp>,
    /// Its budgets are put in when it is asked for.
    view: GovernorView,
}

impl Governor {
    /// The governor of a machine with so many cores, and no runner yet.
    #[must_use]
    pub fn new(cores: u32) -> Self {
        let capacity = BUDGET_WINDOW.saturating_mul(cores.max(1)).as_nanos();
        Self {
            supply: Supply::new(u64::try_from(capacity).unwrap_or(u64::MAX)),
            members: BTreeMap::new(),
            stale_since: None,
            decided: None,
            owes_alone: false,
            alone_told: None,
            looked: None,
            view: GovernorView::default(),
        }
    }

    /// Takes what has happened, and adds what is to be done to `effects`, in order.
    pub fn handle(
        &mut self,
        now: Timestamp,
        input: GovernorInput,
        effects: &mut Vec<GovernorEffect>,
    ) {
        let is_news = match input {
            GovernorInput::Tick => false,
            GovernorInput::Joined { runner_id, is_new } => {
                let member = self.members.entry(runner_id).or_default();
                member.process = Some(Process::new(is_new));
                true
            }
            GovernorInput::Guarantee { runner_id, cpus } => {
                let member = self.members.entry(runner_id).or_default();
                std::mem::replace(&mut member.cpus, cpus) != cpus
            }
            GovernorInput::Load { runner_id, load } => self.load(runner_id, &load),
            GovernorInput::Seen(sight) => self.seen(now, &sight, effects),
            GovernorInput::Left { runner_id } => {
                self.supply.start_anew();
                self.members.remove(&runner_id).is_some()
            }
        };
        if is_news {
            self.stale_since.get_or_insert(now);
        }
        self.advance(now, effects);
    }

    /// When [`GovernorInput::Tick`] is due next, if ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let beats = self
            .processes()
            .filter_map(|(_, process)| process.pace.as_ref());
        let times = [self.decision_due(), self.alone_due(), self.look_due()];
        times
            .into_iter()
            .flatten()
            .chain(beats.map(Pace::next))
            .min()
    }

    /// The governor in figures.
    #[must_use]
    pub fn view(&self) -> GovernorView {
        let budgets = self.processes().filter_map(|(runner_id, process)| {
            Some((runner_id, Duration::from_nanos(process.budget()?)))
        });
        GovernorView {
            budgets: budgets.collect(),
            ..self.view.clone()
        }
    }

    fn processes(&self) -> impl Iterator<Item = (RunnerId, &Process)> {
        let members = self.members.iter();
        members.filter_map(|(runner_id, member)| Some((*runner_id, member.process.as_ref()?)))
    }

    fn process(&mut self, runner_id: RunnerId) -> Option<&mut Process> {
        self.members.get_mut(&runner_id)?.process.as_mut()
    }

    fn load(&mut self, runner_id: RunnerId, load: &Load) -> bool {
        let Some(process) = self.process(runner_id) else {
            return false;
        };
        let is_news = process.load(load);
        let throttled = process.count_throttled(load);
        self.view.throttled_windows = self.view.throttled_windows.saturating_add(throttled);
        is_news
    }

    /// The kernel's word. Whether shares depend on what is new in it.
    fn seen(&mut self, now: Timestamp, sight: &Sight, effects: &mut Vec<GovernorEffect>) -> bool {
        let mut used = Some(0_u64);
        let mut is_news = false;
        for (runner_id, cpu) in &sight.used {
            let finding = self.used(now, *runner_id, *cpu, effects);
            is_news |= finding.is_some_and(|(_, is_news)| is_news);
            // At the first look nobody knows what it used since the last.
            used = used
                .zip(finding)
                .map(|(sum, (used, _))| sum.saturating_add(used));
        }
        self.supply.seen(now, sight.idle, used) || is_news
    }

    /// The kernel's word on a runner: what it used, and whether it could use something else than was
    /// thought.
    fn used(
        &mut self,
        now: Timestamp,
        runner_id: RunnerId,
        cpu: Duration,
        effects: &mut Vec<GovernorEffect>,
    ) -> Option<(u64, bool)> {
        let process = self.process(runner_id)?;
        let budget = process.budget();
        let finding = process.backstop.look(now, cpu, budget)?;
        let is_news = process.seen(finding.used);
        let used = cores(finding.used);
        match finding.verdict {
            Verdict::Goes => {}
            Verdict::Pace { run, budget } => {
                let budget = cores(budget);
                tracing::warn!(%runner_id, used, budget, "a runner exceeds its CPU budget; it is paced");
                process.pace = Some(Pace::new(run, now));
                self.view.paced += 1;
            }
            Verdict::Release => {
                tracing::info!(%runner_id, "a runner is not paced any more");
                if process.pace.take().is_some_and(|pace| pace.is_paused()) {
                    effects.push(GovernorEffect::Continue { runner_id });
                }
            }
            Verdict::Kill { budget } => {
                let budget = cores(budget);
                tracing::error!(%runner_id, used, budget, "a runner exceeds its CPU budget again; it is ended");
                let message = format!(
                    "used {used} cores where its budget was {budget}, and did so again after it \
                     had been paced"
                );
                effects.push(GovernorEffect::Kill { runner_id, message });
                self.view.killed += 1;
            }
        }
        Some((finding.used, is_news))
    }

    /// Does whatever is due.
    fn advance(&mut self, now: Timestamp, effects: &mut Vec<GovernorEffect>) {
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.decision_due()) || is_due(self.alone_due()) {
            self.decide(now, effects);
        }
        if is_due(self.look_due()) {
            self.looked = Some(now);
            effects.push(GovernorEffect::Look);
        }
        for (runner_id, member) in &mut self.members {
            let pace = member
                .process
                .as_mut()
                .and_then(|process| process.pace.as_mut());
            let runner_id = *runner_id;
            effects.extend(pace.and_then(|pace| pace.beat(now)).map(|beat| match beat {
                Beat::Pause => GovernorEffect::Pause { runner_id },
                Beat::Continue => GovernorEffect::Continue { runner_id },
            }));
        }
    }

    fn decision_due(&self) -> Option<Timestamp> {
        let gathered = self.stale_since?.after(GATHER);
        let next = self.decided.map(|decided| decided.after(DECIDE_EVERY));
        Some(next.map_or(gathered, |next| next.max(gathered)))
    }

    fn alone_due(&self) -> Option<Timestamp> {
        let told = self.alone_told.filter(|_| self.owes_alone)?;
        Some(told.after(TELL_ALONE_EVERY))
    }

    fn look_due(&self) -> Option<Timestamp> {
        let mut processes = self.processes().peekable();
        processes.peek()?;
        let is_bounded = processes.any(|(_, process)| process.is_bounded());
        let every = if is_bounded {
            LOOK_EVERY
        } else {
            LOOK_AT_FREE_EVERY
        };
        Some(
            self.looked
                .map_or_else(Timestamp::default, |looked| looked.after(every)),
        )
    }

    /// Works out all shares, and tells those whose budget is another now.
    fn decide(&mut self, now: Timestamp, effects: &mut Vec<GovernorEffect>) {
        self.stale_since = None;
        self.decided = Some(now);
        let tells_alone = self
            .alone_told
            .is_none_or(|told| now >= told.after(TELL_ALONE_EVERY));
        self.owes_alone = false;
        let budgets = self.budgets();
        for ((runner_id, member), budget) in self.members.iter_mut().zip(budgets) {
            let Some(process) = &mut member.process else {
                continue;
            };
            let is_told = process.told.is_some_and(|told| {
                is_about(told.cpu, budget.cpu) && is_beside(told.offset, budget.offset)
            });
            let knows_alone = process
                .told
                .is_some_and(|told| is_about(told.alone, budget.alone));
            if is_told && (knows_alone || !tells_alone) {
                self.owes_alone |= !knows_alone;
                continue;
            }
            if !knows_alone && is_told {
                self.alone_told = Some(now);
            }
            process.told = Some(budget);
            process.backstop.budget(budget.cpu);
            self.view.orders += 1;
            effects.push(GovernorEffect::Budget {
                runner_id: *runner_id,
                budget: budget.order(),
            });
        }
        self.alone_told.get_or_insert(now);
    }

    /// What each member is to be told, in their order.
    fn budgets(&self) -> Vec<Told> {
        let (capacity, available) = (self.supply.capacity(), self.supply.available());
        let claims = self.members.values().map(|member| member.claim(capacity));
        let claims: Vec<Claim> = claims.collect();
        let demand: u128 = claims.iter().map(|claim| u128::from(claim.demand)).sum();
        let weights: u128 = claims.iter().map(|claim| u128::from(claim.weight)).sum();
        let is_contended = demand > u128::from(available);
        let shares = fair_shares(available, &claims);
        let offsets = turns(available, &claims, &shares);
        let told = |((claim, share), offset): ((&Claim, u64), u64)| {
            // One without tasks gets them before it gets another budget: it must not wait for that.
            let is_only = u128::from(claim.weight) == weights;
            if claim.weight == 0 || is_only {
                return Told::default();
            }
            let guarantee = |of| guaranteed(of, claim.weight, weights);
            Told {
                cpu: is_contended.then(|| share.max(guarantee(available))),
                alone: Some(guarantee(capacity)),
                offset,
            }
        };
        claims.iter().zip(shares).zip(offsets).map(told).collect()
    }
}

/// Whether two places in a window are the same for all that matters.
fn is_beside(told: u64, now: u64) -> bool {
    u128::from(told.abs_diff(now)) < BUDGET_WINDOW.as_nanos() / u128::from(SMALLEST_PART)
}

/// Whether two budgets are the same for all that matters.
fn is_about(told: Option<u64>, now: Option<u64>) -> bool {
    match (told, now) {
        (None, None) => true,
        (Some(told), Some(now)) => told == now || told.abs_diff(now) < told / SMALLEST_PART,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
