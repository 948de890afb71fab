//! The `regexp` parser.

use std::borrow::Cow;

use model::labels::is_plain_label_name;
use model::pattern::Search;

/// An expression with named groups.
pub(crate) struct Regexp(Search);

impl Regexp {
    /// Compiles it; it must name a group.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let search = Search::new(text).map_err(|e| e.message)?;
        let mut names = 0;
        for name in search.group_names() {
            if !is_plain_label_name(name) {
                return Err(format!("invalid extracted label name '{name}'"));
            }
            names += 1;
        }
        if names == 0 {
            return Err("at least one named capture must be supplied".to_owned());
        }
        Ok(Self(search))
    }

    /// Gives what its named groups match first in `text`.
    pub(crate) fn captures<'t>(&self, text: &'t str, found: &mut dyn FnMut(&str, Cow<'t, str>)) {
        self.0.named_groups(text, |name, range| found(name, Cow::Borrowed(text.get(range).unwrap_or(""))));
    }
}
