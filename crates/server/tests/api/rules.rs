//! `rules`, `alerts`, `alertmanagers`.

use serde_json::{Value, json};

use crate::fixture::Fixture;

/// The group over logs.
const LOGS: &str = "/etc/rules/logs.yml/lines:Errors";

/// Files and names of the groups of an answer, with the names of their rules.
async fn groups(fixture: &Fixture, query: &str) -> Vec<String> {
    let (status, body) = fixture.json(&format!("/api/v1/rules?{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    let shown = |group: &Value| {
        let rules: Vec<&str> =
            group["rules"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
        format!("{}/{}:{}", group["file"].as_str().unwrap(), group["name"].as_str().unwrap(), rules.join("+"))
    };
    body["data"]["groups"].as_array().unwrap().iter().map(shown).collect()
}

#[tokio::test]
async fn rules_have_the_shape_of_prometheus() {
    let fixture = Fixture::start();
    let (_, body) = fixture.json("/api/v1/rules").await;
    let group = &body["data"]["groups"][0];
    assert_eq!(
        group["rules"][0],
        json!({
            "type": "alerting", "state": "firing", "name": "Down", "query": "up == 0", "duration": 90.0,
            "keepFiringFor": 0.0, "labels": {"severity": "page"}, "annotations": {"text": "{{ $labels.job }} is down"},
            "health": "ok", "evaluationTime": 0.25, "lastEvaluation": "2023-11-14T22:13:19.5Z",
            "alerts": [
                {"labels": {"alertname": "Down", "job": "j"}, "annotations": {"text": "j is down"}, "state": "firing",
                 "activeAt": "2023-11-14T22:12:20Z", "value": "5e-01"},
                {"labels": {"alertname": "Down", "job": "j"}, "annotations": {"text": "j is down"}, "state": "firing",
                 "activeAt": "2023-11-14T22:12:20Z", "keepFiringSince": "2023-11-14T22:13:19Z", "value": "5e-01"},
            ],
        })
    );
    assert_eq!(
        group["rules"][1],
        json!({"type": "recording", "name": "sum:up", "query": "sum(up)", "health": "err", "lastError": "no",
               "evaluationTime": 0.0, "lastEvaluation": "0001-01-01T00:00:00Z"})
    );
    assert_eq!((&group["interval"], &group["limit"]), (&json!(15.0), &json!(0)));
    let (_, alerts) = fixture.json("/api/v1/alerts").await;
    assert_eq!(alerts["data"]["alerts"], group["rules"][0]["alerts"]);
    let (_, managers) = fixture.json("/api/v1/alertmanagers").await;
    assert_eq!(
        managers["data"],
        json!({"activeAlertmanagers": [{"url": "http://am:9093/api/v2/alerts"}],
               "droppedAlertmanagers": [{"url": "http://not:9093/api/v2/alerts"}]})
    );
}

#[tokio::test]
async fn rules_are_filtered_and_come_in_pages() {
    let fixture = Fixture::start();
    for (query, want) in [
        ("", vec!["a.yml/one:Down+sum:up", "a.yml/two:sum:up", "b.yml/one:other", LOGS]),
        ("type=alert", vec!["a.yml/one:Down", LOGS]),
        ("type=RECORD", vec!["a.yml/one:sum:up", "a.yml/two:sum:up", "b.yml/one:other"]),
        ("rule_name[]=other&rule_name[]=Down", vec!["a.yml/one:Down", "b.yml/one:other"]),
        ("rule_group[]=one", vec!["a.yml/one:Down+sum:up", "b.yml/one:other"]),
        ("file[]=a.yml&rule_group[]=one&type=record", vec!["a.yml/one:sum:up"]),
        ("match[]={severity=~\"p.*\"}", vec!["a.yml/one:Down", LOGS]),
        ("match[]={severity=\"x\"}", vec![]),
    ] {
        assert_eq!(groups(&fixture, query).await, want, "{query}");
    }
    let (_, body) = fixture.json("/api/v1/rules?exclude_alerts=true&type=alert").await;
    assert_eq!(body["data"]["groups"][0]["rules"][0]["alerts"], Value::Null);
    let (_, first) = fixture.json("/api/v1/rules?group_limit=2").await;
    let token = first["data"]["groupNextToken"].as_str().unwrap();
    assert_eq!(first["data"]["groups"].as_array().unwrap().len(), 2);
    assert_eq!(
        groups(&fixture, &format!("group_limit=2&group_next_token={token}")).await,
        ["b.yml/one:other", LOGS]
    );
    for (query, problem) in [
        ("type=x", "invalid parameter \"type\": not supported value \"x\""),
        ("exclude_alerts=x", "error converting exclude_alerts"),
        ("group_limit=0", "group_limit needs to be greater than 0"),
        ("group_limit=x", "group_limit needs to be a valid number"),
        ("group_next_token=x", "group_limit needs to be present"),
        ("group_limit=1&group_next_token=x", "were rule groups changed?"),
        ("match[]={", "match[]"),
    ] {
        let (status, body) = fixture.json(&format!("/api/v1/rules?{query}")).await;
        assert_eq!((status, &body["errorType"]), (400, &json!("bad_data")), "{query}");
        assert!(body["error"].as_str().unwrap().contains(problem), "{query}: {body}");
    }
}

#[tokio::test]
async fn rules_over_logs_are_shown_as_loki_shows_them() {
    let fixture = Fixture::start();
    let (_, body) = fixture.json("/api/v1/rules?rule_group[]=lines").await;
    assert_eq!(body["data"]["groups"][0]["language"], "logql");
    let (_, body) = fixture.json("/api/v1/rules?rule_group[]=two").await;
    assert_eq!(body["data"]["groups"][0].get("language"), None, "Prometheus has no such field");
    let wanted = "logs.yml:\n- name: lines\n  interval: 15s\n  rules:\n  - alert: Errors\n    expr: count_over_time({app=\"web\"}[1m]) > 1\n    for: 1m30s\n    labels:\n      severity: page\n";
    for path in ["/loki/api/v1/rules", "/loki/api/v1/rules/logs.yml", "/api/prom/rules"] {
        let answer = fixture.get(path).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/yaml".parse().unwrap())
        );
        assert_eq!(squeezed(&answer.text().await.unwrap()), squeezed(wanted), "{path}");
    }
    let group = fixture.get("/loki/api/v1/rules/logs.yml/lines").await.text().await.unwrap();
    assert!(group.starts_with("name: lines\n"), "{group}");
    for (path, said) in [
        ("/loki/api/v1/rules/a.yml", "no rule groups found"),
        ("/loki/api/v1/rules/logs.yml/one", "group does not exist"),
    ] {
        let answer = fixture.get(path).await;
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (404, said));
    }
    let (_, body) = fixture.json("/prometheus/api/v1/rules").await;
    let groups = body["data"]["groups"].as_array().unwrap();
    assert_eq!(
        (groups.len(), &groups[0]["file"], &groups[0]["rules"][0]["name"]),
        (1, &json!("logs.yml"), &json!("Errors"))
    );
    let (_, body) = fixture.json("/prometheus/api/v1/alerts").await;
    assert_eq!(body["data"]["alerts"], json!([]), "those of metrics are none of Loki's");
}

/// Without the blanks by which writers of YAML differ.
fn squeezed(yaml: &str) -> Vec<String> {
    yaml.lines()
        .map(|line| line.replace(['"', '\'', '\\'], "").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}
