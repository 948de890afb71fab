//! The order of an instant query's result.

use std::cmp::Ordering;

use crate::promql::annotations::SORT_IN_RANGE;
use crate::promql::ast::Call;
use crate::promql::eval::{Evaluator, Outcome, Rows, Steps};

impl Evaluator<'_> {
    fn warn_of_sort(&self, call: &Call, steps: Steps) {
        if steps.len > 1 {
            self.notes.warn(call.span, SORT_IN_RANGE);
        }
    }

    /// Sorts by value; NaN comes last either way, histograms are left out.
    pub(super) fn sort_by_value(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let mut rows = self.vector(self.arg(call, 0)?, steps)?;
        self.warn_of_sort(call, steps);
        for row in &mut rows.rows {
            row.cells.map_floats(|_, v| v);
        }
        rows.prune();
        if steps.len == 1 {
            let descending = call.function.name == "sort_desc";
            rows.rows.sort_by(|a, b| {
                let (a, b) = (a.cells.float(0), b.cells.float(0));
                by_value(a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN), descending)
            });
        }
        Ok(rows)
    }

    /// Sorts by the values of labels in natural order, then by all labels.
    pub(super) fn sort_by_label(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let mut rows = self.vector(self.arg(call, 0)?, steps)?;
        self.warn_of_sort(call, steps);
        let names: Vec<&str> =
            (1..call.args.len()).map(|i| self.text(self.arg(call, i)?)).collect::<Outcome<_>>()?;
        rows.rows.sort_by(|a, b| {
            names
                .iter()
                .map(|name| natural(a.labels.get_or_empty(name), b.labels.get_or_empty(name)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.labels.cmp(&b.labels))
        });
        if call.function.name == "sort_by_label_desc" {
            rows.rows.reverse();
        }
        Ok(rows)
    }
}

fn by_value(a: f64, b: f64, descending: bool) -> Ordering {
    match a.partial_cmp(&b) {
        Some(order) if descending => order.reverse(),
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

/// Compares texts so that runs of digits count as numbers: `node2` before `node10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let (part_a, rest_a) = chunk(a);
        let (part_b, rest_b) = chunk(b);
        let order = match (is_number(part_a), is_number(part_b)) {
            (true, true) => {
                let (x, y) = (part_a.trim_start_matches('0'), part_b.trim_start_matches('0'));
                // Equal numbers: the one with fewer leading zeros comes first.
                (x.len(), x).cmp(&(y.len(), y)).then(part_a.len().cmp(&part_b.len()))
            }
            _ => part_a.cmp(part_b),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// Splits off the leading run of digits, or of anything else.
fn chunk(text: &str) -> (&str, &str) {
    let digits = is_number(text);
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers() {
        let mut names = ["node10", "node2", "node", "a1b10", "a1b9", "node02"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a1b9", "a1b10", "node", "node2", "node02", "node10"]);
    }

    #[test]
    fn nan_comes_last() {
        for descending in [false, true] {
            let mut values = [f64::NAN, 1.0, 2.0];
            values.sort_by(|a, b| by_value(*a, *b, descending));
            assert!(values[2].is_nan());
        }
    }
}
