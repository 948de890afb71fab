//! Pushgateway's query API: what is in the groups, as JSON.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use wire::exposition::write::push_number;
use wire::pushgateway::{Family, Kind, Sample};

use super::groups::Grouping;
use crate::state::Shared;

pub(super) async fn metrics(State(state): State<Shared>) -> Response {
    let mut all = Vec::new();
    state.pushed.each(|grouping, group| {
        let mut object = Map::new();
        for (name, stamped) in &group.families {
            let family = &stamped.family;
            let time = jiff::Timestamp::from_millisecond(stamped.pushed_ms).unwrap_or_default();
            let mut shown = json!({
                "time_stamp": time.to_string(), "type": family.kind.enum_name(), "metrics": shown(family),
            });
            if !family.help.is_empty() {
                shown["help"] = Value::from(family.help.as_str());
            }
            object.insert(name.clone(), shown);
        }
        object.insert("labels".to_owned(), labels(grouping));
        object.insert("last_push_successful".to_owned(), Value::from(group.last_push_successful()));
        all.push(Value::Object(object));
    });
    axum::Json(json!({"status": "success", "data": all})).into_response()
}

pub(super) async fn status(State(state): State<Shared>) -> Response {
    let build = state.parts.process.build();
    let started = jiff::Timestamp::from_millisecond(state.parts.process.started_ms()).unwrap_or_default();
    let data = json!({
        "flags": state.parts.process.flags(),
        "start_time": started.to_string(),
        "build_information": {"version": build.version, "revision": build.revision},
    });
    axum::Json(json!({"status": "success", "data": data})).into_response()
}

fn labels<'l>(pairs: impl IntoIterator<Item = &'l (String, String)>) -> Value {
    Value::Object(pairs.into_iter().map(|(n, v)| (n.clone(), Value::from(v.as_str()))).collect())
}

fn number(value: f64) -> Value {
    let mut text = String::new();
    push_number(&mut text, value);
    Value::from(text)
}

/// The metrics of a family: a histogram or summary is one, whatever number of samples it has. Of a native histogram the
/// classic part is shown.
fn shown(family: &Family) -> Vec<Value> {
    let (parts, totals) = match family.kind {
        Kind::Summary => ("quantiles", "quantile"),
        Kind::Histogram | Kind::GaugeHistogram => ("buckets", "le"),
        _ => {
            let plain = |s: &Sample| json!({"labels": labels(&s.labels), "value": number(s.value)});
            return family.samples.iter().map(plain).collect();
        }
    };
    let mut found: Vec<(Grouping, Map<String, Value>)> = Vec::new();
    for sample in &family.samples {
        let base: Vec<_> = sample.labels.iter().filter(|(n, _)| n != totals).cloned().collect();
        // Samples of one metric follow each other.
        if found.last().is_none_or(|(last, _)| *last != base) {
            let mut object = Map::new();
            object.insert("labels".to_owned(), labels(&base));
            object.insert(parts.to_owned(), Value::Object(Map::new()));
            found.push((base, object));
        }
        let Some((_, object)) = found.last_mut() else { continue };
        match sample.suffix.as_str() {
            "_sum" => object.insert("sum".to_owned(), number(sample.value)),
            "_count" => object.insert("count".to_owned(), number(sample.value)),
            _ => {
                let bound = sample.labels.iter().find(|(n, _)| n == totals).map_or("", |(_, v)| v.as_str());
                object[parts][bound] = number(sample.value);
                None
            }
        };
    }
    found.into_iter().map(|(_, object)| Value::Object(object)).collect()
}
