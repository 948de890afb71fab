//! Go templates, for alerts and for lines of logs.
//!
//! The language is `gotmpl`'s. What that lacks is added by a pass over the parsed tree (`rewrite`): missing labels are
//! empty texts, methods can be called, numbers look as Go prints them, and errors say where they happened in Go's words.
//! Which functions there are is the caller's.

pub mod number;
pub mod print;
mod rewrite;
pub mod times;
pub mod url;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use gotmpl::parse::{ListNode, Node, Parser, TextNode};
use gotmpl::{FuncMap, Template, TemplateError, Value, html};

/// What every template ends with. The parser stops in silence at an `{{ end }}` that closes nothing: then this is missing.
const LAST: &str = "\u{1}";
/// The longest text that one template may give; a loop over a large result ends there.
const MAX_OUTPUT: usize = 1 << 20;
/// How often one template may go round its loops.
const MAX_ROUNDS: u64 = 1_000_000;

/// Why a call failed.
pub enum Fault {
    /// The function says no.
    Call(String),
    /// It was called in a wrong way.
    Usage(String),
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Call(text)
    }
}

/// What a function gives.
pub type Outcome = Result<Value, Fault>;
/// A function that templates may call.
pub type Function = Arc<dyn Fn(&[Value]) -> Outcome + Send + Sync>;
/// Functions by name.
pub type Functions = Arc<BTreeMap<&'static str, Function>>;

/// A function that must be called with so many arguments.
pub fn checked(
    name: &'static str,
    want: RangeInclusive<usize>,
    function: impl Fn(&[Value]) -> Outcome + Send + Sync + 'static,
) -> Function {
    Arc::new(move |args| match args.len() {
        got if want.contains(&got) => function(args),
        got => Err(Fault::Usage(format!("wrong number of args for {name}: want {} got {got}", want.start()))),
    })
}

/// A field of a value, or what its method of that name gives for some arguments.
pub type Member = fn(&Value, &str, &[Value]) -> Result<Value, String>;

/// A template that others may name, parsed and rewritten.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Its name.
    pub name: String,
    /// What it says.
    pub body: ListNode,
}

/// Parses a template that begins with `definitions` and may call the functions `names`. Errors are worded as Go words
/// them.
pub fn parse(name: &str, definitions: &str, text: &str, names: &[&str]) -> Result<Template, String> {
    let trees = trees(name, &format!("{definitions}{text}"), names)?;
    let empty = Template::new(name).max_range_iters(MAX_ROUNDS);
    Ok(trees.into_iter().fold(empty, |template, tree| template.add_parse_tree(&tree.name, tree.body)))
}

/// Parses a text: the templates that it defines, and last itself as template `name`.
pub fn trees(name: &str, text: &str, names: &[&str]) -> Result<Vec<Tree>, String> {
    let source = format!("{text}{LAST}");
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
    let rewrite = |list| {
        rewrite::rewrite(&source, names, list).map_err(|(line, e)| format!("template: {name}:{line}: {e}"))
    };
    let mut all = Vec::with_capacity(defines.len() + 1);
    for define in defines {
        all.push(Tree { name: define.name.to_string(), body: rewrite(define.body)? });
    }
    all.push(Tree { name: name.to_owned(), body: rewrite(tree)? });
    Ok(all)
}

/// The template `name` among `trees`, as text.
pub fn text_of<'a>(name: &str, trees: impl IntoIterator<Item = &'a Tree>) -> Template {
    let empty = Template::new(name).max_range_iters(MAX_ROUNDS);
    let add = |template: Template, tree: &Tree| template.add_parse_tree(&tree.name, tree.body.clone());
    trees.into_iter().fold(empty, add)
}

/// The template `name` among `trees`, as HTML: what actions give is escaped as the place asks for.
pub fn html_of<'a>(name: &str, trees: impl IntoIterator<Item = &'a Tree>) -> Result<html::Template, String> {
    // Escaping begins at a template that was parsed as text.
    let root = html::Template::new("page").max_range_iters(MAX_ROUNDS);
    let mut all = root.parse(&format!("{{{{ template {name:?} . }}}}")).map_err(|e| e.to_string())?;
    for tree in trees {
        all = all.add_parse_tree(&tree.name, tree.body.clone()).map_err(|e| e.to_string())?;
    }
    Ok(all)
}

/// What the rewritten tree of template `name` calls.
pub fn calls(name: &str, functions: Functions, member: Member) -> FuncMap {
    let mut map = FuncMap::new();
    let template = name.to_owned();
    let at = move |args: &[Value]| {
        let ([place, shown, name], args) = args.split_first_chunk().ok_or_else(internal)?;
        let name = as_text(name);
        let function = functions.get(name).ok_or_else(internal)?;
        function(args).map_err(|fault| {
            let what = match fault {
                Fault::Call(text) => format!("error calling {name}: {text}"),
                Fault::Usage(text) => text,
            };
            located(&template, place, shown, &what)
        })
    };
    map.insert("__at".to_owned(), Arc::new(at));
    let template = name.to_owned();
    let field = move |args: &[Value]| {
        let ([place, shown, receiver], fields) = args.split_first_chunk().ok_or_else(internal)?;
        let mut value = receiver.clone();
        for field in fields {
            value = member(&value, as_text(field), &[]).map_err(|e| located(&template, place, shown, &e))?;
        }
        Ok(value)
    };
    map.insert("__field".to_owned(), Arc::new(field));
    let template = name.to_owned();
    let method = move |args: &[Value]| {
        let ([place, shown, receiver, name], args) = args.split_first_chunk().ok_or_else(internal)?;
        member(receiver, as_text(name), args).map_err(|e| located(&template, place, shown, &e))
    };
    map.insert("__method".to_owned(), Arc::new(method));
    let shown = |args: &[Value]| Ok(args.first().map_or(Value::Nil, print::shown));
    map.insert("__print".to_owned(), Arc::new(shown));
    map
}

/// Executes template `name` over `data`; an error says where it happened.
pub fn execute(template: &Template, name: &str, data: &Value) -> Result<String, String> {
    let mut out = Bounded(String::new());
    let done = template.execute_template_fmt(&mut out, name, data);
    done.map(|()| out.0).map_err(|error| failed(name, error))
}

/// Executes what [`html_of`] made of `name` over `data`.
pub fn execute_html(template: &html::Template, name: &str, data: &Value) -> Result<String, String> {
    let mut out = Bounded(String::new());
    let done = template.execute_fmt(&mut out, data);
    done.map(|()| out.0).map_err(|error| failed(name, error))
}

fn failed(name: &str, error: TemplateError) -> String {
    match error {
        TemplateError::Exec(text) if text.starts_with("template: ") => text,
        TemplateError::Exec(text) => format!("template: {name}: executing {name:?}: {text}"),
        TemplateError::Write => format!("template: {name}: more than {MAX_OUTPUT} bytes"),
        other => format!("template: {name}: executing {name:?}: {other}"),
    }
}

/// A text as a value.
pub fn text(text: impl AsRef<str>) -> Value {
    Value::String(Arc::from(text.as_ref()))
}

fn as_text(value: &Value) -> &str {
    match value {
        Value::String(text) => text,
        _ => "",
    }
}

fn internal() -> TemplateError {
    TemplateError::Exec("a call without its place".to_owned())
}

/// An error in Go's words, with its place and what it is about.
fn located(template: &str, place: &Value, shown: &Value, what: &str) -> TemplateError {
    let (place, shown) = (as_text(place), as_text(shown));
    TemplateError::Exec(format!("template: {template}:{place}: executing {template:?} at <{shown}>: {what}"))
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
