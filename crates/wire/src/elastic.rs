//! Elasticsearch's bulk requests: a line that says what to do, and mostly a line with a document.

use std::borrow::Cow;

use model::{Error, Result};

use crate::logs::{Rows, Shape};
use crate::tree::Tree;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Keep the document, also where one of that id is there.
    Index,
    /// Keep the document.
    Create,
    /// Change a document: refused.
    Update,
    /// Delete a document: refused.
    Delete,
}

impl Action {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One action of a request, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What was to be done.
    pub action: Action,
    /// In which index.
    pub index: String,
    /// The document's id, empty where the client gave none.
    pub id: String,
    /// The record it became, or the type of the error and the reason.
    pub outcome: Result<usize, (&'static str, String)>,
}

/// A line longer than this is no action.
const MOST_ACTION: usize = 64 << 10;

/// Reads a request and adds its documents. `index` is that of the request's path, for actions that name none.
///
/// # Errors
/// Kind `Invalid` where a line that should say what to do does not: nothing behind it can be trusted, and nothing of the
/// request is to be stored.
pub fn read_bulk(body: &[u8], index: &str, rows: &mut Rows<'_>) -> Result<Vec<Item>> {
    let mut lines = body.split(|b| *b == b'\n').zip(1u64..);
    let mut items = Vec::new();
    while let Some((line, number)) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let (action, own_index, id) = action(line, number)?;
        let index = own_index.unwrap_or_else(|| index.to_owned());
        let outcome = match action {
            Action::Delete => Err(refused(action)),
            Action::Update => {
                lines.next();
                Err(refused(action))
            }
            Action::Index | Action::Create => {
                let (source, _) = lines.next().unwrap_or_default();
                document(source, &index, &id, rows)
            }
        };
        items.push(Item { action, index, id, outcome });
    }
    Ok(items)
}

/// Adds one document: what `PUT /index/_doc/id` brings.
///
/// # Errors
/// The type of Elasticsearch's error, and the reason.
pub fn read_document(
    source: &[u8],
    index: &str,
    id: &str,
    rows: &mut Rows<'_>,
) -> Result<usize, (&'static str, String)> {
    document(source, index, id, rows)
}

fn refused(action: Action) -> (&'static str, String) {
    let name = action.as_str();
    ("illegal_argument_exception", format!("logs are only added to: the action [{name}] is not supported"))
}

fn action(line: &[u8], number: u64) -> Result<(Action, Option<String>, String)> {
    let wrong = |found: &str| {
        let text = format_args!("Malformed action/metadata line [{number}], {found}");
        Error::invalid(text)
    };
    if line.len() > MOST_ACTION {
        return Err(wrong("which is too long"));
    }
    let tree = Tree::of_json(line).map_err(|e| wrong(&format!("which is no JSON: {e}")))?;
    let [(name, about)] = tree.members() else {
        return Err(wrong("expected one of [create, delete, index, update]"));
    };
    let action = match name.as_ref() {
        "index" => Action::Index,
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        other => {
            let found = format!("expected field [create], [delete], [index] or [update] but found [{other}]");
            return Err(wrong(&found));
        }
    };
    let text = |name: &str| about.get(name).and_then(Tree::plain).map(Cow::into_owned);
    Ok((action, text("_index").filter(|index| !index.is_empty()), text("_id").unwrap_or_default()))
}

fn document(
    source: &[u8],
    index: &str,
    id: &str,
    rows: &mut Rows<'_>,
) -> Result<usize, (&'static str, String)> {
    let tree =
        Tree::of_json(source).map_err(|e| ("document_parsing_exception", format!("failed to parse: {e}")))?;
    if !matches!(tree, Tree::Map(_)) {
        return Err(("document_parsing_exception", "failed to parse: the document is no object".to_owned()));
    }
    if index.is_empty() {
        return Err((
            "action_request_validation_exception",
            "Validation Failed: 1: index is missing;".to_owned(),
        ));
    }
    let row = rows.len();
    Shape::SHIPPED.add(rows, &tree, &[("input", "elasticsearch"), ("index", index)], None);
    if rows.len() == row {
        return Err(("circuit_breaking_exception", "the request holds too much at once".to_owned()));
    }
    rows.text("_id", id);
    Ok(row)
}

#[cfg(test)]
mod tests {
    use model::records::{FieldRef, Records};
    use proptest::prelude::*;

    use super::*;
    use crate::logs::Limits;

    fn read(body: &str, index: &str) -> (Result<Vec<Item>>, Records) {
        let mut records = Records::new();
        let items = read_bulk(body.as_bytes(), index, &mut Rows::new(&mut records, Limits::default(), 0));
        (items, records)
    }

    #[test]
    fn documents_are_kept_and_other_actions_refused_each_for_itself() {
        let body = concat!(
            "{\"create\":{\"_index\":\"logs-a\"}}\n{\"@timestamp\":\"2026-01-02T03:04:05Z\",\"message\":\"one\"}\n",
            "{\"delete\":{\"_id\":\"7\"}}\n\n",
            "{\"update\":{\"_id\":\"8\"}}\n{\"doc\":{}}\n",
            "{\"index\":{\"_id\":9}}\r\n{\"log\":\"two\",\"host\":{\"name\":\"h\"}}\r\n",
            "{\"index\":{}}\n{\"broken\n",
            "{\"index\":{}}"
        );
        let (items, records) = read(body, "dflt");
        let items = items.unwrap();
        let shown: Vec<_> = items
            .iter()
            .map(|i| (i.action.as_str(), &*i.index, &*i.id, i.outcome.as_ref().map(|r| *r).map_err(|e| e.0)))
            .collect();
        assert_eq!(
            shown,
            [
                ("create", "logs-a", "", Ok(0)),
                ("delete", "dflt", "7", Err("illegal_argument_exception")),
                ("update", "dflt", "8", Err("illegal_argument_exception")),
                ("index", "dflt", "9", Ok(1)),
                ("index", "dflt", "", Err("document_parsing_exception")),
                ("index", "dflt", "", Err("document_parsing_exception")),
            ]
        );
        let row = records.get(1).unwrap();
        assert_eq!(row.labels().to_string(), r#"{index="dflt", input="elasticsearch", node="h"}"#);
        assert_eq!((row.body(), row.field("_id")), ("two", Some(FieldRef::Text("9"))));
        assert_eq!(records.get(0).unwrap().time_ns(), 1_767_323_045_000_000_000);
    }

    #[test]
    fn a_line_that_is_no_action_ends_the_request() {
        for (body, why) in [
            ("x\n{}\n", "Malformed action/metadata line [1], which is no JSON"),
            ("{\"index\":{}}\n{}\n{\"other\":{}}\n", "line [3], expected field [create]"),
            ("{}\n{}\n", "line [1], expected one of"),
            ("\"index\"\n", "line [1], expected one of"),
        ] {
            let error = read(body, "a").0.unwrap_err();
            assert!(error.message.contains(why), "{error}");
        }
        let (items, _) = read("{\"index\":{}}\n{}\n", "");
        assert!(items.unwrap()[0].outcome.as_ref().unwrap_err().1.contains("index is missing"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60), at in 0usize..60) {
            let mut seed = b"{\"create\":{\"_index\":\"logs-a\"}}\n{\"message\":\"one\",\"a\":{\"b\":[1]}}\n".to_vec();
            seed.splice(at..at, bytes.iter().copied());
            for body in [&bytes, &seed] {
                let mut records = Records::new();
                let _ = read_bulk(body, "i", &mut Rows::new(&mut records, Limits::default(), 0));
            }
        }
    }
}
