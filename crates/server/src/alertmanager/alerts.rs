//! Alerts and groups of them.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use model::Labels;
use model::alerts::{Alert, AlertStatus, Alertmanager};
use model::rule::Texts;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::filter::{Wanted, switch};
use super::time::{self, Time};
use super::{Answer, answer, asked, params};
use crate::receive::{receive, unpack};
use crate::state::Shared;

fn shown(status: &AlertStatus, muted_by: &[String]) -> Value {
    let alert = &status.alert;
    let quiet = !status.silenced_by.is_empty() || !status.inhibited_by.is_empty() || !muted_by.is_empty();
    let mut shown = json!({
        "annotations": alert.annotations,
        "endsAt": time::write(alert.ends_at_ms),
        "fingerprint": status.fingerprint.to_string(),
        "receivers": status.receivers.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "startsAt": time::write(alert.starts_at_ms),
        "status": {
            "inhibitedBy": status.inhibited_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mutedBy": muted_by,
            "silencedBy": status.silenced_by,
            "state": if quiet { "suppressed" } else { "active" },
        },
        "updatedAt": time::write(alert.updated_at_ms),
        "labels": alert.labels,
    });
    if let Some(fields) = shown.as_object_mut().filter(|_| !alert.generator_url.is_empty()) {
        fields.insert("generatorURL".to_owned(), json!(alert.generator_url));
    }
    shown
}

fn labels_of(alertmanager: &dyn Alertmanager) -> BTreeMap<String, Texts> {
    alertmanager.receivers().into_iter().map(|receiver| (receiver.name, receiver.labels)).collect()
}

fn takes(wanted: &Wanted, status: &AlertStatus) -> bool {
    let (silenced, inhibited) = (!status.silenced_by.is_empty(), !status.inhibited_by.is_empty());
    wanted.takes_alert(&status.alert.labels, silenced, inhibited)
}

/// Runs what looks at all alerts on a thread for work.
async fn aside(work: impl FnOnce() -> Vec<Value> + Send + 'static) -> Answer {
    let ended = |e| model::Error::internal("the request ended unexpectedly").with_detail(e);
    answer(tokio::task::spawn_blocking(work).await.map_err(ended)?)
}

pub(super) async fn list(State(state): State<Shared>, uri: Uri) -> Answer {
    let alertmanager = asked(&state)?;
    let wanted = Wanted::of(&params(&uri)?)?;
    aside(move || {
        let labels = labels_of(&*alertmanager);
        let told = |status: &AlertStatus| {
            status.receivers.iter().any(|name| wanted.takes_receiver(name, labels.get(name)))
        };
        let all = alertmanager.alerts();
        all.iter().filter(|status| told(status) && takes(&wanted, status)).map(|s| shown(s, &[])).collect()
    })
    .await
}

pub(super) async fn groups(State(state): State<Shared>, uri: Uri) -> Answer {
    let alertmanager = asked(&state)?;
    let params = params(&uri)?;
    let wanted = Wanted::of(&params)?;
    let muted = switch(&params, "muted")?;
    aside(move || {
        let labels = labels_of(&*alertmanager);
        let mut all = Vec::new();
        for group in alertmanager.groups() {
            if (!muted && !group.muted_by.is_empty())
                || !wanted.takes_receiver(&group.receiver, labels.get(&group.receiver))
            {
                continue;
            }
            let alerts: Vec<Value> = group
                .alerts
                .iter()
                .filter(|status| takes(&wanted, status))
                .map(|status| shown(status, &group.muted_by))
                .collect();
            if alerts.is_empty() {
                continue;
            }
            all.push(json!({
                "alerts": alerts,
                "labels": group.labels,
                "receiver": {"name": group.receiver},
                "routeLabels": group.route_labels,
            }));
        }
        all
    })
    .await
}

/// An alert as it is sent. Fields that the API does not have are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    #[serde(default)]
    labels: Option<Texts>,
    #[serde(default)]
    annotations: Option<Texts>,
    #[serde(default)]
    starts_at: Time,
    #[serde(default)]
    ends_at: Time,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

impl Posted {
    fn alert(self, now_ms: i64, resolve_timeout_ms: i64) -> Result<Alert, String> {
        let starts_at_ms = self.starts_at.0.or(self.ends_at.0).unwrap_or(now_ms);
        let ends_at_ms = self.ends_at.0.unwrap_or(now_ms.saturating_add(resolve_timeout_ms));
        if ends_at_ms < starts_at_ms {
            return Err("start time must be before end time".to_owned());
        }
        let mut labels = self.labels.unwrap_or_default();
        labels.retain(|_, value| !value.is_empty());
        if labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        let annotations = self.annotations.unwrap_or_default();
        for (what, texts) in [("label set", &labels), ("annotations", &annotations)] {
            if texts.contains_key("") {
                return Err(format!("invalid {what}: invalid name \"\""));
            }
        }
        Ok(Alert {
            labels: Labels::from_pairs(labels),
            annotations,
            starts_at_ms,
            ends_at_ms,
            updated_at_ms: now_ms,
            timeout: self.ends_at.0.is_none(),
            generator_url: self.generator_url,
        })
    }
}

pub(super) async fn post(
    State(state): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let alertmanager = asked(&state)?;
    let sent = headers.clone();
    let taken = receive(&state, &headers, body, move |state, body| {
        let plain = unpack(state, &sent, body)?;
        // What is read takes a few times what was sent.
        let _memory = state.parts.budget.reserve(plain.bytes.len() as u64 * 4)?;
        let posted: Vec<Posted> = match serde_json::from_slice(&plain.bytes) {
            Ok(posted) => posted,
            Err(e) => {
                let message = format!("parsing alerts body from \"\" failed, because {e}");
                return Ok(Err(ApiError::shaped(StatusCode::BAD_REQUEST, 400, message)));
            }
        };
        let (now_ms, timeout_ms) = (state.now_ms(), alertmanager.resolve_timeout_ms());
        let (mut alerts, mut errors) = (Vec::with_capacity(posted.len()), Vec::new());
        for posted in posted {
            match posted.alert(now_ms, timeout_ms) {
                Ok(alert) => alerts.push(alert),
                Err(e) => errors.push(e),
            }
        }
        alertmanager.put(alerts)?;
        Ok(if errors.is_empty() { Ok(()) } else { Err(ApiError::bad(errors.join("\n"))) })
    });
    taken.await??;
    Ok(StatusCode::OK.into_response())
}
