//! The syntax tree. Every node knows the bytes of the query it came from.
//!
//! A tree from [`parse`](super::parse) is type-checked: a [`Call`] has arguments of the right types, a [`Matrix`]
//! stands only where a range vector may stand, and the tree is at most [`MAX_DEPTH`] nodes deep, so that walking it
//! by recursion is safe.
//!
//! [`Matrix`]: Expr::Matrix

use model::Matcher;

use super::signature::Signature;

/// How deep a tree may be. Chains such as `a or b or c` are as deep as they are long.
pub const MAX_DEPTH: usize = 512;

/// How deep parentheses, calls, signs and right operands may be nested. Smaller than [`MAX_DEPTH`]: the parser takes
/// more stack for each than a walk over the tree.
pub const MAX_NESTING: usize = 256;

/// A range of bytes of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to, and without, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this one to the end of `other`.
    pub const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// What an expression yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number a step.
    Scalar,
    /// A text; the same at every step.
    String,
    /// An instant vector: at most one sample a series and step.
    Vector,
    /// A range vector: a window of samples a series and step.
    Matrix,
}

impl ValueType {
    /// As the HTTP API and some messages name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        }
    }

    /// As messages describe it to people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `1.5`, `0x1f`, `Inf`, `5m`
    Number(NumberLiteral),
    /// `"text"`
    String(StringLiteral),
    /// `name{label="value"}`
    Vector(VectorSelector),
    /// `name[5m]`
    Matrix(MatrixSelector),
    /// `expr[1h:5m]`
    Subquery(Subquery),
    /// `-expr`
    Unary(Unary),
    /// `a + b`
    Binary(Binary),
    /// `sum by (job) (expr)`
    Aggregate(Aggregate),
    /// `rate(expr)`
    Call(Call),
    /// `(expr)`
    Paren(Paren),
}

impl Expr {
    /// The bytes of the query that this node covers.
    pub fn span(&self) -> Span {
        match self {
            Self::Number(n) => n.span,
            Self::String(n) => n.span,
            Self::Vector(n) => n.span,
            Self::Matrix(n) => n.span,
            Self::Subquery(n) => n.span,
            Self::Unary(n) => n.span,
            Self::Binary(n) => n.span,
            Self::Aggregate(n) => n.span,
            Self::Call(n) => n.span,
            Self::Paren(n) => n.span,
        }
    }

    /// What this node yields.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Number(_) => ValueType::Scalar,
            Self::String(_) => ValueType::String,
            Self::Vector(_) | Self::Aggregate(_) => ValueType::Vector,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Unary(n) => n.expr.value_type(),
            Self::Binary(n) => match (n.lhs.value_type(), n.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            Self::Call(n) => n.function.returns,
            Self::Paren(n) => n.expr.value_type(),
        }
    }

    /// The expressions directly below, in the order of the query (an aggregation's parameter first).
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Self::Number(_) | Self::String(_) | Self::Vector(_) | Self::Matrix(_) => Vec::new(),
            Self::Subquery(n) => vec![&n.expr],
            Self::Unary(n) => vec![&n.expr],
            Self::Binary(n) => vec![&n.lhs, &n.rhs],
            Self::Aggregate(n) => n.param.as_deref().into_iter().chain([&*n.expr]).collect(),
            Self::Call(n) => n.args.iter().collect(),
            Self::Paren(n) => vec![&n.expr],
        }
    }

    /// [`children`](Self::children), to change them.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Number(_) | Self::String(_) | Self::Vector(_) | Self::Matrix(_) => Vec::new(),
            Self::Subquery(n) => vec![&mut n.expr],
            Self::Unary(n) => vec![&mut n.expr],
            Self::Binary(n) => vec![&mut n.lhs, &mut n.rhs],
            Self::Aggregate(n) => n.param.as_deref_mut().into_iter().chain([&mut *n.expr]).collect(),
            Self::Call(n) => n.args.iter_mut().collect(),
            Self::Paren(n) => vec![&mut n.expr],
        }
    }

    /// Calls `visit` for this node and all below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// How many nodes lie on the longest way down, this one included.
    pub fn depth(&self) -> usize {
        1 + self.children().into_iter().map(Self::depth).max().unwrap_or(0)
    }

    /// This node without the parentheses around it.
    pub fn unparenthesized(&self) -> &Expr {
        let mut expr = self;
        while let Self::Paren(paren) = expr {
            expr = &paren.expr;
        }
        expr
    }
}

