//! The file as it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ::notify::config::{Global, Receiver};
use model::labels::Quoted;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::inhibit::{InhibitRule, InhibitSection};
use super::interval::{TimeInterval, TimeIntervals};
use super::route::{Route, RouteSection};

model::section! {
    /// The whole file. Beside it, [`super::parse`] checks what parts say about each other.
    pub struct Config ("config.plain") {
        /// What receivers inherit.
        global: Global = Global::default() => always,
        /// Who is told of what.
        route: Option<RouteSection> = None,
        /// Which alerts keep others quiet.
        inhibit_rules: Vec<InhibitSection> = Vec::new(),
        /// Who can be told.
        receivers: Vec<Receiver> = Vec::new(),
        /// Files with templates; `*` and `?` may stand in the last part.
        templates: Vec<String> = Vec::new() => always,
        /// Intervals by name, as they were called once.
        mute_time_intervals: Vec<OldIntervals> = Vec::new(),
        /// Intervals by name.
        time_intervals: Vec<NamedIntervals> = Vec::new(),
        /// Tracing of Alertmanager itself: taken, without effect.
        tracing: Foreign = Foreign::default(),
        /// A log of events of Alertmanager itself: taken, without effect.
        event_recorder: Foreign = Foreign::default(),
    }
}

/// A section that other programs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Foreign {
    /// Whether it is there.
    pub is_there: bool,
}

impl<'de> Deserialize<'de> for Foreign {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Ok(Self { is_there: true })
    }
}

impl Serialize for Foreign {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl model::config::Empty for Foreign {
    fn is_empty_value(&self) -> bool {
        true
    }
}

model::section! {
    /// One entry of `time_intervals`.
    pub struct NamedIntervals ("config.plain") {
        /// Its name; routes say it.
        name: String = String::new() => always,
        /// A time lies in it where it lies in one of these.
        time_intervals: Vec<TimeInterval> = Vec::new() => always,
    }
    check |section: &mut NamedIntervals| named(&section.name, "time interval")
}

model::section! {
    /// One entry of `mute_time_intervals`.
    pub struct OldIntervals ("config.plain") {
        /// Its name; routes say it.
        name: String = String::new() => always,
        /// A time lies in it where it lies in one of these.
        time_intervals: Vec<TimeInterval> = Vec::new() => always,
    }
    check |section: &mut OldIntervals| named(&section.name, "mute time interval")
}

fn named(name: &str, what: &str) -> Result<(), String> {
    if name.is_empty() { Err(format!("missing name in {what}")) } else { Ok(()) }
}

/// What a refusal is about: the place is looked for by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// The file as a whole.
    All,
    /// The first route.
    Route,
    /// The receiver of this number.
    Receiver(usize),
    /// The first route that is for this receiver.
    To(String),
    /// The first route that says this interval.
    At(String),
    /// The interval of this number among the old ones.
    OldInterval(usize),
    /// The interval of this number.
    Interval(usize),
}

impl Config {
    /// Fills in what receivers inherit, and refuses what parts of the file say against each other.
    pub(super) fn complete(&mut self) -> Result<(), (About, String)> {
        let mut names = BTreeSet::new();
        for (at, receiver) in self.receivers.iter_mut().enumerate() {
            if !names.insert(receiver.name.clone()) {
                let name = Quoted(&receiver.name);
                let error = format!("notification config name {name} is not unique");
                return Err((About::Receiver(at), error));
            }
            receiver.complete(&self.global).map_err(|e| (About::Receiver(at), e))?;
        }
        let Some(route) = &self.route else { return Err((About::All, "no routes provided".to_owned())) };
        check_root(route).map_err(|e| (About::Route, e.to_owned()))?;
        let mut about = About::All;
        let known = route.walk(&mut |route| {
            if route.receiver.is_empty() || names.contains(&route.receiver) {
                return Ok(());
            }
            about = About::To(route.receiver.clone());
            Err(format!("undefined receiver {} used in route", Quoted(&route.receiver)))
        });
        known.map_err(|e| (about, e))?;
        self.check_intervals(route)
    }

    fn check_intervals(&self, route: &RouteSection) -> Result<(), (About, String)> {
        let mut names = BTreeSet::new();
        for (at, OldIntervals { name, .. }) in self.mute_time_intervals.iter().enumerate() {
            if !names.insert(name) {
                let error = format!("mute time interval {} is not unique", Quoted(name));
                return Err((About::OldInterval(at), error));
            }
        }
        for (at, NamedIntervals { name, .. }) in self.time_intervals.iter().enumerate() {
            if !names.insert(name) {
                let error = format!("time interval {} is not unique", Quoted(name));
                return Err((About::Interval(at), error));
            }
        }
        let mut about = About::All;
        let known = route.walk(&mut |route| {
            let mut said = route.active_time_intervals.iter().chain(&route.mute_time_intervals);
            let Some(name) = said.find(|name| !names.contains(name)) else { return Ok(()) };
            about = About::At(name.clone());
            Err(format!("undefined time interval {} used in route", Quoted(name)))
        });
        known.map_err(|e| (about, e))
    }

    /// Takes relative file names as relative to `dir`, the folder of the file.
    pub(super) fn set_directory(&mut self, dir: &Path) {
        self.global.http_config.set_directory(dir);
        self.receivers.iter_mut().for_each(|receiver| receiver.set_directory(dir));
        for template in &mut self.templates {
            *template = dir.join(&*template).to_string_lossy().into_owned();
        }
    }

    /// The tree of routes.
    pub fn routes(&self) -> Result<Route, String> {
        Route::new(self.route.as_ref().ok_or("no route provided in config")?)
    }

    /// Which alerts keep others quiet.
    pub fn inhibit(&self) -> Result<Vec<InhibitRule>, String> {
        self.inhibit_rules.iter().map(InhibitRule::new).collect()
    }

    /// All intervals by name.
    pub fn intervals(&self) -> TimeIntervals {
        let old = self.mute_time_intervals.iter().map(|named| (&named.name, &named.time_intervals));
        let new = self.time_intervals.iter().map(|named| (&named.name, &named.time_intervals));
        let all = old.chain(new).map(|(name, intervals)| (name.clone(), intervals.clone()));
        TimeIntervals(all.collect::<BTreeMap<_, _>>())
    }

    /// Sections that are taken and have no effect.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let all = [("tracing", self.tracing), ("event_recorder", self.event_recorder)];
        all.into_iter().filter(|(_, section)| section.is_there).map(|(name, _)| name).collect()
    }

    /// The file as Alertmanager shows it: with defaults, without secrets.
    pub fn shown(&self) -> String {
        // Nothing in it has a form that YAML does not know.
        serde_saphyr::to_string(self).unwrap_or_default()
    }
}

/// What only the first route must say, and what it must not.
fn check_root(route: &RouteSection) -> Result<(), &'static str> {
    if route.receiver.is_empty() {
        return Err("root route must specify a default receiver");
    }
    if !route.equal.is_empty() || !route.match_re.0.is_empty() || !route.matchers.0.is_empty() {
        return Err("root route must not have any matchers");
    }
    if !route.mute_time_intervals.is_empty() {
        return Err("root route must not have any mute time intervals");
    }
    if !route.active_time_intervals.is_empty() {
        return Err("root route must not have any active time intervals");
    }
    if route.continues {
        return Err("cannot have continue in root route");
    }
    Ok(())
}
