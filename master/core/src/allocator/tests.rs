//! Exact sequences of allocations: who is offered which agent, and in which order.

use std::collections::BTreeSet;

use stoker_types::{AgentId, FrameworkId, Resources, Role};

use super::{Allocation, Allocator, FilterKey, Tenant};

const BIG: &str = "cpus=4;mem=4GiB";

const fn framework(number: u64) -> FrameworkId {
    FrameworkId::from_bits(number)
}

const fn agent(number: u64) -> AgentId {
    AgentId::from_bits(number)
}

fn resources(text: &str) -> Resources {
    text.parse().unwrap()
}

fn role(name: &str) -> Role {
    name.parse().unwrap()
}

fn roles(names: &[&str]) -> BTreeSet<Role> {
    names.iter().map(|name| role(name)).collect()
}

fn tenant(framework_number: u64, role_name: &str) -> Tenant {
    Tenant {
        framework_id: framework(framework_number),
        role: role(role_name),
    }
}

fn key(framework_number: u64, role_name: &str, agent_number: u64) -> FilterKey {
    FilterKey {
        framework_id: framework(framework_number),
        role: role(role_name),
        agent_id: agent(agent_number),
    }
}

/// Agents 1 to `count`, all alike.
fn with_agents(count: u64) -> Allocator {
    let mut allocator = Allocator::new(100);
    for number in 1..=count {
        allocator.set_agent(agent(number), &resources(BIG), true);
    }
    allocator
}

/// Who was given which agent, as numbers.
fn given(allocations: &[Allocation]) -> Vec<(u64, u64)> {
    allocations
        .iter()
        .map(|allocation| {
            let framework = allocation.tenant.framework_id.bits();
            (allocation.agent_id.bits(), framework)
        })
        .collect()
}

#[test]
fn nobody_wants_anything_and_nothing_is_given() {
    let mut allocator = with_agents(2);
    assert!(!allocator.has_work());
    assert_eq!(allocator.allocate(), []);
}

#[test]
fn all_that_is_free_of_an_agent_is_given_once() {
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    assert!(allocator.has_work());
    let allocation = Allocation {
        tenant: tenant(1, "web"),
        agent_id: agent(1),
        resources: resources(BIG),
    };
    assert_eq!(allocator.allocate(), [allocation]);
    assert!(!allocator.has_work());
    assert_eq!(allocator.allocate(), []);
}

#[test]
fn free_agents_go_round_all_who_are_hungry() {
    let mut allocator = with_agents(5);
    allocator.want(framework(1), &roles(&["web"]));
    allocator.want(framework(2), &roles(&["web"]));
    let allocations = allocator.allocate();
    assert_eq!(
        given(&allocations),
        [(1, 1), (2, 2), (3, 1), (4, 2), (5, 1)]
    );
}

#[test]
fn the_smaller_dominant_share_is_first() {
    // The NSDI paper's example: one wants cpus, the other memory, each its dominant resource.
    let mut allocator = Allocator::new(100);
    allocator.set_agent(agent(1), &resources("cpus=9;mem=18GiB"), false);
    allocator.charge(&tenant(1, "web"), agent(1), &resources("cpus=1;mem=4GiB"));
    allocator.charge(&tenant(2, "web"), agent(1), &resources("cpus=3;mem=1GiB"));
    allocator.want(framework(1), &roles(&["web"]));
    allocator.want(framework(2), &roles(&["web"]));
    allocator.set_offerable(agent(1), true);
    // 4/18 of mem against 3/9 of cpus.
    assert_eq!(given(&allocator.allocate()), [(1, 1)]);
}

#[test]
fn roles_come_before_the_frameworks_in_them() {
    let mut allocator = with_agents(8);
    // Framework 1 is alone in its role; 2 and 3 share theirs.
    allocator.want(framework(1), &roles(&["alone"]));
    allocator.want(framework(2), &roles(&["shared"]));
    allocator.want(framework(3), &roles(&["shared"]));
    let allocations = allocator.allocate();
    let order: Vec<u64> = given(&allocations)
        .iter()
        .map(|(_, framework)| *framework)
        .collect();
    assert_eq!(order, [1, 2, 1, 3, 1, 2, 1, 3]);
}

#[test]
fn who_turns_everything_down_at_once_does_not_starve_others() {
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    allocator.want(framework(2), &roles(&["web"]));
    let mut order = Vec::new();
    for _ in 0..4 {
        let allocations = allocator.allocate();
        order.extend(given(&allocations));
        for allocation in &allocations {
            allocator.end_offer(allocation);
        }
    }
    assert_eq!(order, [(1, 1), (1, 2), (1, 1), (1, 2)]);
}

#[test]
fn a_filter_holds_back_what_was_declined_and_no_more() {
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    let task = resources("cpus=1;mem=1GiB");
    allocator.charge(&tenant(2, "web"), agent(1), &task);
    let first = allocator.allocate();
    allocator.end_offer(&first[0]);
    allocator.refuse(key(1, "web", 1), first[0].resources.clone());
    assert_eq!(allocator.allocate(), []);
    // A task ended: there is more than what was declined.
    allocator.release(&tenant(2, "web"), agent(1), &task);
    assert_eq!(allocator.allocate()[0].resources, resources(BIG));
}

