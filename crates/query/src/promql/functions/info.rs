//! `info`: adds the labels of info series (`target_info` by default) that have the same `instance` and `job`.

use hashbrown::HashMap;
use model::labels::METRIC_NAME;
use model::matcher::MatchOp;
use model::{Labels, Matcher};

use crate::promql::ast::{At, Call, Duration, Expr, Span, VectorSelector};
use crate::promql::engine::QueryError;
use crate::promql::eval::rows::braced;
use crate::promql::eval::{Cell, Cells, Evaluator, Outcome, Row, Rows, Steps};

/// The labels that tell whose info a series is.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The info series, sorted by whose they are.
struct Infos {
    rows: Rows,
    /// By identity: for each metric name, the rows.
    by_identity: HashMap<Labels, Vec<Vec<usize>>>,
}

impl Evaluator<'_> {
    pub(super) fn info(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let base_expr = self.arg(call, 0)?;
        let base = self.vector(base_expr, steps)?;
        let asked: &[Matcher] = match call.args.get(1).map(Expr::unparenthesized) {
            Some(Expr::Vector(selector)) => &selector.matchers,
            _ => &[],
        };
        let (names, data): (Vec<Matcher>, Vec<Matcher>) =
            asked.iter().cloned().partition(|m| m.name == METRIC_NAME);
        let names = name_matchers(names)?;
        let is_info = |row: &Row| names.iter().all(|m| m.matches(row.labels.metric_name()));
        let bases: Vec<&Row> = base.rows.iter().filter(|row| !is_info(row)).collect();
        let infos = self.info_rows(base_expr, &bases, names.clone(), &data, steps)?;
        let mut out: Vec<Row> = base.rows.iter().filter(|row| is_info(row)).cloned().collect();
        for row in bases {
            self.check()?;
            enrich(row, &infos, &data, &mut out)?;
        }
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        let mut result = Rows::counted(out, &self.meter)?;
        result.merge(false)?;
        Ok(result)
    }

    /// The info series of the identities that `bases` have; a row's values are the times of its samples.
    fn info_rows(
        &self,
        base: &Expr,
        bases: &[&Row],
        names: Vec<Matcher>,
        data: &[Matcher],
        steps: Steps,
    ) -> Outcome<Infos> {
        let mut matchers = names;
        let mut identified = false;
        for label in IDENTIFYING {
            let mut values: Vec<&str> = bases.iter().filter_map(|row| row.labels.get(label)).collect();
            values.sort_unstable();
            values.dedup();
            if values.is_empty() {
                continue;
            }
            identified = true;
            let alternatives: Vec<String> = values.into_iter().map(regex_syntax::escape).collect();
            let matcher = Matcher::new(label, MatchOp::Regex, alternatives.join("|"));
            matchers.push(matcher.map_err(|e| self.failed(e))?);
        }
        if !identified {
            return Ok(Infos { rows: Rows::empty(&self.meter), by_identity: HashMap::new() });
        }
        matchers.extend(data.iter().cloned());
        let (at, offset) = time_of(base);
        let selector =
            VectorSelector { span: base.span(), name: None, matchers, offset, at, extension: None };
        let rows = self.info_times(&selector, steps)?;
        Ok(Infos { by_identity: sort_by_identity(&rows), rows })
    }
}

/// Without a condition that names what is wanted, all names that end in `_info`; without any, `target_info`.
fn name_matchers(given: Vec<Matcher>) -> Outcome<Vec<Matcher>> {
    if given.iter().any(|m| matches!(m.op, MatchOp::Equal | MatchOp::Regex)) {
        return Ok(given);
    }
    if given.is_empty() {
        return Ok(vec![Matcher::equal(METRIC_NAME, "target_info")]);
    }
    let any = Matcher::new(METRIC_NAME, MatchOp::Regex, ".+_info").map_err(QueryError::Storage)?;
    Ok(std::iter::once(any).chain(given).collect())
}

fn sort_by_identity(rows: &Rows) -> HashMap<Labels, Vec<Vec<usize>>> {
    let mut sorted: HashMap<Labels, Vec<Vec<usize>>> = HashMap::new();
    for (at, row) in rows.rows.iter().enumerate() {
        let by_name = sorted.entry(identity(&row.labels)).or_default();
        let name = row.labels.metric_name();
        match by_name.iter_mut().find(|some| rows.rows[some[0]].labels.metric_name() == name) {
            Some(some) => some.push(at),
            None => by_name.push(vec![at]),
        }
    }
    sorted
}

