//! What the API gave, as promtool prints it.

use std::io::{Result, Write};

use model::labels::Quoted;
use serde_json::{Map, Value as Json};

use super::Format;

/// The result of a query.
pub(super) fn value(data: &Json, format: Format, out: &mut dyn Write) -> Result<()> {
    let result = &data["result"];
    if format == Format::Json {
        let mut result = result.clone();
        match data["resultType"].as_str() {
            Some("string") => {}
            Some("scalar") => rewrite(&mut result),
            _ => result.as_array_mut().into_iter().flatten().for_each(rewrite_points),
        }
        return json(&result, out);
    }
    match data["resultType"].as_str() {
        Some("scalar") => writeln!(out, "scalar: {}", point(result)),
        Some("string") => writeln!(out, "{}", text(&result[1])),
        Some("vector") => {
            let lines: Vec<String> = each(result).map(sample).collect();
            writeln!(out, "{}", lines.join("\n"))
        }
        _ => {
            let mut streams: Vec<(String, String)> = each(result).map(stream).collect();
            streams.sort();
            let lines: Vec<String> = streams.into_iter().map(|(_, text)| text).collect();
            writeln!(out, "{}", lines.join("\n"))
        }
    }
}

/// Numbers of a series without exponents, as [`plain`] has them.
fn rewrite_points(series: &mut Json) {
    for field in ["value", "histogram", "values", "histograms"] {
        if let Some(points) = series.get_mut(field) {
            rewrite(points);
        }
    }
}

fn rewrite(value: &mut Json) {
    match value {
        Json::String(number) => *number = plain(number),
        Json::Array(items) => items.iter_mut().for_each(rewrite),
        Json::Object(fields) => fields.values_mut().for_each(rewrite),
        _ => {}
    }
}

/// A number without an exponent.
fn plain(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(v) if v.is_finite() => v.to_string(),
        _ => number.to_owned(),
    }
}

/// A list of label sets.
pub(super) fn series(data: &Json, format: Format, out: &mut dyn Write) -> Result<()> {
    if format == Format::Json {
        return json(data, out);
    }
    each(data).try_for_each(|labels| writeln!(out, "{{{}}}", pairs(labels.as_object(), true)))
}

/// A list of values.
pub(super) fn label_values(data: &Json, format: Format, out: &mut dyn Write) -> Result<()> {
    if format == Format::Json {
        return json(data, out);
    }
    each(data).try_for_each(|value| writeln!(out, "{}", text(value)))
}

/// One line, as Go's encoder writes it: what a browser could take for markup is escaped.
fn json(value: &Json, out: &mut dyn Write) -> Result<()> {
    let escaped = value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    writeln!(out, "{escaped}")
}

