//! Runs the scripts of `crates/query/testdata/logql`, once over a store that makes every test and once over one that
//! makes none, and over the store on disk: from its memory, and from blocks.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test file is no library; a panic is its report"
)]

use std::path::Path;
use std::sync::Arc;

use events::wide::{Options, Store};
use model::records::{
    ColumnStream, Columns, Counted, Counting, Origin, PatternSeries, RecordReader, RecordScan, RecordWriter,
    Records, StreamSummary, VolumeSeries, Written,
};
use model::{Ctx, EventKind, Labels, ManualClock, Matcher, Position, Result, Tenant};
use testkit::logqltest::run;
use testkit::{MemoryRecords, conformance};

fn script(name: &str) {
    let path: &Path = &conformance::repository().join("crates/query/testdata/logql").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    for store in [MemoryRecords::new(), MemoryRecords::lazy()] {
        let commands = run(&text, &store).unwrap_or_else(|e| panic!("{name}, {e}"));
        assert!(commands > 3, "{name} has {commands} commands");
    }
    let open = |folder: &Path| {
        let clock = Arc::new(ManualClock::at_ms(3_600_000));
        let options = Options { flush_ms: 0, ..Options::default() };
        Store::open(Arc::new(disk::RealFs), folder, options, clock).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    run(&text, &open(folder.path())).unwrap_or_else(|e| panic!("{name} over the store on disk, {e}"));
    let folder = tempfile::tempdir().unwrap();
    run(&text, &Flushed(open(folder.path()))).unwrap_or_else(|e| panic!("{name} over blocks, {e}"));
}

/// A store that has everything in blocks.
struct Flushed(Store);

impl RecordWriter for Flushed {
    fn write(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        let written = self.0.write(tenant, kind, records, positions)?;
        self.0.maintain()?;
        assert_eq!(self.0.metrics().memory.get(), 0, "all is in blocks");
        Ok(written)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.0.position(source)
    }
}

impl RecordReader for Flushed {
    fn scan(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Box<dyn ColumnStream>> {
        self.0.scan(ctx, scan)
    }

    fn scan_unordered(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        visit: &(dyn Fn(&Columns) -> Result<()> + Sync),
    ) -> Result<bool> {
        self.0.scan_unordered(ctx, scan, visit)
    }

    fn streams(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<StreamSummary>> {
        self.0.streams(ctx, kind, matchers, start_ns, end_ns)
    }

    fn stream_labels(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<Labels>> {
        self.0.stream_labels(ctx, kind, matchers, start_ns, end_ns)
    }

    fn count(&self, ctx: &Ctx, scan: &RecordScan, counting: &Counting) -> Result<Option<Vec<Counted>>> {
        self.0.count(ctx, scan, counting)
    }

    fn volume(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<VolumeSeries>> {
        self.0.volume(ctx, scan, step_ns)
    }

    fn field_names(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Vec<(String, Origin)>> {
        self.0.field_names(ctx, scan)
    }

    fn patterns(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<PatternSeries>> {
        self.0.patterns(ctx, scan, step_ns)
    }

    fn delete(&self, ctx: &Ctx, scan: &RecordScan) -> Result<u64> {
        self.0.delete(ctx, scan)
    }
}

#[test]
fn lines() {
    script("lines.test");
}

#[test]
fn counts() {
    script("counts.test");
}

#[test]
fn values() {
    script("values.test");
}

#[test]
fn vectors() {
    script("vectors.test");
}

#[test]
fn fields() {
    script("fields.test");
}
