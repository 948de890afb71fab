//! Answers of queries.

use axum::Json;
use axum::response::{IntoResponse, Response};
use model::Labels;
use query::logql::{LogStream, Stats};
use query::promql::{InstantSample, SampleValue, Series, Value};
use serde::ser::{SerializeSeq, SerializeTuple};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::time::Duration;

use crate::prometheus::number::value_text;

/// `{status: "success", data}`.
pub(crate) fn success(data: impl Serialize) -> Response {
    Json(json!({"status": "success", "data": data})).into_response()
}

/// Streams with their lines; with `categorized` each line has its own labels behind it.
pub(crate) struct Streams<'a> {
    pub(crate) streams: &'a [LogStream],
    pub(crate) categorized: bool,
}

impl Serialize for Streams<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.streams.len()))?;
        for stream in self.streams {
            seq.serialize_element(&Stream {
                stream: &stream.labels,
                values: Lines { stream, categorized: self.categorized },
            })?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct Stream<'a> {
    stream: &'a Labels,
    values: Lines<'a>,
}

struct Lines<'a> {
    stream: &'a LogStream,
    categorized: bool,
}

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.stream.entries.len()))?;
        for entry in &self.stream.entries {
            let time = entry.time_ns.to_string();
            if !self.categorized {
                seq.serialize_element(&(time, &entry.line))?;
                continue;
            }
            let own = Own {
                structured_metadata: &entry.structured,
                parsed: &entry.parsed,
                detected: &entry.detected,
            };
            seq.serialize_element(&(time, &entry.line, own))?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Own<'a> {
    #[serde(skip_serializing_if = "is_empty")]
    structured_metadata: &'a Labels,
    #[serde(skip_serializing_if = "is_empty")]
    parsed: &'a Labels,
    /// What was found in the line; only who asks for it gets it.
    #[serde(skip_serializing_if = "is_empty")]
    detected: &'a Labels,
}

fn is_empty(labels: &&Labels) -> bool {
    labels.is_empty()
}

/// A time and a value: `[1700000000, "1"]`.
pub(crate) struct Point(pub(crate) i64, pub(crate) f64);

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_tuple(2)?;
        match self.0 % 1000 {
            0 => pair.serialize_element(&(self.0 / 1000))?,
            _ => pair.serialize_element(&(self.0 as f64 / 1000.0))?,
        }
        pair.serialize_element(&value_text(self.1))?;
        pair.end()
    }
}

#[derive(Serialize)]
struct Sample<'a> {
    metric: &'a Labels,
    value: Point,
}

#[derive(Serialize)]
struct Row<'a> {
    metric: &'a Labels,
    values: Vec<Point>,
}

fn sample(sample: &InstantSample) -> Option<Sample<'_>> {
    match sample.value {
        SampleValue::Float(v) => Some(Sample { metric: &sample.labels, value: Point(sample.t, v) }),
        // A query of logs yields none.
        SampleValue::Histogram(_) => None,
    }
}

fn row(series: &Series) -> Row<'_> {
    Row { metric: &series.labels, values: series.points.iter().map(|(t, v)| Point(*t, *v)).collect() }
}

#[derive(Serialize)]
struct Answer<T> {
    status: &'static str,
    data: Data<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<T> {
    result_type: &'static str,
    result: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    encoding_flags: Vec<&'static str>,
    stats: serde_json::Value,
}

fn answer<T: Serialize>(
    result_type: &'static str,
    result: T,
    stats: serde_json::Value,
    categorized: bool,
) -> Response {
    let encoding_flags = if categorized { vec!["categorize-labels"] } else { Vec::new() };
    let data = Data { result_type, result, encoding_flags, stats };
    Json(Answer { status: "success", data }).into_response()
}

/// The lines of a query.
pub(crate) fn streams(streams: &[LogStream], categorized: bool, stats: Stats, took: Duration) -> Response {
    let entries = streams.iter().map(|s| s.entries.len()).sum();
    answer("streams", Streams { streams, categorized }, figures(stats, took, entries), categorized)
}

/// The value of a metric query.
pub(crate) fn value(value: &Value, stats: Stats, took: Duration) -> Response {
    let stats = |entries| figures(stats, took, entries);
    match value {
        Value::Vector(samples) => {
            let all: Vec<_> = samples.iter().filter_map(sample).collect();
            answer("vector", all, stats(samples.len()), false)
        }
        Value::Matrix(series) => {
            let all: Vec<_> = series.iter().map(row).collect();
            answer("matrix", all, stats(series.len()), false)
        }
        Value::Scalar { t, v } => answer("scalar", Point(*t, *v), stats(1), false),
        Value::String { s, .. } => answer("string", s, stats(1), false),
    }
}

/// What a query took, in the shape of Loki's statistics.
fn figures(stats: Stats, took: Duration, entries: usize) -> serde_json::Value {
    let seconds = took.as_secs_f64();
    let per_second = |count: u64| if seconds > 0.0 { (count as f64 / seconds) as u64 } else { 0 };
    let chunk = json!({
        "headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": stats.bytes, "decompressedLines": stats.lines,
        "compressedBytes": 0, "totalDuplicates": 0, "postFilterLines": stats.kept,
    });
    let store = json!({
        "totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0, "queryReferencedStructuredMetadata": false,
        "chunk": chunk,
    });
    json!({
        "summary": {
            "bytesProcessedPerSecond": per_second(stats.bytes),
            "linesProcessedPerSecond": per_second(stats.lines),
            "totalBytesProcessed": stats.bytes,
            "totalLinesProcessed": stats.lines,
            "execTime": seconds,
            "queueTime": 0.0,
            "subqueries": 0,
            "totalEntriesReturned": entries,
            "splits": 0,
            "shards": 0,
            "totalPostFilterLines": stats.kept,
            "totalStructuredMetadataBytesProcessed": 0,
        },
        "querier": {"store": store},
        "ingester": {
            "totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0,
            "store": {
                "totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0,
                "chunk": {
                    "headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": 0, "decompressedLines": 0,
                    "compressedBytes": 0, "totalDuplicates": 0, "postFilterLines": 0,
                },
            },
        },
        "cache": {},
    })
}
