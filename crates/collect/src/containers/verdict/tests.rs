use model::container::LivePoint;

use super::*;
use crate::containers::history::Observed;

const MIB: f64 = 1_048_576.0;

fn calm(t: i64) -> LivePoint {
    LivePoint {
        t,
        cpu: 0.1,
        throttled: 0.0,
        memory: 10.0 * MIB,
        working_set: 10.0 * MIB,
        rss: 10.0 * MIB,
        cache: 0.0,
        rx: 0.0,
        tx: 0.0,
        read: 0.0,
        write: 0.0,
        pids: 3.0,
        cpu_pressure: 0.0,
        memory_pressure: 0.0,
        io_pressure: 0.0,
    }
}

fn limits() -> Observed {
    Observed { memory_limit: 64 << 20, pids_limit: 100, cpu_limit: 0.5, needed: 10.0 * MIB }
}

/// `seconds` of points, made by `change` from calm ones.
fn history(seconds: i64, mut change: impl FnMut(i64, &mut LivePoint, &mut Observed)) -> History {
    let mut history = History::default();
    for second in 0..seconds {
        let (mut point, mut observed) = (calm(second * 1000), limits());
        change(second, &mut point, &mut observed);
        history.push(&point, observed);
    }
    history
}

fn running() -> ContainerFacts {
    ContainerFacts { state: ContainerState::Running, memory_limit: 64 << 20, ..ContainerFacts::default() }
}

fn judged(facts: &ContainerFacts, history: &History, before: &[Verdict]) -> Vec<Verdict> {
    let evidence = Evidence {
        facts,
        history,
        oom_kills: 0,
        restarts: &[],
        running: facts.state == ContainerState::Running,
        now_ms: 600_000,
    };
    judge(&evidence, before)
}

fn codes(list: &[Verdict]) -> Vec<(&str, Severity)> {
    list.iter().map(|v| (v.code.as_str(), v.severity)).collect()
}

#[test]
fn all_is_well() {
    assert_eq!(judged(&running(), &history(120, |_, _, _| {}), &[]), []);
    assert_eq!(judged(&running(), &History::default(), &[]), [], "nothing known yet");
}

#[test]
fn page_cache_at_the_limit_is_no_trouble() {
    // Reading a large file: use at the limit, all of it cache, some of it active, and some pressure from reclaim.
    let reading = history(300, |_, point, observed| {
        point.memory = 64.0 * MIB;
        point.cache = 60.0 * MIB;
        point.working_set = 62.0 * MIB;
        point.memory_pressure = 0.35;
        observed.needed = 4.0 * MIB;
    });
    assert_eq!(judged(&running(), &reading, &[]), []);
}

#[test]
fn memory_that_cannot_be_dropped_near_the_limit() {
    let near = history(120, |_, point, observed| {
        point.working_set = 59.0 * MIB;
        observed.needed = 59.0 * MIB;
    });
    let found = judged(&running(), &near, &[]);
    assert_eq!(codes(&found), [("memory_near_limit", Severity::Warning)]);
    assert!((found[0].values["share"] - 59.0 / 64.0).abs() < 1e-9);
    let full = history(120, |_, _, observed| observed.needed = 63.0 * MIB);
    assert_eq!(codes(&judged(&running(), &full, &[])), [("memory_near_limit", Severity::Error)]);
    let thrashing = history(120, |_, point, observed| {
        point.working_set = 63.0 * MIB;
        point.memory_pressure = 0.4;
        observed.needed = 40.0 * MIB;
    });
    assert_eq!(codes(&judged(&running(), &thrashing, &[])), [("memory_near_limit", Severity::Warning)]);
}

