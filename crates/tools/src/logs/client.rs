//! Loki's API as a client sees it.

use std::collections::HashSet;
use std::time::Duration;

use outbound::client::header::{HeaderName, HeaderValue};
use serde_json::Value as Json;

use super::ask::{self, Known};
use crate::Failed;
use crate::http::{Answer, Connection, Server};
use crate::query::form;
use crate::tsdb::remote::{Token, needs_token};

/// How long a question may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Names of fields that are asked for.
const FIELDS: usize = 1_000;

/// A server that keeps logs.
pub(super) struct Loki(Server);

impl Loki {
    pub(super) fn connect(
        url: &str,
        connection: &Connection,
        token: &Token,
        headers: &[(String, String)],
    ) -> Result<Self, Failed> {
        Self::new(Server::connect(url, connection)?, token, headers)
    }

    pub(super) fn new(server: Server, token: &Token, headers: &[(String, String)]) -> Result<Self, Failed> {
        let mut server = token.shown_to(server)?;
        for (name, value) in headers {
            server = server.with_header(name, value)?;
        }
        Ok(Self(server))
    }

    pub(super) fn server(&self) -> &Server {
        &self.0
    }

    /// Asks `endpoint` under `/loki/api/v1`; the whole answer.
    pub(super) fn ask(&self, endpoint: &str, parameters: &[(&str, String)]) -> Result<Json, Failed> {
        let path = format!("/loki/api/v1/{endpoint}?{}", form(parameters));
        let answer = self.0.get(&path, LIMIT)?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|e| Failed::new(format_args!("{}: the answer is no JSON: {e}", self.0.url())))
    }

    /// Likewise, where the answer has an envelope: what is in it.
    pub(super) fn data(&self, endpoint: &str, parameters: &[(&str, String)]) -> Result<Json, Failed> {
        Ok(self.ask(endpoint, parameters)?["data"].take())
    }

    /// Why there is no answer.
    pub(super) fn refused(&self, answer: &Answer) -> Failed {
        let body = String::from_utf8_lossy(&answer.body);
        match answer.status {
            401 | 403 => needs_token(&self.0, &answer.body),
            400 => Failed(body.trim().to_owned()),
            404 => Failed(format!("{} keeps no logs: 404 {}", self.0.url(), body.trim())),
            status => Failed(format!("{}: {status}: {}", self.0.url(), body.trim())),
        }
    }

    /// What must be known to understand `text`.
    pub(super) fn known(&self, text: &str, (start, end): (i64, i64)) -> Result<Known, Failed> {
        let span = [("start", start.to_string()), ("end", end.to_string())];
        let labels: HashSet<String> = strings(&self.data("labels", &span)?).map(str::to_owned).collect();
        let base = ask::every_stream(&labels);
        let mut known = Known { base, labels, ..Known::default() };
        if ask::fields(text, &known.labels) {
            let [start, end] = span;
            let asked = [
                ("query", known.base.clone()),
                start,
                end,
                ("line_limit", "1000".to_owned()),
                ("limit", FIELDS.to_string()),
            ];
            let found = self.ask("detected_fields", &asked)?;
            for field in found["fields"].as_array().into_iter().flatten() {
                let parsers = strings(&field["parsers"]).map(str::to_owned).collect();
                known.parsers.insert(field["label"].as_str().unwrap_or_default().to_owned(), parsers);
            }
        }
        Ok(known)
    }
}

/// The texts of a list.
pub(super) fn strings(list: &Json) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// Headers as requests take them.
pub(super) fn header(name: &'static str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
}
