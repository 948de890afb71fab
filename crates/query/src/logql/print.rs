//! Tree to text: on one line, and laid out.

use std::fmt::{self, Write as _};

use model::labels::Quoted;

use super::ast::{
    Binary, BinaryOp, Cardinality, Conversion, Expr, Extraction, Grouping, LabelFilter, LabelValue,
    LineFilter, LogExpr, MetricExpr, Named, RangeAggregation, Stage, VectorAggregation,
};
use super::units::{format_bytes, format_duration};
use crate::promql::quote::go_string;

/// Lines at most this long stay one.
const WIDTH: usize = 100;

/// Text of a query as people lay it out.
pub fn format(expr: &Expr) -> String {
    let mut out = String::new();
    match expr {
        Expr::Log(log) => pretty_log(log, 0, &mut out),
        Expr::Metric(metric) => pretty(metric, 0, &mut out),
    }
    out
}

fn indent(level: usize, out: &mut String) {
    (0..level).for_each(|_| out.push_str("  "));
}

fn fits(text: &impl fmt::Display, level: usize, out: &mut String) -> bool {
    let line = text.to_string();
    let fits = level * 2 + line.len() <= WIDTH;
    if fits {
        indent(level, out);
        out.push_str(&line);
    }
    fits
}

fn pretty_log(log: &LogExpr, level: usize, out: &mut String) {
    if fits(log, level, out) {
        return;
    }
    indent(level, out);
    out.push_str(&Selector(log).to_string());
    for stage in &log.stages {
        out.push('\n');
        indent(level + 1, out);
        let _ = write!(out, "{stage}"); // writing to a String cannot fail
    }
}

/// Writes what a node has around its operands, which are laid out one level deeper.
fn pretty(expr: &MetricExpr, level: usize, out: &mut String) {
    if fits(expr, level, out) {
        return;
    }
    let around = |head: &str, inner: &MetricExpr, tail: &str, out: &mut String| {
        indent(level, out);
        let _ = writeln!(out, "{head}(");
        pretty(inner, level + 1, out);
        out.push_str(tail);
        out.push('\n');
        indent(level, out);
        out.push(')');
    };
    match expr {
        MetricExpr::Vector(vector) => {
            let mut head = vector.op.as_str().to_owned();
            if let Some(grouping) = &vector.grouping {
                let _ = write!(head, " {grouping} ");
            }
            match vector.param {
                None => around(&head, &vector.expr, "", out),
                Some(param) => {
                    indent(level, out);
                    let _ = writeln!(out, "{head}(");
                    indent(level + 1, out);
                    let _ = writeln!(out, "{param},");
                    pretty(&vector.expr, level + 1, out);
                    out.push('\n');
                    indent(level, out);
                    out.push(')');
                }
            }
        }
        MetricExpr::Sort { descending, expr, .. } => {
            around(if *descending { "sort_desc" } else { "sort" }, expr, "", out);
        }
        MetricExpr::LabelReplace { expr, texts, .. } => {
            let tail: String = texts.iter().map(|text| format!(",{}", go_string(text))).collect();
            around("label_replace", expr, &tail, out);
        }
        MetricExpr::Range(range) => {
            indent(level, out);
            let _ = writeln!(out, "{}(", range.op.as_str());
            if let Some(param) = range.param {
                indent(level + 1, out);
                let _ = writeln!(out, "{},", Number(param));
            }
            pretty_log(&range.log, level + 1, out);
            let _ = writeln!(out, "{}", Tail(range));
            indent(level, out);
            out.push(')');
            if let Some(grouping) = &range.grouping {
                let _ = write!(out, " {grouping}");
            }
        }
        MetricExpr::Binary(binary) => {
            pretty_operand(binary, false, level, out);
            out.push('\n');
            indent(level, out);
            let _ = writeln!(out, "{}", Operator(binary));
            pretty_operand(binary, true, level, out);
        }
        MetricExpr::Variants { .. } | MetricExpr::VectorOf { .. } | MetricExpr::Number { .. } => {
            indent(level, out);
            let _ = write!(out, "{expr}");
        }
    }
}

