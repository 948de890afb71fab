//! `count_values`: how many series have each value.

use hashbrown::HashMap;
use model::Labels;

use crate::promql::aggregate::group_labels;
use crate::promql::ast::Aggregate;
use crate::promql::eval::{Cell, Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::native;
use crate::promql::number::go_f;

impl Evaluator<'_> {
    pub(super) fn count_values(
        &self,
        aggregate: &Aggregate,
        label: &str,
        rows: Rows,
        steps: Steps,
    ) -> Outcome<Rows> {
        let mut grouping = aggregate.grouping.clone();
        if !aggregate.without {
            grouping.push(label.to_owned());
        }
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut counted: Vec<Row> = Vec::new();
        let mut charge = self.meter.charge();
        for row in &rows.rows {
            self.check()?;
            let mut last: Option<(u64, usize)> = None;
            for i in 0..steps.len {
                let (bits, text) = match row.cells.get(i) {
                    Some(Cell::Float(v)) if last.is_some_and(|(bits, _)| bits == v.to_bits()) => {
                        (v.to_bits(), None)
                    }
                    Some(Cell::Float(v)) => (v.to_bits(), Some(go_f(v))),
                    Some(Cell::Histogram(h)) => (0, Some(native::text(&h))),
                    None => continue,
                };
                let at = match (text, last) {
                    (None, Some((_, at))) => at,
                    (text, _) => {
                        let value = text.unwrap_or_default();
                        let full = row.labels.to_builder().set(label, value).build();
                        let labels = group_labels(&full, &grouping, aggregate.without);
                        match index.get(&labels) {
                            Some(at) => *at,
                            None => {
                                charge.grow(1, crate::promql::eval::rows::bytes_of(steps.len))?;
                                index.insert(labels.clone(), counted.len());
                                counted.push(Row::new(labels, Cells::absent(steps.len)));
                                counted.len() - 1
                            }
                        }
                    }
                };
                last = row.cells.float(i).map(|_| (bits, at));
                let before = counted[at].cells.float(i).unwrap_or(0.0);
                counted[at].cells.set(i, before + 1.0);
            }
        }
        Rows::counted(counted, &self.meter)
    }
}
