//! `logs patterns`: what lines have in common.

use std::collections::BTreeMap;

use query::logql;
use serde_json::{Value as Json, json};

use super::client::Loki;
use super::output::{Form, Shown};
use super::{Asked, log_question, nothing, selector_of};
use crate::{Context, Exit, Failed, Outcome};

const SECOND: i64 = 1_000_000_000;
/// Steps of the time that is asked about.
const STEPS: i64 = 60;

/// A pattern of one level, from whichever stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    pub(super) pattern: String,
    pub(super) level: String,
    pub(super) count: u64,
    /// Of all lines that have a pattern, 0 to 1.
    pub(super) share: f64,
    /// When it was seen, ns.
    first: i64,
    last: i64,
    /// A message of it.
    example: String,
    pub(super) change: Change,
}

/// Against the time before, of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    None,
    New,
    Gone,
}

impl Change {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

pub(super) fn run(asked: &Asked, words: &[String], context: &mut Context<'_>) -> Outcome {
    let loki = asked.server()?;
    let bounds = asked.between.bounds();
    let (_, expr) = log_question(&loki, words, bounds)?;
    let (selector, more) = selector_of(&expr);
    if more {
        asked.say(
            context,
            &format!("patterns are those of all lines of {selector}, whatever else is asked"),
        )?;
    }
    let all = found(&loki, &selector, bounds)?;
    if all.is_empty() {
        return nothing(asked, context, &selector);
    }
    let shown = asked.shown(context);
    let most = if asked.limit == 0 { usize::MAX } else { asked.limit };
    if shown.form() == Form::Default {
        writeln!(
            context.out,
            "{:>9}  {:>6}  {:<5}  {:<4}  {:<24}  {:<24}  PATTERN",
            "COUNT", "SHARE", "LEVEL", "", "FIRST", "LAST"
        )?;
    }
    for pattern in all.iter().take(most) {
        print(pattern, &shown, context)?;
    }
    if all.len() > most {
        asked.say(context, &format!("{} more; --limit 0 shows all", all.len() - most))?;
    }
    Ok(Exit::Success)
}

fn print(p: &Pattern, shown: &Shown, context: &mut Context<'_>) -> Result<(), Failed> {
    let (first, last) = (shown.time(p.first), shown.time(p.last));
    match shown.form() {
        Form::Raw => writeln!(context.out, "{}", p.pattern)?,
        Form::Jsonl => writeln!(
            context.out,
            "{}",
            json!({
                "pattern": p.pattern, "level": p.level, "count": p.count, "share": p.share, "first": first, "last": last,
                "change": p.change.as_str(), "example": p.example,
            })
        )?,
        Form::Default => writeln!(
            context.out,
            "{:>9}  {:>5.1}%  {:<5}  {:<4}  {first:<24}  {last:<24}  {}",
            p.count,
            p.share * 100.0,
            p.level,
            p.change.as_str(),
            p.pattern.replace('\n', "\u{23ce}")
        )?,
    }
    Ok(())
}

/// Patterns of the lines of a selector, the most frequent first; those that have gone come last.
pub(super) fn found(loki: &Loki, selector: &str, (start, end): (i64, i64)) -> Result<Vec<Pattern>, Failed> {
    let step = ((end - start) / STEPS / SECOND).max(1);
    let ask = |start: i64, end: i64| {
        let asked = [
            ("query", selector.to_owned()),
            ("start", start.to_string()),
            ("end", end.to_string()),
            ("step", format!("{step}s")),
            ("examples", "true".to_owned()),
        ];
        loki.data("patterns", &asked).map(|list| merged(&list))
    };
    Ok(compared(ask(start, end)?, &ask(start.saturating_sub(end - start), start)?))
}

/// What is known of a pattern of one level.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    count: u64,
    first: i64,
    last: i64,
    example: String,
}

type Merged = BTreeMap<(String, String), Seen>;

fn merged(list: &Json) -> Merged {
    let mut all = Merged::new();
    for one in list.as_array().into_iter().flatten() {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let exact = |name: &str| one[name].as_str().and_then(|ns| ns.parse::<i64>().ok());
        for sample in one["samples"].as_array().into_iter().flatten() {
            let (Some(t), Some(count)) = (sample[0].as_i64(), sample[1].as_u64()) else { continue };
            if count == 0 {
                continue;
            }
            let t = t.saturating_mul(SECOND);
            let (first, last) = (exact("first").unwrap_or(t), exact("last").unwrap_or(t));
            let entry = all.entry((text("pattern"), text("level"))).or_insert_with(|| Seen {
                count: 0,
                first,
                last,
                example: text("example"),
            });
            entry.count += count;
            (entry.first, entry.last) = (entry.first.min(first), entry.last.max(last));
        }
    }
    all
}

fn compared(now: Merged, before: &Merged) -> Vec<Pattern> {
    let total: u64 = now.values().map(|p| p.count).sum();
    let row = |((pattern, level), seen): (&(String, String), &Seen), change| Pattern {
        pattern: pattern.clone(),
        level: level.clone(),
        count: seen.count,
        share: if change == Change::Gone || total == 0 { 0.0 } else { seen.count as f64 / total as f64 },
        first: seen.first,
        last: seen.last,
        example: seen.example.clone(),
        change,
    };
    let mut rows: Vec<Pattern> = now
        .iter()
        .map(|one| {
            row(one, if before.is_empty() || before.contains_key(one.0) { Change::None } else { Change::New })
        })
        .collect();
    let gone = before.iter().filter(|(key, _)| !now.contains_key(key)).map(|one| row(one, Change::Gone));
    rows.extend(gone);
    rows.sort_by(|a, b| {
        let key = |p: &Pattern| (p.change == Change::Gone, std::cmp::Reverse(p.count));
        key(a).cmp(&key(b)).then_with(|| a.pattern.cmp(&b.pattern))
    });
    rows
}

/// A query for the lines of a pattern.
pub(super) fn as_filter(selector: &str, pattern: &str) -> String {
    let text = format!("{selector} |> {}", serde_json::Value::from(pattern));
    logql::parse(&text).map_or(text, |expr| logql::format(&expr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_dated_and_compared_with_the_time_before() {
        let now = merged(&json!([
            {"pattern": "a <_>", "level": "info", "samples": [[20, 3], [10, 1], [30, 0]]},
            {"pattern": "a <_>", "level": "info", "samples": [[40, 2]]},
            {"pattern": "b", "level": "error", "samples": [[10, 2]]},
        ]));
        let before = merged(&json!([
            {"pattern": "a <_>", "level": "info", "samples": [[1, 1]]},
            {"pattern": "c", "level": "", "samples": [[1, 9]]},
        ]));
        let rows = compared(now.clone(), &before);
        let brief: Vec<_> = rows.iter().map(|p| (p.pattern.as_str(), p.count, p.change)).collect();
        assert_eq!(brief, [("a <_>", 6, Change::None), ("b", 2, Change::New), ("c", 9, Change::Gone)]);
        assert_eq!((rows[0].first, rows[0].last), (10 * SECOND, 40 * SECOND));
        assert!((rows[0].share - 0.75).abs() < 1e-9);
        // With nothing before, nothing is new.
        assert!(compared(now, &Merged::new()).iter().all(|p| p.change == Change::None));
    }

    #[test]
    fn a_pattern_is_a_filter() {
        assert_eq!(as_filter("{a=\"b\"}", "x \"<_>\""), r#"{a="b"} |> "x \"<_>\"""#);
    }
}
