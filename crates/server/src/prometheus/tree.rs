//! `parse_query` and `format_query`: the syntax tree of an expression as JSON, in Prometheus' form, and its text.

use axum::extract::State;
use model::{MatchOp, Matcher};
use query::promql::ast::{At, Binary, Duration, DurationExpr, Extension, NumberLiteral, ValueType};
use query::promql::{Expr, format};
use serde_json::{Value, json};

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use crate::params::Params;
use crate::state::Shared;

pub(crate) async fn parse(State(state): State<Shared>, Form(params): Form) -> Answer {
    Ok(success(node(&parsed(&state, &params)?), Vec::new()))
}

pub(crate) async fn text(State(state): State<Shared>, Form(params): Form) -> Answer {
    Ok(success(format(&parsed(&state, &params)?), Vec::new()))
}

fn parsed(state: &Shared, params: &Params) -> Result<Expr, ApiError> {
    let syntax = state.parts.engine.options().syntax;
    query::promql::parse_with(params.get("query"), &syntax).map_err(|e| ApiError::parameter("query", e))
}

/// One node with everything below it. The parser bounds the depth.
fn node(expr: &Expr) -> Value {
    match expr {
        Expr::Number(n) => json!({ "type": "numberLiteral", "val": decimal(n.value) }),
        Expr::String(s) => json!({ "type": "stringLiteral", "val": s.value }),
        Expr::Paren(p) => json!({ "type": "parenExpr", "expr": node(&p.expr) }),
        Expr::Unary(u) => {
            let op = if u.negative { "-" } else { "+" };
            json!({ "type": "unaryExpr", "op": op, "expr": node(&u.expr) })
        }
        Expr::Vector(v) => json!({
            "type": "vectorSelector",
            "name": v.name.clone().unwrap_or_default(),
            "offset": millis(v.offset.as_ref()),
            "offsetExpr": computed(v.offset.as_ref()),
            "matchers": matchers(&v.matchers),
            "timestamp": timestamp(v.at),
            "startOrEnd": start_or_end(v.at),
            "anchored": v.extension == Some(Extension::Anchored),
            "smoothed": v.extension == Some(Extension::Smoothed),
        }),
        Expr::Matrix(m) => {
            let v = &m.selector;
            json!({
                "type": "matrixSelector",
                "name": v.name.clone().unwrap_or_default(),
                "range": m.range.ms,
                "rangeExpr": computed(Some(&m.range)),
                "offset": millis(v.offset.as_ref()),
                "offsetExpr": computed(v.offset.as_ref()),
                "matchers": matchers(&v.matchers),
                "timestamp": timestamp(v.at),
                "startOrEnd": start_or_end(v.at),
                "anchored": v.extension == Some(Extension::Anchored),
                "smoothed": v.extension == Some(Extension::Smoothed),
            })
        }
        Expr::Subquery(s) => json!({
            "type": "subquery",
            "expr": node(&s.expr),
            "range": s.range.ms,
            "rangeExpr": computed(Some(&s.range)),
            "offset": millis(s.offset.as_ref()),
            "offsetExpr": computed(s.offset.as_ref()),
            "step": millis(s.step.as_ref()),
            "stepExpr": computed(s.step.as_ref()),
            "timestamp": timestamp(s.at),
            "startOrEnd": start_or_end(s.at),
        }),
        Expr::Call(c) => json!({
            "type": "call",
            "func": {
                "name": c.function.name,
                "argTypes": c.function.args.iter().map(|t| t.as_str()).collect::<Vec<_>>(),
                "variadic": variadic(c.function),
                "returnType": c.function.returns.as_str(),
            },
            "args": c.args.iter().map(node).collect::<Vec<_>>(),
        }),
        Expr::Aggregate(a) => json!({
            "type": "aggregation",
            "op": a.op.as_str(),
            "expr": node(&a.expr),
            "param": a.param.as_deref().map(node),
            "grouping": a.grouping,
            "without": a.without,
        }),
        Expr::Binary(b) => binary(b),
    }
}

fn binary(b: &Binary) -> Value {
    let vectors = [&b.lhs, &b.rhs].iter().all(|side| side.value_type() == ValueType::Vector);
    let m = &b.matching;
    let matching = vectors.then(|| {
        json!({
            "card": m.cardinality.as_str(),
            "labels": m.labels,
            "on": m.on,
            "include": m.include,
            "fillValues": { "lhs": m.fill_left, "rhs": m.fill_right },
        })
    });
    json!({
        "type": "binaryExpr",
        "op": b.op.as_str(),
        "lhs": node(&b.lhs),
        "rhs": node(&b.rhs),
        "matching": matching,
        "bool": b.return_bool,
    })
}

