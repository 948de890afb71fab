//! Range aggregations: lines become series, counts or values, over windows.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use model::labels::put;
use model::records::{Counting, KeyPlace, KeySource};
use model::{Columns, Error, ErrorKind, Labels, MatchOp, Order, RecordReader};

use super::Range;
use super::plan::{Need, Plan, plan, spellings};
use super::told::{Told, told};
use super::window::{Grid, Lines, Samples};
use crate::logql::ast::{Conversion, Grouping, RangeAggregation, RangeOp};
use crate::logql::engine::{QueryError, Stats};
use crate::logql::pipeline::entry::{DETECTED_LEVEL, ERROR, ERROR_DETAILS, Entry, Sent, Wish};
use crate::logql::pipeline::filter::Filter;
use crate::logql::pipeline::{Pipeline, ask, asked};
use crate::logql::units::{parse_bytes, parse_duration, seconds};
use crate::promql::eval::charge::Charge;
use crate::promql::eval::{Cells, Evaluator, Outcome, Row, Rows, Steps};

/// What a series takes beside its values, roughly.
const SERIES_BYTES: u64 = 256;

/// The series of a range aggregation at all `steps`.
pub(super) fn rows(
    evaluator: &Evaluator<'_>,
    reader: &dyn RecordReader,
    range: &Range,
    steps: Steps,
) -> Outcome<(Rows, Stats)> {
    if steps.len == 0 {
        return Ok((Rows::empty(&evaluator.meter), Stats::default()));
    }
    let aggregation = &*range.aggregation;
    let grid = Grid::new(steps, aggregation.range_ns, aggregation.offset_ns);
    let mut leaf = Leaf::new(aggregation, range.above.as_ref(), grid, evaluator.meter.charge());
    leaf.read(evaluator, reader).map_err(|error| match error {
        QueryError::Store(error) => evaluator.failed(error),
        other => crate::promql::QueryError::Execution(other.to_string()),
    })?;
    let stats = leaf.stats;
    let mut made = leaf.finish();
    made.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok((Rows::counted(made, &evaluator.meter)?, stats))
}

/// How the series of lines are named.
#[derive(Clone)]
enum Key {
    /// By these labels, sorted.
    By(Vec<String>),
    /// By all but these.
    Without(Vec<String>),
}

struct Leaf<'a> {
    range: &'a RangeAggregation,
    grid: Grid,
    key: Key,
    filters: Vec<Filter>,
    index: HashMap<Labels, usize, foldhash::fast::RandomState>,
    series: Vec<Series>,
    charge: Charge,
    stats: Stats,
}

struct Series {
    labels: Labels,
    values: Values,
}

enum Values {
    Lines(Lines),
    Samples(Samples),
}

impl<'a> Leaf<'a> {
    fn new(range: &'a RangeAggregation, above: Option<&Grouping>, grid: Grid, charge: Charge) -> Self {
        let unwrapped = range.unwrap.as_ref().map(|unwrap| unwrap.label.clone());
        let none = Grouping { without: true, labels: Vec::new() };
        let grouping = match range.op {
            RangeOp::Absent => &Grouping::default(),
            _ => range.grouping.as_ref().or(above).unwrap_or(&none),
        };
        let mut labels = grouping.labels.clone();
        if grouping.without {
            // The value is none of the labels of its series.
            labels.extend(unwrapped);
        }
        labels.sort_unstable();
        labels.dedup();
        let key = if grouping.without { Key::Without(labels) } else { Key::By(labels) };
        Self::named(range, grid, key, charge)
    }

    fn named(range: &'a RangeAggregation, grid: Grid, key: Key, charge: Charge) -> Self {
        let (index, series, filters) = (HashMap::default(), Vec::new(), Vec::new());
        Self { range, grid, key, filters, index, series, charge, stats: Stats::default() }
    }

    /// Which labels are asked for.
    fn wish(&self) -> Wish {
        let (Key::By(by), Some(mut names)) = (&self.key, asked(&self.range.log.stages)) else {
            return Wish::All;
        };
        names.extend(by.iter().cloned());
        if let Some(unwrap) = &self.range.unwrap {
            names.insert(unwrap.label.clone());
            unwrap.filters.iter().for_each(|filter| ask(filter, &mut names));
        }
        Wish::Names(names.into_iter().collect::<BTreeSet<_>>())
    }

