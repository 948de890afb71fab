//! Successful answers. Large results are written piece by piece while the client takes them.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use model::labels::Labels;
use model::{Histogram, Labels as LabelSet};
use query::promql::{QueryOutput, SampleValue, Value};
use serde::Serialize;
use tokio::sync::mpsc;

use super::number::{push_plain, push_time, push_value};

/// A piece of a body is about this large.
const PIECE: usize = 64 << 10;
/// Pieces that wait for the client.
const PIECES: usize = 4;

#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// `{status: "success", data, warnings}`.
pub(crate) fn success(data: impl Serialize, warnings: Vec<String>) -> Response {
    Json(Success { status: "success", data, warnings }).into_response()
}

/// Writes a query's result in the background; the response begins at once.
/// Success without data.
pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

pub(crate) fn stream(output: QueryOutput, stats: Option<serde_json::Value>) -> Response {
    let (sender, receiver) = mpsc::channel::<Bytes>(PIECES);
    let small = small(&output.value);
    let mut writer = Writer { out: String::new(), sender, gone: false };
    if small {
        // Below a piece or so nothing is gained by another thread.
        writer.out.reserve(PIECE / 4);
        writer.write_without_flush(&output, stats.as_ref());
        return ([(CONTENT_TYPE, "application/json")], writer.out).into_response();
    }
    tokio::task::spawn_blocking(move || {
        writer.write(&output, stats.as_ref());
        writer.flush();
    });
    let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), receiver))
    });
    // The compressor asks once more after the end.
    let body = Body::from_stream(futures::StreamExt::fuse(pieces));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn small(value: &Value) -> bool {
    match value {
        Value::Scalar { .. } | Value::String { .. } => true,
        Value::Vector(samples) => samples.len() < 300,
        Value::Matrix(series) => {
            series.iter().map(|s| s.points.len() + s.histograms.len() + 10).sum::<usize>() < 2000
        }
    }
}

struct Writer {
    out: String,
    sender: mpsc::Sender<Bytes>,
    /// The client has gone: what follows is not written.
    gone: bool,
}

impl Writer {
    fn flush(&mut self) {
        let piece = Bytes::from(std::mem::take(&mut self.out));
        // The connection gives up a client that takes nothing, which closes the channel: this does not wait for ever.
        self.gone |= self.sender.blocking_send(piece).is_err();
        self.out.reserve(PIECE + PIECE / 8);
    }

    fn write(&mut self, output: &QueryOutput, stats: Option<&serde_json::Value>) {
        self.head(&output.value);
        match &output.value {
            Value::Matrix(series) => {
                for (i, one) in series.iter().enumerate() {
                    self.series(i, one);
                    if self.out.len() >= PIECE {
                        self.flush();
                    }
                    if self.gone {
                        return;
                    }
                }
            }
            Value::Vector(samples) => {
                for (i, sample) in samples.iter().enumerate() {
                    self.sample(i, sample);
                    if self.out.len() >= PIECE {
                        self.flush();
                    }
                    if self.gone {
                        return;
                    }
                }
            }
            Value::Scalar { .. } | Value::String { .. } => {}
        }
        self.tail(output, stats);
    }

    fn write_without_flush(&mut self, output: &QueryOutput, stats: Option<&serde_json::Value>) {
        self.head(&output.value);
        match &output.value {
            Value::Matrix(series) => series.iter().enumerate().for_each(|(i, s)| self.series(i, s)),
            Value::Vector(samples) => samples.iter().enumerate().for_each(|(i, s)| self.sample(i, s)),
            Value::Scalar { .. } | Value::String { .. } => {}
        }
        self.tail(output, stats);
    }

    fn head(&mut self, value: &Value) {
        self.out.push_str("{\"status\":\"success\",\"data\":{\"resultType\":\"");
        self.out.push_str(value.type_name());
        self.out.push_str("\",\"result\":[");
        match value {
            Value::Scalar { t, v } => {
                push_time(&mut self.out, *t);
                self.out.push_str(",\"");
                push_plain(&mut self.out, *v);
                self.out.push('"');
            }
            Value::String { t, s } => {
                push_time(&mut self.out, *t);
                self.out.push(',');
                push_text(&mut self.out, s);
            }
            Value::Vector(_) | Value::Matrix(_) => {}
        }
    }

