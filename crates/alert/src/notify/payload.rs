//! Alerts in the form of the Alertmanagers' API, version 2.

use std::sync::Arc;

use model::Labels;
use model::rule::Texts;
use serde::Serialize;

use crate::sink::OutgoingAlert;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Posted<'a> {
    annotations: &'a Texts,
    ends_at: String,
    starts_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    labels: &'a Labels,
}

/// The body of one request.
pub(super) fn body(alerts: &[Arc<OutgoingAlert>]) -> Result<Vec<u8>, String> {
    let posted: Vec<Posted<'_>> = alerts
        .iter()
        .map(|alert| Posted {
            annotations: &alert.annotations,
            ends_at: time(alert.ends_at_ms),
            starts_at: time(alert.starts_at_ms),
            generator_url: &alert.generator_url,
            labels: &alert.labels,
        })
        .collect();
    serde_json::to_vec(&posted).map_err(|e| e.to_string())
}

/// RFC 3339 with milliseconds.
fn time(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        Err(_) => "0001-01-01T00:00:00.000Z".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_api_wants_it() {
        let alert = OutgoingAlert {
            labels: Labels::from_pairs([("alertname", "A"), ("x", "\"")]),
            annotations: Texts::from([("none".to_owned(), String::new())]),
            starts_at_ms: 1_435_065_584_128,
            ends_at_ms: 1_435_065_584_000,
            generator_url: "http://h/graph".to_owned(),
        };
        assert_eq!(
            String::from_utf8(body(&[Arc::new(alert)]).unwrap()).unwrap(),
            "[{\"annotations\":{\"none\":\"\"},\"endsAt\":\"2015-06-23T13:19:44.000Z\",\"startsAt\":\"2015-06-23T13:19:44.128Z\",\
             \"generatorURL\":\"http://h/graph\",\"labels\":{\"alertname\":\"A\",\"x\":\"\\\"\"}}]"
        );
    }
}
