//! Every setting of wasmtime's engine, with the reason for it.
//!
//! All of them were measured; change one and measure again.

use std::{num::NonZeroUsize, thread};

use stoker_types::GuestLimits;
use wasmtime::{
    Collector, Config, Enabled, OptLevel, PoolingAllocationConfig, Strategy, WasmBacktraceDetails,
};

use super::{CodeKind, MemoryProfile, Purpose};
use crate::limits::in_memory;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What of a fiber's stack is the host functions', beside the guest's own.
const HOST_STACK_BYTES: usize = 256 * KIB;

/// The settings for a kind of code and a purpose.
pub(super) fn config(kind: CodeKind, purpose: Purpose) -> Config {
    let CodeKind {
        profile,
        metering,
        limits,
    } = kind;
    let mut config = Config::new();
    language(&mut config);
    code(&mut config, &limits);
    metering.configure(&mut config);
    memory(&mut config, profile);
    match (profile, purpose) {
        (MemoryProfile::Large, Purpose::Run { slots }) => {
            config.allocation_strategy(pool(slots, &limits));
        }
        (MemoryProfile::Small, Purpose::Run { .. }) | (_, Purpose::Compile) => {}
    }
    // The compiler's threads exist only where something is compiled.
    let compiles_in_parallel = purpose == Purpose::Compile
        && thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    config.parallel_compilation(compiles_in_parallel);
    config
}

/// What a module may be made of: what current toolchains emit, and nothing that escapes the
/// accounts (threads and shared memories) or that is not settled.
fn language(config: &mut Config) {
    config
        .wasm_simd(true)
        .wasm_relaxed_simd(true)
        // One result on every machine.
        .relaxed_simd_deterministic(true)
        .wasm_tail_call(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_stack_switching(false)
        .shared_memory(false);
    // Exceptions live in a garbage-collected heap, so they need the collector; the proposals that
    // let a guest allocate there itself stay off. The null collector would never free what was
    // thrown.
    config
        .gc_support(true)
        .collector(Collector::DeferredReferenceCounting)
        .wasm_exceptions(true)
        .wasm_gc(false)
        .wasm_function_references(false);
}

/// How code is compiled and traced.
fn code(config: &mut Config, limits: &GuestLimits) {
    let stack = in_memory(limits.stack_bytes);
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK_BYTES))
        .async_stack_zeroing(true)
        .concurrency_support(false)
        // Registering unwind information gets slow with many modules.
        .native_unwind_info(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(in_memory(limits.backtrace_frames)));
}

/// Where linear memories and the heaps of exceptions lie. Compiled code depends on all of this.
fn memory(config: &mut Config, profile: MemoryProfile) {
    config
        .memory_init_cow(true)
        // A sparse image costs the host its whole size; a larger one is filled by copying.
        .memory_guaranteed_dense_image_size(MIB as u64);
    match profile {
        MemoryProfile::Large => config
            .memory_reservation(4 << 30)
            .memory_guard_size(32 << 20)
            .memory_may_move(false),
        MemoryProfile::Small => config
            .memory_reservation(32 << 20)
            .memory_guard_size(64 << 10)
            .memory_reservation_for_growth(32 << 20)
            .guard_before_linear_memory(false)
            .memory_may_move(true),
    };
}

/// The guests that are told at once that they are to end, each on a second stack while it handles
/// that; the others are told a little later.
const STOP_STACKS: u32 = 64;

/// The pool of the large profile: room for `slots` guests, kept warm between them.
fn pool(slots: u32, limits: &GuestLimits) -> PoolingAllocationConfig {
    let tables = u32::try_from(limits.tables).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_component_instances(slots)
        .total_stacks(slots.saturating_add(STOP_STACKS))
        .total_gc_heaps(slots)
        // A heap for exceptions takes a memory's place.
        .total_memories(slots.saturating_mul(2))
        .total_tables(slots.saturating_mul(tables))
        .max_memory_size(4 << 30)
        .max_memories_per_module(1)
        .max_tables_per_module(tables)
        .table_elements(in_memory(limits.table_elements))
        .max_core_instance_size(MIB)
        .max_core_instances_per_component(16)
        .max_unused_warm_slots(64)
        .linear_memory_keep_resident(256 * KIB)
        .table_keep_resident(16 * KIB)
        .async_stack_keep_resident(32 * KIB)
        // What a guest had is the kernel's again as soon as it has ended.
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    use wasmtime::Module;

    use super::super::{CodeKind, MemoryProfile, Purpose, build};

    /// Whether the engine takes a module, by the error if not.
    fn verdict(wat: &str) -> Result<(), String> {
        let engine = build(CodeKind::of(MemoryProfile::Small), Purpose::Compile).unwrap();
        let wasm = wat::parse_str(wat).unwrap();
        Module::new(&engine, wasm)
            .map(drop)
            .map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn what_toolchains_emit_is_taken() {
        let cases = [
            (
                "simd",
                "(module (func (result v128) (v128.const i32x4 1 2 3 4)))",
            ),
            ("tail calls", "(module (func $f (return_call $f)))"),
            (
                "bulk memory",
                "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 1) (i32.const 9))))",
            ),
            (
                "reference types",
                "(module (table 1 externref) (func (result funcref) (ref.null func)))",
            ),
            (
                "several results",
                "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))",
            ),
            (
                "sign extension",
                "(module (func (result i32) (i32.extend8_s (i32.const 1))))",
            ),
            ("exceptions", "(module (tag $t) (func (throw $t)))"),
        ];
        for (name, wat) in cases {
            assert_eq!(verdict(wat), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_escapes_the_accounts_or_is_not_settled_is_refused() {
        let cases = [
            ("shared memory", "(module (memory 1 1 shared))"),
            ("64-bit memory", "(module (memory i64 1))"),
            ("several memories", "(module (memory 1) (memory 1))"),
            (
                "garbage-collected types",
                "(module (type (struct (field i32))))",
            ),
            ("custom page sizes", "(module (memory 1 (pagesize 1)))"),
            (
                "typed function references",
                "(module (type $f (func)) (func (param (ref $f))))",
            ),
        ];
        for (name, wat) in cases {
            assert!(verdict(wat).is_err(), "{name} was taken");
        }
    }
}
