//! Logs that an engine writes and rotates, followed through kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use collect::tail::{self, Tail};
use model::records::Written;
use model::{Error, EventKind, Position, RecordWriter, Records, Result, SystemClock, Tenant};
use parking_lot::Mutex;

use crate::engine::Container;
use crate::lab::Lab;

const LINES: usize = 100_000;
/// How long writing and reading may take before the test gives up.
const LIMIT: Duration = Duration::from_secs(300);

/// What outlives a kill: lines and positions of whole writes.
#[derive(Default)]
struct Disk {
    lines: Vec<(String, String)>,
    positions: Vec<(String, Vec<u8>)>,
}

/// A process's way to the disk. A killed one reaches it no more.
struct Life {
    disk: Arc<Mutex<Disk>>,
    killed: AtomicBool,
}

impl RecordWriter for Life {
    fn write(
        &self,
        _: &Tenant,
        _: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        let mut disk = self.disk.lock();
        if self.killed.load(Ordering::SeqCst) {
            return Err(Error::unavailable("killed"));
        }
        for row in records.iter() {
            disk.lines.push((row.labels().get_or_empty("container").to_owned(), row.body().to_owned()));
        }
        for position in positions {
            disk.positions.retain(|(source, _)| source != position.source);
            disk.positions.push((position.source.to_owned(), position.position.to_vec()));
        }
        Ok(Written { accepted: records.len(), refused: Vec::new() })
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.disk
            .lock()
            .positions
            .iter()
            .find(|(known, _)| known == source)
            .map(|(_, position)| position.clone())
    }
}

pub(crate) fn numbered_lines_are_stored_once_over_rotations_and_kills() {
    let lab = Lab::start();
    let rotation = [
        "--log-driver",
        "json-file",
        "--log-opt",
        "max-size=1m",
        "--log-opt",
        "max-file=60",
        "--log-opt",
        "compress=true",
    ];
    let script = format!("i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; done; sleep 600");
    let mut silent = vec!["--label", "bonghwa.logs=false"];
    silent.extend(rotation);
    let silent = Container::run("silent", &silent, "echo never; sleep 600");
    let it = Container::run("lines", &rotation, &script);
    let disk = Arc::new(Mutex::new(Disk::default()));
    let have = || disk.lock().lines.iter().filter(|(container, _)| *container == it.name).count();
    let deadline = Instant::now() + LIMIT;
    // Three kills, and a life that reads to the end.
    for until in [LINES / 5, LINES / 5 * 2, LINES / 5 * 3, LINES] {
        let life = Arc::new(Life { disk: Arc::clone(&disk), killed: AtomicBool::new(false) });
        let config = tail::Config::default();
        let tail =
            Tail::start(&config, "lab", lab.collector.clone(), life.clone(), Arc::new(SystemClock)).unwrap();
        while have() < until {
            assert!(Instant::now() < deadline, "{} of {LINES} lines", have());
            std::thread::sleep(Duration::from_millis(20));
        }
        life.killed.store(true, Ordering::SeqCst);
        tail.stop();
    }
    let disk = disk.lock();
    let got: Vec<&str> = disk
        .lines
        .iter()
        .filter(|(container, _)| *container == it.name)
        .map(|(_, line)| line.as_str())
        .collect();
    assert_eq!(got.len(), LINES);
    for (at, line) in got.iter().enumerate() {
        assert_eq!(*line, format!("line {}", at + 1));
    }
    assert!(disk.lines.iter().all(|(container, _)| *container != silent.name), "what opted out is not read");
    drop(disk);
    lab.stop();
}
