//! A log that is full of labels.

use super::*;

#[test]
fn long_labels_do_not_bring_on_a_flush_with_every_round() {
    let mut fixture = Fixture::new();
    fixture.options.flush_log_bytes = 64 << 10;
    let store = fixture.open();
    let random = &mut disk::sim::Random::new(1);
    let sets: Vec<Labels> = (0..1_000)
        .map(|n| {
            let text: String = (0..20).map(|_| format!("{:016x}", random.below(u64::MAX))).collect();
            Labels::from_pairs([("__name__", "m"), ("text", &text), ("z", &n.to_string())])
        })
        .collect();
    let refs = resolve(&store, &sets);
    let round = |k: i64| {
        let t = vec![NOW + k * 1_000; refs.len()];
        let v: Vec<f64> = (0..refs.len()).map(|n| n as f64 + 0.1 * k as f64).collect();
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, refs.len());
        store.maintain().unwrap();
    };
    round(0);
    assert!(store.log.bytes().unwrap() > 300 << 10, "definitions are several times the limit");
    for k in 1..4 {
        round(k);
    }
    assert_eq!(store.metrics.flushes.get(), 0, "the samples of four rounds are little");
    for k in 4..24 {
        round(k);
    }
    let flushes = store.metrics.flushes.get();
    assert!((1..=6).contains(&flushes), "{flushes} flushes, by what samples take");
}

#[test]
fn samples_that_found_no_room_bring_on_a_flush() {
    let mut fixture = Fixture::new();
    // Series have room, and the process has; the share of what is in memory has not.
    fixture.options.head_bytes = 2 << 20;
    let store = fixture.open();
    let refs = resolve(&store, &(0..1_000).map(|i| labels("m", i)).collect::<Vec<_>>());
    let append_at = |k: i64| {
        let v: Vec<f64> = (0..1_000).map(|i| ((k * 7_919 + i * 104_729) % 99_991) as f64 / 7.0).collect();
        let batch = MetricBatch { refs: &refs, t: &[NOW + k; 1_000], v: &v, ..MetricBatch::default() };
        store.append(&Tenant::default(), batch).unwrap().accepted
    };
    let full = (0..2_000).find(|k| append_at(*k) < 1_000).expect("memory is limited");
    fixture.clock.advance_ms(10_000);
    store.maintain().unwrap();
    assert_eq!(append_at(full + 1), 1_000);
}
