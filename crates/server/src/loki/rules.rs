//! Rules over logs, as Loki's ruler shows them: what is configured as YAML by namespace (here the name of the file), what
//! came of it as JSON. They are written in files; nothing is changed here.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use axum::extract::{self, Path};
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use model::rule::{GroupStatus, RuleLanguage, RuleStatus, Texts};
use query::promql::format_duration;
use serde::Serialize;

use super::error::{Answer, ApiError};
use crate::prometheus::error::Answer as PrometheusAnswer;
use crate::prometheus::extract::Form;
use crate::prometheus::rules::{active, chosen};
use crate::state::Shared;

/// A group as a rule file has it.
#[derive(Serialize)]
struct Group {
    name: String,
    interval: String,
    #[serde(skip_serializing_if = "is_zero")]
    limit: usize,
    rules: Vec<Rule>,
}

fn is_zero(limit: &usize) -> bool {
    *limit == 0
}

#[derive(Serialize)]
struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<String>,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    hold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    labels: Texts,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    annotations: Texts,
}

impl From<RuleStatus> for Rule {
    fn from(rule: RuleStatus) -> Self {
        let duration = |ms: i64| (ms > 0).then(|| format_duration(ms));
        let (name, expr, labels) = (rule.name, rule.query, rule.labels);
        match rule.alerting {
            None => Self {
                record: Some(name),
                alert: None,
                expr,
                hold: None,
                keep_firing_for: None,
                labels,
                annotations: Texts::new(),
            },
            Some(alerting) => Self {
                record: None,
                alert: Some(name),
                expr,
                hold: duration(alerting.for_ms),
                keep_firing_for: duration(alerting.keep_firing_for_ms),
                labels,
                annotations: alerting.annotations,
            },
        }
    }
}

impl From<GroupStatus> for Group {
    fn from(group: GroupStatus) -> Self {
        Self {
            name: group.name,
            interval: format_duration(group.interval_ms),
            limit: group.limit,
            rules: group.rules.into_iter().map(Rule::from).collect(),
        }
    }
}

/// Groups over logs, with their namespace in the place of their file.
fn groups(state: &Shared) -> Vec<GroupStatus> {
    let mut all = state.parts.rules.groups();
    all.retain(|group| group.language == RuleLanguage::Logql);
    for group in &mut all {
        if let Some(name) = FilePath::new(&group.file).file_name() {
            group.file = name.to_string_lossy().into_owned();
        }
    }
    all
}

fn yaml(value: &impl Serialize) -> Answer {
    let text = serde_saphyr::to_string(value)
        .map_err(|e| model::Error::internal("rules cannot be written as YAML").with_detail(e))?;
    Ok(([(CONTENT_TYPE, "application/yaml")], text).into_response())
}

fn by_namespace(groups: Vec<GroupStatus>) -> Answer {
    if groups.is_empty() {
        return Err(ApiError::not_found("no rule groups found"));
    }
    let mut all: BTreeMap<String, Vec<Group>> = BTreeMap::new();
    for group in groups {
        all.entry(group.file.clone()).or_default().push(group.into());
    }
    yaml(&all)
}

pub(crate) async fn all(extract::State(state): extract::State<Shared>) -> Answer {
    by_namespace(groups(&state))
}

pub(crate) async fn namespace(
    extract::State(state): extract::State<Shared>,
    Path(namespace): Path<String>,
) -> Answer {
    let mut found = groups(&state);
    found.retain(|group| group.file == namespace);
    by_namespace(found)
}

pub(crate) async fn group(
    extract::State(state): extract::State<Shared>,
    Path((namespace, name)): Path<(String, String)>,
) -> Answer {
    let found = groups(&state).into_iter().find(|group| group.file == namespace && group.name == name);
    yaml(&Group::from(found.ok_or_else(|| ApiError::not_found("group does not exist"))?))
}

pub(crate) async fn states(
    extract::State(state): extract::State<Shared>,
    Form(params): Form,
) -> PrometheusAnswer {
    chosen(&state, &params, groups(&state))
}

pub(crate) async fn alerts(extract::State(state): extract::State<Shared>) -> PrometheusAnswer {
    active(groups(&state))
}
