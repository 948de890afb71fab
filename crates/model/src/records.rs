//! The seam of wide events: log lines and spans on their way in ([`Records`]) and on their way out ([`Columns`]).
//!
//! In, rows lie in one arena, so that a decoder writes a line without an allocation of its own. Out, values lie in
//! columns, so that counting by level never touches a message. Both traits are object-safe and synchronous.
//!
//! A record has a time, a stream (few, stable labels: identity), a message and fields. A field was either sent beside
//! the message or detected in it ([`Origin`]); the message itself is always whole.

mod columns;
mod counting;
mod reading;
mod rows;
mod scan;

pub use columns::{ABSENT, Columns, FieldColumn, Strings, TextColumn, Values};
pub use counting::{Counted, Counting, KeyPlace, KeySource};
pub use reading::{Form, Reading, Recipe, Template, Told};
pub use rows::{FieldRef, NameIndex, Origin, Records, Row, StreamIndex};
pub use scan::{Keep, PatternSeries, RecordScan, StreamSummary, TextTest, VolumeSeries, Wanted};

use crate::ctx::{Ctx, Tenant};
use crate::error::Result;
use crate::events::EventKind;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::metrics::Position;

/// The time of a record whose sender gave none. `intake` puts in its place the time that the line itself tells, else
/// the present one; a store never sees it.
pub const NO_TIME: i64 = i64::MIN;

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Older than what retention keeps, or than what may still be written.
    TooOld,
    /// Further in the future than allowed.
    TooFarInFuture,
    /// There are as many streams as may be.
    TooManyStreams,
    /// The stream writes faster than it may.
    Rate,
    /// The line is longer than it may be.
    LineTooLong,
    /// The stream has more or longer labels than it may have.
    Labels,
}

impl Refusal {
    /// The value of the `reason` label of the counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::TooFarInFuture => "too_far_in_future",
            Self::TooManyStreams => "too_many_streams",
            Self::Rate => "rate",
            Self::LineTooLong => "line_too_long",
            Self::Labels => "labels",
        }
    }
}

/// What became of a batch. Partial success is a value, not an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// How many records were taken.
    pub accepted: usize,
    /// The others, by their row.
    pub refused: Vec<(usize, Refusal)>,
}

/// The way in. `intake` implements it too; whoever receives or tails lines holds only this.
pub trait RecordWriter: Send + Sync {
    /// Appends records of one kind, in their order within each stream. When this returns, the accepted ones are visible
    /// and survive `kill -9` and a power failure, together with the positions. Fails as a whole, with nothing taken, where the
    /// store cannot take any (kind `Unavailable` or `Limited`: send again later). Only the batch during which the disk
    /// failed may be stored all the same, and the error's message says so.
    fn write(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written>;

    /// The position last logged for `source`.
    fn position(&self, source: &str) -> Option<Vec<u8>>;
}

/// The records of a scan, batch by batch. Within a batch records lie in the asked order, and batches follow one another
/// in it.
pub trait ColumnStream: Send {
    /// Fills `out` (cleared first); `false`: no more.
    fn next(&mut self, out: &mut Columns) -> Result<bool>;
}

/// The way out.
pub trait RecordReader: Send + Sync {
    /// Records of streams that fulfil the scan's matchers. It may return more than its tests ask, never less; each
    /// batch says whether its records were all tested.
    fn scan(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Box<dyn ColumnStream>>;

    /// Gives all records of [`scan`](Self::scan), whatever its order and limit say, batch by batch in no order, to several
    /// calls of `visit` at one time. An error that it returns ends the scan and is passed on. `false`: the store gives
    /// records in order only, and nothing was visited.
    fn scan_unordered(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        visit: &(dyn Fn(&Columns) -> Result<()> + Sync),
    ) -> Result<bool> {
        let _ = (ctx, scan, visit);
        Ok(false)
    }

    /// Streams that fulfil the matchers and have records between the two times (nanoseconds, both included).
    fn streams(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<StreamSummary>>;

    /// The labels of the streams that fulfil the matchers and have records between the two times. Cheaper than
    /// [`streams`](Self::streams) where a store need not look at blocks for them.
    fn stream_labels(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<Labels>> {
        let streams = self.streams(ctx, kind, matchers, start_ns, end_ns)?;
        Ok(streams.into_iter().map(|stream| stream.labels).collect())
    }

    /// Counts the scan's records, with its tests applied exactly, by what labels and fields say and by time; `None`: the
    /// store cannot, and whoever asked counts what a scan gives.
    fn count(&self, ctx: &Ctx, scan: &RecordScan, counting: &Counting) -> Result<Option<Vec<Counted>>> {
        let _ = (ctx, scan, counting);
        Ok(None)
    }

    /// Bytes and records of each stream by steps of `step_ns` (0: all in one), from what is known of whole blocks:
    /// records of a block that a step cuts are shared out evenly. Tests of messages and fields are not applied.
    fn volume(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<VolumeSeries>>;

    /// Names of the fields of the scan's records, at most `scan.limit` where that is not 0.
    fn field_names(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Vec<(String, Origin)>>;

    /// What messages have in common, counted by steps of `step_ns`, at most `scan.limit` where that is not 0. Where the
    /// scan wants no messages there need be no examples.
    fn patterns(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<PatternSeries>>;

    /// Deletes the scan's records for good, with its tests applied exactly; says how many. Until it returns some may still be
    /// visible, afterwards none, and no file keeps their bytes once background work is done.
    fn delete(&self, ctx: &Ctx, scan: &RecordScan) -> Result<u64>;
}
