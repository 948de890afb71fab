//! Writers that remember what was acknowledged, and readers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use reqwest::blocking::Client;
use tests::Bonghwa;
use wire::remote_write::{Encoder, Point};

use tests::write::{now_ms, send};

const WRITERS: usize = 2;
/// Series of a writer at one time; the oldest is replaced in every turn of the churn.
const SERIES: u64 = 20;
const CHURN: Duration = Duration::from_secs(10);
/// Series that are only there to fill blocks; nobody counts them.
const BULK: usize = 2_000;

const QUERIES: [&str; 6] = [
    "query?query=sum(rate(w[1m]))",
    "query?query=topk(5,bulk)",
    "query?query=count({__name__!=\"\"})",
    "query?query=quantile_over_time(0.9,w[2m])",
    "label/n/values?",
    "series?match[]=w{n=~\".*7\"}",
];

type Running = RwLock<Option<Bonghwa>>;

pub struct Load {
    pub stop: AtomicBool,
    /// The disk is full on purpose, or was until a moment ago.
    pub disk_is_full: AtomicBool,
    room_since: Mutex<Instant>,
    /// (writer, series, time).
    acknowledged: Mutex<Vec<(usize, u64, i64)>>,
    refused_full: AtomicU64,
    last_refusal: Mutex<Instant>,
    queries: AtomicU64,
    strange: AtomicU64,
    strangest: Mutex<Vec<String>>,
    clock: AtomicI64,
    begun: Instant,
}

