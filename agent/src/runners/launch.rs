//! What a task is told at its launch: its sandbox and the variables that Stoker sets.

use std::path::Path;

use stoker_types::{
    AgentId, EnvironmentVariable, TaskKey,
    agent::Launch,
    runner::{CompiledKey, RunnerLaunch},
};

use crate::data_directory::sandbox;

/// The ports that are told, so that the environment stays within its bounds.
const PORT_VARIABLES: usize = 1000;

/// A launch as a runner takes it.
pub(super) fn runner_launch(
    launch: Launch,
    module: CompiledKey,
    has_stdin: bool,
    agent_id: AgentId,
    sandboxes: &Path,
) -> RunnerLaunch {
    let environment = environment(&launch, agent_id);
    let key = TaskKey {
        framework_id: launch.framework_id,
        task_id: launch.task.id.clone(),
    };
    let sandbox = sandbox(sandboxes, &key);
    RunnerLaunch {
        // A data directory is named in UTF-8, as its configuration is.
        sandbox: sandbox.to_string_lossy().into_owned(),
        key,
        module,
        task: launch.task,
        has_stdin,
        environment,
    }
}

fn environment(launch: &Launch, agent_id: AgentId) -> Vec<EnvironmentVariable> {
    let variable = |name: String, value: String| EnvironmentVariable { name, value };
    let fixed = [
        ("STOKER_TASK_ID", launch.task.id.to_string()),
        ("STOKER_FRAMEWORK_ID", launch.framework_id.to_string()),
        ("STOKER_AGENT_ID", agent_id.to_string()),
        ("STOKER_ROLE", launch.role.to_string()),
    ];
    let ports = launch
        .allocated
        .ports
        .iter()
        .take(PORT_VARIABLES)
        .enumerate();
    fixed
        .into_iter()
        .map(|(name, value)| variable(name.to_owned(), value))
        .chain(ports.map(|(index, port)| variable(format!("STOKER_PORT{index}"), port.to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use stoker_types::{Digest, Resources, Role, TaskInfo, TaskLimits};

    use super::*;

    #[test]
    fn a_task_is_told_who_and_where_it_is() {
        let launch = Launch {
            framework_id: "framework-aaaaaaaaaaaaa".parse().unwrap(),
            role: "a/b".parse::<Role>().unwrap(),
            task: TaskInfo {
                id: "map-1".parse().unwrap(),
                name: String::new(),
                module: "file:/srv/map.wasm".parse().unwrap(),
                module_digest: None,
                resources: Resources::default(),
                arguments: Vec::new(),
                program_name: String::new(),
                environment: Vec::new(),
                stdin: None,
                inputs: Vec::new(),
                outputs: Vec::new(),
                limits: TaskLimits::default(),
            },
            allocated: "ports=31007,31002-31003".parse().unwrap(),
        };
        let module = CompiledKey {
            wasm: Digest::of(b""),
            traps_unknown_imports: false,
        };
        let agent_id = AgentId::from_bits(0);
        let launch = runner_launch(
            launch,
            module,
            false,
            agent_id,
            Path::new("/data/sandboxes"),
        );
        assert_eq!(
            launch.sandbox,
            "/data/sandboxes/framework-aaaaaaaaaaaaa/map-1"
        );
        let variables: Vec<String> = launch
            .environment
            .iter()
            .map(|variable| format!("{}={}", variable.name, variable.value))
            .collect();
        assert_eq!(
            variables,
            [
                "STOKER_TASK_ID=map-1",
                "STOKER_FRAMEWORK_ID=framework-aaaaaaaaaaaaa",
                "STOKER_AGENT_ID=agent-aaaaaaaaaaaaa",
                "STOKER_ROLE=a/b",
                "STOKER_PORT0=31002",
                "STOKER_PORT1=31003",
                "STOKER_PORT2=31007",
            ]
        );
    }
}
