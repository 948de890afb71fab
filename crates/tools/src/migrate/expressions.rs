//! What rules and dashboards ask.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alert::rules::file::{ParseSettings, read};
use serde_json::Value as Json;

use crate::{Context, Failed};

/// A dashboard is smaller.
const MAX_BYTES: u64 = 64 << 20;

/// An expression, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    pub(super) text: String,
    pub(super) place: String,
}

/// The expressions of rule files.
pub(super) fn of_rules(files: &[PathBuf], context: &mut Context<'_>) -> Result<Vec<Expression>, Failed> {
    let mut all = Vec::new();
    for file in files {
        let groups = read(file, &ParseSettings::default());
        let groups = match groups {
            Ok(groups) => groups,
            Err(mistakes) => {
                let mistakes = mistakes.join("\n");
                return Err(Failed::new(format_args!("{}:\n{mistakes}", file.display())));
            }
        };
        for group in groups {
            for rule in group.rules {
                let place = format!("{}, group {}, rule {}", file.display(), group.name, rule.name);
                all.push(Expression { text: rule.query, place });
            }
        }
    }
    if files.is_empty() {
        writeln!(context.err, "the configuration names no rule files")?;
    }
    Ok(all)
}

/// The expressions of all dashboards in a folder, each once.
pub(super) fn of_dashboards(folder: &Path) -> Result<Vec<Expression>, Failed> {
    let mut found = BTreeMap::new();
    gather(folder, &mut found, &mut BTreeSet::new())?;
    Ok(found.into_iter().map(|(text, place)| Expression { text, place }).collect())
}

/// `seen`: folders by what they are, since a link may lead back to one above.
fn gather(
    folder: &Path,
    found: &mut BTreeMap<String, String>,
    seen: &mut BTreeSet<PathBuf>,
) -> Result<(), Failed> {
    let failed = |e: std::io::Error| Failed::new(format_args!("{}: {e}", folder.display()));
    if !seen.insert(std::fs::canonicalize(folder).map_err(failed)?) {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    for entry in entries {
        let path = entry?.path();
        let metadata = std::fs::metadata(&path)?;
        if metadata.is_dir() {
            gather(&path, found, seen)?;
        } else if path.extension().is_some_and(|e| e == "json") && metadata.len() <= MAX_BYTES {
            let text = std::fs::read(&path)?;
            let json: Json = serde_json::from_slice(&text)
                .map_err(|e| Failed::new(format_args!("{}: {e}", path.display())))?;
            walk(&json, &mut |expr| {
                found.entry(filled(expr)).or_insert_with(|| path.display().to_string());
            });
        }
    }
    Ok(())
}

fn walk(json: &Json, take: &mut dyn FnMut(&str)) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" && !text.trim().is_empty() => take(text),
                    _ => walk(value, take),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| walk(item, take)),
        _ => {}
    }
}

/// Replaces `$name`, `${name:format}` and `[[name]]`: durations by some, all else by what matches everything.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '[']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let Some((name, length)) = variable(tail) else {
            out.push_str(&tail[..1]);
            rest = &tail[1..];
            continue;
        };
        rest = &tail[length..];
        let value = value_of(name);
        // `="$x"` must become a regular expression to match everything.
        if value == ".*" && rest.starts_with('"') && out.ends_with("=\"") && !out.ends_with("!=\"") {
            out.truncate(out.len() - 1);
            out.push_str("~\"");
        }
        out.push_str(value);
    }
    out + rest
}

/// The variable that `tail` begins with, and its length.
fn variable(tail: &str) -> Option<(&str, usize)> {
    if let Some(inner) = tail.strip_prefix("${") {
        return inner.find('}').map(|end| (&inner[..end], end + 3));
    }
    if let Some(inner) = tail.strip_prefix("[[") {
        return inner.find("]]").map(|end| (&inner[..end], end + 4));
    }
    let inner = tail.strip_prefix('$')?;
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    (end > 0).then(|| (&inner[..end], end + 1))
}

fn value_of(name: &str) -> &'static str {
    match name.split([':', '.']).next().unwrap_or_default() {
        "__rate_interval" | "__interval" | "interval" | "resolution" => "5m",
        "__range" => "1h",
        "__range_s" => "3600",
        "__interval_ms" => "60000",
        "__range_ms" => "3600000",
        _ => ".*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_become_something_that_matches() {
        for (from, to) in [
            (
                "rate(a{job=\"$job\",i=~\"${i:regex}\"}[$__rate_interval])",
                "rate(a{job=~\".*\",i=~\".*\"}[5m])",
            ),
            ("a{b!=\"$b\"}[5m] offset [[__interval]]", "a{b!=\".*\"}[5m] offset 5m"),
            ("a{b=\"x$\"} $", "a{b=\"x$\"} $"),
            ("a[1h]", "a[1h]"),
        ] {
            assert_eq!(filled(from), to);
        }
    }

    #[test]
    fn links_between_folders_do_not_lead_in_circles() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("deep");
        std::fs::create_dir(&deep).unwrap();
        std::fs::write(deep.join("a.json"), r#"{"expr": "up"}"#).unwrap();
        std::os::unix::fs::symlink(folder.path(), deep.join("up")).unwrap();
        std::os::unix::fs::symlink(folder.path(), deep.join("up_again")).unwrap();
        let all = of_dashboards(folder.path()).unwrap();
        assert_eq!(all.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["up"]);
    }

    #[test]
    fn expressions_are_found_at_any_depth() {
        let json = serde_json::json!({"panels": [{"targets": [{"expr": "up"}, {"expr": " "}], "panels": [{"expr": "b"}]}]});
        let mut all = Vec::new();
        walk(&json, &mut |e| all.push(e.to_owned()));
        assert_eq!(all, ["b", "up"]);
    }
}
