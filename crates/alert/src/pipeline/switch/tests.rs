use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ::notify::{Delivered, Failure, Integration, Notification};
use disk::sim::SimFs;
use futures::future::BoxFuture;
use model::SystemClock;
use model::rule::Texts;

use super::*;
use crate::alertmanager::{GroupBy, InhibitRule};
use crate::pipeline::{Routing, Way};

/// What reached somebody.
#[derive(Default)]
struct Reached(Mutex<Vec<String>>);

impl AlertSink for Reached {
    fn send(&self, alerts: Vec<OutgoingAlert>) {
        self.0.lock().extend(alerts.iter().map(|a| format!("elsewhere {:?}", a.labels)));
    }
}

struct Hook(Arc<Reached>);

impl Integration for Hook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        true
    }

    fn notify<'a>(&'a self, said: &'a Notification) -> BoxFuture<'a, Result<Delivered, Failure>> {
        Box::pin(async {
            self.0.0.lock().extend(said.alerts.iter().map(|a| format!("here {:?}", a.labels)));
            Ok(Delivered { answer: String::new() })
        })
    }
}

struct One(Way);

impl Routing for One {
    fn find(&self, _: &Labels) -> Vec<usize> {
        vec![0]
    }

    fn way(&self, _: usize) -> Option<&Way> {
        Some(&self.0)
    }

    fn is_in(&self, _: &str, _: i64) -> bool {
        false
    }
}

fn plan(reached: &Arc<Reached>) -> Plan {
    let way = Way {
        key: "{}".to_owned(),
        receiver: "hook".to_owned(),
        group_by: GroupBy::All,
        group_wait_ms: 0,
        group_interval_ms: 3_600_000,
        repeat_interval_ms: 3_600_000,
        mute: Vec::new(),
        active: Vec::new(),
    };
    let hook: Arc<dyn Integration> = Arc::new(Hook(reached.clone()));
    Plan {
        routing: Arc::new(One(way)),
        receivers: BTreeMap::from([("hook".to_owned(), vec![hook])]),
        inhibit: Vec::<InhibitRule>::new(),
        external_url: String::new(),
        resolve_timeout_ms: 300_000,
    }
}

fn alert(name: &str) -> OutgoingAlert {
    let now = SystemClock.now_ms();
    OutgoingAlert {
        labels: Labels::from_pairs([("alertname", name)]),
        annotations: Texts::new(),
        starts_at_ms: now,
        ends_at_ms: now + 3_600_000,
        generator_url: String::new(),
    }
}

fn wait_for(reached: &Reached, count: usize) {
    for _ in 0..6_000 {
        if reached.0.lock().len() >= count {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("{:?}", reached.0.lock());
}

#[test]
fn one_alert_reaches_one_receiver_whatever_is_configured() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let reached = Arc::new(Reached::default());
    let fs = Arc::new(SimFs::new());
    let clock = Arc::new(SystemClock);
    let switch =
        Switch::new(fs, Path::new("/alerts").to_owned(), clock, runtime.handle().clone(), reached.clone());
    let outward = || Outward { external_labels: Labels::from_pairs([("dc", "x")]), ..Outward::default() };
    switch.send(vec![alert("a")]);
    switch.apply(Some(plan(&reached)), outward()).unwrap();
    switch.send(vec![alert("b")]);
    switch.send(vec![alert("b")]);
    wait_for(&reached, 2);
    switch.apply(Some(plan(&reached)), outward()).unwrap();
    switch.send(vec![alert("c"), alert("b")]);
    wait_for(&reached, 3);
    switch.apply(None, outward()).unwrap();
    switch.send(vec![alert("d")]);
    switch.apply(Some(plan(&reached)), outward()).unwrap();
    switch.send(vec![alert("e"), alert("b")]);
    wait_for(&reached, 5);
    switch.stop();
    let told = reached.0.lock().clone();
    let here = |name: &str| format!("here {{alertname=\"{name}\", dc=\"x\"}}");
    let elsewhere = |name: &str| format!("elsewhere {{alertname=\"{name}\"}}");
    assert_eq!(told, [elsewhere("a"), here("b"), here("c"), elsewhere("d"), here("e")]);
}
