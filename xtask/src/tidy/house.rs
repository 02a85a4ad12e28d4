//! The table of the house: which of our crates may use which, and who alone may use some crates of others.
//! It is data; `arrows` checks it.

/// What one of our crates may use. A name that ends in `*` means all that begin so.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) package: &'static str,
    /// Crates of ours that it may use.
    pub(crate) ours: &'static [&'static str],
    /// Crates of ours that its tests may use besides.
    pub(crate) ours_in_tests: &'static [&'static str],
    /// Crates of others that it may use; any when it is not said.
    pub(crate) others: Option<&'static [&'static str]>,
    /// Crates of others that its tests may use besides, where `others` says something.
    pub(crate) others_in_tests: &'static [&'static str],
    /// What must not be linked in, however far down.
    pub(crate) never_linked: &'static [&'static str],
}

/// A crate of others that few may use.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) other: &'static str,
    pub(crate) only: &'static [&'static str],
}

const ENGINE: &[&str] = &["wasmtime*", "cranelift*"];
const WIRE: &[&str] = &["serde", "tokio", "prost", "tonic"];

const ROOM: Room = Room {
    package: "",
    ours: &[],
    ours_in_tests: &[],
    others: None,
    others_in_tests: &[],
    never_linked: ENGINE,
};

const CORE: Room = Room {
    ours: &["stoker-types"],
    others: Some(&["thiserror", "tracing"]),
    others_in_tests: &["insta", "proptest"],
    never_linked: &[
        "wasmtime*",
        "cranelift*",
        "serde",
        "tokio",
        "prost",
        "tonic",
        "rand",
    ],
    ..ROOM
};

/// For programs and tests that stand on the SDK.
const ON_SDK: Room = Room {
    ours: &["stoker-sdk-*"],
    ours_in_tests: &["stoker-sdk-*"],
    ..ROOM
};

/// All rooms. For a package the first that fits counts.
pub(crate) const ROOMS: &[Room] = &[
    Room {
        package: "stoker-types",
        never_linked: WIRE,
        ..ROOM
    },
    Room {
        package: "stoker-proto",
        ours: &["stoker-types"],
        ..ROOM
    },
    Room {
        package: "stoker-master-core",
        ..CORE
    },
    Room {
        package: "stoker-agent-core",
        ..CORE
    },
    Room {
        package: "stoker-master",
        ours: &["stoker-types", "stoker-proto", "stoker-master-core"],
        ..ROOM
    },
    Room {
        package: "stoker-agent",
        ours: &["stoker-types", "stoker-proto", "stoker-agent-core"],
        ..ROOM
    },
    Room {
        package: "stoker-agent-runner",
        ours: &["stoker-types", "stoker-proto"],
        never_linked: &[],
        ..ROOM
    },
    Room {
        package: "stoker-sdk-*",
        ours: &["stoker-types", "stoker-proto", "stoker-sdk-*"],
        ours_in_tests: &["stoker-sdk-*"],
        ..ROOM
    },
    Room {
        package: "stoker-cli",
        ours: &[
            "stoker-types",
            "stoker-proto",
            "stoker-master",
            "stoker-agent",
            "stoker-agent-runner",
            "stoker-sdk-*",
            "stoker-frameworks-*",
        ],
        ours_in_tests: &["stoker-*"],
        never_linked: &[],
        ..ROOM
    },
    Room {
        package: "stoker-frameworks-*",
        ..ON_SDK
    },
    Room {
        package: "stoker-examples-*",
        ..ON_SDK
    },
    // The simulator drives the cores alone: it has to compile in seconds.
    Room {
        package: "stoker-tests-sim",
        ours: &[
            "stoker-types",
            "stoker-master-core",
            "stoker-agent-core",
            "stoker-sdk-scheduler",
        ],
        ..ROOM
    },
    Room {
        package: "stoker-tests-*",
        ours: &["stoker-*"],
        ours_in_tests: &["stoker-*"],
        never_linked: &[],
        ..ROOM
    },
    Room {
        package: "stoker-bench*",
        ours: &["stoker-*"],
        never_linked: &[],
        ..ROOM
    },
    Room {
        package: "stoker-xtask",
        others: Some(&["serde_json"]),
        ..ROOM
    },
];

/// Who alone may use what.
pub(crate) const RESERVED: &[Reserved] = &[
    Reserved {
        other: "wasmtime*",
        only: &["stoker-agent-runner", "stoker-bench*"],
    },
    Reserved {
        other: "wasmparser",
        only: &["stoker-agent-runner"],
    },
    Reserved {
        other: "prost-build",
        only: &["stoker-proto"],
    },
    Reserved {
        other: "tonic-build",
        only: &["stoker-proto"],
    },
    Reserved {
        other: "tonic-prost-build",
        only: &["stoker-proto"],
    },
    Reserved {
        other: "protox",
        only: &["stoker-proto"],
    },
];

/// Whether a name is the one of the table, or begins as it says.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

pub(crate) fn fits_any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, name))
}

/// The room of a package.
pub(crate) fn room(package: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| fits(room.package, package))
}
