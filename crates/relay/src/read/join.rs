//! Local and remote series in one selection.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Labels, Partition, Reservation, Result, SeriesData};
use parking_lot::Mutex;

/// Remote series by their labels, and the memory they take.
#[derive(Default)]
pub(super) struct Remotes {
    series: HashMap<Labels, SeriesData>,
    held: Vec<Reservation>,
}

impl Remotes {
    /// Takes what one remote answered; of remotes that have a sample of the same time the first wins.
    pub(super) fn add(&mut self, series: HashMap<Labels, SeriesData>, held: Reservation) {
        for (labels, data) in series {
            match self.series.get_mut(&labels) {
                Some(known) => extend(known, data),
                None => {
                    self.series.insert(labels, data);
                }
            }
        }
        self.held.push(held);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The partitions of the local store with these series merged in.
    pub(super) fn join(self, local: Vec<Box<dyn Partition>>) -> Vec<Box<dyn Partition>> {
        let open = local.len();
        let shared = Arc::new(Shared {
            state: Mutex::new(State { series: self.series, open, next_id: REMOTE_IDS }),
            _held: self.held,
        });
        let joined = |local| Joined { local, shared: Arc::clone(&shared), scratch: SeriesData::default() };
        if local.is_empty() {
            return vec![Box::new(joined(None))];
        }
        local.into_iter().map(|local| Box::new(joined(Some(local))) as Box<dyn Partition>).collect()
    }
}

/// Ids of series that only remotes have begin here: those of the store are far below.
const REMOTE_IDS: u64 = 1 << 62;

/// Remote series, each to be taken by the partition that meets its local twin, or by the last one.
struct Shared {
    state: Mutex<State>,
    _held: Vec<Reservation>,
}

struct State {
    series: HashMap<Labels, SeriesData>,
    /// Local partitions that may still meet one.
    open: usize,
    next_id: u64,
}

/// A local partition whose series are merged with those of the remotes. Whichever ends last gives the series that only
/// remotes have.
struct Joined {
    /// `None`: at its end.
    local: Option<Box<dyn Partition>>,
    shared: Arc<Shared>,
    scratch: SeriesData,
}

impl Partition for Joined {
    fn next(&mut self, out: &mut SeriesData) -> Result<bool> {
        out.clear();
        if let Some(local) = &mut self.local {
            if local.next(&mut self.scratch)? {
                let remote = self.shared.state.lock().series.remove(&self.scratch.labels);
                match remote {
                    Some(remote) => {
                        merge(&self.scratch, &remote, out);
                        out.id = self.scratch.id;
                        out.labels = self.scratch.labels.clone();
                    }
                    None => std::mem::swap(out, &mut self.scratch),
                }
                return Ok(true);
            }
            self.local = None;
            let mut state = self.shared.state.lock();
            state.open = state.open.saturating_sub(1);
        }
        let mut state = self.shared.state.lock();
        if state.open > 0 {
            return Ok(false);
        }
        let Some(labels) = state.series.keys().next().cloned() else { return Ok(false) };
        *out = state.series.remove(&labels).unwrap_or_default();
        out.labels = labels;
        out.id = state.next_id;
        state.next_id += 1;
        Ok(true)
    }
}

/// Walks floats and histograms of a series by time.
struct Cursor<'a> {
    data: &'a SeriesData,
    float: usize,
    histogram: usize,
}

impl<'a> Cursor<'a> {
    fn new(data: &'a SeriesData) -> Self {
        Self { data, float: 0, histogram: 0 }
    }

    fn time(&self) -> Option<i64> {
        let float = self.data.t.get(self.float).copied();
        let histogram = self.data.histograms.get(self.histogram).map(|(t, _)| *t);
        match (float, histogram) {
            (Some(f), Some(h)) => Some(f.min(h)),
            (one, other) => one.or(other),
        }
    }