impl Load {
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            stop: AtomicBool::new(false),
            disk_is_full: AtomicBool::new(false),
            room_since: Mutex::new(now),
            acknowledged: Mutex::default(),
            refused_full: AtomicU64::new(0),
            last_refusal: Mutex::new(now),
            queries: AtomicU64::new(0),
            strange: AtomicU64::new(0),
            strangest: Mutex::default(),
            clock: AtomicI64::new(0),
            begun: now,
        }
    }

    pub fn start<'a>(&'a self, scope: &'a Scope<'a, '_>, running: &'a Running) {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                self.until_stopped(running, 200, |url, client| self.write(url, client, writer))
            });
        }
        scope.spawn(move || self.until_stopped(running, 1_000, |url, client| self.write_bulk(url, client)));
        scope.spawn(move || {
            let mut turn = 0;
            self.until_stopped(running, 100, |url, client| {
                self.ask(url, client, QUERIES[turn % QUERIES.len()]);
                turn += 1;
            });
        });
    }

    /// Works again and again, whenever the binary runs.
    pub fn until_stopped(&self, running: &Running, pause_ms: u64, mut work: impl FnMut(&str, &Client)) {
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        while !self.stop.load(Ordering::SeqCst) {
            // Not held while it works: a kill may come at any moment.
            let url = running.read().as_ref().map(|b| b.url.clone());
            if let Some(url) = url {
                work(&url, &client);
            }
            std::thread::sleep(Duration::from_millis(pause_ms));
        }
    }

    fn post(&self, url: &str, client: &Client, body: Vec<u8>) -> bool {
        let full = self.full_lately();
        let Some((status, text)) = send(client, url, body) else { return false }; // killed
        match status {
            204 => return true,
            503 => {
                *self.last_refusal.lock() = Instant::now();
                match full || self.full_lately() {
                    true => {
                        self.refused_full.fetch_add(1, Ordering::SeqCst);
                    }
                    // A start that reads the log back says so.
                    false if text.contains("log") || text.is_empty() => {}
                    false => self.is_strange(format!("write: 503 {text}")),
                }
            }
            status => self.is_strange(format!("write: {status} {text}")),
        }
        false
    }

    fn write(&self, url: &str, client: &Client, writer: usize) {
        let oldest = self.begun.elapsed().as_secs() / CHURN.as_secs();
        // A time of its own for every request, so that a retry is never needed to tell what is there.
        let t = self.clock.fetch_max(now_ms(), Ordering::SeqCst).max(now_ms());
        self.clock.store(t + 1, Ordering::SeqCst);
        let mut encoder = Encoder::new();
        let (name, numbers) = (writer.to_string(), oldest..oldest + SERIES);
        for n in numbers.clone() {
            let n = n.to_string();
            let v = t as f64;
            encoder.series([("__name__", "w"), ("n", n.as_str()), ("writer", &name)], [Point { t, v }]);
        }
        if self.post(url, client, encoder.finish().unwrap()) {
            self.acknowledged.lock().extend(numbers.map(|n| (writer, n, t)));
        }
    }

    fn write_bulk(&self, url: &str, client: &Client) {
        let (t, turn) = (now_ms(), self.begun.elapsed().as_secs());
        let mut encoder = Encoder::new();
        for n in 0..BULK {
            // Another tenth of the names every ten minutes.
            let n = (n as u64 + if n % 10 == 0 { turn / 600 * 10_000 } else { 0 }).to_string();
            let v = (turn * 31 % 977) as f64 / 8.0;
            encoder.series([("__name__", "bulk"), ("n", n.as_str())], [Point { t, v }]);
        }
        self.post(url, client, encoder.finish().unwrap());
    }

    fn ask(&self, url: &str, client: &Client, query: &str) {
        let Ok(answer) = client.get(format!("{url}/api/v1/{query}")).send() else { return };
        match answer.status().as_u16() {
            200 if answer.text().is_ok_and(|t| t.contains("success")) => {
                self.queries.fetch_add(1, Ordering::SeqCst);
            }
            // Cut off by a kill, or not ready yet after one.
            200 | 503 => {}
            status => self.is_strange(format!("{query}: {status}")),
        }
    }

    fn is_strange(&self, what: String) {
        self.strange.fetch_add(1, Ordering::SeqCst);
        let mut strangest = self.strangest.lock();
        if strangest.len() < 20 {
            strangest.push(what);
        }
    }

    fn full_lately(&self) -> bool {
        self.disk_is_full.load(Ordering::SeqCst) || self.room_since.lock().elapsed() < Duration::from_secs(10)
    }

    /// The disk has room again.
    pub fn room_again(&self) {
        *self.room_since.lock() = Instant::now();
        self.disk_is_full.store(false, Ordering::SeqCst);
    }

    /// Whether nothing was refused for some seconds.
    pub fn calm(&self) -> bool {
        !self.disk_is_full.load(Ordering::SeqCst)
            && self.last_refusal.lock().elapsed() > Duration::from_secs(5)
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().len()
    }

    pub fn refused_full(&self) -> u64 {
        self.refused_full.load(Ordering::SeqCst)
    }

    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::SeqCst)
    }

    pub fn strange(&self) -> u64 {
        self.strange.load(Ordering::SeqCst)
    }

    pub fn strangest(&self) -> Vec<String> {
        self.strangest.lock().clone()
    }

    /// How many acknowledged samples are not there, with their values.
    pub fn lost(&self, bonghwa: &Bonghwa) -> usize {
        let mut stored = HashSet::new();
        let minutes = self.begun.elapsed().as_secs() / 60 + 2;
        let last = self.begun.elapsed().as_secs() / CHURN.as_secs() + SERIES;
        for n in 0..=last {
            let query = format!("/api/v1/query?query=w{{n=\"{n}\"}}[{minutes}m]");
            let answer = bonghwa.json(&query).unwrap();
            for series in answer["data"]["result"].as_array().unwrap() {
                let writer: usize = series["metric"]["writer"].as_str().unwrap().parse().unwrap();
                for point in series["values"].as_array().unwrap() {
                    let t = (point[0].as_f64().unwrap() * 1_000.0).round() as i64;
                    assert_eq!(point[1].as_str().unwrap().parse::<f64>().unwrap(), t as f64);
                    stored.insert((writer, n, t));
                }
            }
        }
        self.acknowledged.lock().iter().filter(|sample| !stored.contains(*sample)).count()
    }
}
