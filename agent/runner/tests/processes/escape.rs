//! What is left to code that has broken out of Wasm: a child confines itself as runners and
//! compilers do, by the same function, and then tries all that it should not be able to do.

#![allow(
    unsafe_code,
    reason = "most of these calls have no safe wrapper, because nobody should make them"
)]

use std::{
    fs, io,
    os::unix::{fs as unix, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    thread,
};

use stoker_agent_runner::hardening::{Class, confine_compiler, filter_calls};

use crate::program;

pub(crate) const CASES: &[crate::Case] = &[
    ("escape_from_a_closed_runner_fails", from_a_closed_runner),
    (
        "escape_from_a_runner_with_network_fails",
        from_a_runner_with_network,
    ),
    ("escape_from_the_compiler_fails", from_the_compiler),
    ("escape_reaches_no_file_outside_the_folder", to_files),
    ("escape_is_not_prevented_too_late", too_late),
];

/// How a child is kept from something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The call fails with this number.
    Error(i32),
    /// The process ends with this signal.
    Signal(i32),
}

/// As if the kernel did not know the call.
const UNKNOWN: Refusal = Refusal::Error(libc::ENOSYS);
/// Nobody makes this call in good faith.
const DEADLY: Refusal = Refusal::Signal(libc::SIGSYS);
/// Landlock says no.
const DENIED: Refusal = Refusal::Error(libc::EACCES);

/// The calls that nobody may make, each with arguments that would let it succeed or fail otherwise.
const CALLS: &[(&str, i64, [usize; 4], Refusal)] = &[
    ("execve", libc::SYS_execve, [0; 4], DEADLY),
    ("execveat", libc::SYS_execveat, [0; 4], DEADLY),
    (
        "clone a process",
        libc::SYS_clone,
        [libc::SIGCHLD as usize, 0, 0, 0],
        UNKNOWN,
    ),
    ("clone3", libc::SYS_clone3, [0; 4], UNKNOWN),
    (
        "ptrace",
        libc::SYS_ptrace,
        [libc::PTRACE_TRACEME as usize, 0, 0, 0],
        DEADLY,
    ),
    (
        "process_vm_readv",
        libc::SYS_process_vm_readv,
        [1, 0, 0, 0],
        DEADLY,
    ),
    ("pidfd_open", libc::SYS_pidfd_open, [1, 0, 0, 0], UNKNOWN),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, [0; 4], DEADLY),
    ("kill", libc::SYS_kill, [1, 0, 0, 0], UNKNOWN),
    ("tgkill another", libc::SYS_tgkill, [1, 1, 0, 0], UNKNOWN),
    ("tkill", libc::SYS_tkill, [1, 0, 0, 0], UNKNOWN),
    (
        "rt_sigqueueinfo",
        libc::SYS_rt_sigqueueinfo,
        [1, 0, 0, 0],
        UNKNOWN,
    ),
    ("mount", libc::SYS_mount, [0; 4], DEADLY),
    ("umount2", libc::SYS_umount2, [0; 4], DEADLY),
    ("chroot", libc::SYS_chroot, [0; 4], DEADLY),
    ("pivot_root", libc::SYS_pivot_root, [0; 4], DEADLY),
    (
        "unshare",
        libc::SYS_unshare,
        [libc::CLONE_NEWUSER as usize, 0, 0, 0],
        DEADLY,
    ),
    ("setns", libc::SYS_setns, [0; 4], DEADLY),
    ("setuid", libc::SYS_setuid, [0; 4], DEADLY),
    ("bpf", libc::SYS_bpf, [0; 4], DEADLY),
    ("perf_event_open", libc::SYS_perf_event_open, [0; 4], DEADLY),
    (
        "io_uring_setup",
        libc::SYS_io_uring_setup,
        [1, 0, 0, 0],
        DEADLY,
    ),
    ("userfaultfd", libc::SYS_userfaultfd, [0; 4], DEADLY),
    ("keyctl", libc::SYS_keyctl, [0; 4], DEADLY),
    ("init_module", libc::SYS_init_module, [0; 4], DEADLY),
    ("kexec_load", libc::SYS_kexec_load, [0; 4], DEADLY),
    ("reboot", libc::SYS_reboot, [0; 4], DEADLY),
    (
        "open_by_handle_at",
        libc::SYS_open_by_handle_at,
        [0; 4],
        DEADLY,
    ),
    ("seccomp", libc::SYS_seccomp, [0; 4], UNKNOWN),
    ("memfd_create", libc::SYS_memfd_create, [0; 4], UNKNOWN),
    ("mknodat", libc::SYS_mknodat, [0; 4], UNKNOWN),
    ("fchmodat", libc::SYS_fchmodat, [0; 4], UNKNOWN),
    (
        "set a limit",
        libc::SYS_prlimit64,
        [0, libc::RLIMIT_NOFILE as usize, 8, 0],
        UNKNOWN,
    ),
    (
        "prctl",
        libc::SYS_prctl,
        [libc::PR_SET_DUMPABLE as usize, 1, 0, 0],
        UNKNOWN,
    ),
    (
        "type into a terminal",
        libc::SYS_ioctl,
        [0, 0x5412, 0, 0],
        UNKNOWN,
    ),
    (
        "map writable code",
        libc::SYS_mmap,
        [0, 4096, WRITABLE_CODE, ANONYMOUS],
        UNKNOWN,
    ),
    (
        "make code writable",
        libc::SYS_mprotect,
        [0, 4096, WRITABLE_CODE, 0],
        UNKNOWN,
    ),
    (
        "socket AF_UNIX",
        libc::SYS_socket,
        [libc::AF_UNIX as usize, STREAM, 0, 0],
        UNKNOWN,
    ),
    (
        "socket AF_NETLINK",
        libc::SYS_socket,
        [libc::AF_NETLINK as usize, RAW, 0, 0],
        UNKNOWN,
    ),
    (
        "socket AF_PACKET",
        libc::SYS_socket,
        [libc::AF_PACKET as usize, RAW, 0, 0],
        UNKNOWN,
    ),
    (
        "socketpair",
        libc::SYS_socketpair,
        [libc::AF_UNIX as usize, STREAM, 0, 0],
        UNKNOWN,
    ),
];