fn pretty_operand(binary: &Binary, right: bool, level: usize, out: &mut String) {
    let operand = if right { &binary.rhs } else { &binary.lhs };
    if needs_parens(binary, right) {
        indent(level, out);
        out.push_str("(\n");
        pretty(operand, level + 1, out);
        out.push('\n');
        indent(level, out);
        out.push(')');
    } else {
        pretty(operand, level + 1, out);
    }
}

/// Whether an operand would be read otherwise without parentheses.
fn needs_parens(binary: &Binary, right: bool) -> bool {
    let operand = if right { &*binary.rhs } else { &*binary.lhs };
    match operand {
        MetricExpr::Binary(inner) => {
            let (inner, outer) = (inner.op.precedence(), binary.op.precedence());
            // Only `^` associates to the right.
            inner < outer || (inner == outer && right != (binary.op == BinaryOp::Pow))
        }
        // `-2 ^ x`: the sign belongs to the number.
        _ => false,
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

struct Selector<'a>(&'a LogExpr);

impl fmt::Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, matcher) in self.0.matchers.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            matcher_text(matcher, f)?;
        }
        f.write_str("}")
    }
}

/// Names are never quoted in this language.
fn matcher_text(matcher: &model::Matcher, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let op = match matcher.op {
        model::MatchOp::Equal => "=",
        model::MatchOp::NotEqual => "!=",
        model::MatchOp::Regex => "=~",
        model::MatchOp::NotRegex => "!~",
    };
    write!(f, "{}{op}{}", matcher.name, go_string(&matcher.value))
}

impl fmt::Display for LogExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Selector(self).fmt(f)?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(filter) => filter.fmt(f),
            Self::Json(fields) => {
                f.write_str("| json")?;
                extractions(fields, f)
            }
            Self::Logfmt { strict, keep_empty, fields } => {
                f.write_str("| logfmt")?;
                if *strict {
                    f.write_str(" --strict")?;
                }
                if *keep_empty {
                    f.write_str(" --keep-empty")?;
                }
                extractions(fields, f)
            }
            Self::Regexp(text) => write!(f, "| regexp {}", go_string(text)),
            Self::Pattern(text) => write!(f, "| pattern {}", go_string(text)),
            Self::Unpack => f.write_str("| unpack"),
            Self::Decolorize => f.write_str("| decolorize"),
            Self::LineFormat(text) => write!(f, "| line_format {}", go_string(text)),
            Self::LabelFormat(formats) => {
                f.write_str("| label_format ")?;
                for (i, (name, value)) in formats.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    match value {
                        LabelValue::Rename(from) => write!(f, "{comma}{name}={from}")?,
                        LabelValue::Template(text) => write!(f, "{comma}{name}={}", go_string(text))?,
                    }
                }
                Ok(())
            }
            Self::Label(filter) => write!(f, "| {filter}"),
            Self::Drop(names) => {
                f.write_str("| drop ")?;
                named(names, f)
            }
            Self::Keep(names) => {
                f.write_str("| keep ")?;
                named(names, f)
            }
        }
    }
}

fn extractions(fields: &[Extraction], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, field) in fields.iter().enumerate() {
        let comma = if i > 0 { "," } else { " " };
        write!(f, "{comma}{}={}", field.name, go_string(&field.path))?;
    }
    Ok(())
}

fn named(names: &[Named], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, one) in names.iter().enumerate() {
        if i > 0 {
            f.write_str(",")?;
        }
        match one {
            Named::Name(name) => f.write_str(name)?,
            Named::Matching(matcher) => matcher_text(matcher, f)?,
        }
    }
    Ok(())
}

impl fmt::Display for LineFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        for (i, term) in self.terms.iter().enumerate() {
            let or = if i > 0 { " or " } else { " " };
            match term.ip {
                true => write!(f, "{or}ip({})", go_string(&term.text))?,
                false => write!(f, "{or}{}", go_string(&term.text))?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for LabelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    let and = if i > 0 { " and " } else { "" };
                    match part {
                        Self::Or(_) => write!(f, "{and}({part})")?,
                        part => write!(f, "{and}{part}")?,
                    }
                }
                Ok(())
            }
            Self::Or(parts) => parts.iter().enumerate().try_for_each(|(i, part)| {
                let or = if i > 0 { " or " } else { "" };
                write!(f, "{or}{part}")
            }),
            Self::Text(matcher) => matcher_text(matcher, f),
            Self::Number { name, op, value } => write!(f, "{name}{}{}", op.as_str(), Number(*value)),
            Self::Duration { name, op, ns } => write!(f, "{name}{}{}", op.as_str(), format_duration(*ns)),
            Self::Bytes { name, op, bytes } => write!(f, "{name}{}{}", op.as_str(), format_bytes(*bytes)),
            Self::Ip { name, negative, text } => {
                write!(f, "{name}{}ip({})", if *negative { "!=" } else { "=" }, go_string(text))
            }
        }
    }
}

