//! Exemplars in memory: as many as configured over all series; the oldest arrival goes first. What is kept is also in
//! the log, and is written there again when the log is cut.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use model::{Budget, Exemplar, Labels, Matcher, Reservation, SeriesExemplars, TimeRange};

use crate::wal::KeptExemplarsWriter;

/// Rough cost of an exemplar beside its labels.
const COST: u64 = 120;
/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 64 << 10;

/// What an exemplar takes beside the labels of its series, which all of that series share.
fn cost(exemplar: &Exemplar) -> u64 {
    COST + text(&exemplar.labels)
}

fn text(labels: &Labels) -> u64 {
    labels.canonical().len() as u64
}

/// A bounded ring of exemplars.
pub(crate) struct Exemplars {
    capacity: usize,
    /// Oldest first.
    by_series: HashMap<Labels, VecDeque<Exemplar>, RandomState>,
    /// The series of each exemplar in order of arrival: the next to go is the oldest of the first.
    arrivals: VecDeque<Labels>,
    /// How many ever arrived.
    arrived: u64,
    budget: Budget,
    reserved: Option<Reservation>,
    used: u64,
}

impl Exemplars {
    pub(crate) fn new(capacity: usize, budget: Budget) -> Self {
        Self {
            capacity,
            by_series: HashMap::default(),
            arrivals: VecDeque::new(),
            arrived: 0,
            budget,
            reserved: None,
            used: 0,
        }
    }

    /// An exemplar beside the newest of its series: only one that comes after it would be taken.
    fn place(&self, series: &Labels, exemplar: &Exemplar) -> Ordering {
        let Some(newest) = self.by_series.get(series).and_then(VecDeque::back) else {
            return Ordering::Greater;
        };
        let later = |e: &Exemplar| (e.t, order(e.v));
        later(exemplar).cmp(&later(newest)).then_with(|| exemplar.labels.cmp(&newest.labels))
    }

    /// Whether an exemplar is older than the newest of its series.
    pub(crate) fn is_late(&self, series: &Labels, exemplar: &Exemplar) -> bool {
        self.capacity > 0 && self.place(series, exemplar).is_lt()
    }

    /// Takes an exemplar, or not; where memory is short, older ones make room.
    pub(crate) fn add(&mut self, series: &Labels, exemplar: &Exemplar) -> bool {
        if self.capacity == 0 || !self.place(series, exemplar).is_gt() {
            return false;
        }
        let more = loop {
            let shared = if self.by_series.contains_key(series) { 0 } else { text(series) };
            let more = cost(exemplar) + shared;
            if self.arrivals.len() < self.capacity && self.reserve(more) {
                break more;
            }
            if !self.evict() {
                return false;
            }
        };
        self.used += more;
        let series = match self.by_series.get_key_value(series) {
            Some((known, _)) => known.clone(), // shares the text
            None => series.clone(),
        };
        self.by_series.entry(series.clone()).or_default().push_back(exemplar.clone());
        self.arrivals.push_back(series);
        self.arrived += 1;
        true
    }

    fn reserve(&mut self, cost: u64) -> bool {
        let held = self.reserved.as_ref().map_or(0, Reservation::bytes);
        if self.used + cost <= held {
            return true;
        }
        match &mut self.reserved {
            Some(held) => held.grow(STEP.max(cost)).is_ok(),
            none => match self.budget.reserve(STEP.max(cost)) {
                Ok(reservation) => {
                    *none = Some(reservation);
                    true
                }
                Err(_) => false,
            },
        }
    }

    /// Lets the oldest go; `false` if there is none.
    fn evict(&mut self) -> bool {
        let Some(series) = self.arrivals.pop_front() else { return false };
        if let Some(of_series) = self.by_series.get_mut(&series) {
            if let Some(gone) = of_series.pop_front() {
                self.used = self.used.saturating_sub(cost(&gone));
            }
            if of_series.is_empty() {
                self.by_series.remove(&series);
                self.used = self.used.saturating_sub(text(&series));
            }
        }
        true
    }

