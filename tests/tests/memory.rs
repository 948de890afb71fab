//! The memory limit as a contract: in a control group that is far too small for what comes, nothing is killed. A flood
//! of series, heavy queries side by side, `kill -9` and a restart; what was refused is said and counted.
//!
//! `BONGHWA_FLOOD_SERIES` sets the size (`make test-full`: a million, in 512 MB).

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a panic is the report of a test")]

#[path = "memory/bomb.rs"]
mod bomb;
#[path = "memory/waiting.rs"]
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tests::group::{MEMORY_GROUPS, MemoryGroup};
use tests::{Bonghwa, Case, eventually};
use wire::remote_write::{Encoder, Point};

fn main() {
    tests::run(&[
        Case {
            name: "a_flood_heavy_queries_and_a_kill_stay_inside_the_limit",
            needs: &[MEMORY_GROUPS],
            test: a_flood_heavy_queries_and_a_kill_stay_inside_the_limit,
        },
        Case {
            name: "a_bomb_of_counters_folds_and_stays_inside_the_limit",
            needs: &[MEMORY_GROUPS],
            test: bomb::a_bomb_of_counters_folds_and_stays_inside_the_limit,
        },
        Case {
            name: "rules_wait_for_the_log_and_go_on_where_they_were",
            needs: &[],
            test: waiting::rules_wait_for_the_log_and_go_on_where_they_were,
        },
    ]);
}

/// Series of one request.
const AT_ONCE: usize = 1_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Series and memory of the group: a twelfth of what the series would take, roughly.
fn sizes() -> (usize, u64) {
    match std::env::var("BONGHWA_FLOOD_SERIES").ok().and_then(|text| text.parse().ok()) {
        Some(series) if series >= 1_000_000 => (series, 512 << 20),
        Some(series) => (series, 128 << 20),
        None => (100_000, 128 << 20),
    }
}

/// A request with one sample of each of the series `from..from + AT_ONCE`. Every label of a request is a long new one.
fn flood(from: usize, t: i64) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for n in from..from + AT_ONCE {
        let id = format!("{n:08}");
        let request = format!("request-{n:08}-{}", "0123456789abcdef".repeat(8));
        let user = format!("user-{n:08}-{}", "fedcba9876543210".repeat(8));
        let labels = [("__name__", "flood"), ("id", &*id), ("request", &*request), ("user", &*user)];
        encoder.series(labels, std::iter::once(Point { t, v: n as f64 }));
    }
    encoder.finish().unwrap()
}

/// Sends a request; samples that were refused are no error here. The status.
fn send_for_status(server: &Bonghwa, body: Vec<u8>) -> u16 {
    let answer = server.client().post(format!("{}/api/v1/write", server.url));
    let answer = answer.header("content-encoding", "snappy").body(body).send().unwrap();
    let (status, text) = (answer.status(), answer.text().unwrap());
    assert!([204, 400, 429, 503].contains(&status.as_u16()), "{status}: {text}");
    assert!(status == 204 || text.contains("limit"), "a reason: {text}");
    status.as_u16()
}

/// Whether all of it was taken.
fn send(server: &Bonghwa, body: Vec<u8>) -> bool {
    send_for_status(server, body) == 204
}

