use model::metrics::MetricStats;
use model::{
    Ctx, Labels, ManualClock, MatchOp, Matcher, MetricBatch, MetricReader, MetricWriter, Position,
    RejectReason, SelectHints, Selected, SeriesData, SeriesRef, TimeRange,
};

use super::*;
use disk::sim::SimFs;

pub(super) const NOW: i64 = 1_700_000_000_000;

pub(super) struct Fixture {
    pub(super) fs: SimFs,
    pub(super) clock: Arc<ManualClock>,
    pub(super) options: Options,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let options = Options { retention_bytes: Some(0), ..Options::default() };
        Self { fs: SimFs::new(), clock: Arc::new(ManualClock::at_ms(NOW)), options }
    }

    pub(super) fn try_open(&self) -> Result<Store> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Store::open(Arc::new(self.fs.clone()), Path::new("/data/metrics"), self.options.clone(), clock)
    }

    pub(super) fn open(&self) -> Store {
        self.try_open().unwrap()
    }
}

pub(super) fn labels(name: &str, i: u32) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "test"), ("i", &i.to_string())])
}

pub(super) fn resolve(store: &Store, sets: &[Labels]) -> Vec<SeriesRef> {
    let mut out = Vec::new();
    store.resolve(&Tenant::default(), sets, &mut out).unwrap();
    out.into_iter().map(Option::unwrap).collect()
}

pub(super) fn append(store: &Store, series: SeriesRef, t: i64, v: f64) -> Result<Option<RejectReason>> {
    let batch = MetricBatch { refs: &[series], t: &[t], v: &[v], ..MetricBatch::default() };
    let appended = store.append(&Tenant::default(), batch)?;
    Ok(appended.rejected.first().map(|r| r.reason))
}

/// Everything a selection gives, sorted by labels, values as bits.
pub(super) fn read(store: &Store, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Vec<(i64, u64)>)> {
    read_with(store, matchers, range, &SelectHints::default())
}

pub(super) fn read_with(
    store: &Store,
    matchers: &[Matcher],
    range: TimeRange,
    hints: &SelectHints,
) -> Vec<(Labels, Vec<(i64, u64)>)> {
    let selection = store.select(&Ctx::unbounded(), matchers, range, hints).unwrap();
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let mut found = Vec::new();
    let mut data = SeriesData::default();
    for mut partition in partitions {
        while partition.next(&mut data).unwrap() {
            let samples = data.t.iter().zip(&data.v).map(|(t, v)| (*t, v.to_bits())).collect();
            found.push((data.labels.clone(), samples));
        }
    }
    found.sort();
    found
}

pub(super) fn all(store: &Store) -> Vec<(Labels, Vec<(i64, u64)>)> {
    read(store, &[], TimeRange::ALL)
}

#[test]
fn what_was_appended_is_read_and_survives_a_kill() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let sets: Vec<Labels> = (0..20).map(|i| labels("m", i)).collect();
    let refs = resolve(&store, &sets);
    for k in 0..100 {
        let t = vec![NOW + k * 1_000; 20];
        let v: Vec<f64> = (0..20).map(|i| f64::from(i) * k as f64).collect();
        let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
        assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, 20);
    }
    let before = all(&store);
    assert_eq!(before.len(), 20);
    assert_eq!(before.iter().map(|(_, s)| s.len()).sum::<usize>(), 2_000);
    let of_3 = before.iter().find(|(l, _)| *l == sets[3]).unwrap();
    assert_eq!(of_3.1[10], (NOW + 10_000, 30f64.to_bits()));
    fixture.fs.kill();
    assert_eq!(all(&fixture.open()), before);
}

