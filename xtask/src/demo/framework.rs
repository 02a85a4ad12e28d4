//! The framework `examples/wordcount` on the demo's cluster, and what it does when a runner is killed under
//! it. It checks its own result; that it had to launch tasks again is checked here.

use super::Built;
use super::cluster::Cluster;
use crate::cargo;
use crate::failure::{Failure, Result, While};
use crate::{processes, screen};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the framework calls itself.
const NAME: &str = "wordcount";
/// The word count may not take longer.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// How often the agents are asked for their runners.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long it takes at most until everyone knows what a halted runner said before.
const SETTLING_TIME: Duration = Duration::from_millis(200);
/// How many of the most frequent words are shown.
const SHOWN_WORDS: &str = "5";
/// What it prints when its count is the native one.
const CHECKED: &str = "a native count says the same";
/// What it prints when it lost tasks to the killed runner.
const LOST: &str = "RUNNER_LOST";

/// A runner process, and how many tasks are in it.
#[derive(Debug, PartialEq, Eq)]
struct Runner {
    agent: String,
    framework: String,
    process: u32,
    tasks: u64,
}

/// Runs the framework over `path`, or over what it counts by itself, and kills its first runner.
pub(crate) fn show(cluster: &Cluster, built: &Built, path: Option<&Path>) -> Result<()> {
    let mut command = Command::new(&built.programs.wordcount);
    command.args(["--top", SHOWN_WORDS]).args(path);
    screen::line(&format!("  $ {}", processes::describe(&command)));
    command
        .args(["--master", cluster.master(), "--modules"])
        .arg(&built.guests)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut framework = command
        .spawn()
        .while_doing(|| format!("start {}", built.programs.wordcount.display()))?;
    let complaints = show_beside(framework.stderr.take());
    let result = show_beside(framework.stdout.take());
    // However this goes, the framework is not left behind.
    let ended = kill_a_runner(cluster, built, &mut framework)
        .and_then(|()| processes::wait_within(&mut framework, TIME_LIMIT));
    let Ok(Some(status)) = ended else {
        processes::kill_and_reap(&mut framework)?;
        let limit = TIME_LIMIT.as_secs();
        let over_time = Failure::new(format!("the framework did not end in {limit} s"));
        return Err(ended.err().unwrap_or(over_time));
    };
    let (complaints, result) = (text_of(complaints)?, text_of(result)?);
    if !status.success() {
        let why = complaints.lines().last().unwrap_or_default();
        return Err(Failure::new(format!(
            "the framework ended with {status}: {why}"
        )));
    }
    judge(&result)?;
    let verdict = screen::green("the result is right all the same");
    screen::line(&format!(
        "  a runner was killed, its tasks ran again, {verdict}"
    ));
    Ok(())
}

/// Whether this is a checked result of a framework that lost tasks.
fn judge(result: &str) -> Result<()> {
    let problem = if !result.contains(CHECKED) {
        "the framework did not check its count"
    } else if !result.contains(LOST) {
        "the framework lost no task, though its runner was killed"
    } else {
        return Ok(());
    };
    Err(Failure::new(problem))
}

/// Kills a runner of the framework as nothing else can be killed, in the middle of its tasks: it is halted
/// first, so that what it was given is still in it.
fn kill_a_runner(cluster: &Cluster, built: &Built, framework: &mut Child) -> Result<()> {
    let id = wait_for(framework, || {
        let frameworks = asked(cluster, built, &["framework", "list"])?;
        Ok(framework_in(&frameworks))
    })?;
    let runner = wait_for(framework, || {
        let mut runners = runners(cluster, built)?.into_iter();
        Ok(runners.find(|runner| runner.framework == id))
    })?;
    let process = runner.process;
    processes::signal("STOP", &[process])?;
    let tasks = wait_for(framework, || {
        // What it has sent before may still be on its way.
        thread::sleep(SETTLING_TIME);
        let mut runners = runners(cluster, built)?.into_iter();
        let tasks = runners.find(|runner| runner.process == process);
        Ok(tasks.map(|runner| runner.tasks).filter(|tasks| *tasks > 0))
    });
    let tasks = tasks.inspect(|tasks| {
        let what = format!("a runner of {}; tasks in it: {tasks}", runner.agent);
        screen::line(&format!("  $ kill -9 {process}    # {what}"));
    });
    // Also when it got none: halted, it would be in the way of the cluster's end.
    processes::signal("KILL", &[process])?;
    tasks.map(drop)
}