    /// Passes the sample of [`Self::time`] on.
    fn give(&mut self, out: &mut SeriesData) {
        let float = self.data.t.get(self.float).copied();
        let histogram = self.data.histograms.get(self.histogram);
        match (float, histogram) {
            (Some(f), other) if other.is_none_or(|(h, _)| f <= *h) => {
                let start = self.data.start.get(self.float).copied().unwrap_or(0);
                push_start(&mut out.start, out.t.len(), start);
                out.t.push(f);
                out.v.push(self.data.v.get(self.float).copied().unwrap_or(f64::NAN));
                self.float += 1;
            }
            (_, Some((t, value))) => {
                let start = self.data.histogram_start.get(self.histogram).copied().unwrap_or(0);
                push_start(&mut out.histogram_start, out.histograms.len(), start);
                out.histograms.push((*t, value.clone()));
                self.histogram += 1;
            }
            _ => {}
        }
    }

    fn pass(&mut self, t: i64) {
        self.float += usize::from(self.data.t.get(self.float) == Some(&t));
        self.histogram += usize::from(self.data.histograms.get(self.histogram).is_some_and(|(h, _)| *h == t));
    }
}

/// Adds the start of the sample that follows `before` others; starts are listed only once one is known.
pub(super) fn push_start(starts: &mut Vec<i64>, before: usize, start: i64) {
    if start != 0 || !starts.is_empty() {
        starts.resize(before, 0);
        starts.push(start);
    }
}

/// Adds samples of the same series; those that are there win. What comes after them is added without a copy of what is
/// there, so that a series may come in many parts.
pub(super) fn extend(known: &mut SeriesData, more: SeriesData) {
    let last = known.t.last().copied().max(known.histograms.last().map(|(t, _)| *t));
    let mut cursor = Cursor::new(&more);
    if last >= cursor.time() {
        let mut both = SeriesData::default();
        merge(known, &more, &mut both);
        *known = both;
        return;
    }
    while cursor.time().is_some() {
        cursor.give(known);
    }
}

/// Merges by time into `out`; of two samples of one time that of `first` wins.
pub(super) fn merge(first: &SeriesData, second: &SeriesData, out: &mut SeriesData) {
    let (mut a, mut b) = (Cursor::new(first), Cursor::new(second));
    loop {
        match (a.time(), b.time()) {
            (Some(t), Some(u)) if t > u => b.give(out),
            (Some(t), other) => {
                if other == Some(t) {
                    b.pass(t);
                }
                a.give(out);
            }
            (None, Some(_)) => b.give(out),
            (None, None) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::Histogram;
    use proptest::prelude::*;

    use super::*;

    /// Float or histogram with this value, by time.
    type Points = BTreeMap<i64, (bool, u8, i64)>;

    fn points() -> impl Strategy<Value = Points> {
        prop::collection::btree_map(0i64..30, (any::<bool>(), any::<u8>(), 0i64..3), 0..20)
    }

    fn data(points: &Points) -> SeriesData {
        let mut data = SeriesData::default();
        for (t, (histogram, value, start)) in points {
            if *histogram {
                push_start(&mut data.histogram_start, data.histograms.len(), *start);
                data.histograms.push((*t, Histogram { count: f64::from(*value), ..Histogram::default() }));
            } else {
                push_start(&mut data.start, data.t.len(), *start);
                data.t.push(*t);
                data.v.push(f64::from(*value));
            }
        }
        data
    }

    proptest! {
        #[test]
        fn merging_is_a_map_into_which_the_first_writes_last(a in points(), b in points()) {
            let mut out = SeriesData::default();
            merge(&data(&a), &data(&b), &mut out);
            let mut both = b.clone();
            both.extend(a.clone());
            let want = data(&both);
            prop_assert_eq!((&out.t, &out.v), (&want.t, &want.v));
            prop_assert_eq!((&out.start, &out.histogram_start), (&want.start, &want.histogram_start));
            prop_assert_eq!(&out.histograms, &want.histograms);
            let mut known = data(&a);
            extend(&mut known, data(&b));
            prop_assert_eq!((known.t, known.v, known.histograms), (out.t, out.v, out.histograms));
        }
    }
}
