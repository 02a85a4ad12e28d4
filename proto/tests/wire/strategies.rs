//! Valid values of the vocabulary, at random. Owns what "valid" looks like for the other modules.

use std::{fmt::Debug, str::FromStr, time::Duration};

use proptest::{collection::btree_map, collection::vec, option, prelude::*};
use stoker_proto::convert::{
    Artifact, ArtifactKind, KillTask, ListFiles, PutHeader, ReadFile, ReadOutput,
    runner::{DaemonFrame, RunnerFrame},
};
use stoker_types::{
    AgentId, Attributes, BlobForm, Digest, EnvironmentVariable, Epoch, FileEntry, FileKind,
    FrameworkId, FrameworkInfo, Hardening, Input, MasterInfo, Milli, ModuleReference, Offer,
    OfferFilter, OfferId, OutputFile, PortRange, Ports, Reason, Resources, Role, RunnerId,
    SandboxPath, StatusUpdate, TaskId, TaskInfo, TaskKey, TaskLimits, TaskState, TaskUsage,
    Timestamp, UnknownImports, Usage,
    agent::{
        AgentCall, AgentEvent, AgentInfo, Launch, OutputStream, RunnerInfo, TaskSnapshot,
        TransferRequest,
    },
    limit,
    runner::{
        Budget, CompiledKey, Event as RunnerEvent, Hello, Load, NumberedEvent, Order, Outcome,
        RunnerLaunch, Tenant, Welcome,
    },
    scheduler::{Call, Event, NumberedCall, Operation},
};

fn parsed<T>(pattern: &'static str) -> impl Strategy<Value = T>
where
    T: FromStr<Err: Debug> + Debug,
{
    pattern.prop_map(|text| text.parse().expect("the pattern is valid"))
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€😀]{0,24}"
}

fn filled_text() -> impl Strategy<Value = String> {
    "[!-~äß€😀]{1,24}"
}

fn path() -> impl Strategy<Value = String> {
    "[a-z0-9_-]{1,8}(/[A-Za-z0-9 .]{0,2}[a-z😀]){0,3}"
}

fn host_path() -> impl Strategy<Value = String> {
    "(/[A-Za-z0-9.]{1,8}){1,3}"
}

fn milliseconds() -> impl Strategy<Value = Duration> {
    (0..=365 * 24 * 3600 * 1000_u64).prop_map(Duration::from_millis)
}

fn grace() -> impl Strategy<Value = Duration> {
    (0..=limit::KILL_GRACE_SECONDS * 1000).prop_map(Duration::from_millis)
}

pub(crate) fn kill_task() -> impl Strategy<Value = KillTask> {
    (task_key(), option::of(grace())).prop_map(|(task, grace)| KillTask { task, grace })
}

fn nanoseconds() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

pub(crate) fn framework_id() -> impl Strategy<Value = FrameworkId> {
    any::<u64>().prop_map(FrameworkId::from_bits)
}

fn agent_id() -> impl Strategy<Value = AgentId> {
    any::<u64>().prop_map(AgentId::from_bits)
}

fn runner_id() -> impl Strategy<Value = RunnerId> {
    any::<u64>().prop_map(RunnerId::from_bits)
}

pub(crate) fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u64>().prop_map(Epoch::new)
}

fn offer_id() -> impl Strategy<Value = OfferId> {
    (epoch(), any::<u64>()).prop_map(|(epoch, number)| OfferId { epoch, number })
}

fn task_id() -> impl Strategy<Value = TaskId> {
    parsed("[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,20}")
}

fn role() -> impl Strategy<Value = Role> {
    parsed("[a-z0-9_-]{1,8}(/[a-z0-9_.-]{0,3}[a-z0-9_-]){0,2}")
}

pub(crate) fn task_key() -> impl Strategy<Value = TaskKey> {
    (framework_id(), task_id()).prop_map(|(framework_id, task_id)| TaskKey {
        framework_id,
        task_id,
    })
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_micros)
}

