//! What `--help` prints. It says what a verb does, not how.

/// For `cargo xtask` alone.
pub(crate) const OVERVIEW: &str = "\
cargo xtask VERB: the project's habits

  demo [PATH]   start a real cluster, count words on it in Wasm, lose a runner, meet its limits
  test          everything that must hold before a change lands
  sim           run the simulator: the real cores in a cruel world, from seeds
  bench         what Stoker costs, measured beside yardsticks: `launch` or `sandbox`
  setup         make this machine ready; the other verbs do it too
  guests        compile examples/guests to Wasm
  tidy          check the house: arrows, file heads, sizes, names, links

`cargo xtask VERB --help` tells more. On a fresh clone, `demo` and `test` do all that they need.
A step that failed says which command shows it again by itself.";

const SETUP: &str = "\
cargo xtask setup: make this machine ready

Looks for the programs that builds and tests call (cc, ar, git). Root on Debian gets what is missing
installed; anyone else is told what to install.

Then makes sure that Rust can compile for wasm32-wasip1, by the first way that works:
  1. it can already;
  2. `rustup target add wasm32-wasip1`, for at most 60 s;
  3. a toolchain from Debian's packages in `wasi-toolchain` under cargo's target folder: 140 MB of
     downloads, about 40 s, nothing installed on the machine. Delete that folder to have it made anew.

  STOKER_WASM_TARGET=rustup|debian   take this way, whatever else would work

When all is done already it takes less than a second.";

const GUESTS: &str = "\
cargo xtask guests: compile examples/guests to Wasm

Does `setup` first. Prints the path of each module. They are in `guests/wasm32-wasip1/release` under
cargo's target folder; tests find that folder in STOKER_GUESTS_DIR.";

const DEMO: &str = "\
cargo xtask demo [PATH]: see it work

Does `setup`, builds `stoker` and the guests, and starts a real cluster on free ports of this machine:
a master, two agents, a runner for each tenant. Through it,
  - a guest counts the words of a file (PATH, or the GNU General Public License, or this repository's
    own text where that is not installed), and the count is compared with a native one;
  - a framework, examples/wordcount, counts the words of many files (those under PATH, or under
    /usr/share/common-licenses and /usr/share/doc) with map and reduce tasks; a runner is killed in the
    middle, and the count is the native one all the same;
  - a guest that never ends meets its time limit;
  - a guest that takes all memory meets its memory limit;
  - a guest that never ends meets its fuel budget.
Then it stops the cluster and checks that no process of it is left. It needs no terminal and no input.

  STOKER_BIN=PATH   use this `stoker` and build none; examples/wordcount is looked for beside it";

const SIM: &str = "\
cargo xtask sim [--seeds N] [--first S] [--seed S] [--plant BUG]: run the simulator

The cores of master and agent and the schedulers' SDK, in a world of faults that a seed fixes: lost links,
crashes, power cuts, slow disks, clocks that jump. After each step the invariants of the cluster hold, and
when all trouble is over all is well again. A seed that fails prints the end of its log, what was wrong,
and the command that shows it again.

  --seeds N     run N seeds, 100 if nothing is said, on as many threads as the machine has cpus
  --first S     from seed S on, 1 if nothing is said
  --seed S      run this one and print its whole log: the same seed has the same log, byte for byte
  --plant BUG   with a bug in the simulator's own drivers, to see it caught: skip-checkpoint, sync-early,
                acknowledge-early, offer-twice, commit-early, lose-message, late-first-word

It builds the simulator alone: neither the engine nor the guests.";

const BENCH: &str = "\
cargo xtask bench launch [--tasks N] [--rounds N] [--seed N] [--json FILE]: what a task costs
cargo xtask bench sandbox [--part NAME] [--json FILE]: what isolation costs, and how exact shares are

Both build everything for speed first (10 to 20 minutes the first time).

`launch` starts a master and an agent on free ports, and launches tasks that do nothing: 10 000 a round,
5 rounds, and between them the same module on bare wasmtime and `posix_spawn` of /bin/true. Then tasks that
arrive at random, at 10 % and at 50 % of what went through; then all of it again with every record synced.

  --tasks N     the tasks of a round
  --rounds N    how often
  --seed N      fixes when tasks arrive
  --json FILE   write all figures there too

`sandbox` measures a no-op and compute kernels in a runner beside bare wasmtime, shares of CPU time by weight
(in one runner, and between three), ceilings of fuel, the time until a killed guest is gone and until a new
tenant's first task runs, and what 50 000 sleeping tasks take. Each figure stands beside its aim.

  --part NAME   this part alone: no-op, kernels, shares, thousand, fuel, kill, tenants, first-task, parked

The first line of `launch` on standard output is `launch: N tasks/s`; progress goes to standard error. Close
everything else: the figures are the machine's as it is. docs/OPERATIONS.md says how to read them.";

const TEST: &str = "\
cargo xtask test [--skip-demo]: everything that must hold before a change lands

Setup, tidy, formatting, lints, the build of everything, the guests, unit tests, documentation tests,
500 seeds of the simulator, tests on a real cluster, hostile guests, the documentation, and the demo.
Steps that do not stand on each other go on after a failure; the end tells the time of each, what
failed, and how to see that again alone.

  --skip-demo   leave out the demo

Tests find the program in STOKER_BIN and the guests in STOKER_GUESTS_DIR.";

const TIDY: &str = "\
cargo xtask tidy: check the house

  arrows   which crate may depend on which, and who alone may know wasmtime, protobuf code generation
           and so on (xtask/src/tidy/house.rs is the table)
  heads    every Rust file begins by saying what it owns
  sizes    over 400 lines without tests is told, over 700 is wrong
  names    file names use the words of the field
  text     nothing is left for later; nothing points out of the repository
  links    links and paths in the documentation lead to files

It looks at the files that git tracks or would add. One line for each finding: where, what, and what
would be right.";

/// The help of one verb, if there is such a verb.
pub(crate) fn of(verb: &str) -> Option<&'static str> {
    match verb {
        "bench" => Some(BENCH),
        "demo" => Some(DEMO),
        "guests" => Some(GUESTS),
        "setup" => Some(SETUP),
        "sim" => Some(SIM),
        "test" => Some(TEST),
        "tidy" => Some(TIDY),
        _ => None,
    }
}