/// A number, possibly written as a duration (`5m` is 300).
#[derive(Debug, Clone, PartialEq)]
pub struct NumberLiteral {
    /// Where it stands.
    pub span: Span,
    /// Its value; seconds for a duration.
    pub value: f64,
    /// Whether it was written as a duration.
    pub duration: bool,
}

/// A text in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringLiteral {
    /// Where it stands.
    pub span: Span,
    /// Its value, with U+FFFD for what is not UTF-8 (`"\xff"` can write any byte).
    pub value: String,
    /// The exact bytes, where they are not UTF-8.
    pub bytes: Option<Vec<u8>>,
}

/// The time that `@` fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the Unix epoch.
    Time(i64),
    /// `start()` of the query.
    Start,
    /// `end()` of the query.
    End,
}

/// How the edges of a window get their values (experimental).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// `anchored`: the last sample before an edge stands for it.
    Anchored,
    /// `smoothed`: the edges are interpolated.
    Smoothed,
}

/// `name{label="value"} offset 5m @ end()`
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// Where it stands, modifiers included.
    pub span: Span,
    /// The metric's name where it stands before the braces. `matchers` has it, too.
    pub name: Option<String>,
    /// All conditions, those on `__name__` included.
    pub matchers: Vec<Matcher>,
    /// How far back to look.
    pub offset: Option<Duration>,
    /// The fixed time, if any.
    pub at: Option<At>,
    /// Experimental treatment of edges.
    pub extension: Option<Extension>,
}

/// `selector[range]`; offset, `@` and extension are in the selector.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// Where it stands, modifiers included.
    pub span: Span,
    /// What is selected, with the modifiers of the whole.
    pub selector: VectorSelector,
    /// The window.
    pub range: Duration,
}

/// `expr[range:step] offset 5m @ end()`
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// Where it stands, modifiers included.
    pub span: Span,
    /// What is evaluated over the window; an instant vector or a scalar is refused otherwise.
    pub expr: Box<Expr>,
    /// The window.
    pub range: Duration,
    /// Distance of the evaluations; the engine's default if `None`.
    pub step: Option<Duration>,
    /// How far back to look.
    pub offset: Option<Duration>,
    /// The fixed time, if any.
    pub at: Option<At>,
}

/// `+` or `-` before an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Unary {
    /// Where it stands.
    pub span: Span,
    /// `-` (true) or `+`.
    pub negative: bool,
    /// A scalar or an instant vector.
    pub expr: Box<Expr>,
}

/// `(expr)`
#[derive(Debug, Clone, PartialEq)]
pub struct Paren {
    /// Where it stands, parentheses included.
    pub span: Span,
    /// What is inside.
    pub expr: Box<Expr>,
}

/// `function(args)`
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Where it stands, from the name to the closing parenthesis.
    pub span: Span,
    /// Which function.
    pub function: &'static Signature,
    /// As many arguments as were written; optional ones may be absent.
    pub args: Vec<Expr>,
}

/// `op by (labels) (param, expr)`
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Where it stands.
    pub span: Span,
    /// Which aggregation.
    pub op: AggregateOp,
    /// What is aggregated: an instant vector.
    pub expr: Box<Expr>,
    /// The parameter of `topk`, `bottomk`, `limitk`, `limit_ratio`, `quantile` (a scalar) and `count_values` (a string).
    pub param: Option<Box<Expr>>,
    /// The labels named; none with `without` false is one group of all.
    pub grouping: Vec<String>,
    /// `without` (true) or `by`.
    pub without: bool,
}

/// `lhs op rhs`
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// Where it stands.
    pub span: Span,
    /// The operator.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// Left operand.
    pub lhs: Box<Expr>,
    /// Right operand.
    pub rhs: Box<Expr>,
    /// `bool`: a comparison yields 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How series find their partner; only meaningful between two instant vectors.
    pub matching: VectorMatching,
}

/// How the series of two instant vectors find their partners.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorMatching {
    /// How many partners a series may have.
    pub cardinality: Cardinality,
    /// `on` (true) or `ignoring`; `false` without labels where nothing was written.
    pub on: bool,
    /// The labels named there.
    pub labels: Vec<String>,
    /// The labels named after `group_left` or `group_right`.
    pub include: Vec<String>,
    /// The value of a missing left partner (experimental).
    pub fill_left: Option<f64>,
    /// The value of a missing right partner (experimental).
    pub fill_right: Option<f64>,
}