fn task_state() -> impl Strategy<Value = TaskState> {
    proptest::sample::select(TaskState::ALL)
}

fn reason() -> impl Strategy<Value = Reason> {
    proptest::sample::select(Reason::ALL)
}

fn ports() -> impl Strategy<Value = Ports> {
    vec((1..=u16::MAX, 0..100_u16), 0..4).prop_map(|ranges| {
        Ports::from_ranges(ranges.into_iter().map(|(first, more)| PortRange {
            first,
            last: first.saturating_add(more),
        }))
    })
}

pub(crate) fn resources() -> impl Strategy<Value = Resources> {
    let custom = btree_map("x[a-z0-9_-]{0,8}", 1..=u64::MAX, 0..3);
    (any::<[u64; 4]>(), ports(), custom).prop_map(|(amounts, ports, custom)| Resources {
        cpus: Milli::from_thousandths(amounts[0]),
        mem: amounts[1],
        disk: amounts[2],
        fuel: Milli::from_thousandths(amounts[3]),
        ports,
        custom: custom
            .into_iter()
            .map(|(name, amount)| (name, Milli::from_thousandths(amount)))
            .collect(),
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    btree_map("[a-z][a-z0-9_-]{0,8}", text(), 0..3)
        .prop_map(|pairs| Attributes::from_pairs(pairs).expect("the pattern is valid"))
}

fn environment_variable() -> impl Strategy<Value = EnvironmentVariable> {
    ("[A-RT-Za-zä][A-Za-z0-9_ ]{0,8}", "[^\0]{0,12}")
        .prop_map(|(name, value)| EnvironmentVariable { name, value })
}

fn input() -> impl Strategy<Value = Input> {
    (digest(), path(), blob_form(), any::<bool>()).prop_map(|(blob, path, form, read_only)| Input {
        blob,
        path,
        form,
        read_only,
    })
}

fn blob_form() -> impl Strategy<Value = BlobForm> {
    prop_oneof![Just(BlobForm::File), Just(BlobForm::Tar)]
}

fn module() -> impl Strategy<Value = ModuleReference> {
    prop_oneof![
        digest().prop_map(ModuleReference::Blob),
        host_path().prop_map(|path| ModuleReference::File(path.into())),
    ]
}

fn unknown_imports() -> impl Strategy<Value = UnknownImports> {
    prop_oneof![Just(UnknownImports::Refuse), Just(UnknownImports::Trap)]
}

fn task_limits() -> impl Strategy<Value = TaskLimits> {
    (
        any::<Option<u64>>(),
        option::of(any::<u64>().prop_map(Duration::from_millis)),
        any::<Option<u64>>(),
        unknown_imports(),
        any::<bool>(),
    )
        .prop_map(
            |(fuel_budget, wall_time, output, unknown_imports, strict)| TaskLimits {
                fuel_budget,
                wall_time,
                output,
                unknown_imports,
                strict,
            },
        )
}

pub(crate) fn task_info() -> impl Strategy<Value = TaskInfo> {
    let code = (task_id(), text(), module(), option::of(digest()));
    let words = (
        vec("[^\0]{0,12}", 0..3),
        "[^\0]{0,12}",
        vec(environment_variable(), 0..3),
    );
    let data = (option::of(digest()), vec(input(), 0..3), vec(path(), 0..3));
    (code, resources(), words, data, task_limits()).prop_map(
        |(
            (id, name, module, module_digest),
            resources,
            (arguments, program_name, environment),
            (stdin, inputs, outputs),
            limits,
        )| TaskInfo {
            id,
            name,
            module,
            module_digest,
            resources,
            arguments,
            program_name,
            environment,
            stdin,
            inputs,
            outputs,
            limits,
        },
    )
}

pub(crate) fn usage() -> impl Strategy<Value = Usage> {
    let times = [(); 4].map(|()| nanoseconds());
    (any::<[u64; 5]>(), times).prop_map(
        |(
            [fuel_used, mem, mem_peak, bytes_written, bytes_out],
            [cpu_time, host_time, compile_time, wall_time],
        )| Usage {
            fuel_used,
            cpu_time,
            host_time,
            compile_time,
            mem,
            mem_peak,
            bytes_written,
            bytes_out,
            wall_time,
        },
    )
}

fn task_usage() -> impl Strategy<Value = TaskUsage> {
    (task_key(), usage()).prop_map(|(task, usage)| TaskUsage { task, usage })
}

fn output_file() -> impl Strategy<Value = OutputFile> {
    let content = option::of(vec(any::<u8>(), 0..40));
    (path(), blob_form(), digest(), any::<u64>(), content).prop_map(
        |(path, form, digest, size, content)| OutputFile {
            path,
            form,
            digest,
            size,
            content,
        },
    )
}

pub(crate) fn status_update() -> impl Strategy<Value = StatusUpdate> {
    let step = (task_state(), option::of(reason()), text());
    let end = (any::<Option<i32>>(), usage(), vec(output_file(), 0..3));
    (
        task_key(),
        option::of(agent_id()),
        any::<u64>(),
        step,
        end,
        timestamp(),
    )
        .prop_map(
            |(
                task,
                agent_id,
                number,
                (state, reason, message),
                (exit_code, usage, outputs),
                at,
            )| {
                StatusUpdate {
                    task,
                    agent_id,
                    number,
                    state,
                    reason,
                    message,
                    exit_code,
                    usage,
                    outputs,
                    at,
                }
            },
        )
}

pub(crate) fn framework_info() -> impl Strategy<Value = FrameworkInfo> {
    let roles = proptest::collection::btree_set(role(), 1..4);
    (filled_text(), text(), roles, milliseconds()).prop_map(
        |(name, principal, roles, failover_timeout)| FrameworkInfo {
            name,
            principal,
            roles: roles.into_iter().collect(),
            failover_timeout,
        },
    )
}

pub(crate) fn agent_info() -> impl Strategy<Value = AgentInfo> {
    (
        agent_id(),
        filled_text(),
        resources(),
        attributes(),
        text(),
        text(),
        (any::<u32>(), any::<bool>()),
    )
        .prop_map(
            |(id, hostname, resources, attributes, version, url, (landlock, seccomp))| AgentInfo {
                id,
                hostname,
                resources,
                attributes,
                version,
                url,
                hardening: Hardening { landlock, seccomp },
            },
        )
}

pub(crate) fn master_info() -> impl Strategy<Value = MasterInfo> {
    (epoch(), text()).prop_map(|(epoch, version)| MasterInfo { epoch, version })
}

pub(crate) fn tenant() -> impl Strategy<Value = Tenant> {
    (framework_id(), role()).prop_map(|(framework_id, role)| Tenant { framework_id, role })
}

pub(crate) fn offer() -> impl Strategy<Value = Offer> {
    let whose = (offer_id(), framework_id(), role(), agent_id());
    (whose, text(), attributes(), resources()).prop_map(
        |((id, framework_id, role, agent_id), hostname, attributes, resources)| Offer {
            id,
            framework_id,
            role,
            agent_id,
            hostname,
            attributes,
            resources,
        },
    )
}

fn filter() -> impl Strategy<Value = OfferFilter> {
    milliseconds().prop_map(|refuse| OfferFilter { refuse })
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    vec(task_info(), 0..3).prop_map(|tasks| Operation::Launch { tasks })
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        (
            framework_info(),
            option::of(framework_id()),
            vec(role(), 0..3)
        )
            .prop_map(|(framework, framework_id, suppressed_roles)| {
                Call::Subscribe {
                    framework,
                    framework_id,
                    suppressed_roles,
                }
            }),
        Just(Call::Teardown),
        (vec(offer_id(), 0..3), vec(operation(), 0..3), filter()).prop_map(
            |(offer_ids, operations, filter)| Call::Accept {
                offer_ids,
                operations,
                filter,
            }
        ),
        (vec(offer_id(), 0..3), filter())
            .prop_map(|(offer_ids, filter)| Call::Decline { offer_ids, filter }),
        vec(role(), 0..3).prop_map(|roles| Call::Revive { roles }),
        vec(role(), 0..3).prop_map(|roles| Call::Suppress { roles }),
        (task_id(), option::of(grace())).prop_map(|(task_id, grace)| Call::Kill { task_id, grace }),
        (agent_id(), task_id(), any::<u64>()).prop_map(|(agent_id, task_id, number)| {
            Call::Acknowledge {
                agent_id,
                task_id,
                number,
            }
        }),
        vec(task_id(), 0..3).prop_map(|tasks| Call::Reconcile { tasks }),
        (agent_id(), task_id(), vec(any::<u8>(), 0..20)).prop_map(|(agent_id, task_id, data)| {
            Call::Message {
                agent_id,
                task_id,
                data,
            }
        }),
    ]
}

pub(crate) fn numbered_call() -> impl Strategy<Value = NumberedCall> {
    (any::<u64>(), call()).prop_map(|(call_id, call)| NumberedCall { call_id, call })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (framework_id(), milliseconds(), master_info()).prop_map(
            |(framework_id, heartbeat_interval, master)| Event::Subscribed {
                framework_id,
                heartbeat_interval,
                master,
            }
        ),
        vec(offer(), 0..3).prop_map(Event::Offers),
        offer_id().prop_map(|offer_id| Event::Rescind { offer_id }),
        status_update().prop_map(Event::Update),
        (any::<u64>(), text()).prop_map(|(call_id, message)| Event::Refused { call_id, message }),
        Just(Event::Heartbeat),
        (text(), any::<bool>()).prop_map(|(message, retry)| Event::Error { message, retry }),
    ]
}

