//! Functions of range vectors: a kernel is run over the windows of each series while the series is decoded.
//!
//! Windows are left-open: a sample at the very start is outside. Both ends move with the steps, so that a kernel sees
//! slices of one decoded run and nothing is copied.

use model::{Ctx, Need, SelectHints, TimeRange};

use super::mixed;
use super::over_time;
use super::rate;
use super::regression;
use crate::promql::annotations::{Notes, possible_non_counter, possible_non_counter_type};
use crate::promql::ast::{Call, Expr, MatrixSelector, Span, Subquery, ValueType};
use crate::promql::engine::QueryError;
use crate::promql::eval::select::Run;
use crate::promql::eval::{Cells, Evaluator, Outcome, Row, Rows, Steps};

/// Where the windows of a call lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// The times of evaluation.
    pub(crate) steps: Steps,
    /// The ends of the windows: one a step, or one for all.
    pub(crate) ends: Steps,
    /// The length of the windows in ms.
    pub(crate) range: i64,
    /// Whether anybody still waits.
    pub(crate) ctx: &'a Ctx,
}

impl Plan<'_> {
    /// Whether to give up, asked after `work` samples. Whoever gives up leaves windows without a value; the evaluator
    /// notices at the next series that nobody waits.
    #[inline]
    pub(crate) fn gives_up(&self, spent: &mut usize, work: usize) -> bool {
        const OFTEN: usize = 1 << 14;
        *spent += work + 1;
        if *spent < OFTEN {
            return false;
        }
        *spent = 0;
        self.ctx.check().is_err()
    }

    /// The end of the window of step `i`.
    #[inline]
    pub(crate) fn end(&self, i: usize) -> i64 {
        if self.ends.len == 1 { self.ends.start } else { self.ends.time(i) }
    }
}

/// The float samples of one window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// Which step.
    pub(crate) step: usize,
    /// Index of the first sample in the run.
    pub(crate) first: usize,
    pub(crate) t: &'a [i64],
    pub(crate) v: &'a [f64],
    /// The open start.
    pub(crate) start: i64,
    /// The closed end.
    pub(crate) end: i64,
}

/// What to compute of each window.
#[derive(Debug)]
pub(crate) enum Kernel {
    Rate { counter: bool, per_second: bool },
    Instant { rate: bool },
    Sum,
    Avg,
    Count,
    Present,
    Min,
    Max,
    First,
    Last,
    TimeOfFirst,
    TimeOfLast,
    TimeOfMin,
    TimeOfMax,
    Stdvar,
    Stddev,
    Mad,
    Quantile(Vec<f64>),
    Deriv,
    Predict(Vec<f64>),
    Smooth { level: Vec<f64>, trend: Vec<f64> },
    Changes,
    Resets,
}

/// A call, and what it reads.
pub(crate) struct Windows<'a> {
    call: &'a Call,
    kernel: Kernel,
    pub(crate) matrix: &'a MatrixSelector,
    pub(crate) plan: Plan<'a>,
    pub(crate) samples: TimeRange,
    pub(crate) hints: SelectHints,
    /// Whether the metric's name goes.
    pub(crate) drops: bool,
}

/// What a kernel needs to tell the user about a series.
pub(crate) struct Site<'a> {
    pub(crate) notes: &'a Notes,
    /// The range vector.
    pub(crate) span: Span,
    /// The call's first argument.
    pub(crate) first_arg: Span,
    pub(crate) metric: &'a str,
}

