use std::sync::Arc;
use std::time::Duration;

use ::notify::{Delivered, Failure, Retry};
use disk::sim::SimFs;
use model::Matcher;
use model::alerts::{Fingerprint, Silence, SilenceMatcher};

use super::support::*;
use super::{Answer, Attempt, Core};
use crate::alertmanager::{GroupBy, InhibitRule};
use crate::pipeline::{Outcome, Search};

const END: i64 = 1_000_000 * MINUTE;

fn ok(attempt: &Attempt) -> Answer {
    Answer { id: attempt.id, result: Ok(Delivered { answer: "200 OK".to_owned() }) }
}

fn err(attempt: &Attempt, retry: Retry) -> Answer {
    let failure = Failure { message: "503".to_owned(), retry, reason: "serverError" };
    Answer { id: attempt.id, result: Err(failure) }
}

/// What an attempt says: receiver, how many fire, how many are resolved.
fn said(attempt: &Attempt) -> (String, usize, usize) {
    let n = &attempt.notification;
    let resolved = n.alerts.iter().filter(|a| a.is_resolved_at(n.now_ms)).count();
    (n.receiver.clone(), n.alerts.len() - resolved, resolved)
}

/// Steps to `to_ms` at every time that is due, and delivers everything: what was said when, in seconds.
fn run(core: &mut Core, to_ms: i64) -> Vec<(i64, String, usize, usize)> {
    let mut all = Vec::new();
    loop {
        let at = core.next_ms();
        if at > to_ms {
            return all;
        }
        for attempt in core.step(at) {
            let (receiver, firing, resolved) = said(&attempt);
            all.push((at / SECOND, receiver, firing, resolved));
            core.answered(vec![ok(&attempt)], at);
        }
    }
}

fn team(at: i64, firing: usize, resolved: usize) -> (i64, String, usize, usize) {
    (at, "team".to_owned(), firing, resolved)
}

#[test]
fn a_group_waits_tells_changes_in_its_interval_repeats_and_ends() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A"), ("host", "1")], 0, END, 0)], 0).unwrap();
    core.put(vec![alert(&[("alertname", "A"), ("host", "2")], 0, END, 0)], 20 * SECOND).unwrap();
    assert_eq!(run(&mut core, 60 * SECOND), [team(30, 2, 0)]);
    core.put(vec![alert(&[("alertname", "A"), ("host", "3")], 61 * SECOND, END, 0)], 61 * SECOND).unwrap();
    assert_eq!(run(&mut core, 10 * MINUTE), [team(330, 3, 0)]);
    let now = 10 * MINUTE;
    core.put(vec![alert(&[("alertname", "A"), ("host", "2")], 0, now, now)], now).unwrap();
    assert_eq!(run(&mut core, 70 * MINUTE), [team(630, 2, 1)]);
    assert_eq!(
        run(&mut core, 80 * MINUTE),
        [team(630 + 13 * 300, 2, 0)],
        "an hour is over at the next flush"
    );
    let now = 80 * MINUTE;
    let gone = |host| alert(&[("alertname", "A"), ("host", host)], 0, now, now);
    core.put(vec![gone("1"), gone("3")], now).unwrap();
    assert_eq!(run(&mut core, 10 * 60 * MINUTE), [team(4_830, 0, 2)]);
    assert!(core.groups().is_empty() && core.alerts(now).is_empty());
    assert!(core.schedule.is_empty() && core.by_labels.is_empty() && core.under.is_empty());
}

#[test]
fn an_alert_that_came_and_went_within_an_interval_is_not_told() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], 0, 10 * SECOND, 0)], 0).unwrap();
    assert_eq!(run(&mut core, 60 * MINUTE), []);
    assert!(core.groups().is_empty());
}

#[test]
fn an_alert_that_nobody_repeats_ends_by_itself() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], 0, 5 * MINUTE, 0)], 0).unwrap();
    assert_eq!(run(&mut core, 60 * MINUTE), [team(30, 1, 0), team(330, 0, 1)]);
    let entries = core.journal().search(&Search::default()).unwrap();
    assert_eq!(entries.len(), 4, "fired, told, resolved, told: {entries:?}");
}