/// What only guests of the class `net` may do.
const NETWORK: &[(&str, i64, [usize; 4])] = &[
    (
        "socket AF_INET",
        libc::SYS_socket,
        [libc::AF_INET as usize, STREAM, 0, 0],
    ),
    (
        "socket AF_INET6",
        libc::SYS_socket,
        [libc::AF_INET6 as usize, STREAM, 0, 0],
    ),
    ("bind", libc::SYS_bind, [usize::MAX, 0, 0, 0]),
    ("connect", libc::SYS_connect, [usize::MAX, 0, 0, 0]),
    ("listen", libc::SYS_listen, [usize::MAX, 0, 0, 0]),
];

const WRITABLE_CODE: usize = (libc::PROT_WRITE | libc::PROT_EXEC) as usize;
const ANONYMOUS: usize = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
const STREAM: usize = libc::SOCK_STREAM as usize;
const RAW: usize = libc::SOCK_RAW as usize;

/// `escape PURPOSE FOLDER ATTEMPT`: confines itself, and then tries. Prints what is enforced.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || arguments.next().unwrap();
    let (purpose, folder, attempt) = (next(), PathBuf::from(next()), next());
    let confine = || match purpose.as_str() {
        "compile" => confine_compiler(),
        class => filter_calls(class.parse().unwrap())?.restrict_files(&folder),
    };
    if attempt == "too late" {
        let _running = thread::spawn(thread::park);
        let error = confine().unwrap_err();
        println!("{error}");
        return ExitCode::SUCCESS;
    }
    let enforced = confine().unwrap();
    println!("{}", enforced.landlock);
    assert!(enforced.seccomp, "this kernel has no seccomp");
    // On a thread that is started afterwards, as guests are.
    let result = thread::spawn(move || try_to(&attempt, &folder))
        .join()
        .unwrap();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The numbers of errors that matter here are small.
        Err(error) => ExitCode::from(u8::try_from(error.raw_os_error().unwrap()).unwrap()),
    }
}

fn try_to(attempt: &str, folder: &Path) -> io::Result<()> {
    let calls = CALLS
        .iter()
        .map(|(name, call, arguments, _)| (name, call, arguments));
    let network = NETWORK
        .iter()
        .map(|(name, call, arguments)| (name, call, arguments));
    if let Some((_, call, arguments)) = calls.chain(network).find(|(name, ..)| **name == attempt) {
        return make(*call, *arguments);
    }
    let outside = folder.parent().unwrap().join("outside");
    match attempt {
        "use the folder" => use_folder(folder),
        "read outside" => fs::read(outside.join("secret")).map(drop),
        "list outside" => fs::read_dir(outside).map(drop),
        "write outside" => fs::write(outside.join("new"), "x"),
        "make a folder outside" => fs::create_dir(outside.join("new")),
        "remove outside" => fs::remove_file(outside.join("secret")),
        "move out" => fs::rename(folder.join("own"), outside.join("own")),
        "move in" => fs::rename(outside.join("secret"), folder.join("secret")),
        "link in" => fs::hard_link(outside.join("secret"), folder.join("secret")),
        "follow a link out" => {
            unix::symlink(outside.join("secret"), folder.join("link"))?;
            fs::read(folder.join("link")).map(drop)
        }
        "read the password file" => fs::read("/etc/passwd").map(drop),
        "read its own memory" => fs::File::open("/proc/self/mem").map(drop),
        "read another's memory" => fs::File::open("/proc/1/mem").map(drop),
        "open a device" => fs::File::open("/dev/null").map(drop),
        other => panic!("{other}?"),
    }
}