/// How many arguments may be left out or repeated: 0 none, -1 any number.
fn variadic(function: &query::promql::signature::Signature) -> i64 {
    match function.max_args {
        usize::MAX => -1,
        most => i64::try_from(most.saturating_sub(function.min_args)).unwrap_or(i64::MAX),
    }
}

fn matchers(all: &[Matcher]) -> Value {
    all.iter().map(|m| json!({ "name": m.name, "value": m.value, "type": op(m.op) })).collect()
}

fn op(op: MatchOp) -> &'static str {
    match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    }
}

fn millis(duration: Option<&Duration>) -> i64 {
    duration.map_or(0, |d| d.ms)
}

fn timestamp(at: Option<At>) -> Option<i64> {
    match at {
        Some(At::Time(ms)) => Some(ms),
        _ => None,
    }
}

fn start_or_end(at: Option<At>) -> Option<&'static str> {
    match at {
        Some(At::Start) => Some("start"),
        Some(At::End) => Some("end"),
        _ => None,
    }
}

fn computed(duration: Option<&Duration>) -> Value {
    duration.and_then(|d| d.expr.as_deref()).map_or(Value::Null, |expr| duration_node(expr, false))
}

fn duration_node(expr: &DurationExpr, wrapped: bool) -> Value {
    let pair = |op: &str, lhs: Value, rhs: Value| json!({ "type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped });
    match expr {
        DurationExpr::Literal(n) => literal(n),
        DurationExpr::Step(_) => pair("step", Value::Null, Value::Null),
        DurationExpr::Range(_) => pair("range", Value::Null, Value::Null),
        DurationExpr::Unary { negative, expr, .. } => {
            pair(if *negative { "-" } else { "+" }, Value::Null, duration_node(expr, false))
        }
        DurationExpr::Binary { op, lhs, rhs, .. } => {
            pair(op.as_str(), duration_node(lhs, false), duration_node(rhs, false))
        }
        DurationExpr::Extreme { max, lhs, rhs, .. } => {
            let op = if *max { "max_of" } else { "min_of" };
            pair(op, duration_node(lhs, false), duration_node(rhs, false))
        }
        DurationExpr::Paren { expr, .. } => duration_node(expr, true),
    }
}

fn literal(n: &NumberLiteral) -> Value {
    json!({ "type": "numberLiteral", "val": decimal(n.value), "duration": n.duration })
}

/// Without an exponent, as few digits as tell the number from its neighbours.
fn decimal(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        v => format!("{v}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Value {
        node(&query::promql::parse(text).unwrap())
    }

    #[test]
    fn selectors_carry_their_modifiers() {
        let matcher = |n: &str, v: &str, t: &str| json!({ "name": n, "value": v, "type": t });
        let expected = json!({
            "type": "matrixSelector", "name": "up", "range": 300_000, "rangeExpr": null,
            "offset": 60_000, "offsetExpr": null,
            "matchers": [matcher("job", "a|b", "=~"), matcher("__name__", "up", "=")],
            "timestamp": null, "startOrEnd": "end", "anchored": false, "smoothed": false,
        });
        let Value::Object(mut call) = tree("rate(up{job=~\"a|b\"}[5m] offset 1m @ end())") else { panic!() };
        assert_eq!(call["func"]["name"], "rate");
        assert_eq!(call["func"]["argTypes"], json!(["matrix"]));
        assert_eq!(call["args"].take()[0].take(), expected);
        assert_eq!(tree("up @ 1.5")["timestamp"], 1500);
    }

    #[test]
    fn operators_carry_how_partners_are_found_only_between_vectors() {
        let got = tree("a / on (x) group_left (y) b");
        assert_eq!(got["matching"]["card"], "many-to-one");
        assert_eq!(got["matching"]["include"], json!(["y"]));
        assert_eq!(got["matching"]["fillValues"], json!({ "lhs": null, "rhs": null }));
        assert_eq!(tree("a > bool 1e-7")["matching"], Value::Null);
        assert_eq!(tree("a > bool 1e-7")["rhs"]["val"], "0.0000001");
        assert_eq!(tree("-(a)")["expr"]["type"], "parenExpr");
        assert_eq!(tree("topk by (x) (3, a)")["param"]["val"], "3");
        assert_eq!(tree("sum(a)")["param"], Value::Null);
        assert_eq!(tree("max_over_time(a[1h:5m])")["args"][0]["step"], 300_000);
    }
}
