//! `status/self_metrics`: our own figures as the JSON form of Prometheus' protobuf families.

use axum::extract::State;
use model::Pattern;
use serde_json::{Map, Value, json};

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use crate::exposition;
use crate::state::Shared;

pub(crate) async fn self_metrics(State(state): State<Shared>, Form(params): Form) -> Answer {
    let wanted = match params.get("metric_name_pattern") {
        "" => None,
        text => Some(
            Pattern::new(text)
                .map_err(|e| ApiError::bad_data(format_args!("invalid metric_name_pattern: {e}")))?,
        ),
    };
    let text = exposition::all(&state)
        .ok_or_else(|| model::Error::internal("the metrics cannot be written"))
        .map_err(ApiError::from)?;
    let mut all = families(&exposition::prometheus_text(&text));
    all.retain(|family| {
        wanted.as_ref().is_none_or(|p| family["name"].as_str().is_some_and(|n| p.is_match(n)))
    });
    Ok(success(all, Vec::new()))
}

/// Families of a text in Prometheus' format that we wrote ourselves.
fn families(text: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    let mut help = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help).to_owned();
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let kind = if kind == "unknown" { "untyped" } else { kind };
            let family =
                json!({ "name": name, "help": std::mem::take(&mut help), "type": kind.to_uppercase() });
            all.push(family);
        } else if let (Some(Value::Object(family)), Some(sample)) = (all.last_mut(), sample(line)) {
            add(family, sample);
        }
    }
    all
}

struct Sample<'a> {
    name: &'a str,
    labels: Vec<(String, String)>,
    value: f64,
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (series, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text => text.parse().ok()?,
    };
    let Some((name, rest)) = series.split_once('{') else {
        return Some(Sample { name: series, labels: Vec::new(), value });
    };
    let mut labels = Vec::new();
    let mut rest = rest;
    while let Some((label, quoted)) = rest.split_once("=\"") {
        let mut text = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    other => text.push(other),
                },
                (_, other) => text.push(other),
            }
        };
        labels.push((label.trim_start_matches(',').to_owned(), text));
        rest = quoted.get(end + 1..)?;
    }
    Some(Sample { name, labels, value })
}

/// Puts a sample into its family; the parts of a histogram or of a summary share one metric.
fn add(family: &mut Map<String, Value>, sample: Sample<'_>) {
    let kind = family["type"].as_str().unwrap_or_default().to_lowercase();
    let name = family["name"].as_str().unwrap_or_default();
    let suffix = sample.name.strip_prefix(name).unwrap_or_default().to_owned();
    let place = if kind == "summary" { "quantile" } else { "le" };
    let bound = sample.labels.iter().find(|(label, _)| label == place).map(|(_, bound)| bound.clone());
    let labels: Vec<Value> = sample
        .labels
        .iter()
        .filter(|(label, _)| label != place)
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let Some(metrics) = family.entry("metric").or_insert_with(|| json!([])).as_array_mut() else { return };
    let at = metrics.iter().rposition(|metric| metric["label"].as_array() == Some(&labels));
    let at = match at {
        Some(at) if matches!(kind.as_str(), "histogram" | "summary") => at,
        _ => {
            metrics.push(json!({ "label": labels }));
            metrics.len() - 1
        }
    };
    let metric = &mut metrics[at];
    if !matches!(kind.as_str(), "histogram" | "summary") {
        metric[kind.as_str()] = json!({ "value": number(sample.value) });
        return;
    }
    let histogram = &mut metric[kind.as_str()];
    match (suffix.as_str(), bound) {
        // 64-bit integers are texts in this form.
        ("_count", _) => histogram["sampleCount"] = json!(format!("{}", sample.value)),
        ("_sum", _) => histogram["sampleSum"] = number(sample.value),
        (_, Some(quantile)) if kind == "summary" => {
            let quantile = quantile.parse().map_or(Value::Null, number);
            push(&mut histogram["quantile"], json!({ "quantile": quantile, "value": number(sample.value) }));
        }
        (_, Some(bound)) => {
            let upper = bound.parse().map_or(json!("Infinity"), number);
            let bucket = json!({ "cumulativeCount": format!("{}", sample.value), "upperBound": upper });
            push(&mut histogram["bucket"], bucket);
        }
        _ => {}
    }
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = json!([item]),
    }
}

fn number(value: f64) -> Value {
    match value {
        v if v.is_finite() => json!(v),
        v if v.is_nan() => json!("NaN"),
        v => json!(if v > 0.0 { "Infinity" } else { "-Infinity" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_those_of_the_text() {
        let text = "# HELP a_total Help of \"a\".\n# TYPE a_total counter\na_total{x=\"1,\\\"=\"} 2\na_total 3\n\
                    # HELP h Sizes.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 2.5\nh_count 2\n\
                    # HELP s Times.\n# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum 0\ns_count 0\n";
        let all = families(text);
        assert_eq!(
            all[0],
            json!({
                "name": "a_total", "help": "Help of \"a\".", "type": "COUNTER",
                "metric": [
                    { "label": [{ "name": "x", "value": "1,\"=" }], "counter": { "value": 2.0 } },
                    { "label": [], "counter": { "value": 3.0 } },
                ],
            })
        );
        assert_eq!(
            all[1]["metric"][0]["histogram"],
            json!({
                "sampleCount": "2", "sampleSum": 2.5,
                "bucket": [
                    { "cumulativeCount": "1", "upperBound": 1.0 },
                    { "cumulativeCount": "2", "upperBound": "Infinity" },
                ],
            })
        );
        assert_eq!(
            all[2]["metric"],
            json!([{
                "label": [],
                "summary": {
                    "quantile": [{ "quantile": 0.5, "value": "NaN" }], "sampleSum": 0.0, "sampleCount": "0",
                },
            }])
        );
    }
}