fn make(call: i64, [first, second, third, fourth]: [usize; 4]) -> io::Result<()> {
    // SAFETY: it is refused, which is the point, or it is given no pointer to anything.
    let result = unsafe { libc::syscall(call, first, second, third, fourth, usize::MAX, 0) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// All that a guest does with its files.
fn use_folder(folder: &Path) -> io::Result<()> {
    let (sub, file) = (folder.join("sub"), folder.join("sub/file"));
    fs::create_dir(&sub)?;
    fs::write(&file, "content")?;
    fs::File::options().write(true).open(&file)?.set_len(3)?;
    fs::rename(&file, folder.join("moved"))?;
    unix::symlink("moved", folder.join("link"))?;
    fs::hard_link(folder.join("moved"), sub.join("linked"))?;
    assert_eq!(fs::read(folder.join("link"))?, b"con");
    assert!(fs::read_dir(folder)?.count() >= 3);
    fs::remove_file(folder.join("link"))?;
    fs::remove_dir_all(sub)
}

fn attempt(purpose: &str, folder: &Path, attempt: &str) -> Output {
    Command::new(program::path())
        .args(["escape", purpose])
        .arg(folder)
        .arg(attempt)
        .output()
        .unwrap()
}

/// How a child was kept from it; nothing if it was not.
fn refusal(output: &Output) -> Option<Refusal> {
    match (output.status.signal(), output.status.code()) {
        (Some(signal), _) => Some(Refusal::Signal(signal)),
        (None, Some(0)) => None,
        (None, code) => Some(Refusal::Error(code.unwrap())),
    }
}

fn check(purpose: &str, folder: &Path, name: &str, expected: Option<Refusal>) {
    let output = attempt(purpose, folder, name);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(refusal(&output), expected, "{purpose}: {name}: {said}");
}

fn from_a_closed_runner() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _, _, expected) in CALLS {
        check("closed", folder.path(), name, Some(*expected));
    }
    for (name, ..) in NETWORK {
        check("closed", folder.path(), name, Some(UNKNOWN));
    }
}

fn from_a_runner_with_network() {
    let folder = tempfile::tempdir().unwrap();
    let class = Class::Net.to_string();
    for (name, _, _, expected) in CALLS {
        check(&class, folder.path(), name, Some(*expected));
    }
    for (name, ..) in NETWORK {
        let is_socket = name.starts_with("socket");
        let expected = (!is_socket).then_some(Refusal::Error(libc::EBADF));
        check(&class, folder.path(), name, expected);
    }
}

fn from_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _, _, expected) in CALLS {
        check("compile", folder.path(), name, Some(*expected));
    }
    for name in [
        "read the password file",
        "list outside",
        "write outside",
        "open a device",
    ] {
        check("compile", folder.path(), name, Some(UNKNOWN));
    }
}

fn to_files() {
    let root = tempfile::tempdir().unwrap();
    let (folder, outside) = (root.path().join("folder"), root.path().join("outside"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    fs::write(folder.join("own"), "own").unwrap();
    let probe = attempt("closed", &folder, "use the folder");
    assert_eq!(refusal(&probe), None, "{probe:?}");
    if probe.stdout == b"0\n" {
        println!("this kernel has no Landlock: files are not checked");
        return;
    }
    for name in [
        "read outside",
        "list outside",
        "write outside",
        "make a folder outside",
        "remove outside",
        "follow a link out",
        "read the password file",
        "read its own memory",
        "read another's memory",
        "open a device",
    ] {
        check("closed", &folder, name, Some(DENIED));
    }
    // To whom it may not be moved, the kernel says that it is another file system.
    for name in ["move out", "move in", "link in"] {
        let refused = refusal(&attempt("closed", &folder, name));
        let elsewhere = Some(Refusal::Error(libc::EXDEV));
        assert!(
            refused == Some(DENIED) || refused == elsewhere,
            "{name}: {refused:?}"
        );
    }
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 1);
}

fn too_late() {
    let folder = tempfile::tempdir().unwrap();
    let output = attempt("closed", folder.path(), "too late");
    assert_eq!(refusal(&output), None);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("2 threads run already"), "{said}");
}
