//! Computes: `kernels NAME ROUNDS` does one kind of work, again and again, and says nothing. What a
//! benchmark of compute throughput runs.

mod interp;

use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let kernel = arguments.get(1).and_then(|name| named(name));
    let rounds = arguments
        .get(2)
        .and_then(|rounds| rounds.parse::<u32>().ok());
    let (Some(kernel), Some(rounds)) = (kernel, rounds) else {
        eprintln!("kernels: usage: kernels matmul|sieve|sha|fib|interp|sort ROUNDS");
        return ExitCode::from(2);
    };
    for _ in 0..rounds {
        black_box(kernel());
    }
    ExitCode::SUCCESS
}

fn named(name: &str) -> Option<fn() -> u64> {
    Some(match name {
        "matmul" => matmul,
        "sieve" => sieve,
        "sha" => sha,
        "fib" => || fib(black_box(24)),
        "interp" => interp::run,
        "sort" => sort,
        _ => return None,
    })
}

/// Two matrices of 96 by 96 floats: loads, multiplications, a loop in a loop in a loop.
fn matmul() -> u64 {
    const SIDE: usize = 96;
    let left: Vec<f64> = (0..SIDE * SIDE)
        .map(|index| f64::from(index as u32 % 17))
        .collect();
    let right: Vec<f64> = (0..SIDE * SIDE)
        .map(|index| f64::from(index as u32 % 13))
        .collect();
    let mut product = vec![0.0; SIDE * SIDE];
    for row in 0..SIDE {
        for inner in 0..SIDE {
            let factor = left[row * SIDE + inner];
            for column in 0..SIDE {
                product[row * SIDE + column] += factor * right[inner * SIDE + column];
            }
        }
    }
    black_box(&product)[SIDE + 1].to_bits()
}

/// The primes below 100,000: bytes written with growing strides.
fn sieve() -> u64 {
    const BELOW: usize = 100_000;
    let mut is_composite = vec![false; BELOW];
    let mut primes = 0;
    for number in 2..BELOW {
        if !is_composite[number] {
            primes += 1;
            for multiple in (number * number..BELOW).step_by(number) {
                is_composite[multiple] = true;
            }
        }
    }
    primes
}

/// SHA-256 of 64 KiB: rotations and additions without a branch.
fn sha() -> u64 {
    let digest = Sha256::digest(black_box(&[0x5a_u8; 64 << 10]));
    u64::from(digest[0])
}

/// Calls, and nothing else.
fn fib(number: u32) -> u64 {
    if number < 2 {
        u64::from(number)
    } else {
        fib(number - 1) + fib(number - 2)
    }
}

/// 20,000 numbers in no order, put in order: branches that no one can foresee.
fn sort() -> u64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut numbers: Vec<u64> = (0..20_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        })
        .collect();
    numbers.sort_unstable();
    numbers[100]
}
