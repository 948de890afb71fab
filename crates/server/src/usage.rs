//! Which metrics queries have named since the start, and what a query should know of folded labels.

use std::collections::HashSet;

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};
use parking_lot::Mutex;
use query::promql::{Expr, metric_names, uses_label};

use crate::state::State;

/// Names and patterns remembered.
const MOST_NAMES: usize = 100_000;
const MOST_PATTERNS: usize = 500;
/// Bytes of a name or pattern that is remembered: what is longer names no metric that anybody has.
const LONGEST: usize = 1_024;
/// No metric has this name: a pattern that matches it names no metric in particular.
const NO_NAME: &str = "\u{1}";

/// Bounded memory of names.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    exact: HashSet<String>,
    patterns: Vec<Matcher>,
}

impl Names {
    fn note(&mut self, matcher: &Matcher) {
        if matcher.name != METRIC_NAME || matcher.value.len() > LONGEST || matcher.matches(NO_NAME) {
            return;
        }
        match matcher.op {
            MatchOp::Equal if self.exact.contains(&matcher.value) => {}
            MatchOp::Equal if self.exact.len() < MOST_NAMES => {
                self.exact.insert(matcher.value.clone());
            }
            MatchOp::Regex if self.patterns.len() < MOST_PATTERNS && !self.patterns.contains(matcher) => {
                self.patterns.push(matcher.clone());
            }
            _ => {}
        }
    }

    fn has(&self, name: &str) -> bool {
        self.exact.contains(name) || self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

impl Usage {
    /// Notes what an expression names.
    pub(crate) fn note(&self, expr: &Expr) {
        let mut names = self.0.lock();
        metric_names(expr).into_iter().for_each(|matcher| names.note(matcher));
    }

    /// Notes what a selector names.
    pub(crate) fn note_selector(&self, matchers: &[Matcher]) {
        let mut names = self.0.lock();
        matchers.iter().for_each(|matcher| names.note(matcher));
    }

    /// Whether something named this metric; `rules` are expressions that do so without asking.
    pub(crate) fn unused(&self, stored: Vec<(String, u64)>, rules: &[Expr]) -> Vec<(String, u64)> {
        let mut of_rules = Names::default();
        rules.iter().flat_map(metric_names).for_each(|matcher| of_rules.note(matcher));
        let names = self.0.lock();
        stored.into_iter().filter(|(name, _)| !names.has(name) && !of_rules.has(name)).collect()
    }
}

impl State {
    /// What the author of an expression should know: it depends on labels that fold.
    pub(crate) fn folded_warnings(&self, expr: &Expr) -> Vec<String> {
        let Some(cardinality) = &self.parts.cardinality else { return Vec::new() };
        let mut warnings = Vec::new();
        for (metric, labels) in cardinality.folded_labels() {
            for label in labels.iter().filter(|label| uses_label(expr, &metric, label)) {
                warnings.push(format!(
                    "label {label:?} of metric {metric:?} is folded: values over the budget are in the series \
                     with {label}={:?}",
                    intake::cardinality::FOLDED_VALUE
                ));
            }
        }
        warnings
    }

    /// What the author of a rule should know. Costs nothing while no label folds.
    pub(crate) fn rule_warnings(&self, text: &str) -> Vec<String> {
        let folds = self.parts.cardinality.as_ref().is_some_and(|c| c.is_folding());
        let expr = if folds { self.parts.engine.parse(text).ok() } else { None };
        expr.map(|expr| self.folded_warnings(&expr)).unwrap_or_default()
    }

    /// Notes which metrics a query names, and says what its author should know.
    pub(crate) fn note_query(&self, expr: &Expr) -> Vec<String> {
        self.usage.note(expr);
        self.folded_warnings(expr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_neither_a_query_nor_a_rule_names_is_unused() {
        let usage = Usage::default();
        let parse = |text: &str| query::promql::parse(text).unwrap();
        usage.note(&parse(r#"rate(a[5m]) + on (job) {__name__=~"b_.*"} + count({__name__=~".+"})"#));
        usage.note_selector(&[Matcher::equal(METRIC_NAME, "c"), Matcher::equal("job", "x")]);
        let stored = ["a", "b_1", "c", "d", "e"].map(|name| (name.to_owned(), 1)).to_vec();
        let unused = usage.unused(stored, &[parse("sum(d)")]);
        assert_eq!(unused, [("e".to_owned(), 1)]);
    }

    #[test]
    fn names_of_any_length_are_not_kept() {
        let usage = Usage::default();
        let long = "a".repeat(LONGEST + 1);
        usage.note_selector(&[Matcher::equal(METRIC_NAME, &long)]);
        usage.note_selector(&[Matcher::new(METRIC_NAME, MatchOp::Regex, &long).unwrap()]);
        let names = usage.0.lock();
        assert!(names.exact.is_empty() && names.patterns.is_empty());
    }
}
