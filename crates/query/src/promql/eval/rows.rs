//! Series with one cell a step.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use model::Labels;
use model::labels::{METRIC_NAME, Quoted, is_plain_label_name};

use super::charge::{Charge, Meter};
use super::{Cells, Outcome, Steps};
use crate::promql::engine::QueryError;
use crate::promql::value::{InstantSample, SampleValue, Series};

/// A series.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) labels: Labels,
    /// Whether the metric's name goes at the end of the query (delayed name removal).
    pub(crate) drop_name: bool,
    pub(crate) cells: Cells,
}

impl Row {
    pub(crate) fn new(labels: Labels, cells: Cells) -> Self {
        Self { labels, drop_name: false, cells }
    }
}

/// Series, and what they hold of the query's limits.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    pub(crate) charge: Charge,
}

/// Two series of one vector ended up with the same labels.
pub(crate) const SAME_LABELSET: &str = "vector cannot contain metrics with the same labelset";

impl Rows {
    /// No series.
    pub(crate) fn empty(meter: &Meter) -> Self {
        Self { rows: Vec::new(), charge: meter.charge() }
    }

    /// Series that were computed; they are counted now.
    pub(crate) fn counted(rows: Vec<Row>, meter: &Meter) -> Outcome<Self> {
        let mut charge = meter.charge();
        let cells: usize = rows.iter().map(|r| r.cells.len()).sum();
        let present: usize = rows.iter().map(|r| r.cells.present()).sum();
        charge.grow(present as u64, bytes_of(cells))?;
        Ok(Self { rows, charge })
    }

    /// The first cell of each row at `len` steps.
    pub(crate) fn repeat(mut self, len: usize) -> Outcome<Self> {
        let cells = self.rows.len().saturating_mul(len);
        self.charge.grow(cells as u64, bytes_of(cells))?;
        for row in &mut self.rows {
            row.cells = row.cells.repeat(len);
        }
        Ok(self)
    }

    /// Removes series without a value.
    pub(crate) fn prune(&mut self) {
        self.rows.retain(|row| !row.cells.is_empty());
    }

    /// Takes the metric's name from every series, now or at the end of the query. With `strict`, two series with the
    /// same labels are refused even where they never meet.
    pub(crate) fn drop_names(&mut self, delayed: bool, strict: bool) -> Outcome<()> {
        if delayed {
            for row in &mut self.rows {
                row.drop_name = true;
            }
            return Ok(());
        }
        // Series of one metric stay different without its name.
        let one_metric = self.of_one_metric();
        let mut changed = false;
        for row in &mut self.rows {
            changed |= remove_metadata(&mut row.labels);
            row.drop_name = true;
        }
        if changed && !one_metric { self.merge(strict) } else { Ok(()) }
    }

    /// Whether all series have the same name, type and unit, and no two the same labels.
    fn of_one_metric(&self) -> bool {
        let metadata = |row: &Row| {
            let found = |name: &str| row.labels.get_or_empty(name).to_owned();
            [found(METRIC_NAME), found("__type__"), found("__unit__")]
        };
        let Some(first) = self.rows.first().map(metadata) else { return true };
        let same = |row: &Row| {
            let [name, kind, unit] = &first;
            let (mut a, mut b, mut c) = ("", "", "");
            for (label, value) in row.labels.iter() {
                match label {
                    METRIC_NAME => a = value,
                    "__type__" => b = value,
                    "__unit__" => c = value,
                    _ => {}
                }
            }
            a == name && b == kind && c == unit
        };
        self.rows.iter().all(same) && self.rows.is_sorted_by(|a, b| a.labels < b.labels)
    }

    /// Removes the names that were kept until the end.
    pub(crate) fn finish_names(&mut self) -> Outcome<()> {
        let mut changed = false;
        for row in self.rows.iter_mut().filter(|row| row.drop_name) {
            changed |= remove_metadata(&mut row.labels);
        }
        if changed { self.merge(false) } else { Ok(()) }
    }

    /// Makes one series of those with the same labels; two values at one step are refused.
    pub(crate) fn merge(&mut self, strict: bool) -> Outcome<()> {
        let mut seen: HashMap<Labels, usize, foldhash::fast::RandomState> =
            HashMap::with_capacity_and_hasher(self.rows.len(), foldhash::fast::RandomState::default());
        let mut kept: Vec<Row> = Vec::with_capacity(self.rows.len());
        for row in self.rows.drain(..) {
            match seen.entry(row.labels.clone()) {
                Entry::Vacant(free) => {
                    free.insert(kept.len());
                    kept.push(row);
                }
                Entry::Occupied(_) if strict => return Err(same_labelset()),
                Entry::Occupied(taken) => join(&mut kept[*taken.get()].cells, &row.cells)?,
            }
        }
        self.rows = kept;
        Ok(())
    }

