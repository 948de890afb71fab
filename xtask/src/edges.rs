//! The crate edges of the manifests against the table in ARCHITECTURE.md, both ways.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use crate::table::rows;
use crate::workspace::Workspace;

/// Heading of the first column of the table.
const HEADING: &str = "crate";
/// What only tests may use.
const FOR_TESTS: &str = "testkit";

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Sentences about every edge that is not as written. Crates are listed so that each uses only those above it.
pub(crate) fn problems(workspace: &Workspace, architecture: &str) -> Result<Vec<String>> {
    let (order, written) = written(architecture);
    ensure!(!order.is_empty(), "ARCHITECTURE.md has no table with the heading `{HEADING}`");
    let mut problems = Vec::new();
    let real = real(workspace);
    for (name, edges) in &real {
        let Some(allowed) = written.get(name) else {
            problems.push(format!("crate {name} is missing from the table in ARCHITECTURE.md"));
            continue;
        };
        for other in edges.difference(allowed) {
            problems.push(format!("{name} uses {other}, which ARCHITECTURE.md does not allow"));
        }
        for other in allowed.difference(edges) {
            problems.push(format!("ARCHITECTURE.md lets {name} use {other}, which it does not"));
        }
    }
    for name in written.keys().filter(|name| !real.contains_key(*name)) {
        problems.push(format!("ARCHITECTURE.md lists {name}, which is no crate"));
    }
    for (at, name) in order.iter().enumerate() {
        for other in written.get(name).into_iter().flatten() {
            if !order[..at].contains(other) {
                problems.push(format!("{name} uses {other}, which is not above it in ARCHITECTURE.md"));
            }
        }
    }
    for package in &workspace.packages {
        let product = !matches!(package.name.as_str(), "tests" | FOR_TESTS);
        if product && package.dependencies.iter().any(|d| !d.dev && d.name == FOR_TESTS) {
            problems.push(format!("{} uses {FOR_TESTS} outside of its tests", package.name));
        }
    }
    Ok(problems)
}

/// Edges of the manifests, those for tests left out.
fn real(workspace: &Workspace) -> Edges {
    let edges = |package: &crate::workspace::Package| {
        let own = package.dependencies.iter().filter(|d| !d.dev && workspace.has(&d.name));
        own.map(|d| d.name.clone()).collect()
    };
    workspace.packages.iter().map(|package| (package.name.clone(), edges(package))).collect()
}

/// The table's first column in its order, and its second column as sets.
fn written(architecture: &str) -> (Vec<String>, Edges) {
    let mut order = Vec::new();
    let mut edges = Edges::new();
    for row in rows(architecture, HEADING) {
        let name = |cell: &str| cell.trim_matches(['`', ' ']).to_owned();
        let (Some(first), Some(second)) = (row.first(), row.get(1)) else { continue };
        order.push(name(first));
        let used = second.split([',', ' ']).map(name).filter(|n| !n.is_empty() && n != "-");
        edges.insert(name(first), used.collect());
    }
    (order, edges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, Package, read, root};

    #[test]
    fn the_crates_use_what_architecture_md_says() {
        let root = root();
        let workspace = Workspace::load(&root).unwrap();
        let problems = problems(&workspace, &read(&root.join("ARCHITECTURE.md")).unwrap()).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    fn package(name: &str, uses: &[(&str, bool)]) -> Package {
        let dependencies =
            uses.iter().map(|(name, dev)| Dependency { name: (*name).to_owned(), dev: *dev }).collect();
        Package { name: name.to_owned(), dependencies }
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let workspace = Workspace {
            packages: vec![
                package("model", &[]),
                package("tsdb", &[("model", false), ("query", false), ("serde", false), ("testkit", true)]),
                package("query", &[("testkit", false)]),
                package("testkit", &[]),
            ],
        };
        let text = "| crate | uses |\n|---|---|\n| `model` | - |\n| `tsdb` | `model`, `disk` |\n| `testkit` | |\n| `gone` | |\n";
        let problems = problems(&workspace, text).unwrap();
        assert_eq!(
            problems,
            [
                "crate query is missing from the table in ARCHITECTURE.md",
                "tsdb uses query, which ARCHITECTURE.md does not allow",
                "ARCHITECTURE.md lets tsdb use disk, which it does not",
                "ARCHITECTURE.md lists gone, which is no crate",
                "tsdb uses disk, which is not above it in ARCHITECTURE.md",
                "query uses testkit outside of its tests",
            ]
        );
    }
}
