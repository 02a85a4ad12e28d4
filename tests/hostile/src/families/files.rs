//! Guests that are after the host's disk: its room, its inodes, its directories, and what lies
//! outside their own folder.

use std::time::Duration;

use stoker_sdk_scheduler::{Reason, Task};

use crate::{
    attack::{Attack, End},
    text::program,
};

const DISK: &str = "disk";
const OUTSIDE: &str = "files of the host";
const DIRECTORY: &str = "time in host calls";
const REFUSED: &[End] = &[End::Exits(0)];

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite"
        (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_set_size"
        (func $set_size (param i32 i64) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir"
        (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory"
        (func $mkdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_symlink"
        (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_link"
        (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_rename"
        (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file"
        (func $unlink (param i32 i32 i32) (result i32)))
"#;

/// Two memory pages of text, numbers and buffers. `$open` makes a file of the name at an address, to
/// read and write, and gives its descriptor or traps; `$number` writes eight digits of a number.
const FIELDS: &str = r#"
    (memory (export "memory") 4)
    (func $try_open (param $name i32) (param $length i32) (param $how i32) (result i32)
        (call $path_open (i32.const 3) (i32.const 1) (local.get $name) (local.get $length)
            (local.get $how) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 8)))
    (func $open (param $name i32) (param $length i32) (result i32)
        (if (call $try_open (local.get $name) (local.get $length) (i32.const 1))
            (then unreachable))
        (i32.load (i32.const 8)))
    (func $number (param $at i32) (param $n i32) (local $i i32)
        (local.set $i (i32.const 8))
        (loop $digits
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (i32.store8 (i32.add (local.get $at) (local.get $i))
                (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
            (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
            (br_if $digits (local.get $i))))
    (data (i32.const 1024) "file")
    (data (i32.const 1040) "link")
    (data (i32.const 1056) "../../../../../../etc/passwd")
    (data (i32.const 1120) "/etc/passwd")
    (data (i32.const 1136) "../escaped")
    (data (i32.const 1152) "a/../../escaped")
    (data (i32.const 1168) "a")
"#;

pub(super) fn attacks() -> Vec<Attack> {
    [room(), inodes(), outside(), directories()].concat()
}

fn text(body: &str) -> String {
    program(FIELDS, body).replacen("(module", &format!("(module {IMPORTS}"), 1)
}

fn attack(name: &'static str, bound: &'static str, body: &str) -> Attack {
    Attack::new(name, bound, text(body), REFUSED).asking(|task: Task| task.disk(4 << 20))
}

/// All of these go on until they are refused, and end well then.
fn room() -> Vec<Attack> {
    vec![
        attack(
            "writes a file without an end",
            DISK,
            "(local $fd i32)
             (local.set $fd (call $open (i32.const 1024) (i32.const 4)))
             (i32.store (i32.const 16) (i32.const 65536))
             (i32.store (i32.const 20) (i32.const 65536))
             (loop $again (br_if $again (i32.eqz
                (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24)))))",
        ),
        attack(
            "makes a file of a terabyte of nothing",
            DISK,
            "(if (i32.eqz (call $set_size (call $open (i32.const 1024) (i32.const 4))
                (i64.const 1099511627776))) (then unreachable))",
        ),
        attack(
            "writes a byte at the end of a terabyte",
            DISK,
            "(i32.store (i32.const 20) (i32.const 1))
             (if (i32.eqz (call $pwrite (call $open (i32.const 1024) (i32.const 4)) (i32.const 16)
                (i32.const 1) (i64.const 1099511627776) (i32.const 24))) (then unreachable))",
        ),
        attack(
            "writes into files that it has removed",
            DISK,
            "(local $fd i32)
             (i32.store (i32.const 16) (i32.const 65536))
             (i32.store (i32.const 20) (i32.const 65536))
             (loop $again
                (br_if 1 (call $try_open (i32.const 1024) (i32.const 4) (i32.const 1)))
                (local.set $fd (i32.load (i32.const 8)))
                (br_if 1 (call $unlink (i32.const 3) (i32.const 1024) (i32.const 4)))
                (br_if $again (i32.eqz
                    (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24)))))",
        ),
    ]
}

fn inodes() -> Vec<Attack> {
    vec![
        attack(
            "makes a million files of nothing",
            DISK,
            "(local $n i32)
             (loop $again
                (call $number (i32.const 2048) (local.get $n))
                (br_if 1 (call $try_open (i32.const 2048) (i32.const 8) (i32.const 1)))
                (drop (call $close (i32.load (i32.const 8))))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000)))
                unreachable)",
        ),
        attack(
            "makes a million directories",
            DISK,
            "(local $n i32)
             (loop $again
                (call $number (i32.const 2048) (local.get $n))
                (br_if 1 (call $mkdir (i32.const 3) (i32.const 2048) (i32.const 8)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000)))
                unreachable)",
        ),
        attack(
            "makes a million links",
            DISK,
            "(local $n i32)
             (loop $again
                (call $number (i32.const 2048) (local.get $n))
                (br_if 1 (call $symlink (i32.const 1024) (i32.const 4) (i32.const 3)
                    (i32.const 2048) (i32.const 8)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000)))
                unreachable)",
        ),
        // `a/a/a…`, as deep as it goes.
        attack(
            "makes directories within directories without an end",
            DISK,
            "(local $length i32)
             (local.set $length (i32.const 1))
             (loop $again
                (i32.store16 (i32.add (i32.const 65535) (local.get $length)) (i32.const 0x2f61))
                (br_if 1 (call $mkdir (i32.const 3) (i32.const 65536) (local.get $length)))
                (local.set $length (i32.add (local.get $length) (i32.const 2)))
                (br_if $again (i32.lt_u (local.get $length) (i32.const 100000)))
                unreachable)",
        ),
    ]
}

