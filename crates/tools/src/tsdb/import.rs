//! `tsdb import`.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use model::{Imported, SeriesData, TimeRange};
use tsdb::import::Spool;

pub(crate) use super::create::MEMORY;
use super::create::label;
use super::format::{go_time, short_bytes};
use super::head::{Head, HeadSample};
use super::ours::{Ours, is_ours};
use super::progress::Progress;
use super::prometheus::{Found, blocks};
use super::remote::{Remote, Token};
use super::source::Wanted;
use crate::{Context, Exit, Failed, Outcome};

/// How long the server keeps samples unless it is told otherwise, ms.
const DEFAULT_RETENTION: i64 = 15 * 86_400_000;

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Our data directory, which no server has open meanwhile, or the URL of a running server.
    #[arg(long, value_name = "DIR|URL", default_value = "data/")]
    to: String,
    #[command(flatten)]
    token: Token,
    /// Only samples from this time on, in milliseconds since the Unix epoch.
    #[arg(long = "min-time", value_name = "MS", default_value_t = i64::MIN, allow_negative_numbers = true)]
    min_time: i64,
    /// Only samples up to this time, in milliseconds since the Unix epoch.
    #[arg(long = "max-time", value_name = "MS", default_value_t = i64::MAX, allow_negative_numbers = true)]
    max_time: i64,
    /// Only series of this selector. Can be specified multiple times.
    #[arg(long = "match", value_name = "SELECTOR")]
    matchers: Vec<String>,
    /// Label to attach to the metrics of an OpenMetrics file, NAME=VALUE. Can be specified multiple times.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// The data directory of a Prometheus (or a snapshot of it), or an OpenMetrics file with timestamps.
    source: PathBuf,
}

/// Where history goes.
pub(crate) enum Sink {
    /// Our data directory.
    Store(Box<Ours>),
    /// A server.
    Server(Box<Remote>),
}

/// Series in the order of their labels; `false` ends them.
pub(crate) type Next<'n> = dyn FnMut(&mut SeriesData) -> model::Result<bool> + 'n;

impl Sink {
    /// Opens a directory, or a server by its URL.
    pub(crate) fn open(to: &str, token: &Token) -> Result<Self, Failed> {
        if to.contains("://") {
            return Ok(Self::Server(Box::new(Remote::connect(to, token)?)));
        }
        Ok(Self::Store(Box::new(Ours::open(Path::new(to))?)))
    }

    /// Stores series with samples within `range`.
    pub(crate) fn block(&mut self, range: TimeRange, next: &mut Next<'_>) -> model::Result<Imported> {
        match self {
            Self::Store(ours) => ours.store.import(range, next),
            Self::Server(remote) => remote.send(next),
        }
    }

    /// What the other side refused, in words.
    pub(crate) fn refused(&self) -> Option<String> {
        match self {
            Self::Store(_) => None,
            Self::Server(remote) => remote.refused(),
        }
    }
}

impl Import {
    pub(super) fn run(self, context: &mut Context<'_>) -> Outcome {
        let wanted = Wanted::new(&self.matchers, TimeRange::new(self.min_time, self.max_time))?;
        let metadata = std::fs::metadata(&self.source)
            .map_err(|e| Failed::new(format_args!("{}: {e}", self.source.display())))?;
        if metadata.is_dir() {
            let mut sink = Sink::open(&self.to, &self.token)?;
            return bring(&self.source, &wanted, &mut sink, context);
        }
        let mut sink = Sink::open(&self.to, &self.token)?;
        let mut file = File::open(&self.source)?;
        let mut progress = Progress::new(metadata.len());
        let mut samples = 0u64;
        let mut earliest = i64::MAX;
        // What the directory keeps is told to the server that opens it. Shorter blocks are joined there.
        let mut spool =
            Spool::over(MEMORY, |range, next| sink.block(range, next)).with_longest(DEFAULT_RETENTION / 10);
        wire::openmetrics::pieces::read(&mut file, &self.labels, &mut |labels, t, v, done| {
            if wanted.range.contains(t) && wanted.takes(labels) {
                let place = spool.series(labels);
                spool.float(place, 0, t, v)?;
                samples += 1;
                earliest = earliest.min(t);
            }
            progress.at(context.err, done, samples);
            Ok(())
        })
        .map_err(|e| Failed::new(format_args!("{}: {}", self.source.display(), Failed::from(e))))?;
        let report = spool.finish()?;
        progress.pause(context.err);
        conclude(context, report, &sink, &progress, earliest, 0)
    }
}

