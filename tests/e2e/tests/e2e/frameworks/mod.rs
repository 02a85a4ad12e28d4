//! What the master promises to frameworks, against a real one: one scheduler a framework, answers to
//! questions, a time to return, and offers in each role.
//!
//! Owns the tests; the frameworks are `member`'s.

mod member;

use std::{collections::BTreeMap, time::Duration};

use rustix::process::Signal;
use stoker_sdk_scheduler::{
    Driver, DriverError, Ending, Offer, Reason, Role, StatusUpdate, TaskId, TaskState,
};
use stoker_sdk_testing::DevCluster;
use tokio::task::block_in_place;

use self::member::{Heard, Member};
use crate::harness::{command_lines, signal, wait_for};

/// The offers that the master holds for anyone.
fn outstanding(cluster: &DevCluster) -> Vec<String> {
    let offers = block_in_place(|| cluster.get_json("/api/v1/offers")).unwrap();
    let offers = offers.as_array().unwrap().iter();
    offers
        .map(|offer| offer["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_scheduler_of_a_framework_takes_its_place() {
    let cluster = DevCluster::builder().agents(1).start().unwrap();
    let mut old = Member::join(cluster.master(), |it| it).await;
    let offer = old.expect_offers().await.remove(0);
    let task_id = old.launch(&offer).await;
    old.expect_update(&task_id, TaskState::Running).await;
    let held = old.expect_offers().await.remove(0);
    assert!(outstanding(&cluster).contains(&held.id.to_string()));

    let id = old.id;
    let mut new = Member::join(cluster.master(), |it| it.framework_id(id)).await;
    assert_eq!((new.id, new.is_return), (id, true));

    // The old one is told why it is over, and its program too.
    let fenced = format!("fenced: another scheduler subscribed as {id}");
    let ending = old.expect("its ending", |heard| match heard {
        Heard::Error(ending) => Some(ending.clone()),
        _ => None,
    });
    let expected = Ending::Ended {
        message: fenced.clone(),
    };
    assert_eq!(ending.await, expected);
    let error = old.end().await.unwrap_err();
    assert_eq!(error, DriverError::Ended { message: fenced });

    // What it held is free again: the new one is offered it, by another name.
    let offers = new.expect_offers().await;
    assert_eq!(offers[0].agent_id, held.agent_id);
    assert_eq!(offers[0].resources, held.resources);
    assert_ne!(offers[0].id, held.id);
    assert!(!outstanding(&cluster).contains(&held.id.to_string()));

    // The task never noticed; its updates come to the new one.
    new.call(|calls| calls.reconcile_all()).await;
    new.expect_update(&task_id, TaskState::Running).await;
    let to_kill = task_id.clone();
    new.call(move |calls| calls.kill(&to_kill)).await;
    let killed = new.expect_update(&task_id, TaskState::Killed).await;
    assert_eq!(killed.agent_id, Some(held.agent_id));
    assert!(killed.number > 0, "it is its agent's own word: {killed:?}");
    new.call(|calls| calls.teardown()).await;
    new.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_hears_of_the_tasks_that_it_asks_for() {
    let cluster = DevCluster::builder().agents(1).start().unwrap();
    let mut first = Member::join(cluster.master(), |it| it).await;
    let offer = first.expect_offers().await.remove(0);
    let [running, ended] = [first.launch(&offer).await, {
        let again = first.expect_offers().await.remove(0);
        first.launch(&again).await
    }];
    for task_id in [&running, &ended] {
        first.expect_update(task_id, TaskState::Running).await;
    }
    let to_kill = ended.clone();
    first.call(move |calls| calls.kill(&to_kill)).await;
    first.expect_update(&ended, TaskState::Killed).await;
    let id = first.id;
    first.leave().await;

    // Another life, which knows them by name only.
    let mut second = Member::join(cluster.master(), |it| it.framework_id(id)).await;
    let never: TaskId = "never".parse().unwrap();
    let named = [running.clone(), ended.clone(), never.clone()];
    second.call(move |calls| calls.reconcile(named)).await;
    let mut answers = BTreeMap::new();
    while answers.len() < 3 {
        let update = second.expect("an answer", |heard| match heard {
            Heard::Update(update) => Some(update.clone()),
            _ => None,
        });
        let StatusUpdate {
            task,
            state,
            reason,
            ..
        } = update.await;
        answers.insert(task.task_id, (state, reason));
    }
    let asked = Some(Reason::Reconciliation);
    let expected = [
        (running.clone(), (TaskState::Running, asked)),
        (ended.clone(), (TaskState::Killed, asked)),
        (never, (TaskState::Unknown, asked)),
    ];
    assert_eq!(answers, expected.into());

    second.leave().await;

    // Without names, it hears of what is not over.
    let mut third = Member::join(cluster.master(), |it| it.framework_id(id)).await;
    third.call(|calls| calls.reconcile_all()).await;
    let update = third.expect_update(&running, TaskState::Running).await;
    assert_eq!(update.reason, asked);
    third.call(|calls| calls.teardown()).await;
    third.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_is_waited_for_through_a_restart_of_the_master_and_then_it_is_over() {
    let timeout = Duration::from_secs(20);
    let cluster = DevCluster::builder().agents(1).start().unwrap();
    let mut framework = Member::join(cluster.master(), |it| it.failover_timeout(timeout)).await;
    let offer = framework.expect_offers().await.remove(0);
    let task_id = framework.launch(&offer).await;
    framework.expect_update(&task_id, TaskState::Running).await;
    let id = framework.id;
    framework.leave().await;

    block_in_place(|| {
        let page = |path: String, field: &str| {
            let page = cluster.get_json(&path).ok()?;
            Some(page[field].as_str()?.to_owned())
        };
        let framework = || page(format!("/api/v1/frameworks/{id}"), "state");
        let tasks = || {
            let tasks = cluster.get_json("/api/v1/tasks").ok()?;
            let task = tasks
                .as_array()?
                .iter()
                .find(|it| it["id"] == task_id.as_str())?;
            Some(task["state"].as_str()?.to_owned())
        };
        let is = |state: &'static str| move |seen: String| (seen == state).then_some(());
        wait_for("framework that is away", || {
            framework().and_then(is("disconnected"))
        });

        let (master, _) = command_lines("stoker start master", cluster.pid()).remove(0);
        signal(master, Signal::KILL);
        wait_for("new master", || {
            let masters = command_lines("stoker start master", cluster.pid());
            masters.iter().find(|(pid, _)| *pid != master).map(drop)
        });
        // The new master waits for it, and its task runs on.
        wait_for("task that its agent told", || {
            tasks().and_then(is("TASK_RUNNING"))
        });
        assert_eq!(framework().as_deref(), Some("disconnected"));

        wait_for("framework that is over", || {
            framework().and_then(is("completed"))
        });
        wait_for("task that is killed", || {
            tasks().and_then(is("TASK_KILLED"))
        });
    });

    let (member, _heard) = member::recorder();
    let driver = Driver::builder(member)
        .master(cluster.master())
        .framework_id(id);
    let error = driver.build().unwrap().run().await.unwrap_err();
    let message =
        format!("framework {id} is over, and its id is never valid again: subscribe without an id");
    assert_eq!(error, DriverError::Refused { message });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_of_two_roles_is_offered_resources_in_each() {
    let cluster = DevCluster::start().unwrap();
    let roles = ["first", "second/inner"].map(|role| role.parse::<Role>().unwrap());
    let both = roles.clone();
    let mut framework = Member::join(cluster.master(), |it| it.roles(both)).await;
    let mut offers: BTreeMap<Role, Offer> = BTreeMap::new();
    while offers.len() < 2 {
        let new = framework.expect_offers().await;
        offers.extend(new.into_iter().map(|offer| (offer.role.clone(), offer)));
    }
    assert!(offers.keys().eq(&roles), "{offers:?}");

    // A task is charged to the role of its offer.
    let mut tasks = BTreeMap::new();
    for (role, offer) in &offers {
        tasks.insert(framework.launch(offer).await, role);
    }
    for task_id in tasks.keys() {
        framework.expect_update(task_id, TaskState::Running).await;
    }
    let page = block_in_place(|| cluster.get_json("/api/v1/tasks")).unwrap();
    let charged = page.as_array().unwrap().iter().map(|task| {
        let text = |field: &str| task[field].as_str().unwrap().to_owned();
        (text("id").parse().unwrap(), text("role").parse().unwrap())
    });
    let charged: BTreeMap<TaskId, Role> = charged.collect();
    assert!(
        charged
            .iter()
            .eq(tasks.iter().map(|(id, role)| (id, *role))),
        "{charged:?}"
    );
    framework.call(|calls| calls.teardown()).await;
    framework.end().await.unwrap();
}
