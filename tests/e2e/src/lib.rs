//! End-to-end tests: the real `stoker` binary, real guests, real sockets. All of it is in `tests/`;
//! this crate has nothing to link.