pub(crate) fn launch() -> impl Strategy<Value = Launch> {
    (framework_id(), role(), task_info(), resources()).prop_map(
        |(framework_id, role, task, allocated)| Launch {
            framework_id,
            role,
            task,
            allocated,
        },
    )
}

pub(crate) fn task_snapshot() -> impl Strategy<Value = TaskSnapshot> {
    (
        launch(),
        task_state(),
        option::of(reason()),
        any::<[u64; 2]>(),
        usage(),
    )
        .prop_map(|(launch, state, reason, numbers, usage)| TaskSnapshot {
            launch,
            state,
            reason,
            latest_number: numbers[0],
            acknowledged_number: numbers[1],
            usage,
        })
}

pub(crate) fn runner_info() -> impl Strategy<Value = RunnerInfo> {
    (runner_id(), any::<[u32; 2]>(), tenant()).prop_map(|(id, [pid, tasks], tenant)| RunnerInfo {
        id,
        pid,
        framework_id: tenant.framework_id,
        role: tenant.role,
        tasks,
    })
}

pub(crate) fn agent_call() -> impl Strategy<Value = AgentCall> {
    prop_oneof![
        (agent_info(), text()).prop_map(|(agent, boot_id)| AgentCall::Register { agent, boot_id }),
        (vec(task_snapshot(), 0..3), any::<bool>())
            .prop_map(|(tasks, last)| AgentCall::Snapshot { tasks, last }),
        status_update().prop_map(AgentCall::Update),
        Just(AgentCall::Pong),
        vec(runner_info(), 0..3).prop_map(AgentCall::Runners),
        Just(AgentCall::Unregister),
        vec(task_usage(), 0..3).prop_map(AgentCall::Usages),
    ]
}

