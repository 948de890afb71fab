//! Judges a container by its facts and its recent past: a pure function.
//!
//! Memory is judged by what cannot be dropped and by the working set under pressure, never by use alone: page cache
//! fills any limit and is no trouble. A verdict that held before keeps its `since`; to fall silent again a figure must
//! go a little below the threshold that raised it.

use std::collections::BTreeMap;

use model::container::{ContainerFacts, ContainerState, Severity, Verdict};

use super::history::History;

/// What a container is judged by.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Facts.
    pub facts: &'a ContainerFacts,
    /// The recent past.
    pub history: &'a History,
    /// OOM kills seen.
    pub oom_kills: u64,
    /// Starts that followed an end, ms, oldest first.
    pub restarts: &'a [i64],
    /// Whether it runs.
    pub running: bool,
    /// Now.
    pub now_ms: i64,
}

/// Buckets in half a minute, in a minute, and in ten: what "now" and "lately" mean.
const NOW: usize = 3;
const MINUTE: usize = 6;
const LATELY: usize = 60;
/// Restarts within this time make a loop.
const LOOP_MS: i64 = 600_000;
const LOOP_RESTARTS: usize = 3;
/// How long an OOM kill is shown on a container that runs again.
const OOM_SHOWN_MS: i64 = 3_600_000;

/// All verdicts, worst first. `before` are those of the last time.
pub fn judge(evidence: &Evidence<'_>, before: &[Verdict]) -> Vec<Verdict> {
    let mut found = Vec::new();
    if evidence.running {
        found.extend(memory_near_limit(evidence, held(before, "memory_near_limit")));
        found.extend(cpu_throttled(evidence, held(before, "cpu_throttled")));
        found.extend(pids_near_limit(evidence, held(before, "pids_near_limit")));
        found.extend(io_pressure(evidence, held(before, "io_pressure")));
        found.extend(unhealthy(evidence));
        found.extend(no_limit(evidence));
    }
    found.extend(oom_killed(evidence));
    found.extend(restart_loop(evidence));
    found.extend(exited_with_error(evidence));
    for verdict in &mut found {
        let old = before.iter().find(|old| old.code == verdict.code);
        if let Some(old) = old.filter(|old| old.since_ms > 0 && verdict.since_ms == evidence.now_ms) {
            verdict.since_ms = old.since_ms;
        }
    }
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.code.cmp(&b.code)));
    found
}

fn held(before: &[Verdict], code: &str) -> bool {
    before.iter().any(|verdict| verdict.code == code)
}

fn verdict(code: &str, severity: Severity, since_ms: i64, values: &[(&str, f64)]) -> Verdict {
    let values: BTreeMap<String, f64> =
        values.iter().filter(|(_, v)| v.is_finite()).map(|(k, v)| ((*k).to_owned(), *v)).collect();
    Verdict { code: code.to_owned(), severity, since_ms, values }
}

/// The mean of what is known of the newest `count` buckets; NaN where nothing is.
fn mean(evidence: &Evidence<'_>, count: usize, value: impl Fn(&super::history::Bucket) -> f64) -> f64 {
    let known: Vec<f64> =
        evidence.history.newest(count).map(|b| value(&b)).filter(|v| v.is_finite()).collect();
    if known.is_empty() { f64::NAN } else { known.iter().sum::<f64>() / known.len() as f64 }
}

fn memory_near_limit(evidence: &Evidence<'_>, was: bool) -> Option<Verdict> {
    let limit = evidence.history.limits().memory_limit as f64;
    if limit <= 0.0 {
        return None;
    }
    let needed = mean(evidence, NOW, |b| b.needed);
    let working_set = mean(evidence, NOW, |b| b.working_set);
    let pressure = mean(evidence, MINUTE, |b| b.memory_pressure);
    let share = needed / limit;
    let lower = if was { 0.03 } else { 0.0 };
    // A working set at the limit counts only where tasks wait for memory and caches are not most of it.
    let thrashing = working_set / limit >= 0.95 - lower && pressure >= 0.2 - lower && share >= 0.5;
    let growth = growth_per_second(evidence);
    let to_full = if growth > 0.0 { (limit - needed) / growth } else { f64::NAN };
    let filling = share >= 0.75 - lower && to_full < 1800.0;
    let severity = if share >= 0.97 - lower {
        Severity::Error
    } else if share >= 0.9 - lower || thrashing || filling {
        Severity::Warning
    } else {
        return None;
    };
    let values = [
        ("share", working_set / limit),
        ("needed_share", share),
        ("working_set", working_set),
        ("needed", needed),
        ("limit", limit),
        ("growth_per_second", growth),
        ("seconds_to_full", to_full),
        ("pressure", pressure),
    ];
    Some(verdict("memory_near_limit", severity, evidence.now_ms, &values))
}

/// Growth of what cannot be dropped over the last ten minutes, bytes a second, by least squares; NaN where there are
/// not yet two minutes, or where the line explains too little.
fn growth_per_second(evidence: &Evidence<'_>) -> f64 {
    let points: Vec<(f64, f64)> = evidence
        .history
        .newest(LATELY)
        .filter(|b| b.needed.is_finite())
        .map(|b| ((b.t - evidence.now_ms) as f64 / 1000.0, b.needed))
        .collect();
    if points.len() < 12 {
        return f64::NAN;
    }
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let sxx: f64 = points.iter().map(|p| (p.0 - mx).powi(2)).sum();
    let syy: f64 = points.iter().map(|p| (p.1 - my).powi(2)).sum();
    let sxy: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    if sxx <= 0.0 {
        return f64::NAN;
    }
    if syy <= 0.0 {
        return 0.0;
    }
    if sxy * sxy / (sxx * syy) < 0.8 { f64::NAN } else { sxy / sxx }
}

