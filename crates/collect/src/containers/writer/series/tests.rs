use model::container::ContainerState;
use model::is_stale_nan;
use testkit::MemoryMetrics;

use super::*;
use crate::containers::cgroup::Reading;
use crate::containers::cgroup::reading::{Cpu, Interface};

fn reading(t: i64, cpu: u64) -> Reading {
    Reading { t, cpu: Some(Cpu { usage_ns: cpu * 1_000_000_000, ..Cpu::default() }), ..Reading::default() }
}

fn look(t: i64, reading: Option<Reading>) -> Look {
    Look {
        group: "/docker/ab".into(),
        container: Some("ab".into()),
        t,
        reading,
        born_ms: Some(1000),
        created_ms: 1000,
        gone: false,
    }
}

fn facts(name: &str) -> Option<Arc<ContainerFacts>> {
    let facts =
        ContainerFacts { name: name.into(), state: ContainerState::Running, ..ContainerFacts::default() };
    Some(Arc::new(facts))
}

struct Bench {
    series: Series,
    store: MemoryMetrics,
}

impl Bench {
    fn new() -> Self {
        Self {
            series: Series::new("/nonexistent".into(), "/nonexistent".into(), "n".into()),
            store: MemoryMetrics::new(),
        }
    }

    fn put(&mut self, look: &Look, facts: Option<Arc<ContainerFacts>>) {
        let scraped = [Scraped { look, facts, oom_kills: 0 }];
        self.series.store(&self.store, &Tenant::default(), &scraped).unwrap();
    }

    /// Samples of a metric, stale markers as NaN.
    fn of(&self, metric: &str, name: &str) -> Vec<(i64, Option<f64>)> {
        let dump = self.store.dump();
        let one = dump.iter().find(|(l, _)| l.metric_name() == metric && l.get("name") == Some(name));
        let samples = one.map(|(_, samples)| samples.clone()).unwrap_or_default();
        samples.into_iter().map(|(t, v)| (t, (!is_stale_nan(v)).then_some(v))).collect()
    }
}

const CPU: &str = "container_cpu_usage_seconds_total";

#[test]
fn a_life_begins_at_zero_and_ends_with_a_marker() {
    let mut bench = Bench::new();
    bench.put(&look(1500, Some(reading(1500, 2))), facts("a"));
    bench.put(&look(2500, Some(reading(2500, 3))), facts("a"));
    bench.put(&look(3000, None), facts("a"));
    let want = [(999, Some(0.0)), (1500, Some(2.0)), (2500, Some(3.0)), (3000, None)];
    assert_eq!(bench.of(CPU, "a"), want);
    assert_eq!(bench.of("container_restarts_total", "a").len(), 3, "the state goes on");
    // It starts again: the counter begins anew, after its end.
    let again = Look { born_ms: Some(4000), ..look(4100, Some(reading(4100, 1))) };
    bench.put(&again, facts("a"));
    assert_eq!(bench.of(CPU, "a")[4..], [(3999, Some(0.0)), (4100, Some(1.0))]);
    let removed = ContainerFacts { removed_ms: 5000, ..ContainerFacts::clone(&facts("a").unwrap()) };
    bench.put(&Look { gone: true, ..look(5000, None) }, Some(Arc::new(removed)));
    assert_eq!(bench.of("container_restarts_total", "a").last(), Some(&(5000, None)), "all of it ends");
}

#[test]
fn a_counter_that_appears_later_was_zero_at_the_look_before() {
    let mut bench = Bench::new();
    bench.put(&look(1500, Some(reading(1500, 2))), facts("a"));
    let mut with_network = reading(2500, 3);
    with_network.network = Some(vec![Interface { name: "eth0".into(), rx: [7; 4], tx: [0; 4] }]);
    bench.put(&look(2500, Some(with_network)), facts("a"));
    assert_eq!(
        bench.of("container_network_receive_bytes_total", "a"),
        [(1500, Some(0.0)), (2500, Some(7.0))]
    );
}

#[test]
fn what_was_running_before_does_not_begin_at_zero() {
    let mut bench = Bench::new();
    bench.put(&Look { born_ms: None, ..look(1500, Some(reading(1500, 2))) }, facts("a"));
    assert_eq!(bench.of(CPU, "a"), [(1500, Some(2.0))]);
}

#[test]
fn a_rename_ends_the_old_series() {
    let mut bench = Bench::new();
    bench.put(&look(1500, Some(reading(1500, 2))), facts("a"));
    bench.put(&look(2500, Some(reading(2500, 3))), facts("b"));
    assert_eq!(bench.of(CPU, "a").last(), Some(&(2500, None)));
    assert_eq!(bench.of(CPU, "b").last(), Some(&(2500, Some(3.0))));
}

/// Refuses each reference once, as after a garbage collection.
struct Forgetful {
    inner: MemoryMetrics,
    refused: std::sync::atomic::AtomicUsize,
}

impl MetricWriter for Forgetful {
    fn resolve(&self, t: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        self.inner.resolve(t, labels, out)
    }

    fn append(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<model::Appended> {
        use std::sync::atomic::Ordering::SeqCst;
        if self.refused.fetch_add(1, SeqCst) == 0 {
            let all = (0..batch.refs.len())
                .map(|index| model::Rejected { index, reason: RejectReason::UnknownSeries });
            return Ok(model::Appended { accepted: 0, rejected: all.collect() });
        }
        self.inner.append(tenant, batch)
    }
}

#[test]
fn forgotten_references_are_resolved_again() {
    let store = Forgetful { inner: MemoryMetrics::new(), refused: 0.into() };
    let mut series = Series::new("/nonexistent".into(), "/nonexistent".into(), "n".into());
    let look = look(1500, Some(reading(1500, 2)));
    let scraped = [Scraped { look: &look, facts: facts("a"), oom_kills: 0 }];
    series.store(&store, &Tenant::default(), &scraped).unwrap();
    let dump = store.inner.dump();
    assert!(dump.iter().any(|(l, s)| l.metric_name() == CPU && s.len() == 2), "{dump:?}");
}
