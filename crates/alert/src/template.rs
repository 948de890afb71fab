//! Go templates with Prometheus' functions, for labels and annotations of alerts.
//!
//! The language is that of [`query::template`]: missing labels
//! are empty texts, methods of times and durations can be called, and errors say where they happened in Go's words.

mod escape;
mod functions;
mod host;
mod number;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use gotmpl::{Template, Value};
use model::Labels;
use prometheus_client::metrics::counter::Counter;
use query::promql::{InstantSample, SampleValue};
use query::template;

pub use escape::query_escape;
use functions::Functions;

/// What every template begins with: the variables that users know.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Evaluates an expression that a template names, at the template's time.
pub type QueryFn = Arc<dyn Fn(&str) -> Result<Vec<InstantSample>, String> + Send + Sync>;

/// What a template may ask of its surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// Evaluates expressions.
    pub query: QueryFn,
    /// Now, ms.
    pub now_ms: i64,
    /// Address of this server, without a slash at its end.
    pub external_url: Arc<str>,
    /// Labels that are added to everything sent.
    pub external_labels: Labels,
}

/// Expands templates at one point in time.
pub struct Expander {
    functions: Functions,
    external_labels: Value,
    external_url: Value,
    counts: Counts,
}

/// What expanders count.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Texts that were to be expanded.
    pub expansions: Counter,
    /// Texts that could not be.
    pub failures: Counter,
}

impl Expander {
    /// An expander for one evaluation.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self {
            functions: Functions::new(surroundings),
            external_labels: value::of_labels(&surroundings.external_labels),
            external_url: Value::String(surroundings.external_url.clone()),
            counts: Counts::default(),
        }
    }

    /// The same, counted by `counts`.
    pub fn counted(self, counts: Counts) -> Self {
        Self { counts, ..self }
    }

    /// Expands a label or an annotation of alert `alert` for one element of its result. Errors are worded as
    /// Prometheus words them.
    pub fn expand(
        &self,
        alert: &str,
        text: &str,
        labels: &Labels,
        value: &SampleValue,
    ) -> Result<String, String> {
        self.counts.expansions.inc();
        let expanded = self.expanded(alert, text, labels, value);
        if expanded.is_err() {
            self.counts.failures.inc();
        }
        expanded
    }

    fn expanded(
        &self,
        alert: &str,
        text: &str,
        labels: &Labels,
        value: &SampleValue,
    ) -> Result<String, String> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let data = value::map([
            ("Labels", value::of_labels(labels)),
            ("ExternalLabels", self.external_labels.clone()),
            ("ExternalURL", self.external_url.clone()),
            ("Value", value::of_sample_value(value)),
        ]);
        let name = format!("__alert_{alert}");
        let template = parse(&name, text).map_err(|e| format!("error parsing template {name}: {e}"))?;
        let template = template.funcs(self.functions.for_template(&name));
        template::execute(&template, &name, &data)
            .map_err(|e| format!("error executing template {name}: {e}"))
    }
}

/// Whether `text` parses as a template of alert `alert`; the error is worded as Prometheus words it.
pub fn check(alert: &str, text: &str) -> Result<(), String> {
    if !text.contains("{{") {
        return Ok(());
    }
    parse(&format!("__alert_{alert}"), text).map(|_| ())
}

fn parse(name: &str, text: &str) -> Result<Template, String> {
    template::parse(name, DEFINITIONS, text, &functions::NAMES)
}
