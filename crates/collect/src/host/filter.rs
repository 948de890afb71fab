//! Regular expressions over device and field names, each name asked once.

use std::collections::HashMap;

use model::{Pattern, Result};

/// Names change rarely; one that sees more than this (virtual interfaces of thousands of containers) starts over.
const MOST_REMEMBERED: usize = 8_192;

/// An include and an exclude expression; both search anywhere in the name, as node_exporter's do.
#[derive(Debug)]
pub(crate) struct Filter {
    include: Option<Pattern>,
    exclude: Option<Pattern>,
    known: HashMap<Box<str>, bool>,
}

impl Filter {
    /// An empty expression includes everything or excludes nothing.
    pub(crate) fn new(include: &str, exclude: &str) -> Result<Self> {
        Ok(Self { include: search(include)?, exclude: search(exclude)?, known: HashMap::new() })
    }

    /// Whether `name` is wanted.
    pub(crate) fn wants(&mut self, name: &str) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let wanted = self.include.as_ref().is_none_or(|p| p.is_match(name))
            && !self.exclude.as_ref().is_some_and(|p| p.is_match(name));
        if self.known.len() >= MOST_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(name.into(), wanted);
        wanted
    }
}

/// `model::Pattern` matches whole texts; this one finds the expression anywhere.
fn search(expression: &str) -> Result<Option<Pattern>> {
    if expression.is_empty() {
        return Ok(None);
    }
    // Compiled alone first, so that an error names the expression as it was given.
    Pattern::new(expression)?;
    Pattern::new(&format!(".*(?:{expression}).*")).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_and_anchors() {
        let mut filter = Filter::new("", "^/(dev|sys)($|/)").unwrap();
        assert!(!filter.wants("/sys") && !filter.wants("/dev/shm"));
        assert!(filter.wants("/srv") && filter.wants("/home/sys/x") && filter.wants("/system"));
        let mut filter = Filter::new("th", "").unwrap();
        assert!(filter.wants("eth0") && !filter.wants("lo"));
        assert!(Filter::new("(", "").is_err());
    }
}
