//! Records of the log into samples with labels.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Exemplar, FeedSample, FeedValue, Histogram, Labels};

use crate::wal::{self, Visitor};

type Map = HashMap<u64, Known, foldhash::fast::RandomState>;

/// What one entry of the table takes, beside the labels' text.
const ENTRY_BYTES: u64 = 104;

/// A series that was defined.
struct Known {
    /// `None` where they cannot be read.
    labels: Option<Arc<Labels>>,
    /// The time of its last float.
    last_t: i64,
}

/// The series that the log has defined since its definitions last began anew.
#[derive(Default)]
pub(super) struct Table {
    series: Map,
    /// Those of the time before, so that labels that come again share their memory.
    before: Map,
    bytes: u64,
    bytes_before: u64,
}

impl Table {
    /// Definitions begin anew.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.series);
        self.bytes_before = std::mem::take(&mut self.bytes);
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes + self.bytes_before
    }

    fn define(&mut self, number: u64, canonical: &str) {
        let same = |known: &Known| known.labels.as_ref().is_some_and(|l| l.canonical() == canonical);
        if self.series.get(&number).is_some_and(same) {
            return;
        }
        let known = self.before.remove(&number).filter(same).unwrap_or_else(|| Known {
            labels: Labels::from_canonical(canonical).map(Arc::new),
            last_t: i64::MIN,
        });
        self.bytes += ENTRY_BYTES + canonical.len() as u64;
        self.series.insert(number, known);
    }
}

/// Reads records one by one.
#[derive(Default)]
pub(super) struct Decoder {
    pub(super) table: Table,
    pub(super) out: Vec<FeedSample>,
    /// Samples are passed over: only definitions are wanted.
    pub(super) only_definitions: bool,
    /// The newest time seen.
    pub(super) newest: i64,
    /// Samples of series whose definition was lost.
    pub(super) orphans: u64,
}

impl Decoder {
    /// Reads one record; whether all of it could be read.
    pub(super) fn record(&mut self, record: &[u8]) -> bool {
        wal::read(record, self).is_ok()
    }

    #[inline]
    fn push(&mut self, series: u64, t: i64, start: i64, value: FeedValue) {
        if self.only_definitions {
            return;
        }
        let known = self.table.series.get_mut(&series);
        let Some(Known { labels: Some(labels), last_t }) = known else {
            self.orphans += 1;
            return;
        };
        // A total that has grown within its moment: what is passed on keeps the first sample of a time, and what was
        // added comes with the next.
        if matches!(value, FeedValue::Float(_)) && std::mem::replace(last_t, t) == t {
            return;
        }
        self.newest = self.newest.max(t);
        self.out.push(FeedSample { series: Arc::clone(labels), t, start, value });
    }
}

impl Visitor for Decoder {
    fn define(&mut self, series: u64, canonical: &str) {
        self.table.define(series, canonical);
    }

    #[inline]
    fn sample(&mut self, series: u64, t: i64, start: i64, bits: u64) {
        self.push(series, t, start, FeedValue::Float(f64::from_bits(bits)));
    }

    fn histogram(&mut self, series: u64, t: i64, start: i64, histogram: Histogram) {
        self.push(series, t, start, FeedValue::Histogram(Box::new(histogram)));
    }

    fn exemplar(&mut self, series: u64, exemplar: Exemplar) {
        self.push(series, exemplar.t, 0, FeedValue::Exemplar(Box::new(exemplar)));
    }

    // Told when it arrived.
    fn kept_exemplar(&mut self, _canonical: &str, _exemplar: Exemplar) {}

    fn position(&mut self, _source: &str, _position: &[u8]) {}

    fn family(&mut self, _family: model::metrics::Family) {}
}
