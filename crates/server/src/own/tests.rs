use std::collections::{BTreeMap, BTreeSet};

use model::container::{
    ContainerEvent, ContainerFacts, ContainerRow, LastMinutes, LivePoint, Obstacle, Verdict,
};
use serde_json::Value;

use super::shapes;
use super::*;

fn document() -> Value {
    serde_saphyr::from_str(OPENAPI).unwrap()
}

#[test]
fn routes_and_document_agree() {
    let document = document();
    let drawn: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let routed: BTreeSet<&str> = table().iter().map(|(path, _)| *path).collect();
    assert_eq!(drawn, routed);
    assert_eq!(document["servers"][0]["url"], BASE);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|v| walk(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| walk(v, found)),
            _ => {}
        }
    }
    let document = document();
    let mut references = Vec::new();
    walk(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// Each body has exactly the members that its schema requires.
#[test]
fn bodies_have_the_members_that_are_drawn() {
    let point = || LivePoint {
        t: 1,
        cpu: f64::NAN,
        throttled: 0.0,
        memory: 0.0,
        working_set: 0.0,
        rss: 0.0,
        cache: 0.0,
        rx: 0.0,
        tx: 0.0,
        read: 0.0,
        write: 0.0,
        pids: 0.0,
        cpu_pressure: 0.0,
        memory_pressure: 0.0,
        io_pressure: 0.0,
    };
    let row = ContainerRow {
        facts: std::sync::Arc::new(ContainerFacts::default()),
        live: Some(point()),
        cpu_spark: vec![f32::NAN],
        memory_spark: Vec::new(),
        oom_kills: 0,
        verdicts: Vec::new(),
    };
    let verdict = Verdict {
        code: String::new(),
        severity: model::container::Severity::Ok,
        since_ms: 0,
        values: BTreeMap::new(),
    };
    let text = String::new;
    let obstacle = Obstacle { code: text(), missing: text(), costs: text(), remedy: text() };
    let event =
        ContainerEvent { t: 0, id: text(), name: text(), action: text(), attributes: BTreeMap::new() };
    let list = shapes::ContainerList { node: text(), generation: 0, now_ms: 0, rows: vec![row.clone()] };
    let tick = shapes::LiveTick { now_ms: 0, generation: 0, rows: Vec::new() };
    let empty = shapes::WhyEmpty {
        reason: shapes::Reason::Ok,
        metric: None,
        nearest: Vec::new(),
        last_seen_ms: None,
        target_error: None,
    };
    let fold = intake::cardinality::Fold {
        metric: text(),
        labels: Vec::new(),
        target: None,
        why: intake::cardinality::Why::Metric,
        budget: 0,
        since_ms: 0,
        folded_series: 0,
        members: 0,
        growth_1h: 0,
        refused: BTreeMap::new(),
        sources: Vec::new(),
    };
    let body = cardinality::Body {
        report: intake::cardinality::Report::default(),
        now_ms: 0,
        started_ms: 0,
        labels: Vec::new(),
        pairs: Vec::new(),
        unused: cardinality::Unused { metrics: 0, series: 0, top: Vec::new() },
        rules: Vec::new(),
    };
    let used = cardinality::RuleUse { file: text(), group: text(), rule: text(), warnings: Vec::new() };
    let import = import::ImportState {
        id: 0,
        format: "frames",
        started_ms: 0,
        received_bytes: 0,
        series: 0,
        samples: 0,
        known: 0,
        expired: 0,
        refused: 0,
        first_refusal: None,
        blocks: 0,
    };
    let snapshot = crate::parts::Snapshot { name: text(), path: text() };
    let line = shapes::Line { t_ns: text(), stream: text(), text: text() };
    let cases = [
        ("ContainerFacts", serde_json::to_value(&*row.facts)),
        ("LivePoint", serde_json::to_value(point())),
        ("ContainerRow", serde_json::to_value(&row)),
        ("ContainerList", serde_json::to_value(&list)),
        ("LiveTick", serde_json::to_value(&tick)),
        ("LastMinutes", serde_json::to_value(LastMinutes { died_ms: 0, points: Vec::new() })),
        ("ContainerEvent", serde_json::to_value(&event)),
        ("Verdict", serde_json::to_value(&verdict)),
        ("Obstacle", serde_json::to_value(&obstacle)),
        ("Node", serde_json::to_value(crate::parts::Node::default())),
        ("LogLine", serde_json::to_value(&line)),
        ("WhyEmpty", serde_json::to_value(&empty)),
        ("Cardinality", serde_json::to_value(&body)),
        ("CardinalityBudgets", serde_json::to_value(&body.report.budgets)),
        ("Fold", serde_json::to_value(&fold)),
        ("UnusedMetrics", serde_json::to_value(&body.unused)),
        ("FoldedRule", serde_json::to_value(&used)),
        ("Import", serde_json::to_value(&import)),
        (
            "ImportList",
            serde_json::to_value(import::ImportList { imports: Vec::new(), retained_since_ms: None }),
        ),
        ("Snapshot", serde_json::to_value(&snapshot)),
    ];
    let document = document();
    for (name, body) in cases {
        let body = body.unwrap();
        let drawn: BTreeSet<&str> = document["components"]["schemas"][name]["required"]
            .as_array()
            .unwrap_or_else(|| panic!("{name} is not drawn"))
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let sent: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(drawn, sent, "{name}");
    }
    assert_eq!(serde_json::to_value(&row).unwrap()["live"]["cpu"], Value::Null, "NaN is null");
}

#[test]
fn the_nearest_names_are_the_ones_with_few_edits() {
    let names = ["node_cpu_seconds_total", "node_load1", "container_cpu_usage_seconds_total", "up"];
    let found = why_empty::nearest("node_cpu_second_total", names.map(str::to_owned).to_vec());
    assert_eq!(found.first().map(String::as_str), Some("node_cpu_seconds_total"));
    assert!(!found.contains(&"up".to_owned()));
}