    /// Removes those within `range` of series that satisfy all matchers, and says how many.
    pub(crate) fn remove(&mut self, matchers: &[Matcher], range: TimeRange) -> usize {
        let meant: Vec<Labels> = self
            .by_series
            .keys()
            .filter(|series| matchers.iter().all(|m| m.matches_labels(series)))
            .cloned()
            .collect();
        let before = self.arrivals.len();
        // The n-th arrival of a series is the n-th of its queue.
        let mut gone: HashMap<Labels, std::vec::IntoIter<bool>, RandomState> = HashMap::default();
        for series in meant {
            let Some(of_series) = self.by_series.get_mut(&series) else { continue };
            let flags: Vec<bool> = of_series.iter().map(|e| range.contains(e.t)).collect();
            for exemplar in of_series.iter().filter(|e| range.contains(e.t)) {
                self.used = self.used.saturating_sub(cost(exemplar));
            }
            of_series.retain(|e| !range.contains(e.t));
            if of_series.is_empty() {
                self.by_series.remove(&series);
                self.used = self.used.saturating_sub(text(&series));
            }
            gone.insert(series, flags.into_iter());
        }
        self.arrivals.retain(|series| !gone.get_mut(series).and_then(Iterator::next).unwrap_or(false));
        before - self.arrivals.len()
    }

    /// Those within `range` of series that satisfy all matchers of one of `sets`, sorted by series.
    pub(crate) fn select(&self, sets: &[Vec<Matcher>], range: TimeRange) -> Vec<SeriesExemplars> {
        let wanted = |series: &Labels| sets.iter().any(|set| set.iter().all(|m| m.matches_labels(series)));
        let mut found: Vec<SeriesExemplars> = self
            .by_series
            .iter()
            .filter(|(series, _)| wanted(series))
            .map(|(series, of)| SeriesExemplars {
                series: series.clone(),
                exemplars: of.iter().filter(|e| range.contains(e.t)).cloned().collect(),
            })
            .filter(|s| !s.exemplars.is_empty())
            .collect();
        found.sort_by(|a, b| a.series.cmp(&b.series));
        found
    }

    /// Most there may be.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Changes how many there may be; the oldest go.
    pub(crate) fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        while self.arrivals.len() > capacity && self.evict() {}
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// How many series have one.
    pub(crate) fn series(&self) -> usize {
        self.by_series.len()
    }

    /// Time of the oldest arrival, ms.
    pub(crate) fn oldest(&self) -> Option<i64> {
        let series = self.arrivals.front()?;
        self.by_series.get(series)?.front().map(|e| e.t)
    }

    /// Records of all that arrived after the first `seen` ever, in order of arrival, each of about `most` bytes; and
    /// how many ever arrived.
    pub(crate) fn records_since(&self, seen: u64, most: usize) -> (Vec<Vec<u8>>, u64) {
        // Those that were deleted meanwhile make it a few more, which whoever reads them knows already.
        let skip = self.arrivals.len().saturating_sub((self.arrived - seen.min(self.arrived)) as usize);
        // The n-th arrival of a series that is still here is the n-th in its queue.
        let mut places: HashMap<&str, usize, RandomState> = HashMap::default();
        let mut records = Vec::new();
        let mut writer = KeptExemplarsWriter::new();
        for (at, series) in self.arrivals.iter().enumerate() {
            let place = places.entry(series.canonical()).or_default();
            let exemplar = self.by_series.get(series).and_then(|s| s.get(*place));
            *place += 1;
            let Some(exemplar) = exemplar.filter(|_| at >= skip) else { continue };
            writer.exemplar(series.canonical(), exemplar);
            if writer.len() >= most {
                records.push(std::mem::replace(&mut writer, KeptExemplarsWriter::new()).finish());
            }
        }
        if writer.len() > 1 {
            records.push(writer.finish());
        }
        (records, self.arrived)
    }
}

