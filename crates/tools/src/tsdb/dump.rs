//! `tsdb dump` and `tsdb dump-openmetrics`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use model::{SeriesData, TimeRange, is_stale_nan};

use query::promql::{go_g, histogram_text};

use super::format::labels;
use super::source::{Wanted, with_cursor};
use crate::{Context, Exit, Failed, Outcome};

#[derive(Debug, Args)]
struct What {
    /// The data directory.
    #[arg(value_name = "db path", default_value = "data/")]
    path: PathBuf,
    /// Accepted; nothing is written while reading.
    #[arg(long = "sandbox-dir-root", value_name = "DIR", hide = true)]
    sandbox: Option<PathBuf>,
    /// Minimum timestamp to dump, in milliseconds since the Unix epoch.
    #[arg(long = "min-time", value_name = "MS", default_value_t = i64::MIN, allow_negative_numbers = true)]
    min_time: i64,
    /// Maximum timestamp to dump, in milliseconds since the Unix epoch.
    #[arg(long = "max-time", value_name = "MS", default_value_t = i64::MAX, allow_negative_numbers = true)]
    max_time: i64,
    /// Series selector. Can be specified multiple times.
    #[arg(long = "match", value_name = "SELECTOR")]
    matchers: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Dump {
    #[command(flatten)]
    what: What,
    /// Output format of the dump.
    #[arg(long, value_enum, default_value = "prom")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a sample: labels, value, time in milliseconds.
    Prom,
    /// A line a series: its labels as JSON.
    Seriesjson,
}

#[derive(Debug, Args)]
pub(crate) struct DumpOpenMetrics {
    #[command(flatten)]
    what: What,
}

impl Dump {
    pub(super) fn run(self, context: &mut Context<'_>) -> Outcome {
        let format = self.format;
        each(&self.what, context, &mut |out, data| match format {
            Format::Prom => prom(out, data),
            Format::Seriesjson => {
                let json = serde_json::to_string(&data.labels).map_err(std::io::Error::other)?;
                writeln!(out, "{json}")
            }
        })
    }
}

impl DumpOpenMetrics {
    pub(super) fn run(self, context: &mut Context<'_>) -> Outcome {
        let exit = each(&self.what, context, &mut openmetrics)?;
        writeln!(context.out, "# EOF")?;
        Ok(exit)
    }
}

type Print<'a> = &'a mut dyn FnMut(&mut dyn std::io::Write, &SeriesData) -> std::io::Result<()>;

fn each(what: &What, context: &mut Context<'_>, print: Print<'_>) -> Outcome {
    let wanted = Wanted::new(&what.matchers, TimeRange::new(what.min_time, what.max_time))?;
    if !Path::new(&what.path).is_dir() {
        return Err(Failed::new(format_args!(
            "opening the db dir: {}: no such directory",
            what.path.display()
        )));
    }
    let mut damage = Vec::new();
    let mut damaged = false;
    with_cursor(&what.path, &wanted, &mut damage, |cursor, damage| {
        let mut data = SeriesData::default();
        loop {
            let more = cursor.next(&mut data, damage)?;
            for what in damage.drain(..) {
                damaged = true;
                writeln!(context.err, "{what}")?;
            }
            if !more {
                return Ok(());
            }
            print(context.out, &data)?;
        }
    })?;
    Ok(if damaged { Exit::Failure } else { Exit::Success })
}

fn prom(out: &mut dyn std::io::Write, data: &SeriesData) -> std::io::Result<()> {
    let labels = labels(&data.labels, ", ");
    let mut histograms = data.histograms.iter().peekable();
    for (t, v) in data.t.iter().zip(&data.v) {
        while let Some((at, h)) = histograms.next_if(|(at, _)| at < t) {
            writeln!(out, "{labels} {} {at}", histogram_text(h))?;
        }
        writeln!(out, "{labels} {} {t}", go_g(*v))?;
    }
    for (at, h) in histograms {
        writeln!(out, "{labels} {} {at}", histogram_text(h))?;
    }
    Ok(())
}

fn openmetrics(out: &mut dyn std::io::Write, data: &SeriesData) -> std::io::Result<()> {
    let name = data.labels.metric_name();
    let plain = model::labels::is_plain_metric_name(name);
    let labels = match plain {
        true => format!("{name}{}", labels(&data.labels.without_name(), ",")),
        // A name of any characters stands in quotes before the labels.
        false => {
            let rest = labels(&data.labels.without_name(), ",");
            let comma = if rest == "{}" { "" } else { "," };
            format!("{{{}{comma}{}", model::labels::Quoted(name), rest.trim_start_matches('{'))
        }
    };
    for (t, v) in data.t.iter().zip(&data.v).filter(|(_, v)| !is_stale_nan(**v)) {
        let (sign, t) = (if *t < 0 { "-" } else { "" }, t.unsigned_abs());
        writeln!(out, "{labels} {} {sign}{}.{:03}", go_g(*v), t / 1000, t % 1000)?;
    }
    Ok(())
}
