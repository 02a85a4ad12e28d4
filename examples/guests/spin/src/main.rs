//! Never ends: arithmetic for ever, without a single host call. What stops it is the time limit, the fuel
//! budget or a kill, and nothing of its own.

use std::hint::black_box;

fn main() {
    let mut state: u64 = 1;
    loop {
        // A step of a linear congruential generator. The optimiser has to believe that someone looks.
        state = black_box(
            state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1),
        );
    }
}