/// Looks until there is something to see, as long as the framework runs.
fn wait_for<T>(framework: &mut Child, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + TIME_LIMIT;
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        let status = framework
            .try_wait()
            .while_doing(|| "wait for the framework".to_owned())?;
        if let Some(status) = status {
            let what = "the framework ended before a runner could be killed";
            return Err(Failure::new(format!("{what}, with {status}")));
        }
        if Instant::now() >= deadline {
            return Err(Failure::new("no runner had tasks in all that time"));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// The runners of all agents.
fn runners(cluster: &Cluster, built: &Built) -> Result<Vec<Runner>> {
    let mut runners = Vec::new();
    for agent in cluster.agents() {
        runners.extend(runners_in(&asked(
            cluster,
            built,
            &["agent", "show", agent],
        )?));
    }
    Ok(runners)
}

/// What `stoker` answers, as JSON.
fn asked(cluster: &Cluster, built: &Built, question: &[&str]) -> Result<Value> {
    let mut command = Command::new(&built.programs.stoker);
    command
        .args(question)
        .args(["-o", "json", "--master", cluster.master()]);
    let json = processes::text(&mut command)?;
    serde_json::from_str(&json).while_doing(|| {
        format!(
            "read the JSON that `{}` printed",
            processes::describe(&command)
        )
    })
}

/// The id of the one that we started.
fn framework_in(frameworks: &Value) -> Option<String> {
    let mut frameworks = frameworks.as_array()?.iter();
    let ours = frameworks.find(|framework| framework["name"] == NAME)?;
    Some(cargo::text(ours, "id"))
}

fn runners_in(agent: &Value) -> Vec<Runner> {
    let runner = |runner: &Value| {
        Some(Runner {
            agent: cargo::text(agent, "id"),
            framework: cargo::text(runner, "framework_id"),
            process: u32::try_from(runner["pid"].as_u64()?).ok()?,
            tasks: runner["tasks"].as_u64()?,
        })
    };
    let runners = cargo::array(agent, "runners").iter();
    runners.filter_map(runner).collect()
}

/// Shows each line of a pipe as it comes, and keeps them all.
fn show_beside(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<std::io::Result<String>> {
    thread::spawn(move || {
        let mut text = String::new();
        for line in pipe
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines())
        {
            let line = line?;
            screen::line(&format!("    {line}"));
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    })
}

fn text_of(reader: JoinHandle<std::io::Result<String>>) -> Result<String> {
    let outcome = reader
        .join()
        .map_err(|_| Failure::new("the reader of a pipe panicked"))?;
    outcome.while_doing(|| "read what the framework printed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_of_an_agent_are_those_that_it_shows() {
        let agent = serde_json::json!({"id": "agent-a", "runners": [
            {"pid": 7, "framework_id": "framework-a", "role": "default", "tasks": 0},
            {"pid": 8, "framework_id": "framework-b", "role": "default", "tasks": 3},
        ]});
        let runner = |framework: &str, process, tasks| Runner {
            agent: "agent-a".to_owned(),
            framework: framework.to_owned(),
            process,
            tasks,
        };
        assert_eq!(
            runners_in(&agent),
            [runner("framework-a", 7, 0), runner("framework-b", 8, 3)]
        );
        assert!(runners_in(&serde_json::json!({"runners": []})).is_empty());
    }

    #[test]
    fn the_framework_is_found_by_its_name() {
        let frameworks = serde_json::json!([
            {"id": "framework-a", "name": "stoker run"}, {"id": "framework-b", "name": "wordcount"},
        ]);
        assert_eq!(framework_in(&frameworks), Some("framework-b".to_owned()));
        assert_eq!(framework_in(&serde_json::json!([])), None);
    }

    #[test]
    fn a_result_is_right_when_it_is_checked_and_tasks_were_lost() {
        let again = "launched again: 4 (RUNNER_LOST 4)";
        assert_eq!(judge(&format!("{again}\n{CHECKED}\n")), Ok(()));
        assert!(judge(again).is_err());
        assert!(judge(CHECKED).is_err());
    }

    #[test]
    fn what_a_framework_prints_is_kept() {
        let reader = show_beside(Some(&b"one\ntwo"[..]));
        assert_eq!(text_of(reader), Ok("one\ntwo\n".to_owned()));
    }
}
