//! Templates as Alertmanager renders them.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

/// A value of the language from JSON.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_i64().map_or(Value::Float(number.as_f64().unwrap()), Value::Int),
        Json::String(text) => template::text(text),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(map) => {
            Value::Map(Arc::new(map.iter().map(|(k, v)| (Arc::from(k.as_str()), value(v))).collect()))
        }
    }
}

/// A notification of the cases; what it leaves out is empty, as in Go.
fn notification(json: &Json) -> Value {
    let field = |json: &Json, from: &str, or: Value| json.get(from).map_or(or, value);
    let time = |json: &Json, from: &str| {
        let text = json.get(from).and_then(Json::as_str).unwrap_or("0001-01-01T00:00:00Z");
        template::text(query::template::times::shown(text.parse().unwrap()))
    };
    let empty = || template::text("");
    let alert = |json: &Json| {
        Value::Map(Arc::new(BTreeMap::from([
            (Arc::from("Status"), field(json, "status", empty())),
            (Arc::from("Labels"), field(json, "labels", Value::Nil)),
            (Arc::from("Annotations"), field(json, "annotations", Value::Nil)),
            (Arc::from("StartsAt"), time(json, "startsAt")),
            (Arc::from("EndsAt"), time(json, "endsAt")),
            (Arc::from("GeneratorURL"), field(json, "generatorURL", empty())),
            (Arc::from("Fingerprint"), field(json, "fingerprint", empty())),
        ])))
    };
    let alerts = json.get("alerts").and_then(Json::as_array).map(|all| all.iter().map(alert).collect());
    Value::Map(Arc::new(BTreeMap::from([
        (Arc::from("Receiver"), field(json, "receiver", empty())),
        (Arc::from("Status"), field(json, "status", empty())),
        (Arc::from("Alerts"), Value::List(alerts.unwrap_or_default())),
        (Arc::from("GroupLabels"), field(json, "groupLabels", Value::Nil)),
        (Arc::from("CommonLabels"), field(json, "commonLabels", Value::Nil)),
        (Arc::from("CommonAnnotations"), field(json, "commonAnnotations", Value::Nil)),
        (Arc::from("ExternalURL"), field(json, "externalURL", empty())),
    ])))
}

fn render(text: &str, data: &Value, routes: Pairs, html: bool) -> Result<String, String> {
    Templates::defaults().unwrap().render(text, data, 0, &RouteLabels::raw(routes), html)
}

fn text(words: &str) -> Result<String, String> {
    render(words, &Value::Nil, Pairs::new(), false)
}