#[test]
fn failures_are_tried_again_within_the_interval_and_then_with_the_next_flush() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], -MINUTE, END, 0)], 0).unwrap();
    let mut times = Vec::new();
    while times.last().is_none_or(|at| *at < 5 * MINUTE) {
        let at = core.next_ms();
        for attempt in core.step(at) {
            times.push(at);
            assert!(attempt.deadline_ms > at);
            core.answered(vec![err(&attempt, Retry::Later)], at);
        }
    }
    assert!(times.len() > 10 && times.len() < 40, "{times:?}");
    assert!(times.windows(2).all(|w| (250..=90_000).contains(&(w[1] - w[0]))), "{times:?}");
    assert_eq!(times.last(), Some(&(5 * MINUTE)));
    let failed = Search { outcome: Some(Outcome::Failed), ..Search::default() };
    assert_eq!(core.journal().search(&failed).unwrap().len(), 1);

    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], -MINUTE, END, 0)], 0).unwrap();
    let attempt = core.step(0).remove(0);
    core.answered(vec![err(&attempt, Retry::After(Duration::from_secs(100)))], 0);
    assert!(core.step(99 * SECOND).is_empty());
    let attempt = core.step(100 * SECOND).remove(0);
    core.answered(vec![err(&attempt, Retry::Never)], 100 * SECOND);
    assert!(core.step(5 * MINUTE - 1).is_empty());
    assert_eq!(core.step(5 * MINUTE).len(), 1);
}

#[test]
fn a_resolved_alert_whose_telling_failed_is_told_later() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], -MINUTE, MINUTE, 0)], 0).unwrap();
    assert_eq!(run(&mut core, MINUTE), [team(0, 1, 0)]);
    let attempt = core.step(5 * MINUTE).remove(0);
    assert_eq!(said(&attempt), ("team".to_owned(), 0, 1));
    core.answered(vec![err(&attempt, Retry::Never)], 5 * MINUTE);
    assert_eq!(run(&mut core, 60 * MINUTE), [team(600, 0, 1)]);
}

#[test]
fn who_does_not_want_to_hear_of_ends_does_not() {
    let table = Table { ways: vec![(Vec::new(), way("firing-only", &["alertname"]))], ..Table::default() };
    let mut core = open(&SimFs::new(), plan(table, Vec::new()), 0).unwrap();
    let put = |core: &mut Core, host, end, now| {
        core.put(vec![alert(&[("alertname", "A"), ("host", host)], 0, end, now)], now).unwrap();
    };
    put(&mut core, "1", END, 0);
    put(&mut core, "2", END, 0);
    assert_eq!(run(&mut core, MINUTE).len(), 1);
    put(&mut core, "1", 2 * MINUTE, 2 * MINUTE);
    assert_eq!(run(&mut core, 20 * MINUTE), [], "one of two has ended");
    put(&mut core, "2", 20 * MINUTE, 20 * MINUTE);
    assert_eq!(run(&mut core, 30 * MINUTE), [], "both have");
    put(&mut core, "2", END, 31 * MINUTE);
    let again = run(&mut core, 40 * MINUTE);
    assert_eq!((again.len(), again[0].2, again[0].3), (1, 1, 0), "it fires anew, and is told at once");
}

#[test]
fn silences_and_sources_keep_quiet_what_they_match() {
    let rule = InhibitRule {
        source: vec![Matcher::equal("severity", "page")],
        target: vec![Matcher::equal("severity", "note")],
        equal: vec!["host".to_owned()],
        ..InhibitRule::default()
    };
    let table = Table { ways: vec![(Vec::new(), way("team", &["severity"]))], ..Table::default() };
    let mut core = open(&SimFs::new(), plan(table, vec![rule]), 0).unwrap();
    let put = |core: &mut Core, severity, host, end, now| {
        core.put(vec![alert(&[("severity", severity), ("host", host)], 0, end, now)], now).unwrap();
    };
    put(&mut core, "page", "1", END, 0);
    put(&mut core, "note", "1", END, 0);
    put(&mut core, "note", "2", END, 0);
    let silence = Silence {
        id: String::new(),
        matchers: vec![SilenceMatcher {
            name: "host".to_owned(),
            value: "2".to_owned(),
            is_regex: false,
            is_equal: true,
        }],
        starts_at_ms: 0,
        ends_at_ms: 20 * MINUTE,
        updated_at_ms: 0,
        created_by: String::new(),
        comment: String::new(),
    };
    let id = core.set_silence(silence, 0).unwrap();
    assert_eq!(run(&mut core, 9 * MINUTE), [team(30, 1, 0)], "the page");
    let states: Vec<_> = core
        .alerts(9 * MINUTE)
        .into_iter()
        .map(|v| (!v.inhibited_by.is_empty(), v.silenced_by.len()))
        .collect();
    assert_eq!(states.iter().filter(|s| **s == (true, 0)).count(), 1);
    assert_eq!(states.iter().filter(|s| **s == (false, 1)).count(), 1);
    core.expire_silence(&id, 9 * MINUTE).unwrap();
    assert_eq!(run(&mut core, 11 * MINUTE), [team(630, 1, 0)], "the silence is over");
    put(&mut core, "page", "1", 11 * MINUTE, 11 * MINUTE);
    let told = run(&mut core, 16 * MINUTE);
    assert!(told.contains(&team(930, 0, 1)) && told.contains(&team(930, 2, 0)), "{told:?}");
}