#[test]
fn a_filter_is_for_one_role_and_one_agent() {
    let mut allocator = with_agents(2);
    allocator.want(framework(1), &roles(&["a", "b"]));
    allocator.refuse(key(1, "a", 1), resources(BIG));
    let allocations = allocator.allocate();
    let tenants: Vec<_> = allocations.iter().map(|found| &found.tenant).collect();
    assert_eq!(tenants, [&tenant(1, "b"), &tenant(1, "a")]);
}

#[test]
fn what_is_declined_by_one_goes_to_the_next_at_once() {
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    allocator.want(framework(2), &roles(&["web"]));
    let first = allocator.allocate();
    allocator.end_offer(&first[0]);
    allocator.refuse(key(1, "web", 1), resources(BIG));
    assert!(allocator.has_work());
    assert_eq!(given(&allocator.allocate()), [(1, 2)]);
}

#[test]
fn the_end_of_a_filter_is_work_for_its_agent_only() {
    let mut allocator = with_agents(2);
    allocator.want(framework(1), &roles(&["web"]));
    for number in 1..=2 {
        allocator.refuse(key(1, "web", number), resources(BIG));
    }
    assert_eq!(allocator.allocate(), []);
    assert!(!allocator.has_work());
    allocator.accept_again(&key(1, "web", 2));
    assert!(allocator.has_work());
    assert_eq!(given(&allocator.allocate()), [(2, 1)]);
}

#[test]
fn taking_the_filters_of_a_role_makes_everything_of_it_wanted_again() {
    let mut allocator = with_agents(2);
    allocator.want(framework(1), &roles(&["web"]));
    for number in 1..=2 {
        allocator.refuse(key(1, "web", number), resources(BIG));
    }
    assert_eq!(allocator.allocate(), []);
    let taken = allocator.take_filters(framework(1), &roles(&["web"]));
    assert_eq!(taken, [key(1, "web", 1), key(1, "web", 2)]);
    assert_eq!(given(&allocator.allocate()), [(1, 1), (2, 1)]);
}

#[test]
fn who_holds_as_many_offers_as_allowed_gets_no_more_until_one_is_over() {
    let mut allocator = Allocator::new(1);
    for number in 1..=2 {
        allocator.set_agent(agent(number), &resources(BIG), true);
    }
    allocator.want(framework(1), &roles(&["web"]));
    let first = allocator.allocate();
    assert_eq!(given(&first), [(1, 1)]);
    assert!(!allocator.has_work());
    allocator.end_offer(&first[0]);
    allocator.refuse(key(1, "web", 1), resources(BIG));
    assert_eq!(given(&allocator.allocate()), [(2, 1)]);
}

#[test]
fn crumbs_are_not_offered() {
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    let almost_all = resources("cpus=3.991;mem=4064MiB");
    allocator.charge(&tenant(2, "web"), agent(1), &almost_all);
    // 32 MiB are worth an offer; a byte less is not, beside 0.009 cpus.
    assert_eq!(allocator.allocate().len(), 1);
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    let more = resources("cpus=3.991;mem=4261412865");
    allocator.charge(&tenant(2, "web"), agent(1), &more);
    assert_eq!(allocator.allocate(), []);
}

#[test]
fn an_agent_that_is_not_offerable_counts_and_is_not_given() {
    let mut allocator = with_agents(1);
    allocator.set_offerable(agent(1), false);
    allocator.want(framework(1), &roles(&["web"]));
    assert_eq!(allocator.allocate(), []);
    allocator.set_offerable(agent(1), true);
    assert_eq!(given(&allocator.allocate()), [(1, 1)]);
}

#[test]
fn shares_follow_the_size_of_the_cluster() {
    let mut allocator = Allocator::new(100);
    // Framework 1 holds cpus, framework 2 mem: who holds more depends on what else there is.
    allocator.set_agent(agent(1), &resources("cpus=4;mem=4GiB"), false);
    allocator.charge(&tenant(1, "web"), agent(1), &resources("cpus=2;mem=0"));
    allocator.charge(&tenant(2, "web"), agent(1), &resources("cpus=0;mem=1GiB"));
    allocator.want(framework(1), &roles(&["web"]));
    allocator.want(framework(2), &roles(&["web"]));
    // 2/4 against 1/4: 2 is next. With 20 cpus more it is 2/24 against 1/4: 1 is next.
    allocator.set_agent(agent(2), &resources("cpus=20;mem=16MiB"), true);
    assert_eq!(given(&allocator.allocate()), [(2, 1)]);
}

#[test]
fn nothing_is_left_of_a_framework_that_is_over() {
    let mut allocator = with_agents(1);
    allocator.want(framework(1), &roles(&["web"]));
    let allocations = allocator.allocate();
    allocator.end_offer(&allocations[0]);
    allocator.refuse(key(1, "web", 1), resources(BIG));
    assert_eq!(allocator.filter_count(framework(1)), 1);
    let filters = allocator.forget_framework(framework(1));
    assert_eq!(filters, [key(1, "web", 1)]);
    assert!(allocator.charges().is_empty() && allocator.role_charges().is_empty());
    assert!(allocator.roles.is_empty() && allocator.demands.is_empty());
}
