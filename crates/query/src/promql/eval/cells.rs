//! One series' values at all steps.
//!
//! Floats lie in one dense column. A step without a value, and one whose value is a histogram, are marked by two
//! signalling NaNs that no computation yields; a stored value with these bits becomes an ordinary NaN.

use std::ops::Range;
use std::sync::Arc;

use model::Histogram;

const ABSENT: u64 = 0x7ff4_b09e_0000_0001;
const HISTOGRAM: u64 = 0x7ff4_b09e_0000_0002;

/// The value of one step.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// A column: one cell a step.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    v: Vec<f64>,
    /// Empty where no cell is a histogram, else as long as `v`.
    h: Vec<Option<Arc<Histogram>>>,
}

impl Cells {
    /// `len` steps without a value.
    pub(crate) fn absent(len: usize) -> Self {
        Self { v: vec![f64::from_bits(ABSENT); len], h: Vec::new() }
    }

    /// `len` steps with the same float.
    pub(crate) fn constant(value: f64, len: usize) -> Self {
        let mut cells = Self { v: Vec::new(), h: Vec::new() };
        cells.v.resize(len, plain(value));
        cells
    }

    /// How many steps there are.
    pub(crate) fn len(&self) -> usize {
        self.v.len()
    }

    /// Sets a float.
    #[inline]
    pub(crate) fn set(&mut self, i: usize, value: f64) {
        self.v[i] = plain(value);
    }

    /// Sets a histogram.
    pub(crate) fn set_histogram(&mut self, i: usize, histogram: Arc<Histogram>) {
        if self.h.is_empty() {
            self.h.resize(self.v.len(), None);
        }
        self.v[i] = f64::from_bits(HISTOGRAM);
        self.h[i] = Some(histogram);
    }

    /// Sets a cell of either kind.
    pub(crate) fn put(&mut self, i: usize, cell: Cell) {
        match cell {
            Cell::Float(v) => self.set(i, v),
            Cell::Histogram(h) => self.set_histogram(i, h),
        }
    }

    /// Takes the value away.
    #[inline]
    pub(crate) fn clear(&mut self, i: usize) {
        self.v[i] = f64::from_bits(ABSENT);
    }

    /// Whether there is a value of either kind.
    #[inline]
    pub(crate) fn is_present(&self, i: usize) -> bool {
        self.v[i].to_bits() != ABSENT
    }

    /// The float, if the value is one.
    #[inline]
    pub(crate) fn float(&self, i: usize) -> Option<f64> {
        let v = self.v[i];
        // Every ordered value is a float; only a NaN can be a mark.
        if v.is_nan() && is_mark(v) { None } else { Some(v) }
    }

    /// The floats of some steps.
    #[inline]
    pub(crate) fn floats(&self, steps: Range<usize>) -> impl Iterator<Item = Option<f64>> {
        let v = self.v.get(steps).unwrap_or_default();
        v.iter().map(|v| if v.is_nan() && is_mark(*v) { None } else { Some(*v) })
    }

    /// At which of some steps there is a value of either kind.
    #[inline]
    pub(crate) fn presence(&self, steps: Range<usize>) -> impl Iterator<Item = bool> {
        self.v.get(steps).unwrap_or_default().iter().map(|v| v.to_bits() != ABSENT)
    }

    /// Adds the steps of `more`.
    pub(crate) fn append(&mut self, mut more: Self) {
        if !self.h.is_empty() || !more.h.is_empty() {
            self.h.resize(self.v.len(), None);
            more.h.resize(more.v.len(), None);
            self.h.append(&mut more.h);
        }
        self.v.append(&mut more.v);
    }

    /// The histogram, if the value is one.
    #[inline]
    pub(crate) fn histogram(&self, i: usize) -> Option<&Arc<Histogram>> {
        if self.v[i].to_bits() != HISTOGRAM {
            return None;
        }
        self.h.get(i).and_then(Option::as_ref)
    }

    /// The value, if there is one.
    pub(crate) fn get(&self, i: usize) -> Option<Cell> {
        match self.float(i) {
            Some(v) => Some(Cell::Float(v)),
            None => self.histogram(i).map(|h| Cell::Histogram(h.clone())),
        }
    }

    /// Whether some value is a histogram.
    pub(crate) fn has_histograms(&self) -> bool {
        !self.h.is_empty() && self.v.iter().any(|v| v.to_bits() == HISTOGRAM)
    }

    /// How many steps have a value.
    pub(crate) fn present(&self) -> usize {
        self.v.iter().filter(|v| v.to_bits() != ABSENT).count()
    }

    /// Whether no step has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.v.iter().all(|v| v.to_bits() == ABSENT)
    }

    /// Replaces every float by `f` of it and drops histograms.
    #[inline]
    pub(crate) fn map_floats(&mut self, mut f: impl FnMut(usize, f64) -> f64) {
        self.h = Vec::new();
        for (i, v) in self.v.iter_mut().enumerate() {
            if !v.is_nan() || !is_mark(*v) {
                *v = plain(f(i, *v));
            } else {
                *v = f64::from_bits(ABSENT);
            }
        }
    }

    /// The first value at `len` steps.
    pub(crate) fn repeat(&self, len: usize) -> Self {
        let mut cells = Self::absent(len);
        match self.v.first().map(|_| self.get(0)) {
            Some(Some(Cell::Float(v))) => cells.v.fill(v),
            Some(Some(Cell::Histogram(h))) => (0..len).for_each(|i| cells.set_histogram(i, h.clone())),
            _ => {}
        }
        cells
    }
}

#[inline]
fn is_mark(v: f64) -> bool {
    matches!(v.to_bits(), ABSENT | HISTOGRAM)
}

#[inline]
fn plain(v: f64) -> f64 {
    if v.is_nan() && is_mark(v) { f64::NAN } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_not_values() {
        let mut cells = Cells::absent(3);
        assert!(cells.is_empty());
        cells.set(0, f64::from_bits(ABSENT));
        cells.set_histogram(1, Arc::default());
        assert!(cells.float(0).is_some_and(f64::is_nan), "a stored mark is a NaN");
        assert_eq!((cells.float(1), cells.float(2)), (None, None));
        assert!(cells.histogram(1).is_some() && cells.histogram(0).is_none());
        assert_eq!(cells.present(), 2);
        cells.map_floats(|_, _| 7.0);
        assert_eq!((cells.float(0), cells.present()), (Some(7.0), 1));
    }

    #[test]
    fn the_first_value_is_repeated() {
        assert_eq!(Cells::constant(2.0, 1).repeat(3).present(), 3);
        assert!(Cells::absent(1).repeat(3).is_empty());
    }
}
