//! Matchers against postings: head and blocks answer the same questions, this combines the answers.

use model::{MatchOp, Matcher, Result};
use roaring::RoaringBitmap;

/// What an index must answer.
pub(crate) trait PostingSource {
    /// Every series.
    fn all(&self) -> Result<RoaringBitmap>;

    /// Series with this label pair.
    fn equal(&self, name: &str, value: &str) -> Result<RoaringBitmap>;

    /// Series whose value of `name` begins with `prefix` and is accepted. Only values that are there are asked for,
    /// so never an empty one.
    fn values(&self, name: &str, prefix: &str, accept: &mut dyn FnMut(&str) -> bool)
    -> Result<RoaringBitmap>;
}

/// Series that satisfy all matchers.
pub(crate) fn select(source: &dyn PostingSource, matchers: &[Matcher]) -> Result<RoaringBitmap> {
    // Cheap and selective first; those that also take series without the label only ever subtract.
    let mut ordered: Vec<&Matcher> = matchers.iter().collect();
    ordered.sort_by_key(|m| (m.matches_empty(), rank(m)));
    let mut found: Option<RoaringBitmap> = None;
    for matcher in ordered {
        if found.as_ref().is_some_and(RoaringBitmap::is_empty) {
            break;
        }
        if matcher.matches_empty() {
            let base = match found.take() {
                Some(found) => found,
                None => source.all()?,
            };
            found = Some(base - refused(source, matcher)?);
        } else {
            let taken = accepted(source, matcher)?;
            found = Some(match found.take() {
                Some(found) => found & taken,
                None => taken,
            });
        }
    }
    match found {
        Some(found) => Ok(found),
        None => source.all(),
    }
}

fn rank(matcher: &Matcher) -> u8 {
    match matcher.op {
        MatchOp::Equal => 0,
        MatchOp::Regex if matcher.pattern().is_some_and(|p| p.literals().is_some()) => 1,
        MatchOp::Regex => 2,
        MatchOp::NotEqual | MatchOp::NotRegex => 3,
    }
}

/// Series with a value that satisfies a matcher which no empty value satisfies.
fn accepted(source: &dyn PostingSource, matcher: &Matcher) -> Result<RoaringBitmap> {
    match matcher.op {
        MatchOp::Equal => source.equal(&matcher.name, &matcher.value),
        MatchOp::Regex => match matcher.pattern().and_then(|p| p.literals()) {
            Some(literals) => union(source, &matcher.name, literals.iter().map(String::as_str)),
            None => {
                let prefix = matcher.pattern().map_or("", |p| p.prefix());
                source.values(&matcher.name, prefix, &mut |v| matcher.matches(v))
            }
        },
        // `x!=""` and `x!~".*foo"` with nothing before it: whoever has the label and passes.
        MatchOp::NotEqual | MatchOp::NotRegex => {
            source.values(&matcher.name, "", &mut |v| matcher.matches(v))
        }
    }
}

/// Series with a value that fails a matcher which the empty value satisfies.
fn refused(source: &dyn PostingSource, matcher: &Matcher) -> Result<RoaringBitmap> {
    match matcher.op {
        MatchOp::NotEqual => source.equal(&matcher.name, &matcher.value),
        MatchOp::NotRegex => match matcher.pattern().and_then(|p| p.literals()) {
            Some(literals) => union(source, &matcher.name, literals.iter().map(String::as_str)),
            None => {
                let prefix = matcher.pattern().map_or("", |p| p.prefix());
                source.values(&matcher.name, prefix, &mut |v| !matcher.matches(v))
            }
        },
        MatchOp::Equal | MatchOp::Regex => source.values(&matcher.name, "", &mut |v| !matcher.matches(v)),
    }
}

fn union<'a>(
    source: &dyn PostingSource,
    name: &str,
    values: impl Iterator<Item = &'a str>,
) -> Result<RoaringBitmap> {
    let mut found = RoaringBitmap::new();
    for value in values {
        found |= source.equal(name, value)?;
    }
    Ok(found)
}
