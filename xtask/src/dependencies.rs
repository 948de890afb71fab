//! Direct dependencies of all manifests against docs/decisions/dependencies.md, both ways.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::table::rows;
use crate::workspace::{Workspace, read};

/// Heading of the first column of the tables.
const HEADING: &str = "dependency";

/// Names that some manifest has: those of the workspace, of `fuzz/`, and of the web interface.
pub(crate) fn direct(workspace: &Workspace, root: &Path) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let external =
        workspace.packages.iter().flat_map(|p| &p.dependencies).filter(|d| !workspace.has(&d.name));
    names.extend(external.map(|d| d.name.clone()));
    // A workspace of its own, built by another compiler; where it is not there, nothing is fuzzed.
    let fuzz = root.join("fuzz");
    if fuzz.join("Cargo.toml").is_file() {
        let text = read(&fuzz.join("Cargo.toml"))?;
        names.extend(dependency_keys(&text).filter(|name| !workspace.has(name)).map(str::to_owned));
    }
    let ui = root.join("ui/package.json");
    if ui.is_file() {
        let package: Value = serde_json::from_str(&read(&ui)?).context("ui/package.json")?;
        for section in ["dependencies", "devDependencies"] {
            names.extend(
                package.get(section).and_then(Value::as_object).into_iter().flatten().map(|(k, _)| k.clone()),
            );
        }
    }
    Ok(names)
}

/// Keys below `[dependencies]`.
fn dependency_keys(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line == "[dependencies]";
            return line.strip_prefix("[dependencies.").and_then(|rest| rest.strip_suffix(']'));
        }
        let (key, _) = line.split_once('=')?;
        let key = key.trim();
        (inside && !key.starts_with('#')).then(|| key.split('.').next().unwrap_or(key))
    })
}

/// Sentences about what lacks its line and what is listed without being used.
pub(crate) fn problems(direct: &BTreeSet<String>, lines: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut listed = BTreeSet::new();
    for row in rows(lines, HEADING) {
        let names = row.first().copied().unwrap_or_default();
        for name in names.split(',').map(|name| name.trim_matches(['`', ' '])) {
            if !listed.insert(name.to_owned()) {
                problems.push(format!("docs/decisions/dependencies.md lists {name} twice"));
            }
        }
        if row.len() != 3 || row.iter().any(|cell| cell.is_empty()) {
            problems.push(format!("the line of {names} says not what for, or not what else was looked at"));
        }
    }
    for name in direct.difference(&listed) {
        problems.push(format!("{name} lacks its line in docs/decisions/dependencies.md"));
    }
    for name in listed.difference(direct) {
        problems.push(format!("docs/decisions/dependencies.md lists {name}, which nothing uses"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::root;

    #[test]
    fn every_direct_dependency_has_its_line() {
        let root = root();
        let direct = direct(&Workspace::load(&root).unwrap(), &root).unwrap();
        let problems = problems(&direct, &read(&root.join("docs/decisions/dependencies.md")).unwrap());
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn missing_unused_and_empty_lines_are_told() {
        let direct = BTreeSet::from(["bytes".to_owned(), "serde".to_owned()]);
        let lines =
            "| dependency | for | looked at |\n|---|---|---|\n| `serde` | reading | |\n| `snap` | a | b |\n";
        assert_eq!(
            problems(&direct, lines),
            [
                "the line of `serde` says not what for, or not what else was looked at",
                "bytes lacks its line in docs/decisions/dependencies.md",
                "docs/decisions/dependencies.md lists snap, which nothing uses",
            ]
        );
    }

    #[test]
    fn keys_of_a_manifest() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb.workspace = true\n# c = 1\n[dependencies.d]\npath = \"y\"\n[lib]\ne = 1\n";
        assert_eq!(dependency_keys(text).collect::<Vec<_>>(), ["a", "b", "d"]);
    }
}