fn outside() -> Vec<Attack> {
    // Traps if the file can be opened, whether it is there already (0) or to be made (1).
    let open = |name: u32, length: u32| {
        format!(
            "(if (i32.eqz (call $try_open (i32.const {name}) (i32.const {length}) (i32.const 0)))
                (then unreachable))
             (if (i32.eqz (call $try_open (i32.const {name}) (i32.const {length}) (i32.const 1)))
                (then unreachable))"
        )
    };
    // Whether the link is made or not, what it names is not to be had.
    let link = |name: u32, length: u32| {
        format!(
            "(drop (call $symlink (i32.const {name}) (i32.const {length}) (i32.const 3)
                (i32.const 1040) (i32.const 4)))
             (if (i32.eqz (call $try_open (i32.const 1040) (i32.const 4) (i32.const 0)))
                (then unreachable))"
        )
    };
    vec![
        attack("opens a file of the host", OUTSIDE, &open(1120, 11)),
        attack("opens a file above its folder", OUTSIDE, &open(1056, 28)),
        attack(
            "climbs out of its folder by way of one of its own",
            OUTSIDE,
            &("(drop (call $mkdir (i32.const 3) (i32.const 1168) (i32.const 1)))".to_owned()
                + &open(1152, 15)),
        ),
        attack("links to a file of the host", OUTSIDE, &link(1120, 11)),
        attack("links to a file above its folder", OUTSIDE, &link(1056, 28)),
        attack(
            "gives a file a second name",
            OUTSIDE,
            "(drop (call $open (i32.const 1024) (i32.const 4)))
             (if (i32.eqz (call $link (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 4)
                (i32.const 3) (i32.const 1040) (i32.const 4))) (then unreachable))",
        ),
        attack(
            "moves a file out of its folder",
            OUTSIDE,
            "(drop (call $open (i32.const 1024) (i32.const 4)))
             (if (i32.eqz (call $rename (i32.const 3) (i32.const 1024) (i32.const 4)
                (i32.const 3) (i32.const 1136) (i32.const 10))) (then unreachable))",
        ),
        attack(
            "makes a directory outside its folder",
            OUTSIDE,
            "(if (i32.eqz (call $mkdir (i32.const 3) (i32.const 1136) (i32.const 10)))
                (then unreachable))",
        ),
    ]
}

fn directories() -> Vec<Attack> {
    let fill_and_read = text(
        "(local $n i32)
         (loop $again
            (call $number (i32.const 2048) (local.get $n))
            (drop (call $symlink (i32.const 1024) (i32.const 4) (i32.const 3)
                (i32.const 2048) (i32.const 8)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 100000))))
         (loop $read
            (drop (call $readdir (i32.const 3) (i32.const 65536) (i32.const 4096) (i64.const 0)
                (i32.const 24)))
            (br $read))",
    );
    vec![
        Attack::new(
            "reads a directory of a hundred thousand, again and again",
            DIRECTORY,
            fill_and_read,
            &[End::Fails(Reason::Deadline)],
        )
        .asking(|task| task.disk(512 << 20).timeout(Duration::from_secs(12))),
    ]
}
