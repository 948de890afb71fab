use model::{Exemplar, Histogram, Labels, Span};
use wire::remote_write::{Encoder, HistogramPoint, Point, v2};

use super::*;
use crate::memory::Memory;

fn receiver() -> (Receiver, Arc<Memory>) {
    let store = Arc::new(Memory::default());
    (Receiver::new(store.clone(), 1000), store)
}

fn body(t: i64) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.series([("__name__", "a"), ("job", "x")], [Point { t, v: 1.0 }, Point { t: t + 1, v: 2.0 }]);
    encoder.metadata("a", "gauge", "Help.", "");
    encoder.series([("__name__", "b")], [Point { t, v: 3.0 }]);
    encoder.as_bytes().to_vec()
}

#[test]
fn a_known_series_is_not_resolved_again() {
    let (receiver, store) = receiver();
    let first = receiver.write(&Tenant::default(), &body(10)).unwrap();
    let second = receiver.write(&Tenant::default(), &body(20)).unwrap();
    assert_eq!((first.accepted, second.accepted, first.rejected), (3, 3, 0));
    assert_eq!(store.resolved(), 2);
    assert_eq!(store.samples().len(), 6);
    assert_eq!(store.families()[0].name, "a");
}

#[test]
fn series_in_another_order_or_with_labels_of_another_length_are_told_apart() {
    let (receiver, store) = receiver();
    let write = |series: &[(&str, &str)], t: i64| {
        let mut encoder = Encoder::new();
        for (name, job) in series {
            encoder.series([("__name__", *name), ("job", *job)], [Point { t, v: t as f64 }]);
        }
        assert_eq!(receiver.write(&Tenant::default(), encoder.as_bytes()).unwrap().accepted, series.len());
    };
    let all = [("aa", "1"), ("bb", "2"), ("cc", "333"), ("dd", "4")];
    write(&all, 1);
    write(&all, 2);
    write(&[all[1], all[0], all[3], all[2]], 3);
    write(&[all[0], ("bb", "222"), ("bx", "2"), all[2], all[3]], 4);
    write(&all, 5);
    assert_eq!(store.resolved(), 6);
    let times = |name: &str, job: &str| {
        let labels = Labels::from_pairs([("__name__", name), ("job", job)]).to_string();
        store.samples().iter().filter(|s| s.0 == labels).map(|s| s.1).collect::<Vec<i64>>()
    };
    assert_eq!((times("aa", "1"), times("bb", "2")), (vec![1, 2, 3, 4, 5], vec![1, 2, 3, 5]));
    assert_eq!((times("bb", "222"), times("bx", "2")), (vec![4], vec![4]));
    assert_eq!((times("cc", "333"), times("dd", "4")), (vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]));
}

#[test]
fn a_reference_that_the_store_dropped_is_resolved_again_and_no_sample_is_lost() {
    let (receiver, store) = receiver();
    receiver.write(&Tenant::default(), &body(10)).unwrap();
    store.collect_garbage();
    let outcome = receiver.write(&Tenant::default(), &body(20)).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (3, 0));
    assert_eq!(store.resolved(), 4);
    assert_eq!(receiver.write(&Tenant::default(), &body(30)).unwrap().accepted, 3);
    assert_eq!(store.resolved(), 4, "the new references are remembered");
}

#[test]
fn a_bad_series_is_refused_and_the_others_are_stored() {
    let (receiver, store) = receiver();
    let mut encoder = Encoder::new();
    encoder.series([("job", "x")], [Point { t: 1, v: 1.0 }, Point { t: 2, v: 1.0 }]);
    encoder.series([("__name__", "ok")], [Point { t: 1, v: 1.0 }, Point { t: 1, v: 2.0 }]);
    let outcome = receiver.write(&Tenant::default(), encoder.as_bytes()).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (1, 3));
    assert_eq!(outcome.first_error.as_deref(), Some("the series has no metric name"));
    assert_eq!(store.samples(), [("ok".to_owned(), 1, 1.0)]);
}

#[test]
fn nothing_of_a_broken_body_is_stored() {
    let (receiver, store) = receiver();
    let mut broken = body(10);
    broken.extend_from_slice(&[0x0a, 0x7f]);
    let error = receiver.write(&Tenant::default(), &broken).unwrap_err();
    assert_eq!(error.kind, model::ErrorKind::Invalid);
    assert!(store.samples().is_empty());
}

#[test]
fn the_cache_is_bounded() {
    let store = Arc::new(Memory::default());
    let receiver = Receiver::new(store, 32);
    for i in 0..500 {
        let mut encoder = Encoder::new();
        encoder.series([("__name__", "a"), ("i", i.to_string().as_str())], [Point { t: 1, v: 1.0 }]);
        receiver.write(&Tenant::default(), encoder.as_bytes()).unwrap();
    }
    assert!(receiver.cache.len() <= 32);
}

fn histogram(count: f64) -> Histogram {
    Histogram {
        count,
        sum: 3.0,
        positive_spans: vec![Span { offset: 0, length: 1 }],
        positive_buckets: vec![2.0],
        ..Histogram::default()
    }
}

