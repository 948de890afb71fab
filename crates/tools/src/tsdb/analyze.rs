//! `tsdb analyze`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use clap::Args;
use model::{Labels, TimeRange};
use wire::chunk::{Encoding, decode, sample_count};

use super::format::go_duration;
use super::ours::{Ours, is_ours};
use super::prometheus;
use super::source::Wanted;
use crate::{Context, Exit, Failed, Outcome};

#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// The data directory.
    #[arg(value_name = "db path", default_value = "data/")]
    path: PathBuf,
    /// Block to analyze (default is the last block).
    #[arg(value_name = "block id")]
    block: Option<String>,
    /// How many items to show in each list.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Run extended analysis.
    #[arg(long)]
    extended: bool,
    /// Series selector to analyze.
    #[arg(long = "match", value_name = "SELECTOR")]
    matcher: Option<String>,
}

/// Figures of the series of one block.
#[derive(Default)]
struct Figures {
    length: u64,
    series: u64,
    entries: u64,
    names_uncovered: HashMap<String, u64>,
    pairs_uncovered: HashMap<String, u64>,
    pairs: HashMap<String, u64>,
    values: HashMap<String, HashSet<String>>,
    metrics: HashMap<String, u64>,
}

/// Sizes of chunks (of pages, in a block of ours).
#[derive(Default)]
struct Chunks {
    float_samples: Vec<u64>,
    float_bytes: Vec<u64>,
    histogram_samples: Vec<u64>,
    histogram_bytes: Vec<u64>,
    histogram_buckets: Vec<u64>,
}

impl Figures {
    fn add(&mut self, labels: &Labels, covered: TimeRange) {
        self.series += 1;
        // How much of the block's time this series does not cover.
        let uncovered = self.length.saturating_sub(covered.end.abs_diff(covered.start));
        for (name, value) in labels {
            let pair = format!("{name}={value}");
            *self.names_uncovered.entry(name.to_owned()).or_default() += uncovered;
            *self.pairs_uncovered.entry(pair.clone()).or_default() += uncovered;
            *self.pairs.entry(pair).or_default() += 1;
            self.values.entry(name.to_owned()).or_default().insert(value.to_owned());
            self.entries += 1;
        }
        *self.metrics.entry(labels.metric_name().to_owned()).or_default() += 1;
    }

    fn print(self, context: &mut Context<'_>, limit: usize, matched: bool) -> std::io::Result<()> {
        let out = &mut *context.out;
        writeln!(out, "Label names: {}", self.values.len())?;
        if matched {
            writeln!(out, "Matched series: {}", self.series)?;
        }
        writeln!(out, "Postings (unique label pairs): {}", self.pairs.len())?;
        writeln!(out, "Postings entries (total label pairs): {}", self.entries)?;
        let length = self.length.max(1);
        let churn = |all: HashMap<String, u64>| all.into_iter().map(|(k, n)| (k, n / length)).collect();
        let lengths = |v: &HashSet<String>| v.iter().map(|s| s.len() as u64).sum();
        let lists: [(&str, Vec<(String, u64)>); 6] = [
            ("Label pairs most involved in churning:", churn(self.pairs_uncovered)),
            ("Label names most involved in churning:", churn(self.names_uncovered)),
            ("Most common label pairs:", self.pairs.into_iter().collect()),
            (
                "Label names with highest cumulative label value length:",
                self.values.iter().map(|(n, v)| (n.clone(), lengths(v))).collect(),
            ),
            (
                "Highest cardinality labels:",
                self.values.iter().map(|(n, v)| (n.clone(), v.len() as u64)).collect(),
            ),
            (
                "Highest cardinality metric names:",
                self.metrics.into_iter().filter(|(name, _)| !name.is_empty()).collect(),
            ),
        ];
        for (title, mut list) in lists {
            writeln!(out, "\n{title}")?;
            list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            for (key, count) in list.iter().take(limit) {
                writeln!(out, "{count} {key}")?;
            }
        }
        Ok(())
    }
}

impl Analyze {
    pub(super) fn run(self, context: &mut Context<'_>) -> Outcome {
        let selectors: Vec<String> = self.matcher.iter().cloned().collect();
        let wanted = Wanted::new(&selectors, TimeRange::ALL)?;
        let mut damage = Vec::new();
        let mut figures = Figures::default();
        let mut chunks = Chunks::default();
        let (name, length, total) = if is_ours(&self.path) {
            self.ours(&wanted, &mut figures, &mut chunks)?
        } else {
            self.prometheus(&wanted, &mut figures, &mut chunks, &mut damage)?
        };
        writeln!(context.out, "Block ID: {name}\nDuration: {}\nTotal Series: {total}", go_duration(length))?;
        if let Some(matcher) = &self.matcher {
            writeln!(context.out, "Matcher: {matcher}")?;
        }
        figures.print(context, self.limit, self.matcher.is_some())?;
        if self.extended {
            chunks.print(context)?;
        }
        for what in &damage {
            writeln!(context.err, "{what}")?;
        }
        Ok(if damage.is_empty() { Exit::Success } else { Exit::Failure })
    }

