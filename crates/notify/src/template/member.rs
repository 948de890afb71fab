//! Fields and methods of what templates see. The language knows maps and lists only: what one stands for is told by what
//! is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::Value;
use query::template::{print, text};

use super::times;

type Map = BTreeMap<Arc<str>, Value>;

/// What a map stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The data of the template.
    Data,
    /// One alert.
    Alert,
    /// Texts by name: labels, annotations, or one pair of them.
    Pairs,
    /// What a template made itself.
    Other,
}

pub(super) fn kind(map: &Map) -> Kind {
    if map.contains_key("Alerts") && map.contains_key("ExternalURL") {
        Kind::Data
    } else if map.contains_key("Fingerprint") && map.contains_key("StartsAt") {
        Kind::Alert
    } else if !map.is_empty() && map.values().all(|value| matches!(value, Value::String(_))) {
        Kind::Pairs
    } else {
        Kind::Other
    }
}

/// The Go type of a value, as errors name it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Map(map) => match kind(map) {
            Kind::Data => "*template.Data",
            Kind::Alert => "template.Alert",
            Kind::Pairs => "template.KV",
            Kind::Other => "map[string]interface {}",
        },
        Value::List(_) => "[]interface {}",
        other => other.type_name(),
    }
}

/// A field of a value, or what its method of that name gives.
pub(super) fn member(value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    let missing = || format!("can't evaluate field {name} in type {}", type_name(value));
    let nothing = Map::new();
    match value {
        Value::Map(map) => {
            let kind = kind(map);
            // An empty map may be labels as well.
            if (kind == Kind::Pairs || map.is_empty())
                && let Some(result) = of_pairs(map, name, args)
            {
                return result;
            }
            match (map.get(name), kind) {
                (Some(found), _) if args.is_empty() => Ok(found.clone()),
                (Some(_), _) => Err(format!("{name} has arguments but cannot be invoked as function")),
                (None, Kind::Pairs) => Ok(text("")),
                (None, Kind::Other) if map.is_empty() => Ok(text("")),
                (None, Kind::Other) => Ok(Value::Nil),
                (None, Kind::Data | Kind::Alert) => Err(missing()),
            }
        }
        // Labels that are not there.
        Value::Nil => of_pairs(&nothing, name, args).unwrap_or_else(|| Ok(text(""))),
        Value::List(items) => of_list(items, name, args).unwrap_or_else(|| Err(missing())),
        Value::String(receiver) => times::call(receiver, name, args).unwrap_or_else(|| Err(missing())),
        _ => Err(missing()),
    }
}

/// Methods of labels and annotations.
fn of_pairs(map: &Map, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let sorted = || sorted(map);
    Some(Ok(match (name, args) {
        ("SortedPairs", []) => list(sorted().into_iter().map(pair).collect()),
        ("Names", []) => list(sorted().into_iter().map(|(name, _)| Value::String(name)).collect()),
        ("Values", []) => list(sorted().into_iter().map(|(_, value)| value).collect()),
        ("String", []) => text(written(&sorted())),
        ("Remove", [Value::List(names)]) => {
            let keep = |(name, _): &(&Arc<str>, &Value)| {
                !names.iter().any(|gone| matches!(gone, Value::String(gone) if gone == *name))
            };
            let kept = map.iter().filter(keep).map(|(name, value)| (name.clone(), value.clone()));
            Value::Map(Arc::new(kept.collect()))
        }
        ("Remove", [Value::Nil]) => Value::Map(Arc::new(map.clone())),
        ("Remove", _) => {
            return Some(Err("wrong number or type of args for Remove: want a list of names".to_owned()));
        }
        _ => return None,
    }))
}

/// Methods of lists: of alerts, of pairs and of texts.
fn of_list(items: &[Value], name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let with_status = |status: &str| {
        let is =
            |item: &&Value| matches!(item.field("Status"), Some(Value::String(found)) if **found == *status);
        list(items.iter().filter(is).cloned().collect())
    };
    let column = |name: &str| {
        let of = |item: &Value| item.field(name).cloned().unwrap_or(Value::Nil);
        list(items.iter().map(of).collect())
    };
    Some(Ok(match (name, args) {
        ("Firing", []) => with_status("firing"),
        ("Resolved", []) => with_status("resolved"),
        ("Names", []) => column("Name"),
        ("Values", []) => column("Value"),
        ("Join", [Value::String(separator)]) => match joined(items, separator) {
            Ok(all) => text(all),
            Err(e) => return Some(Err(e)),
        },
        _ => return None,
    }))
}

/// Texts with a separator between them.
pub(super) fn joined(items: &[Value], separator: &str) -> Result<String, String> {
    let texts = items.iter().map(|item| match item {
        Value::String(text) => Ok(&**text),
        other => Err(format!("wrong type for value; expected string; got {}", type_name(other))),
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join(separator))
}

/// By name, the name of the alert first.
fn sorted(map: &Map) -> Vec<(Arc<str>, Value)> {
    let named = |(name, value): (&Arc<str>, &Value)| (name.clone(), value.clone());
    let (first, rest): (Vec<_>, Vec<_>) = map.iter().map(named).partition(|(name, _)| &**name == "alertname");
    first.into_iter().chain(rest).collect()
}

fn pair((name, value): (Arc<str>, Value)) -> Value {
    Value::Map(Arc::new(Map::from([(Arc::from("Name"), Value::String(name)), (Arc::from("Value"), value)])))
}

fn list(items: Vec<Value>) -> Value {
    Value::List(items.into())
}

fn written(pairs: &[(Arc<str>, Value)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// A value as an action shows it: labels as `name=value, name=value`.
pub(super) fn shown(value: &Value) -> Value {
    match value {
        Value::Map(map) if kind(map) == Kind::Pairs => text(written(&sorted(map))),
        other => print::shown(other),
    }
}
