//! Go templates with Prometheus' functions, for labels and annotations of alerts.
//!
//! The language is `gotmpl`'s. What that lacks is added by a pass over the parsed tree ([`rewrite`]): missing labels
//! are empty texts, methods of times and durations can be called, and errors say where they happened in Go's words.

mod escape;
mod functions;
mod host;
mod methods;
mod number;
mod print;
mod rewrite;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use gotmpl::parse::{Node, Parser, TextNode};
use gotmpl::{Template, TemplateError, Value};
use model::Labels;
use prometheus_client::metrics::counter::Counter;
use query::promql::{InstantSample, SampleValue};

pub use escape::query_escape;
use functions::Functions;

/// What every template begins with: the variables that users know.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";
/// What every template ends with. The parser stops in silence at an `{{ end }}` that closes nothing: then this is missing.
const LAST: &str = "\u{1}";
/// The longest text that one template may give; a loop over a large result ends there.
const MAX_OUTPUT: usize = 1 << 20;
/// How often one template may go round its loops.
const MAX_ROUNDS: u64 = 1_000_000;

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
        let template = template.funcs(self.functions.for_template(&name)).max_range_iters(MAX_ROUNDS);
        let mut out = Bounded(String::new());
        match template.execute_template_fmt(&mut out, &name, &data) {
            Ok(()) => Ok(out.0),
            Err(e) => Err(format!("error executing template {name}: {}", executed(&name, e))),
        }
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
    let source = format!("{DEFINITIONS}{text}{LAST}");
    let parsed = Parser::with_name(Some(name), &source, "{{", "}}").and_then(Parser::parse);
    let (mut tree, defines) = parsed.map_err(|e| match e {
        TemplateError::Parse { line, message, .. } | TemplateError::Lex { line, message, .. } => {
            format!("template: {name}:{line}: {message}")
        }
        other => format!("template: {name}: {other}"),
    })?;
    let complete = match tree.nodes.pop() {
        Some(Node::Text(last)) => {
            last.text.strip_suffix(LAST).map(|text| TextNode { text: text.into(), ..last })
        }
        _ => None,
    };
    let Some(last) = complete else {
        return Err(format!("template: {name}:1: unexpected {{{{end}}}} or {{{{else}}}}"));
    };
    tree.nodes.push(Node::Text(last));
    let rewrite =
        |list| rewrite::rewrite(&source, list).map_err(|(line, e)| format!("template: {name}:{line}: {e}"));
    let mut template = Template::new(name);
    for define in defines {
        template = template.add_parse_tree(&define.name, rewrite(define.body)?);
    }
    Ok(template.add_parse_tree(name, rewrite(tree)?))
}

/// An error of the execution: those of our functions already say where.
fn executed(name: &str, error: TemplateError) -> String {
    match error {
        TemplateError::Exec(text) if text.starts_with("template: ") => text,
        TemplateError::Exec(text) => format!("template: {name}: executing {name:?}: {text}"),
        TemplateError::Write => format!("template: {name}: more than {MAX_OUTPUT} bytes"),
        other => format!("template: {name}: executing {name:?}: {other}"),
    }
}

/// A text that refuses to grow over its bound.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_OUTPUT {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
