//! Operators between two vectors: series find their partners once a query, values are computed column by column.

use hashbrown::{HashMap, HashSet};
use model::Labels;
use model::labels::{METRIC_NAME, put};

use super::op::{Element, apply, changes_schema, scalar_op};
use crate::promql::annotations::incompatible_operands;
use crate::promql::ast::{Binary, BinaryOp, Cardinality, VectorMatching};
use crate::promql::engine::QueryError;
use crate::promql::eval::rows::{braced, is_metadata};
use crate::promql::eval::{Cell, Cells, Evaluator, Outcome, Row, Rows, Steps};

/// For each row of both sides the number of its signature (the labels that partners share), and how many there are.
pub(super) fn signatures(
    lhs: &Rows,
    rhs: &Rows,
    matching: &VectorMatching,
) -> (Vec<usize>, Vec<usize>, usize) {
    let mut numbers: HashMap<String, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut scratch = String::new();
    let mut number = |row: &Row| {
        scratch.clear();
        for (name, value) in row.labels.iter().filter(|(name, _)| in_signature(name, matching)) {
            put(&mut scratch, name);
            put(&mut scratch, value);
        }
        let next = numbers.len();
        match numbers.get(scratch.as_str()) {
            Some(number) => *number,
            None => *numbers.entry(scratch.clone()).or_insert(next),
        }
    };
    let left = lhs.rows.iter().map(&mut number).collect();
    let right = rhs.rows.iter().map(&mut number).collect();
    (left, right, numbers.len())
}

fn in_signature(name: &str, matching: &VectorMatching) -> bool {
    let named = matching.labels.iter().any(|label| label == name);
    if matching.on { named } else { !named && name != METRIC_NAME }
}

/// The two sides, "many" first. One-to-one is many-to-one with at most one.
struct Sides<'a> {
    binary: &'a Binary,
    many: &'a [Row],
    one: &'a [Row],
    /// Whether "many" is the right operand.
    swapped: bool,
    steps: usize,
}

/// Result rows under construction: by pair of rows, and by labels.
#[derive(Default)]
struct Results {
    rows: Vec<Row>,
    /// By pair of rows: the result row, and the number of its labels.
    pairs: HashMap<(usize, usize), (usize, usize)>,
    labels: HashMap<Labels, usize>,
}

/// Stands for the missing partner in a pair.
const FILLED: usize = usize::MAX;

