//! The times at which a query is evaluated.

/// `start`, `start + step`, ...: `len` times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) start: i64,
    /// At least 1.
    pub(crate) step: i64,
    pub(crate) len: usize,
}

impl Steps {
    /// One time.
    pub(crate) fn at(t: i64) -> Self {
        Self { start: t, step: 1, len: 1 }
    }

    /// From `start` to at most `end`; none where `end` is before `start`.
    pub(crate) fn range(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        if end < start {
            return Self { start, step, len: 0 };
        }
        let count = end.saturating_sub(start) / step;
        Self { start, step, len: usize::try_from(count).unwrap_or(usize::MAX - 1) + 1 }
    }

    /// The time of step `i`.
    #[inline]
    pub(crate) fn time(self, i: usize) -> i64 {
        // Times saturate: a query at the edge of representable time selects nothing beyond it.
        self.start.saturating_add(self.step.saturating_mul(i as i64))
    }

    /// The last time.
    pub(crate) fn last(self) -> i64 {
        self.time(self.len.saturating_sub(1))
    }

    /// Only the first time.
    pub(crate) fn first(self) -> Self {
        Self { len: self.len.min(1), ..self }
    }
}
