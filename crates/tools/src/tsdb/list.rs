//! `tsdb list`.

use std::path::PathBuf;

use clap::Args;

use super::format::{go_bytes, go_duration, go_time, table};
use super::ours::{Ours, is_ours};
use super::prometheus;
use crate::{Context, Exit, Failed, Outcome};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print human readable values.
    #[arg(short = 'r', long = "human-readable")]
    human: bool,
    /// The data directory.
    #[arg(value_name = "db path", default_value = "data/")]
    path: PathBuf,
}

/// A line of the table.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) min: i64,
    /// The millisecond after the last.
    pub(super) max: i64,
    pub(super) samples: u64,
    /// Chunks; of our blocks, pages, which hold up to some thousand samples each.
    pub(super) chunks: u64,
    pub(super) series: u64,
    pub(super) bytes: u64,
}

impl Row {
    /// Of a block of ours.
    pub(super) fn of(store: &tsdb::Store, block: tsdb::inspect::BlockInfo) -> Result<Self, Failed> {
        Ok(Self {
            chunks: store.count_pages(&block.name)?,
            name: block.name,
            min: block.range.start,
            max: block.range.end.saturating_add(1),
            samples: block.samples,
            series: block.series,
            bytes: block.bytes,
        })
    }
}

impl List {
    pub(super) fn run(self, context: &mut Context<'_>) -> Outcome {
        let mut damage = Vec::new();
        let rows: Vec<Row> = if is_ours(&self.path) {
            let ours = Ours::open(&self.path)?;
            let all = ours.store.block_list().into_iter();
            all.map(|block| Row::of(&ours.store, block)).collect::<Result<_, _>>()?
        } else {
            let found = prometheus::blocks(&self.path, &mut |what| damage.push(what))?;
            let row = |b: prometheus::Found| Row {
                name: b.meta.ulid,
                min: b.meta.min_time,
                max: b.meta.max_time,
                samples: b.meta.stats.num_samples,
                chunks: b.meta.stats.num_chunks,
                series: b.meta.stats.num_series,
                bytes: b.bytes,
            };
            found.into_iter().map(row).collect()
        };
        print(context, &rows, true, self.human)?;
        for what in &damage {
            writeln!(context.err, "{what}")?;
        }
        Ok(if damage.is_empty() { Exit::Success } else { Exit::Failure })
    }
}

pub(super) fn print(
    context: &mut Context<'_>,
    rows: &[Row],
    header: bool,
    human: bool,
) -> std::io::Result<()> {
    let names =
        ["BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS", "NUM SERIES", "SIZE"];
    let mut lines: Vec<Vec<String>> = Vec::new();
    if header {
        lines.push(names.map(str::to_owned).to_vec());
    }
    let time = |ms: i64| if human { go_time(ms) } else { ms.to_string() };
    for row in rows {
        lines.push(vec![
            row.name.clone(),
            time(row.min),
            time(row.max),
            go_duration(row.max.saturating_sub(row.min)),
            row.samples.to_string(),
            row.chunks.to_string(),
            row.series.to_string(),
            if human { go_bytes(row.bytes) } else { row.bytes.to_string() },
        ]);
    }
    table(context.out, &lines)
}
