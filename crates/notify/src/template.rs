//! Go templates with Alertmanager's functions and data, and the default texts of every receiver.
//!
//! The language is that of [`query::template`]. What a receiver says is rendered as text, or as HTML: then what actions
//! give is escaped as its place asks for (text, attribute, address). Named templates come from files and from
//! `defaults/`; a file may replace a default.

mod functions;
mod json;
mod member;
mod route_labels;
#[cfg(test)]
mod tests;
mod times;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use gotmpl::Value;
use gotmpl::parse::{ListNode, Node};
use query::template::{self, Tree};

use crate::Notification;
use crate::data::{Data, Pairs};
use route_labels::RouteLabels;

/// Largest file of templates, bytes.
const MOST_BYTES: u64 = 4 << 20;
/// How many files of templates there may be.
const MOST_FILES: usize = 1000;

/// The default texts, by the receivers' names.
static DEFAULTS: LazyLock<Result<Named, String>> = LazyLock::new(|| {
    let mut named = Named::default();
    for (name, text) in [
        ("default.tmpl", include_str!("template/defaults/default.tmpl")),
        ("email.tmpl", include_str!("template/defaults/email.tmpl")),
    ] {
        add(&mut named, name, text)?;
    }
    Ok(named)
});

/// Templates by name.
type Named = BTreeMap<String, Arc<Tree>>;

/// The named templates that texts of receivers may use.
#[derive(Debug, Clone)]
pub struct Templates(Arc<Named>);

impl Templates {
    /// The defaults alone.
    pub fn defaults() -> Result<Self, String> {
        DEFAULTS.clone().map(|named| Self(Arc::new(named)))
    }

    /// The defaults, and what the files define that `patterns` name, in order. A pattern may match nothing.
    pub fn from_globs<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut named = DEFAULTS.clone()?;
        let mut files = 0;
        for pattern in patterns {
            let found = glob::glob(pattern).map_err(|e| format!("templates: {pattern}: {e}"))?;
            for path in found {
                let path = path.map_err(|e| format!("templates: {e}"))?;
                files += 1;
                if files > MOST_FILES {
                    return Err(format!("templates: more than {MOST_FILES} files"));
                }
                add(&mut named, &file_name(&path), &read(&path)?)?;
            }
        }
        Ok(Self(Arc::new(named)))
    }

    /// The words for one notification, with at most `most` of its alerts; 0: all. Its route labels are taken as they
    /// are.
    pub(crate) fn words(&self, notification: &Notification, most: u64) -> Words {
        let data = Data::new(notification, most);
        let routes = RouteLabels::rendered(data.route_labels.clone());
        Words { templates: self.clone(), value: data.value(), data, now_ms: notification.now_ms, routes }
    }

    /// The labels of a route for a notification: each may be a template, and name others.
    pub fn route_labels(&self, notification: &Notification, raw: &Pairs) -> Result<Pairs, String> {
        let value = Data::new(notification, 0).value();
        let routes = RouteLabels::raw(raw.clone());
        let resolved = raw.keys().map(|name| {
            let text = routes.resolve(name, self, &value, notification.now_ms, false)?;
            Ok((name.clone(), text))
        });
        resolved.collect()
    }

    /// Whether `text` parses; the error is worded as Go words it.
    pub fn check(text: &str) -> Result<(), String> {
        if text.contains("{{") { template::trees("", text, &functions::NAMES).map(drop) } else { Ok(()) }
    }

    fn render(
        &self,
        text: &str,
        data: &Value,
        now_ms: i64,
        routes: &RouteLabels,
        html: bool,
    ) -> Result<String, String> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let own: Vec<Arc<Tree>> =
            template::trees("", text, &functions::NAMES)?.into_iter().map(Arc::new).collect();
        let used = self.used(&own);
        let all = || used.iter().chain(&own).map(|tree| &**tree);
        let functions = functions::all(now_ms, self, data, routes, html);
        let mut calls = template::calls("", functions, member::member);
        calls.insert(
            "__print".to_owned(),
            Arc::new(|args| Ok(args.first().map_or(Value::Nil, member::shown))),
        );
        if html {
            template::execute_html(&template::html_of("", all())?.funcs(calls), "", data)
        } else {
            template::execute(&template::text_of("", all()).funcs(calls), "", data)
        }
    }

    /// The named templates that `own` and those use, without those that `own` defines itself.
    fn used(&self, own: &[Arc<Tree>]) -> Vec<Arc<Tree>> {
        let mut names = Vec::new();
        own.iter().for_each(|tree| named_in(&tree.body, &mut names));
        let mut seen: BTreeSet<String> = own.iter().map(|tree| tree.name.clone()).collect();
        let mut used = Vec::new();
        while let Some(name) = names.pop() {
            if let Some(tree) = self.0.get(&name)
                && seen.insert(name)
            {
                named_in(&tree.body, &mut names);
                used.push(tree.clone());
            }
        }
        used
    }
}

/// The texts of one notification.
pub(crate) struct Words {
    templates: Templates,
    /// What templates see, as it is sent by webhooks.
    pub(crate) data: Data,
    value: Value,
    now_ms: i64,
    routes: RouteLabels,
}

impl Words {
    /// Whether at least one of the alerts fires.
    pub(crate) fn is_firing(&self) -> bool {
        self.data.status == "firing"
    }

    /// Renders a text.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        self.templates.render(text, &self.value, self.now_ms, &self.routes, false)
    }

    /// Renders HTML.
    pub(crate) fn html(&self, text: &str) -> Result<String, String> {
        self.templates.render(text, &self.value, self.now_ms, &self.routes, true)
    }

    /// Renders all texts and keys of a JSON value. A text that is YAML afterwards, and not a text there, becomes what
    /// it is.
    pub(crate) fn json(&self, value: &serde_json::Value) -> Result<serde_json::Value, String> {
        use serde_json::Value as Json;
        Ok(match value {
            Json::String(text) => {
                let text = self.text(text)?;
                if text.is_empty() {
                    return Ok(Json::Null);
                }
                match serde_saphyr::from_str::<Json>(&text) {
                    Ok(Json::String(_)) | Err(_) => Json::String(text),
                    Ok(other) => other,
                }
            }
            Json::Array(items) => {
                Json::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?)
            }
            Json::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((self.text(key)?, self.json(value)?)));
                Json::Object(entries.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }
}

/// Adds what `text` defines, and itself under `name`. What is empty replaces nothing.
fn add(named: &mut Named, name: &str, text: &str) -> Result<(), String> {
    for tree in template::trees(name, text, &functions::NAMES)? {
        if !(is_empty(&tree.body) && named.contains_key(&tree.name)) {
            named.insert(tree.name.clone(), Arc::new(tree));
        }
    }
    Ok(())
}

fn is_empty(list: &ListNode) -> bool {
    list.nodes.iter().all(|node| matches!(node, Node::Text(text) if text.text.trim().is_empty()))
}

/// Adds the names of the templates that a tree calls.
fn named_in(list: &ListNode, names: &mut Vec<String>) {
    for node in &list.nodes {
        match node {
            Node::List(list) => named_in(list, names),
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                named_in(&branch.body, names);
                branch.else_body.iter().for_each(|list| named_in(list, names));
            }
            Node::Template(call) => names.push(call.name.to_string()),
            _ => {}
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |e: std::io::Error| format!("templates: {}: {e}", path.display());
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(format!("templates: {}: more than {MOST_BYTES} bytes", path.display()));
    }
    std::fs::read_to_string(path).map_err(failed)
}
