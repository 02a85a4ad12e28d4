//! A reader of the guide: a folder that looks like the repository, a shell in it, and the terminals
//! beside it.
//!
//! Owns processes, what they print, and their end.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use stoker_sdk_testing::guests_dir;

use super::{
    page::Step,
    shown::{begins_as_shown, is_shown},
};
use crate::harness::{COMMAND_WITHIN, is_progress, stoker_binary};

/// Where a page says that the master is.
const ADDRESS_IN_PAGES: &str = "127.0.0.1:5050";
/// Where the programs and the guests are, in a page.
const PROGRAMS: &str = "target/debug";
const GUESTS: &str = "target/guests/wasm32-wasip1/release";
/// Says that a command has ended, and how.
const MARK: &str = "the-command-has-ended-with";

/// The repository's folder.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Someone who does what a page says.
pub(super) struct Reader {
    shell: Terminal,
    input: ChildStdin,
    /// The exit code of the last command.
    code: i32,
    /// What each new terminal begins with.
    preamble: String,
    /// The terminals whose command goes on, the newest last.
    others: Vec<Terminal>,
    /// The master's address, once there is one.
    address: Option<String>,
    folder: tempfile::TempDir,
}

impl Reader {
    /// Sits down before the repository, in which everything is built.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, target) in [
            (PROGRAMS, stoker_binary().parent().unwrap().to_owned()),
            (GUESTS, guests_dir().unwrap()),
        ] {
            let link = folder.path().join(name);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target.canonicalize().unwrap(), link).unwrap();
        }
        let mut command = Command::new("sh");
        command.arg("-s").stdin(Stdio::piped());
        let mut shell = Terminal::open(command, folder.path());
        let mut input = shell.process.stdin.take().unwrap();
        writeln!(input, "exec 2>&1").unwrap();
        Self {
            shell,
            input,
            code: 0,
            preamble: String::new(),
            others: Vec::new(),
            address: None,
            folder,
        }
    }

    /// Runs a command to its end, which is its exit code.
    pub(super) fn run(&mut self, step: &Step) -> i32 {
        let Step { command, shown } = step;
        let is_setting = command.starts_with("export ")
            || command
                .split_once('=')
                .is_some_and(|(name, _)| name.chars().all(char::is_alphanumeric));
        if is_setting {
            writeln!(self.preamble, "{command}").unwrap();
        }
        let printed = self.ask(&match &self.address {
            Some(address) => command.replace(ADDRESS_IN_PAGES, address),
            None => command.clone(),
        });
        assert!(
            is_shown(shown, &printed),
            "$ {command}\nis said to print\n{}\nand prints\n{}",
            shown.join("\n"),
            printed.join("\n")
        );
        self.code
    }

    /// Writes a file into the folder.
    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Starts a command in a new terminal, and goes on when it has printed what is shown.
    pub(super) fn leave_running(&mut self, step: &Step) {
        let starts_a_master = ["stoker dev", "stoker start master"]
            .iter()
            .any(|start| step.command.starts_with(start));
        let terminal = self.start(&step.command, starts_a_master);
        if starts_a_master {
            // It also logs, before and after.
            let address = terminal.wait_until(&step.command, |lines| {
                lines.iter().find_map(|line| address_of_master(line))
            });
            let setting = format!("export STOKER_MASTER=http://{address}");
            writeln!(self.preamble, "{setting}").unwrap();
            self.ask(&setting);
            self.address = Some(address);
        }
        self.wait_until_shown(&terminal, step, &step.shown);
        self.others.push(terminal);
    }

    /// Starts a command in a new terminal, and presses Ctrl-C when it has printed what is shown.
    pub(super) fn interrupt(&mut self, step: &Step) {
        let mut terminal = self.start(&step.command, false);
        let (_, shown) = step.shown.split_last().unwrap();
        self.wait_until_shown(&terminal, step, shown);
        terminal.press_ctrl_c();
        terminal.wait_for_end(&step.command);
    }

    /// Presses Ctrl-C in each terminal, the newest first, and waits until all is over.
    pub(super) fn leave(mut self) {
        for terminal in self.others.iter_mut().rev() {
            terminal.press_ctrl_c();
            terminal.wait_for_end("what stays");
        }
    }

    fn start(&self, command: &str, starts_a_master: bool) -> Terminal {
        // The port of the pages may be taken.
        let listen = [" --listen 127.0.0.1:0", ""][usize::from(!starts_a_master)];
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("{}exec {command}{listen} 2>&1", self.preamble))
            .stdin(Stdio::null());
        Terminal::open(shell, self.folder.path())
    }

    /// What the shell prints of a command.
    fn ask(&mut self, command: &str) -> Vec<String> {
        let seen = self.shell.printed().len();
        // The end of the line before is the end of the command, whatever it does with quotes; the
        // script itself is not its input.
        writeln!(
            self.input,
            "(exit {})\n{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' {MARK} $?",
            self.code
        )
        .unwrap();
        let mut printed = self.shell.wait_until(command, |lines| {
            let printed = &lines[seen..];
            let is_over = printed.last()?.starts_with(MARK);
            is_over.then(|| printed.to_vec())
        });
        let mark = printed.pop().unwrap();
        self.code = mark.rsplit_once(' ').unwrap().1.parse().unwrap();
        // The line that the mark began is empty, unless the command left it unfinished.
        if printed.last().is_some_and(String::is_empty) {
            printed.pop();
        }
        self.as_in_pages(printed)
    }

    fn wait_until_shown(&self, terminal: &Terminal, step: &Step, shown: &[String]) {
        terminal.wait_until(&step.command, |lines| {
            begins_as_shown(shown, &self.as_in_pages(lines.to_vec())).then_some(())
        });
    }

    /// Without what vanishes from a terminal, and with the address that pages use.
    fn as_in_pages(&self, mut printed: Vec<String>) -> Vec<String> {
        printed.retain(|line| !is_progress(line));
        if let Some(address) = &self.address {
            for line in &mut printed {
                *line = line.replace(address, ADDRESS_IN_PAGES);
            }
        }
        printed
    }
}

