//! `rules`, `alerts`, `alertmanagers`.

use std::collections::HashSet;

use axum::extract::State;
use model::rule::{
    AlertState, AlertStatus, AlertingStatus, GroupStatus, RuleHealth, RuleLanguage, RuleStatus, Texts,
};
use model::{Labels, Matcher};
use serde::Serialize;
use serde_json::json;

use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use super::selector;
use super::targets::rfc3339;
use crate::params::Params;
use crate::state::Shared;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    groups: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    file: String,
    /// Prometheus has none; rules over logs say so.
    #[serde(skip_serializing_if = "is_promql")]
    language: RuleLanguage,
    rules: Vec<Rule>,
    interval: f64,
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Rule {
    Alerting(Alerting),
    Recording(Recording),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alerting {
    state: AlertState,
    name: String,
    query: String,
    duration: f64,
    keep_firing_for: f64,
    labels: Texts,
    annotations: Texts,
    alerts: Option<Vec<Alert>>,
    #[serde(flatten)]
    evaluation: Evaluation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    name: String,
    query: String,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    labels: Texts,
    #[serde(flatten)]
    evaluation: Evaluation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evaluation {
    health: RuleHealth,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
    /// What else is wrong: it depends on a label that folds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: Labels,
    annotations: Texts,
    state: AlertState,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

/// What of the rules is asked for.
struct Wanted {
    alerting: bool,
    recording: bool,
    names: HashSet<String>,
    groups: HashSet<String>,
    files: HashSet<String>,
    matchers: Vec<Vec<Matcher>>,
    alerts: bool,
}

impl Wanted {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let set = |name: &str| params.all(name).map(str::to_owned).collect();
        let (alerting, recording) = match params.get("type").to_ascii_lowercase().as_str() {
            "" => (true, true),
            "alert" => (true, false),
            "record" => (false, true),
            other => return Err(ApiError::parameter("type", format_args!("not supported value {other:?}"))),
        };
        let alerts = match params.get("exclude_alerts").to_ascii_lowercase().as_str() {
            "" | "0" | "f" | "false" => true,
            "1" | "t" | "true" => false,
            other => {
                let problem = format!(
                    "error converting exclude_alerts: strconv.ParseBool: parsing {other:?}: invalid syntax"
                );
                return Err(ApiError::parameter("exclude_alerts", problem));
            }
        };
        Ok(Self {
            alerting,
            recording,
            names: set("rule_name[]"),
            groups: set("rule_group[]"),
            files: set("file[]"),
            matchers: selector::all(params)?,
            alerts,
        })
    }

    fn group(&self, group: &GroupStatus) -> bool {
        let of = |set: &HashSet<String>, name: &str| set.is_empty() || set.contains(name);
        of(&self.groups, &group.name) && of(&self.files, &group.file)
    }

    fn rule(&self, rule: &RuleStatus) -> bool {
        let kind = if rule.alerting.is_some() { self.alerting } else { self.recording };
        let named = self.names.is_empty() || self.names.contains(&rule.name);
        let labels: Labels = rule.labels.iter().collect();
        let fits = |set: &Vec<Matcher>| set.iter().all(|m| m.matches_labels(&labels));
        kind && named && (self.matchers.is_empty() || self.matchers.iter().any(fits))
    }
}

/// Which part of a long list is asked for.
struct Page {
    limit: usize,
    token: String,
}

impl Page {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let (limit, token) = (params.get("group_limit"), params.get("group_next_token").to_owned());
        if limit.is_empty() {
            if !token.is_empty() {
                let problem = "group_limit needs to be present in order to paginate over the groups";
                return Err(ApiError::parameter("group_next_token", problem));
            }
            return Ok(Self { limit: usize::MAX, token });
        }
        let number = limit.parse::<i32>().map_err(|_| {
            let problem = format!("strconv.ParseInt: parsing {limit:?}: invalid syntax");
            ApiError::parameter(
                "group_limit",
                format_args!("group_limit needs to be a valid number: {problem}"),
            )
        })?;
        match usize::try_from(number) {
            Ok(limit) if limit > 0 => Ok(Self { limit, token }),
            _ => Err(ApiError::parameter("group_limit", "group_limit needs to be greater than 0")),
        }
    }
}

/// What a page of groups begins with.
fn token(group: &GroupStatus) -> String {
    let identity = Labels::from_pairs([("file", group.file.as_str()), ("group", group.name.as_str())]);
    format!("{:032x}", identity.hash128())
}

fn is_promql(language: &RuleLanguage) -> bool {
    *language == RuleLanguage::Promql
}

pub(crate) async fn rules(State(state): State<Shared>, Form(params): Form) -> Answer {
    let all = state.parts.rules.groups();
    chosen(&state, &params, all)
}

/// The groups that `params` ask for.
pub(crate) fn chosen(state: &Shared, params: &Params, all: Vec<GroupStatus>) -> Answer {
    let wanted = Wanted::of(params)?;
    let page = Page::of(params)?;
    let begin = match page.token.as_str() {
        "" => 0,
        wanted => all.iter().position(|group| token(group) == wanted).ok_or_else(|| {
            let problem = format!("invalid group_next_token '{wanted}'. were rule groups changed?");
            ApiError::parameter("group_next_token", problem)
        })?,
    };
    let mut found = Discovery { groups: Vec::new(), group_next_token: None };
    for group in all.into_iter().skip(begin).filter(|group| wanted.group(group)) {
        if !group.rules.iter().any(|rule| wanted.rule(rule)) {
            continue;
        }
        if found.groups.len() == page.limit {
            found.group_next_token = Some(token(&group));
            break;
        }
        found.groups.push(Group::new(state, group, &wanted));
    }
    Ok(success(found, Vec::new()))
}

impl Group {
    fn new(state: &Shared, group: GroupStatus, wanted: &Wanted) -> Self {
        let rules = group.rules.into_iter().filter(|rule| wanted.rule(rule));
        Self {
            name: group.name,
            file: group.file,
            language: group.language,
            rules: rules.map(|rule| Rule::new(state, rule, wanted.alerts)).collect(),
            interval: seconds(group.interval_ms),
            limit: group.limit,
            evaluation_time: group.duration_s,
            last_evaluation: rfc3339(group.last_evaluation_ms),
        }
    }
}

impl Rule {
    fn new(state: &Shared, rule: RuleStatus, alerts: bool) -> Self {
        let evaluation = Evaluation {
            health: rule.health,
            last_error: rule.last_error,
            warnings: state.rule_warnings(&rule.query),
            evaluation_time: rule.duration_s,
            last_evaluation: rfc3339(rule.last_evaluation_ms),
        };
        let (name, query, labels) = (rule.name, rule.query, rule.labels);
        match rule.alerting {
            None => Self::Recording(Recording { name, query, labels, evaluation }),
            Some(AlertingStatus { for_ms, keep_firing_for_ms, annotations, state, alerts: active }) => {
                Self::Alerting(Alerting {
                    state,
                    name,
                    query,
                    duration: seconds(for_ms),
                    keep_firing_for: seconds(keep_firing_for_ms),
                    labels,
                    annotations,
                    alerts: alerts.then(|| active.into_iter().map(Alert::from).collect()),
                    evaluation,
                })
            }
        }
    }
}

impl From<AlertStatus> for Alert {
    fn from(alert: AlertStatus) -> Self {
        Self {
            labels: alert.labels,
            annotations: alert.annotations,
            state: alert.state,
            active_at: rfc3339(alert.active_at_ms),
            keep_firing_since: (alert.keep_firing_since_ms != 0).then(|| rfc3339(alert.keep_firing_since_ms)),
            value: scientific(alert.value),
        }
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// The shortest digits with an exponent of at least two digits.
fn scientific(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let text = format!("{v:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or(0);
            format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        None => text,
    }
}

pub(crate) async fn alerts(State(state): State<Shared>) -> Answer {
    active(state.parts.rules.groups())
}

/// Pending and firing alerts of these groups.
pub(crate) fn active(groups: Vec<GroupStatus>) -> Answer {
    let rules = groups.into_iter().flat_map(|group| group.rules);
    let active = rules.filter_map(|rule| rule.alerting).flat_map(|alerting| alerting.alerts);
    let all: Vec<Alert> = active.map(Alert::from).collect();
    Ok(success(json!({ "alerts": all }), Vec::new()))
}

pub(crate) async fn alertmanagers(State(state): State<Shared>) -> Answer {
    let status = state.parts.rules.alertmanagers();
    let list = |urls: Vec<String>| urls.into_iter().map(|url| json!({ "url": url })).collect::<Vec<_>>();
    let body = json!({
        "activeAlertmanagers": list(status.active),
        "droppedAlertmanagers": list(status.dropped),
    });
    Ok(success(body, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::scientific;

    #[test]
    fn values_have_an_exponent() {
        for (v, text) in [(0.0, "0e+00"), (1.5, "1.5e+00"), (-1234.0, "-1.234e+03"), (1e-7, "1e-07")] {
            assert_eq!(scientific(v), text);
        }
        assert_eq!((scientific(f64::NAN), scientific(f64::INFINITY)), ("NaN".to_owned(), "+Inf".to_owned()));
    }
}
