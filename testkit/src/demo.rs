//! The metrics of the demo service that the PromQL compliance queries ask for, as three instances expose them.
//!
//! Every sample lies off the whole seconds, so that none meets the edge of a window of whole seconds: left-open and
//! closed windows then hold the same samples.

use model::{Labels, stale_nan};

use crate::MemoryMetrics;

/// When the data starts, ms.
pub const START_MS: i64 = 1_700_000_000_000;
/// How long it goes on, ms.
pub const LENGTH_MS: i64 = 7_800_000;
/// Distance of the scrapes, ms.
pub const INTERVAL_MS: i64 = 5_000;

const INSTANCES: [(&str, i64); 3] = [
    ("demo.promlabs.com:10000", 1_337),
    ("demo.promlabs.com:10001", 2_411),
    ("demo.promlabs.com:10002", 3_703),
];

/// A small generator of numbers that look random and are the same in every run (xorshift).
struct Noise(u64);

impl Noise {
    /// The next number in 0..1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Fills `store` with all series.
pub fn fill(store: &MemoryMetrics) {
    for (number, (instance, offset)) in (1u64..).zip(INSTANCES) {
        let times: Vec<i64> =
            (0..LENGTH_MS / INTERVAL_MS).map(|i| START_MS + i * INTERVAL_MS + offset).collect();
        let target = Target { store, instance, times, noise: Noise(0x9e37_79b9_7f4a_7c15 ^ number) };
        target.fill(number as f64);
    }
}

struct Target<'a> {
    store: &'a MemoryMetrics,
    instance: &'static str,
    times: Vec<i64>,
    noise: Noise,
}

impl Target<'_> {
    fn fill(mut self, number: f64) {
        self.gauge("demo_num_cpus", &[], |_, _| 4.0);
        for (kind, base) in [("used", 5e9), ("cached", 2e9), ("buffers", 4e8), ("free", 1e9)] {
            self.gauge("demo_memory_usage_bytes", &[("type", kind)], |t, noise| {
                (base * (number + (t as f64 / 9e5).sin() * 0.1 + noise * 0.05)).round()
            });
        }
        let growth = 1.5e7 * number;
        self.gauge("demo_disk_usage_bytes", &[], |t, noise| {
            (2e11 + growth * ((t - START_MS) as f64 / 1e4) + noise * 1e6).round()
        });
        self.gauge("demo_disk_total_bytes", &[], |_, _| 1e12);
        self.gauge("demo_batch_last_success_timestamp_seconds", &[], |t, _| {
            ((t - 1) / 47_000 * 47_000) as f64 / 1000.0 - 86_400.0 * 30.0 * number
        });
        for (mode, share) in [("idle", 0.7), ("system", 0.1), ("user", 0.2)] {
            self.counter("demo_cpu_usage_seconds_total", &[("mode", mode)], share * 4.0 * 5.0);
        }
        self.requests(number);
        self.intermittent();
    }

    fn labels(&self, name: &str, labels: &[(&str, &str)]) -> Labels {
        let own = [("__name__", name), ("instance", self.instance), ("job", "demo")];
        Labels::from_pairs(own.iter().chain(labels).copied())
    }

    fn gauge(&mut self, name: &str, labels: &[(&str, &str)], value: impl Fn(i64, f64) -> f64) {
        let samples: Vec<(i64, f64)> =
            self.times.iter().map(|t| (*t, value(*t, self.noise.next()))).collect();
        self.store.insert(&self.labels(name, labels), samples);
    }

    /// A counter that starts again from zero now and then.
    fn counter(&mut self, name: &str, labels: &[(&str, &str)], step: f64) {
        let mut value = 0.0;
        let mut samples = Vec::new();
        for t in &self.times {
            value += step * (0.5 + self.noise.next());
            if self.noise.next() < 0.002 {
                value = 0.0;
            }
            samples.push((*t, value));
        }
        self.store.insert(&self.labels(name, labels), samples);
    }

    /// A classic histogram of durations for each path.
    fn requests(&mut self, number: f64) {
        const BOUNDS: [&str; 9] = ["0.0001", "0.0005", "0.002", "0.01", "0.05", "0.2", "1", "5", "+Inf"];
        for (method, path) in [("GET", "/api/foo"), ("POST", "/api/bar"), ("GET", "/api/nonexistent")] {
            let labels = [("method", method), ("path", path), ("status", "200")];
            let mut counts = [0.0; BOUNDS.len()];
            let mut sum = 0.0;
            let mut buckets: Vec<Vec<(i64, f64)>> = vec![Vec::new(); BOUNDS.len()];
            let (mut count_samples, mut sum_samples) = (Vec::new(), Vec::new());
            for t in &self.times {
                for _ in 0..5 {
                    let duration = (self.noise.next() * 12.0 - 9.5 + number * 0.3).exp();
                    sum += duration;
                    for (count, bound) in counts.iter_mut().zip(BOUNDS) {
                        if bound.parse::<f64>().is_ok_and(|bound| duration <= bound) {
                            *count += 1.0;
                        }
                    }
                }
                for (bucket, count) in buckets.iter_mut().zip(counts) {
                    bucket.push((*t, count));
                }
                count_samples.push((*t, counts[BOUNDS.len() - 1]));
                sum_samples.push((*t, sum));
            }
            let name = "demo_api_request_duration_seconds";
            for (samples, bound) in buckets.into_iter().zip(BOUNDS) {
                let with_bound = [labels.as_slice(), &[("le", bound)]].concat();
                self.store.insert(&self.labels(&format!("{name}_bucket"), &with_bound), samples);
            }
            self.store.insert(&self.labels(&format!("{name}_count"), &labels), count_samples);
            self.store.insert(&self.labels(&format!("{name}_sum"), &labels), sum_samples);
        }
    }

    /// A series that ends and comes back, with a stale marker at each end.
    fn intermittent(&mut self) {
        let mut samples = Vec::new();
        for (i, t) in self.times.iter().enumerate() {
            match i % 40 {
                0..25 => samples.push((*t, 1.0)),
                25 => samples.push((*t, stale_nan())),
                _ => {}
            }
        }
        self.store.insert(&self.labels("demo_intermittent_metric", &[]), samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sample_lies_on_a_whole_second_and_every_run_is_the_same() {
        let (a, b) = (MemoryMetrics::new(), MemoryMetrics::new());
        fill(&a);
        fill(&b);
        let (a, b) = (a.dump(), b.dump());
        assert_eq!(a.len(), 3 * (1 + 4 + 2 + 1 + 3 + 3 * 11 + 1));
        assert!(a.iter().all(|(_, samples)| samples.iter().all(|(t, _)| t % 1000 != 0)));
        for ((a_labels, a), (b_labels, b)) in a.iter().zip(&b) {
            assert_eq!(a_labels, b_labels);
            assert!(a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits()));
        }
    }
}