/// The address that `stoker dev` says, or that a master logs.
fn address_of_master(line: &str) -> Option<String> {
    let address = match line.strip_prefix("master ") {
        Some(said) => said.rsplit_once("http://")?.1,
        None => line.split_once("the master is up address=")?.1,
    };
    Some(address.split_whitespace().next()?.to_owned())
}

/// A process and all that it has printed.
struct Terminal {
    process: Child,
    /// Ends with what it prints.
    listener: thread::JoinHandle<()>,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Terminal {
    fn open(mut command: Command, folder: &Path) -> Self {
        command
            .current_dir(folder)
            .env_remove("STOKER_MASTER")
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let printed: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&printed);
        let listener = thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self {
            process,
            listener,
            printed,
        }
    }

    fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    /// Waits until `look` finds what it wants in what `command` has printed.
    fn wait_until<T>(&self, command: &str, look: impl Fn(&[String]) -> Option<T>) -> T {
        let end = Instant::now() + COMMAND_WITHIN;
        loop {
            let is_all = self.listener.is_finished();
            let printed = self.printed();
            if let Some(found) = look(&printed) {
                return found;
            }
            assert!(
                !is_all && Instant::now() < end,
                "$ {command}\nends, or takes {COMMAND_WITHIN:?}, without printing what is shown:\n{}",
                printed.join("\n")
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn press_ctrl_c(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            kill_process(Pid::from_child(&self.process), Signal::INT).unwrap();
        }
    }

    fn wait_for_end(&mut self, command: &str) {
        let end = Instant::now() + COMMAND_WITHIN;
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "{command} does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    /// A test that has failed leaves nothing running: a cluster ends with `stoker dev`.
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.press_ctrl_c();
            let end = Instant::now() + Duration::from_secs(10);
            while self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
                if Instant::now() > end {
                    drop(self.process.kill());
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}
