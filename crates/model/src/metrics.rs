//! The metric seam: how samples enter an engine and how a query reads them.
//!
//! Both traits are object-safe and synchronous: async stops at the store's door. Implementers are our own engine,
//! ClickHouse, and the in-memory store of `testkit`.

use std::num::NonZeroU64;

use crate::ctx::{Ctx, Tenant};
use crate::digest::{Coarse, Digest, DigestHint};
use crate::error::Result;
use crate::exemplar::{ExemplarSample, ExemplarsTaken};
use crate::histogram::Histogram;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::time::TimeRange;

/// A resolved series. Opaque: it carries the engine's generation, so that one kept across a garbage collection is
/// refused ([`RejectReason::UnknownSeries`]) and can be resolved again, instead of hitting another series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeriesRef(pub NonZeroU64);

impl SeriesRef {
    /// Set in references that `intake` gives out for members of a folded series. No store gives one out.
    pub const FOLDED: u64 = 1 << 63;

    /// Whether it stands for a member of a folded series.
    pub const fn is_folded(self) -> bool {
        self.0.get() & Self::FOLDED != 0
    }
}

/// Where a source stands, logged in the same record as the samples it covers. Opaque to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'a> {
    /// Which source, e.g. a tailed file.
    pub source: &'a str,
    /// Where it stands, in the source's own encoding.
    pub position: &'a [u8],
}

/// Samples to append: three parallel slices, one entry a sample, any mix of series and times.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricBatch<'a> {
    /// Which series, from [`MetricWriter::resolve`].
    pub refs: &'a [SeriesRef],
    /// Milliseconds since the Unix epoch.
    pub t: &'a [i64],
    /// Values.
    pub v: &'a [f64],
    /// Start timestamps in milliseconds; empty, or one a sample (0: not known).
    pub start: &'a [i64],
    /// Native histograms, appended together with the floats.
    pub histograms: &'a [HistogramSample<'a>],
    /// Where the source stands once these samples are in.
    pub position: Option<Position<'a>>,
    /// So many of the floats, the last ones, are of totals that grow while their moment lasts: one with the time of its
    /// series' newest sample takes its place where it is greater. Everywhere else the first sample of a time wins.
    pub rising: usize,
}

/// A native histogram to append.
#[derive(Debug, Clone, Copy)]
pub struct HistogramSample<'a> {
    /// Which series, from [`MetricWriter::resolve`].
    pub series: SeriesRef,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// Start timestamp in milliseconds, 0: not known.
    pub start: i64,
    /// The histogram. A stale marker is one whose sum has the bits of [`crate::stale_nan`].
    pub value: &'a Histogram,
}

/// Why a sample was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// The reference is from before a garbage collection: resolve again.
    UnknownSeries,
    /// A sample with this timestamp and another value is there; the first wins.
    Duplicate,
    /// Older than the newest sample by more than the out-of-order window.
    OutOfOrder,
    /// Older than anything that may still be written.
    TooOld,
    /// Further in the future than allowed.
    TooFarInFuture,
    /// A limit (series, labels, memory) was reached.
    Limit,
    /// There is no memory for it now. Sent again, it may be taken.
    Memory,
    /// A histogram that contradicts itself ([`Histogram::check`]).
    Invalid,
}

impl RejectReason {
    /// The value of the `reason` label of the counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSeries => "unknown_series",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out_of_order",
            Self::TooOld => "too_old",
            Self::TooFarInFuture => "too_far_in_future",
            Self::Limit => "limit",
            Self::Memory => "memory_limit",
            Self::Invalid => "invalid",
        }
    }
}

/// One sample that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Its index in the batch: floats first, then histograms.
    pub index: usize,
    /// Why.
    pub reason: RejectReason,
}

/// What became of a batch. Partial success is a value, not an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// How many samples were taken. A repeated sample (same time, same bits) counts as taken.
    pub accepted: usize,
    /// The others.
    pub rejected: Vec<Rejected>,
}

