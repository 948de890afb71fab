//! Alerts that keep others quiet.

use std::collections::BTreeMap;

use model::labels::Quoted;
use model::{Labels, Matcher};

use super::reading::{Expressions, MatcherList, allows_name, check_names, together};

model::section! {
    /// One entry of `inhibit_rules`.
    pub struct InhibitSection ("config.plain") {
        /// Its name, where it has one.
        name: String = String::new(),
        /// Labels that a source has.
        source_match: BTreeMap<String, String> = BTreeMap::new(),
        /// Expressions that labels of a source match.
        source_match_re: Expressions = Expressions::default(),
        /// What a source matches.
        source_matchers: MatcherList = MatcherList::default(),
        /// Labels that a target has.
        target_match: BTreeMap<String, String> = BTreeMap::new(),
        /// Expressions that labels of a target match.
        target_match_re: Expressions = Expressions::default(),
        /// What a target matches.
        target_matchers: MatcherList = MatcherList::default(),
        /// Labels that are the same in both.
        equal: Vec<String> = Vec::new(),
    }
    check Self::check
}

impl InhibitSection {
    fn check(&mut self) -> Result<(), String> {
        check_names(self.source_match.keys())?;
        check_names(self.target_match.keys())?;
        match self.equal.iter().find(|name| !allows_name(name)) {
            Some(name) => Err(format!("invalid label name {} in equal list", Quoted(name))),
            None => Ok(()),
        }
    }
}

/// While a source fires, targets with the same values of some labels are not told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InhibitRule {
    /// Its name, or nothing.
    pub name: String,
    /// What a source matches, all of it.
    pub source: Vec<Matcher>,
    /// What a target matches, all of it.
    pub target: Vec<Matcher>,
    /// The labels that are the same in both; absent and empty are the same.
    pub equal: Vec<String>,
}

impl InhibitRule {
    /// The rule that a section describes.
    pub fn new(section: &InhibitSection) -> Result<Self, String> {
        let mut equal = section.equal.clone();
        equal.sort();
        equal.dedup();
        Ok(Self {
            name: section.name.clone(),
            source: together(&section.source_match, &section.source_match_re, &section.source_matchers)?,
            target: together(&section.target_match, &section.target_match_re, &section.target_matchers)?,
            equal,
        })
    }

    /// Whether an alert with these labels is a source.
    pub fn is_source(&self, labels: &Labels) -> bool {
        self.source.iter().all(|matcher| matcher.matches_labels(labels))
    }

    /// Whether an alert with these labels is a target.
    pub fn is_target(&self, labels: &Labels) -> bool {
        self.target.iter().all(|matcher| matcher.matches_labels(labels))
    }
}