    fn choose<T>(&self, all: Vec<T>, name: impl Fn(&T) -> &str) -> Result<T, Failed> {
        let found = match &self.block {
            Some(block) => all.into_iter().find(|b| name(b) == block),
            None => all.into_iter().last(),
        };
        found.ok_or_else(|| match &self.block {
            Some(block) => Failed::new(format_args!("block {block} not found in {}", self.path.display())),
            None => Failed::new(format_args!("no blocks found in {}", self.path.display())),
        })
    }

    fn ours(
        &self,
        wanted: &Wanted,
        figures: &mut Figures,
        chunks: &mut Chunks,
    ) -> Result<(String, i64, u64), Failed> {
        let ours = Ours::open(&self.path)?;
        let block = self.choose(ours.store.block_list(), |b| &b.name)?;
        let length = block.range.end.saturating_sub(block.range.start).saturating_add(1);
        figures.length = length.unsigned_abs();
        ours.store.walk_block(&block.name, &mut |labels, pages| {
            if let (true, Some(first), Some(last)) = (wanted.takes(labels), pages.first(), pages.last()) {
                figures.add(labels, TimeRange::new(first.range.start, last.range.end));
                chunks.float_samples.extend(pages.iter().map(|p| u64::from(p.samples)));
            }
        })?;
        Ok((block.name, length, block.series))
    }

    fn prometheus(
        &self,
        wanted: &Wanted,
        figures: &mut Figures,
        chunks: &mut Chunks,
        damage: &mut Vec<String>,
    ) -> Result<(String, i64, u64), Failed> {
        let all = prometheus::blocks(&self.path, &mut |what| damage.push(what))?;
        let found = self.choose(all, |b| &b.meta.ulid)?;
        let length = found.meta.max_time.saturating_sub(found.meta.min_time);
        figures.length = length.unsigned_abs();
        if let Some(mut block) = found.open(&mut |what| damage.push(what)) {
            while let Some(series) = block.next_indexed(&mut |what| damage.push(what)) {
                if !wanted.takes(&series.labels) {
                    continue;
                }
                if let (Some(first), Some(last)) = (series.chunks.first(), series.chunks.last()) {
                    figures.add(&series.labels, TimeRange::new(first.min_time, last.max_time));
                }
                for place in series.chunks.iter().filter(|_| self.extended) {
                    match block.chunk(place) {
                        Ok((encoding, bytes)) => chunks.add(encoding, bytes),
                        Err(what) => damage.push(format!("{}: {what}", series.labels)),
                    }
                }
            }
        }
        Ok((found.meta.ulid, length, found.meta.stats.num_series))
    }
}

impl Chunks {
    fn add(&mut self, encoding: u8, bytes: &[u8]) {
        let Ok(encoding) = Encoding::from_code(encoding) else { return };
        let (samples, size) = (sample_count(encoding, bytes) as u64, bytes.len() as u64);
        if encoding.is_histogram() {
            let mut data = model::SeriesData::default();
            // What could be decoded counts.
            let _ = decode(encoding, bytes, &mut data);
            let buckets =
                data.histograms.iter().map(|(_, h)| h.positive_buckets.len() + h.negative_buckets.len());
            self.histogram_buckets.push(buckets.sum::<usize>() as u64);
            self.histogram_samples.push(samples);
            self.histogram_bytes.push(size);
        } else {
            self.float_samples.push(samples);
            self.float_bytes.push(size);
        }
    }

    fn print(mut self, context: &mut Context<'_>) -> std::io::Result<()> {
        let total = (self.float_samples.len() + self.histogram_samples.len()) as u64;
        writeln!(context.out, "\nCompaction analysis:\n")?;
        distribution(context, "samples per float chunk", &mut self.float_samples, total)?;
        distribution(context, "bytes per float chunk", &mut self.float_bytes, total)?;
        distribution(context, "samples per histogram chunk", &mut self.histogram_samples, total)?;
        distribution(context, "bytes per histogram chunk", &mut self.histogram_bytes, total)?;
        distribution(context, "buckets per histogram chunk", &mut self.histogram_buckets, total)
    }
}

/// A bar of `#` for each tenth or so of the range.
fn distribution(context: &mut Context<'_>, what: &str, all: &mut [u64], total: u64) -> std::io::Result<()> {
    all.sort_unstable();
    let (Some(&min), Some(&max)) = (all.first(), all.last()) else {
        return writeln!(context.out, "{what}: N/A\n");
    };
    let mut step = 10;
    while step < (max - min) / 10 && step <= 10_000 {
        step *= 10;
    }
    let (start, end) = (min - min % step, max - max % step + step);
    let mut buckets = vec![0u64; ((end - start) / step + 1) as usize];
    for one in all.iter() {
        buckets[((one - start) / step) as usize] += 1;
    }
    let average = all.iter().sum::<u64>() / all.len() as u64;
    writeln!(context.out, "{what} (min/avg/max): {min}/{average}/{max}")?;
    let digits = |n: u64| n.to_string().len();
    let (left, right) = (digits(end), digits(end + step));
    let most = digits(buckets.iter().copied().max().unwrap_or(0));
    for (number, count) in buckets.iter().enumerate() {
        let from = number as u64 * step + start;
        let bar = "#".repeat((100 * count / total.max(1)) as usize);
        writeln!(context.out, "[{:left$}, {:right$}]: {count:most$} {bar}", from + 1, from + step)?;
    }
    writeln!(context.out)
}