    fn series(&mut self, index: usize, series: &query::promql::Series) {
        let out = &mut self.out;
        out.push_str(if index == 0 { "{\"metric\":" } else { ",{\"metric\":" });
        push_labels(out, &series.labels);
        if !series.points.is_empty() {
            out.push_str(",\"values\":[");
            for (i, (t, v)) in series.points.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_point(out, *t, *v);
            }
            out.push(']');
        }
        if !series.histograms.is_empty() {
            out.push_str(",\"histograms\":[");
            for (i, (t, h)) in series.histograms.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_histogram_point(out, *t, h);
            }
            out.push(']');
        }
        out.push('}');
    }

    fn sample(&mut self, index: usize, sample: &query::promql::InstantSample) {
        let out = &mut self.out;
        out.push_str(if index == 0 { "{\"metric\":" } else { ",{\"metric\":" });
        push_labels(out, &sample.labels);
        match &sample.value {
            SampleValue::Float(v) => {
                out.push_str(",\"value\":");
                push_point(out, sample.t, *v);
            }
            SampleValue::Histogram(h) => {
                out.push_str(",\"histogram\":");
                push_histogram_point(out, sample.t, h);
            }
        }
        out.push('}');
    }

    fn tail(&mut self, output: &QueryOutput, stats: Option<&serde_json::Value>) {
        self.out.push(']');
        if let Some(stats) = stats {
            self.out.push_str(",\"stats\":");
            self.out.push_str(&stats.to_string());
        }
        self.out.push('}');
        for (name, texts) in [("warnings", &output.warnings), ("infos", &output.infos)] {
            if !texts.is_empty() {
                self.out.push_str(",\"");
                self.out.push_str(name);
                self.out.push_str("\":[");
                for (i, text) in texts.iter().enumerate() {
                    if i > 0 {
                        self.out.push(',');
                    }
                    push_text(&mut self.out, text);
                }
                self.out.push(']');
            }
        }
        self.out.push('}');
    }
}

fn push_point(out: &mut String, t: i64, v: f64) {
    out.push('[');
    push_time(out, t);
    out.push_str(",\"");
    push_value(out, v);
    out.push_str("\"]");
}

fn push_labels(out: &mut String, labels: &LabelSet) {
    out.push('{');
    for (i, (name, value)) in Labels::iter(labels).enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        push_text(out, value);
    }
    out.push('}');
}

/// A JSON string.
fn push_text(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        // `at` is at an ASCII byte, which is a border of characters.
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn push_histogram_point(out: &mut String, t: i64, histogram: &Histogram) {
    out.push('[');
    push_time(out, t);
    out.push_str(",{\"count\":\"");
    push_value(out, histogram.count);
    out.push_str("\",\"sum\":\"");
    push_value(out, histogram.sum);
    out.push('"');
    super::histogram::push_buckets(out, histogram);
    out.push_str("}]");
}

#[cfg(test)]
mod tests {
    use super::*;
    use query::promql::{InstantSample, Series};

    fn body(value: Value) -> String {
        let (sender, _receiver) = mpsc::channel(1);
        let mut writer = Writer { out: String::new(), sender, gone: false };
        let output = QueryOutput {
            value,
            warnings: vec!["w".to_owned()],
            infos: Vec::new(),
            resolutions: Vec::new(),
            cost: model::Cost::default(),
            stats: query::promql::QueryStats::default(),
        };
        writer.write_without_flush(&output, None);
        writer.out
    }

    #[test]
    fn every_result_type_has_prometheus_shape() {
        assert_eq!(
            body(Value::Scalar { t: 1500, v: 1e21 }),
            r#"{"status":"success","data":{"resultType":"scalar","result":[1.500,"1000000000000000000000"]},"warnings":["w"]}"#
        );
        assert_eq!(
            body(Value::String { t: 0, s: "a\"\u{1}\n한".to_owned() }),
            r#"{"status":"success","data":{"resultType":"string","result":[0,"a\"\u0001\n한"]},"warnings":["w"]}"#
        );
        let labels = Labels::from_pairs([("__name__", "x"), ("a.b", "\\")]);
        let sample = InstantSample { labels: labels.clone(), t: 1000, value: SampleValue::Float(f64::NAN) };
        assert_eq!(
            body(Value::Vector(vec![sample])),
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"x","a.b":"\\"},"value":[1,"NaN"]}]},"warnings":["w"]}"#
        );
        let series = Series { labels, points: vec![(1000, 1.0), (2500, 1e-7)], histograms: Vec::new() };
        assert_eq!(
            body(Value::Matrix(vec![series])),
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"x","a.b":"\\"},"values":[[1,"1"],[2.500,"1e-07"]]}]},"warnings":["w"]}"#
        );
    }

    #[test]
    fn what_is_streamed_is_what_is_written_at_once() {
        let series = |n: usize| Series {
            labels: Labels::from_pairs([("n", n.to_string())]),
            points: (0..500).map(|i| (i, i as f64 / 3.0)).collect(),
            histograms: Vec::new(),
        };
        let value = Value::Matrix((0..50).map(series).collect());
        let whole = body(value.clone());
        let (sender, mut receiver) = mpsc::channel(1000);
        let output = QueryOutput {
            value,
            warnings: vec!["w".to_owned()],
            infos: Vec::new(),
            resolutions: Vec::new(),
            cost: model::Cost::default(),
            stats: query::promql::QueryStats::default(),
        };
        let mut writer = Writer { out: String::new(), sender, gone: false };
        writer.write(&output, None);
        writer.flush();
        drop(writer);
        let mut pieces = Vec::new();
        while let Some(piece) = receiver.blocking_recv() {
            pieces.push(piece);
        }
        assert!(pieces.len() > 3);
        assert_eq!(String::from_utf8(pieces.concat()).unwrap(), whole);
    }
}