fn cpu_throttled(evidence: &Evidence<'_>, was: bool) -> Option<Verdict> {
    let share = mean(evidence, MINUTE, |b| b.throttled);
    let from = if was { 0.03 } else { 0.05 };
    if share.is_nan() || share < from {
        return None;
    }
    let severity = if share >= 0.5 {
        Severity::Error
    } else if share >= 0.15 {
        Severity::Warning
    } else {
        Severity::Info
    };
    let cpu = mean(evidence, MINUTE, |b| b.cpu);
    let limit = evidence.history.limits().cpu_limit;
    let values = [("share", share), ("cpu", cpu), ("limit", limit)];
    Some(verdict("cpu_throttled", severity, evidence.now_ms, &values))
}

fn pids_near_limit(evidence: &Evidence<'_>, was: bool) -> Option<Verdict> {
    let limit = evidence.history.limits().pids_limit as f64;
    let pids = mean(evidence, 1, |b| b.pids);
    let share = pids / limit;
    let from = if was { 0.77 } else { 0.8 };
    if limit <= 0.0 || share.is_nan() || share < from {
        return None;
    }
    let severity = if share >= 0.95 { Severity::Error } else { Severity::Warning };
    let values = [("share", share), ("pids", pids), ("limit", limit)];
    Some(verdict("pids_near_limit", severity, evidence.now_ms, &values))
}

fn io_pressure(evidence: &Evidence<'_>, was: bool) -> Option<Verdict> {
    let share = mean(evidence, MINUTE, |b| b.io_pressure);
    let from = if was { 0.25 } else { 0.3 };
    if share.is_nan() || share < from || evidence.history.newest(MINUTE).count() < 2 {
        return None;
    }
    let severity = if share >= 0.6 { Severity::Warning } else { Severity::Info };
    Some(verdict("io_pressure", severity, evidence.now_ms, &[("share", share)]))
}

fn unhealthy(evidence: &Evidence<'_>) -> Option<Verdict> {
    (evidence.facts.health == "unhealthy")
        .then(|| verdict("unhealthy", Severity::Error, evidence.now_ms, &[]))
}

fn no_limit(evidence: &Evidence<'_>) -> Option<Verdict> {
    let limits = evidence.history.limits();
    let known = evidence.history.newest(1).next().is_some_and(|b| b.working_set.is_finite());
    if !known || limits.memory_limit > 0 || evidence.facts.memory_limit > 0 {
        return None;
    }
    let working_set = mean(evidence, NOW, |b| b.working_set);
    Some(verdict("no_limit", Severity::Ok, evidence.facts.started_ms, &[("working_set", working_set)]))
}

fn oom_killed(evidence: &Evidence<'_>) -> Option<Verdict> {
    let facts = evidence.facts;
    if !facts.oom_killed && evidence.oom_kills == 0 {
        return None;
    }
    if facts.oom_killed && !evidence.running {
        let values = [
            ("exit_code", facts.exit_code.map_or(f64::NAN, |code| code as f64)),
            ("limit", limit_of(evidence)),
            ("kills", evidence.oom_kills.max(1) as f64),
        ];
        return Some(verdict("oom_killed", Severity::Critical, facts.finished_ms, &values));
    }
    // It runs (again): news for an hour after the last kill that ended it, and while a child was killed in this life.
    let since = if facts.oom_killed { facts.finished_ms } else { facts.started_ms };
    let recent = evidence.now_ms - since <= OOM_SHOWN_MS || !facts.oom_killed;
    let values = [("limit", limit_of(evidence)), ("kills", evidence.oom_kills.max(1) as f64)];
    recent.then(|| verdict("oom_killed", Severity::Error, since, &values))
}

fn limit_of(evidence: &Evidence<'_>) -> f64 {
    match (evidence.history.limits().memory_limit, evidence.facts.memory_limit) {
        (0, 0) => f64::NAN,
        (0, limit) | (limit, _) => limit as f64,
    }
}

fn restart_loop(evidence: &Evidence<'_>) -> Option<Verdict> {
    let recent: Vec<i64> =
        evidence.restarts.iter().copied().filter(|t| evidence.now_ms - t <= LOOP_MS).collect();
    let first = *recent.first()?;
    if recent.len() < LOOP_RESTARTS || evidence.facts.removed_ms > 0 {
        return None;
    }
    let values = [
        ("restarts", recent.len() as f64),
        ("window_seconds", LOOP_MS as f64 / 1000.0),
        ("total", evidence.facts.restart_count as f64),
    ];
    Some(verdict("restart_loop", Severity::Critical, first, &values))
}

fn exited_with_error(evidence: &Evidence<'_>) -> Option<Verdict> {
    let facts = evidence.facts;
    let ended = matches!(
        facts.state,
        ContainerState::Exited | ContainerState::Dead | ContainerState::Removed | ContainerState::Created
    );
    let code = facts.exit_code.filter(|code| *code != 0)?;
    if !ended || facts.oom_killed || evidence.running {
        return None;
    }
    // Whoever stops a container wants it to end; 137 and 143 then say nothing.
    let severity = if facts.exit_reason == "stopped" { Severity::Info } else { Severity::Error };
    // A start that failed has no end.
    let since = if facts.finished_ms > 0 { facts.finished_ms } else { facts.created_ms };
    Some(verdict("exited_with_error", severity, since, &[("exit_code", code as f64)]))
}

#[cfg(test)]
mod tests;
