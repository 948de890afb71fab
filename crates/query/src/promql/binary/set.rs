//! `and`, `or`, `unless`.

use super::matching::signatures;
use crate::promql::ast::{Binary, BinaryOp};
use crate::promql::eval::{Evaluator, Outcome, Row, Rows, Steps};

impl Evaluator<'_> {
    pub(super) fn set_operation(
        &self,
        binary: &Binary,
        mut lhs: Rows,
        mut rhs: Rows,
        steps: Steps,
    ) -> Outcome<Rows> {
        let (left, right, count) = signatures(&lhs, &rhs, &binary.matching);
        if binary.op == BinaryOp::Or {
            let taken = self.presence(&lhs.rows, &left, count, steps.len)?;
            self.clear_where(&mut rhs.rows, &right, &taken, true)?;
            lhs.rows.append(&mut rhs.rows);
            lhs.charge.absorb(rhs.charge);
            lhs.prune();
            // Both sides may have a series of the same labels, each at steps of its own.
            lhs.merge(false)?;
            return Ok(lhs);
        }
        let other = self.presence(&rhs.rows, &right, count, steps.len)?;
        self.clear_where(&mut lhs.rows, &left, &other, binary.op == BinaryOp::Unless)?;
        lhs.prune();
        Ok(lhs)
    }

    /// By signature and step: whether some row has a value.
    fn presence(
        &self,
        rows: &[Row],
        signatures: &[usize],
        count: usize,
        steps: usize,
    ) -> Outcome<Vec<Vec<bool>>> {
        let mut present = vec![Vec::new(); count];
        for (row, signature) in rows.iter().zip(signatures) {
            self.check()?;
            let column: &mut Vec<bool> = &mut present[*signature];
            column.resize(steps, false);
            for (i, slot) in column.iter_mut().enumerate() {
                *slot |= row.cells.is_present(i);
            }
        }
        Ok(present)
    }

    /// Takes the values away where a partner's presence is `when`.
    fn clear_where(
        &self,
        rows: &mut [Row],
        signatures: &[usize],
        present: &[Vec<bool>],
        when: bool,
    ) -> Outcome<()> {
        for (row, signature) in rows.iter_mut().zip(signatures) {
            self.check()?;
            for i in 0..row.cells.len() {
                if present[*signature].get(i).copied().unwrap_or(false) == when {
                    row.cells.clear(i);
                }
            }
        }
        Ok(())
    }
}