/// Brings what is wanted of the Prometheus directory `dir` to `sink`.
pub(crate) fn bring(dir: &Path, wanted: &Wanted, sink: &mut Sink, context: &mut Context<'_>) -> Outcome {
    let damage = RefCell::new(Vec::new());
    let hear = |what: String| damage.borrow_mut().push(what);
    let found = blocks(dir, &mut |what| hear(what))?;
    let head = Head::open(dir, &found, &|labels| wanted.takes(labels), &mut |what| hear(what))?;
    if found.is_empty() && head.len() == 0 {
        let hint = match is_ours(dir) {
            true => "it holds data of this program, which needs no import",
            false => "it should hold folders with a meta.json, or a folder `wal`",
        };
        return Err(Failed::new(format_args!("{}: no data of a Prometheus: {hint}", dir.display())));
    }
    let total = found.iter().map(|b| b.bytes).sum::<u64>() + head.bytes;
    let mut work = Work { damage: &damage, damaged: 0, progress: Progress::new(total), done: 0, samples: 0 };
    writeln!(
        context.err,
        "{}: {} blocks and {} series in the log, {}",
        dir.display(),
        found.len(),
        head.len(),
        short_bytes(total)
    )?;
    work.tell(context)?;
    let mut report = Imported::default();
    for found in &found {
        let range = TimeRange::new(
            found.meta.min_time.max(wanted.range.start),
            found.meta.max_time.saturating_sub(1).min(wanted.range.end),
        );
        if !range.is_empty() {
            report.add(work.block(found, range, wanted, sink, context)?);
        }
        work.done += found.bytes;
    }
    report.add(work.head(&head, wanted, sink, context)?);
    work.progress.pause(context.err);
    let earliest = found.first().map_or(i64::MAX, |b| b.meta.min_time).max(wanted.range.start);
    conclude(context, report, sink, &work.progress, earliest, work.damaged)
}

struct Work<'a> {
    damage: &'a RefCell<Vec<String>>,
    damaged: usize,
    progress: Progress,
    done: u64,
    samples: u64,
}

impl Work<'_> {
    /// Says what could not be read.
    fn tell(&mut self, context: &mut Context<'_>) -> std::io::Result<()> {
        for what in self.damage.borrow_mut().drain(..) {
            self.progress.pause(context.err);
            self.damaged += 1;
            writeln!(context.err, "cannot be read, left out: {what}")?;
        }
        Ok(())
    }

    fn block(
        &mut self,
        found: &Found,
        range: TimeRange,
        wanted: &Wanted,
        sink: &mut Sink,
        context: &mut Context<'_>,
    ) -> Result<Imported, Failed> {
        let mut hear = |what: String| self.damage.borrow_mut().push(what);
        let Some(mut block) = found.open(&mut hear) else {
            self.tell(context)?;
            return Ok(Imported::default());
        };
        let imported = sink.block(range, &mut |data| {
            let there = block.next(&|l| wanted.takes(l), (range.start, range.end), data, &mut hear);
            self.samples += data.len() as u64;
            let done = self.done + (block.progress() * found.bytes as f64) as u64;
            self.progress.at(context.err, done, self.samples);
            Ok(there)
        });
        self.tell(context)?;
        let imported = imported
            .map_err(|e| Failed::new(format_args!("block {}: {}", found.meta.ulid, Failed::from(e))))?;
        self.progress.pause(context.err);
        writeln!(
            context.err,
            "{} ({} to {}): {} samples stored, {} were there already",
            found.meta.ulid,
            go_time(range.start),
            go_time(range.end),
            imported.samples,
            imported.known
        )?;
        Ok(imported)
    }

    fn head(
        &mut self,
        head: &Head,
        wanted: &Wanted,
        sink: &mut Sink,
        context: &mut Context<'_>,
    ) -> Result<Imported, Failed> {
        let mut spool = Spool::over(MEMORY, |range, next| sink.block(range, next));
        let samples = RefCell::new(&mut self.samples);
        head.samples(
            &mut |place, sample| {
                if wanted.range.contains(place.t) {
                    let series = spool.series(place.labels);
                    match sample {
                        HeadSample::Float(v) => spool.float(series, place.start, place.t, v)?,
                        HeadSample::Histogram(h) => spool.histogram(series, place.start, place.t, *h)?,
                    }
                    **samples.borrow_mut() += 1;
                }
                Ok(())
            },
            &mut |done| self.progress.at(context.err, self.done + done, **samples.borrow()),
        )?;
        let imported = spool.finish()?;
        if imported.samples + imported.known > 0 {
            self.progress.pause(context.err);
            writeln!(
                context.err,
                "log: {} samples stored, {} were there already",
                imported.samples, imported.known
            )?;
        }
        Ok(imported)
    }
}

fn conclude(
    context: &mut Context<'_>,
    report: Imported,
    sink: &Sink,
    progress: &Progress,
    earliest: i64,
    damaged: usize,
) -> Outcome {
    writeln!(
        context.out,
        "{} samples stored in {} blocks, {} were there already; {:.1} s",
        report.samples,
        report.blocks,
        report.known,
        progress.seconds()
    )?;
    if report.expired > 0 {
        writeln!(
            context.err,
            "{} samples are older than the retention of the server and were left out: start it with a longer \
             --storage.tsdb.retention.time and import again",
            report.expired
        )?;
    }
    let now = model::Clock::now_ms(&model::SystemClock);
    if matches!(sink, Sink::Store(_))
        && earliest < now.saturating_sub(DEFAULT_RETENTION)
        && report.samples > 0
    {
        let days = now.saturating_sub(earliest) / 86_400_000 + 1;
        writeln!(
            context.err,
            "the oldest samples are {days} days old: start the server with --storage.tsdb.retention.time={}d or more, or \
             it deletes what is older than its retention (15d unless it is told otherwise)",
            days + 1
        )?;
    }
    let mut exit = Exit::Success;
    if let Some(refused) = sink.refused() {
        writeln!(context.err, "{refused}")?;
        exit = Exit::Failure;
    }
    if damaged > 0 {
        writeln!(context.err, "{damaged} places could not be read; the rest is there")?;
        exit = Exit::Failure;
    }
    Ok(exit)
}