/// A range query over 30 days at as many steps as are allowed; its status and body.
fn heavy(server: &Bonghwa, query: &str) -> (u16, String) {
    let (end, start) = (now_ms(), now_ms() - 30 * DAY);
    let step = (end - start) / 10_900 / 1_000 + 1;
    let form = [
        ("query", query.to_owned()),
        ("start", (start / 1_000).to_string()),
        ("end", (end / 1_000).to_string()),
        ("step", step.to_string()),
    ];
    let post = server.client().post(format!("{}/api/v1/query_range", server.url));
    // Longer than the server lets a query take.
    let answer = post.timeout(Duration::from_secs(300)).form(&form).send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

fn shed(server: &Bonghwa, load: &str) -> Option<Value> {
    let status = server.json("/api/bonghwa/v1/status").ok()?;
    status["shed"].as_array()?.iter().find(|row| row["load"] == load).cloned()
}

fn start(folder: &std::path::Path, group: &MemoryGroup) -> Bonghwa {
    let config = folder.join("prometheus.yml");
    std::fs::write(&config, "scrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", config.display());
    let args = [config.as_str(), "--web.enable-remote-write-receiver"];
    Bonghwa::start_in_group(&folder.join("data"), &args, group).unwrap()
}

fn a_flood_heavy_queries_and_a_kill_stay_inside_the_limit() {
    let (series, limit) = sizes();
    let folder = tempfile::tempdir().unwrap();
    let group = MemoryGroup::new(limit).unwrap();
    let server = start(folder.path(), &group);
    let status = server.json("/api/bonghwa/v1/status").unwrap();
    let own = status["memory"]["limit_bytes"].as_u64().unwrap();
    assert!(own > limit / 2 && own < limit, "most of the group's: {own}");

    // Before the flood: something that must stay whatever comes.
    let known = |v| {
        let mut encoder = Encoder::new();
        encoder.series([("__name__", "known")], std::iter::once(Point { t: now_ms(), v }));
        encoder.finish().unwrap()
    };
    assert!(send(&server, known(1.0)));

    // The flood, with heavy queries beside it.
    let flooding = AtomicBool::new(true);
    let queries = [
        "sum by (id) (rate(flood[5m]))",
        "count by (request, user) (max_over_time(flood[30d]))",
        // Looking ahead, every series has a value at every step: more than any limit here.
        "quantile_over_time(0.9, flood[31d] offset -31d)",
    ];
    std::thread::scope(|scope| {
        for query in queries {
            let (server, flooding) = (&server, &flooding);
            scope.spawn(move || {
                while flooding.load(Ordering::Relaxed) {
                    let (status, text) = heavy(server, query);
                    assert!([200, 422, 503].contains(&status), "{status}: {text:.500}");
                    if status != 200 {
                        assert!(text.contains("memory limit") || text.contains("timed out"), "{text:.500}");
                    }
                }
            });
        }
        for from in (0..series).step_by(AT_ONCE) {
            send(&server, flood(from, now_ms()));
        }
        flooding.store(false, Ordering::Relaxed);
    });
    // Those that began when there was little may have outlasted the flood; this one finds all there is.
    let (status, text) = heavy(&server, queries[2]);
    assert!(status != 200 && text.contains("memory limit"), "{status}: {text:.500}");
    let row = eventually("refused series are listed", Duration::from_secs(60), || shed(&server, "series"));
    assert!(row["count"].as_u64().unwrap() > 0 && row["why"].as_str().unwrap().contains("memory"), "{row}");
    let row = eventually("refused queries are listed", Duration::from_secs(60), || shed(&server, "queries"));
    assert!(row["why"].as_str().unwrap().contains("memory limit"), "{row}");
    let in_memory = |server: &Bonghwa| {
        let status = server.json("/api/bonghwa/v1/status").unwrap();
        status["storage"]["head_series"].as_u64().unwrap() as usize
    };
    let taken = in_memory(&server);
    assert!(taken > 1_000 && taken < series, "{taken} of {series}");
    let first = |server: &Bonghwa| server.value("last_over_time(flood{id='00000007'}[1h])");
    eventually("a small query is answered", Duration::from_secs(60), || first(&server));
    let known_value = |server: &Bonghwa| server.value("last_over_time(known[1h])");
    eventually("what was there before is there", Duration::from_secs(60), || known_value(&server));
    eventually("known series go on", Duration::from_secs(60), || send(&server, known(2.0)).then_some(()));
    assert_eq!(group.oom_kills().unwrap(), 0, "peak {}", group.peak().unwrap());
    let steady = group.anonymous().unwrap();

    server.kill().unwrap();
    let server = start(folder.path(), &group);
    let replayed = group.anonymous().unwrap();
    // In memory again or, where a flush came before the kill, in a block.
    let back = eventually("a query over all series", Duration::from_secs(60), || {
        server.value("count(last_over_time({__name__=~'flood|known'}[1h]))")
    });
    assert!(back >= taken as f64, "{back} of {taken} series are back");
    assert_eq!((first(&server), known_value(&server)), (Some(7.0), Some(2.0)));
    std::thread::scope(|scope| {
        for query in queries {
            scope.spawn(|| heavy(&server, query));
        }
    });
    assert_eq!(group.oom_kills().unwrap(), 0, "peak {}", group.peak().unwrap());
    eprintln!(
        "{taken} of {series} series taken; anonymous memory {steady} before the kill, {replayed} after the start; the \
         group's peak {} of {limit}",
        group.peak().unwrap()
    );
    server.stop().unwrap();
}