/// A number as the lexer reads it.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            // A literal with a large exponent; there is no word for it.
            return f.write_str(if self.0 > 0.0 { "1e999" } else { "-1e999" });
        }
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", if self.without { "without" } else { "by" }, self.labels.join(","))
    }
}

/// What stands between the stages of a range aggregation and its closing parenthesis.
struct Tail<'a>(&'a RangeAggregation);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = self.0;
        if let Some(unwrap) = &range.unwrap {
            match unwrap.conversion {
                Conversion::None => write!(f, " | unwrap {}", unwrap.label)?,
                Conversion::Duration => write!(f, " | unwrap duration({})", unwrap.label)?,
                Conversion::DurationSeconds => write!(f, " | unwrap duration_seconds({})", unwrap.label)?,
                Conversion::Bytes => write!(f, " | unwrap bytes({})", unwrap.label)?,
            }
            unwrap.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))?;
        }
        write!(f, " [{}]", format_duration(range.range_ns))?;
        if range.offset_ns != 0 {
            write!(f, " offset {}", format_duration(range.offset_ns))?;
        }
        Ok(())
    }
}

struct Operator<'a>(&'a Binary);

impl fmt::Display for Operator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = self.0;
        f.write_str(binary.op.as_str())?;
        if binary.return_bool {
            f.write_str(" bool")?;
        }
        if binary.matching_written {
            let matching = &binary.matching;
            write!(f, " {} ({})", if matching.on { "on" } else { "ignoring" }, matching.labels.join(","))?;
            let side = match matching.cardinality {
                Cardinality::ManyToOne => "group_left",
                Cardinality::OneToMany => "group_right",
                Cardinality::OneToOne | Cardinality::ManyToMany => return Ok(()),
            };
            write!(f, " {side} ({})", matching.include.join(","))?;
        }
        Ok(())
    }
}

impl fmt::Display for MetricExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => {
                write!(f, "{}(", range.op.as_str())?;
                if let Some(param) = range.param {
                    write!(f, "{}, ", Number(param))?;
                }
                write!(f, "{}{})", range.log, Tail(range))?;
                range.grouping.as_ref().map_or(Ok(()), |grouping| write!(f, " {grouping}"))
            }
            Self::Vector(VectorAggregation { op, param, expr, grouping, .. }) => {
                f.write_str(op.as_str())?;
                if let Some(grouping) = grouping {
                    write!(f, " {grouping} ")?;
                }
                match param {
                    Some(param) => write!(f, "({param}, {expr})"),
                    None => write!(f, "({expr})"),
                }
            }
            Self::Sort { descending, expr, .. } => {
                write!(f, "{}({expr})", if *descending { "sort_desc" } else { "sort" })
            }
            Self::Binary(binary) => {
                let side = |right: bool, f: &mut fmt::Formatter<'_>| {
                    let operand = if right { &binary.rhs } else { &binary.lhs };
                    match needs_parens(binary, right) {
                        true => write!(f, "({operand})"),
                        false => operand.fmt(f),
                    }
                };
                side(false, f)?;
                write!(f, " {} ", Operator(binary))?;
                side(true, f)
            }
            Self::LabelReplace { expr, texts: [target, replacement, source, expression], .. } => write!(
                f,
                "label_replace({expr},{},{},{},{})",
                Quoted(target),
                go_string(replacement),
                go_string(source),
                go_string(expression)
            ),
            Self::Variants { variants, of, .. } => {
                f.write_str("variants(")?;
                for (n, variant) in variants.iter().enumerate() {
                    write!(f, "{}{variant}", if n > 0 { ", " } else { "" })?;
                }
                write!(f, ") of ({}{})", of.log, Tail(of))
            }
            Self::VectorOf { value, .. } => write!(f, "vector({})", Number(*value)),
            Self::Number { value, .. } => Number(*value).fmt(f),
        }
    }
}