#[test]
fn refusals_name_their_reason() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let add = |t, v| append(&store, series, t, v).unwrap();
    assert_eq!(add(NOW, 1.0), None);
    assert_eq!(add(NOW, 1.0), None, "the same again is taken");
    assert_eq!(add(NOW, 2.0), Some(RejectReason::Duplicate));
    assert_eq!(add(NOW - 60_000, 3.0), None, "inside the window");
    assert_eq!(add(NOW - 60_000, 3.0), None);
    assert_eq!(add(NOW - 60_000, 4.0), Some(RejectReason::Duplicate));
    assert_eq!(add(NOW - 31 * 60_000, 5.0), Some(RejectReason::OutOfOrder));
    assert_eq!(add(NOW + 11 * 60_000, 5.0), Some(RejectReason::TooFarInFuture));
    assert_eq!(add(NOW - 16 * 86_400_000, 5.0), Some(RejectReason::TooOld));
    let stranger = SeriesRef(std::num::NonZeroU64::new(77 << 32).unwrap());
    assert_eq!(append(&store, stranger, NOW, 1.0).unwrap(), Some(RejectReason::UnknownSeries));
    assert_eq!(all(&store)[0].1, [(NOW - 60_000, 3f64.to_bits()), (NOW, 1f64.to_bits())]);
    let stats = store.stats(10).unwrap();
    assert!(stats.rejected.contains(&(RejectReason::Duplicate, 2)));
    assert_eq!(stats.appended, 4);
}

#[test]
fn positions_and_metadata_survive() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let series = resolve(&store, &[labels("m", 0)])[0];
    let position = Some(Position { source: "file", position: b"42" });
    let batch = MetricBatch { refs: &[series], t: &[NOW], v: &[1.0], start: &[], position };
    store.append(&Tenant::default(), batch).unwrap();
    let family =
        Family { name: "m".into(), kind: "gauge".into(), help: "도움말".into(), unit: String::new() };
    store.metadata(&Tenant::default(), std::slice::from_ref(&family)).unwrap();
    drop(store);
    fixture.fs.kill();
    let store = fixture.open();
    assert_eq!(store.position("file").as_deref(), Some(&b"42"[..]));
    assert_eq!(store.position("other"), None);
    assert_eq!(store.families(&Ctx::unbounded(), Some("m")).unwrap(), [family]);
}

#[test]
fn matchers_labels_and_limits() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut sets: Vec<Labels> = (0..5).map(|i| labels("a", i)).collect();
    sets.extend((0..5).map(|i| labels("b", i)));
    sets.push(Labels::from_pairs([("__name__", "c")]));
    for series in resolve(&store, &sets) {
        append(&store, series, NOW, 1.0).unwrap();
    }
    let count = |matchers: &[(&str, MatchOp, &str)]| {
        let matchers: Vec<_> = matchers.iter().map(|(n, o, v)| Matcher::new(*n, *o, *v).unwrap()).collect();
        let want = sets.iter().filter(|l| matchers.iter().all(|m| m.matches_labels(l))).count();
        let found = read(&store, &matchers, TimeRange::ALL).len();
        assert_eq!(found, want, "{matchers:?}");
        found
    };
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    assert_eq!(count(&[("__name__", Equal, "a")]), 5);
    assert_eq!(count(&[("__name__", Equal, "a"), ("i", Regex, "1|3|9")]), 2);
    assert_eq!(count(&[("i", Equal, "")]), 1);
    assert_eq!(count(&[("i", NotEqual, "")]), 10);
    assert_eq!(count(&[("i", NotRegex, "[0-3]")]), 3);
    assert_eq!(count(&[("i", Regex, "|1")]), 3);
    assert_eq!(count(&[("job", Regex, "te.*"), ("i", NotEqual, "4")]), 8);
    assert_eq!(count(&[("nothing", NotEqual, "x"), ("__name__", Regex, "[ab]")]), 10);
    assert_eq!(count(&[("nothing", Equal, "x")]), 0);
    let ctx = Ctx::unbounded();
    let names = store.label_names(&ctx, &[], TimeRange::ALL, 0).unwrap();
    assert_eq!(names.items, ["__name__", "i", "job"]);
    let of_a = [Matcher::equal("__name__", "a")];
    let values = store.label_values(&ctx, "i", &of_a, TimeRange::ALL, 3).unwrap();
    assert_eq!((values.items, values.truncated), (vec!["0".into(), "1".into(), "2".into()], true));
    let of_c = [Matcher::equal("__name__", "c")];
    assert_eq!(store.label_names(&ctx, &of_c, TimeRange::ALL, 0).unwrap().items, ["__name__"]);
    let hints = SelectHints { limit: 4, labels_only: true, ..SelectHints::default() };
    let limited = read_with(&store, &[], TimeRange::ALL, &hints);
    assert_eq!((limited.len(), limited[0].1.len()), (4, 0));
}
