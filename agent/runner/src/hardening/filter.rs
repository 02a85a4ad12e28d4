//! seccomp: which system calls the process may make, with which arguments.
//!
//! Two filters stand one behind the other, and the stricter answer counts. The first knows what is
//! allowed; the rest is told that there is no such call, as by an older kernel, so that libraries
//! take their other way. The second knows what is never asked for in good faith: it ends the
//! process on the spot, with SIGSYS.

use std::{collections::BTreeMap, io, process};

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::{Class, calls};

/// The arguments with which a call is allowed: any of the rules; all, if there are none.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// `PAGEMAP_SCAN` of `linux/fs.h`: how the pool finds the pages that a guest has written.
const PAGEMAP_SCAN: u64 = 0xc060_6610;
/// `PR_SET_VMA` of `linux/prctl.h`: glibc names its mappings.
const PR_SET_VMA: u64 = 0x5356_4d41;
/// `PIDFD_SELF` (-10000) of `linux/pidfd.h`, as an `int`: how the pool means its own process.
const OWN_PROCESS: u64 = 0xffff_d8f0;
/// How a spare runner that has a tenant outlives the daemon, and restricts itself to its files: it
/// gives something up, and nothing is had by it.
const LESS: [u64; 2] = [
    libc::PR_SET_PDEATHSIG as u64,
    libc::PR_SET_NO_NEW_PRIVS as u64,
];
/// What a thread shares with those that are there,
const THREAD: i32 = libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD;
/// and what it is not to have of its own.
const NAMESPACES: i32 = libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS;

/// Filters the calls of this process, a runner of that class or the compiler. Whether the kernel
/// does.
pub(super) fn install(runner: Option<Class>) -> Result<bool, Error> {
    let allowed = compile(
        allowed(runner)?,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.cast_unsigned()),
    )?;
    let deadly = compile(
        calls::DEADLY
            .iter()
            .map(|call| (*call, Vec::new()))
            .collect(),
        SeccompAction::KillProcess,
        SeccompAction::Allow,
    )?;
    // The deadly first: the other allows no further filter.
    for program in [&deadly, &allowed] {
        match apply_filter_all_threads(program) {
            Ok(()) => {}
            Err(Error::Seccomp(error)) if is_unknown(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Whether the kernel has no filters at all.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

fn compile(
    rules: Rules,
    matched: SeccompAction,
    other: SeccompAction,
) -> Result<BpfProgram, Error> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, other, matched, machine)?;
    Ok(BpfProgram::try_from(filter)?)
}

/// All that a runner of that class may call, or the compiler.
fn allowed(runner: Option<Class>) -> Result<Rules, Error> {
    let mut rules = Rules::new();
    let mut free = |calls: &[i64]| rules.extend(calls.iter().map(|call| (*call, Vec::new())));
    free(calls::MEMORY);
    free(calls::THREADS);
    free(calls::TIME);
    free(calls::STREAMS);
    if let Some(class) = runner {
        free(calls::FILES);
        free(calls::LESS);
        free(calls::EVENTS);
        free(calls::DAEMON);
        if class == Class::Net {
            free(calls::NETWORK);
        }
    }
    rules.extend(with_arguments()?);
    if let Some(class) = runner {
        rules
            .entry(libc::SYS_prctl)
            .or_default()
            .extend(one_of(0, LESS)?);
        if class == Class::Net {
            let families = [libc::AF_INET, libc::AF_INET6].map(i32::cast_unsigned);
            rules.insert(libc::SYS_socket, one_of(0, families.map(u64::from))?);
        }
    }
    Ok(rules)
}

/// The calls that can be harmless or not.
fn with_arguments() -> Result<Rules, Error> {
    let commands = |index, commands: &[i32]| {
        one_of(
            index,
            commands.iter().map(|one| u64::from(one.cast_unsigned())),
        )
    };
    let own = u64::from(process::id());
    let thread = masked(
        0,
        u64::from((THREAD | NAMESPACES).cast_unsigned()),
        u64::from(THREAD.cast_unsigned()),
    )?;
    Ok(Rules::from([
        // Memory is written or run, never both: machine code comes out of modules only.
        (libc::SYS_mmap, not_writable_code()?),
        (libc::SYS_mprotect, not_writable_code()?),
        (libc::SYS_process_madvise, one_of(0, [OWN_PROCESS])?),
        // Threads, never processes. `clone3` hides its flags from filters; libraries take `clone`
        // where it is not known.
        (libc::SYS_clone, vec![thread]),
        // `abort` and `panic` signal their own process.
        (libc::SYS_tgkill, one_of(0, [own])?),
        (
            libc::SYS_prctl,
            one_of(
                0,
                [u64::from(libc::PR_SET_NAME.cast_unsigned()), PR_SET_VMA],
            )?,
        ),
        // Limits are read, never set.
        (libc::SYS_prlimit64, vec![equal(2, Length::Qword, 0)?]),
        (
            libc::SYS_fcntl,
            commands(
                1,
                &[
                    libc::F_GETFD,
                    libc::F_SETFD,
                    libc::F_GETFL,
                    libc::F_SETFL,
                    libc::F_DUPFD_CLOEXEC,
                ],
            )?,
        ),
        (
            libc::SYS_ioctl,
            one_of(
                1,
                [libc::FIONBIO, libc::FIONREAD, libc::FIOCLEX, PAGEMAP_SCAN],
            )?,
        ),
    ]))
}

/// Not both of `PROT_WRITE` and `PROT_EXEC` in the third argument.
fn not_writable_code() -> Result<Vec<SeccompRule>, Error> {
    let lacks = |flag: i32| masked(2, u64::from(flag.cast_unsigned()), 0);
    Ok(vec![lacks(libc::PROT_WRITE)?, lacks(libc::PROT_EXEC)?])
}

fn one_of(index: u8, values: impl IntoIterator<Item = u64>) -> Result<Vec<SeccompRule>, Error> {
    // The kernel looks at the lower half of these arguments only, and so does the filter.
    let rules = values
        .into_iter()
        .map(|value| equal(index, Length::Dword, value));
    rules.collect()
}

fn equal(index: u8, length: Length, value: u64) -> Result<SeccompRule, Error> {
    let condition = SeccompCondition::new(index, length, Compare::Eq, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn masked(index: u8, mask: u64, value: u64) -> Result<SeccompRule, Error> {
    let condition = SeccompCondition::new(index, Length::Qword, Compare::MaskedEq(mask), value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_allowed_and_deadly_and_the_filters_fit_the_kernel() {
        for class in [Class::Closed, Class::Net] {
            let rules = allowed(Some(class)).unwrap();
            let deadly = calls::DEADLY.iter().find(|call| rules.contains_key(call));
            assert_eq!(deadly, None, "{class}");
            assert_eq!(rules.contains_key(&libc::SYS_socket), class == Class::Net);
            compile(rules, SeccompAction::Allow, SeccompAction::Errno(1)).unwrap();
        }
        let compiler = allowed(None).unwrap();
        for call in [
            libc::SYS_openat,
            libc::SYS_accept4,
            libc::SYS_socket,
            libc::SYS_landlock_restrict_self,
        ] {
            assert!(!compiler.contains_key(&call), "{call}");
        }
    }
}
