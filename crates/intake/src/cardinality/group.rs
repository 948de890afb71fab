//! One folded series: a counter that rises by what its members rise.
//!
//! Within one window the increase of a counter, resets corrected, is the sum of its steps: `v - last` where it did not
//! fall, `v` where it did. The folded series rises by the sum of its members' steps, so its own increase between any
//! two of its samples is the sum of theirs, and it never falls. A member's first value is no step (a counter's first
//! sample in a window is not one either); those of the first scrape are where the folded series begins.

use model::{Labels, RejectReason, SeriesRef, is_stale_nan};

use super::members::{Members, key};

/// A sum that keeps what rounding takes away (Neumaier, 1974).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) fn add(&mut self, v: f64) {
        let sum = self.sum + v;
        self.lost += if self.sum.abs() >= v.abs() { (self.sum - sum) + v } else { (v - sum) + self.sum };
        self.sum = sum;
    }

    pub(super) fn get(self) -> f64 {
        self.sum + self.lost
    }
}

/// What is kept of a folded series.
#[derive(Debug)]
pub(super) struct Group {
    /// As it is stored.
    pub(super) labels: Labels,
    /// Once the store knows it.
    pub(super) series: Option<SeriesRef>,
    pub(super) total: Sum,
    /// Time of its newest sample, ms; `None`: it has none yet.
    pub(super) newest: Option<i64>,
    /// Members that are there now.
    pub(super) live: u64,
    /// Whether its series was marked as ended.
    pub(super) ended: bool,
    /// Whether it is no longer folded: members are resolved anew.
    pub(super) closed: bool,
    /// Whether the values of its first scrape are where it begins. Not so when the process has started again: there
    /// are samples already, and a beginning at 0 is a reset that adds nothing.
    pub(super) begins: bool,
    /// Time of its first sample, ms.
    pub(super) first: Option<i64>,
    /// Whether a value came in the moment that is looked at.
    pub(super) touched: bool,
}

impl Group {
    pub(super) fn new(labels: Labels, begins: bool) -> Self {
        Self {
            labels,
            series: None,
            total: Sum::default(),
            newest: None,
            live: 0,
            ended: false,
            closed: false,
            begins,
            first: None,
            touched: false,
        }
    }

    /// Takes the sample of a member; `number` is the group's, `most` how many members there may be altogether.
    pub(super) fn take(
        &mut self,
        members: &mut Members,
        number: u32,
        hash: u64,
        sample: (i64, f64),
        most: usize,
    ) -> Result<(), RejectReason> {
        let (t, v) = sample;
        let key = key(number, hash);
        if is_stale_nan(v) {
            self.live -= u64::from(members.end(key)).min(self.live);
            return Ok(());
        }
        if !v.is_finite() || v < 0.0 {
            return Err(RejectReason::Invalid);
        }
        match members.get(key) {
            None if members.len() >= most => return Err(RejectReason::Limit),
            None => {
                self.live += 1;
                // The first moment may come in several requests: its sample grows meanwhile.
                if self.begins && (self.newest.is_none() || self.newest == Some(t) && self.first == Some(t)) {
                    self.total.add(v);
                }
            }
            Some(last) => {
                // A value from the past that is lower is no reset; the next one in order tells. In the newest moment it is
                // one, for another request may have brought the first part of the same scrape.
                if v < last.v && self.newest.is_some_and(|newest| t < newest) {
                    return Err(RejectReason::OutOfOrder);
                }
                self.total.add(if v < last.v { v } else { v - last.v });
                self.live += u64::from(!last.live);
            }
        }
        members.put(key, v);
        self.touched = true;
        Ok(())
    }

    /// The sample that the folded series gets for what was taken at `t`. What comes after its moment went out is in the
    /// newest sample all the same, which grows: whoever is told that his samples are stored finds them in the sum.
    pub(super) fn emit(&mut self, t: i64) -> Option<(i64, f64)> {
        if std::mem::take(&mut self.touched) {
            let at = self.newest.map_or(t, |newest| newest.max(t));
            self.first.get_or_insert(at);
            self.newest = Some(at);
            self.ended = false;
            return Some((at, self.total.get()));
        }
        if self.live == 0 && !self.ended && self.newest.is_some_and(|newest| newest < t) {
            self.newest = Some(t);
            self.ended = true;
            return Some((t, model::stale_nan()));
        }
        None
    }
}

#[cfg(test)]
mod tests;