impl Evaluator<'_> {
    pub(super) fn vectors(&self, binary: &Binary, lhs: Rows, rhs: Rows, steps: Steps) -> Outcome<Rows> {
        let (left, right, count) = signatures(&lhs, &rhs, &binary.matching);
        let swapped = binary.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (&rhs.rows, &lhs.rows) } else { (&lhs.rows, &rhs.rows) };
        let (many_signatures, one_signatures) = if swapped { (&right, &left) } else { (&left, &right) };
        let sides = Sides { binary, many, one, swapped, steps: steps.len };
        let many_of = by_signature(many_signatures, count);
        let one_of = by_signature(one_signatures, count);
        let matching = &binary.matching;
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        let alone = one_of.iter().all(|rows| rows.len() <= 1);
        if !alone {
            sides.refuse_duplicates(&one_of, fills)?;
        }
        let mut results = Results::default();
        for signature in 0..count {
            self.check()?;
            self.signature(&sides, &many_of[signature], &one_of[signature], &mut results)?;
        }
        let mut rows = Rows::counted(results.rows, &self.meter)?;
        rows.prune();
        rows.merge(false)?;
        Ok(rows)
    }

    /// Computes the series of one signature.
    fn signature(
        &self,
        sides: &Sides<'_>,
        many: &[usize],
        one: &[usize],
        results: &mut Results,
    ) -> Outcome<()> {
        let matching = &sides.binary.matching;
        // `fill_right` is for a missing "one", `fill_left` for missing "many", whichever side they stand on.
        let (fill_one, fill_many) = (matching.fill_right, matching.fill_left);
        if (one.is_empty() && fill_one.is_none()) || (many.is_empty() && fill_many.is_none()) {
            return Ok(());
        }
        if let ([at], [other]) = (many, one)
            && fill_one.is_none()
            && fill_many.is_none()
            && self.float_columns(sides, *at, *other, results)
        {
            return Ok(());
        }
        let mut seen: HashSet<usize> = HashSet::new();
        for i in 0..sides.steps {
            self.check()?;
            let partner = one.iter().copied().find(|at| sides.one[*at].cells.is_present(i));
            let mut matched = 0;
            seen.clear();
            for at in many.iter().copied() {
                let Some(a) = sides.many[at].cells.get(i) else { continue };
                let (other, b) = match (partner, fill_one) {
                    (Some(other), _) => (other, sides.one[other].cells.get(i)),
                    (None, Some(fill)) => (FILLED, Some(Cell::Float(fill))),
                    (None, None) => break,
                };
                let Some(b) = b else { continue };
                matched += 1;
                self.pair(sides, (at, other), (&a, &b), i, (matched, &mut seen), results)?;
            }
            if let (0, Some(other), Some(fill)) = (matched, partner, fill_many)
                && let Some(b) = sides.one[other].cells.get(i)
            {
                let a = Cell::Float(fill);
                self.pair(sides, (FILLED, other), (&a, &b), i, (1, &mut seen), results)?;
            }
        }
        Ok(())
    }

    /// Computes a pair that is alone in its signature in one loop, if it has only floats.
    fn float_columns(&self, sides: &Sides<'_>, at: usize, other: usize, results: &mut Results) -> bool {
        let binary = sides.binary;
        let (many, one) = (&sides.many[at].cells, &sides.one[other].cells);
        let trims = matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        if trims || many.has_histograms() || one.has_histograms() {
            return false;
        }
        let (row, _) = results.row(sides, at, other, self.delayed());
        let out = &mut results.rows[row].cells;
        let filters = binary.op.is_comparison() && !binary.return_bool;
        for i in 0..sides.steps {
            let (Some(a), Some(b)) = (many.float(i), one.float(i)) else { continue };
            let (a, b) = if sides.swapped { (b, a) } else { (a, b) };
            let value = scalar_op(binary.op, a, b);
            if !filters {
                out.set(i, value);
            } else if value != 0.0 {
                out.set(i, a);
            }
        }
        true
    }

    /// Computes one pair at one step.
    fn pair(
        &self,
        sides: &Sides<'_>,
        (at, other): (usize, usize),
        (a, b): (&Cell, &Cell),
        i: usize,
        (matched, seen): (usize, &mut HashSet<usize>),
        results: &mut Results,
    ) -> Outcome<()> {
        let binary = sides.binary;
        let Some((kept, value)) = self.element(binary, sides.swapped, a, b) else { return Ok(()) };
        if matched > 1 && binary.matching.cardinality == Cardinality::OneToOne {
            return Err(QueryError::Execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .to_owned(),
            ));
        }
        let (row, labels) = results.row(sides, at, other, self.delayed());
        if binary.matching.cardinality != Cardinality::OneToOne && !seen.insert(labels) {
            return Err(QueryError::Execution(
                "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
            ));
        }
        if kept || binary.return_bool {
            if results.rows[row].cells.is_present(i) {
                return Err(crate::promql::eval::rows::same_labelset());
            }
            results.rows[row].cells.put(i, value);
        }
        Ok(())
    }

    /// The operator's value, and whether a comparison holds; `None` where the operands do not go together.
    fn element(&self, binary: &Binary, swapped: bool, many: &Cell, one: &Cell) -> Option<(bool, Cell)> {
        let (a, b) = if swapped { (one, many) } else { (many, one) };
        let (kept, value) = match apply(binary.op, a, b) {
            Element::Value(value) => (true, value),
            Element::Compared(kept) => (kept, a.clone()),
            Element::Noted { value, collision, reconciled } => {
                let operation = if binary.op.as_str() == "-" { "subtraction" } else { "addition" };
                if collision {
                    let text = format!("conflicting counter resets during histogram {operation}");
                    self.notes.warn(binary.span, text);
                } else if reconciled {
                    let text = format!("mismatched custom buckets were reconciled during {operation}");
                    self.notes.info(binary.span, text);
                }
                (true, value)
            }
            Element::Incompatible(a, b) => {
                self.notes.info(binary.span, incompatible_operands(a, binary.op.as_str(), b));
                return None;
            }
            Element::Mismatch => {
                let op = binary.op.as_str();
                let text = format!("incompatible bucket layout encountered for binary operator {op}");
                self.notes.warn(binary.span, text);
                return None;
            }
        };
        match binary.return_bool {
            true => Some((kept, Cell::Float(f64::from(u8::from(kept))))),
            false => Some((kept, value)),
        }
    }
}

