//! Aggregations: rows are sorted into groups once a query, then each group is reduced column by column, its rows in
//! the order they have, so that sums do not depend on chance.

mod count_values;
mod limit;
mod reduce;
pub(crate) mod topk;

use hashbrown::HashMap;
use model::Labels;
use model::labels::{METRIC_NAME, put};

use super::ast::{Aggregate, AggregateOp, Expr};
use super::engine::QueryError;
use super::eval::{Evaluator, Outcome, Rows, Steps};
use super::print::format;

/// Rows that are aggregated together.
pub(crate) struct Group {
    pub(crate) labels: Labels,
    pub(crate) rows: Vec<usize>,
}

impl Evaluator<'_> {
    /// Computes an aggregation at all `steps`.
    pub(crate) fn aggregate(&self, aggregate: &Aggregate, steps: Steps) -> Outcome<Rows> {
        let expr = aggregate.expr.unparenthesized();
        if aggregate.op == AggregateOp::CountValues {
            let param = self.parameter(aggregate)?;
            let label = self.text(param)?;
            let utf8 = matches!(param, Expr::String(text) if text.bytes.is_none());
            if label.is_empty() || !utf8 {
                return Err(QueryError::Execution(format!("invalid label name {}", format(param))));
            }
            return self.count_values(aggregate, label, self.vector(expr, steps)?, steps);
        }
        let param = match aggregate.op.has_param() {
            true => self.scalar(self.parameter(aggregate)?, steps)?,
            false => Vec::new(),
        };
        if let Some(rows) = self.straight_from_store(aggregate, expr, &param, steps)? {
            return Ok(rows);
        }
        let rows = self.vector(expr, steps)?;
        match aggregate.op {
            AggregateOp::Topk | AggregateOp::Bottomk => self.topk(aggregate, &param, rows, steps),
            AggregateOp::Limitk => self.limitk(aggregate, &param, rows, steps),
            AggregateOp::LimitRatio => self.limit_ratio(aggregate, &param, rows, steps),
            _ => self.reduce(aggregate, &param, rows, steps),
        }
    }

    /// Aggregations that are made while the store of metrics is read. Series that come from elsewhere have no such way.
    fn straight_from_store(
        &self,
        aggregate: &Aggregate,
        expr: &Expr,
        param: &[f64],
        steps: Steps,
    ) -> Outcome<Option<Rows>> {
        let stored = self.leaves.is_none();
        if stored
            && let Expr::Vector(selector) = expr
            && let Some(rows) = self.count_selector(aggregate, selector, steps)?
        {
            return Ok(Some(rows));
        }
        self.check_quantile(aggregate, param);
        if !stored {
            return Ok(None);
        }
        match self.lean_aggregate(aggregate, expr, param, steps)? {
            Some(rows) => Ok(Some(rows)),
            None => self.candidates(aggregate, expr, param, steps),
        }
    }

    fn parameter<'e>(&self, aggregate: &'e Aggregate) -> Outcome<&'e Expr> {
        aggregate
            .param
            .as_deref()
            .map(Expr::unparenthesized)
            .ok_or_else(|| QueryError::Execution(format!("{} needs a parameter", aggregate.op.as_str())))
    }
}

/// The groups of `rows`, in the order of their first row.
pub(crate) fn groups(rows: &Rows, aggregate: &Aggregate) -> Vec<Group> {
    if !aggregate.without && aggregate.grouping.is_empty() {
        let all: Vec<usize> = (0..rows.rows.len()).collect();
        return match all.is_empty() {
            true => Vec::new(),
            false => vec![Group { labels: Labels::empty(), rows: all }],
        };
    }
    let mut index: HashMap<Labels, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut groups: Vec<Group> = Vec::new();
    let mut key = String::new();
    for (at, row) in rows.rows.iter().enumerate() {
        group_key(row.labels.iter(), aggregate, &mut key);
        let group = match index.get(key.as_str()) {
            Some(group) => *group,
            None => {
                let labels = group_labels(&row.labels, &aggregate.grouping, aggregate.without);
                groups.push(Group { labels: labels.clone(), rows: Vec::new() });
                index.insert(labels, groups.len() - 1);
                groups.len() - 1
            }
        };
        groups[group].rows.push(at);
    }
    groups
}

/// Writes the canonical form of the group of a series with these labels to `key`.
pub(crate) fn group_key<'l>(
    labels: impl Iterator<Item = (&'l str, &'l str)>,
    aggregate: &Aggregate,
    key: &mut String,
) {
    key.clear();
    if !aggregate.without && aggregate.grouping.is_empty() {
        return;
    }
    for (name, value) in labels {
        if in_group(name, &aggregate.grouping, aggregate.without) {
            put(key, name);
            put(key, value);
        }
    }
}

/// Whether a group has this label of its series.
pub(crate) fn in_group(name: &str, grouping: &[String], without: bool) -> bool {
    let named = grouping.iter().any(|label| label == name);
    if without { !named && name != METRIC_NAME } else { named }
}

/// The labels that a series' group has.
pub(crate) fn group_labels(labels: &Labels, grouping: &[String], without: bool) -> Labels {
    labels.filter(|name| in_group(name, grouping, without))
}

/// The parameter of `topk` and `limitk` at every step; what is no count is refused.
pub(crate) fn counts(param: &[f64]) -> Outcome<Option<Vec<usize>>> {
    let refuse = |text: String| Err(QueryError::Execution(text));
    if param.iter().any(|k| k.is_nan()) {
        return refuse("Parameter value is NaN".to_owned());
    }
    let most = param.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most < 1.0 {
        return Ok(None);
    }
    let limit = i64::MAX as f64;
    if let Some(k) = param.iter().find(|k| **k <= -limit) {
        return refuse(format!("Scalar value {} underflows int64", super::number::go_v(*k)));
    }
    if most >= limit {
        return refuse(format!("Scalar value {} overflows int64", super::number::go_v(most)));
    }
    // Negative counts saturate to none.
    Ok(Some(param.iter().map(|k| *k as usize).collect()))
}
