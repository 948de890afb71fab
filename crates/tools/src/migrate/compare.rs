//! Two answers side by side.

use std::collections::BTreeMap;
use std::io::Write;

use super::expressions::Expression;
use super::side::{Answer, Point, Side};

/// Mismatches of one expression and time that are printed; the others are counted.
const SHOWN: usize = 5;
/// Floats may differ by so much of their size: sums are not made in the same order everywhere.
const TOLERANCE: f64 = 1e-9;

/// Why two answers are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// Only the old side has the series.
    Missing,
    /// Only the new side has it.
    Extra,
    /// Both have it, with different values.
    Value,
    /// Only the old side refuses the query.
    OldRefuses,
    /// Only the new side does.
    NewRefuses,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing on the new side",
            Self::Extra => "only on the new side",
            Self::Value => "other value",
            Self::OldRefuses => "refused by the old side",
            Self::NewRefuses => "refused by the new side",
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    looks: usize,
    equal: usize,
    both_refuse: usize,
    empty: usize,
    mismatches: BTreeMap<Reason, usize>,
}

impl Report {
    /// Asks both sides and prints where they differ.
    pub(super) fn look(
        &mut self,
        expression: &Expression,
        t: i64,
        old: &mut Side,
        new: &mut Side,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        self.looks += 1;
        let all = match (old.ask(&expression.text, t), new.ask(&expression.text, t)) {
            (Ok(old), Ok(new)) => {
                self.empty += usize::from(old.is_empty() && new.is_empty());
                differences(&old, &new)
            }
            (Err(_), Err(_)) => {
                self.both_refuse += 1;
                Vec::new()
            }
            (Err(error), Ok(_)) => vec![(Reason::OldRefuses, String::new(), error, "an answer".to_owned())],
            (Ok(_), Err(error)) => vec![(Reason::NewRefuses, String::new(), "an answer".to_owned(), error)],
        };
        if all.is_empty() {
            self.equal += 1;
            return Ok(());
        }
        writeln!(out, "{}\n  {}\n  at {}", expression.place, expression.text, t as f64 / 1000.0)?;
        for (at, (reason, series, old, new)) in all.iter().enumerate() {
            *self.mismatches.entry(*reason).or_default() += 1;
            if at < SHOWN {
                writeln!(out, "    {}: {series} old {old}, new {new}", reason.as_str())?;
            }
        }
        if all.len() > SHOWN {
            writeln!(out, "    and {} more", all.len() - SHOWN)?;
        }
        Ok(())
    }

    pub(super) fn is_equal(&self) -> bool {
        self.mismatches.is_empty()
    }

    pub(super) fn summary(&self, expressions: usize, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(
            out,
            "{expressions} expressions, {} comparisons: {} equal ({} of them empty, {} refused by both)",
            self.looks, self.equal, self.empty, self.both_refuse
        )?;
        for (reason, count) in &self.mismatches {
            writeln!(out, "{}: {count}", reason.as_str())?;
        }
        Ok(())
    }
}

fn differences(old: &Answer, new: &Answer) -> Vec<(Reason, String, String, String)> {
    let mut all = Vec::new();
    for (series, point) in old {
        match new.get(series) {
            None => all.push((Reason::Missing, series.clone(), point.to_string(), "nothing".to_owned())),
            Some(other) if !same(point, other) => {
                all.push((Reason::Value, series.clone(), point.to_string(), other.to_string()));
            }
            Some(_) => {}
        }
    }
    for (series, point) in new.iter().filter(|(series, _)| !old.contains_key(*series)) {
        all.push((Reason::Extra, series.clone(), "nothing".to_owned(), point.to_string()));
    }
    all
}

fn same(a: &Point, b: &Point) -> bool {
    match (a, b) {
        (Point::Float(a), Point::Float(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_has_its_reason() {
        let answer =
            |all: &[(&str, f64)]| all.iter().map(|(k, v)| ((*k).to_owned(), Point::Float(*v))).collect();
        let old: Answer = answer(&[("a", 1.0), ("b", 2.0), ("c", f64::NAN), ("d", 0.1 + 0.2)]);
        let new: Answer = answer(&[("a", 1.5), ("c", f64::NAN), ("d", 0.3), ("e", 3.0)]);
        let reasons: Vec<_> = differences(&old, &new).into_iter().map(|d| (d.0, d.1)).collect();
        let expected = [
            (Reason::Value, "a".to_owned()),
            (Reason::Missing, "b".to_owned()),
            (Reason::Extra, "e".to_owned()),
        ];
        assert_eq!(reasons, expected);
    }
}