fn by_signature(signatures: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut sorted = vec![Vec::new(); count];
    for (row, signature) in signatures.iter().enumerate() {
        sorted[*signature].push(row);
    }
    sorted
}

impl Sides<'_> {
    /// Refuses two series of one signature on the "one" side, at a step where there is something to match.
    fn refuse_duplicates(&self, one_of: &[Vec<usize>], fills: bool) -> Outcome<()> {
        for i in 0..self.steps {
            let nothing = |rows: &[Row]| !rows.iter().any(|row| row.cells.is_present(i));
            if !fills && nothing(self.many) {
                continue;
            }
            for rows in one_of.iter().filter(|rows| rows.len() > 1) {
                let mut present = rows.iter().filter(|at| self.one[**at].cells.is_present(i));
                if let (Some(a), Some(b)) = (present.next(), present.next()) {
                    return Err(self.duplicate(&self.one[*a].labels, &self.one[*b].labels));
                }
            }
        }
        Ok(())
    }

    fn duplicate(&self, a: &Labels, b: &Labels) -> QueryError {
        let matching = &self.binary.matching;
        let group = a.filter(|name| in_signature(name, matching));
        let side = if self.swapped { "left" } else { "right" };
        let (mut a, mut b) = (braced(a), braced(b));
        if a > b {
            std::mem::swap(&mut a, &mut b);
        }
        let group = braced(&group);
        QueryError::Execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{a}, {b}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }

    /// The labels that the pair's result has.
    fn labels(&self, many: usize, one: usize, delayed: bool) -> Labels {
        let matching = &self.binary.matching;
        let group = |labels: &Labels| labels.filter(|name| in_signature(name, matching));
        let many = match self.many.get(many) {
            Some(row) => row.labels.clone(),
            None => self.one.get(one).map(|row| group(&row.labels)).unwrap_or_default(),
        };
        let drop = changes_schema(self.binary.op) || (self.binary.return_bool && !delayed);
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let mut labels = many.filter(|name| {
            let named = matching.labels.iter().any(|label| label == name);
            !(drop && is_metadata(name)) && (!one_to_one || named == matching.on)
        });
        if !matching.include.is_empty() {
            let from = self.one.get(one).map(|row| row.labels.clone()).unwrap_or_default();
            let mut builder = labels.to_builder();
            for name in &matching.include {
                builder.set(name.clone(), from.get_or_empty(name));
            }
            labels = builder.build();
        }
        labels
    }
}

impl Results {
    /// The row of a pair and the number of its labels.
    fn row(&mut self, sides: &Sides<'_>, many: usize, one: usize, delayed: bool) -> (usize, usize) {
        if let Some(found) = self.pairs.get(&(many, one)) {
            return *found;
        }
        let labels = sides.labels(many, one, delayed);
        let next = self.labels.len();
        let number = *self.labels.entry(labels.clone()).or_insert(next);
        let mut row = Row::new(labels, Cells::absent(sides.steps));
        row.drop_name = sides.binary.return_bool;
        self.rows.push(row);
        let found = (self.rows.len() - 1, number);
        self.pairs.insert((many, one), found);
        found
    }
}