#[test]
fn time_intervals_keep_quiet() {
    let mut muted = way("team", &["alertname"]);
    muted.mute = vec!["first half".to_owned()];
    let mut active = way("other", &["alertname"]);
    active.active = vec!["first half".to_owned()];
    let mut table = Table { ways: vec![(Vec::new(), muted), (Vec::new(), active)], ..Table::default() };
    table.intervals.insert("first half".to_owned(), (0, 30 * MINUTE));
    let mut core = open(&SimFs::new(), plan(table, Vec::new()), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], 0, END, 0)], 0).unwrap();
    assert_eq!(run(&mut core, 20 * MINUTE), [(30, "other".to_owned(), 1, 0)]);
    assert_eq!(core.groups()[1].muted_by, ["first half"]);
    assert_eq!(run(&mut core, 40 * MINUTE), [team(1_830, 1, 0)]);
    assert_eq!(core.groups()[0].muted_by, ["first half"]);
}

#[test]
fn a_reload_tells_nobody_twice_and_waits_for_answers() {
    let fs = SimFs::new();
    let mut core = open(&fs, simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], 0, END, 0)], 0).unwrap();
    let attempt = core.step(30 * SECOND).remove(0);
    core.reload(simple(), 40 * SECOND);
    assert!(core.step(40 * SECOND).is_empty(), "an answer is open");
    core.answered(vec![ok(&attempt)], 45 * SECOND);
    assert_eq!(run(&mut core, 50 * MINUTE), []);
    let mut other = simple();
    let mut by_host = way("team", &["host"]);
    by_host.group_by = GroupBy::All;
    by_host.key = "{}/other".to_owned();
    other.routing = Arc::new(Table { ways: vec![(Vec::new(), by_host)], ..Table::default() });
    core.reload(other, 50 * MINUTE);
    assert_eq!(run(&mut core, 51 * MINUTE), [team(3_000, 1, 0)], "another group");

    core.put(vec![alert(&[("alertname", "B")], 51 * MINUTE, END, 0)], 51 * MINUTE).unwrap();
    let attempt = core.step(52 * MINUTE).remove(0);
    core.reload(simple(), 52 * MINUTE);
    core.answered(vec![err(&attempt, Retry::Later)], 52 * MINUTE);
    assert!(core.orphans.is_empty());
    let told = run(&mut core, 53 * MINUTE);
    assert_eq!(told, [team(3_120, 1, 0)], "B, which nobody has heard of");
}

#[test]
fn after_the_end_of_the_process_only_what_was_not_told_is_told() {
    let fs = SimFs::new();
    let mut core = open(&fs, simple(), 0).unwrap();
    let put = |core: &mut Core, name, end, now| {
        core.put(vec![alert(&[("alertname", name)], 0, end, now)], now).unwrap();
    };
    put(&mut core, "told", END, 0);
    put(&mut core, "not told", END, 0);
    let attempts = core.step(30 * SECOND);
    let told = attempts.iter().find(|a| a.notification.group_labels.get("alertname") == Some("told"));
    let key = attempts.iter().find(|a| a.notification.group_labels.get("alertname") != Some("told"));
    let key = key.unwrap().notification.group_key.clone();
    core.answered(vec![ok(told.unwrap())], 31 * SECOND);
    drop(core);
    fs.kill();
    let mut core = open(&fs, simple(), MINUTE).unwrap();
    let again = core.step(MINUTE);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].notification.group_key, key, "with the same key");
    core.answered(vec![ok(&again[0])], MINUTE);
    // Nobody repeats them: they are believed for a while, and their end is told.
    assert_eq!(run(&mut core, 30 * MINUTE), [team(360, 0, 1), team(360, 0, 1)]);
    drop(core);
    fs.crash();
    let mut core = open(&fs, simple(), 40 * MINUTE).unwrap();
    assert_eq!(run(&mut core, 60 * MINUTE), []);
}

