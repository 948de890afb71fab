//! `migrate`: brings the history of a Prometheus over, then asks both sides everything that rules and dashboards ask.

mod compare;
mod expressions;
mod fetch;
mod side;

use std::path::{Path, PathBuf};

use clap::Args;
use model::TimeRange;

use crate::tsdb::import::{Sink, bring};
use crate::tsdb::remote::Token;
use crate::tsdb::source::Wanted;
use crate::{Context, Exit, Failed, Outcome};
use compare::Report;
use side::Side;

/// Imports history and compares the answers of both sides: 0 where all agree, 1 where they do not.
#[derive(Debug, Args)]
pub struct Migrate {
    /// The URL of the old server, which is read by remote read, or its data directory, which is only read.
    #[arg(long, value_name = "URL|DIR")]
    from: String,
    /// The configuration of the old server: the expressions of its rule files are compared.
    #[arg(long = "config.file", value_name = "FILE")]
    config: PathBuf,
    /// Our data directory, which no server has open meanwhile, or the URL of a running server.
    #[arg(long, value_name = "DIR|URL")]
    to: String,
    /// Also the expressions of the Grafana dashboards (JSON files) in this folder and those below.
    #[arg(long, value_name = "DIR")]
    dashboards: Option<PathBuf>,
    #[command(flatten)]
    token: Token,
    /// The earliest time to import from a URL, in milliseconds since the Unix epoch (default: 15 days ago).
    #[arg(long = "min-time", value_name = "MS", allow_negative_numbers = true)]
    min_time: Option<i64>,
    /// Only compare.
    #[arg(long = "skip-import")]
    skip_import: bool,
}

/// How far before the end of the history both sides are asked, ms.
const LOOKS: [i64; 4] = [0, 3_600_000, 6 * 3_600_000, 24 * 3_600_000];
/// The newest minute may still be on its way into the old server.
const UNSETTLED: i64 = 60_000;

impl Migrate {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let config = (context.host.check_config)(&self.config, false)
            .map_err(|e| Failed::new(format_args!("{}: {}", self.config.display(), Failed::from(e))))?;
        let mut all = expressions::of_rules(&config.rule_files, context)?;
        if let Some(folder) = &self.dashboards {
            all.extend(expressions::of_dashboards(folder)?);
        }
        let now = model::Clock::now_ms(&model::SystemClock) - UNSETTLED;
        let mut failed_import = false;
        let mut sink = None;
        if !self.skip_import {
            let mut open = Sink::open(&self.to, &self.token)?;
            failed_import = self.import(&mut open, now, context)? != Exit::Success;
            sink = Some(open);
        }
        drop(sink);
        let mut old = Side::open(&self.from, &Token::default())?;
        let mut new = Side::open(&self.to, &self.token)?;
        let end = old.end().into_iter().chain(new.end()).min().unwrap_or(now).min(now);
        writeln!(context.err, "comparing {} expressions at {} times", all.len(), LOOKS.len())?;
        let mut report = Report::default();
        for expression in &all {
            for look in LOOKS {
                report.look(expression, end - look, &mut old, &mut new, context.out)?;
            }
        }
        report.summary(all.len(), context.out)?;
        Ok(if report.is_equal() && !failed_import { Exit::Success } else { Exit::Failure })
    }

    fn import(&self, sink: &mut Sink, now: i64, context: &mut Context<'_>) -> Outcome {
        if self.from.contains("://") {
            let from = self.min_time.unwrap_or(now - 15 * 86_400_000);
            return fetch::history(&self.from, TimeRange::new(from, now), sink, context);
        }
        let range = TimeRange::new(self.min_time.unwrap_or(i64::MIN), i64::MAX);
        bring(Path::new(&self.from), &Wanted::new(&[], range)?, sink, context)
    }
}