fn identity(labels: &Labels) -> Labels {
    labels.filter(|name| IDENTIFYING.contains(&name))
}

/// `@` and offset of the first selector in the expression, those of subqueries around it included.
fn time_of(expr: &Expr) -> (Option<At>, Option<Duration>) {
    fn find(expr: &Expr) -> Option<(Option<At>, i64)> {
        match expr {
            Expr::Vector(s) => Some((s.at, s.offset.as_ref().map_or(0, |o| o.ms))),
            Expr::Matrix(m) => Some((m.selector.at, m.selector.offset.as_ref().map_or(0, |o| o.ms))),
            Expr::Subquery(q) => match find(&q.expr)? {
                (None, ms) => Some((q.at, ms + q.offset.as_ref().map_or(0, |o| o.ms))),
                fixed => Some(fixed),
            },
            other => other.children().into_iter().find_map(find),
        }
    }
    match find(expr) {
        Some((at, ms)) => (at, Some(Duration { span: Span::default(), ms, expr: None })),
        None => (None, None),
    }
}

/// Adds to `out` the row with the labels of its infos: one row a set of infos that is valid at some step.
fn enrich(row: &Row, infos: &Infos, data: &[Matcher], out: &mut Vec<Row>) -> Outcome<()> {
    let none = Vec::new();
    let candidates = infos.by_identity.get(&identity(&row.labels)).unwrap_or(&none);
    let optional = data.iter().all(Matcher::matches_empty);
    let mut parts: Vec<(Vec<usize>, Option<Row>)> = Vec::new();
    for i in 0..row.cells.len() {
        let Some(cell) = row.cells.get(i) else { continue };
        let mut chosen = Vec::new();
        for same_name in candidates {
            chosen.extend(newest(same_name, &infos.rows, i)?);
        }
        let at = match parts.iter().position(|(set, _)| *set == chosen) {
            Some(at) => at,
            None => {
                let labels = match chosen.is_empty() {
                    true => optional.then(|| row.labels.clone()),
                    false => Some(joined(&row.labels, &chosen, &infos.rows, data)?),
                };
                let part = labels.map(|labels| Row {
                    labels,
                    drop_name: row.drop_name,
                    cells: Cells::absent(row.cells.len()),
                });
                parts.push((chosen, part));
                parts.len() - 1
            }
        };
        if let (_, Some(part)) = &mut parts[at] {
            part.cells.put(i, cell);
        }
    }
    out.extend(parts.into_iter().filter_map(|(_, part)| part));
    Ok(())
}

/// The row whose sample is the newest at step `i`; two of the same time are refused.
fn newest(rows: &[usize], infos: &Rows, i: usize) -> Outcome<Option<usize>> {
    let mut best: Option<(usize, f64)> = None;
    for at in rows {
        let time = match infos.rows[*at].cells.get(i) {
            Some(Cell::Float(time)) => time,
            _ => continue,
        };
        match best {
            Some((other, t)) if t == time => {
                let ms = (time * 1000.0) as i64;
                return Err(QueryError::Execution(format!(
                    "found duplicate series for info metric: existing {} @ {ms}, new {} @ {ms}",
                    braced(&infos.rows[other].labels),
                    braced(&infos.rows[*at].labels)
                )));
            }
            Some((_, t)) if t > time => {}
            _ => best = Some((*at, time)),
        }
    }
    Ok(best.map(|(at, _)| at))
}

/// The labels of a series with those of its infos that it does not have itself.
fn joined(base: &Labels, chosen: &[usize], infos: &Rows, data: &[Matcher]) -> Outcome<Labels> {
    let mut added = Labels::empty().to_builder();
    for at in chosen {
        for (name, value) in &infos.rows[*at].labels {
            let wanted = data.is_empty() || data.iter().any(|m| m.name == name);
            if name == METRIC_NAME || !wanted {
                continue;
            }
            let before = added.get(name);
            if !before.is_empty() && before != value {
                return Err(QueryError::Execution(format!("conflicting label: {name}")));
            }
            if base.get(name).is_none() {
                added.set(name, value);
            }
        }
    }
    let mut all = base.to_builder();
    for (name, value) in added.iter() {
        all.set(name, value);
    }
    Ok(all.build())
}