fn each(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

/// A time as it was sent, without zeros behind the point.
fn time(value: &Json) -> String {
    value.as_f64().map_or_else(String::new, |seconds| seconds.to_string())
}

/// A series as a selector would name it.
pub(super) fn metric(series: &Json) -> String {
    let labels = series["metric"].as_object();
    let name = labels.and_then(|labels| labels.get("__name__")).map(text).unwrap_or_default();
    let others = pairs(labels, false);
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    match (name, plain, others.is_empty()) {
        ("", _, true) => "{}".to_owned(),
        ("", _, false) => format!("{{{others}}}"),
        (name, true, true) => name.to_owned(),
        (name, true, false) => format!("{name}{{{others}}}"),
        (name, false, true) => format!("{{{}}}", Quoted(name)),
        (name, false, false) => format!("{{{}, {others}}}", Quoted(name)),
    }
}

/// `name="value"`, sorted by name.
pub(super) fn pairs(labels: Option<&Map<String, Json>>, with_name: bool) -> String {
    let mut pairs: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter(|(name, _)| with_name || *name != "__name__")
        .map(|(name, value)| format!("{name}={}", Quoted(text(value))))
        .collect();
    pairs.sort();
    pairs.join(", ")
}

fn sample(series: &Json) -> String {
    match series.get("histogram") {
        Some(point) => format!("{} => {}", metric(series), histogram_point(point)),
        None => format!("{} => {}", metric(series), point(&series["value"])),
    }
}

/// A series with its points, and what it is sorted by.
fn stream(series: &Json) -> (String, String) {
    let metric = metric(series);
    let floats = each(&series["values"]).map(point);
    let histograms = each(&series["histograms"]).map(histogram_point);
    let points: Vec<String> = floats.chain(histograms).collect();
    let text = format!("{metric} =>\n{}", points.join("\n"));
    (metric, text)
}

fn point(pair: &Json) -> String {
    format!("{} @[{}]", plain(text(&pair[1])), time(&pair[0]))
}

fn histogram_point(pair: &Json) -> String {
    let histogram = &pair[1];
    let number = |field: &str| text(&histogram[field]).parse::<f64>().unwrap_or(f64::NAN);
    let buckets: Vec<String> = each(&histogram["buckets"]).map(bucket).collect();
    format!(
        "Count: {:.6}, Sum: {:.6}, Buckets: [{}] @[{}]",
        number("count"),
        number("sum"),
        buckets.join(" "),
        time(&pair[0])
    )
}

/// `[lower, upper)` with the brackets that say which bound belongs to it.
fn bucket(bucket: &Json) -> String {
    let boundaries = bucket[0].as_u64().unwrap_or_default();
    let open = if matches!(boundaries, 1 | 3) { '[' } else { '(' };
    let close = if matches!(boundaries, 0 | 3) { ']' } else { ')' };
    format!("{open}{},{}{close}:{}", text(&bucket[1]), text(&bucket[2]), plain(text(&bucket[3])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(data: &Json, format: Format) -> String {
        let mut out = Vec::new();
        value(data, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn results_of_all_types() {
        let vector = json!({"resultType": "vector", "result": [
            {"metric": {"__name__": "up", "job": "a\"b"}, "value": [1.5, "1"]},
            {"metric": {}, "value": [1, "NaN"]},
            {"metric": {"__name__": "a.b"}, "value": [1, "2"]},
        ]});
        assert_eq!(
            printed(&vector, Format::Promql),
            "up{job=\"a\\\"b\"} => 1 @[1.5]\n{} => NaN @[1]\n{\"a.b\"} => 2 @[1]\n"
        );
        let matrix = json!({"resultType": "matrix", "result": [
            {"metric": {"__name__": "b"}, "values": [[1, "1"], [2, "3"]]},
            {"metric": {"__name__": "a"}, "values": [[1, "1"]]},
        ]});
        assert_eq!(printed(&matrix, Format::Promql), "a =>\n1 @[1]\nb =>\n1 @[1]\n3 @[2]\n");
        let scalar = json!({"resultType": "scalar", "result": [1.25, "5"]});
        assert_eq!(printed(&scalar, Format::Promql), "scalar: 5 @[1.25]\n");
        assert_eq!(printed(&scalar, Format::Json), "[1.25,\"5\"]\n");
        let large =
            json!({"resultType": "vector", "result": [{"metric": {"le": "1e3"}, "value": [1, "1e+21"]}]});
        assert_eq!(printed(&large, Format::Promql), "{le=\"1e3\"} => 1000000000000000000000 @[1]\n");
        assert_eq!(
            printed(&large, Format::Json),
            "[{\"metric\":{\"le\":\"1e3\"},\"value\":[1,\"1000000000000000000000\"]}]\n"
        );
        let string = json!({"resultType": "string", "result": [1, "a<b"]});
        assert_eq!(printed(&string, Format::Promql), "a<b\n");
        assert_eq!(printed(&string, Format::Json), "[1,\"a\\u003cb\"]\n");
    }

    #[test]
    fn histograms_show_their_buckets() {
        let h = json!({"count": "3", "sum": "2.5", "buckets": [[3, "-1", "1", "1"], [0, "1", "2", "2"]]});
        let vector = json!({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, h]}]});
        assert_eq!(
            printed(&vector, Format::Promql),
            "{} => Count: 3.000000, Sum: 2.500000, Buckets: [[-1,1]:1 (1,2]:2] @[1]\n"
        );
    }
}