fn output_stream() -> impl Strategy<Value = OutputStream> {
    prop_oneof![Just(OutputStream::Stdout), Just(OutputStream::Stderr)]
}

pub(crate) fn read_output() -> impl Strategy<Value = ReadOutput> {
    (task_key(), output_stream(), any::<u64>(), any::<bool>()).prop_map(
        |(task, stream, offset, follow)| ReadOutput {
            task,
            stream,
            offset,
            follow,
        },
    )
}

fn sandbox_path() -> impl Strategy<Value = SandboxPath> {
    let guest = "[a-zäß€ .-]{0,6}x(/[a-z\\n.]{1,4}y){0,3}";
    prop_oneof![
        Just(SandboxPath::Everything),
        output_stream().prop_map(SandboxPath::Output),
        Just(SandboxPath::Guest(String::new())),
        output_stream()
            .prop_map(|stream| { SandboxPath::Guest(SandboxPath::Output(stream).to_string()) }),
        guest.prop_map(SandboxPath::Guest),
    ]
}

pub(crate) fn list_files() -> impl Strategy<Value = ListFiles> {
    (task_key(), sandbox_path(), any::<bool>()).prop_map(|(task, path, recursive)| ListFiles {
        task,
        path,
        recursive,
    })
}

pub(crate) fn read_file() -> impl Strategy<Value = ReadFile> {
    (task_key(), sandbox_path(), any::<u64>()).prop_map(|(task, path, offset)| ReadFile {
        task,
        path,
        offset,
    })
}

