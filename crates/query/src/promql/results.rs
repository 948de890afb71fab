//! Results of range queries, kept for whoever asks again.
//!
//! A kept result is used only as far as it is what an evaluation would yield: for the steps up to the first one whose
//! samples have changed since ([`MetricReader::version`]). The steps after it are evaluated and joined to it, so that
//! a dashboard that moves forward costs what is new. Only queries whose value at a step depends on nothing but samples
//! in a known distance before that step are kept (`reach`), and only results without warnings and histograms, and not those
//! from summaries. One with infos is used for the very same steps only: which of them they are about is not known.

mod reach;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Budget, MetricReader, Reservation, TimeRange};

use super::ast::Expr;
use super::engine::EngineOptions;
use super::eval::Steps;
use super::value::{QueryOutput, Series, Value};
pub(super) use reach::reach;

/// Results that are kept at most, whatever their size.
const MOST: usize = 4_096;
/// Rough memory of a kept result beside its series.
const COST: usize = 512;

/// Kept results, within a number of bytes.
#[derive(Debug)]
pub struct Results {
    inner: Mutex<Inner>,
    budget: Budget,
    limit: u64,
}

#[derive(Debug, Default)]
struct Inner {
    kept: HashMap<Key, Kept>,
    bytes: u64,
    clock: u64,
}

/// What is asked, but for start and end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    query: String,
    step: i64,
    /// Where the steps lie between two multiples of `step`.
    phase: i64,
    lookback: i64,
    subquery_step: i64,
    type_labels: bool,
}

#[derive(Debug)]
struct Kept {
    steps: Steps,
    layout: u64,
    now: u64,
    series: Arc<Vec<Series>>,
    infos: Arc<Vec<String>>,
    used: u64,
    reserved: Reservation,
}

/// The beginning of a result.
pub(super) struct Beginning {
    series: Arc<Vec<Series>>,
    /// What was said about it; nothing where it is not the whole.
    infos: Arc<Vec<String>>,
    /// Its first and its last time.
    range: TimeRange,
}

impl Key {
    /// The key of a query, if its results may be kept.
    pub(super) fn new(query: &str, steps: Steps, options: &EngineOptions) -> Option<Self> {
        let plain = !options.delayed_name_removal && !options.start_timestamps && !options.sample_stats;
        plain.then(|| Self {
            query: query.to_owned(),
            step: steps.step,
            phase: steps.start.rem_euclid(steps.step),
            lookback: options.lookback_ms,
            subquery_step: options.subquery_step_ms,
            type_labels: options.type_and_unit_labels,
        })
    }
}

impl Results {
    /// Keeps results of at most `limit` bytes, reserved from `budget`.
    pub fn new(limit: u64, budget: Budget) -> Self {
        Self { inner: Mutex::default(), budget, limit }
    }

    /// The longest beginning of the result at `steps` that still holds. `back`: how far back a step reaches.
    pub(super) fn beginning(
        &self,
        key: &Key,
        steps: Steps,
        back: i64,
        reader: &dyn MetricReader,
    ) -> Option<Beginning> {
        let (kept, layout, now, series, infos) = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.clock += 1;
            let clock = inner.clock;
            let kept = inner.kept.get_mut(key)?;
            kept.used = clock;
            (kept.steps, kept.layout, kept.now, Arc::clone(&kept.series), Arc::clone(&kept.infos))
        };
        if kept.start > steps.start || kept.last() < steps.start {
            return None;
        }
        let whole = reader.version(TimeRange::new(kept.start.saturating_sub(back), kept.last()))?;
        if whole.layout != layout {
            return None;
        }
        let oldest = steps.start.saturating_sub(back);
        let holds = |end: i64| reader.version(TimeRange::new(oldest, end)).is_some_and(|v| v.changed <= now);
        let most = usize::try_from((kept.last().min(steps.last()) - steps.start) / steps.step).ok()? + 1;
        // The first of `most` steps that no longer holds.
        let (mut low, mut high) = (0, most);
        if holds(steps.time(most - 1)) {
            low = most;
        }
        while low < high {
            let middle = (low + high) / 2;
            match holds(steps.time(middle)) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let last = low.checked_sub(1)?;
        if !infos.is_empty() && (kept != steps || low < most) {
            return None;
        }
        Some(Beginning { series, infos, range: TimeRange::new(steps.start, steps.time(last)) })
    }