#[cfg(conformance)]
fn cases() -> Json {
    let folder = std::env::var_os("BONGHWA_CONFORMANCE").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance").into(),
        std::path::PathBuf::from,
    );
    let text = std::fs::read_to_string(folder.join("alertmanager/template_cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[cfg(not(conformance))]
fn cases() -> Json {
    Json::Null
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn functions_give_what_alertmanagers_give() {
    let cases = cases();
    for case in cases["functions"].as_array().unwrap() {
        let data = case.get("data").unwrap_or(&Json::Null);
        let routes = data.get("routeLabels").map(|routes| serde_json::from_value(routes.clone()).unwrap());
        let value = match case.get("data_kind").and_then(Json::as_str) {
            Some("notification") => notification(data),
            _ => value(data),
        };
        let html = case["html"].as_bool().unwrap();
        let rendered = render(case["in"].as_str().unwrap(), &value, routes.unwrap_or_default(), html);
        match case["fail"].as_bool().unwrap() {
            true => drop(rendered.expect_err(case["title"].as_str().unwrap())),
            false => {
                assert_eq!(rendered, Ok(case["expect"].as_str().unwrap().to_owned()), "{}", case["title"])
            }
        }
    }
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn notifications_are_rendered_as_alertmanager_renders_them() {
    let cases = cases();
    let mut exact = 0;
    for case in cases["renderings"].as_array().unwrap() {
        let data = notification(&cases["data"][case["data"].as_str().unwrap()]);
        let words = case["text"].as_str().unwrap();
        let rendered = render(words, &data, Pairs::new(), false);
        if case["fail"].as_bool().unwrap() {
            assert!(rendered.is_err(), "{words}: {rendered:?}");
            continue;
        }
        let (rendered, expected) = (rendered.unwrap(), case["expect"].as_str().unwrap());
        if !words.contains("template \"") {
            assert_eq!(rendered, expected, "{words}");
            exact += 1;
            continue;
        }
        // The defaults are our own: they say something where Alertmanager's do, and all that it says of alerts.
        assert_eq!(rendered.is_empty(), expected.trim().is_empty(), "{words}: {rendered}");
        for line in expected.lines() {
            if let Some((_, told)) = line.split_once(" = ").or_else(|| line.split_once("Source: ")) {
                assert!(rendered.contains(told), "{words}: {told} is not in {rendered}");
            }
        }
        if words.contains(".title\"") || words.contains("__subject") {
            assert_eq!(rendered.replace("  ", " ").trim(), expected.replace("  ", " ").trim());
        }
    }
    assert!(exact >= 39, "{exact}");
}

#[test]
fn every_default_can_be_rendered() {
    let alerts = serde_json::json!([
        {"status": "firing", "labels": {"alertname": "a<b>", "severity": "warning"}, "annotations": {"s": "x & y"}},
        {"status": "resolved", "labels": {"alertname": "a<b>"}, "annotations": {}},
    ]);
    let data = notification(&serde_json::json!({
        "receiver": "r", "status": "firing", "alerts": alerts, "groupLabels": {"alertname": "a<b>"},
        "commonLabels": {"alertname": "a<b>"}, "commonAnnotations": {}, "externalURL": "http://h",
    }));
    let templates = Templates::defaults().unwrap();
    let lists = ["list", "instances"];
    for name in templates.0.keys().filter(|name| !lists.iter().any(|list| name.contains(list))) {
        let words = format!("{{{{ template {name:?} . }}}}");
        render(&words, &data, Pairs::new(), false).unwrap_or_else(|e| panic!("{name}: {e}"));
        render(&words, &data, Pairs::new(), true).unwrap_or_else(|e| panic!("{name} as HTML: {e}"));
    }
    let html = render("{{ template \"email.default.html\" . }}", &data, Pairs::new(), true).unwrap();
    assert!(html.contains("a&lt;b&gt;") && html.contains("x &amp; y") && !html.contains("a<b>"), "{html}");
    assert!(html.contains("href=\"http://h/alerts?receiver=r\""), "{html}");
    let priority = render("{{ template \"jira.default.priority\" . }}", &data, Pairs::new(), false);
    assert_eq!(priority, Ok("Medium".to_owned()));
}

#[test]
fn times_have_zones_and_layouts() {
    let at = "(toDate \"2006-01-02 15:04\" \"2024-07-01 12:30\")";
    for (words, expected) in [
        ("{{ AT }}", "2024-07-01 12:30:00 +0000 UTC"),
        ("{{ AT | tz \"Europe/Paris\" }}", "2024-07-01 14:30:00 +0200 CEST"),
        ("{{ (AT | tz \"Asia/Seoul\").Format \"15:04 MST -07:00\" }}", "21:30 KST +09:00"),
        ("{{ date \"2006-01-02T15:04:05Z07:00\" AT }}", "2024-07-01T12:30:00Z"),
        ("{{ AT | tz \"Asia/Seoul\" | date \"2006-01-02T15:04:05Z07:00\" }}", "2024-07-01T21:30:00+09:00"),
        ("{{ (AT | tz \"Asia/Seoul\").Hour }} {{ (AT | tz \"Asia/Seoul\").Unix }}", "21 1719837000"),
        ("{{ toDate \"2006\" \"x\" }}", "0001-01-01 00:00:00 +0000 UTC"),
        ("{{ now }}", "1970-01-01 00:00:00 +0000 UTC"),
        ("{{ since (toDate \"2006-01-02\" \"1969-12-31\") }}", "24h0m0s"),
        ("{{ since (toDate \"2006-01-02\" \"1969-12-31\") | humanizeDuration }}", "1d 0h 0m 0s"),
        ("{{ humanizeDuration 90 }}", "1m 30s"),
    ] {
        assert_eq!(text(&words.replace("AT", at)), Ok(expected.to_owned()), "{words}");
    }
    assert!(text("{{ mustToDate \"2006\" \"x\" }}").is_err());
    assert!(text("{{ now | tz \"Nowhere/At\" }}").unwrap_err().contains("unknown time zone Nowhere/At"));
}

#[test]
fn files_define_and_replace_templates() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.tmpl"), "{{ define \"mine\" }}<{{ . }}>{{ end }}").unwrap();
    std::fs::write(dir.path().join("b.tmpl"), "whole{{ define \"__alertmanager\" }}ours{{ end }}").unwrap();
    let pattern = format!("{}/*.tmpl", dir.path().display());
    let templates = Templates::from_globs([pattern.as_str(), "/nowhere/*.tmpl"]).unwrap();
    let words =
        "{{ template \"mine\" 1 }} {{ template \"slack.default.username\" . }} {{ template \"b.tmpl\" }}";
    let rendered = templates.render(words, &Value::Nil, 0, &RouteLabels::raw(Pairs::new()), false);
    assert_eq!(rendered, Ok("<1> ours whole".to_owned()));

    std::fs::write(dir.path().join("c.tmpl"), "{{ define \"x\" }}\n{{ nosuch }}{{ end }}").unwrap();
    let error = Templates::from_globs([pattern.as_str()]).unwrap_err();
    assert_eq!(error, "template: c.tmpl:2: function \"nosuch\" not defined");
    assert!(Templates::from_globs(["[/x"]).is_err());
}

#[test]
fn html_is_escaped_by_its_place() {
    let data =
        value(&serde_json::json!({"Evil": "\"><script>alert(1)</script>", "Url": "javascript:alert(1)"}));
    let render = |words: &str| render(words, &data, Pairs::new(), true).unwrap();
    assert!(!render("<p>{{ .Evil }}</p>").contains("<script>"));
    assert!(!render("<p title=\"{{ .Evil }}\">x</p>").contains("\"><script"));
    assert!(!render("<a href=\"{{ .Url }}\">x</a>").contains("javascript:"));
    assert!(render("<a href=\"{{ .Url | safeUrl }}\">x</a>").contains("javascript:"));
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    assert!(text("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}").is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(words in "(\\{\\{-?|-?\\}\\}|[ .$|\"():=]|range|end|if|else|with|template|define|join|toJson|Alerts|Labels|SortedPairs|Remove|Firing|tz|date|StartsAt|index|slice|[a-z0-9%<&]){0,24}") {
        let data = notification(&serde_json::json!({
            "status": "firing", "alerts": [{"status": "firing", "labels": {"a": "b"}}], "commonLabels": {"a": "b"},
        }));
        let _ = render(&words, &data, Pairs::new(), false);
        let _ = render(&words, &data, Pairs::new(), true);
    }
}