#[test]
fn a_crash_at_any_operation_repeats_nothing_that_was_recorded() {
    for at in 0.. {
        let fs = SimFs::new();
        fs.fail_from(at);
        let mut told = Vec::new();
        if let Ok(mut core) = open(&fs, simple(), 0) {
            for i in 0..3 {
                let now = i * MINUTE;
                let name = i.to_string();
                core.put(vec![alert(&[("alertname", &name)], now, END, now)], now).unwrap();
                for attempt in core.step(now + 30 * SECOND) {
                    core.answered(vec![ok(&attempt)], now + 30 * SECOND);
                    if !fs.failed() {
                        told.push(attempt.notification.group_key.clone());
                    }
                }
            }
        }
        let survived = !fs.failed();
        fs.crash();
        let now = 10 * MINUTE;
        let mut core = open(&fs, simple(), now).unwrap();
        for i in 0..3 {
            let name = i.to_string();
            core.put(vec![alert(&[("alertname", &name)], i * MINUTE, END, now)], now).unwrap();
        }
        let again: Vec<_> = core.step(now).iter().map(|a| a.notification.group_key.clone()).collect();
        assert!(told.iter().all(|key| !again.contains(key)), "failure at {at}: {told:?} {again:?}");
        assert!(again.len() <= 3 - told.len());
        if survived {
            assert_eq!((told.len(), again.len()), (3, 0));
            break;
        }
    }
}

#[test]
fn what_fires_longer_than_the_ledger_keeps_is_known_after_a_restart() {
    let fs = SimFs::new();
    let mut core = open(&fs, simple(), 0).unwrap();
    core.limits.retention_ms = 20 * 60 * MINUTE;
    core.put(vec![alert(&[("alertname", "old")], 0, END, 0)], 0).unwrap();
    for hour in 1..60_i64 {
        let now = hour * 60 * MINUTE;
        core.put(vec![alert(&[("alertname", "x")], now, now + MINUTE, now)], now).unwrap();
        run(&mut core, now + 59 * MINUTE);
    }
    let oldest =
        core.journal().search(&Search { most: 100_000, ..Search::default() }).unwrap().pop().unwrap();
    assert!(oldest.at_ms() > 20 * 60 * MINUTE, "retention works");
    drop(core);
    fs.kill();
    let now = 60 * 60 * MINUTE;
    let core = open(&fs, simple(), now).unwrap();
    let old = model::Labels::from_pairs([("alertname", "old")]);
    assert!(core.alert(Fingerprint::of(&old), now).is_some());
}

#[test]
fn an_end_that_is_reported_again_is_not_told_again() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    let put = |core: &mut Core, host, end, now| {
        core.put(vec![alert(&[("alertname", "A"), ("host", host)], 0, end, now)], now).unwrap();
    };
    put(&mut core, "1", END, 0);
    put(&mut core, "2", END, 0);
    put(&mut core, "2", MINUTE, MINUTE);
    assert_eq!(run(&mut core, 6 * MINUTE), [team(30, 2, 0), team(330, 1, 1)]);
    put(&mut core, "3", END, 6 * MINUTE);
    assert_eq!(run(&mut core, 11 * MINUTE), [team(630, 2, 0)]);
    put(&mut core, "2", MINUTE, 12 * MINUTE);
    assert_eq!(run(&mut core, 30 * MINUTE), []);
}

#[test]
fn an_end_that_could_not_be_told_is_told_after_a_restart() {
    let fs = SimFs::new();
    let mut core = open(&fs, simple(), 0).unwrap();
    core.put(vec![alert(&[("alertname", "A")], -MINUTE, END, 0)], 0).unwrap();
    assert_eq!(run(&mut core, MINUTE), [team(0, 1, 0)]);
    core.put(vec![alert(&[("alertname", "A")], -MINUTE, MINUTE, MINUTE)], MINUTE).unwrap();
    let attempt = core.step(5 * MINUTE).remove(0);
    core.answered(vec![err(&attempt, Retry::Never)], 5 * MINUTE);
    drop(core);
    fs.kill();
    let mut core = open(&fs, simple(), 60 * MINUTE).unwrap();
    assert_eq!(run(&mut core, 90 * MINUTE), [team(3_600, 0, 1)]);
    drop(core);
    fs.kill();
    let mut core = open(&fs, simple(), 100 * MINUTE).unwrap();
    assert_eq!(run(&mut core, 130 * MINUTE), []);
}

#[test]
fn groups_are_limited() {
    let mut core = open(&SimFs::new(), simple(), 0).unwrap();
    core.limits.groups = 2;
    for name in ["a", "b", "c"] {
        core.put(vec![alert(&[("alertname", name)], 0, END, 0)], 0).unwrap();
    }
    assert_eq!((core.groups().len(), core.metrics.group_limit_reached.get()), (2, 1));
}