    fn read(&mut self, evaluator: &Evaluator<'_>, reader: &dyn RecordReader) -> Result<(), QueryError> {
        let ctx = evaluator.ctx;
        self.filters = filters(self.range)?;
        let need = Need {
            range: self.grid.span(),
            order: Order::Ascending,
            wish: self.wish(),
            body: matches!(self.range.op, RangeOp::Bytes | RangeOp::BytesRate),
            limit: 0,
            dotted: true,
        };
        let wish = need.wish.clone();
        let mut plan = plan(ctx, reader, &self.range.log, need)?;
        if self.count(evaluator, reader, &plan, &wish)? {
            return Ok(());
        }
        if self.pass_unordered(evaluator, reader, &plan, &wish)? {
            return Ok(());
        }
        while !self.pass(evaluator, reader, &plan, &wish)? {
            // The store left a test of messages to us after all: once more, with them.
            plan.ask_for_everything();
            self.index.clear();
            self.series.clear();
            self.stats = Stats::default();
        }
        Ok(())
    }

    /// Lets the store count where it can, and all that is asked is how many lines there are by labels and fields.
    fn count(
        &mut self,
        evaluator: &Evaluator<'_>,
        reader: &dyn RecordReader,
        plan: &Plan,
        wish: &Wish,
    ) -> Result<bool, QueryError> {
        let counts = matches!(self.range.op, RangeOp::Count | RangeOp::Rate | RangeOp::Absent);
        let (true, None, Key::By(names), Some((end_ns, step_ns))) =
            (counts, &self.range.unwrap, &self.key, self.grid.pieces())
        else {
            return Ok(false);
        };
        if !plan.is_scan() {
            return self.count_told(evaluator, reader, plan, wish, (end_ns, step_ns));
        }
        if names.iter().any(|name| matches!(name.as_str(), ERROR | ERROR_DETAILS)) {
            return Ok(false);
        }
        let by = names.iter().map(|name| sources(name)).collect();
        let counting = Counting { by, reading: None, end_ns, step_ns };
        let Some(counted) = reader.count(evaluator.ctx, &plan.scan, &counting)? else { return Ok(false) };
        let names = names.clone();
        let mut key = String::new();
        for one in counted {
            key.clear();
            for (name, value) in names.iter().zip(&one.key).filter(|(_, value)| !value.is_empty()) {
                put(&mut key, name);
                put(&mut key, value);
            }
            self.add_counted(&key, &counting, one.steps)?;
        }
        Ok(true)
    }

    /// Lets the store count by what parsers find.
    fn count_told(
        &mut self,
        evaluator: &Evaluator<'_>,
        reader: &dyn RecordReader,
        plan: &Plan,
        wish: &Wish,
        (end_ns, step_ns): (i64, i64),
    ) -> Result<bool, QueryError> {
        let (ctx, scan) = (evaluator.ctx, &plan.scan);
        let Key::By(names) = &self.key else { return Ok(false) };
        let Some(Told { by, reading }) = told(plan.left(), names, wish) else { return Ok(false) };
        let counting = Counting { by, reading: Some(reading.clone()), end_ns, step_ns };
        let counted = match reader.count(ctx, scan, &counting) {
            // Whoever reads line by line says which one it was.
            _ if reading.failed() => return Ok(false),
            counted => counted?,
        };
        let Some(counted) = counted else { return Ok(false) };
        for one in counted {
            let key = one.key.first().map_or("", String::as_str);
            self.add_counted(key, &counting, one.steps)?;
        }
        Ok(true)
    }

    /// Adds lines of a series by steps.
    fn add_counted(
        &mut self,
        key: &str,
        counting: &Counting,
        steps: Vec<(i64, u64)>,
    ) -> Result<(), QueryError> {
        let at = self.series_named(key)?;
        for (step, lines) in steps {
            let lines = i64::try_from(lines).unwrap_or(i64::MAX);
            self.stats.lines += lines.unsigned_abs();
            self.stats.kept += lines.unsigned_abs();
            if let Values::Lines(counts) = &mut self.series[at].values {
                // All times of a step are in the same windows.
                counts.add_many(self.grid, counting.end_of(step), lines, lines);
            }
        }
        Ok(())
    }