/// Values in an order that has a place for NaN.
fn order(v: f64) -> i64 {
    let bits = v.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(i: u32) -> Labels {
        Labels::from_pairs([("__name__", "m"), ("i", &i.to_string())])
    }

    fn exemplar(t: i64, v: f64, id: &str) -> Exemplar {
        Exemplar { labels: Labels::from_pairs([("trace_id", id)]), t, v }
    }

    fn all(ring: &Exemplars) -> Vec<(u32, i64)> {
        let sets = [vec![]];
        let found = ring.select(&sets, TimeRange::ALL);
        let number = |s: &SeriesExemplars| s.series.get("i").unwrap().parse().unwrap();
        found.iter().flat_map(|s| s.exemplars.iter().map(move |e| (number(s), e.t))).collect()
    }

    #[test]
    fn repeats_and_older_ones_are_not_taken() {
        let mut ring = Exemplars::new(10, Budget::unlimited());
        assert!(ring.add(&series(1), &exemplar(10, 1.0, "a")));
        assert!(!ring.add(&series(1), &exemplar(10, 1.0, "a")), "the same again");
        assert!(
            !ring.is_late(&series(1), &exemplar(10, 1.0, "a"))
                && ring.is_late(&series(1), &exemplar(9, 2.0, "b"))
        );
        assert!(!ring.add(&series(1), &exemplar(9, 2.0, "b")), "older");
        assert!(!ring.add(&series(1), &exemplar(10, -1.0, "b")), "of one time in the order of values");
        assert!(ring.add(&series(1), &exemplar(10, 2.0, "b")));
        assert!(ring.add(&series(2), &exemplar(5, 2.0, "b")), "another series");
        assert_eq!(all(&ring), [(1, 10), (1, 10), (2, 5)]);
    }

    #[test]
    fn the_oldest_arrival_goes_where_there_is_no_room() {
        let mut ring = Exemplars::new(3, Budget::unlimited());
        for (i, t) in [(1, 10), (2, 1), (1, 20), (2, 2), (2, 3)] {
            assert!(ring.add(&series(i), &exemplar(t, 1.0, "a")));
        }
        assert_eq!(all(&ring), [(1, 20), (2, 2), (2, 3)]);
        assert_eq!((ring.len(), ring.series(), ring.oldest()), (3, 2, Some(20)));
        ring.resize(1);
        assert_eq!(all(&ring), [(2, 3)]);
        let mut none = Exemplars::new(0, Budget::unlimited());
        assert!(!none.add(&series(1), &exemplar(1, 1.0, "a")));
        let mut poor = Exemplars::new(1_000_000, Budget::new("test", 2 * STEP));
        for t in 0..5_000 {
            assert!(poor.add(&series(1), &exemplar(t, 1.0, "a")));
        }
        assert!(poor.len() > 500 && poor.len() < 1_500, "memory is the limit: {}", poor.len());
        let budget = Budget::new("test", 2 * STEP);
        let mut wordy = Exemplars::new(1_000_000, budget.clone());
        let long = "x".repeat(10_000);
        for n in 0..50 {
            let series = Labels::from_pairs([("i", n.to_string().as_str()), ("long", long.as_str())]);
            assert!(wordy.add(&series, &exemplar(1, 1.0, "a")));
        }
        assert!((5..14).contains(&wordy.len()), "labels of series count, too: {}", wordy.len());
        wordy.remove(&[], TimeRange::ALL);
        assert_eq!((wordy.used, wordy.len()), (0, 0));
    }

    #[test]
    fn selected_by_any_of_the_sets_and_by_time() {
        let mut ring = Exemplars::new(10, Budget::unlimited());
        for (i, t) in [(1, 10), (2, 20), (3, 30), (1, 40)] {
            ring.add(&series(i), &exemplar(t, 1.0, "a"));
        }
        let sets = [vec![Matcher::equal("i", "1")], vec![Matcher::equal("i", "2"), Matcher::equal("x", "y")]];
        let found = ring.select(&sets, TimeRange::new(0, 30));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].exemplars, [exemplar(10, 1.0, "a")]);
        assert!(ring.select(&[], TimeRange::ALL).is_empty());
    }

    #[test]
    fn records_hold_what_arrived_since() {
        use crate::wal::read;
        let mut ring = Exemplars::new(5, Budget::unlimited());
        let mut arrived = 0;
        let mut copy = Exemplars::new(5, Budget::unlimited());
        for round in 0..6 {
            for i in 0..round {
                ring.add(&series(i % 3), &exemplar(i64::from(10 * round + i), 1.0, "a"));
            }
            let (records, now) = ring.records_since(arrived, 60);
            arrived = now;
            for record in records {
                read(&record, &mut Kept(&mut copy)).unwrap();
            }
            assert_eq!(all(&copy), all(&ring), "round {round}");
        }
    }

    struct Kept<'a>(&'a mut Exemplars);

    impl crate::wal::Visitor for Kept<'_> {
        fn define(&mut self, _: u64, _: &str) {}
        fn sample(&mut self, _: u64, _: i64, _: i64, _: u64) {}
        fn histogram(&mut self, _: u64, _: i64, _: i64, _: model::Histogram) {}
        fn exemplar(&mut self, _: u64, _: Exemplar) {}
        fn kept_exemplar(&mut self, canonical: &str, exemplar: Exemplar) {
            assert!(self.0.add(&Labels::from_canonical(canonical).unwrap(), &exemplar));
        }
        fn position(&mut self, _: &str, _: &[u8]) {}
        fn family(&mut self, _: model::metrics::Family) {}
    }
}
