//! The syntax tree of LogQL. Every node that errors may name knows the bytes of the query it came from.
//!
//! A tree from [`parse`](super::parse) is checked: expressions compile, patterns have captures, aggregations have what
//! they need, and it is at most [`MAX_DEPTH`] deep, so that walking it by recursion is safe.

use std::sync::Arc;

use model::Matcher;

pub use crate::promql::ast::{AggregateOp, BinaryOp, Cardinality, Span, VectorMatching};

/// How deep a tree may be.
pub const MAX_DEPTH: usize = 256;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Yields log lines.
    Log(LogExpr),
    /// Yields numbers.
    Metric(MetricExpr),
}

/// `{app="web"} |= "error" | json`
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// Where it stands.
    pub span: Span,
    /// What the streams must fulfil.
    pub matchers: Vec<Matcher>,
    /// What each line passes, in this order.
    pub stages: Vec<Stage>,
}

/// A step of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// `|= "text"`
    Line(LineFilter),
    /// `| json`, `| json a="b.c"`
    Json(Vec<Extraction>),
    /// `| logfmt --strict a="b"`
    Logfmt {
        /// A malformed line is an error.
        strict: bool,
        /// Keys without a value become empty labels.
        keep_empty: bool,
        /// What is taken out; everything where it is empty.
        fields: Vec<Extraction>,
    },
    /// `` | regexp `(?P<name>...)` ``
    Regexp(String),
    /// `| pattern "<ip> - <_>"`
    Pattern(String),
    /// `| unpack`
    Unpack,
    /// `| decolorize`
    Decolorize,
    /// `| line_format "{{.app}}"`
    LineFormat(String),
    /// `| label_format a=b, c="{{.d}}"`
    LabelFormat(Vec<(String, LabelValue)>),
    /// `| status >= 500`
    Label(LabelFilter),
    /// `| drop a, b="c"`
    Drop(Vec<Named>),
    /// `| keep a, b="c"`
    Keep(Vec<Named>),
}

/// How a line filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    ContainsNot,
    /// `|~`
    Matches,
    /// `!~`
    MatchesNot,
    /// `|>`
    Pattern,
    /// `!>`
    PatternNot,
}

impl LineOp {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "|=",
            Self::ContainsNot => "!=",
            Self::Matches => "|~",
            Self::MatchesNot => "!~",
            Self::Pattern => "|>",
            Self::PatternNot => "!>",
        }
    }

    /// Whether a line passes that has none of the texts.
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::ContainsNot | Self::MatchesNot | Self::PatternNot)
    }
}

/// `|= "a" or "b" or ip("10.0.0.0/8")`
#[derive(Debug, Clone, PartialEq)]
pub struct LineFilter {
    /// How it compares.
    pub op: LineOp,
    /// With what; never empty.
    pub terms: Vec<Term>,
}

/// What a line filter looks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The text.
    pub text: String,
    /// Whether it is an address, a range of them or a network.
    pub ip: bool,
}

/// `name="expression"` of a parser.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The label.
    pub name: String,
    /// Where its value is found.
    pub path: String,
}

/// The right side of `label_format`.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelValue {
    /// Another label, which is renamed.
    Rename(String),
    /// A template.
    Template(String),
}

/// A label of `drop` or `keep`.
#[derive(Debug, Clone, PartialEq)]
pub enum Named {
    /// Whatever its value.
    Name(String),
    /// Only with such a value.
    Matching(Matcher),
}

impl Named {
    /// The label's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Matching(matcher) => &matcher.name,
        }
    }
}

/// How a number, duration or size compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `==`, `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Compare {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    /// Whether `a` stands so to `b`.
    pub fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterEqual => a >= b,
        }
    }
}

/// What labels must fulfil.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// All of these; at least two.
    And(Vec<LabelFilter>),
    /// One of these; at least two.
    Or(Vec<LabelFilter>),
    /// `name="value"`
    Text(Matcher),
    /// `name >= 5`
    Number {
        /// The label.
        name: String,
        /// How it compares.
        op: Compare,
        /// With what.
        value: f64,
    },
    /// `name > 1s`
    Duration {
        /// The label.
        name: String,
        /// How it compares.
        op: Compare,
        /// With what, ns.
        ns: i64,
    },
    /// `name > 10KB`
    Bytes {
        /// The label.
        name: String,
        /// How it compares.
        op: Compare,
        /// With what.
        bytes: u64,
    },
    /// `name = ip("10.0.0.0/8")`
    Ip {
        /// The label.
        name: String,
        /// Whether it must not be one of these.
        negative: bool,
        /// The address, range or network.
        text: String,
    },
}

