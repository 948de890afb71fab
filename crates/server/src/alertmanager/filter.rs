//! What parameters ask for.

use http::StatusCode;
use model::rule::Texts;
use model::{Labels, Matcher, Pattern};
use query::matchers::{Notation, parse_one};

use super::error::ApiError;
use crate::params::Params;

/// The matchers of `filter`.
pub(super) fn matchers(params: &Params) -> Result<Vec<Matcher>, ApiError> {
    params.all("filter").map(|text| parse_one(text, Notation::Both).map_err(ApiError::bad)).collect()
}

/// The matchers of `receiver_matchers`.
pub(super) fn receiver_matchers(params: &Params) -> Result<Vec<Matcher>, ApiError> {
    let refuse = |e: String| ApiError::bad(format!("failed to parse receiver_matchers param: {e}"));
    params.all("receiver_matchers").map(|text| parse_one(text, Notation::Both).map_err(refuse)).collect()
}

/// Whether all of `matchers` take these labels.
pub(super) fn takes(matchers: &[Matcher], labels: &Texts) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).map_or("", String::as_str)))
}

/// A switch that is on where nothing is said.
pub(super) fn switch(params: &Params, name: &str) -> Result<bool, ApiError> {
    match params.get(name) {
        "" | "true" | "1" | "yes" | "ok" | "y" | "on" | "selected" | "checked" | "t" | "enabled" => Ok(true),
        "false" | "0" | "no" | "n" | "off" | "f" | "disabled" => Ok(false),
        other => Err(ApiError::form(601, format!("{name} in query must be of type boolean: {other:?}"))),
    }
}

/// What alerts are asked for.
pub(super) struct Wanted {
    matchers: Vec<Matcher>,
    receiver: Option<Pattern>,
    receivers: Vec<Matcher>,
    active: bool,
    silenced: bool,
    inhibited: bool,
}

impl Wanted {
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let receiver = match params.get("receiver") {
            "" => None,
            text => Some(Pattern::line_wise(text).map_err(|e| {
                let message = format!("failed to parse receiver param: {e}");
                ApiError::Text(StatusCode::BAD_REQUEST, message)
            })?),
        };
        // Nobody is unprocessed any more; the parameter is still checked.
        switch(params, "unprocessed")?;
        Ok(Self {
            matchers: matchers(params)?,
            receiver,
            receivers: receiver_matchers(params)?,
            active: switch(params, "active")?,
            silenced: switch(params, "silenced")?,
            inhibited: switch(params, "inhibited")?,
        })
    }

    /// Whether a receiver is asked for.
    pub(super) fn takes_receiver(&self, name: &str, labels: Option<&Texts>) -> bool {
        self.receiver.as_ref().is_none_or(|pattern| pattern.is_match(name))
            && (self.receivers.is_empty() || labels.is_some_and(|labels| takes(&self.receivers, labels)))
    }

    /// Whether an alert in this state is asked for.
    pub(super) fn takes_alert(&self, labels: &Labels, silenced: bool, inhibited: bool) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches_labels(labels))
            && (self.active || silenced || inhibited)
            && (self.silenced || !silenced)
            && (self.inhibited || !inhibited)
    }
}
