//! Which alerts go where.

use std::collections::{BTreeMap, BTreeSet};

use model::config::Duration;
use model::labels::Quoted;
use model::{Labels, Matcher};
use query::matchers::{WrittenList, order};

use super::reading::{Expressions, MatcherList, allows_name, check_names, together};

model::section! {
    /// One route as it is written.
    pub struct RouteSection ("config.plain") {
        /// Who is told; inherited.
        receiver: String = String::new(),
        /// By which labels, `...` for all; inherited.
        group_by: Option<Vec<String>> = None,
        /// Labels that alerts have.
        equal ("match"): BTreeMap<String, String> = BTreeMap::new(),
        /// Expressions that labels of alerts match.
        match_re: Expressions = Expressions::default(),
        /// What alerts match.
        matchers: MatcherList = MatcherList::default(),
        /// Intervals in which nobody is told.
        mute_time_intervals: Vec<String> = Vec::new(),
        /// Intervals outside of which nobody is told.
        active_time_intervals: Vec<String> = Vec::new(),
        /// Whether routes behind it are asked, too.
        continues ("continue"): bool = false => always,
        /// Routes for some of its alerts.
        routes: Vec<RouteSection> = Vec::new() => list("empty or null route"),
        /// How long a new group waits for more alerts; inherited.
        group_wait: Option<Duration> = None,
        /// How long after a notification changes are told; inherited.
        group_interval: Option<Duration> = None,
        /// How long after a notification it is repeated; inherited.
        repeat_interval: Option<Duration> = None,
        /// Labels for templates; inherited one by one.
        labels: BTreeMap<String, String> = BTreeMap::new(),
    }
    check Self::check
}

impl RouteSection {
    fn check(&mut self) -> Result<(), String> {
        check_names(self.equal.keys())?;
        if let Some(name) = self.labels.keys().find(|name| !allows_name(name)) {
            return Err(format!("invalid label name {} in route labels", Quoted(name)));
        }
        let mut seen = BTreeSet::new();
        let names: Vec<&String> = self.group_by.iter().flatten().filter(|name| *name != "...").collect();
        for name in &names {
            if !allows_name(name) {
                return Err(format!("invalid label name {} in group_by list", Quoted(name)));
            }
        }
        if !names.is_empty() && self.group_by.iter().flatten().any(|name| name == "...") {
            return Err("cannot have wildcard group_by (`...`) and other labels at the same time".to_owned());
        }
        if let Some(name) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(format!("duplicated label {} in group_by", Quoted(name)));
        }
        if self.group_interval.is_some_and(Duration::is_zero) {
            return Err("group_interval cannot be zero".to_owned());
        }
        if self.repeat_interval.is_some_and(Duration::is_zero) {
            return Err("repeat_interval cannot be zero".to_owned());
        }
        Ok(())
    }

    /// Calls `each` with every route below this one, and then with this one.
    pub(super) fn walk<'a>(
        &'a self,
        each: &mut impl FnMut(&'a Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.routes.iter().try_for_each(|route| route.walk(each))?;
        each(self)
    }
}

/// By which labels a route groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// All of them: every alert is a group of its own.
    All,
    /// These; without any, all alerts of the route are one group.
    Labels(BTreeSet<String>),
}

impl GroupBy {
    /// The labels that name an alert's group.
    pub fn labels(&self, of: &Labels) -> Labels {
        match self {
            Self::All => of.clone(),
            Self::Labels(names) => of.filter(|name| names.contains(name)),
        }
    }
}

/// What a route does with its alerts, with all that it inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteOptions {
    /// Who is told.
    pub receiver: String,
    /// By which labels.
    pub group_by: GroupBy,
    /// How long a new group waits for more alerts.
    pub group_wait: Duration,
    /// How long after a notification changes of the group are told.
    pub group_interval: Duration,
    /// How long after a notification it is repeated.
    pub repeat_interval: Duration,
    /// Names of the intervals in which nobody is told; not inherited.
    pub mute_time_intervals: Vec<String>,
    /// Names of the intervals outside of which nobody is told; none means always. Not inherited.
    pub active_time_intervals: Vec<String>,
    /// Labels of this route and those above it, for templates.
    pub labels: BTreeMap<String, String>,
}

