//! OpenTelemetry logs as records.
//!
//! The resource says whose a record is: what docs/identity.md lists becomes stream labels, its other attributes become
//! fields of every record. Attributes of the record go before those of its scope, and these before the resource's.

use std::borrow::Cow;

use base64::Engine as _;
use model::{Error, Labels, LabelsBuilder, Result};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use prost::Message as _;

pub use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};

use crate::logs::Rows;
use crate::tree::Tree;

/// Attributes of a resource that become stream labels.
const LABELS: [(&str, &str); 8] = [
    ("service.name", "service"),
    ("service.namespace", "service_namespace"),
    ("host.name", "node"),
    ("k8s.node.name", "node"),
    ("k8s.namespace.name", "namespace"),
    ("k8s.pod.name", "pod"),
    ("container.id", "container_id"),
    ("container.name", "container"),
];

/// Levels of values within values; deeper ones are left out.
const DEPTH: usize = 32;

/// Decodes a protobuf body.
///
/// # Errors
/// Kind `Invalid`.
pub fn decode_protobuf(body: &[u8]) -> Result<ExportLogsServiceRequest> {
    ExportLogsServiceRequest::decode(body)
        .map_err(|e| Error::invalid(format_args!("the body is no ExportLogsServiceRequest: {e}")))
}

/// Decodes a JSON body.
///
/// # Errors
/// Kind `Invalid`, with line and column.
pub fn decode_json(body: &[u8]) -> Result<ExportLogsServiceRequest> {
    serde_json::from_slice(body)
        .map_err(|e| Error::invalid(format_args!("the body is no ExportLogsServiceRequest: {e}")))
}

/// Encodes an answer.
pub fn encode_response(response: &ExportLogsServiceResponse) -> Vec<u8> {
    response.encode_to_vec()
}

/// Adds all records of a request.
pub fn read(request: &ExportLogsServiceRequest, rows: &mut Rows<'_>) {
    for resource in &request.resource_logs {
        let stream = stream(resource, rows);
        for scope in &resource.scope_logs {
            for record in &scope.log_records {
                add(record, scope.scope.as_ref(), attributes_of(resource), &stream, rows);
            }
        }
    }
}

fn attributes_of(resource: &ResourceLogs) -> &[KeyValue] {
    resource.resource.as_ref().map_or(&[], |resource| &resource.attributes)
}

fn stream(resource: &ResourceLogs, rows: &Rows<'_>) -> Labels {
    let mut labels = LabelsBuilder::new();
    labels.set("input", "otlp");
    for (attribute, label) in LABELS {
        let found = attributes_of(resource).iter().find(|a| a.key == attribute);
        let tree = found.map(|a| tree_of(a.value.as_ref(), DEPTH));
        let value = tree.as_ref().and_then(Tree::plain).unwrap_or_default();
        let value = rows.label(&value);
        if !value.is_empty() && labels.get(label).is_empty() {
            labels.set(label, value);
        }
    }
    labels.build()
}

fn add(
    record: &LogRecord,
    scope: Option<&InstrumentationScope>,
    resource: &[KeyValue],
    stream: &Labels,
    rows: &mut Rows<'_>,
) {
    let time = [record.time_unix_nano, record.observed_time_unix_nano].into_iter().find(|t| *t > 0);
    let body = tree_of(record.body.as_ref(), DEPTH);
    let message = match &body {
        Tree::List(_) | Tree::Map(_) => {
            let mut json = String::new();
            body.write_json(&mut json);
            Cow::Owned(json)
        }
        scalar => scalar.plain().unwrap_or_default(),
    };
    rows.begin(stream, time.and_then(|t| i64::try_from(t).ok()), &message);
    for (name, bytes, len) in [("trace_id", &record.trace_id, 16), ("span_id", &record.span_id, 8)] {
        if bytes.len() == len && bytes.iter().any(|b| *b != 0) {
            rows.text(name, &crate::fluent::hex(bytes));
        }
    }
    rows.text("severity_text", &record.severity_text);
    if record.severity_number != 0 {
        rows.tree("severity_number", &Tree::Int(i64::from(record.severity_number)));
    }
    rows.text("event_name", &record.event_name);
    let mut seen: Vec<&str> = Vec::new();
    let scoped = scope.map_or(&[][..], |scope| &scope.attributes);
    let is_label = |a: &&KeyValue| LABELS.iter().any(|(name, _)| *name == a.key);
    let others = resource.iter().filter(|a| !is_label(a));
    for attribute in record.attributes.iter().chain(scoped).chain(others) {
        // More than a record may have are left out anyway, and counted.
        if seen.len() <= rows.limits().fields && seen.contains(&attribute.key.as_str()) {
            continue;
        }
        seen.push(&attribute.key);
        rows.tree(&attribute.key, &tree_of(attribute.value.as_ref(), DEPTH));
    }
    if let Some(scope) = scope {
        rows.text("scope_name", &scope.name);
        rows.text("scope_version", &scope.version);
    }
}

