//! Samples of members become samples of their groups.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use model::{Labels, MetricBatch, RejectReason, Rejected, SeriesRef};

use super::members::{HASH_BITS, key};
use super::rule::Refused;
use super::{Cardinality, State};

/// The reference of a member.
pub(super) fn reference(group: u32, hash: u64) -> SeriesRef {
    let raw = SeriesRef::FOLDED | key(group, hash);
    SeriesRef(NonZeroU64::new(raw).unwrap_or(NonZeroU64::MAX))
}

/// The group of a member's reference.
pub(crate) const fn group_of(member: SeriesRef) -> u32 {
    split(member).0
}

/// Group and hash of a member's reference.
pub(super) const fn split(member: SeriesRef) -> (u32, u64) {
    let raw = member.0.get() & !SeriesRef::FOLDED;
    (super::members::group_of(raw), raw & ((1 << HASH_BITS) - 1))
}

/// A sample of a folded series.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) group: u32,
    /// Once the store knows the series.
    pub(crate) series: Option<SeriesRef>,
    pub(crate) labels: Labels,
    pub(crate) t: i64,
    pub(crate) v: f64,
    /// The group's newest time before this one.
    before: Option<i64>,
    /// Whether it marks the end of a group that was closed.
    last: bool,
}

/// What became of the members' samples of a batch.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) accepted: usize,
    pub(crate) rejected: Vec<Rejected>,
    /// What is to be stored.
    pub(crate) points: Vec<Point>,
}

impl Cardinality {
    /// Adds up the members' samples of a batch.
    pub(crate) fn fold(&self, batch: &MetricBatch<'_>) -> Folded {
        let most = self.config.read().folded_members;
        let mut folded = Folded::default();
        let is_member = |at: &usize| batch.refs[*at].is_folded();
        let mut places: Vec<usize> = (0..batch.refs.len()).filter(is_member).collect();
        if places.windows(2).any(|pair| batch.t[pair[1]] < batch.t[pair[0]]) {
            places.sort_by_key(|at| batch.t[*at]);
        }
        let mut state = self.state.lock();
        let state = &mut *state;
        folded.points = state.endings();
        let mut touched: BTreeSet<u32> = BTreeSet::new();
        for moment in places.chunk_by(|a, b| batch.t[*a] == batch.t[*b]) {
            touched.clear();
            for at in moment {
                let (number, hash) = split(batch.refs[*at]);
                let group = state.groups.get_mut(number as usize).filter(|group| !group.closed);
                let taken = match group {
                    None => Err(RejectReason::UnknownSeries),
                    Some(group) => {
                        touched.insert(number);
                        let sample = (batch.t[*at], batch.v[*at]);
                        group.take(&mut state.members, number, hash, sample, most)
                    }
                };
                match taken {
                    Ok(()) => folded.accepted += 1,
                    Err(reason) => folded.rejected.push(Rejected { index: *at, reason }),
                }
            }
            let t = moment.first().map_or(0, |at| batch.t[*at]);
            for number in &touched {
                let Some(group) = state.groups.get_mut(*number as usize) else { continue };
                let before = group.newest;
                let Some((t, v)) = group.emit(t) else { continue };
                let (series, labels) = (group.series, group.labels.clone());
                folded.points.push(Point { group: *number, series, labels, t, v, before, last: false });
            }
        }
        // Native histograms of series that were numbers before.
        for (at, sample) in batch.histograms.iter().enumerate().filter(|(_, h)| h.series.is_folded()) {
            let (number, _) = split(sample.series);
            let there = state.groups.get(number as usize).is_some_and(|group| !group.closed);
            let reason = if there { RejectReason::Limit } else { RejectReason::UnknownSeries };
            folded.rejected.push(Rejected { index: batch.refs.len() + at, reason });
        }
        self.count(state, batch, &folded);
        folded
    }

    fn count(&self, state: &mut State, batch: &MetricBatch<'_>, folded: &Folded) {
        self.metrics.samples.inc_by(folded.accepted as u64);
        for rejected in &folded.rejected {
            let why = match (rejected.reason, batch.refs.get(rejected.index)) {
                (RejectReason::UnknownSeries, _) => continue,
                (RejectReason::Limit, Some(_)) => Refused::Members,
                (RejectReason::OutOfOrder, _) => Refused::OutOfOrder,
                (RejectReason::Invalid, _) => Refused::BadValue,
                _ => Refused::NotAdditive,
            };
            self.metrics.refuse(why);
            let at = rejected.index.checked_sub(batch.refs.len());
            let histogram = at.and_then(|at| batch.histograms.get(at)).map(|h| h.series);
            let member = batch.refs.get(rejected.index).copied().or(histogram);
            let group = member.and_then(|member| state.groups.get(split(member).0 as usize));
            let Some(labels) = group.map(|group| group.labels.clone()) else { continue };
            if let Some(rule) = state.rule_of(&labels) {
                rule.refuse(why);
            }
        }
    }

    /// Gives each of `points`, whose moment the store has closed, a moment of its own.
    pub(crate) fn move_on(&self, points: &mut [Point]) {
        let mut state = self.state.lock();
        for point in points {
            if let Some(group) = state.groups.get_mut(point.group as usize) {
                // What others have added meanwhile is in the total.
                let newest = group.newest.map_or(point.t, |newest| newest.max(point.t.saturating_add(1)));
                group.newest = Some(newest);
                point.t = newest;
                point.v = if point.last || group.ended { point.v } else { group.total.get() };
            }
        }
    }

    /// Notes which series the store gave to the groups of `points`.
    pub(crate) fn note_series(&self, points: &[Point]) {
        let mut state = self.state.lock();
        for point in points {
            if let Some(group) = state.groups.get_mut(point.group as usize) {
                group.series = point.series;
            }
        }
    }

    /// Takes back that points were stored: what they held goes out with later ones.
    pub(crate) fn not_stored(&self, points: &[Point]) {
        let mut state = self.state.lock();
        for point in points.iter().rev() {
            let State { groups, closing, .. } = &mut *state;
            if let Some(group) = groups.get_mut(point.group as usize) {
                group.newest = point.before;
                if point.last {
                    group.labels = point.labels.clone();
                    closing.push(point.group);
                }
            }
        }
    }
}

impl State {
    /// Stale markers of groups that were closed, once.
    fn endings(&mut self) -> Vec<Point> {
        let mut points = Vec::new();
        for number in std::mem::take(&mut self.closing) {
            let Some(group) = self.groups.get_mut(number as usize) else { continue };
            let labels = std::mem::replace(&mut group.labels, Labels::empty());
            if let Some(before) = group.newest.filter(|_| !group.ended) {
                let (t, v) = (before.saturating_add(1), model::stale_nan());
                let (series, before) = (group.series, Some(before));
                points.push(Point { group: number, series, labels, t, v, before, last: true });
            }
        }
        points
    }
}
