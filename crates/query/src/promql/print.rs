//! Tree to text: one line ([`Display`](std::fmt::Display) of [`Expr`]), or broken over lines ([`format`]).
//!
//! Both are Prometheus' own forms, and both read back to the same tree.

mod pretty;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use model::labels::{METRIC_NAME, is_plain_label_name};
use model::{MatchOp, Matcher};

use super::ast::{
    Aggregate, At, Binary, BinaryOp, Call, Cardinality, Duration, DurationExpr, Expr, Extension,
    MatrixSelector, NumberLiteral, StringLiteral, Subquery, VectorMatching, VectorSelector,
};
use super::duration::{format_duration, seconds_to_ms};
use super::lex::Token;
use super::quote::{go_bytes, go_string};

pub use pretty::format;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => n.fmt(f),
            Self::String(n) => n.fmt(f),
            Self::Vector(n) => n.fmt(f),
            Self::Matrix(n) => n.fmt(f),
            Self::Subquery(n) => n.fmt(f),
            Self::Unary(n) => write!(f, "{}{}", if n.negative { "-" } else { "+" }, n.expr),
            Self::Binary(n) => n.fmt(f),
            Self::Aggregate(n) => n.fmt(f),
            Self::Call(n) => n.fmt(f),
            Self::Paren(n) => write!(f, "({})", n.expr),
        }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.duration {
            return f.write_str(&format_duration(seconds_to_ms(self.value)));
        }
        f.write_str(&number(self.value))
    }
}

/// The shortest digits that read back to `value`, never with an exponent.
fn number(value: f64) -> String {
    match value {
        v if v == f64::INFINITY => "+Inf".to_owned(),
        v if v == f64::NEG_INFINITY => "-Inf".to_owned(),
        v => v.to_string(),
    }
}

impl Display for StringLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&match &self.bytes {
            Some(bytes) => go_bytes(bytes),
            None => go_string(&self.value),
        })
    }
}

/// `@ 1.000`, `@ start()`, with a blank before it.
struct AtModifier(Option<At>);

impl Display for AtModifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(At::Start) => f.write_str(" @ start()"),
            Some(At::End) => f.write_str(" @ end()"),
            Some(At::Time(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                write!(f, " @ {sign}{}.{:03}", ms / 1000, ms % 1000)
            }
        }
    }
}

/// `offset 5m`, with a blank before it.
struct Offset<'a>(Option<&'a Duration>);

impl Display for Offset<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(duration) => write!(f, " offset {duration}"),
        }
    }
}

struct Extended(Option<Extension>);

impl Display for Extended {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "",
            Some(Extension::Anchored) => " anchored",
            Some(Extension::Smoothed) => " smoothed",
        })
    }
}

impl VectorSelector {
    /// Name and braces without modifiers.
    fn write_series(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("");
        f.write_str(name)?;
        let shown = |m: &&Matcher| !(m.name == METRIC_NAME && m.op == MatchOp::Equal && m.value == name);
        let matchers = self.matchers.iter().filter(|m| name.is_empty() || shown(m));
        let mut texts: Vec<String> = matchers.map(matcher).collect();
        if texts.is_empty() {
            return if name.is_empty() { f.write_str("{}") } else { Ok(()) };
        }
        texts.sort();
        write!(f, "{{{}}}", texts.join(","))
    }
}

fn matcher(matcher: &Matcher) -> String {
    let op = match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    format!("{}{op}{}", label(&matcher.name), go_string(&matcher.value))
}

/// A label's name, in quotes where it needs them.
fn label(name: &str) -> String {
    if is_plain_label_name(name) { name.to_owned() } else { go_string(name) }
}

/// The names of a grouping; those that the lexer takes for something else there are quoted.
fn labels(names: &[String]) -> String {
    let quoted = |n: &String| Token::keyword(n).is_some_and(|t| !t.is_grouping_label());
    let name = |n: &String| if quoted(n) { go_string(n) } else { label(n) };
    names.iter().map(name).collect::<Vec<_>>().join(", ")
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_series(f)?;
        write!(f, "{}{}{}", AtModifier(self.at), Extended(self.extension), Offset(self.offset.as_ref()))
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let selector = &self.selector;
        selector.write_series(f)?;
        let (extended, at) = (Extended(selector.extension), AtModifier(selector.at));
        write!(f, "[{}]{extended}{at}{}", self.range, Offset(selector.offset.as_ref()))
    }
}

impl Subquery {
    /// `[range:step]` and modifiers.
    fn suffix(&self) -> String {
        let step = self.step.as_ref().map(ToString::to_string).unwrap_or_default();
        let (at, offset) = (AtModifier(self.at), Offset(self.offset.as_ref()));
        format!("[{}:{step}]{at}{offset}", self.range)
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.expr, self.suffix())
    }
}

impl Binary {
    /// The operator with its modifiers.
    fn operator(&self) -> String {
        let return_bool = if self.return_bool { " bool" } else { "" };
        format!("{}{return_bool}{}", self.op.as_str(), self.matching)
    }

    /// The left side. `^` binds tighter than a sign: before it, infinity goes without one.
    fn left(&self) -> String {
        match &*self.lhs {
            Expr::Number(n) if self.op == BinaryOp::Pow => n.to_string().trim_start_matches('+').to_owned(),
            lhs => lhs.to_string(),
        }
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left(), self.operator(), self.rhs)
    }
}

impl Display for VectorMatching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.cardinality {
            Cardinality::ManyToOne => Some("left"),
            Cardinality::OneToMany => Some("right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if !self.labels.is_empty() || self.on || group.is_some() {
            let tag = if self.on { "on" } else { "ignoring" };
            write!(f, " {tag} ({})", labels(&self.labels))?;
        }
        if let Some(side) = group {
            write!(f, " group_{side} ({})", labels(&self.include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left == right => write!(f, " fill ({})", number(left)),
            (left, right) => {
                left.map_or(Ok(()), |v| write!(f, " fill_left ({})", number(v)))?;
                right.map_or(Ok(()), |v| write!(f, " fill_right ({})", number(v)))
            }
        }
    }
}

impl Aggregate {
    /// The operator with its grouping.
    fn operator(&self) -> String {
        let name = self.op.as_str();
        match (self.without, self.grouping.is_empty()) {
            (true, _) => format!("{name} without ({}) ", labels(&self.grouping)),
            (false, false) => format!("{name} by ({}) ", labels(&self.grouping)),
            (false, true) => name.to_owned(),
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operator())?;
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.expr),
            None => write!(f, "({})", self.expr),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name)?;
        for (index, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str(")")
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.expr {
            Some(expr) => expr.fmt(f),
            None => f.write_str(&format_duration(self.ms)),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Step(_) => f.write_str("step()"),
            Self::Range(_) => f.write_str("range()"),
            Self::Unary { negative, expr, .. } => write!(f, "{}{expr}", if *negative { "-" } else { "" }),
            Self::Binary { op, lhs, rhs, .. } => write!(f, "{lhs} {} {rhs}", op.as_str()),
            Self::Extreme { max, lhs, rhs, .. } => {
                write!(f, "{}({lhs}, {rhs})", if *max { "max_of" } else { "min_of" })
            }
            Self::Paren { expr, .. } => write!(f, "({expr})"),
        }
    }
}
