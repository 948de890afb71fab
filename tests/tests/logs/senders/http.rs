//! Protocols over HTTP.

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::json;

use super::{Answer, Send, Target};
use crate::clock::next_ns;

/// What an answer means; `good` looks into one with a good status.
fn answer(request: RequestBuilder, good: impl Fn(&str) -> bool) -> Answer {
    let response = match request.send() {
        Ok(response) => response,
        Err(error) if error.is_timeout() => return Answer::Silence,
        Err(_) => return Answer::Broken,
    };
    let status = response.status().as_u16();
    let retry_after = response.headers().contains_key("retry-after");
    let grpc = response.headers().get("grpc-status").and_then(|v| v.to_str().ok()?.parse::<u32>().ok());
    let why = response.headers().get("grpc-message").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let Ok(text) = response.text() else { return Answer::Broken };
    match (status, grpc) {
        // Clients of OTLP try again after UNAVAILABLE.
        (200, Some(14)) => Answer::Refused { status: 503, retry_after: true, text: why },
        (200, Some(8)) => Answer::Refused { status: 429, retry_after, text: why },
        (200, Some(code @ 1..)) => Answer::Refused { status: 400 + code as u16, retry_after, text: why },
        (200..=299, _) if good(&text) => Answer::Acknowledged,
        _ => Answer::Refused { status, retry_after, text },
    }
}

fn client(target: &Target) -> Client {
    Client::builder().timeout(target.patience).build().unwrap()
}

/// A sender that makes a request of all lines.
fn sender(
    target: &Target,
    url: String,
    kind: &'static str,
    body: impl Fn(&[String]) -> Vec<u8> + std::marker::Send + 'static,
    good: impl Fn(&str) -> bool + std::marker::Send + 'static,
) -> Send {
    let client = client(target);
    Box::new(move |lines| answer(client.post(&url).header("content-type", kind).body(body(lines)), &good))
}

fn loki_body(lines: &[String]) -> Vec<u8> {
    let values: Vec<_> = lines.iter().map(|line| json!([next_ns().to_string(), line])).collect();
    json!({"streams": [{"stream": {"app": "loki-json"}, "values": values}]}).to_string().into()
}

pub fn loki_json(target: &Target) -> Send {
    sender(target, format!("{}/loki/api/v1/push", target.url), "application/json", loki_body, |_| true)
}

pub fn loki_json_gzip(target: &Target) -> Send {
    let (client, url) = (client(target), format!("{}/loki/api/v1/push", target.url));
    Box::new(move |lines| {
        let request = client.post(&url).header("content-type", "application/json");
        answer(request.header("content-encoding", "gzip").body(gzip(&loki_body(lines))), |_| true)
    })
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A field of protobuf with bytes.
fn bytes_field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `PushRequest` of Loki's push.proto, in snappy's form.
pub fn loki_protobuf_body(labels: &str, lines: &[String]) -> Vec<u8> {
    let mut stream = Vec::new();
    bytes_field(&mut stream, 1, labels.as_bytes());
    for line in lines {
        let ns = next_ns();
        let (mut time, mut entry) = (Vec::new(), Vec::new());
        for (number, value) in [(1, ns / 1_000_000_000), (2, ns % 1_000_000_000)] {
            varint(&mut time, number << 3);
            varint(&mut time, value as u64);
        }
        bytes_field(&mut entry, 1, &time);
        bytes_field(&mut entry, 2, line.as_bytes());
        bytes_field(&mut stream, 2, &entry);
    }
    let mut request = Vec::new();
    bytes_field(&mut request, 1, &stream);
    snap::raw::Encoder::new().compress_vec(&request).unwrap()
}

pub fn loki_protobuf(target: &Target) -> Send {
    let body = |lines: &[String]| loki_protobuf_body("{app=\"loki-protobuf\"}", lines);
    let url = format!("{}/loki/api/v1/push", target.url);
    sender(target, url, "application/x-protobuf", body, |_| true)
}

pub fn elastic_bulk(target: &Target) -> Send {
    let body = |lines: &[String]| {
        let of = |line: &String| {
            format!("{{\"create\":{{}}}}\n{}\n", json!({"message": line, "host": {"name": "box"}}))
        };
        lines.iter().map(of).collect::<String>().into_bytes()
    };
    let url = format!("http://{}/proof/_bulk", target.address("elasticsearch", 0));
    sender(target, url, "application/x-ndjson", body, |text| text.contains("\"errors\":false"))
}

pub fn elastic_doc(target: &Target) -> Send {
    let mut one = {
        let body = |lines: &[String]| json!({"message": lines[0]}).to_string().into();
        let url = format!("http://{}/proof/_doc", target.address("elasticsearch", 0));
        sender(target, url, "application/json", body, |_| true)
    };
    Box::new(move |lines| {
        let each = lines.iter().map(|line| one(std::slice::from_ref(line)));
        each.reduce(|all, next| if all == Answer::Acknowledged { next } else { all }).unwrap()
    })
}

fn otlp_request(lines: &[String]) -> ExportLogsServiceRequest {
    let record = |line: &String| LogRecord {
        time_unix_nano: next_ns() as u64,
        body: Some(AnyValue { value: Some(Any::StringValue(line.clone())) }),
        ..LogRecord::default()
    };
    let scope = ScopeLogs { log_records: lines.iter().map(record).collect(), ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }
}

pub fn otlp_protobuf(target: &Target) -> Send {
    let url = format!("http://{}/v1/logs", target.address("otlp", 0));
    sender(target, url, "application/x-protobuf", |lines| otlp_request(lines).encode_to_vec(), |_| true)
}

pub fn otlp_json(target: &Target) -> Send {
    let url = format!("http://{}/v1/logs", target.address("otlp", 0));
    let body = |lines: &[String]| serde_json::to_vec(&otlp_request(lines)).unwrap();
    sender(target, url, "application/json", body, |_| true)
}

pub fn otlp_grpc(target: &Target) -> Send {
    let client = Client::builder().timeout(target.patience).http2_prior_knowledge().build().unwrap();
    let url = format!(
        "http://{}/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        target.address("otlp", 0)
    );
    Box::new(move |lines| {
        let message = otlp_request(lines).encode_to_vec();
        let mut body = vec![0];
        body.extend((message.len() as u32).to_be_bytes());
        body.extend(message);
        let request = client.post(&url).header("content-type", "application/grpc").header("te", "trailers");
        answer(request.body(body), |text| text.len() >= 5)
    })
}

pub fn json_lines(target: &Target) -> Send {
    let body = |lines: &[String]| {
        lines.iter().map(|line| format!("{}\n", json!({"message": line}))).collect::<String>().into_bytes()
    };
    let url = format!("{}/api/bonghwa/v1/logs/push", target.url);
    let good = |text: &str| text.contains("\"refused\":0");
    sender(target, url, "application/x-ndjson", body, good)
}

pub fn influx(target: &Target) -> Send {
    let body = |lines: &[String]| {
        let of = |line: &String| {
            let text = line.replace('\\', "\\\\").replace('"', "\\\"");
            format!("proof,app=influx message=\"{text}\" {}\n", next_ns())
        };
        lines.iter().map(of).collect::<String>().into_bytes()
    };
    sender(target, format!("{}/write", target.url), "text/plain", body, |_| true)
}