    /// Keeps the result at `steps`, read after the reader's changes had the number `now`.
    pub(super) fn keep(&self, key: Key, steps: Steps, (layout, now): (u64, u64), output: &QueryOutput) {
        let Value::Matrix(series) = &output.value else { return };
        let whole = output.warnings.is_empty() && output.resolutions.is_empty();
        if !whole || series.iter().any(|s| !s.histograms.is_empty()) {
            return;
        }
        let size: usize = series.iter().map(|s| 64 + s.labels.canonical().len() + s.points.len() * 16).sum();
        let said: usize = output.infos.iter().map(|text| 24 + text.len()).sum();
        let size = (size + said + COST + key.query.len()) as u64;
        if size > self.limit / 8 {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.remove(&key);
        while (inner.bytes + size > self.limit || inner.kept.len() >= MOST) && inner.evict() {}
        let Ok(reserved) = self.budget.reserve(size) else {
            // Memory is short: make room for others instead.
            inner.evict();
            return;
        };
        inner.clock += 1;
        let (series, infos) = (Arc::new(series.clone()), Arc::new(output.infos.clone()));
        let kept = Kept { steps, layout, now, series, infos, used: inner.clock, reserved };
        inner.bytes += size;
        inner.kept.insert(key, kept);
    }
}

impl Inner {
    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.kept.remove(key) {
            self.bytes = self.bytes.saturating_sub(gone.reserved.bytes());
        }
    }

    /// Forgets what has not been asked for the longest; `false` where nothing is left.
    fn evict(&mut self) -> bool {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
        oldest.map(|key| self.remove(&key)).is_some()
    }
}

impl Beginning {
    /// The last time that is known.
    pub(super) fn last(&self) -> i64 {
        self.range.end
    }

    /// What was said about the result, where it is the whole.
    pub(super) fn infos(&self) -> Vec<String> {
        self.infos.to_vec()
    }

    /// The result of the beginning, and `rest`, which comes after it. Both are sorted by labels.
    pub(super) fn join(&self, rest: Vec<Series>) -> Vec<Series> {
        let mut joined = Vec::with_capacity(self.series.len().max(rest.len()));
        let mut rest = rest.into_iter().peekable();
        for series in self.series.iter() {
            let from = series.points.partition_point(|p| p.0 < self.range.start);
            let to = series.points.partition_point(|p| p.0 <= self.range.end).max(from);
            let points = &series.points[from..to];
            while let Some(other) = rest.next_if(|other| other.labels < series.labels) {
                joined.push(other);
            }
            let same = rest.next_if(|other| other.labels.cmp(&series.labels) == Ordering::Equal);
            let mut all = Vec::with_capacity(points.len() + same.as_ref().map_or(0, |s| s.points.len()));
            all.extend_from_slice(points);
            let mut histograms = Vec::new();
            if let Some(same) = same {
                all.extend_from_slice(&same.points);
                histograms = same.histograms;
            }
            if !all.is_empty() || !histograms.is_empty() {
                joined.push(Series { labels: series.labels.clone(), points: all, histograms });
            }
        }
        joined.extend(rest);
        joined
    }
}

/// Whether something in `expr` reads samples: without, there is nothing to keep.
pub(super) fn reads(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |expr| found |= matches!(expr, Expr::Vector(_) | Expr::Matrix(_)));
    found
}

#[cfg(test)]
mod tests;
