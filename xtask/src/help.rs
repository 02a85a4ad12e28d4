//! What `--help` prints. It says what a verb does, not how.

/// For `cargo xtask` alone.
pub(crate) const OVERVIEW: &str = "\
cargo xtask VERB: the project's habits

  demo [FILE]   start a real cluster, count the words of a text in Wasm, meet its limits
  test          everything that must hold before a change lands
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
cargo xtask demo [FILE]: see it work

Does `setup`, builds `stoker` and the guests, and starts a real cluster on free ports of this machine:
a master, two agents, a runner for each tenant. Through it,
  - a guest counts the words of FILE (by default the GNU General Public License, or this repository's
    own text where that is not installed), and the count is compared with a native one;
  - a guest that never ends meets its time limit;
  - a guest that takes all memory meets its memory limit;
  - a guest that never ends meets its fuel budget.
Then it stops the cluster and checks that no process of it is left. It needs no terminal and no input.

  STOKER_BIN=PATH   use this `stoker` and build none";

const TEST: &str = "\
cargo xtask test [--skip-demo]: everything that must hold before a change lands

Setup, tidy, formatting, lints, the build of everything, the guests, unit tests, documentation tests,
tests on a real cluster, the documentation, and the demo. Steps that do not stand on each other go on
after a failure; the end tells the time of each, what failed, and how to see that again alone.

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
        "demo" => Some(DEMO),
        "guests" => Some(GUESTS),
        "setup" => Some(SETUP),
        "test" => Some(TEST),
        "tidy" => Some(TIDY),
        _ => None,
    }
}