impl Default for RouteOptions {
    fn default() -> Self {
        Self {
            receiver: String::new(),
            group_by: GroupBy::Labels(BTreeSet::new()),
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(300),
            repeat_interval: Duration::from_secs(4 * 3600),
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}

impl RouteOptions {
    fn below(&self, section: &RouteSection) -> Self {
        let mut options = self.clone();
        if !section.receiver.is_empty() {
            options.receiver.clone_from(&section.receiver);
        }
        if let Some(names) = &section.group_by {
            options.group_by = match names.iter().any(|name| name == "...") {
                true => GroupBy::All,
                false => GroupBy::Labels(names.iter().cloned().collect()),
            };
        }
        options.group_wait = section.group_wait.unwrap_or(options.group_wait);
        options.group_interval = section.group_interval.unwrap_or(options.group_interval);
        options.repeat_interval = section.repeat_interval.unwrap_or(options.repeat_interval);
        options.mute_time_intervals.clone_from(&section.mute_time_intervals);
        options.active_time_intervals.clone_from(&section.active_time_intervals);
        options.labels.extend(section.labels.clone());
        options
    }
}

/// A route and those below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// What alerts match, all of it; sorted.
    pub matchers: Vec<Matcher>,
    /// Whether routes behind it are asked, too.
    pub continues: bool,
    /// What it does with its alerts.
    pub options: RouteOptions,
    /// Routes for some of its alerts.
    pub children: Vec<Route>,
    /// Its number: children before their parent, in the order of the file. Equal files give equal numbers.
    pub index: usize,
    key: String,
}

impl Route {
    /// The tree that a section describes.
    pub fn new(section: &RouteSection) -> Result<Self, String> {
        Self::below(section, None, &mut 0)
    }

    fn below(
        section: &RouteSection,
        parent: Option<(&str, &RouteOptions)>,
        count: &mut usize,
    ) -> Result<Self, String> {
        let mut matchers = together(&section.equal, &section.match_re, &section.matchers)?;
        matchers.sort_by(order);
        let (key, options) = match parent {
            Some((path, options)) => (format!("{path}/{}", WrittenList(&matchers)), options.below(section)),
            None => (WrittenList(&matchers).to_string(), RouteOptions::default().below(section)),
        };
        let below = |child| Self::below(child, Some((&key, &options)), count);
        let children = section.routes.iter().map(below).collect::<Result<_, _>>()?;
        let index = *count;
        *count += 1;
        Ok(Self { matchers, continues: section.continues, options, children, index, key })
    }

    /// The matchers on the way to it, as the keys of its groups begin: `{}/{owner="team-A"}`. Two routes may have the
    /// same.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The routes that an alert with these labels takes, in order.
    pub fn find(&self, labels: &Labels) -> Vec<&Self> {
        let mut found = Vec::new();
        self.find_into(labels, &mut found);
        found
    }

    fn find_into<'a>(&'a self, labels: &Labels, found: &mut Vec<&'a Self>) -> bool {
        if !self.matchers.iter().all(|matcher| matcher.matches_labels(labels)) {
            return false;
        }
        let before = found.len();
        for child in &self.children {
            if child.find_into(labels, found) && !child.continues {
                break;
            }
        }
        if found.len() == before {
            found.push(self);
        }
        true
    }

    /// Calls `each` with this route and every one below it, parents first.
    pub fn walk<'a>(&'a self, each: &mut impl FnMut(&'a Self)) {
        each(self);
        self.children.iter().for_each(|child| child.walk(each));
    }
}
