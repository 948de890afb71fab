//! Licences and banned crates of everything that is linked, against deny.toml; no tool to install, no network.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What deny.toml allows and bans.
struct Rules {
    allowed: Vec<String>,
    banned: Vec<String>,
}

/// Sentences about crates whose licence is not allowed, and about banned ones.
pub(crate) fn problems(root: &Path, deny: &str) -> Result<Vec<String>> {
    let rules = Rules::parse(deny);
    ensure!(!rules.allowed.is_empty() && !rules.banned.is_empty(), "deny.toml allows or bans nothing");
    let mut problems = Vec::new();
    for (name, licence) in linked(root)? {
        if rules.banned.contains(&name) {
            problems.push(format!("{name} is banned by deny.toml"));
        }
        if !rules.allow(&licence) {
            problems.push(format!("the licence of {name} is not in deny.toml: {licence}"));
        }
    }
    Ok(problems)
}

impl Rules {
    fn parse(deny: &str) -> Self {
        let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
        let banned = deny.lines().filter(|l| l.trim().starts_with("{ crate")).filter_map(quoted).collect();
        let list = deny.lines().skip_while(|l| !l.starts_with("allow = [")).skip(1);
        let allowed = list.take_while(|l| !l.starts_with(']')).filter_map(quoted).collect();
        Self { allowed, banned }
    }

    /// Whether an SPDX expression can be met: one of the alternatives, every part of it. Older manifests write `/` for
    /// `OR`.
    fn allow(&self, expression: &str) -> bool {
        let expression = expression.replace('/', " OR ");
        let mut words = Vec::new();
        for word in expression.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
            words.push(word.to_owned());
        }
        let mut at = 0;
        self.alternatives(&words, &mut at) && at == words.len()
    }

    fn alternatives(&self, words: &[String], at: &mut usize) -> bool {
        let mut met = self.all(words, at);
        while words.get(*at).is_some_and(|w| w == "OR") {
            *at += 1;
            met |= self.all(words, at);
        }
        met
    }

    fn all(&self, words: &[String], at: &mut usize) -> bool {
        let mut met = self.one(words, at);
        while words.get(*at).is_some_and(|w| w == "AND") {
            *at += 1;
            met &= self.one(words, at);
        }
        met
    }

    fn one(&self, words: &[String], at: &mut usize) -> bool {
        let Some(word) = words.get(*at) else { return false };
        *at += 1;
        if word == "(" {
            let met = self.alternatives(words, at);
            *at += 1; // the closing one
            return met;
        }
        let mut licence = word.clone();
        if words.get(*at).is_some_and(|w| w == "WITH") {
            licence =
                [&licence, " WITH ", words.get(*at + 1).map(String::as_str).unwrap_or_default()].concat();
            *at += 2;
        }
        self.allowed.contains(&licence)
    }
}

/// Names and licences of all packages from elsewhere that this platform builds.
fn linked(root: &Path) -> Result<Vec<(String, String)>> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let foreign = packages.iter().filter(|package| !text(package, "source").is_empty());
    Ok(foreign.map(|package| (text(package, "name"), text(package, "license"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{read, root};

    #[test]
    fn everything_linked_has_a_licence_that_is_allowed_and_nothing_is_banned() {
        let root = root();
        let problems = problems(&root, &read(&root.join("deny.toml")).unwrap()).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        assert!(linked(&root).unwrap().len() > 50);
    }

    #[test]
    fn expressions() {
        let rules = Rules::parse(
            "allow = [\n    \"MIT\",\n    \"A WITH B\",\n]\n    { crate = \"bad\", reason = \"x\" },\n",
        );
        assert_eq!(rules.banned, ["bad"]);
        for (expression, allowed) in [
            ("MIT", true),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND A WITH B", true),
            ("(MIT OR X) AND (X OR Y)", false),
            ("A", false),
            ("", false),
            ("MIT MIT", false),
        ] {
            assert_eq!(rules.allow(expression), allowed, "{expression}");
        }
    }
}
