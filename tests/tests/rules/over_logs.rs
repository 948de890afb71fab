//! Lines are pushed, a rule over them fires, what it recorded is a metric, and a reload takes changed files or none.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tests::{Bonghwa, eventually};

use crate::now_ms;

const LIMIT: Duration = Duration::from_secs(60);

fn rules(name: &str) -> String {
    format!(
        "groups:\n- name: lines\n  interval: 1s\n  rules:\n\
         \x20 - record: {name}\n    expr: sum by (app) (count_over_time({{app=\"shop\"}} |= \"boom\" [1h]))\n\
         \x20 - alert: Boom\n    expr: sum by (app) (count_over_time({{app=\"shop\"}} | logfmt | code >= 500 [1h])) > 1\n\
         \x20   annotations: {{text: '{{{{ $labels.app }}}} {{{{ $value }}}}'}}\n"
    )
}

fn write(folder: &Path, text: &str) {
    std::fs::write(folder.join("lines.yml"), text).unwrap();
}

fn push(bonghwa: &Bonghwa, lines: &[&str]) {
    let now = now_ms() * 1_000_000;
    let values: Vec<_> =
        lines.iter().zip(0_i64..).map(|(line, n)| json!([(now + n).to_string(), line])).collect();
    let body = json!({"streams": [{"stream": {"app": "shop"}, "values": values}]}).to_string();
    let request = bonghwa.client().post(format!("{}/loki/api/v1/push", bonghwa.url));
    let answer = request.header("content-type", "application/json").body(body).send().unwrap();
    assert_eq!(answer.status(), 204, "{}", answer.text().unwrap_or_default());
}

pub(crate) fn fires_and_records() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &rules("shop:booms"));
    let config = folder.path().join("ours.yml");
    std::fs::write(&config, "scrape_configs: []\nlogs:\n  rules: ['*.yml.none', 'lines.yml']\n").unwrap();
    let flag = format!("--config.file={}", config.display());
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[&flag, "--web.enable-lifecycle"]).unwrap();
    push(&bonghwa, &["boom code=500", "boom code=503", "fine code=200"]);
    eventually("the recorded metric", LIMIT, || {
        (bonghwa.value("shop:booms{app=\"shop\"}") == Some(2.0)).then_some(())
    });
    let alert = eventually("the alert", LIMIT, || {
        let alerts = bonghwa.json("/prometheus/api/v1/alerts").ok()?;
        alerts["data"]["alerts"].get(0).cloned()
    });
    assert_eq!((&alert["state"], &alert["annotations"]["text"]), (&json!("firing"), &json!("shop 2")));
    assert_eq!(alert["labels"], json!({"alertname": "Boom", "app": "shop"}));
    eventually("ALERTS", LIMIT, || bonghwa.value("ALERTS{alertname=\"Boom\",alertstate=\"firing\"}"));
    let shown = bonghwa.get("/loki/api/v1/rules").unwrap().text().unwrap();
    assert!(shown.contains("lines.yml") && shown.contains("shop:booms"), "{shown}");
    let groups = bonghwa.json("/api/v1/rules").unwrap()["data"]["groups"].clone();
    assert_eq!(groups[0]["language"], "logql");

    // A file that is wrong changes nothing, and the place of the mistake is said.
    let reload = || bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    write(folder.path(), &rules("a").replace("|= \"boom\"", "|= boom"));
    let refused = reload();
    assert!(!refused.status().is_success());
    let said = refused.text().unwrap();
    assert!(said.contains("lines.yml: 6:11: ") && said.contains("parse error at line 1, col "), "{said}");
    assert!(bonghwa.value("shop:booms").is_some());
    write(folder.path(), &rules("shop:renamed"));
    assert!(reload().status().is_success());
    eventually("the renamed metric", LIMIT, || bonghwa.value("shop:renamed"));
    bonghwa.kill().unwrap();
}