impl Evaluator<'_> {
    /// Computes a call with a range vector among its arguments.
    pub(super) fn window_call(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let matrix =
            call.args.iter().map(Expr::unparenthesized).find(|a| a.value_type() == ValueType::Matrix);
        let Some(matrix) = matrix else {
            return Err(QueryError::Execution(format!("{} needs a range vector", call.function.name)));
        };
        let name = call.function.name;
        let kernel = self.kernel(call, steps)?;
        let mut rows = match matrix {
            Expr::Matrix(selector) => self.over_selector(call, &kernel, selector, steps)?,
            Expr::Subquery(subquery) => self.over_subquery(call, &kernel, subquery, steps)?,
            other => {
                let text = format!("{name} over {}", other.value_type().describe());
                return Err(QueryError::Execution(text));
            }
        };
        if name == "absent_over_time" {
            return self.where_absent(&rows, matrix, steps);
        }
        if matches!(name, "first_over_time" | "last_over_time") {
            rows.keep_names(self.delayed())?;
        } else {
            rows.drop_names(self.delayed(), true)?;
        }
        Ok(rows)
    }

    /// The kernel of a call, with its scalar arguments computed.
    fn kernel(&self, call: &Call, steps: Steps) -> Outcome<Kernel> {
        let scalar = |i: usize| self.scalar(self.arg(call, i)?, steps);
        Ok(match call.function.name {
            "rate" => Kernel::Rate { counter: true, per_second: true },
            "increase" => Kernel::Rate { counter: true, per_second: false },
            "delta" => Kernel::Rate { counter: false, per_second: false },
            "irate" => Kernel::Instant { rate: true },
            "idelta" => Kernel::Instant { rate: false },
            "sum_over_time" => Kernel::Sum,
            "avg_over_time" => Kernel::Avg,
            "count_over_time" => Kernel::Count,
            "present_over_time" | "absent_over_time" => Kernel::Present,
            "min_over_time" => Kernel::Min,
            "max_over_time" => Kernel::Max,
            "first_over_time" => Kernel::First,
            "last_over_time" => Kernel::Last,
            "ts_of_first_over_time" => Kernel::TimeOfFirst,
            "ts_of_last_over_time" => Kernel::TimeOfLast,
            "ts_of_min_over_time" => Kernel::TimeOfMin,
            "ts_of_max_over_time" => Kernel::TimeOfMax,
            "stdvar_over_time" => Kernel::Stdvar,
            "stddev_over_time" => Kernel::Stddev,
            "mad_over_time" => Kernel::Mad,
            "quantile_over_time" => Kernel::Quantile(scalar(0)?),
            "deriv" => Kernel::Deriv,
            "predict_linear" => Kernel::Predict(scalar(1)?),
            "double_exponential_smoothing" => {
                let (level, trend) = (scalar(1)?, scalar(2)?);
                regression::check_factors(&level, &trend)?;
                Kernel::Smooth { level, trend }
            }
            "changes" => Kernel::Changes,
            "resets" => Kernel::Resets,
            other => {
                return Err(QueryError::Execution(format!("unknown function with name \"{other}\"")));
            }
        })
    }

    fn over_selector(
        &self,
        call: &Call,
        kernel: &Kernel,
        matrix: &MatrixSelector,
        steps: Steps,
    ) -> Outcome<Rows> {
        let ends = self.sources(&matrix.selector, steps);
        let plan = Plan { steps, ends, range: matrix.range.ms, ctx: self.ctx };
        if matrix.selector.extension.is_some() {
            return self.over_extended(call, kernel, matrix, plan);
        }
        let (samples, hints) = self.window_read(call, kernel, &plan);
        let make = |run: &mut Run| {
            run.drop_stale();
            self.tally_windows(run, &plan, (0, 0), true);
            Ok(self.run_kernel(call, kernel, run, &plan, matrix.span))
        };
        self.read_rows(&matrix.selector, samples, &hints, (ends, steps.len), make)
    }

    /// What the windows of a call read: which samples, with what in mind.
    fn window_read(&self, call: &Call, kernel: &Kernel, plan: &Plan<'_>) -> (TimeRange, SelectHints) {
        let ends = plan.ends;
        let samples = TimeRange::new(ends.start.saturating_sub(plan.range).saturating_add(1), ends.last());
        // A store that computes functions itself does so without start timestamps.
        let plain = ends.len == plan.steps.len && call.args.len() == 1 && !self.options.start_timestamps;
        let fields = kernel.fields().filter(|_| !self.options.start_timestamps);
        let hints = SelectHints {
            summary: fields.and_then(|f| self.summary_hint(ends, plan.range, Need::Summaries(f))),
            function: plain.then(|| call.function.name.to_owned()),
            window: plan.range,
            step: self.hinted_step(ends),
            ..SelectHints::default()
        };
        (samples, hints)
    }

    /// A call of a function that reads nothing but the windows of a plain selector.
    pub(crate) fn plain_windows<'e>(&'e self, call: &'e Call, steps: Steps) -> Outcome<Option<Windows<'e>>> {
        let name = call.function.name;
        let [arg] = call.args.as_slice() else { return Ok(None) };
        let Expr::Matrix(matrix) = arg.unparenthesized() else { return Ok(None) };
        if matrix.selector.extension.is_some() || name == "absent_over_time" {
            return Ok(None);
        }
        let kernel = self.kernel(call, steps)?;
        let ends = self.sources(&matrix.selector, steps);
        let plan = Plan { steps, ends, range: matrix.range.ms, ctx: self.ctx };
        let (samples, hints) = self.window_read(call, &kernel, &plan);
        // Nobody evaluates the function but we.
        let hints = SelectHints { function: None, ..hints };
        let drops = !matches!(name, "first_over_time" | "last_over_time");
        Ok(Some(Windows { call, kernel, matrix, plan, samples, hints, drops }))
    }

    /// What the function of `windows` yields for a series.
    pub(crate) fn window_cells(&self, windows: &Windows<'_>, run: &mut Run) -> Option<Cells> {
        run.drop_stale();
        let Windows { call, kernel, matrix, plan, .. } = windows;
        self.run_kernel(call, kernel, run, plan, matrix.span)
    }

    fn over_subquery(
        &self,
        call: &Call,
        kernel: &Kernel,
        subquery: &Subquery,
        steps: Steps,
    ) -> Outcome<Rows> {
        let ends = self.subquery_sources(subquery, steps);
        let plan = Plan { steps, ends, range: subquery.range.ms, ctx: self.ctx };
        let mut rows = Vec::new();
        for run in self.subquery_runs(subquery, ends, false)? {
            self.check()?;
            self.tally_windows(&run, &plan, (0, 0), false);
            if let Some(cells) = self.run_kernel(call, kernel, &run, &plan, subquery.span) {
                rows.push(Row { labels: run.labels, drop_name: run.drop_name, cells });
            }
        }
        self.check()?;
        Rows::counted(rows, &self.meter)
    }

    pub(super) fn run_kernel(
        &self,
        call: &Call,
        kernel: &Kernel,
        run: &Run,
        plan: &Plan<'_>,
        span: Span,
    ) -> Option<Cells> {
        let first_arg = call.args.first().map_or(call.span, |arg| arg.unparenthesized().span());
        let metric = run.labels.metric_name();
        let site = Site { notes: &self.notes, span, first_arg, metric };
        let cells = if !run.summaries.is_empty() {
            kernel.over_summaries(run, plan, &site)
        } else if run.h.is_empty() {
            kernel.over_floats(run, plan, &site)
        } else {
            mixed::over_mixed(kernel, run, plan, &site)
        };
        if matches!(kernel, Kernel::Rate { counter: true, .. }) {
            self.warn_of_gauge(run, cells.as_ref(), span);
        }
        cells
    }

    /// Tells about a rate of something whose name is not that of a counter.
    pub(super) fn warn_of_gauge(&self, run: &Run, cells: Option<&Cells>, span: Span) {
        const COUNTERS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        let metric = run.labels.metric_name();
        let floats = |cells: &Cells| (0..cells.len()).any(|i| cells.float(i).is_some());
        if metric.is_empty() || !cells.is_some_and(floats) {
            return;
        }
        if self.options.type_and_unit_labels {
            let kind = run.labels.get("__type__").unwrap_or_default();
            if !matches!(kind, "counter" | "histogram") {
                self.notes.info(span, possible_non_counter_type(metric, kind));
            }
        } else if !COUNTERS.iter().any(|suffix| metric.ends_with(suffix)) {
            self.notes.info(span, possible_non_counter(metric));
        }
    }
}

