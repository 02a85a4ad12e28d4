//! The programs that are measured: each a loop without end of one kind of work, a few instructions
//! long, so that what it costs is the work and not the start.

use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, InstructionSink,
    MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// One program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    /// Its name in the report.
    pub(super) name: &'static str,
    /// For people: what it does.
    pub(super) what: &'static str,
    /// Writes a turn of its loop. The locals are an i32, an i64 and an f64.
    turn: fn(&mut InstructionSink<'_>),
}

/// All of them.
pub(super) const KERNELS: [Kernel; 4] = [
    Kernel {
        name: "integers",
        what: "multiplies, adds and rotates 64-bit integers",
        turn: integers,
    },
    Kernel {
        name: "floats",
        what: "multiplies and adds 64-bit floats",
        turn: floats,
    },
    Kernel {
        name: "memory",
        what: "changes words all over 4 MiB",
        turn: memory,
    },
    Kernel {
        name: "calls",
        what: "calls a function and branches",
        turn: calls,
    },
];

const INDEX: u32 = 0;
const INTEGER: u32 = 1;
const FLOAT: u32 = 2;
/// The function that `calls` calls, behind `_start`.
const CALLED: u32 = 1;
/// 4 MiB.
const PAGES: u64 = 64;

impl Kernel {
    /// Its module: a WASI command.
    pub(super) fn wasm(&self) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        let mut functions = FunctionSection::new();
        functions.function(0).function(1);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: PAGES,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut exports = ExportSection::new();
        exports
            .export("_start", ExportKind::Func, 0)
            .export("memory", ExportKind::Memory, 0);
        let locals = [(1, ValType::I32), (1, ValType::I64), (1, ValType::F64)];
        let mut start = Function::new(locals);
        let mut body = start.instructions();
        body.loop_(BlockType::Empty);
        (self.turn)(&mut body);
        body.br(0).end().end();
        let mut code = CodeSection::new();
        code.function(&start).function(&called());
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&memories)
            .section(&exports)
            .section(&code);
        module.finish()
    }
}

/// A step of a linear congruential generator, and a rotation.
fn integers(turn: &mut InstructionSink<'_>) {
    turn.local_get(INTEGER)
        .i64_const(6_364_136_223_846_793_005)
        .i64_mul()
        .i64_const(1_442_695_040_888_963_407)
        .i64_add()
        .i64_const(17)
        .i64_rotl()
        .local_set(INTEGER);
}

/// Comes ever nearer to 1.5.
fn floats(turn: &mut InstructionSink<'_>) {
    turn.local_get(FLOAT)
        .f64_const(0.5.into())
        .f64_mul()
        .f64_const(0.75.into())
        .f64_add()
        .local_set(FLOAT);
}

/// Another word each time, in an order that no cache foresees.
fn memory(turn: &mut InstructionSink<'_>) {
    let word = MemArg {
        offset: 0,
        align: 2,
        memory_index: 0,
    };
    turn.local_get(INDEX)
        .i32_const(1_664_525)
        .i32_mul()
        .i32_const(1_013_904_223)
        .i32_add()
        .local_tee(INDEX)
        // 4 MiB in words.
        .i32_const(0x003f_fffc)
        .i32_and()
        .local_tee(INDEX)
        .local_get(INDEX)
        .i32_load(word)
        .local_get(INDEX)
        .i32_add()
        .i32_store(word);
}

fn calls(turn: &mut InstructionSink<'_>) {
    turn.local_get(INDEX).call(CALLED).local_set(INDEX);
}

/// A step of the Collatz sequence, which comes back to 1 and begins anew.
fn called() -> Function {
    let mut function = Function::new([]);
    function
        .instructions()
        .local_get(0)
        .i32_const(1)
        .i32_le_s()
        .if_(BlockType::Empty)
        .i32_const(837_799)
        .return_()
        .end()
        .local_get(0)
        .i32_const(1)
        .i32_and()
        .if_(BlockType::Result(ValType::I32))
        .local_get(0)
        .i32_const(3)
        .i32_mul()
        .i32_const(1)
        .i32_add()
        .else_()
        .local_get(0)
        .i32_const(1)
        .i32_shr_u()
        .end()
        .end();
    function
}