pub(crate) fn file_entry() -> impl Strategy<Value = FileEntry> {
    let kind = prop_oneof![
        Just(FileKind::File),
        Just(FileKind::Directory),
        Just(FileKind::Other),
    ];
    (text(), kind, any::<u64>(), timestamp()).prop_map(|(path, kind, size, modified)| FileEntry {
        path,
        kind,
        size,
        modified,
    })
}

pub(crate) fn transfer_request() -> impl Strategy<Value = TransferRequest> {
    prop_oneof![
        (any::<u64>(), read_output()).prop_map(|(ticket, wish)| wish.into_transfer(ticket)),
        (any::<u64>(), list_files()).prop_map(|(ticket, wish)| wish.into_transfer(ticket)),
        (any::<u64>(), read_file()).prop_map(|(ticket, wish)| wish.into_transfer(ticket)),
    ]
}

pub(crate) fn agent_event() -> impl Strategy<Value = AgentEvent> {
    prop_oneof![
        (agent_id(), epoch())
            .prop_map(|(agent_id, epoch)| AgentEvent::Registered { agent_id, epoch }),
        launch().prop_map(|launch| AgentEvent::Launch(Box::new(launch))),
        (task_key(), reason(), option::of(grace())).prop_map(|(task, reason, grace)| {
            AgentEvent::Kill {
                task,
                reason,
                grace,
            }
        }),
        framework_id().prop_map(|framework_id| AgentEvent::ShutdownFramework { framework_id }),
        (task_key(), any::<u64>())
            .prop_map(|(task, number)| AgentEvent::Acknowledge { task, number }),
        framework_id().prop_map(|framework_id| AgentEvent::ResendUpdates { framework_id }),
        transfer_request().prop_map(AgentEvent::Transfer),
        Just(AgentEvent::Ping),
        (text(), any::<bool>()).prop_map(|(message, retry)| AgentEvent::Refused { message, retry }),
    ]
}

pub(crate) fn compiled_key() -> impl Strategy<Value = CompiledKey> {
    (digest(), unknown_imports()).prop_map(|(wasm, imports)| CompiledKey::new(wasm, imports))
}

pub(crate) fn runner_launch() -> impl Strategy<Value = RunnerLaunch> {
    let own = "STOKER_[A-Z]{1,5}".prop_map(|name| EnvironmentVariable {
        name,
        value: "1".to_owned(),
    });
    (
        task_key(),
        compiled_key(),
        task_info(),
        host_path(),
        any::<bool>(),
        vec(own, 0..3),
    )
        .prop_map(
            |(key, module, task, sandbox, has_stdin, environment)| RunnerLaunch {
                key,
                module,
                task,
                sandbox,
                has_stdin,
                environment,
            },
        )
}

