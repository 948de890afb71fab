//! For tests: routes without a file, receivers that only take names, a pipeline on the simulator of disks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ::notify::{Delivered, Failure, Integration, Notification};
use disk::sim::SimFs;
use futures::future::BoxFuture;
use model::alerts::Alert;
use model::rule::Texts;
use model::{Labels, Matcher};

use super::{Core, Limits, Stores};
use crate::alertmanager::{GroupBy, InhibitRule};
use crate::pipeline::plan::{Plan, Routing, Way};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;

/// A way to be told. The tests answer in its place.
pub(super) struct Named {
    pub(super) resolved: bool,
}

impl Integration for Named {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        self.resolved
    }

    fn notify<'a>(&'a self, _: &'a Notification) -> BoxFuture<'a, Result<Delivered, Failure>> {
        Box::pin(async { Ok(Delivered { answer: "200 OK".to_owned() }) })
    }
}

/// A list of routes; an alert takes all that match. Intervals are times of an hour, in ms.
#[derive(Default, Clone)]
pub(super) struct Table {
    pub(super) ways: Vec<(Vec<Matcher>, Way)>,
    pub(super) intervals: BTreeMap<String, (i64, i64)>,
}

impl Routing for Table {
    fn find(&self, labels: &Labels) -> Vec<usize> {
        let matches = |(matchers, _): &(Vec<Matcher>, Way)| matchers.iter().all(|m| m.matches_labels(labels));
        (0..self.ways.len()).filter(|i| matches(&self.ways[*i])).collect()
    }

    fn way(&self, route: usize) -> Option<&Way> {
        self.ways.get(route).map(|(_, way)| way)
    }

    fn is_in(&self, interval: &str, at_ms: i64) -> bool {
        let of_hour = at_ms.rem_euclid(60 * MINUTE);
        self.intervals.get(interval).is_some_and(|(from, to)| (*from..*to).contains(&of_hour))
    }
}

pub(super) fn way(receiver: &str, by: &[&str]) -> Way {
    Way {
        key: format!("{{}}/{receiver}"),
        receiver: receiver.to_owned(),
        group_by: GroupBy::Labels(by.iter().map(|b| (*b).to_owned()).collect()),
        group_wait_ms: 30 * SECOND,
        group_interval_ms: 5 * MINUTE,
        repeat_interval_ms: 60 * MINUTE,
        mute: Vec::new(),
        active: Vec::new(),
    }
}

pub(super) fn plan(table: Table, inhibit: Vec<InhibitRule>) -> Plan {
    let receivers = table.ways.iter().map(|(_, way)| {
        let resolved = !way.receiver.contains("firing-only");
        (way.receiver.clone(), vec![Arc::new(Named { resolved }) as Arc<dyn Integration>])
    });
    Plan {
        receivers: receivers.collect(),
        routing: Arc::new(table),
        inhibit,
        external_url: "http://here".to_owned(),
        resolve_timeout_ms: 5 * MINUTE,
    }
}

/// One route to `team`, grouped by `alertname`.
pub(super) fn simple() -> Plan {
    plan(Table { ways: vec![(Vec::new(), way("team", &["alertname"]))], ..Table::default() }, Vec::new())
}

pub(super) fn open(fs: &SimFs, plan: Plan, now_ms: i64) -> model::Result<Core> {
    let stores = Stores { fs: Arc::new(fs.clone()), dir: Path::new("/alerts") };
    Core::open(&stores, plan, Limits::default(), 1, now_ms)
}

pub(super) fn alert(pairs: &[(&str, &str)], starts_at_ms: i64, ends_at_ms: i64, now_ms: i64) -> Alert {
    Alert {
        labels: Labels::from_pairs(pairs.iter().copied()),
        annotations: Texts::new(),
        starts_at_ms,
        ends_at_ms,
        updated_at_ms: now_ms,
        timeout: false,
        generator_url: String::new(),
    }
}
