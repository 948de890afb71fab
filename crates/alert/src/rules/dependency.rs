//! Which rules of a group must keep their order, told by the names of metrics they read and write.
//!
//! Two rules must keep it where one reads what the other writes, or where both write under one name. Where what a rule
//! reads cannot be told from its text, all rules of the group keep it.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};
use query::promql::Expr;

use super::file::{Expression, RuleDefinition, RuleKind};
use super::rule::{ALERTS, ALERTS_FOR_STATE};

/// What writes under a name: alerts of one name are apart from series of that name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Output<'a> {
    Series(&'a str),
    Alert(&'a str),
}

/// The first batch that may read or write something.
#[derive(Clone, Copy, Default)]
struct Since {
    /// After all that write it.
    written: usize,
    /// After all that read it.
    read: usize,
}

/// Places of rules in batches: those of one batch may be evaluated side by side, one batch after the other. What is
/// stored is the same as after an evaluation in the order of `rules`.
pub(super) fn batches(rules: &[RuleDefinition]) -> Vec<Vec<usize>> {
    let Some(inputs) = rules.iter().map(inputs).collect::<Option<Vec<_>>>() else {
        return (0..rules.len()).map(|at| vec![at]).collect();
    };
    let mut since: HashMap<Output<'_>, Since> = HashMap::new();
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for (at, (rule, inputs)) in rules.iter().zip(inputs).enumerate() {
        let output = output(rule);
        let of = |output: Output<'_>| since.get(&output).copied().unwrap_or_default();
        let reads = inputs.iter().map(|name| of(Output::Series(name)).written).max().unwrap_or(0);
        let batch = reads.max(of(output).written).max(of(output).read);
        for name in inputs {
            let input = since.entry(Output::Series(name)).or_default();
            input.read = input.read.max(batch + 1);
        }
        since.entry(output).or_default().written = batch + 1;
        // A batch is at most one beyond those there are: it follows one of them.
        if batch == batches.len() {
            batches.push(Vec::new());
        }
        batches[batch].push(at);
    }
    batches
}

fn output(rule: &RuleDefinition) -> Output<'_> {
    match rule.kind {
        RuleKind::Recording => Output::Series(&rule.name),
        RuleKind::Alerting { .. } => Output::Alert(&rule.name),
    }
}

/// The names of the metrics that a rule reads; `None` where it cannot be told, or where it reads what alerts write.
fn inputs(rule: &RuleDefinition) -> Option<HashSet<&str>> {
    let mut names = Some(HashSet::new());
    // What reads logs reads no metrics.
    let Expression::Promql(expr) = &rule.expr else { return names.filter(|_| !queries(rule)) };
    expr.walk(&mut |expr| {
        let name = match expr {
            Expr::Vector(selector) => fixed_name(&selector.matchers),
            Expr::Matrix(matrix) => fixed_name(&matrix.selector.matchers),
            // It reads metrics that its arguments need not name.
            Expr::Call(call) if call.function.name == "info" => None,
            _ => return,
        };
        match (name, &mut names) {
            (Some(name), Some(names)) => drop(names.insert(name)),
            _ => names = None,
        }
    });
    names.filter(|_| !queries(rule))
}

/// The name that a selector fixes, unless it is one of those that alerts write.
fn fixed_name(matchers: &[Matcher]) -> Option<&str> {
    let names = matchers.iter().filter(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal);
    let name = names.map(|m| m.value.as_str()).next()?;
    (!matches!(name, "" | ALERTS | ALERTS_FOR_STATE)).then_some(name)
}

/// Whether templates of an alert may run queries of their own.
fn queries(rule: &RuleDefinition) -> bool {
    let RuleKind::Alerting { annotations, .. } = &rule.kind else { return false };
    let mut texts = rule.labels.iter().chain(annotations).map(|(_, text)| text);
    texts.any(|text| {
        text.split("{{").skip(1).any(|action| action.split("}}").next().is_some_and(|a| a.contains("query")))
    })
}
