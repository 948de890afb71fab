//! `check config`.

use std::path::PathBuf;

use clap::Args;
use model::rule::RuleLanguage;

use super::rules;
use crate::{CheckedJob, Context, Exit, Failed, Outcome, args};

/// Which files, and what is looked at beyond their validity.
#[derive(Debug, Args)]
pub struct Config {
    /// The configuration files to check.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Looks at the files alone, not at those that they name.
    #[arg(long)]
    syntax_only: bool,
    /// What to warn of, separated by commas: all, duplicate-rules, too-long-scrape-interval, none.
    #[arg(long, value_name = "WHAT", default_value = "duplicate-rules")]
    lint: String,
    /// Ends with exit code 3 where there is something to warn of.
    #[arg(long)]
    lint_fatal: bool,
    /// Reads over fields of rules that are not known. The server does not.
    #[arg(long)]
    ignore_unknown_fields: bool,
    /// How far back queries of the server look: what scrapes less often has gaps.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", default_value = "5m",
          value_parser = args::duration)]
    lookback: std::time::Duration,
}

impl Config {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let (lint, intervals) = self.lints(context)?;
        let (mut mistakes, mut warned) = (false, false);
        for file in &self.files {
            writeln!(context.out, "Checking {}", file.display())?;
            let checked = match (context.host.check_config)(file, self.syntax_only) {
                Ok(checked) => checked,
                Err(error) => {
                    context.out.flush()?;
                    writeln!(context.err, "  FAILED: {error}")?;
                    writeln!(context.out)?;
                    mistakes = true;
                    continue;
                }
            };
            for note in &checked.notes {
                writeln!(context.err, "  note: {note}")?;
            }
            for warning in &checked.warnings {
                writeln!(context.out, "  WARNING: {warning}")?;
            }
            let files = checked.rule_files.len() + checked.log_rule_files.len();
            if files > 0 {
                writeln!(context.out, "  SUCCESS: {files} rule files found")?;
            }
            writeln!(context.out, " SUCCESS: {} is valid prometheus config file syntax", file.display())?;
            writeln!(context.out)?;
            if self.syntax_only {
                continue;
            }
            if let Some(job) = checked.jobs.iter().find(|job| intervals && self.is_too_long(job)) {
                context.out.flush()?;
                writeln!(
                    context.err,
                    "  FAILED: too long scrape interval found, data point will be marked as stale - job: {}, \
                     interval: {}",
                    job.name,
                    query::promql::format_duration(job.interval_ms)
                )?;
                warned = true;
            }
            for (files, language) in
                [(&checked.rule_files, RuleLanguage::Promql), (&checked.log_rule_files, RuleLanguage::Logql)]
            {
                match rules::check_files(files, language, &lint, context)? {
                    Exit::Success => {}
                    Exit::Failure => mistakes = true,
                    Exit::Lint => warned = true,
                }
            }
        }
        Ok(match (mistakes, warned && self.lint_fatal) {
            (true, _) => Exit::Failure,
            (false, true) => Exit::Lint,
            (false, false) => Exit::Success,
        })
    }

    fn is_too_long(&self, job: &CheckedJob) -> bool {
        u128::try_from(job.interval_ms).is_ok_and(|ms| ms >= self.lookback.as_millis())
    }

    /// What is warned of in rules, and whether scrape intervals are looked at.
    fn lints(&self, context: &mut Context<'_>) -> Result<(rules::Lint, bool), Failed> {
        let (mut duplicates, mut intervals, mut none) = (false, false, false);
        for option in self.lint.split(',') {
            match option {
                "all" => (duplicates, intervals) = (true, true),
                "duplicate-rules" => duplicates = true,
                "too-long-scrape-interval" => intervals = true,
                "none" => none = true,
                other => writeln!(context.out, "WARNING: unknown lint option: {other:?}")?,
            }
        }
        let lint = rules::Lint::new(duplicates && !none, self.lint_fatal, self.ignore_unknown_fields);
        Ok((lint, intervals && !none))
    }
}