impl LabelFilter {
    /// Calls `visit` with the name of every label that is asked.
    pub fn names<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.names(visit)),
            Self::Text(matcher) => visit(&matcher.name),
            Self::Number { name, .. }
            | Self::Duration { name, .. }
            | Self::Bytes { name, .. }
            | Self::Ip { name, .. } => visit(name),
        }
    }
}

/// An expression that yields numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    /// `rate({app="web"}[5m])`
    Range(Arc<RangeAggregation>),
    /// `sum by (app) (...)`
    Vector(VectorAggregation),
    /// `sort(...)`, `sort_desc(...)`
    Sort {
        /// Where it stands.
        span: Span,
        /// Greatest first.
        descending: bool,
        /// What is sorted.
        expr: Box<MetricExpr>,
    },
    /// `a / b`
    Binary(Binary),
    /// `label_replace(...)`
    LabelReplace {
        /// Where it stands.
        span: Span,
        /// Whose labels are changed.
        expr: Box<MetricExpr>,
        /// Target, replacement, source, expression.
        texts: [String; 4],
    },
    /// `variants(count_over_time(...), bytes_over_time(...)) of ({app="web"}[5m])`
    Variants {
        /// Where it stands.
        span: Span,
        /// What is computed; the series of the `n`th get `__variant__="n"`. Never empty.
        variants: Vec<MetricExpr>,
        /// The lines that all of them are of, as an aggregation that counts them.
        of: Arc<RangeAggregation>,
    },
    /// `vector(1)`
    VectorOf {
        /// Where it stands.
        span: Span,
        /// The number.
        value: f64,
    },
    /// `1.5`
    Number {
        /// Where it stands.
        span: Span,
        /// The number.
        value: f64,
    },
}

impl MetricExpr {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Range(node) => node.span,
            Self::Vector(node) => node.span,
            Self::Binary(node) => node.span,
            Self::Sort { span, .. }
            | Self::LabelReplace { span, .. }
            | Self::Variants { span, .. }
            | Self::VectorOf { span, .. }
            | Self::Number { span, .. } => *span,
        }
    }

    /// Whether it is a plain number at every step.
    pub fn is_scalar(&self) -> bool {
        match self {
            Self::Number { .. } => true,
            Self::Binary(binary) => binary.lhs.is_scalar() && binary.rhs.is_scalar(),
            _ => false,
        }
    }

    /// Calls `visit` for every range aggregation, from left to right.
    pub fn ranges<'a>(&'a self, visit: &mut impl FnMut(&'a Arc<RangeAggregation>)) {
        match self {
            Self::Range(range) => visit(range),
            Self::Vector(VectorAggregation { expr, .. })
            | Self::Sort { expr, .. }
            | Self::LabelReplace { expr, .. } => expr.ranges(visit),
            Self::Binary(binary) => {
                binary.lhs.ranges(visit);
                binary.rhs.ranges(visit);
            }
            Self::Variants { variants, .. } => variants.iter().for_each(|one| one.ranges(visit)),
            Self::VectorOf { .. } | Self::Number { .. } => {}
        }
    }
}

/// What is computed over the lines, or the unwrapped values, of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeOp {
    /// `count_over_time`
    Count,
    /// `rate`
    Rate,
    /// `rate_counter`
    RateCounter,
    /// `bytes_over_time`
    Bytes,
    /// `bytes_rate`
    BytesRate,
    /// `absent_over_time`
    Absent,
    /// `sum_over_time`
    Sum,
    /// `avg_over_time`
    Avg,
    /// `max_over_time`
    Max,
    /// `min_over_time`
    Min,
    /// `stddev_over_time`
    Stddev,
    /// `stdvar_over_time`
    Stdvar,
    /// `quantile_over_time`
    Quantile,
    /// `first_over_time`
    First,
    /// `last_over_time`
    Last,
}

