//! Logs beside the metrics: a file that is written and rotated, lines that are pushed, and questions about both.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use tests::Bonghwa;
use tests::write::now_ms;

use crate::load::Load;

/// Lines of the file that are written at once, five times a second.
const TOGETHER: u64 = 20;
/// Lines until the file is rotated.
const ROTATE: u64 = 2_000;
/// Rotated files that are kept.
const KEPT: u64 = 20;

/// Numbers that are asked for at once; an answer has at most 5,000 lines.
const BLOCK: usize = 4_000;

const QUERIES: [&str; 4] = [
    "sum(count_over_time({soak=~\".+\"}[1m]))",
    "sum by (soak) (rate({soak=~\".+\"} |= `line 1` [2m]))",
    "topk(3, sum by (level) (count_over_time({soak=\"push\"} | logfmt [1m])))",
    "max_over_time({soak=\"push\"} | logfmt | unwrap n [1m])",
];

/// What was written and pushed.
pub struct Logs {
    path: PathBuf,
    written: AtomicU64,
    pushed: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    queries: AtomicU64,
    begun: Instant,
}

/// The section that follows the file.
pub fn section(folder: &Path) -> String {
    format!(
        "collect: {{logs: {{containers: false, files: [{{path: '{}/soak.log', labels: {{soak: file}}}}]}}}}\n",
        folder.display()
    )
}

impl Logs {
    /// Writes `soak.log` in this folder.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("soak.log");
        File::create(&path).unwrap();
        Self {
            path,
            written: AtomicU64::new(0),
            pushed: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            queries: AtomicU64::new(0),
            begun: Instant::now(),
        }
    }

    pub fn start<'a>(
        &'a self,
        scope: &'a Scope<'a, '_>,
        load: &'a Load,
        running: &'a RwLock<Option<Bonghwa>>,
    ) {
        // Whether the binary runs or not: files go on.
        scope.spawn(move || {
            while !load.stop.load(Ordering::SeqCst) {
                self.write();
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        scope.spawn(move || load.until_stopped(running, 200, |url, client| self.push(url, client)));
        scope.spawn(move || {
            let mut turn = 0;
            load.until_stopped(running, 300, |url, client| {
                let path = reqwest::Url::parse_with_params(
                    &format!("{url}/loki/api/v1/query"),
                    [("query", QUERIES[turn % QUERIES.len()])],
                );
                let answer = client.get(path.unwrap()).send();
                self.queries.fetch_add(u64::from(answer.is_ok_and(|a| a.status() == 200)), Ordering::SeqCst);
                turn += 1;
            });
        });
    }

    fn write(&self) {
        let from = self.written.load(Ordering::SeqCst);
        if from > 0 && from.is_multiple_of(ROTATE) {
            let turn = from / ROTATE;
            let named = |n: u64| self.path.with_extension(format!("log.{n}"));
            for n in (1..turn.min(KEPT)).rev() {
                fs::rename(named(n), named(n + 1)).unwrap();
            }
            fs::rename(&self.path, named(1)).unwrap();
        }
        let mut file = File::options().create(true).append(true).open(&self.path).unwrap();
        let lines: String = (from..from + TOGETHER)
            .map(|n| format!("level=info msg=\"line {n} of the soak\" n={n}\n"))
            .collect();
        file.write_all(lines.as_bytes()).unwrap();
        self.written.store(from + TOGETHER, Ordering::SeqCst);
    }

    fn push(&self, url: &str, client: &Client) {
        let n = self.pushed.fetch_add(1, Ordering::SeqCst);
        let line = format!("level=warn msg=\"push {n} of the soak\" n={n}");
        let values = json!([[(now_ms() * 1_000_000).to_string(), line]]);
        let body = json!({"streams": [{"stream": {"soak": "push"}, "values": values}]}).to_string();
        let request =
            client.post(format!("{url}/loki/api/v1/push")).header("content-type", "application/json");
        if request.body(body).send().is_ok_and(|answer| answer.status() == 204) {
            self.acknowledged.lock().push(n);
        }
    }

    pub fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().len()
    }

    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::SeqCst)
    }

    /// How often each number below `end` is in a stream.
    fn there(&self, bonghwa: &Bonghwa, stream: &str, end: u64) -> HashMap<u64, usize> {
        let start = ((now_ms() - self.begun.elapsed().as_millis() as i64 - 60_000) * 1_000_000).to_string();
        let mut there = HashMap::new();
        for from in (0..end).step_by(BLOCK) {
            let query =
                format!("{{soak=\"{stream}\"}} | logfmt n | n >= {from} | n < {}", from + BLOCK as u64);
            let url = reqwest::Url::parse_with_params(
                &format!("{}/loki/api/v1/query_range", bonghwa.url),
                [("query", query.as_str()), ("start", &start), ("limit", "5000")],
            );
            let text = bonghwa.client().get(url.unwrap()).send().unwrap().text().unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            for stream in answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{text}")) {
                let n: Option<u64> = stream["stream"]["n"].as_str().and_then(|n| n.parse().ok());
                *there.entry(n.unwrap()).or_default() += stream["values"].as_array().unwrap().len();
            }
        }
        there
    }

    /// Lines of the file that are missing or there more than once, once all should be there.
    pub fn wrong_in_file(&self, bonghwa: &Bonghwa) -> usize {
        let written = self.written();
        let wrong = || {
            let there = self.there(bonghwa, "file", written);
            (0..written).filter(|n| there.get(n) != Some(&1)).count()
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let wrong = wrong();
            if wrong == 0 || Instant::now() > deadline {
                return wrong;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Acknowledged lines that are missing or there more than once.
    pub fn wrong_of_pushed(&self, bonghwa: &Bonghwa) -> usize {
        let there = self.there(bonghwa, "push", self.pushed.load(Ordering::SeqCst));
        self.acknowledged.lock().iter().filter(|n| there.get(n) != Some(&1)).count()
    }
}