#[test]
fn growth_tells_when_it_is_full() {
    // 50 MiB at the end, growing by 3 MiB a minute: full in under five minutes.
    let growing = history(600, |second, point, observed| {
        observed.needed = (20.0 + second as f64 * 0.05) * MIB;
        point.working_set = observed.needed;
    });
    let found = judged(&running(), &growing, &[]);
    assert_eq!(codes(&found), [("memory_near_limit", Severity::Warning)]);
    let per_minute = found[0].values["growth_per_second"] * 60.0 / MIB;
    assert!((per_minute - 3.0).abs() < 0.05, "{per_minute}");
    let minutes = found[0].values["seconds_to_full"] / 60.0;
    assert!((4.0..6.0).contains(&minutes), "{minutes}");
    let saw = history(600, |second, _, observed| observed.needed = (40.0 + (second % 60) as f64 / 6.0) * MIB);
    assert_eq!(judged(&running(), &saw, &[]), [], "up and down is no growth");
}

#[test]
fn a_verdict_keeps_its_since_and_does_not_flicker() {
    let near = history(120, |_, _, observed| observed.needed = 58.0 * MIB);
    let mut first = judged(&running(), &near, &[]);
    first[0].since_ms = 5;
    let just_below = history(120, |_, _, observed| observed.needed = 57.0 * MIB);
    assert_eq!(judged(&running(), &just_below, &[]), []);
    let still = judged(&running(), &just_below, &first);
    assert_eq!((still[0].code.as_str(), still[0].since_ms), ("memory_near_limit", 5));
    let well_below = history(120, |_, _, observed| observed.needed = 50.0 * MIB);
    assert_eq!(judged(&running(), &well_below, &first), []);
}

#[test]
fn throttling_pids_io_and_health() {
    let trouble = history(120, |_, point, _| {
        point.throttled = 0.5;
        point.pids = 96.0;
        point.io_pressure = 0.7;
    });
    let facts = ContainerFacts { health: "unhealthy".into(), ..running() };
    let want = [
        ("cpu_throttled", Severity::Error),
        ("pids_near_limit", Severity::Error),
        ("unhealthy", Severity::Error),
        ("io_pressure", Severity::Warning),
    ];
    assert_eq!(codes(&judged(&facts, &trouble, &[])), want);
    let unlimited = history(60, |_, _, observed| *observed = Observed { needed: 1.0, ..Observed::default() });
    let facts = ContainerFacts { memory_limit: 0, ..running() };
    assert_eq!(codes(&judged(&facts, &unlimited, &[])), [("no_limit", Severity::Ok)]);
}

#[test]
fn ends() {
    let ended = ContainerFacts {
        state: ContainerState::Exited,
        exit_code: Some(3),
        finished_ms: 7,
        ..ContainerFacts::default()
    };
    let none = History::default();
    let found = judged(&ended, &none, &[]);
    assert_eq!(codes(&found), [("exited_with_error", Severity::Error)]);
    assert_eq!((found[0].since_ms, found[0].values["exit_code"]), (7, 3.0));
    let stopped = ContainerFacts { exit_reason: "stopped".into(), exit_code: Some(143), ..ended.clone() };
    assert_eq!(codes(&judged(&stopped, &none, &[])), [("exited_with_error", Severity::Info)]);
    let completed = ContainerFacts { exit_code: Some(0), ..ended.clone() };
    assert_eq!(judged(&completed, &none, &[]), []);
    let killed = ContainerFacts { oom_killed: true, exit_code: Some(137), memory_limit: 64 << 20, ..ended };
    let found = judged(&killed, &none, &[]);
    assert_eq!(codes(&found), [("oom_killed", Severity::Critical)], "one verdict for one end");
    assert_eq!(found[0].values["limit"], 64.0 * MIB);
}

#[test]
fn restarts_within_ten_minutes_make_a_loop() {
    let facts = running();
    let history = history(60, |_, _, _| {});
    let mut evidence = Evidence {
        facts: &facts,
        history: &history,
        oom_kills: 0,
        restarts: &[10_000, 300_000, 400_000, 500_000],
        running: true,
        now_ms: 700_000,
    };
    let found = judge(&evidence, &[]);
    assert_eq!(codes(&found), [("restart_loop", Severity::Critical)]);
    assert_eq!((found[0].since_ms, found[0].values["restarts"]), (300_000, 3.0));
    evidence.restarts = &[10_000, 300_000, 400_000];
    assert_eq!(judge(&evidence, &[]), []);
}
