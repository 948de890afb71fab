//! Labels of routes in templates: each may be a template that names others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gotmpl::Value;

use super::Templates;
use crate::data::Pairs;

/// The labels of one rendering. Clones share what is rendered.
#[derive(Clone)]
pub(super) struct RouteLabels {
    labels: Arc<Pairs>,
    rendered: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    done: BTreeMap<String, String>,
    /// Names that are being rendered, outermost first.
    open: Vec<String>,
}

impl RouteLabels {
    /// Labels that are taken as they are.
    pub(super) fn rendered(labels: Pairs) -> Self {
        Self { labels: Arc::new(labels), rendered: true, state: Arc::default() }
    }

    /// Labels that may be templates.
    pub(super) fn raw(labels: Pairs) -> Self {
        Self { rendered: false, ..Self::rendered(labels) }
    }

    /// What `name` says; nothing where there is none. Labels that name each other in a circle are an error.
    pub(super) fn resolve(
        &self,
        name: &str,
        templates: &Templates,
        data: &Value,
        now_ms: i64,
        html: bool,
    ) -> Result<String, String> {
        let Some(raw) = self.labels.get(name) else { return Ok(String::new()) };
        if self.rendered {
            return Ok(raw.clone());
        }
        {
            let mut state = self.state();
            if let Some(done) = state.done.get(name) {
                return Ok(done.clone());
            }
            if state.open.iter().any(|open| open == name) {
                let circle = state.open.join(" -> ");
                return Err(format!("route label cycle detected: {circle} -> {name}"));
            }
            state.open.push(name.to_owned());
        }
        let rendered = templates.render(raw, data, now_ms, self, html);
        let mut state = self.state();
        state.open.pop();
        let rendered = rendered?;
        state.done.insert(name.to_owned(), rendered.clone());
        Ok(rendered)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
