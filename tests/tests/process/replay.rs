//! A start after a crash: whoever asks meanwhile is told to wait, and is never turned away by the socket.

use std::sync::atomic::{AtomicBool, Ordering};

use tests::Bonghwa;

use tests::write::{RECEIVE, now_ms, post, request};

/// Samples that take a moment to read back.
const ROUNDS: i64 = 60;
const SERIES: usize = 2_000;

/// Asks until `done`: the answers of `/-/ready` in their order, without repeats, and how often the socket refused after
/// it had answered once.
fn ask(url: &str, client: &reqwest::blocking::Client, done: &AtomicBool) -> (Vec<(u16, String)>, usize) {
    let (mut answers, mut refused): (Vec<(u16, String)>, usize) = (Vec::new(), 0);
    loop {
        let last = done.load(Ordering::Relaxed);
        match client.get(format!("{url}/-/ready")).send() {
            Ok(answer) => {
                let said = (answer.status().as_u16(), answer.text().unwrap_or_default());
                if answers.last() != Some(&said) {
                    answers.push(said);
                }
            }
            Err(_) if answers.is_empty() => {}
            Err(_) => refused += 1,
        }
        if last {
            return (answers, refused);
        }
    }
}

#[test]
fn while_the_log_is_read_back_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &[RECEIVE]).unwrap();
    let begin = now_ms() - 120_000;
    for k in 0..ROUNDS {
        let body = request("m", SERIES, begin + k * 1_000, k as f64);
        assert_eq!(post(bonghwa.client(), &bonghwa.url, body), Some(204));
    }
    let client = bonghwa.client().clone();
    bonghwa.kill().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (url, done) = (format!("http://127.0.0.1:{port}"), AtomicBool::new(false));
    let (bonghwa, (answers, refused)) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&url, &client, &done));
        let address = format!("--web.listen-address=127.0.0.1:{port}");
        let bonghwa = Bonghwa::start(&data, &[RECEIVE, &address]);
        done.store(true, Ordering::Relaxed);
        (bonghwa.unwrap(), asking.join().unwrap())
    });
    assert_eq!(refused, 0, "the listeners stay open: {answers:?}");
    let (last, waiting) = answers.split_last().unwrap();
    assert_eq!(last.0, 200);
    for (status, text) in waiting {
        assert_eq!(*status, 503);
        assert!(text.contains("the log is"), "{text}");
    }
    let stored = bonghwa.query("count(count_over_time(m[1h]) == 60)").unwrap();
    assert_eq!(stored[0].1, SERIES as f64);
    let replay = bonghwa.json("/api/v1/status/walreplay").unwrap();
    let segment = |name: &str| replay["data"][name].as_u64().unwrap();
    assert!(segment("min") >= 1 && segment("current") == segment("max"), "{replay}");
}
