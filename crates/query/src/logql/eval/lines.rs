//! Log queries: lines, grouped by their labels.

use hashbrown::HashMap;
use model::{Columns, Ctx, Labels, Order, RecordReader};

use super::plan::{Need, Plan, plan};
use crate::logql::ast::LogExpr;
use crate::logql::engine::{Direction, LogEntry, LogQuery, LogStream, QueryError, Stats};
use crate::logql::pipeline::entry::{Entry, Layer, Sent, Wish};

/// What a line takes beside its text, roughly.
const ENTRY_BYTES: u64 = 160;

/// The lines of a query.
pub(crate) fn lines(
    ctx: &Ctx,
    reader: &dyn RecordReader,
    expr: &LogExpr,
    query: LogQuery,
) -> Result<(Vec<LogStream>, Stats), QueryError> {
    if query.limit == 0 || query.end_ns <= query.start_ns {
        return Ok((Vec::new(), Stats::default()));
    }
    let order = match query.direction {
        Direction::Forward => Order::Ascending,
        Direction::Backward => Order::Descending,
    };
    let limit = if query.interval_ns > 0 { 0 } else { query.limit };
    let need = Need {
        range: (query.start_ns, query.end_ns - 1),
        order,
        wish: Wish::All,
        body: true,
        limit,
        dotted: true,
    };
    let mut plan = plan(ctx, reader, expr, need)?;
    loop {
        let hinted = plan.scan.limit > 0;
        let (found, inexact) = read(ctx, reader, &plan, query)?;
        // A store that counted lines to the limit which were none was told too little.
        if !(hinted && inexact && found.count < query.limit) {
            return Ok((found.streams, found.stats));
        }
        plan.ask_for_everything();
    }
}

struct Found {
    streams: Vec<LogStream>,
    index: HashMap<Labels, (usize, i64)>,
    count: usize,
    stats: Stats,
}

fn read(
    ctx: &Ctx,
    reader: &dyn RecordReader,
    plan: &Plan,
    query: LogQuery,
) -> Result<(Found, bool), QueryError> {
    let mut found = Found { streams: Vec::new(), index: HashMap::new(), count: 0, stats: Stats::default() };
    let mut stream = reader.scan(ctx, &plan.scan)?;
    let mut batch = Columns::default();
    let mut held = ctx.budget.reserve(0)?;
    let mut inexact = false;
    while stream.next(&mut batch)? {
        ctx.check()?;
        inexact |= !batch.exact;
        // The message is always asked for here.
        let Some(pipeline) = plan.pipeline(&batch) else { continue };
        let sent = Sent::new(&batch, &Wish::All);
        for row in 0..batch.len() {
            let mut entry = Entry::new(&batch, row, &sent);
            found.stats.lines += 1;
            found.stats.bytes += entry.line.len() as u64;
            if !pipeline.run(&mut entry) {
                continue;
            }
            found.stats.kept += 1;
            held.grow(entry.line.len() as u64 + ENTRY_BYTES)?;
            if found.add(entry, query) && found.count >= query.limit {
                return Ok((found, inexact));
            }
        }
    }
    Ok((found, inexact))
}

impl Found {
    /// Adds a line, unless it follows the one before it too closely.
    fn add(&mut self, entry: Entry<'_>, query: LogQuery) -> bool {
        let labels = if query.by_stream { entry.of_stream() } else { entry.labels() };
        let next = self.streams.len();
        let (at, last) = *self.index.entry(labels.clone()).or_insert((next, i64::MIN));
        if at == next {
            self.streams.push(LogStream { labels: labels.clone(), entries: Vec::new() });
        } else if query.interval_ns > 0 && entry.time_ns.abs_diff(last) < query.interval_ns.unsigned_abs() {
            return false;
        }
        self.index.insert(labels, (at, entry.time_ns));
        let (structured, parsed) = (entry.layer(Layer::Structured), entry.layer(Layer::Parsed));
        let detected = if query.by_stream { entry.found_before() } else { Labels::default() };
        let one =
            LogEntry { time_ns: entry.time_ns, line: entry.line.into_owned(), structured, parsed, detected };
        self.streams[at].entries.push(one);
        self.count += 1;
        true
    }
}