/// How many partners a series may have in a binary operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cardinality {
    /// At most one on either side.
    #[default]
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
    /// The set operators.
    ManyToMany,
}

impl Cardinality {
    /// As messages name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneToOne => "one-to-one",
            Self::ManyToOne => "many-to-one",
            Self::OneToMany => "one-to-many",
            Self::ManyToMany => "many-to-many",
        }
    }
}

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `/` of LogQL: by zero it is NaN.
    DivOrNan,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `</`: cuts the buckets of a histogram above a bound.
    TrimUpper,
    /// `>/`: cuts the buckets of a histogram below a bound.
    TrimLower,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

impl BinaryOp {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Mod,
        Self::Pow,
        Self::Atan2,
        Self::Eq,
        Self::Ne,
        Self::Lt,
        Self::Le,
        Self::Gt,
        Self::Ge,
        Self::TrimUpper,
        Self::TrimLower,
        Self::And,
        Self::Or,
        Self::Unless,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div | Self::DivOrNan => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    /// How tightly it binds; higher is tighter. Only `^` associates to the right.
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Eq
            | Self::Ne
            | Self::Lt
            | Self::Le
            | Self::Gt
            | Self::Ge
            | Self::TrimUpper
            | Self::TrimLower => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::DivOrNan | Self::Mod | Self::Atan2 => 5,
            Self::Pow => 6,
        }
    }

    /// Whether it compares (and takes `bool`).
    pub const fn is_comparison(self) -> bool {
        matches!(self, Self::Eq | Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }

    /// Whether it is `and`, `or` or `unless`.
    pub const fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// An aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
    /// `limitk` (experimental)
    Limitk,
    /// `limit_ratio` (experimental)
    LimitRatio,
}

impl AggregateOp {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Sum,
        Self::Avg,
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Group,
        Self::Stddev,
        Self::Stdvar,
        Self::Topk,
        Self::Bottomk,
        Self::CountValues,
        Self::Quantile,
        Self::Limitk,
        Self::LimitRatio,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }

    /// Whether it takes a parameter before the vector.
    pub const fn has_param(self) -> bool {
        matches!(
            self,
            Self::Topk | Self::Bottomk | Self::CountValues | Self::Quantile | Self::Limitk | Self::LimitRatio
        )
    }

    /// Whether it must be switched on.
    pub const fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }
}

/// The length of a window, step or offset.
#[derive(Debug, Clone, PartialEq)]
pub struct Duration {
    /// Where it stands.
    pub span: Span,
    /// Milliseconds. Where `expr` is there: 0 until [`resolve_durations`](super::resolve_durations) has run.
    pub ms: i64,
    /// How it is computed, if it is more than a literal (experimental).
    pub expr: Option<Box<DurationExpr>>,
}

/// Arithmetic between the brackets of a range or after `offset` (experimental). Values are seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationExpr {
    /// `5m`, `300`
    Literal(NumberLiteral),
    /// `step()`: the step of the query.
    Step(Span),
    /// `range()`: from start to end of the query.
    Range(Span),
    /// `-expr`, `+expr`
    Unary {
        /// Where it stands.
        span: Span,
        /// `-` (true) or `+`.
        negative: bool,
        /// The operand.
        expr: Box<DurationExpr>,
    },
    /// `a + b`
    Binary {
        /// Where it stands.
        span: Span,
        /// One of `+ - * / % ^`.
        op: BinaryOp,
        /// Left operand.
        lhs: Box<DurationExpr>,
        /// Right operand.
        rhs: Box<DurationExpr>,
    },
    /// `min_of(a, b)`, `max_of(a, b)`
    Extreme {
        /// Where it stands.
        span: Span,
        /// `max_of` (true) or `min_of`.
        max: bool,
        /// First argument.
        lhs: Box<DurationExpr>,
        /// Second argument.
        rhs: Box<DurationExpr>,
    },
    /// `(expr)`
    Paren {
        /// Where it stands.
        span: Span,
        /// What is inside.
        expr: Box<DurationExpr>,
    },
}

impl DurationExpr {
    /// The bytes of the query that this node covers.
    pub fn span(&self) -> Span {
        match self {
            Self::Literal(literal) => literal.span,
            Self::Step(span) | Self::Range(span) => *span,
            Self::Unary { span, .. }
            | Self::Binary { span, .. }
            | Self::Extreme { span, .. }
            | Self::Paren { span, .. } => *span,
        }
    }
}