/// The way in. `intake` implements it too; whoever produces samples holds only this.
pub trait MetricWriter: Send + Sync {
    /// Gives each label set its reference, creating series that are new. `out` gets one entry a label set: `None`
    /// where a limit forbids the series.
    fn resolve(&self, tenant: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()>;

    /// Appends a batch. When this returns, the accepted samples are visible together and survive `kill -9`, and a power
    /// failure too unless the store was told otherwise.
    fn append(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<Appended>;

    /// Records type, help and unit of metric families; the newest wins.
    fn metadata(&self, _tenant: &Tenant, _families: &[Family]) -> Result<()> {
        Ok(())
    }

    /// Records exemplars and says which were taken; the others were repeats, or older than the newest of their series.
    /// A writer that keeps none takes none.
    fn exemplars(&self, _tenant: &Tenant, _exemplars: &[ExemplarSample]) -> Result<ExemplarsTaken> {
        Ok(ExemplarsTaken::default())
    }

    /// The position last logged for `source`, for sources that resume.
    fn position(&self, _source: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Metadata of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Family {
    /// The family's name as exposed (without `_total`, `_bucket` ... where the format separates them).
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary`, `gaugehistogram`, `stateset`, `info` or `unknown`.
    pub kind: String,
    /// Help text.
    pub help: String,
    /// Unit, or empty.
    pub unit: String,
}

/// What the caller will do with the data. A store may use it or not; the result must be the same.
#[derive(Debug, Clone, Default)]
pub struct SelectHints {
    /// The function applied directly to the selector, e.g. `rate`.
    pub function: Option<String>,
    /// Window of a range selector in ms, 0 for an instant selector.
    pub window: i64,
    /// Step of the query in ms, 0 for an instant query.
    pub step: i64,
    /// Labels of an enclosing aggregation, and whether it is `by` (true) or `without`.
    pub grouping: Option<(Vec<String>, bool)>,
    /// Only the labels are wanted; samples may be left out.
    pub labels_only: bool,
    /// Stop after this many series, 0 for all.
    pub limit: usize,
    /// Of the floats and of the histograms of a series only the newest in the range matters; others may be left out.
    pub newest_only: bool,
    /// With how much less than all samples the caller gets along; `None`: with nothing less.
    pub summary: Option<DigestHint>,
}

/// One series with all its samples in the asked range, in buffers that are reused from series to series.
#[derive(Debug, Default, Clone)]
pub struct SeriesData {
    /// Identity within this selection.
    pub id: u64,
    /// Labels, metric name included.
    pub labels: Labels,
    /// Times of float samples, strictly increasing. Stale markers are included.
    pub t: Vec<i64>,
    /// Values of float samples.
    pub v: Vec<f64>,
    /// Start timestamps of float samples in milliseconds: empty where none is known, else one a sample (0: not known).
    pub start: Vec<i64>,
    /// Native histograms with their times, strictly increasing, none at a time that `t` has.
    pub histograms: Vec<(i64, Histogram)>,
    /// Start timestamps of `histograms`, likewise.
    pub histogram_start: Vec<i64>,
    /// In place of floats, where the hint allows it and the store has them: in order of time, apart from each other,
    /// and no float within one.
    pub summaries: Vec<Digest>,
    /// Where the samples are gone and only summaries are left.
    pub coarse: Option<Coarse>,
}

impl SeriesData {
    /// Empties the buffers and keeps their memory.
    pub fn clear(&mut self) {
        self.t.clear();
        self.v.clear();
        self.start.clear();
        self.histograms.clear();
        self.histogram_start.clear();
        self.summaries.clear();
        self.coarse = None;
    }
}

/// A share of the selected series, read by one thread.
pub trait Partition: Send {
    /// Fills `out` (cleared first) with the next series that has a sample in the range, or all matching series with
    /// `labels_only`. `false`: no more.
    fn next(&mut self, out: &mut SeriesData) -> Result<bool>;
}

/// A result that the store evaluated itself: one value a series and step.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    /// Time of the first step in ms.
    pub start: i64,
    /// Distance between steps in ms.
    pub step: i64,
    /// Series with one value a step; `None` where the function gives nothing.
    pub rows: Vec<(Labels, Vec<Option<f64>>)>,
}

/// Decoded runs, or values the store computed.
pub enum Selected {
    /// Unordered partitions; each series is in exactly one. The engine sorts.
    Series(Vec<Box<dyn Partition>>),
    /// The hinted function, evaluated.
    Grid(Grid),
}

/// An immutable part of history on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its name, unique.
    pub id: String,
    /// First and last sample, ms.
    pub range: TimeRange,
    /// Series in it.
    pub series: u64,
    /// Samples in it.
    pub samples: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// How often it was compacted; 1: never.
    pub level: u32,
}

/// What a read cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Series looked at.
    pub series: u64,
    /// Samples decoded.
    pub samples: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// The answer to [`MetricReader::select`].
pub struct Selection {
    /// The data.
    pub data: Selected,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// `false` if part of the range could not be read (quarantined block, replay under way).
    pub complete: bool,
    /// Things that may surprise the user, though nothing is wrong.
    pub infos: Vec<String>,
    /// Lengths of the spans, ms, of summaries among the data, coarsest first.
    pub resolutions: Vec<i64>,
}

impl Selection {
    /// All that was asked for, sample by sample.
    pub fn complete(data: Selected) -> Self {
        Self { data, warnings: Vec::new(), complete: true, infos: Vec::new(), resolutions: Vec::new() }
    }
}

/// Names or values, with what the user should know about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted by bytes, no duplicates.
    pub items: Vec<String>,
    /// Things the user should know.
    pub warnings: Vec<String>,
    /// Whether a limit cut the list.
    pub truncated: bool,
}

/// What the answers of a reader for a range of time depend on, for those who keep answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Another number than before: anything in the range may have changed.
    pub layout: u64,
    /// The number of the last change of a sample within the range ...
    pub changed: u64,
    /// ... and of the last change at all. An answer read after this was `now` holds while `changed` is not greater.
    pub now: u64,
}

/// The way out.
pub trait MetricReader: Send + Sync {
    /// Series that satisfy all `matchers`, with their samples in `range`.
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection>;

    /// Label names of the series that satisfy all `matchers` (every series if empty) within `range`.
    fn label_names(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange, limit: usize)
    -> Result<Listing>;

    /// Values of label `name`, likewise.
    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing>;

    /// Whether what these matchers select in `range` is so little that reading it takes no time worth another thread.
    /// `false` where that is not known at once.
    fn is_little(&self, _matchers: &[Matcher], _range: TimeRange) -> bool {
        false
    }

    /// What answers for `range` depend on; `None` where that is not known, and answers must not be kept.
    fn version(&self, _range: TimeRange) -> Option<Version> {
        None
    }

    /// Metadata of families; `name` restricts to one.
    fn families(&self, _ctx: &Ctx, _name: Option<&str>) -> Result<Vec<Family>> {
        Ok(Vec::new())
    }
}

/// Figures of a metric store for `status/tsdb` and the status page. Optional capability.
pub trait MetricStats: Send + Sync {
    /// Figures now; `limit` caps each of the top lists.
    fn stats(&self, limit: usize) -> Result<StoreStats>;

    /// Blocks on disk, oldest first.
    fn blocks(&self) -> Vec<BlockInfo> {
        Vec::new()
    }
}

/// What a metric store says of the series in its memory, so that budgets can be kept. Optional capability.
pub trait SeriesCensus: Send + Sync {
    /// Whether series with these labels are in memory, one answer a label set: resolving those creates nothing.
    fn known(&self, labels: &[Labels]) -> Vec<bool>;

    /// How many series there are.
    fn total(&self) -> u64;

    /// Series of each metric name, in no order.
    fn by_metric(&self) -> Vec<(String, u64)>;

    /// Series of each pair of `job` and `instance`, in no order.
    fn by_target(&self) -> Vec<((String, String), u64)>;

    /// Label names with their distinct values, among the series that satisfy all `matchers`.
    fn shape(&self, matchers: &[Matcher]) -> Result<Vec<(String, u64)>>;

    /// Series of each metric name among those that satisfy all `matchers`.
    fn metrics_of(&self, matchers: &[Matcher]) -> Result<Vec<(String, u64)>>;
}

/// See [`MetricStats`].
#[derive(Debug, Clone, Default)]
pub struct StoreStats {
    /// Series in the head.
    pub head_series: u64,
    /// Chunks in the head.
    pub head_chunks: u64,
    /// Earliest and latest sample in the head, ms.
    pub head_range: Option<TimeRange>,
    /// Distinct label pairs in the head.
    pub label_pairs: u64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Samples in blocks.
    pub block_samples: u64,
    /// Earliest and latest sample in blocks, ms.
    pub block_range: Option<TimeRange>,
    /// Bytes on disk: log, then blocks.
    pub log_bytes: u64,
    /// Bytes of blocks.
    pub block_bytes: u64,
    /// Samples appended since start.
    pub appended: u64,
    /// Samples rejected since start, by reason.
    pub rejected: Vec<(RejectReason, u64)>,
    /// Metric names with the most series.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label names with the most values.
    pub values_by_label: Vec<(String, u64)>,
    /// Label names by bytes of their values, counted once for each series.
    pub bytes_by_label: Vec<(String, u64)>,
    /// `name=value` pairs with the most series.
    pub series_by_pair: Vec<(String, u64)>,
}