impl Rows {
    /// After a function that keeps the name: what an inner one dropped is not put back.
    fn keep_names(&mut self, delayed: bool) -> Outcome<()> {
        if delayed { Ok(()) } else { self.merge(true) }
    }
}

impl Kernel {
    /// Runs over the floats of a series. The match is outside of the loops: each kernel has its own.
    pub(super) fn over_floats(&self, run: &Run, plan: &Plan<'_>, site: &Site<'_>) -> Option<Cells> {
        match self {
            Self::Rate { counter, per_second } => rate::extrapolated(run, plan, *counter, *per_second, site),
            Self::Instant { rate } => windows(run, plan, |w| rate::last_two(&w, run, *rate)),
            Self::Sum => windows(run, plan, |w| Some(over_time::sum(w.v))),
            Self::Avg => windows(run, plan, |w| Some(over_time::mean(w.v))),
            Self::Count => windows(run, plan, |w| Some(w.v.len() as f64)),
            Self::Present => windows(run, plan, |_| Some(1.0)),
            Self::Min => over_time::least(run, plan),
            Self::Max => over_time::greatest(run, plan),
            Self::First => windows(run, plan, |w| w.v.first().copied()),
            Self::Last => windows(run, plan, |w| w.v.last().copied()),
            Self::TimeOfFirst => windows(run, plan, |w| w.t.first().map(|t| *t as f64 / 1000.0)),
            Self::TimeOfLast => windows(run, plan, |w| w.t.last().map(|t| *t as f64 / 1000.0)),
            Self::TimeOfMin => windows(run, plan, |w| over_time::time_of(w.t, w.v, |a, b| a <= b)),
            Self::TimeOfMax => windows(run, plan, |w| over_time::time_of(w.t, w.v, |a, b| a >= b)),
            Self::Stdvar => windows(run, plan, |w| Some(over_time::variance(w.v))),
            Self::Stddev => windows(run, plan, |w| Some(over_time::variance(w.v).sqrt())),
            Self::Mad => {
                let mut buffer = Vec::new();
                windows(run, plan, |w| Some(over_time::median_deviation(w.v, &mut buffer)))
            }
            Self::Quantile(q) => over_time::quantiles(run, plan, q, site),
            Self::Deriv => windows(run, plan, |w| regression::slope(w.t, w.v)),
            Self::Predict(ahead) => {
                windows(run, plan, |w| regression::predict(w.t, w.v, plan.steps.time(w.step), ahead[w.step]))
            }
            Self::Smooth { level, trend } => {
                windows(run, plan, |w| regression::smooth(w.v, level[w.step], trend[w.step]))
            }
            Self::Changes => over_time::changes(run, plan),
            Self::Resets => over_time::resets(run, plan),
        }
    }
}

/// Calls `f` for each window that has a sample. `None` where no window gives a value.
#[inline]
pub(crate) fn windows(
    run: &Run,
    plan: &Plan<'_>,
    mut f: impl FnMut(Window<'_>) -> Option<f64>,
) -> Option<Cells> {
    let mut cells = Cells::absent(plan.steps.len);
    let (mut low, mut high, mut any, mut spent) = (0, 0, false, 0);
    for step in 0..plan.steps.len {
        let end = plan.end(step);
        let start = end.saturating_sub(plan.range);
        while high < run.t.len() && run.t[high] <= end {
            high += 1;
        }
        while low < high && run.t[low] <= start {
            low += 1;
        }
        if low == high {
            continue;
        }
        if plan.gives_up(&mut spent, high - low) {
            break;
        }
        let (t, v) = (&run.t[low..high], &run.v[low..high]);
        if let Some(value) = f(Window { step, first: low, t, v, start, end }) {
            cells.set(step, value);
            any = true;
        }
    }
    any.then_some(cells)
}
