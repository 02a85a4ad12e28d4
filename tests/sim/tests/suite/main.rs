//! The simulator's own tests: seeds replay, sound clusters pass, planted bugs are caught.

mod planted;
mod replays;
mod seeds;
