//! `check metrics`: what the conventions for names, types and units say of metrics in the text format.

mod lint;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use clap::{Args, ValueEnum};
use wire::exposition::{Entry, Kind, Sample};
use wire::prom_text::Parser;

use crate::{Context, Exit, Failed, Outcome};

/// The most that is read from the input.
const MOST_INPUT: u64 = 256 << 20;

/// What is looked at.
#[derive(Debug, Args)]
pub struct Metrics {
    /// Says how many series each metric has.
    #[arg(long)]
    extended: bool,
    /// What to warn of.
    #[arg(long, value_name = "WHAT", default_value = "all")]
    lint: Lint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lint {
    All,
    None,
}

/// A metric family with what the lints and the counts need.
#[derive(Debug, Default)]
struct Family {
    kind: Kind,
    has_help: bool,
    /// The label sets of its metrics, as written, without `le` of histograms and `quantile` of summaries.
    metrics: BTreeMap<String, BTreeSet<String>>,
    /// Distinct `le` or `quantile`.
    parts: BTreeSet<String>,
}

impl Metrics {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        if !self.extended && self.lint == Lint::None {
            return Err(Failed::new(
                "error: at least one of --extended or linting must be enabled\n\
                 Use --extended for cardinality analysis, or remove --lint=none to enable linting",
            ));
        }
        let mut body = Vec::new();
        context.stdin.take(MOST_INPUT + 1).read_to_end(&mut body)?;
        if body.len() as u64 > MOST_INPUT {
            return Err(Failed::new(format_args!("the input is larger than {MOST_INPUT} bytes")));
        }
        let families = families(&body).map_err(|e| Failed(format!("error while linting: {e}")))?;
        let mut problems = Vec::new();
        if self.lint == Lint::All {
            problems = families.iter().flat_map(|(name, family)| lint::problems(name, family)).collect();
            problems.sort();
        }
        for (metric, text) in &problems {
            writeln!(context.err, "{metric} {text}")?;
        }
        if self.extended {
            table(&families, context)?;
        }
        Ok(if problems.is_empty() { Exit::Success } else { Exit::Lint })
    }
}

fn families(body: &[u8]) -> Result<BTreeMap<String, Family>, wire::exposition::ParseError> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut parser = Parser::new(body)?;
    while let Some(entry) = parser.next_entry()? {
        match entry {
            Entry::Type { name, kind } => {
                families.entry(name.unescape().into_owned()).or_default().kind = kind
            }
            Entry::Help { name, .. } => {
                families.entry(name.unescape().into_owned()).or_default().has_help = true;
            }
            Entry::Unit { .. } => {}
            Entry::Sample(sample) => add(&mut families, &sample),
        }
    }
    // A family of which nothing but its help or type is told has nothing to look at.
    families.retain(|_, family| !family.metrics.is_empty());
    Ok(families)
}

fn add(families: &mut BTreeMap<String, Family>, sample: &Sample<'_, '_>) {
    let name = sample.name.unescape();
    let (suffixes, part): (&[&str], &str) = match sample.kind {
        Kind::Histogram => (&["_bucket", "_sum", "_count"], "le"),
        Kind::Summary => (&["_sum", "_count"], "quantile"),
        _ => (&[], ""),
    };
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    let family = base.filter(|base| families.contains_key(*base)).unwrap_or(&name);
    let family = families.entry(family.to_owned()).or_default();
    let mut labels: Vec<(String, String)> = Vec::new();
    for pair in sample.labels {
        let (label, value) = (pair.name.unescape(), pair.value.unescape());
        if label == part {
            family.parts.insert(value.into_owned());
        } else {
            labels.push((label.into_owned(), value.into_owned()));
        }
    }
    labels.sort();
    let names = labels.iter().map(|(name, _)| name.clone()).collect();
    family.metrics.insert(format!("{labels:?}"), names);
}

impl Family {
    /// How many series it is.
    fn series(&self) -> usize {
        match self.kind {
            // The infinite bucket is one of those told.
            Kind::Histogram | Kind::Summary => self.metrics.len() * (2 + self.parts.len()),
            _ => self.metrics.len(),
        }
    }
}

fn table(families: &BTreeMap<String, Family>, context: &mut Context<'_>) -> Result<(), Failed> {
    let mut counts: Vec<(&str, usize)> =
        families.iter().map(|(name, f)| (name.as_str(), f.series())).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let mut rows = vec![["Metric".to_owned(), "Cardinality".to_owned(), "Percentage".to_owned()]];
    for (name, count) in counts {
        let share = count as f64 / total as f64 * 100.0;
        rows.push([name.to_owned(), count.to_string(), format!("{share:.2}%")]);
    }
    rows.push(["Total".to_owned(), total.to_string(), "100%".to_owned()]);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 4;
    let widths = [width(0), width(1), width(2)];
    for [name, count, share] in &rows {
        let [a, b, c] = widths;
        writeln!(context.out, "{name:<a$}{count:<b$}{share:<c$}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Exit;
    use crate::testing::run;

    const BODY: &str = "# TYPE a_gauge_total gauge\na_gauge_total 1\n\
        # HELP fooBar_ms x\n# TYPE fooBar_ms counter\nfooBar_ms{aB=\"1\"} 3\nfooBar_ms{aB=\"2\"} 3\n\
        # TYPE x summary\nx{quantile=\"0.5\"} 3\nx_sum 3\nx_count 4\n\
        y_bucket{le=\"1\"} 3\ny_sum 3\n";

    #[test]
    fn problems_are_those_that_promtool_finds() {
        let (exit, out, err) = run(&["check", "metrics"], BODY);
        assert_eq!((exit, out.as_str()), (Exit::Lint, ""));
        let want = "a_gauge_total metric name should not include type 'gauge'
a_gauge_total no help text
a_gauge_total non-counter metrics should not have \"_total\" suffix
fooBar_ms counter metrics should have \"_total\" suffix
fooBar_ms label names should be written in 'snake_case' not 'camelCase'
fooBar_ms label names should be written in 'snake_case' not 'camelCase'
fooBar_ms metric names should be written in 'snake_case' not 'camelCase'
fooBar_ms metric names should not contain abbreviated units
x no help text
y_bucket no help text
y_sum no help text
";
        assert_eq!(err, want);
    }

    #[test]
    fn series_are_counted_by_metric() {
        let body = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\n\
            # HELP h_seconds H.\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"1\"} 1\n\
            h_seconds_bucket{le=\"+Inf\"} 1\nh_seconds_sum 1\nh_seconds_count 1\n";
        let (exit, out, err) = run(&["check", "metrics", "--extended"], body);
        assert_eq!((exit, err.as_str()), (Exit::Success, ""));
        let want = "Metric       Cardinality    Percentage    \n\
                    h_seconds    4              66.67%        \n\
                    a_total      2              33.33%        \n\
                    Total        6              100%          \n";
        assert_eq!(out, want);
    }

    #[test]
    fn what_is_not_the_format_is_refused() {
        let (exit, _, err) = run(&["check", "metrics"], "a b c\n");
        assert_eq!(exit, Exit::Failure);
        assert!(err.starts_with("error while linting: line 1"), "{err}");
        assert_eq!(run(&["check", "metrics", "--lint=none"], "").0, Exit::Failure);
    }
}
