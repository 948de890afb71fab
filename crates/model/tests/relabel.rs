//! Relabelling against Prometheus' own cases.

use std::collections::BTreeMap;

use model::LabelsBuilder;
use model::relabel::{Action, RelabelConfig, apply};

#[derive(Debug, serde::Deserialize)]
struct Case {
    input: BTreeMap<String, String>,
    relabel_configs: Vec<RelabelConfig>,
    drop: bool,
    output: Option<BTreeMap<String, String>>,
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn conformance_cases() {
    let dir = testkit::conformance::folder("config").expect("ignored where it is missing");
    let text = std::fs::read_to_string(dir.join("relabel_cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 19, "{}", cases.len());
    let mut failed = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let mut labels = LabelsBuilder::new();
        for (name, value) in &case.input {
            labels.set(name, value);
        }
        let kept = apply(&case.relabel_configs, &mut labels, false);
        let got: BTreeMap<&str, &str> = labels.iter().collect();
        let wanted = case.output.iter().flatten().filter(|(_, v)| !v.is_empty());
        let wanted: BTreeMap<&str, &str> = wanted.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        if kept == case.drop || (kept && got != wanted) {
            failed.push(format!("case {index}: kept {kept}, {got:?}\n{case:?}"));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

fn rule(yaml: &str) -> Result<RelabelConfig, String> {
    serde_saphyr::from_str(yaml).map_err(|e| e.to_string())
}

#[test]
fn rules_that_contradict_themselves_are_refused_with_the_reason() {
    for (yaml, reason) in [
        ("{action: hashmod, target_label: a}", "non-zero modulus"),
        ("{action: replace}", "requires 'target_label'"),
        ("{action: lowercase, target_label: a, replacement: x}", "can not be set"),
        ("{action: labeldrop, regex: a, source_labels: [b]}", "requires only 'regex'"),
        ("{action: keepequal, target_label: a, regex: b}", "requires only 'source_labels'"),
        ("{action: nonsense}", "unknown relabel action \"nonsense\""),
        ("{regex: 'abc(def'}", "error parsing regexp"),
        ("{target: a}", "field target not found in type relabel.plain"),
    ] {
        let error = rule(yaml).unwrap_err();
        assert!(error.contains(reason), "{yaml}: {error}");
    }
    assert_eq!(rule("{action: KEEP, source_labels: [a]}").unwrap().action, Action::Keep);
}

#[test]
fn legacy_names_restrict_what_is_written() {
    let rule = rule("{source_labels: [a], target_label: '$1', replacement: x}").unwrap();
    for (legacy, written) in [(false, "x"), (true, "")] {
        let mut labels = LabelsBuilder::new();
        labels.set("a", "b.c");
        assert!(apply(std::slice::from_ref(&rule), &mut labels, legacy));
        assert_eq!(labels.get("b.c"), written);
    }
}
