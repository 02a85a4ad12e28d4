//! What an agent may rely on in a launch, whatever its scheduler wrote.

use std::fmt::Write as _;

use stoker_proto::v1;
use stoker_types::agent::Launch;

#[test]
fn a_launch_whose_task_leads_out_of_its_sandbox() {
    let launch = || v1::Launch {
        framework_id: "framework-aaaaaaaaaaaaa".into(),
        role: "default".into(),
        task: Some(v1::TaskInfo {
            task_id: "map-1".into(),
            module: "file:/srv/map.wasm".into(),
            ..v1::TaskInfo::default()
        }),
        allocated: None,
    };
    let output = |path: &str| {
        let mut launch = launch();
        launch.task.as_mut().unwrap().outputs = vec!["out.txt".into(), path.into()];
        Launch::try_from(launch).unwrap_err().to_string()
    };
    let mut lines = String::new();
    for path in [
        "../out.txt",
        "/out.txt",
        "a//b",
        "a/.",
        "zero\0byte",
        &"x".repeat(1025),
    ] {
        writeln!(lines, "{}", output(path)).unwrap();
    }
    let mut with_input = launch();
    with_input.task.as_mut().unwrap().inputs = vec![v1::Input {
        blob: stoker_types::Digest::of(b"").to_string(),
        path: "a/../../b".into(),
        ..v1::Input::default()
    }];
    writeln!(lines, "{}", Launch::try_from(with_input).unwrap_err()).unwrap();
    insta::assert_snapshot!(lines, @r#"
    task.outputs[1]: "../out.txt" is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    task.outputs[1]: "/out.txt" is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    task.outputs[1]: "a//b" is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    task.outputs[1]: "a/." is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    task.outputs[1]: "zero\0byte" is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    task.outputs[1]: is 1025 bytes long; write at most 1024
    task.inputs[0].path: "a/../../b" is no path inside a sandbox; write a relative path without . and .., as in results/words.txt
    "#);
}
