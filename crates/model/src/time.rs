//! Time ranges. Samples count milliseconds, events nanoseconds, both since the Unix epoch.

/// A closed range of milliseconds: both ends belong to it. Left-open windows (Prometheus 3) are made by the query
/// engine, which asks for `start + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First millisecond.
    pub start: i64,
    /// Last millisecond.
    pub end: i64,
}

impl TimeRange {
    /// Every representable time.
    pub const ALL: Self = Self { start: i64::MIN, end: i64::MAX };

    /// The closed range `[start, end]`; empty where `end < start`.
    pub const fn new(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    /// Whether `t` lies inside.
    pub const fn contains(self, t: i64) -> bool {
        self.start <= t && t <= self.end
    }

    /// Whether the two share a millisecond.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The shortest range that holds both.
    pub fn union(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether no time lies inside.
    pub const fn is_empty(self) -> bool {
        self.end < self.start
    }
}
