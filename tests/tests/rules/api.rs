//! The same rule file on both: `rules`, `alerts` and `alertmanagers` answer in the same shape.

use std::time::Duration;

use serde_json::Value;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, eventually};

const LIMIT: Duration = Duration::from_secs(60);

const RULES: &str = "groups:\n- name: one\n  interval: 1s\n  limit: 10\n  rules:\n  - {record: 'a:b', expr: 'vector(1)', labels: {x: y}}\n  \
    - {record: plain, expr: 'sum by (job) (up) / 2'}\n  \
    - {alert: Always, expr: 'vector(1.5) > 1', labels: {severity: '{{ $value }}'}, annotations: {text: 'is {{ $value | humanize }}'}}\n  \
    - {alert: Waits, expr: 'vector(1e3)', for: 1h30m, keep_firing_for: 5m}\n  \
    - {alert: Never, expr: 'vector(1) > 2'}\n  \
    - {record: broken, expr: 'vector(1) + on () (vector(1) or label_replace(vector(2), \"a\", \"b\", \"\", \"\"))'}\n\
    - name: two\n  interval: 1s\n  rules: [{record: c, expr: '1'}]\n";

const CONFIG: &str =
    "rule_files: [rules.yml]\nalerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:1']}]}]}\n";

/// What must differ is made equal: times, durations, folders.
fn masked(value: &Value) -> Value {
    const TIMES: [&str; 4] = ["evaluationTime", "lastEvaluation", "activeAt", "lastError"];
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| {
                let value = match name.as_str() {
                    name if TIMES.contains(&name) => kind(value),
                    "file" => Value::from("file"),
                    _ => masked(value),
                };
                (name.clone(), value)
            })
            .collect(),
        // Newer versions leave out groups of which no rule is asked for.
        Value::Array(items) => {
            items.iter().filter(|item| item["rules"] != Value::Array(Vec::new())).map(masked).collect()
        }
        Value::Number(number) => Value::from(number.as_f64()),
        other => other.clone(),
    }
}

fn kind(value: &Value) -> Value {
    Value::from(match value {
        Value::String(text) if text.starts_with("20") && text.ends_with('Z') => "a time",
        Value::String(text) if text.is_empty() => "nothing",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        _ => "something else",
    })
}

pub(crate) fn rules_and_alerts_have_the_shape_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let program = testkit::reference("prometheus").unwrap();
    let reference = Prometheus::start_configured(&program, folder.path(), CONFIG, &[]).unwrap();
    let config = format!("--config.file={}", folder.path().join("prometheus.yml").display());
    let bonghwa = Bonghwa::start(&folder.path().join("ours"), &[&config]).unwrap();
    let evaluated = |body: &Value| {
        let groups = body["data"]["groups"].as_array().cloned().unwrap_or_default();
        groups.len() == 2
            && groups
                .iter()
                .flat_map(|g| g["rules"].as_array().cloned().unwrap_or_default())
                .all(|r| r["health"] != "unknown")
    };
    let rules = |get: &dyn Fn(&str) -> Value| {
        eventually("all rules evaluated", LIMIT, || {
            let body = get("/api/v1/rules");
            evaluated(&body).then_some(())
        });
    };
    let theirs = |path: &str| reference.get(path).unwrap();
    let ours = |path: &str| bonghwa.json(path).unwrap();
    rules(&theirs);
    rules(&ours);
    // Discovery tells of what it found after some seconds there.
    let found =
        || theirs("/api/v1/alertmanagers")["data"]["activeAlertmanagers"].as_array().map_or(0, Vec::len);
    eventually("the Alertmanager is found", LIMIT, || (found() == 1).then_some(()));
    // That version knows no other filter yet.
    for path in [
        "/api/v1/rules",
        "/api/v1/rules?type=alert",
        "/api/v1/rules?type=record",
        "/api/v1/rules?type=ALERT",
        "/api/v1/alerts",
        "/api/v1/alertmanagers",
    ] {
        let (mut ours, theirs) = (masked(&ours(path)), masked(&theirs(path)));
        // Fields that came after that version.
        without(&mut ours, &["keepFiringFor"], &theirs);
        assert_eq!(ours, theirs, "{path}\nours: {ours:#}\ntheirs: {theirs:#}");
    }
}

/// Leaves out fields that the other side's version does not know yet.
fn without(value: &mut Value, names: &[&str], theirs: &Value) {
    let known = theirs.to_string();
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !names.contains(&name.as_str()) || known.contains(name.as_str()));
            map.values_mut().for_each(|inner| without(inner, names, theirs));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| without(inner, names, theirs)),
        _ => {}
    }
}
