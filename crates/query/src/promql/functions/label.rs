//! Functions that change labels.

use model::Pattern;
use model::labels::METRIC_NAME;

use crate::promql::ast::{Call, Expr};
use crate::promql::engine::QueryError;
use crate::promql::eval::{Evaluator, Outcome, Rows, Steps};

impl Evaluator<'_> {
    /// Sets a label to what a regular expression makes of another, where it matches.
    pub(super) fn label_replace(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let [target, template, source, expression] =
            [1, 2, 3, 4].map(|i| self.arg(call, i).and_then(|arg| self.text(arg)));
        let (target, template, source, expression) = (target?, template?, source?, expression?);
        let pattern = Pattern::new(expression).map_err(|_| {
            QueryError::Execution(format!("invalid regular expression in label_replace(): {expression}"))
        })?;
        let utf8 = self.is_utf8(call, 1);
        if target.is_empty() || !utf8 {
            return Err(invalid_name("destination", "label_replace", target));
        }
        let mut rows = self.vector(self.arg(call, 0)?, steps)?;
        for row in &mut rows.rows {
            self.check()?;
            if let Some(value) = pattern.expand(row.labels.get_or_empty(source), template) {
                row.labels = row.labels.to_builder().set(target, value).build();
                row.drop_name &= target != METRIC_NAME;
            }
        }
        rows.merge(false)?;
        Ok(rows)
    }

    /// Sets a label to the values of others with a separator between them.
    pub(super) fn label_join(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let target = self.text(self.arg(call, 1)?)?;
        let separator = self.text(self.arg(call, 2)?)?;
        let sources: Vec<&str> =
            (3..call.args.len()).map(|i| self.text(self.arg(call, i)?)).collect::<Outcome<_>>()?;
        let wrong = (3..).zip(&sources).find(|(at, name)| name.is_empty() || !self.is_utf8(call, *at));
        if let Some((_, wrong)) = wrong {
            return Err(invalid_name("source", "label_join", wrong));
        }
        if target.is_empty() || !self.is_utf8(call, 1) {
            return Err(invalid_name("destination", "label_join", target));
        }
        let mut rows = self.vector(self.arg(call, 0)?, steps)?;
        for row in &mut rows.rows {
            self.check()?;
            let values: Vec<&str> = sources.iter().map(|name| row.labels.get_or_empty(name)).collect();
            let joined = values.join(separator);
            row.labels = row.labels.to_builder().set(target, joined).build();
            row.drop_name &= target != METRIC_NAME;
        }
        rows.merge(false)?;
        Ok(rows)
    }

    /// Whether the text at `index` is UTF-8, as names must be: escapes can write any byte.
    fn is_utf8(&self, call: &Call, index: usize) -> bool {
        matches!(self.arg(call, index), Ok(Expr::String(text)) if text.bytes.is_none())
    }
}

fn invalid_name(which: &str, function: &str, name: &str) -> QueryError {
    QueryError::Execution(format!("invalid {which} label name in {function}(): {name}"))
}
