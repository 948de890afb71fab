//! `logs labels`, `logs series`.

use clap::Args;
use serde_json::Value as Json;

use super::client::strings;
use super::output::{Form, braced};
use super::{Asked, log_question, nothing, selector_of};
use crate::{Context, Exit, Failed, Outcome};

/// Arguments of `logs labels`.
#[derive(Debug, Args)]
pub(super) struct Labels {
    /// The label whose values are wanted; without it the names of all.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Words or LogQL: of these streams only.
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
}

/// Names and values of a question.
type Parameters = Vec<(&'static str, String)>;

/// The parameters that name streams and time.
fn parameters(
    asked: &Asked,
    words: &[String],
    context: &mut Context<'_>,
) -> Result<(super::Loki, Parameters), Failed> {
    let loki = asked.server()?;
    let bounds = asked.between.bounds();
    let mut parameters = vec![("start", bounds.0.to_string()), ("end", bounds.1.to_string())];
    if !words.is_empty() {
        let (_, expr) = log_question(&loki, words, bounds)?;
        let (selector, more) = selector_of(&expr);
        if more {
            asked.say(
                context,
                &format!("streams are chosen by {selector} alone, not by what lines contain"),
            )?;
        }
        parameters.push(("query", selector));
    }
    Ok((loki, parameters))
}

impl Labels {
    pub(super) fn run(self, asked: &Asked, context: &mut Context<'_>) -> Outcome {
        let (loki, parameters) = parameters(asked, &self.words, context)?;
        let endpoint = match &self.name {
            Some(name) => format!("label/{}/values", percent(name)),
            None => "labels".to_owned(),
        };
        let data = loki.data(&endpoint, &parameters)?;
        if asked.form == Form::Jsonl {
            writeln!(context.out, "{}", if data.is_null() { Json::Array(Vec::new()) } else { data })?;
            return Ok(Exit::Success);
        }
        for value in strings(&data) {
            writeln!(context.out, "{value}")?;
        }
        Ok(Exit::Success)
    }
}

pub(super) fn series(asked: &Asked, words: &[String], context: &mut Context<'_>) -> Outcome {
    let (loki, mut parameters) = parameters(asked, words, context)?;
    let mut selector = String::new();
    for (name, value) in &mut parameters {
        if *name == "query" {
            (*name, selector) = ("match[]", value.clone());
        }
    }
    let data = loki.data("series", &parameters)?;
    let streams: Vec<&serde_json::Map<String, Json>> =
        data.as_array().into_iter().flatten().filter_map(Json::as_object).collect();
    if streams.is_empty() {
        return nothing(asked, context, &selector);
    }
    for labels in streams {
        match asked.form {
            Form::Jsonl => writeln!(context.out, "{}", Json::Object(labels.clone()))?,
            _ => writeln!(context.out, "{}", braced(labels, |_| true))?,
        }
    }
    Ok(Exit::Success)
}

/// A name as a part of a path.
fn percent(name: &str) -> String {
    crate::query::form(&[("", name.to_owned())]).split_off(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_become_parts_of_paths() {
        assert_eq!(super::percent("a/b 한"), "a%2Fb%20%ED%95%9C");
    }
}
