//! What a reader gets of a task's output, chunk by chunk.

use std::fs::{self, OpenOptions};

use stoker_agent_core::Record;
use stoker_types::{
    IdGenerator, Resources, Role, StatusUpdate, TaskInfo, TaskLimits, TaskState, Timestamp, Usage,
    agent::{Launch, OutputStream},
    limit,
};

use super::*;
use crate::data_directory::sandbox;

struct Bench {
    root: tempfile::TempDir,
    transfers: Transfers,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let master = MasterChannel::fixed(None);
        let transfers = Transfers::new(master, Arc::default(), root.path().to_owned());
        Self { root, transfers }
    }

    fn launched(self) -> Self {
        let key = task();
        let launch = Launch {
            framework_id: key.framework_id,
            role: Role::default(),
            task: TaskInfo {
                id: key.task_id,
                name: String::new(),
                module: "file:/a.wasm".parse().unwrap(),
                module_digest: None,
                resources: Resources::default(),
                arguments: Vec::new(),
                program_name: String::new(),
                environment: Vec::new(),
                stdin: None,
                inputs: Vec::new(),
                outputs: Vec::new(),
                limits: TaskLimits::default(),
            },
            allocated: Resources::default(),
        };
        self.transfers
            .known_tasks
            .note(&Record::Launched(Box::new(launch)));
        self
    }

    fn write(&self, bytes: &[u8]) {
        self.write_to("stdout", bytes);
    }

    fn write_to(&self, name: &str, bytes: &[u8]) {
        use std::io::Write as _;
        let folder = sandbox(self.root.path(), &task());
        fs::create_dir_all(&folder).unwrap();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(folder.join(name));
        file.unwrap().write_all(bytes).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(sandbox(self.root.path(), &task()).join(name)).unwrap();
    }

    fn end(&self) {
        let update = StatusUpdate {
            task: task(),
            agent_id: None,
            number: 1,
            state: TaskState::Finished,
            reason: None,
            message: String::new(),
            exit_code: Some(0),
            usage: Usage::default(),
            outputs: Vec::new(),
            at: Timestamp::default(),
        };
        let record = Record::Update {
            update: Box::new(update),
            runner_event: None,
        };
        self.transfers.known_tasks.note(&record);
    }

    fn forget(&self) {
        self.transfers
            .known_tasks
            .note(&Record::Forgotten { task: task() });
    }

    fn read(&self, offset: u64, follow: bool) -> mpsc::Receiver<TransferChunk> {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let transfers = self.transfers.clone();
        let request = TransferRequest {
            ticket: 7,
            task: task(),
            wanted: Wanted::Output {
                stream: OutputStream::Stdout,
                offset,
                follow,
            },
        };
        tokio::spawn(async move { transfers.read(request, sender).await });
        chunks
    }
}

fn task() -> TaskKey {
    TaskKey {
        framework_id: IdGenerator::from_seed(1).framework_id(),
        task_id: "task-1".parse().unwrap(),
    }
}

/// All bytes up to the end, and the error if that is how it ended.
async fn all(mut chunks: mpsc::Receiver<TransferChunk>) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    let mut is_first = true;
    while let Some(chunk) = chunks.recv().await {
        assert_eq!(chunk.ticket, std::mem::take(&mut is_first).then_some(7));
        assert!(chunk.data.len() <= limit::CHUNK_BYTES);
        bytes.extend_from_slice(&chunk.data);
        if chunk.end {
            return (bytes, chunk.error);
        }
    }
    panic!("the transfer has no end");
}

#[tokio::test]
async fn a_reader_that_follows_gets_all_until_the_task_is_over() {
    let bench = Bench::new().launched();
    let mut chunks = bench.read(0, true);
    bench.write(b"one ");
    let first = chunks.recv().await.unwrap();
    assert_eq!((&first.data[..], first.ticket), (&b"one "[..], Some(7)));
    bench.write(b"two");
    bench.end();
    let mut rest = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        rest.extend_from_slice(&chunk.data);
        assert_eq!(chunk.end, chunk.data.is_empty());
    }
    assert_eq!(rest, b"two");
}

