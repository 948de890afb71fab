//! `kill -9` under ingest: what was acknowledged is there afterwards.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tests::Bonghwa;

use tests::write::{RECEIVE, now_ms, post, request};

const ROUNDS: usize = 20;
const WRITERS: usize = 3;
const SERIES: usize = 20;

#[test]
fn every_acknowledged_sample_survives_kill_9_in_20_rounds() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let begin = now_ms() - 20 * 60_000;
    let acknowledged: Mutex<Vec<(usize, i64)>> = Mutex::default();
    let next = AtomicI64::new(begin);
    for round in 0..ROUNDS {
        let bonghwa = Bonghwa::start(&data, &[RECEIVE]).unwrap();
        let stop = AtomicBool::new(false);
        let url = bonghwa.url.clone();
        let before = acknowledged.lock().unwrap().len();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (url, stop, next, acknowledged) = (&url, &stop, &next, &acknowledged);
                let client = bonghwa.client().clone();
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let t = next.fetch_add(1, Ordering::Relaxed);
                        let body = request(&format!("w{writer}"), SERIES, t, (t - begin) as f64);
                        if post(&client, url, body) == Some(204) {
                            acknowledged.lock().unwrap().push((writer, t));
                        }
                    }
                });
            }
            // Not before something was acknowledged, and at a different moment each round.
            tests::eventually("acknowledged writes", Duration::from_secs(60), || {
                (acknowledged.lock().unwrap().len() > before + 5 + round * 3).then_some(())
            });
            bonghwa.kill().unwrap();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let bonghwa = Bonghwa::start(&data, &[RECEIVE]).unwrap();
    let acknowledged = acknowledged.into_inner().unwrap();
    let mut stored: HashSet<(usize, usize, i64)> = HashSet::new();
    for writer in 0..WRITERS {
        let answer = bonghwa.json(&format!("/api/v1/query?query=w{writer}[1h]")).unwrap();
        for series in answer["data"]["result"].as_array().unwrap() {
            let n: usize = series["metric"]["n"].as_str().unwrap().parse().unwrap();
            for point in series["values"].as_array().unwrap() {
                let t = (point[0].as_f64().unwrap() * 1000.0).round() as i64;
                assert_eq!(point[1].as_str().unwrap().parse::<f64>().unwrap(), (t - begin) as f64);
                stored.insert((writer, n, t));
            }
        }
    }
    let lost: Vec<_> = acknowledged
        .iter()
        .flat_map(|(writer, t)| (0..SERIES).map(move |n| (*writer, n, *t)))
        .filter(|sample| !stored.contains(sample))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {} lost: {:?}",
        lost.len(),
        acknowledged.len() * SERIES,
        &lost[..lost.len().min(5)]
    );
    println!("{ROUNDS} rounds, {} samples acknowledged, all there", acknowledged.len() * SERIES);
}