fn second(t: i64) -> Vec<u8> {
    let exemplar = Exemplar { labels: Labels::from_pairs([("trace_id", "1")]), t, v: 0.5 };
    let long = Exemplar { labels: Labels::from_pairs([("trace_id", "x".repeat(200))]), t, v: 0.5 };
    let mut encoder = v2::Encoder::new();
    encoder.begin([("__name__", "h"), ("job", "x")]);
    encoder.histogram(t, 5, &histogram(2.0)).exemplar(&exemplar).exemplar(&long);
    encoder.metadata("histogram", "Help.", "s").end();
    encoder
        .begin([("__name__", "c_bucket")])
        .point(Point { t, v: 1.0 }, 0)
        .point(Point { t: t + 1, v: 1.0 }, 7);
    encoder.metadata("histogram", "Other.", "").end();
    encoder.to_bytes()
}

#[test]
fn version_2_brings_starts_histograms_exemplars_and_metadata() {
    let (receiver, store) = receiver();
    let first = receiver.write_v2(&Tenant::default(), &second(10)).unwrap();
    assert_eq!((first.accepted, first.histograms, first.exemplars, first.rejected), (2, 1, 1, 0));
    assert_eq!(first.first_error, None);
    let again = receiver.write_v2(&Tenant::default(), &second(20)).unwrap();
    assert_eq!((again.accepted, again.histograms, again.exemplars), (2, 1, 1));
    assert_eq!(store.resolved(), 2, "known series are not resolved again");
    let families: Vec<String> = store.families().into_iter().map(|f| f.name).collect();
    assert_eq!(families, ["h", "c"], "metadata is told once");
    assert_eq!(store.starts(), [0, 7, 5, 0, 7, 5]);
    store.collect_garbage();
    let third = receiver.write_v2(&Tenant::default(), &second(30)).unwrap();
    assert_eq!((third.accepted, third.histograms, third.exemplars, third.rejected), (2, 1, 1, 0));
}

#[test]
fn what_is_wrong_in_version_2_is_said_and_the_rest_is_stored() {
    let (receiver, store) = receiver();
    let mut encoder = v2::Encoder::new();
    encoder.begin([("__name__", "ok")]).point(Point { t: 1, v: 1.0 }, 0).end();
    encoder.begin([("__name__", "h"), ("a", "b")]).histogram(1, 0, &histogram(-2.0)).end();
    encoder.begin([("__name__", "empty")]).end();
    let outcome = receiver.write_v2(&Tenant::default(), &encoder.to_bytes()).unwrap();
    assert_eq!((outcome.accepted, outcome.histograms, outcome.rejected), (1, 0, 1));
    let error = outcome.first_error.unwrap();
    assert!(error.contains("observation count is -2") && error.ends_with("for series h{a=\"b\"}"), "{error}");
    let mut encoder = v2::Encoder::new();
    encoder.begin([("__name__", "empty")]).end();
    encoder.begin([("__name__", "ok")]).point(Point { t: 1, v: 2.0 }, 0).end();
    let outcome = receiver.write_v2(&Tenant::default(), &encoder.to_bytes()).unwrap();
    assert_eq!(
        outcome.first_error.unwrap(),
        "TimeSeries must contain at least one sample or histogram for series empty"
    );
    assert_eq!((outcome.accepted, outcome.rejected), (0, 1));
    assert_eq!(store.samples().len(), 1);
}

#[test]
fn a_refused_sample_is_told_with_its_series() {
    let (receiver, _) = receiver();
    receiver.write(&Tenant::default(), &body(10)).unwrap();
    let mut encoder = Encoder::new();
    encoder.series([("__name__", "b")], [Point { t: 11, v: 3.0 }, Point { t: 10, v: 4.0 }]);
    let outcome = receiver.write(&Tenant::default(), encoder.as_bytes()).unwrap();
    assert_eq!(outcome.first_error.as_deref(), Some("duplicate sample for timestamp for series b"));
}

#[test]
fn collected_series_are_stored_like_sent_ones() {
    let (receiver, store) = receiver();
    let collected = Collected {
        labels: Labels::from_pairs([("__name__", "a"), ("job", "x")]),
        points: vec![Point { t: 1, v: 1.0 }],
        starts: vec![9],
        histograms: vec![HistogramPoint { t: 2, value: histogram(2.0), ..HistogramPoint::default() }],
        exemplars: vec![Exemplar { labels: Labels::empty(), t: 1, v: 1.0 }],
    };
    let family = Family { name: "a".to_owned(), ..Family::default() };
    for resolved in [1, 1] {
        let all = [collected.clone()];
        let outcome =
            receiver.write_collected(&Tenant::default(), &all, std::slice::from_ref(&family)).unwrap();
        assert_eq!((outcome.accepted, outcome.histograms, outcome.exemplars), (1, 1, 1));
        assert_eq!(store.resolved(), resolved);
    }
    assert_eq!(store.families().len(), 2);
}
