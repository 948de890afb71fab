//! Counters with a label of too many values, in a control group that is too small for them: the label folds because
//! memory is short, what is counted stays exact, and nothing is killed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tests::group::MemoryGroup;
use tests::{Bonghwa, eventually};
use wire::remote_write::{Encoder, Point};

use crate::{AT_ONCE, heavy, now_ms, send_for_status, sizes, start};

const LIMIT: Duration = Duration::from_secs(120);
/// Values of the label that is asked for.
const PATHS: usize = 10;

/// What users `from..to` have counted.
fn counters(from: usize, to: usize, t: i64, v: f64) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.metadata("bomb_total", "counter", "", "");
    for n in from..to {
        let (path, user) =
            (format!("/p{}", n % PATHS), format!("user-{n:08}-{}", "0123456789abcdef".repeat(32)));
        let labels = [("__name__", "bomb_total"), ("path", &*path), ("user", &*user)];
        encoder.series(labels, std::iter::once(Point { t, v }));
    }
    encoder.finish().unwrap()
}

/// Sends as senders do: what the server has no room for now is sent again.
fn tell(server: &Bonghwa, body: &[u8]) {
    eventually("a request is taken", LIMIT, || {
        let status = send_for_status(server, body.to_vec());
        assert_ne!(status, 400, "nothing is wrong with the request");
        (status == 204).then_some(())
    });
}

/// Users `series` count up to `v`, at one moment and in many requests.
fn round(server: &Bonghwa, series: std::ops::Range<usize>, t: i64, v: f64) {
    for from in series.step_by(AT_ONCE) {
        tell(server, &counters(from, from + AT_ONCE, t, v));
    }
}

/// What those have counted that fold. Queries may be refused while others take the memory.
fn sum(server: &Bonghwa) -> f64 {
    eventually("the sum", LIMIT, || server.value("sum(last_over_time(bomb_total{user='__folded__'}[1h]))"))
}

/// Two rounds: what the second brings is in the sum as soon as it is acknowledged, and in the middle of it, too. How
/// many users fold.
fn sums_are_exact(server: &Bonghwa, series: usize, v: f64) -> usize {
    round(server, 0..series, now_ms(), v);
    let members = the_fold(server).unwrap()["members"].as_u64().unwrap() as usize;
    // The last to come had no series of their own left.
    let last = series / 4 * 3 / AT_ONCE * AT_ONCE;
    assert!(members > series - last, "{members} members of {series}");
    let (before, t) = (sum(server), now_ms());
    round(server, last..series, t, v + 2.0);
    assert_eq!(sum(server) - before, 2.0 * (series - last) as f64, "{} users counted 2 more", series - last);
    round(server, 0..last, t, v + 2.0);
    assert_eq!(sum(server) - before, 2.0 * members as f64, "each of {members} users counted 2 more");
    members
}

fn the_fold(server: &Bonghwa) -> Option<Value> {
    let report = server.json("/api/bonghwa/v1/cardinality").ok()?;
    report["folds"].as_array()?.iter().find(|fold| fold["metric"] == "bomb_total").cloned()
}

pub(crate) fn a_bomb_of_counters_folds_and_stays_inside_the_limit() {
    let (series, limit) = sizes();
    let folder = tempfile::tempdir().unwrap();
    let group = MemoryGroup::new(limit).unwrap();
    let server = start(folder.path(), &group);
    let flooding = AtomicBool::new(true);
    let members = std::thread::scope(|scope| {
        // However the rounds end.
        let stop = Stop(&flooding);
        scope.spawn(|| {
            while flooding.load(Ordering::Relaxed) {
                let (status, text) = heavy(&server, "sum by (path) (rate(bomb_total[5m]))");
                assert!([200, 422, 503].contains(&status), "{status}: {text:.500}");
            }
        });
        round(&server, 0..series, now_ms(), 1.0);
        let fold = eventually("the label folds", LIMIT, || the_fold(&server));
        assert_eq!((&fold["why"], &fold["labels"]), (&"memory".into(), &serde_json::json!(["user"])));
        let members = sums_are_exact(&server, series, 3.0);
        drop(stop);
        members
    });
    assert_eq!(group.oom_kills().unwrap(), 0, "peak {}", group.peak().unwrap());
    let steady = group.anonymous().unwrap();

    server.kill().unwrap();
    let server = start(folder.path(), &group);
    let replayed = group.anonymous().unwrap();
    eventually("it folds again", LIMIT, || the_fold(&server));
    sums_are_exact(&server, series, 6.0);
    assert_eq!(group.oom_kills().unwrap(), 0, "peak {}", group.peak().unwrap());
    eprintln!(
        "{members} of {series} series fold; anonymous memory {steady} before the kill, {replayed} after the start; the \
         group's peak {} of {limit}",
        group.peak().unwrap()
    );
    server.stop().unwrap();
}

/// Ends the queries when it goes.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
