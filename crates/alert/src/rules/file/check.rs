//! What Prometheus and Loki refuse in a rule file, in their words.

use std::collections::HashSet;

use model::labels::{METRIC_NAME, is_plain_label_name, is_plain_metric_name};
use model::rule::RuleLanguage;
use query::logql::{self, Expr as LogqlExpr};
use query::promql::{format, parse_with};

use super::written::{Group, Place, Rule, Texts, place};
use super::{Expression, GroupDefinition, ParseSettings, RuleDefinition, RuleKind};
use crate::template;

pub(super) fn groups(
    groups: Vec<Group>,
    settings: &ParseSettings,
) -> Result<Vec<GroupDefinition>, Vec<String>> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    let mut checked = Vec::with_capacity(groups.len());
    for group in groups {
        let (line, column) = group.place;
        if group.name.is_empty() {
            problems.push(format!("{line}:{column}: Groupname must not be empty"));
        }
        if !names.insert(group.name.clone()) {
            let name = &group.name;
            problems.push(format!("{line}:{column}: groupname: \"{name}\" is repeated in the same file"));
        }
        problems.extend(label_names(&group.labels, settings));
        checked.extend(self::group(group, settings, &mut problems));
    }
    if problems.is_empty() { Ok(checked) } else { Err(problems) }
}

fn group(group: Group, settings: &ParseSettings, problems: &mut Vec<String>) -> Option<GroupDefinition> {
    let mut rules = Vec::with_capacity(group.rules.len());
    for (at, rule) in group.rules.iter().enumerate() {
        let mut found = Found { problems: Vec::new() };
        let definition = self::rule(rule, &group.labels, settings, &mut found);
        let name = shown_name(rule);
        problems.extend(found.problems.into_iter().map(|(place, text)| {
            format!("{place}group {:?}, rule {}, {name:?}: {text}", group.name, at + 1)
        }));
        rules.extend(definition);
    }
    let interval_ms = group.interval.map(|d| d.0).filter(|ms| *ms > 0);
    let limit = usize::try_from(group.limit).unwrap_or(0);
    let query_offset_ms = group.query_offset.map(|d| d.0);
    let language = settings.language;
    Some(GroupDefinition { name: group.name, language, interval_ms, query_offset_ms, limit, rules })
}

/// The name under which mistakes of a rule are told: that of the alert first.
fn shown_name(rule: &Rule) -> &str {
    let given =
        |name: &'_ Option<serde_saphyr::Spanned<String>>| name.as_ref().is_some_and(|n| !n.value.is_empty());
    let name = if given(&rule.alert) { &rule.alert } else { &rule.record };
    name.as_ref().map_or("", |name| &name.value)
}

/// Mistakes of one rule with their places.
struct Found {
    problems: Vec<(String, String)>,
}

impl Found {
    fn at(&mut self, place: Place, text: impl Into<String>) {
        self.problems.push((format!("{}:{}: ", place.0, place.1), text.into()));
    }

    fn nowhere(&mut self, text: String) {
        self.problems.push((String::new(), text));
    }
}

fn rule(
    rule: &Rule,
    of_group: &Texts,
    settings: &ParseSettings,
    found: &mut Found,
) -> Option<RuleDefinition> {
    let record = rule.record.as_ref().filter(|name| !name.value.is_empty());
    let alert = rule.alert.as_ref().filter(|name| !name.value.is_empty());
    match (record, alert) {
        (Some(record), Some(alert)) => {
            let (line, column) = place(record);
            let other = place(alert);
            let place = format!("{line}:{column}: {}:{}: ", other.0, other.1);
            found.problems.push((place, "only one of 'record' and 'alert' must be set".to_owned()));
        }
        (None, None) => found.at(rule.place, "one of 'record' or 'alert' must be set"),
        _ => {}
    }
    let expr = expression(rule, settings, found);
    if let Some(record) = record {
        recording(rule, &record.value, place(record), settings, found);
    }
    found.problems.extend(label_names(&rule.labels, settings).into_iter().map(|e| (String::new(), e)));
    for name in rule.annotations.keys() {
        if !valid_label(name, settings) {
            found.nowhere(format!("invalid annotation name: {name}"));
        }
    }
    if let Some(alert) = alert {
        for (what, texts) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
            for (name, text) in texts {
                if let Err(e) = template::check(&alert.value, text.as_deref().unwrap_or("")) {
                    found.nowhere(format!("{what} {name:?}: {e}"));
                }
            }
        }
    }
    let (expr, query) = expr?;
    let mut labels = of_group.clone();
    labels.extend(rule.labels.clone());
    Some(RuleDefinition {
        name: alert.or(record)?.value.clone(),
        query,
        expr,
        labels: self::texts(labels),
        kind: match alert {
            None => RuleKind::Recording,
            Some(_) => RuleKind::Alerting {
                for_ms: rule.hold.0,
                keep_firing_for_ms: rule.keep_firing_for.0,
                annotations: self::texts(rule.annotations.clone()),
            },
        },
    })
}

/// The expression and its printed form.
fn expression(rule: &Rule, settings: &ParseSettings, found: &mut Found) -> Option<(Expression, String)> {
    let Some(written) = rule.expr.as_ref().filter(|e| !e.value.is_empty()) else {
        let at = rule.expr.as_ref().map_or(rule.place, place);
        found.at(at, "field 'expr' must be set in rule");
        return None;
    };
    match parsed(&written.value, settings) {
        Ok(parsed) => Some(parsed),
        Err(e) => {
            found.at(place(written), format!("could not parse expression: {e}"));
            None
        }
    }
}

fn parsed(text: &str, settings: &ParseSettings) -> Result<(Expression, String), String> {
    if settings.language == RuleLanguage::Promql {
        let expr = parse_with(text, &settings.expressions).map_err(|e| e.to_string())?;
        let query = format(&expr);
        return Ok((Expression::Promql(Box::new(expr)), query));
    }
    let expr = logql::parse(text).map_err(|e| e.to_string())?;
    let query = logql::format(&expr);
    match expr {
        LogqlExpr::Metric(expr) => Ok((Expression::Logql(Box::new(expr)), query)),
        LogqlExpr::Log(_) => {
            Err("it yields lines, and a rule needs numbers, e.g. sum(count_over_time({...} [5m])) > 0"
                .to_owned())
        }
    }
}

fn recording(rule: &Rule, name: &str, at: Place, settings: &ParseSettings, found: &mut Found) {
    for (given, field) in [
        (!rule.annotations.is_empty(), "annotations"),
        (rule.hold.0 != 0, "for"),
        (rule.keep_firing_for.0 != 0, "keep_firing_for"),
    ] {
        if given {
            found.at(at, format!("invalid field '{field}' in recording rule"));
        }
    }
    if settings.legacy_names && !is_plain_metric_name(name) {
        found.at(at, format!("invalid recording rule name: {name}"));
    }
    if name.contains(['{', '}']) {
        found.at(at, format!("braces present in the recording rule name; should it be in expr?: {name}"));
    }
}

fn label_names(labels: &Texts, settings: &ParseSettings) -> Vec<String> {
    let wrong = labels.keys().filter(|name| !valid_label(name, settings) || *name == METRIC_NAME);
    wrong.map(|name| format!("invalid label name: {name}")).collect()
}

fn valid_label(name: &str, settings: &ParseSettings) -> bool {
    if settings.legacy_names { is_plain_label_name(name) } else { !name.is_empty() }
}

fn texts(texts: Texts) -> model::rule::Texts {
    texts.into_iter().map(|(name, text)| (name, text.unwrap_or_default())).collect()
}
