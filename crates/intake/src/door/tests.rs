use std::collections::BTreeMap;

use super::*;
use crate::memory::Memory;

fn intake(config: Config) -> (Intake, Arc<Memory>) {
    let store = Arc::new(Memory::default());
    (Intake::new(store.clone(), store.clone(), config), store)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

fn event(body: &str) -> Event {
    Event { time_ns: 1, stream: labels(&[("name", "web")]), body: body.to_owned(), fields: BTreeMap::new() }
}

fn exposed(intake: &Intake) -> String {
    let mut registry = prometheus_client::registry::Registry::default();
    intake.counters().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[test]
fn label_sets_over_a_limit_get_no_series_and_the_rest_keep_their_places() {
    let config = Config { label_limit: 2, label_value_length_limit: 5, ..Config::default() };
    let (intake, store) = intake(config);
    let sets = [
        labels(&[("__name__", "a"), ("b", "1"), ("c", "1")]),
        labels(&[("__name__", "a")]),
        labels(&[("__name__", "a"), ("b", "too long")]),
        labels(&[("__name__", "b")]),
    ];
    let mut out = Vec::new();
    intake.resolve(&Tenant::default(), &sets, &mut out).unwrap();
    assert_eq!(out.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false, true]);
    assert_eq!(store.label_sets(), [sets[1].clone(), sets[3].clone()]);
    let text = exposed(&intake);
    assert!(text.contains("bonghwa_intake_series_refused_total{reason=\"label_count\"} 1"), "{text}");
    assert!(text.contains("bonghwa_intake_series_refused_total{reason=\"label_value_length\"} 1"), "{text}");
}

#[test]
fn samples_are_counted_by_what_became_of_them() {
    let (intake, _) = intake(Config::default());
    let mut refs = Vec::new();
    intake.resolve(&Tenant::default(), &[labels(&[("__name__", "a")])], &mut refs).unwrap();
    let series = refs[0].unwrap();
    let batch = MetricBatch { refs: &[series, series], t: &[5, 5], v: &[1.0, 2.0], ..MetricBatch::default() };
    let appended = MetricWriter::append(&intake, &Tenant::default(), batch).unwrap();
    assert_eq!(appended.accepted, 1);
    let text = exposed(&intake);
    assert!(text.contains("bonghwa_intake_samples_accepted_total 1"), "{text}");
    assert!(text.contains("bonghwa_intake_samples_rejected_total{reason=\"duplicate\"} 1"), "{text}");
}

#[test]
fn an_event_over_a_limit_is_refused_and_named_by_its_place() {
    let (intake, store) = intake(Config { event_body_limit: 4, ..Config::default() });
    let events = [event("long body"), event("ok"), event("long too"), event("fine")];
    let appended =
        EventWriter::append(&intake, &Tenant::default(), EventKind::Container, &events, None).unwrap();
    assert_eq!(appended.accepted, 2);
    assert_eq!(appended.rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(store.bodies(), ["ok", "fine"]);
    assert!(exposed(&intake).contains("bonghwa_intake_events_rejected_total{reason=\"body_length\"} 2"));
}

struct AddNode;

impl Enrich for AddNode {
    fn series(&self, labels: &Labels) -> Option<Labels> {
        (labels.get("node").is_none()).then(|| labels.to_builder().set("node", "n1").build())
    }

    fn event(&self, _: EventKind, event: &Event) -> Option<Event> {
        Some(Event { body: event.body.to_uppercase(), ..event.clone() })
    }
}

#[test]
fn enrichment_changes_what_is_stored() {
    let (intake, store) = intake(Config::default());
    let intake = intake.with_enrichment(Arc::new(AddNode));
    let sets = [labels(&[("__name__", "a")]), labels(&[("__name__", "b"), ("node", "n2")])];
    let mut out = Vec::new();
    intake.resolve(&Tenant::default(), &sets, &mut out).unwrap();
    let stored = store.label_sets();
    assert_eq!(stored.iter().map(|l| l.get_or_empty("node")).collect::<Vec<_>>(), ["n1", "n2"]);
    EventWriter::append(&intake, &Tenant::default(), EventKind::Log, &[event("a")], None).unwrap();
    assert_eq!(store.bodies(), ["A"]);
}

/// Refuses the histogram at time 7, and says how many exemplars it was given.
struct Picky;

impl MetricWriter for Picky {
    fn resolve(&self, _: &Tenant, _: &[Labels], _: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let bad = batch
            .histograms
            .iter()
            .position(|h| h.t == 7)
            .map(|at| Rejected { index: batch.refs.len() + at, reason: RejectReason::OutOfOrder });
        let all = batch.refs.len() + batch.histograms.len();
        Ok(Appended { accepted: all - usize::from(bad.is_some()), rejected: bad.into_iter().collect() })
    }

    fn exemplars(&self, _: &Tenant, exemplars: &[ExemplarSample]) -> Result<model::ExemplarsTaken> {
        Ok(model::ExemplarsTaken { taken: exemplars.len(), ..model::ExemplarsTaken::default() })
    }
}

#[test]
fn histograms_and_exemplars_over_a_limit_are_refused_in_their_places() {
    let config = Config { histogram_bucket_limit: 2, exemplar_label_limit: 9, ..Config::default() };
    let intake = Intake::new(Arc::new(Picky), Arc::new(Memory::default()), config);
    let series = SeriesRef(std::num::NonZeroU64::MIN);
    let narrow = model::Histogram { positive_buckets: vec![1.0; 2], ..model::Histogram::default() };
    let wide = model::Histogram { negative_buckets: vec![1.0], ..narrow.clone() };
    let of = |t, value| HistogramSample { series, t, start: 0, value };
    let batch = MetricBatch {
        refs: &[series],
        t: &[5],
        v: &[1.0],
        histograms: &[of(1, &wide), of(2, &narrow), of(3, &wide), of(7, &narrow)],
        ..MetricBatch::default()
    };
    let appended = MetricWriter::append(&intake, &Tenant::default(), batch).unwrap();
    assert_eq!(appended.accepted, 2);
    let places: Vec<_> = appended.rejected.iter().map(|r| (r.index, r.reason)).collect();
    assert_eq!(places, [(1, RejectReason::Limit), (3, RejectReason::Limit), (4, RejectReason::OutOfOrder)]);
    let exemplar = |id: &str| ExemplarSample {
        series,
        exemplar: model::Exemplar { labels: labels(&[("id", id)]), t: 1, v: 1.0 },
    };
    let taken =
        MetricWriter::exemplars(&intake, &Tenant::default(), &[exemplar("1234567"), exemplar("12345678")]);
    assert_eq!(taken.unwrap().taken, 1);
    let text = exposed(&intake);
    assert!(text.contains("bonghwa_intake_exemplars_rejected_total{reason=\"label_length\"} 1"), "{text}");
    assert!(text.contains("bonghwa_intake_exemplars_accepted_total 1"), "{text}");
}
