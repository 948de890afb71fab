//! Label filters.

use model::Matcher;

use super::entry::Entry;
use super::ip::Addresses;
use crate::logql::ast::{Compare, LabelFilter};
use crate::logql::units::{parse_bytes, parse_duration};

/// A label filter, ready to run.
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Text(Matcher),
    Number(String, Compare, f64),
    Duration(String, Compare, i64),
    Bytes(String, Compare, u64),
    Ip(String, bool, Addresses),
}

const FAILED: &str = "LabelFilterErr";

impl Filter {
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, String> {
        let all = |parts: &[LabelFilter]| parts.iter().map(Self::new).collect::<Result<Vec<_>, _>>();
        Ok(match filter {
            LabelFilter::And(parts) => Self::And(all(parts)?),
            LabelFilter::Or(parts) => Self::Or(all(parts)?),
            LabelFilter::Text(matcher) => Self::Text(matcher.clone()),
            LabelFilter::Number { name, op, value } => Self::Number(name.clone(), *op, *value),
            LabelFilter::Duration { name, op, ns } => Self::Duration(name.clone(), *op, *ns),
            LabelFilter::Bytes { name, op, bytes } => Self::Bytes(name.clone(), *op, *bytes),
            LabelFilter::Ip { name, negative, text } => {
                Self::Ip(name.clone(), *negative, Addresses::parse(text)?)
            }
        })
    }

    /// Whether a line passes. A value that cannot be compared is an error of the line, which passes then; a missing one
    /// is none.
    pub(crate) fn passes(&self, entry: &mut Entry<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.passes(entry)),
            Self::Or(parts) => parts.iter().any(|part| part.passes(entry)),
            Self::Text(matcher) => matcher.matches(&entry.get(&matcher.name).unwrap_or_default()),
            Self::Number(name, op, wanted) => {
                compare(entry, name, *op, *wanted, |text| text.trim().parse().ok())
            }
            Self::Duration(name, op, wanted) => compare(entry, name, *op, *wanted, parse_duration),
            Self::Bytes(name, op, wanted) => compare(entry, name, *op, *wanted, parse_bytes),
            Self::Ip(name, negative, addresses) => {
                if entry.has_error() {
                    return true;
                }
                entry.get(name).is_some_and(|value| addresses.is(&value) != *negative)
            }
        }
    }
}

fn compare<T: PartialOrd>(
    entry: &mut Entry<'_>,
    name: &str,
    op: Compare,
    wanted: T,
    read: impl Fn(&str) -> Option<T>,
) -> bool {
    if entry.has_error() {
        return true;
    }
    let Some(value) = entry.get(name) else { return false };
    match read(&value) {
        Some(value) => op.holds(value, wanted),
        None => {
            let details = format!("label {name:?} has the value {value:?}, which cannot be compared so");
            entry.fail(FAILED, details);
            true
        }
    }
}
