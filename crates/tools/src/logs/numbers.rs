//! Metric queries.

use query::logql::Expr;
use serde_json::Value as Json;

use super::client::Loki;
use super::output::Form;
use super::{Asked, question};
use crate::query::print_value;
use crate::{Context, Exit, Failed, Outcome};

/// The values over the time.
pub(super) fn range(
    asked: &Asked,
    loki: &Loki,
    query: &str,
    (start, end): (i64, i64),
    context: &mut Context<'_>,
) -> Outcome {
    let parameters = [("query", query.to_owned()), ("start", start.to_string()), ("end", end.to_string())];
    let data = loki.data("query_range", &parameters)?;
    print(asked, query, &data, context)
}

/// The values at the end.
pub(super) fn instant(asked: &Asked, words: &[String], context: &mut Context<'_>) -> Outcome {
    let loki = asked.server()?;
    let bounds = asked.between.bounds();
    let (query, expr) = question(&loki, words, bounds)?;
    if matches!(expr, Expr::Log(_)) {
        return Err(Failed(format!(
            "{query}\nyields lines; here numbers are wanted, e.g. count_over_time({query} [5m])"
        )));
    }
    let parameters = [("query", query.clone()), ("time", bounds.1.to_string())];
    let data = loki.data("query", &parameters)?;
    print(asked, &query, &data, context)
}

fn print(asked: &Asked, query: &str, data: &Json, context: &mut Context<'_>) -> Outcome {
    let as_json = asked.form == Form::Jsonl;
    if !as_json && data["result"].as_array().is_some_and(Vec::is_empty) {
        asked.say(context, &format!("no values: {query} {}", asked.between.described()))?;
        return Ok(Exit::Success);
    }
    print_value(data, as_json, context.out)?;
    Ok(Exit::Success)
}
