//! `logs stats`: how many lines and bytes, by level, by label, and their most frequent patterns.

use clap::Args;
use query::logql::{self, Expr};
use serde_json::{Value as Json, json};

use super::client::Loki;
use super::output::Form;
use super::patterns::{self, Change};
use super::{Asked, log_question, nothing, selector_of};
use crate::{Context, Exit, Failed, Outcome};

/// Rows of each list.
const TOP: usize = 10;
/// What lines are counted by where nothing is said: the first that a stream has.
const BY: [&str; 5] = ["container", "pod", "service_name", "job", "node"];

/// Arguments of `logs stats`.
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// The label that lines are counted by; may be given more than once.
    #[arg(long, value_name = "LABEL")]
    by: Vec<String>,
    /// Words or LogQL; every line where there are none.
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
}

/// Lines by the values of a label, the most first.
type Counts = Vec<(String, u64)>;

impl Stats {
    pub(super) fn run(self, asked: &Asked, context: &mut Context<'_>) -> Outcome {
        let loki = asked.server()?;
        let (start, end) = asked.between.bounds();
        let (query, expr) = log_question(&loki, &self.words, (start, end))?;
        let (selector, more) = selector_of(&expr);
        let counter = Counter {
            loki: &loki,
            query: logql::format(&Expr::Log(expr)),
            ms: ((end - start) / 1_000_000).max(1),
            end,
        };
        let lines = counter.one("count_over_time")?;
        if lines == 0 {
            return nothing(asked, context, &query);
        }
        let bytes = counter.one("bytes_over_time")?;
        let span = [("query", selector.clone()), ("start", start.to_string()), ("end", end.to_string())];
        let streams = loki.ask("index/stats", &span)?["streams"].as_u64().unwrap_or(0);
        let mut by = vec![("level".to_owned(), counter.by("detected_level")?)];
        if self.by.is_empty() {
            for name in BY {
                let counts = counter.by(name)?;
                if counts.iter().any(|(value, _)| !value.is_empty()) {
                    by.push((name.to_owned(), counts));
                    break;
                }
            }
        }
        for name in self.by {
            let counts = counter.by(&name)?;
            by.push((name, counts));
        }
        let found = patterns::found(&loki, &selector, (start, end))?;
        let top: Vec<_> = found.iter().filter(|p| p.change != Change::Gone).take(TOP).collect();
        if asked.form == Form::Jsonl {
            let labels: serde_json::Map<String, Json> = by
                .into_iter()
                .map(|(name, counts)| (name, counts.into_iter().map(|(v, n)| (v, json!(n))).collect()))
                .collect();
            let patterns: Vec<_> = top
                .iter()
                .map(|p| json!({"pattern": p.pattern, "level": p.level, "count": p.count}))
                .collect();
            let object = json!({"query": query, "lines": lines, "bytes": bytes, "streams": streams, "by": labels, "patterns": patterns});
            writeln!(context.out, "{object}")?;
            return Ok(Exit::Success);
        }
        writeln!(context.out, "{query}\n{}", asked.between.described())?;
        writeln!(context.out, "lines    {lines}\nbytes    {bytes} ({})\nstreams  {streams}", size(bytes))?;
        for (name, counts) in &by {
            writeln!(context.out, "\nby {name}")?;
            for (value, count) in counts {
                let value = if value.is_empty() { "(none)" } else { value };
                writeln!(context.out, "{count:>9}  {:>5.1}%  {value}", *count as f64 / lines as f64 * 100.0)?;
            }
        }
        if !top.is_empty() {
            writeln!(
                context.out,
                "\npatterns{}",
                if more { format!(" of all lines of {selector}") } else { String::new() }
            )?;
            for p in &top {
                writeln!(
                    context.out,
                    "{:>9}  {:>5.1}%  {}",
                    p.count,
                    p.share * 100.0,
                    p.pattern.replace('\n', "\u{23ce}")
                )?;
            }
            // The way from a pattern to its lines.
            if let Some(first) = top.first() {
                asked.say(
                    context,
                    &format!(
                        "\nlines of a pattern: bonghwa logs '{}'",
                        patterns::as_filter(&selector, &first.pattern)
                    ),
                )?;
            }
        }
        Ok(Exit::Success)
    }
}

/// Counts the lines of a query over the whole time.
struct Counter<'a> {
    loki: &'a Loki,
    query: String,
    ms: i64,
    end: i64,
}

impl Counter<'_> {
    fn ask(&self, query: String) -> Result<Json, Failed> {
        self.loki.data("query", &[("query", query), ("time", self.end.to_string())])
    }

    /// Lines that a parser cannot read are counted, too.
    fn over(&self, function: &str) -> String {
        let mut query = self.query.clone();
        if ["| json", "| logfmt", "| unpack", "| pattern", "| regexp"]
            .iter()
            .any(|parser| query.contains(parser))
        {
            query.push_str(" | drop __error__, __error_details__");
        }
        format!("{function}({query} [{}ms])", self.ms)
    }

    fn one(&self, function: &str) -> Result<u64, Failed> {
        let data = self.ask(format!("sum({})", self.over(function)))?;
        Ok(number(&data["result"][0]["value"][1]))
    }

    fn by(&self, name: &str) -> Result<Counts, Failed> {
        let data = self.ask(format!("topk({TOP}, sum by ({name}) ({}))", self.over("count_over_time")))?;
        let rows = data["result"].as_array().into_iter().flatten();
        let mut counts: Counts = rows
            .map(|row| {
                (row["metric"][name].as_str().unwrap_or_default().to_owned(), number(&row["value"][1]))
            })
            .collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(counts)
    }
}

fn number(text: &Json) -> u64 {
    text.as_str().and_then(|text| text.parse::<f64>().ok()).map_or(0, |v| v as u64)
}

/// A size with a unit.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_have_units() {
        for (bytes, text) in [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (5 << 30, "5.0 GiB")] {
            assert_eq!(super::size(bytes), text);
        }
    }
}