    /// Reads all lines in no order and side by side, which is all the same to what is counted; `false`: it cannot be done so.
    fn pass_unordered(
        &mut self,
        evaluator: &Evaluator<'_>,
        reader: &dyn RecordReader,
        plan: &Plan,
        wish: &Wish,
    ) -> Result<bool, QueryError> {
        if self.range.unwrap.is_some() && Samples::need_order(self.range.op) {
            return Ok(false);
        }
        let (range, grid, key, meter) = (self.range, self.grid, &self.key, evaluator.meter.clone());
        let new = || -> Result<Leaf<'_>, QueryError> {
            let leaf = Leaf::named(range, grid, key.clone(), meter.charge());
            Ok(Leaf { filters: filters(range)?, ..leaf })
        };
        let idle: Mutex<Vec<Leaf<'_>>> = Mutex::default();
        let failed = AtomicBool::new(false);
        let visit = |batch: &Columns| {
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            if let Some(pipeline) = plan.pipeline(batch)
                && let Ok(mut leaf) = taken.map_or_else(&new, Ok)
                && leaf.add_batch(pipeline, batch, wish).is_ok()
            {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(leaf);
                return Ok(());
            }
            failed.store(true, Ordering::Relaxed);
            Err(Error::internal("lines must be read in order"))
        };
        let visited = reader.scan_unordered(evaluator.ctx, &plan.scan, &visit);
        if failed.into_inner() {
            // Whoever reads in order says at which line it was, and takes less memory.
            return Ok(false);
        }
        match visited {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) if error.kind == ErrorKind::Limited => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let leaves = idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        leaves.into_iter().try_for_each(|leaf| self.add_leaf(leaf))?;
        Ok(true)
    }

    /// Adds the lines that another has counted.
    fn add_leaf(&mut self, other: Self) -> Result<(), QueryError> {
        let Self { series, stats, charge, .. } = other;
        // What it held is held by this one from now on.
        drop(charge);
        for series in series {
            let at = self.series_named(series.labels.canonical())?;
            match (&mut self.series[at].values, series.values) {
                (Values::Lines(all), Values::Lines(more)) => all.add_all(&more),
                (Values::Samples(all), Values::Samples(more)) => {
                    self.charge
                        .grow(more.len() as u64, more.len() as u64 * 2 * size_of::<(i64, f64)>() as u64)?;
                    all.add_all(more);
                }
                _ => {}
            }
        }
        self.stats.lines += stats.lines;
        self.stats.bytes += stats.bytes;
        self.stats.kept += stats.kept;
        Ok(())
    }

    /// Reads all lines; `false` where messages are missing that must be tested again.
    fn pass(
        &mut self,
        evaluator: &Evaluator<'_>,
        reader: &dyn RecordReader,
        plan: &Plan,
        wish: &Wish,
    ) -> Result<bool, QueryError> {
        let mut stream = reader.scan(evaluator.ctx, &plan.scan)?;
        let mut batch = Columns::default();
        while stream.next(&mut batch)? {
            evaluator.ctx.check()?;
            let Some(pipeline) = plan.pipeline(&batch) else { return Ok(false) };
            self.add_batch(pipeline, &batch, wish)?;
        }
        Ok(true)
    }

    fn add_batch(&mut self, pipeline: &Pipeline, batch: &Columns, wish: &Wish) -> Result<(), QueryError> {
        let mut key = String::new();
        let sent = Sent::new(batch, wish);
        let plain = pipeline.is_empty()
            && self.range.unwrap.is_none()
            && sent.is_nothing(batch)
            && match &self.key {
                Key::Without(_) => true,
                Key::By(names) => !batch.fields.iter().any(|c| names.iter().any(|n| **n == *c.name)),
            };
        // Where lines have only the labels of their streams, a series is looked up once a stream and batch.
        let mut known: Vec<Option<usize>> = vec![None; batch.streams.len()];
        for row in 0..batch.len() {
            self.stats.lines += 1;
            let stream_at = batch.stream[row] as usize;
            if plain && let Some(at) = known[stream_at] {
                self.stats.kept += 1;
                let bytes = batch.body(row).len();
                self.stats.bytes += bytes as u64;
                self.add(at, batch.times[row], bytes, 0.0)?;
                continue;
            }
            let mut entry = Entry::new(batch, row, &sent);
            self.stats.bytes += entry.line.len() as u64;
            if !pipeline.run(&mut entry) {
                continue;
            }
            let Some(value) = self.unwrapped(&mut entry) else { continue };
            self.stats.kept += 1;
            if entry.has_error() {
                return Err(pipeline_error(&entry));
            }
            let at = self.series_of(&entry, &mut key)?;
            known[stream_at] = Some(at);
            self.add(at, entry.time_ns, entry.line.len(), value)?;
        }
        Ok(())
    }

    /// The value of a line; `None` where it has none or is filtered out for it.
    fn unwrapped(&self, entry: &mut Entry<'_>) -> Option<f64> {
        let Some(unwrap) = &self.range.unwrap else { return Some(0.0) };
        let text = entry.get(&unwrap.label)?;
        let value = match unwrap.conversion {
            Conversion::None => text.trim().parse().ok(),
            Conversion::Duration | Conversion::DurationSeconds => parse_duration(&text).map(seconds),
            Conversion::Bytes => parse_bytes(&text).map(|bytes| bytes as f64),
        };
        if value.is_none() && !entry.has_error() {
            let details = format!("{:?} of label {} is no value", &*text, unwrap.label);
            entry.fail("SampleExtractionErr", details);
        }
        self.filters.iter().all(|filter| filter.passes(entry)).then_some(value.unwrap_or(0.0))
    }

    /// The series of a line.
    fn series_of(&mut self, entry: &Entry<'_>, key: &mut String) -> Result<usize, QueryError> {
        match &self.key {
            Key::By(names) => entry.group(names, key),
            Key::Without(names) => entry.group_without(names, key),
        }
        self.series_named(key)
    }

    /// The series of these labels, in their canonical form.
    fn series_named(&mut self, key: &str) -> Result<usize, QueryError> {
        if let Some(at) = self.index.get(key) {
            return Ok(*at);
        }
        // What was written above is in canonical order; names or values that are none have no series of their own.
        let labels = Labels::from_canonical(key).unwrap_or_default();
        let lines = self.range.unwrap.is_none();
        let cells = if lines { self.grid.len() as u64 * 16 } else { 0 };
        self.charge.grow(1, SERIES_BYTES + cells + 2 * key.len() as u64)?;
        let values = match lines {
            true => Values::Lines(Lines::new(self.grid)),
            false => Values::Samples(Samples::default()),
        };
        self.series.push(Series { labels: labels.clone(), values });
        self.index.insert(labels, self.series.len() - 1);
        Ok(self.series.len() - 1)
    }

    fn add(&mut self, at: usize, time_ns: i64, bytes: usize, value: f64) -> Result<(), QueryError> {
        match &mut self.series[at].values {
            Values::Lines(lines) => {
                let weight = match self.range.op {
                    RangeOp::Bytes | RangeOp::BytesRate => bytes as i64,
                    _ => 1,
                };
                lines.add(self.grid, time_ns, weight);
            }
            Values::Samples(samples) => {
                self.charge.grow(1, 2 * size_of::<(i64, f64)>() as u64)?;
                samples.push(time_ns, value);
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<Row> {
        let Self { range, grid, series, .. } = self;
        let made = series.into_iter().map(|one| {
            let cells = match one.values {
                Values::Lines(lines) => lines.cells(grid, range.op),
                Values::Samples(mut samples) => samples.cells(grid, range.op, range.param),
            };
            Row::new(one.labels, cells)
        });
        let mut rows: Vec<Row> = made.filter(|row| !row.cells.is_empty()).collect();
        if range.op == RangeOp::Absent {
            rows = absent(range, &rows, grid.len());
        }
        rows
    }
}

/// The filters behind an `unwrap`.
fn filters(range: &RangeAggregation) -> Result<Vec<Filter>, QueryError> {
    let all = range.unwrap.iter().flat_map(|unwrap| &unwrap.filters);
    all.map(Filter::new).collect::<Result<_, _>>().map_err(QueryError::Execution)
}

/// Where the value of a label comes from, as [`Entry::group`] finds it.
fn sources(name: &str) -> Vec<KeySource> {
    let source = |place, name: &str| KeySource { place, name: name.to_owned(), lower: false };
    let mut all = vec![source(KeyPlace::Sent, name)];
    all.extend(spellings(name).iter().map(|dotted| source(KeyPlace::Sent, dotted)));
    if name == DETECTED_LEVEL {
        all.push(KeySource { lower: true, ..source(KeyPlace::Detected, "level") });
    }
    all.push(source(KeyPlace::Label, name));
    all.push(source(KeyPlace::Detected, name));
    all
}

/// One series with a 1 at every step at which there is no line; its labels are those that the selector asks for by
/// equality.
fn absent(range: &RangeAggregation, rows: &[Row], len: usize) -> Vec<Row> {
    let mut cells = Cells::absent(len);
    for i in 0..len {
        if !rows.iter().any(|row| row.cells.is_present(i)) {
            cells.set(i, 1.0);
        }
    }
    if cells.is_empty() {
        return Vec::new();
    }
    let matchers = &range.log.matchers;
    let once = |name: &str| matchers.iter().filter(|m| m.name == name).count() == 1;
    let equal = matchers.iter().filter(|m| m.op == MatchOp::Equal && once(&m.name));
    let mut pairs: Vec<(&str, &str)> =
        equal.map(|m| (m.name.as_str(), m.value.as_str())).filter(|(_, v)| !v.is_empty()).collect();
    pairs.sort_unstable();
    let mut key = String::new();
    for (name, value) in pairs {
        put(&mut key, name);
        put(&mut key, value);
    }
    vec![Row::new(Labels::from_canonical(&key).unwrap_or_default(), cells)]
}

/// What Loki says of a line that a stage failed on.
fn pipeline_error(entry: &Entry<'_>) -> QueryError {
    let error = entry.error();
    QueryError::Execution(format!(
        "pipeline error: '{error}' for series: '{}'.\nUse a label filter to intentionally skip this error. (e.g | \
         __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g \
         __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | \
         __error__=\"\" )\n",
        entry.labels()
    ))
}