impl RangeOp {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Count,
        Self::Rate,
        Self::RateCounter,
        Self::Bytes,
        Self::BytesRate,
        Self::Absent,
        Self::Sum,
        Self::Avg,
        Self::Max,
        Self::Min,
        Self::Stddev,
        Self::Stdvar,
        Self::Quantile,
        Self::First,
        Self::Last,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count_over_time",
            Self::Rate => "rate",
            Self::RateCounter => "rate_counter",
            Self::Bytes => "bytes_over_time",
            Self::BytesRate => "bytes_rate",
            Self::Absent => "absent_over_time",
            Self::Sum => "sum_over_time",
            Self::Avg => "avg_over_time",
            Self::Max => "max_over_time",
            Self::Min => "min_over_time",
            Self::Stddev => "stddev_over_time",
            Self::Stdvar => "stdvar_over_time",
            Self::Quantile => "quantile_over_time",
            Self::First => "first_over_time",
            Self::Last => "last_over_time",
        }
    }

    /// Whether it needs no unwrapped value.
    pub const fn counts_lines(self) -> bool {
        matches!(self, Self::Count | Self::Rate | Self::Bytes | Self::BytesRate | Self::Absent)
    }

    /// Whether it takes unwrapped values.
    pub const fn takes_values(self) -> bool {
        !matches!(self, Self::Count | Self::Bytes | Self::BytesRate)
    }

    /// Whether its series may be grouped.
    pub const fn may_group(self) -> bool {
        matches!(
            self,
            Self::Sum
                | Self::Avg
                | Self::Max
                | Self::Min
                | Self::Stddev
                | Self::Stdvar
                | Self::Quantile
                | Self::First
                | Self::Last
        )
    }
}

/// How an unwrapped value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// As a number.
    None,
    /// As a duration, in seconds.
    Duration,
    /// The same under its other name, `duration_seconds`.
    DurationSeconds,
    /// As a size in bytes.
    Bytes,
}

/// `| unwrap duration(latency) | __error__=""`
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How it is read.
    pub conversion: Conversion,
    /// What must hold afterwards.
    pub filters: Vec<LabelFilter>,
}

/// Labels of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouping {
    /// `without` (true) or `by`.
    pub without: bool,
    /// The labels.
    pub labels: Vec<String>,
}

/// `rate({app="web"} |= "error" [5m] offset 1h) by (app)`
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    /// Where it stands.
    pub span: Span,
    /// What is computed.
    pub op: RangeOp,
    /// The quantile.
    pub param: Option<f64>,
    /// Of which lines.
    pub log: LogExpr,
    /// Of which of their values.
    pub unwrap: Option<Unwrap>,
    /// The window, ns.
    pub range_ns: i64,
    /// How far back, ns; may be negative.
    pub offset_ns: i64,
    /// `by` or `without`.
    pub grouping: Option<Grouping>,
}

/// An aggregation of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorOp {
    /// One that PromQL has, too.
    Shared(AggregateOp),
    /// `approx_topk`
    ApproxTopk,
}

impl VectorOp {
    /// The aggregations of LogQL.
    pub const ALL: [Self; 10] = [
        Self::Shared(AggregateOp::Sum),
        Self::Shared(AggregateOp::Avg),
        Self::Shared(AggregateOp::Count),
        Self::Shared(AggregateOp::Min),
        Self::Shared(AggregateOp::Max),
        Self::Shared(AggregateOp::Stddev),
        Self::Shared(AggregateOp::Stdvar),
        Self::Shared(AggregateOp::Topk),
        Self::Shared(AggregateOp::Bottomk),
        Self::ApproxTopk,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared(op) => op.as_str(),
            Self::ApproxTopk => "approx_topk",
        }
    }

    /// Whether it takes a number of series.
    pub const fn has_param(self) -> bool {
        match self {
            Self::Shared(op) => op.has_param(),
            Self::ApproxTopk => true,
        }
    }
}

/// `topk by (app) (3, ...)`
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    /// Where it stands.
    pub span: Span,
    /// What is computed.
    pub op: VectorOp,
    /// How many series.
    pub param: Option<u64>,
    /// Of what.
    pub expr: Box<MetricExpr>,
    /// `by` or `without`.
    pub grouping: Option<Grouping>,
}

/// `a / on (app) group_left () b`
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// Where it stands.
    pub span: Span,
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: Box<MetricExpr>,
    /// Right operand.
    pub rhs: Box<MetricExpr>,
    /// `bool`: a comparison yields 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How series find their partner.
    pub matching: VectorMatching,
    /// Whether anything was written about that: `on` without labels says something, too.
    pub matching_written: bool,
}