#[tokio::test]
async fn a_reader_that_does_not_follow_gets_what_is_there() {
    let bench = Bench::new().launched();
    bench.write(&[b'x'; 100_000]);
    assert_eq!(all(bench.read(99_998, false)).await, (b"xx".to_vec(), None));
    assert_eq!(all(bench.read(0, false)).await.0.len(), 100_000);
    assert_eq!(all(bench.read(200_000, false)).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_task_that_wrote_nothing_has_an_empty_stream() {
    let bench = Bench::new().launched();
    assert_eq!(all(bench.read(0, false)).await, (Vec::new(), None));
    let following = bench.read(0, true);
    bench.end();
    assert_eq!(all(following).await, (Vec::new(), None));
    bench.forget();
    assert_eq!(all(bench.read(0, true)).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_forgotten_tasks_output_is_still_there_and_a_stranger_is_named() {
    let bench = Bench::new();
    let (bytes, error) = all(bench.read(0, true)).await;
    assert!(bytes.is_empty() && error.unwrap().contains("task-1"));
    bench.write(b"left behind");
    assert_eq!(
        all(bench.read(0, true)).await,
        (b"left behind".to_vec(), None)
    );
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_transfer() {
    let bench = Bench::new().launched();
    let (sender, chunks) = mpsc::channel(CHUNKS);
    let request = TransferRequest {
        ticket: 7,
        task: task(),
        wanted: Wanted::Output {
            stream: OutputStream::Stdout,
            offset: 0,
            follow: true,
        },
    };
    drop(chunks);
    bench.transfers.read(request, sender).await;
}

/// The bytes that were read, with what was lost in front of them.
async fn pieces(mut chunks: mpsc::Receiver<TransferChunk>) -> Vec<(u64, Vec<u8>)> {
    let mut pieces = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        if !chunk.end {
            pieces.push((chunk.lost_bytes, chunk.data.to_vec()));
        }
    }
    pieces
}

#[tokio::test]
async fn a_log_that_rotated_is_read_from_any_place_and_says_what_is_gone() {
    let bench = Bench::new().launched();
    bench.write_to("stdout.10", b"klmno");
    bench.write_to("stdout.15", b"p");
    let (first, second) = ((0, b"klmno".to_vec()), (0, b"p".to_vec()));
    let gone = |bytes| (bytes, Vec::new());
    let from = async |offset| pieces(bench.read(offset, false)).await;
    assert_eq!(from(0).await, [gone(10), first.clone(), second.clone()]);
    assert_eq!(from(7).await, [gone(3), first.clone(), second.clone()]);
    assert_eq!(from(10).await, [first, second.clone()]);
    assert_eq!(from(12).await, [(0, b"mno".to_vec()), second.clone()]);
    assert_eq!(from(15).await, [second]);
    assert_eq!(from(16).await, []);
    assert_eq!(from(99).await, []);
}

#[tokio::test]
async fn a_reader_that_follows_goes_from_file_to_file_and_over_a_gap() {
    let bench = Bench::new().launched();
    let mut chunks = bench.read(0, true);
    let mut next = async || {
        let chunk = chunks.recv().await.unwrap();
        (chunk.lost_bytes, chunk.data.to_vec())
    };
    bench.write(b"abc");
    assert_eq!(next().await, (0, b"abc".to_vec()));
    bench.write_to("stdout.3", b"de");
    assert_eq!(next().await, (0, b"de".to_vec()));
    // All that it has not read goes at once, the file that it is in among it.
    bench.remove("stdout");
    bench.remove("stdout.3");
    bench.write_to("stdout.20", b"u");
    assert_eq!(next().await, (15, Vec::new()));
    assert_eq!(next().await, (0, b"u".to_vec()));
    bench.end();
    assert_eq!(next().await, (0, Vec::new()), "the end");
}
