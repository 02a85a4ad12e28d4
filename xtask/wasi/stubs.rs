//! What Rust's standard library asks of a C library that Debian's older wasi-libc does not have. Each
//! function refuses, as it would on a system without threads and permissions. They are weak: a libc
//! that has the real ones wins. Compiled by `cargo xtask setup` and added to that libc; never linked into
//! anything of the host.
#![no_std]
#![feature(linkage)]

use core::ffi::{c_char, c_int, c_void};

/// "Not supported", in WASI's numbers.
const ENOTSUP: c_int = 58;

unsafe extern "C" {
    static mut errno: c_int;
}

fn refuse() {
    // SAFETY: a module of this target has one thread, and the libc lets anyone write its errno.
    unsafe { errno = ENOTSUP }
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_create(
    _thread: *mut c_void,
    _attributes: *const c_void,
    _start: *const c_void,
    _argument: *mut c_void,
) -> c_int {
    ENOTSUP
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_join(_thread: *mut c_void, _result: *mut *mut c_void) -> c_int {
    ENOTSUP
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_detach(_thread: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_init(_attributes: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_destroy(_attributes: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_setstacksize(_attributes: *mut c_void, _bytes: usize) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn chmod(_path: *const c_char, _mode: u32) -> c_int {
    refuse();
    -1
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn fchmod(_descriptor: c_int, _mode: u32) -> c_int {
    refuse();
    -1
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn realpath(_path: *const c_char, _resolved: *mut c_char) -> *mut c_char {
    refuse();
    core::ptr::null_mut()
}
