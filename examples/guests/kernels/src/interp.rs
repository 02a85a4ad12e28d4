//! An interpreter of a small language: a jump for each instruction, as an interpreter in Wasm does all
//! day.

use std::hint::black_box;

#[derive(Clone, Copy)]
enum Instruction {
    Push(u64),
    Add,
    /// Takes the counter down; leaves whether it is zero.
    Count,
    JumpUnlessZero(usize),
    Store(usize),
    Load(usize),
    End,
}

/// Sums the numbers below 20,000, in the small language.
pub(crate) fn run() -> u64 {
    use Instruction::{Add, Count, End, JumpUnlessZero, Load, Push, Store};
    let program = black_box([
        Push(0),
        Store(0),
        Push(20_000),
        Store(1),
        Load(0),
        Load(1),
        Add,
        Store(0),
        Count,
        JumpUnlessZero(4),
        End,
    ]);
    let mut stack: Vec<u64> = Vec::with_capacity(8);
    let mut places = [0_u64; 4];
    let mut next = 0;
    loop {
        let instruction = program[next];
        next += 1;
        match instruction {
            Push(value) => stack.push(value),
            Add => {
                let (right, left) = (pop(&mut stack), pop(&mut stack));
                stack.push(left.wrapping_add(right));
            }
            Count => {
                places[1] = places[1].wrapping_sub(1);
                stack.push(places[1]);
            }
            JumpUnlessZero(target) => {
                if pop(&mut stack) != 0 {
                    next = target;
                }
            }
            Store(place) => places[place] = pop(&mut stack),
            Load(place) => stack.push(places[place]),
            End => return places[0],
        }
    }
}

fn pop(stack: &mut Vec<u64>) -> u64 {
    stack.pop().unwrap_or_default()
}