fn budget() -> impl Strategy<Value = Budget> {
    let bound = || option::of(nanoseconds());
    let offset = (0..50_000_000_u64).prop_map(Duration::from_nanos);
    (bound(), bound(), offset).prop_map(|(cpu, alone, offset)| Budget { cpu, alone, offset })
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        compiled_key().prop_map(|key| Order::Module { key }),
        runner_launch().prop_map(|launch| Order::Launch(Box::new(launch))),
        (task_key(), grace()).prop_map(|(task, grace)| Order::Kill { task, grace }),
        any::<u64>().prop_map(|event| Order::Confirm { event }),
        Just(Order::Shutdown),
        budget().prop_map(Order::Budget),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<i32>().prop_map(|code| Outcome::Exited { code }),
        (reason(), text()).prop_map(|(reason, message)| Outcome::Failed { reason, message }),
        Just(Outcome::Killed),
    ]
}

pub(crate) fn numbered_event() -> impl Strategy<Value = NumberedEvent> {
    let event = prop_oneof![
        task_key().prop_map(|task| RunnerEvent::Started { task }),
        (task_key(), outcome(), usage()).prop_map(|(task, outcome, usage)| RunnerEvent::Ended {
            task,
            outcome,
            usage
        }),
    ];
    (any::<u64>(), event).prop_map(|(number, event)| NumberedEvent { number, event })
}

pub(crate) fn daemon_frame() -> impl Strategy<Value = DaemonFrame> {
    prop_oneof![
        (runner_id(), any::<u32>(), any::<[u64; 2]>()).prop_map(
            |(runner_id, protocol_version, [nonce, confirmed_event])| {
                DaemonFrame::Hello(Hello {
                    runner_id,
                    nonce,
                    protocol_version,
                    confirmed_event,
                })
            }
        ),
        vec(order(), 0..3).prop_map(DaemonFrame::Orders),
    ]
}

pub(crate) fn runner_frame() -> impl Strategy<Value = RunnerFrame> {
    prop_oneof![
        (
            runner_id(),
            any::<[u32; 2]>(),
            vec(task_key(), 0..3),
            any::<u64>(),
            1..=u32::MAX
        )
            .prop_map(
                |(runner_id, [pid, protocol_version], tasks, last_event, slots)| {
                    RunnerFrame::Welcome(Welcome {
                        runner_id,
                        pid,
                        protocol_version,
                        tasks,
                        last_event,
                        slots,
                    })
                }
            ),
        vec(numbered_event(), 0..3).prop_map(RunnerFrame::Events),
        text().prop_map(|message| RunnerFrame::Refused { message }),
        (
            [nanoseconds(), nanoseconds(), nanoseconds(), nanoseconds()],
            any::<u64>()
        )
            .prop_map(
                |([interval, used, wanted, used_in_all], throttled_windows)| {
                    RunnerFrame::Load(Load {
                        interval,
                        used,
                        wanted,
                        used_in_all,
                        throttled_windows,
                    })
                }
            ),
        vec(task_usage(), 0..3).prop_map(RunnerFrame::Usages),
    ]
}

fn artifact_kind() -> impl Strategy<Value = ArtifactKind> {
    prop_oneof![Just(ArtifactKind::Module), Just(ArtifactKind::Blob)]
}

pub(crate) fn artifact() -> impl Strategy<Value = Artifact> {
    (digest(), artifact_kind(), any::<u64>(), text(), timestamp()).prop_map(
        |(digest, kind, size, name, created_at)| Artifact {
            digest,
            kind,
            size,
            name,
            created_at,
        },
    )
}

pub(crate) fn put_header() -> impl Strategy<Value = PutHeader> {
    (artifact_kind(), text(), option::of(digest())).prop_map(|(kind, name, expected_digest)| {
        PutHeader {
            kind,
            name,
            expected_digest,
        }
    })
}
