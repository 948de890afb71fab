//! Exemplars over restarts and flushes.

use model::{Exemplar, ExemplarReader, ExemplarSample, SeriesExemplars};

use super::*;

fn sample(series: SeriesRef, t: i64) -> ExemplarSample {
    let labels = Labels::from_pairs([("trace_id", format!("t{t}"))]);
    ExemplarSample { series, exemplar: Exemplar { labels, t, v: t as f64 } }
}

fn all_exemplars(store: &Store) -> Vec<SeriesExemplars> {
    ExemplarReader::exemplars(store, &Ctx::unbounded(), &[vec![]], TimeRange::ALL).unwrap()
}

fn add(store: &Store, samples: &[ExemplarSample]) -> usize {
    MetricWriter::exemplars(store, &Tenant::default(), samples).unwrap().taken
}

#[test]
fn they_survive_kills_and_flushes_and_keep_to_their_number() {
    let mut fixture = Fixture::new();
    fixture.options.max_exemplars = 7;
    let mut store = fixture.open();
    for round in 0..6 {
        let refs = resolve(&store, &[labels("m", 0), labels("m", 1)]);
        for k in 0..3 {
            let t = NOW + round * 10 + k;
            assert_eq!(add(&store, &[sample(refs[0], t), sample(refs[1], t), sample(refs[1], t - 1_000)]), 2);
        }
        if round % 2 == 0 {
            // With samples beside them, so that there is something to flush.
            append(&store, refs[0], NOW + round, 1.0).unwrap();
            store.flush().unwrap();
        }
        let before = all_exemplars(&store);
        let kept: usize = before.iter().map(|s| s.exemplars.len()).sum();
        assert_eq!(kept, if round == 0 { 6 } else { 7 });
        assert_eq!(before[1].exemplars.last(), Some(&sample(refs[1], NOW + round * 10 + 2).exemplar));
        drop(store);
        fixture.fs.kill();
        store = fixture.open();
        assert_eq!(all_exemplars(&store), before, "round {round}");
        assert!(store.warnings().is_empty());
    }
}

#[test]
fn an_exemplar_may_define_its_series_in_the_log() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &[labels("m", 0)]);
    assert_eq!(add(&store, &[sample(refs[0], NOW)]), 1);
    append(&store, refs[0], NOW, 1.0).unwrap();
    let unknown = SeriesRef(std::num::NonZeroU64::new(99 << 32 | 5).unwrap());
    assert_eq!(add(&store, &[sample(unknown, NOW)]), 0, "a series that is not there");
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(all(&store), [(labels("m", 0), vec![(NOW, 1f64.to_bits())])]);
    let one = [vec![Matcher::equal("i", "0")], vec![Matcher::equal("i", "7")]];
    let found = ExemplarReader::exemplars(&store, &Ctx::unbounded(), &one, TimeRange::new(NOW, NOW)).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn those_of_deleted_series_go_with_them_for_good() {
    use model::MetricAdmin;
    let fixture = Fixture::new();
    let store = fixture.open();
    let refs = resolve(&store, &[labels("m", 0), labels("m", 1)]);
    for (k, series) in [refs[0], refs[1], refs[0], refs[1]].into_iter().enumerate() {
        append(&store, series, NOW + k as i64, 1.0).unwrap();
        assert_eq!(add(&store, &[sample(series, NOW + k as i64)]), 1);
    }
    let first = [Matcher::equal("i", "0")];
    store.delete_series(&Ctx::unbounded(), &first, TimeRange::new(NOW, NOW)).unwrap();
    let left = |store: &Store| -> Vec<i64> {
        all_exemplars(store).iter().flat_map(|s| s.exemplars.iter().map(|e| e.t - NOW)).collect()
    };
    assert_eq!(left(&store), [2, 1, 3]);
    store.delete_series(&Ctx::unbounded(), &first, TimeRange::ALL).unwrap();
    assert_eq!(left(&store), [1, 3]);
    let listed = store.label_values(&Ctx::unbounded(), "i", &[], TimeRange::ALL, 0).unwrap();
    assert_eq!(listed.items, ["1"], "nor are their labels listed");
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(left(&store), [1, 3]);
    // Of those that are left the oldest is the next to go.
    store.set_max_exemplars(1);
    assert_eq!(left(&store), [3]);
}
