//! Summaries of samples: what a store may give in their place where a reader needs no more.

/// The float samples of one series in a span of time, stale markers left out.
///
/// Fields that were not asked for ([`Fields`]) are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Digest {
    /// The open start of the span, ms.
    pub from: i64,
    /// Its closed end, ms. A single sample is a span of no length.
    pub end: i64,
    /// Time of the first sample, ms.
    pub first_t: i64,
    /// Its value.
    pub first: f64,
    /// Time of the last sample, ms.
    pub last_t: i64,
    /// Its value.
    pub last: f64,
    /// How many samples there are.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least; NaN only where all are.
    pub min: f64,
    /// The greatest, likewise.
    pub max: f64,
    /// The sum of the values right before the drops between the first and the last sample: what a counter had counted
    /// when it was reset.
    pub resets: f64,
}

impl Digest {
    /// The summary of one sample.
    pub fn of(t: i64, v: f64) -> Self {
        Self {
            from: t,
            end: t,
            first_t: t,
            first: v,
            last_t: t,
            last: v,
            count: 1,
            sum: v,
            min: v,
            max: v,
            resets: 0.0,
        }
    }

    /// The middle of the span: it decides whether the span belongs to a window.
    pub fn middle(&self) -> i64 {
        self.from + (self.end - self.from) / 2
    }
}

/// The times at which a reader's windows begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cuts {
    /// End of the first window, ms.
    pub start: i64,
    /// Distance of the ends, ms, at least 1.
    pub step: i64,
    /// How many windows there are.
    pub len: usize,
    /// Length of the windows, which are left-open, ms; 0: only the ends matter.
    pub window: i64,
}

impl Cuts {
    /// All of them, in no order.
    pub fn each(&self) -> impl Iterator<Item = i64> + '_ {
        let ends = (0..self.len as i64).map(|i| self.start.saturating_add(self.step.saturating_mul(i)));
        let begins = ends.clone().map(|end| end.saturating_sub(self.window));
        ends.chain(begins.filter(|_| self.window > 0))
    }
}

/// Which fields of summaries are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields {
    /// The first sample.
    pub first: bool,
    /// The last sample.
    pub last: bool,
    /// The number of samples.
    pub count: bool,
    /// Their sum.
    pub sum: bool,
    /// The least.
    pub min: bool,
    /// The greatest.
    pub max: bool,
    /// What was counted before resets.
    pub resets: bool,
}

/// What a reader can do without all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It looks only for the newest sample at or before each end: others may be left out.
    Newest,
    /// It can work with summaries of spans that no window cuts.
    Summaries(Fields),
}

/// Tells the store that the reader can do with less than all samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestHint {
    /// Where its windows begin and end.
    pub cuts: Cuts,
    /// What it needs of them.
    pub need: Need,
}

/// Up to when only summaries of a series are left, and how long their spans are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coarse {
    /// Samples up to here were deleted for their age, ms.
    pub until: i64,
    /// Length of the spans, ms.
    pub resolution: i64,
}
