//! The HTTP API as a client sees it: parameters go in, `data` or an error comes out.

use std::time::Duration;

use serde_json::Value as Json;

use super::Settings;
use crate::http::{Answer, Server};
use crate::{Context, Failed};

/// How long a query may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What a query gave.
pub(super) struct Given {
    pub(super) data: Json,
    pub(super) warnings: Vec<String>,
}

pub(super) struct Api(Server);

impl Api {
    pub(super) fn new(url: &str, settings: &Settings, headers: &[(String, String)]) -> Result<Self, Failed> {
        let mut server = Server::connect(url, &settings.connection)?;
        for (name, value) in headers {
            server = server.with_header(name, value)?;
        }
        Ok(Self(server))
    }

    /// Asks `endpoint`, e.g. `query`, with a form.
    pub(super) fn post(&self, endpoint: &str, parameters: &[(&str, String)]) -> Result<Given, Failed> {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = form(parameters).into_bytes();
        let answer = self.0.post(&format!("/api/v1/{endpoint}"), &headers, body, LIMIT);
        given(answer.map_err(query_error)?)
    }

    /// Asks `endpoint` with parameters in the URL.
    pub(super) fn get(&self, endpoint: &str, parameters: &[(&str, String)]) -> Result<Given, Failed> {
        let answer = self.0.get(&format!("/api/v1/{endpoint}?{}", form(parameters)), LIMIT);
        given(answer.map_err(query_error)?)
    }
}

fn query_error(failed: Failed) -> Failed {
    Failed(format!("query error: {failed}"))
}

/// The data of an answer, or its error in promtool's words.
fn given(answer: Answer) -> Result<Given, Failed> {
    let error = |kind: &str, text: String| Failed(format!("query error: {kind}: {text}"));
    // Only with these is a body of the API's shape promised.
    let of_api = answer.status / 100 == 2 || matches!(answer.status, 400 | 422);
    if !of_api {
        let status = answer.status;
        let (kind, text) = match status / 100 {
            4 => ("client_error", format!("client error: {status}")),
            5 => ("server_error", format!("server error: {status}")),
            _ => ("bad_response", format!("bad response code {status}")),
        };
        let body = String::from_utf8_lossy(&answer.body);
        return Err(error(kind, format!("{text} (detail: {})", body.trim())));
    }
    let mut body: Json =
        serde_json::from_slice(&answer.body).map_err(|e| error("bad_response", e.to_string()))?;
    if body["status"] == "error" {
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        return Err(error(&text("errorType"), text("error")));
    }
    let warnings = body["warnings"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let warnings = warnings.map(str::to_owned).collect();
    Ok(Given { data: body["data"].take(), warnings })
}

/// Milliseconds as the API takes times.
pub(super) fn seconds(ms: i64) -> String {
    (ms as f64 / 1000.0).to_string()
}

/// Parameters as a form has them.
pub(crate) fn form(parameters: &[(&str, String)]) -> String {
    let encode = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    out.push(char::from(byte))
                }
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    };
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The time now, ms.
pub(super) fn now(_: &Context<'_>) -> i64 {
    model::Clock::now_ms(&model::SystemClock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<Json, String> {
        given(Answer { status, body: body.as_bytes().to_vec() }).map(|g| g.data).map_err(|e| e.0)
    }

    #[test]
    fn errors_are_worded_as_promtool_does() {
        assert_eq!(of(200, r#"{"status":"success","data":[1]}"#), Ok(serde_json::json!([1])));
        assert_eq!(
            of(400, r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#),
            Err("query error: bad_data: parse error".to_owned())
        );
        assert_eq!(
            of(503, "gone\n"),
            Err("query error: server_error: server error: 503 (detail: gone)".to_owned())
        );
        assert!(of(200, "<html>").unwrap_err().starts_with("query error: bad_response: "));
    }

    #[test]
    fn parameters_are_escaped() {
        assert_eq!(form(&[("match[]", "{a=\"ä b\"}".to_owned())]), "match%5B%5D=%7Ba%3D%22%C3%A4%20b%22%7D");
        assert_eq!(seconds(1_500), "1.5");
    }
}