/// A value of OpenTelemetry; bytes in base64.
fn tree_of(value: Option<&AnyValue>, depth: usize) -> Tree<'_> {
    let (Some(value), Some(deeper)) = (value.and_then(|v| v.value.as_ref()), depth.checked_sub(1)) else {
        return Tree::Null;
    };
    match value {
        Value::StringValue(text) => Tree::Text(Cow::Borrowed(text)),
        Value::BoolValue(bool) => Tree::Bool(*bool),
        Value::IntValue(int) => Tree::Int(*int),
        Value::DoubleValue(double) => Tree::Float(*double),
        Value::BytesValue(bytes) => {
            Tree::Text(base64::engine::general_purpose::STANDARD.encode(bytes).into())
        }
        Value::ArrayValue(list) => {
            Tree::List(list.values.iter().map(|item| tree_of(Some(item), deeper)).collect())
        }
        Value::KvlistValue(map) => {
            let members = map
                .values
                .iter()
                .map(|pair| (Cow::Borrowed(&*pair.key), tree_of(pair.value.as_ref(), deeper)));
            Tree::Map(members.collect())
        }
        Value::StringValueStrindex(_) => Tree::Null,
    }
}

#[cfg(test)]
mod tests {
    use model::records::{FieldRef, NO_TIME, Records};
    use proptest::prelude::*;

    use super::*;
    use crate::logs::Limits;

    const REQUEST: &str = r#"{"resourceLogs":[{"resource":{"attributes":[
        {"key":"service.name","value":{"stringValue":"shop"}},{"key":"os.type","value":{"stringValue":"linux"}}]},
      "scopeLogs":[{"scope":{"name":"lib","version":"1"},"logRecords":[
        {"timeUnixNano":"1700000000123456789","severityNumber":17,"severityText":"ERROR",
         "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
         "body":{"stringValue":"it failed"},"attributes":[
           {"key":"n","value":{"intValue":"7"}},{"key":"os.type","value":{"stringValue":"other"}},
           {"key":"http","value":{"kvlistValue":{"values":[{"key":"status","value":{"intValue":"500"}}]}}}]},
        {"observedTimeUnixNano":"5","body":{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}},
        {}]}]}]}"#;

    fn records(request: &ExportLogsServiceRequest) -> Records {
        let mut records = Records::new();
        read(request, &mut Rows::new(&mut records, Limits::default(), 0));
        records
    }

    #[test]
    fn records_keep_what_they_say_in_both_forms() {
        let json = decode_json(REQUEST.as_bytes()).unwrap();
        let binary = decode_protobuf(&json.encode_to_vec()).unwrap();
        for request in [json, binary] {
            let records = records(&request);
            let row = records.get(0).unwrap();
            assert_eq!((row.body(), row.time_ns()), ("it failed", 1_700_000_000_123_456_789));
            assert_eq!(row.labels().to_string(), r#"{input="otlp", service="shop"}"#);
            let fields: Vec<_> = row.fields().map(|(name, _, value)| (name, value)).collect();
            let text = FieldRef::Text;
            assert_eq!(
                fields,
                [
                    ("trace_id", text("5b8efff798038103d269b633813fc60c")),
                    ("span_id", text("eee19b7ec3c1b174")),
                    ("severity_text", text("ERROR")),
                    ("severity_number", FieldRef::Int(17)),
                    ("n", FieldRef::Int(7)),
                    ("os.type", text("other")),
                    ("http.status", FieldRef::Int(500)),
                    ("scope_name", text("lib")),
                    ("scope_version", text("1")),
                ]
            );
            let row = records.get(1).unwrap();
            assert_eq!((row.body(), row.time_ns()), (r#"{"a":true}"#, 5));
            assert_eq!((records.get(2).unwrap().body(), records.get(2).unwrap().time_ns()), ("", NO_TIME));
        }
        assert!(decode_json(b"{").unwrap_err().message.contains("line 1"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40), at in 0usize..200) {
            let mut seed = decode_json(REQUEST.as_bytes()).unwrap().encode_to_vec();
            let at = at.min(seed.len());
            seed.splice(at..at, bytes.iter().copied());
            for body in [&bytes, &seed] {
                if let Ok(request) = decode_protobuf(body) {
                    let _ = records(&request);
                }
            }
        }
    }
}
