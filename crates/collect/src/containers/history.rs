//! The recent past in buckets of ten seconds: what verdicts are judged by, and the sparklines.

use std::collections::VecDeque;

use model::container::LivePoint;

/// Length of a bucket.
pub const BUCKET_MS: i64 = 10_000;
/// How many buckets are kept: half an hour.
const BUCKETS: usize = 180;
/// How many of them a sparkline shows.
const SPARK: usize = 30;

/// Limits and figures that a live point does not carry; 0: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Observed {
    /// Memory limit in bytes.
    pub memory_limit: u64,
    /// PID limit.
    pub pids_limit: u64,
    /// CPU limit in cores.
    pub cpu_limit: f64,
    /// Memory that cannot be dropped, in bytes; NaN: not known.
    pub needed: f64,
}

/// Means over one bucket; NaN where nothing was known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Start, ms.
    pub t: i64,
    /// CPU in cores.
    pub cpu: f64,
    /// Share of time throttled.
    pub throttled: f64,
    /// Working set in bytes.
    pub working_set: f64,
    /// Memory that cannot be dropped, in bytes.
    pub needed: f64,
    /// Tasks.
    pub pids: f64,
    /// Share of time some task waited for memory.
    pub memory_pressure: f64,
    /// Share of time some task waited for I/O.
    pub io_pressure: f64,
}

/// The recent past of one container.
#[derive(Debug, Default, Clone)]
pub struct History {
    buckets: VecDeque<Bucket>,
    open: Option<(i64, [Mean; 7])>,
    last: Observed,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.sum += value;
            self.count += 1.0;
        }
    }

    fn value(self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { f64::NAN }
    }
}

impl History {
    /// Adds a live point.
    pub fn push(&mut self, point: &LivePoint, observed: Observed) {
        self.last = observed;
        let start = point.t.div_euclid(BUCKET_MS) * BUCKET_MS;
        if let Some((t, means)) = self.open.filter(|(t, _)| *t != start) {
            self.buckets.push_back(bucket(t, means));
            if self.buckets.len() > BUCKETS {
                self.buckets.pop_front();
            }
            self.open = None;
        }
        let (_, means) = self.open.get_or_insert((start, Default::default()));
        let values = [
            point.cpu,
            point.throttled,
            point.working_set,
            observed.needed,
            point.pids,
            point.memory_pressure,
            point.io_pressure,
        ];
        for (mean, value) in means.iter_mut().zip(values) {
            mean.add(value);
        }
    }

    /// The limits that held at the last point.
    pub fn limits(&self) -> Observed {
        self.last
    }

    /// The newest `count` buckets, newest first; the open one is the first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = Bucket> + '_ {
        let open = self.open.map(|(t, means)| bucket(t, means));
        open.into_iter().chain(self.buckets.iter().rev().copied()).take(count)
    }

    /// CPU of the last five minutes, oldest first.
    pub fn cpu_spark(&self) -> Vec<f32> {
        self.spark(|bucket| bucket.cpu)
    }

    /// Working set of the last five minutes, oldest first.
    pub fn memory_spark(&self) -> Vec<f32> {
        self.spark(|bucket| bucket.working_set)
    }

    fn spark(&self, value: impl Fn(&Bucket) -> f64) -> Vec<f32> {
        let mut out: Vec<f32> =
            self.newest(SPARK).map(|b| value(&b)).filter(|v| v.is_finite()).map(|v| v as f32).collect();
        out.reverse();
        out
    }
}

fn bucket(t: i64, means: [Mean; 7]) -> Bucket {
    let [cpu, throttled, working_set, needed, pids, memory_pressure, io_pressure] = means.map(Mean::value);
    Bucket { t, cpu, throttled, working_set, needed, pids, memory_pressure, io_pressure }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn point(t: i64, v: f64) -> LivePoint {
        LivePoint {
            t,
            cpu: v,
            throttled: v,
            memory: v,
            working_set: v,
            rss: v,
            cache: v,
            rx: v,
            tx: v,
            read: v,
            write: v,
            pids: v,
            cpu_pressure: v,
            memory_pressure: v,
            io_pressure: v,
        }
    }

    #[test]
    fn buckets_hold_means_of_what_was_known() {
        let mut history = History::default();
        for (t, v) in [(0, 1.0), (5000, f64::NAN), (9999, 3.0), (10_000, 7.0)] {
            history.push(&point(t, v), Observed { needed: v, ..Observed::default() });
        }
        let buckets: Vec<_> = history.newest(10).collect();
        assert_eq!(buckets.iter().map(|b| (b.t, b.cpu)).collect::<Vec<_>>(), [(10_000, 7.0), (0, 2.0)]);
        assert_eq!(history.cpu_spark(), [2.0, 7.0]);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut history = History::default();
        for i in 0..10_000 {
            history.push(&point(i * 1000, 1.0), Observed::default());
        }
        assert_eq!(history.newest(usize::MAX).count(), BUCKETS + 1);
        assert_eq!(history.memory_spark().len(), SPARK);
    }
}