    /// The result of a range query: sorted by labels.
    pub(crate) fn into_matrix(mut self, steps: Steps) -> Vec<Series> {
        self.prune();
        self.rows.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.rows.iter().map(|row| points(row, steps)).collect()
    }

    /// The result of an instant query, in the order it has.
    pub(crate) fn into_vector(mut self, t: i64) -> Vec<InstantSample> {
        self.prune();
        let rows = std::mem::take(&mut self.rows);
        rows.into_iter()
            .filter_map(|row| {
                let value = match (row.cells.float(0), row.cells.histogram(0)) {
                    (Some(v), _) => SampleValue::Float(v),
                    (None, Some(h)) => SampleValue::Histogram(h.clone()),
                    (None, None) => return None,
                };
                Some(InstantSample { labels: row.labels, t, value })
            })
            .collect()
    }
}

/// The points of a row.
pub(crate) fn points(row: &Row, steps: Steps) -> Series {
    let mut series = Series { labels: row.labels.clone(), ..Series::default() };
    for i in 0..row.cells.len() {
        if let Some(v) = row.cells.float(i) {
            series.points.push((steps.time(i), v));
        } else if let Some(h) = row.cells.histogram(i) {
            series.histograms.push((steps.time(i), h.clone()));
        }
    }
    series
}

fn join(into: &mut Cells, from: &Cells) -> Outcome<()> {
    for i in 0..from.len() {
        if let Some(cell) = from.get(i) {
            if into.is_present(i) {
                return Err(same_labelset());
            }
            into.put(i, cell);
        }
    }
    Ok(())
}

pub(crate) fn same_labelset() -> QueryError {
    QueryError::Execution(SAME_LABELSET.to_owned())
}

/// The bytes that a number of cells takes.
pub(crate) fn bytes_of(cells: usize) -> u64 {
    cells as u64 * 8
}

/// Whether a label tells about the metric as a whole: its name, type or unit.
pub(crate) fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// Labels as error messages show them: all between braces, the name among them.
pub(crate) fn braced(labels: &Labels) -> String {
    let parts: Vec<String> = labels
        .iter()
        .map(|(name, value)| match is_plain_label_name(name) {
            true => format!("{name}={}", Quoted(value)),
            false => format!("{}={}", Quoted(name), Quoted(value)),
        })
        .collect();
    format!("{{{}}}", parts.join(", "))
}

/// Takes name, type and unit away; `false` if there were none.
pub(crate) fn remove_metadata(labels: &mut Labels) -> bool {
    if !labels.iter().any(|(name, _)| is_metadata(name)) {
        return false;
    }
    *labels = labels.filter(|name| !is_metadata(name));
    true
}

#[cfg(test)]
mod tests {
    use model::Budget;

    use super::*;

    fn rows(meter: &Meter, cells: [Cells; 2]) -> Rows {
        let [a, b] = cells;
        let rows = vec![
            Row::new(Labels::from_pairs([(METRIC_NAME, "a"), ("x", "1")]), a),
            Row::new(Labels::from_pairs([(METRIC_NAME, "b"), ("x", "1")]), b),
        ];
        Rows::counted(rows, meter).unwrap()
    }

    fn cell(at: usize, v: f64) -> Cells {
        let mut cells = Cells::absent(2);
        cells.set(at, v);
        cells
    }

    #[test]
    fn series_that_never_meet_become_one_and_others_are_refused() {
        let meter = Meter::new(Budget::unlimited(), 100);
        let mut apart = rows(&meter, [cell(0, 1.0), cell(1, 2.0)]);
        apart.drop_names(false, false).unwrap();
        assert_eq!(apart.rows.len(), 1);
        assert_eq!(apart.rows[0].cells.present(), 2);
        let mut apart = rows(&meter, [cell(0, 1.0), cell(1, 2.0)]);
        assert!(apart.drop_names(false, true).is_err(), "strict");
        let mut meeting = rows(&meter, [cell(0, 1.0), cell(0, 2.0)]);
        assert_eq!(meeting.drop_names(false, false).unwrap_err().to_string(), SAME_LABELSET);
        let mut later = rows(&meter, [cell(0, 1.0), cell(0, 2.0)]);
        later.drop_names(true, true).unwrap();
        assert!(later.finish_names().is_err());
    }
}
