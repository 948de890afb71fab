//! Finds the expressions in dashboards (JSON) and rule files (YAML), and puts values where dashboards have variables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// A query and where it is from.
pub(crate) struct Expression {
    pub(crate) file: String,
    pub(crate) text: String,
}

/// All expressions of all dashboards and rule files, each once.
pub(crate) fn all() -> Vec<Expression> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |file: &Path, text: String| {
        if seen.insert(text.clone()) {
            found.push(Expression { file: file.display().to_string(), text });
        }
    };
    for file in files("dashboards", "json") {
        let text = std::fs::read_to_string(&file).expect("readable");
        let dashboard: Json = serde_json::from_str(&text).expect("JSON");
        walk(&dashboard, &mut |text| add(&file, text));
    }
    for folder in ["rules/awesome-prometheus-alerts", "rules/kube-prometheus"] {
        for file in files(folder, "yml").into_iter().filter(|f| !f.to_string_lossy().ends_with(".test.yml")) {
            let text = std::fs::read_to_string(&file).expect("readable");
            let rules: Json = serde_saphyr::from_str(&text).expect("YAML");
            let groups = rules["groups"].as_array().into_iter().flatten();
            for rule in groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()) {
                add(&file, rule["expr"].as_str().expect("an expression").to_owned());
            }
        }
    }
    found
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut open = vec![testkit::conformance::folder(folder).expect("looked at before")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The fields of a dashboard that hold queries: `expr` of panels, `query` and `definition` of variables.
fn walk(json: &Json, add: &mut impl FnMut(String)) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" && !text.trim().is_empty() => add(filled(text)),
                    Some(text) if matches!(name.as_str(), "query" | "definition") => {
                        if let Some(selector) = label_values(text) {
                            add(filled(selector));
                        }
                    }
                    _ => walk(value, add),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| walk(item, add)),
        _ => {}
    }
}

/// The selector in `label_values(selector, label)`.
fn label_values(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("label_values(")?.strip_suffix(')')?;
    inner.rsplit_once(',').map(|(selector, _)| selector)
}

/// Replaces `$name`, `${name:format}` and `[[name]]`.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '[']) {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let (name, length) = if let Some(inner) = tail.strip_prefix("${") {
            let end = inner.find('}').expect("a closed variable");
            (&inner[..end], end + 3)
        } else if let Some(inner) = tail.strip_prefix("[[") {
            let end = inner.find("]]").expect("a closed variable");
            (&inner[..end], end + 4)
        } else if let Some(inner) = tail.strip_prefix('$') {
            let end = inner.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(inner.len());
            (&inner[..end], end + 1)
        } else {
            ("", 1)
        };
        match name {
            "" => out.push_str(&tail[..length]),
            name => out.push_str(value_of(name)),
        }
        rest = &tail[length..];
    }
    out + rest
}

fn value_of(name: &str) -> &'static str {
    match name.split(':').next().unwrap_or_default() {
        "__rate_interval" | "__interval" | "interval" | "resolution" => "5m",
        "__range" => "1h",
        "__range_s" => "3600",
        "__interval_ms" => "60000",
        "port" => "9100",
        _ => "v0",
    }
}
