use model::records::FieldRef;
use parking_lot::Mutex;

use super::super::config::Config;
use super::super::follower::Log;
use super::*;

const TERMS: Terms = Terms { event_length: 64 << 10, first_read: 1 << 30, flush_ms: 500 };

/// An engine that has some lines, and gives those from a time on.
#[derive(Default)]
struct Engine {
    lines: Mutex<Vec<LogLine>>,
    asked: Mutex<Vec<i64>>,
    fails: Mutex<bool>,
}

impl Sources for Engine {
    fn logs(&self, _: &Config) -> Vec<Log> {
        Vec::new()
    }

    fn follow(&self, _: &str, _: bool, since_ns: i64) -> Option<Lines> {
        self.asked.lock().push(since_ns);
        let (sender, lines) = tokio::sync::mpsc::channel(100_000);
        for line in self.lines.lock().iter().filter(|line| line.t_ns >= since_ns) {
            sender.try_send(Ok(line.clone())).unwrap();
        }
        if *self.fails.lock() {
            sender.try_send(Err(model::Error::unavailable("this driver cannot be read"))).unwrap();
        }
        Some(lines)
    }
}

fn line(t_ns: i64, stderr: bool, text: &str) -> LogLine {
    LogLine { t_ns, stream: if stderr { "stderr" } else { "stdout" }.to_owned(), text: text.to_owned() }
}

fn follower(engine: &Arc<Engine>, saved: Option<&[u8]>, rule: Rule) -> Follower {
    let log = EngineLog {
        source: "engine:1".to_owned(),
        id: "1".to_owned(),
        name: "web".to_owned(),
        driver: "local".to_owned(),
        tty: false,
        labels: Labels::from_pairs([("container", "web")]),
        rule,
        runs: true,
        started_ms: 1,
    };
    Follower::new(log, TERMS, engine.clone(), saved, Metrics::default())
}

fn taken(records: &Records) -> Vec<(bool, String)> {
    let stderr = |row: &model::records::Row<'_>| row.field("stream") == Some(FieldRef::Text("stderr"));
    records.iter().map(|row| (stderr(&row), row.body().to_owned())).collect()
}

#[test]
fn lines_of_one_time_are_stored_once_wherever_reading_is_broken_off() {
    let engine = Arc::new(Engine::default());
    // Three lines share a time, outputs overlap, and one output is behind the other.
    for n in 0..30 {
        engine.lines.lock().push(line(100 + n / 3, n % 4 == 0, &format!("line {n}")));
    }
    let all: Vec<(bool, String)> = (0..30).map(|n| (n % 4 == 0, format!("line {n}"))).collect();
    for most in 1..250 {
        let (mut got, mut saved) = (Vec::new(), None);
        // A life reads a little and is killed.
        for _ in 0..60 {
            let mut follower = follower(&engine, saved.as_deref(), Rule::Off);
            let mut records = Records::new();
            follower.step(0, &mut records, most).unwrap();
            got.extend(taken(&records));
            saved = follower.position();
        }
        let of = |stderr: bool| got.iter().filter(|line| line.0 == stderr).cloned().collect::<Vec<_>>();
        let want = |stderr: bool| all.iter().filter(|line| line.0 == stderr).cloned().collect::<Vec<_>>();
        assert_eq!((of(false), of(true)), (want(false), want(true)), "{most} bytes at a time");
    }
}

#[test]
fn the_engine_is_asked_again_while_more_may_come() {
    let engine = Arc::new(Engine::default());
    engine.lines.lock().push(line(5, false, "one"));
    let mut follower = follower(&engine, None, Rule::Off);
    let mut records = Records::new();
    assert!(!follower.step(0, &mut records, 1000).unwrap());
    assert!(!follower.step(10, &mut records, 1000).unwrap());
    assert_eq!(*engine.asked.lock(), [0], "not at once");
    engine.lines.lock().extend([line(6, true, "two"), line(7, false, "three")]);
    follower.step(AGAIN_MS, &mut records, 1000).unwrap();
    assert_eq!(taken(&records).len(), 3);
    follower.step(2 * AGAIN_MS, &mut records, 1000).unwrap();
    assert_eq!(*engine.asked.lock(), [0, 0, 6], "from the output that is behind");
    // What has ended is read once more only after another start.
    follower.log.runs = false;
    follower.step(3 * AGAIN_MS, &mut records, 1000).unwrap();
    assert_eq!(engine.asked.lock().len(), 3);
    follower.log.started_ms = 2;
    follower.step(4 * AGAIN_MS, &mut records, 1000).unwrap();
    assert_eq!((engine.asked.lock().len(), taken(&records).len()), (4, 3));
}

#[test]
fn an_output_that_is_silent_does_not_make_the_past_be_read_again() {
    let engine = Arc::new(Engine::default());
    let second = 1_000_000_000;
    engine.lines.lock().extend([line(second, true, "once"), line(100 * second, false, "now")]);
    let mut first = follower(&engine, None, Rule::Off);
    let mut records = Records::new();
    first.step(0, &mut records, 1000).unwrap();
    let mut next = follower(&engine, first.position().as_deref(), Rule::Off);
    engine.lines.lock().push(line(99 * second, true, "behind"));
    next.step(0, &mut records, 1000).unwrap();
    assert_eq!(*engine.asked.lock(), [0, 95 * second]);
    let bodies: Vec<_> = records.iter().map(|row| row.body().to_owned()).collect();
    assert_eq!(bodies, ["once", "now", "behind"]);
}

#[test]
fn a_stack_trace_is_one_event_and_its_position_waits_for_it() {
    let engine = Arc::new(Engine::default());
    engine.lines.lock().extend([line(5, true, "ERROR x"), line(6, true, "\tat a.B.c(B.java:1)")]);
    let mut first = follower(&engine, None, Rule::Traces);
    let mut records = Records::new();
    first.step(0, &mut records, 1000).unwrap();
    assert!(records.is_empty());
    let mut second = follower(&engine, first.position().as_deref(), Rule::Traces);
    second.step(0, &mut records, 1000).unwrap();
    second.step(600, &mut records, 1000).unwrap();
    assert_eq!(taken(&records), [(true, "ERROR x\n\tat a.B.c(B.java:1)".to_owned())]);
    assert_eq!(decode(&encode(&[(1, 2), (3, 4)])), Some([(1, 2), (3, 4)]));
    assert_eq!(decode(&[1; 20]), None);
}

#[test]
fn what_cannot_be_read_is_told_and_tried_again_later() {
    let engine = Arc::new(Engine::default());
    *engine.fails.lock() = true;
    let mut follower = follower(&engine, None, Rule::Off);
    let mut records = Records::new();
    assert!(follower.step(0, &mut records, 1000).is_err());
    assert!(!follower.step(AGAIN_MS, &mut records, 1000).unwrap());
    assert_eq!(engine.asked.lock().len(), 1);
    assert!(follower.step(FAILED_MS, &mut records, 1000).is_err());
}
