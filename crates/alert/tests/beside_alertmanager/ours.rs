//! The pipeline with the same configuration as Alertmanager has in `theirs.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::notify::{Delivered, Failure, Integration, Notification};
use alert::alertmanager::{GroupBy, InhibitRule};
use alert::pipeline::{Core, Driver, Limits, Plan, Routing, Stores, Way};
use disk::RealFs;
use futures::future::BoxFuture;
use model::alerts::{Alert, Silence, SilenceMatcher};
use model::rule::Texts;
use model::{Labels, Matcher, SystemClock};

use crate::Told;
use crate::theirs::now_ms;

const RESOLVE_TIMEOUT_MS: i64 = 300_000;

struct Written {
    told: Told,
    send_resolved: bool,
}

impl Integration for Written {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn notify<'a>(&'a self, said: &'a Notification) -> BoxFuture<'a, Result<Delivered, Failure>> {
        Box::pin(async {
            let status = |a: &Alert| if a.is_resolved_at(said.now_ms) { "resolved" } else { "firing" };
            let texts = |labels: &Labels| -> BTreeMap<String, String> {
                labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
            };
            let alerts: Vec<_> =
                said.alerts.iter().map(|a| (texts(&a.labels), status(a).to_owned())).collect();
            let all = if alerts.iter().any(|a| a.1 == "firing") { "firing" } else { "resolved" };
            let key = (said.receiver.clone(), texts(&said.group_labels));
            self.told.lock().entry(key).or_default().push((all.to_owned(), alerts));
            Ok(Delivered { answer: "200 OK".to_owned() })
        })
    }
}

struct Routes(Vec<Way>);

impl Routing for Routes {
    fn find(&self, labels: &Labels) -> Vec<usize> {
        match labels.get("scenario") {
            Some("quiet") => vec![1],
            Some("both") => vec![2, 3],
            _ => vec![0],
        }
    }

    fn way(&self, route: usize) -> Option<&Way> {
        self.0.get(route)
    }

    fn is_in(&self, _: &str, _: i64) -> bool {
        false
    }
}

fn plan(told: &Told) -> Plan {
    let way = |key: &str, receiver: &str| Way {
        key: key.to_owned(),
        receiver: receiver.to_owned(),
        group_by: GroupBy::Labels(["alertname".to_owned(), "scenario".to_owned()].into()),
        group_wait_ms: 2_000,
        group_interval_ms: 4_000,
        repeat_interval_ms: 10_000,
        mute: Vec::new(),
        active: Vec::new(),
    };
    let hook = |send_resolved| -> Vec<Arc<dyn Integration>> {
        vec![Arc::new(Written { told: told.clone(), send_resolved })]
    };
    let routes = vec![
        way("{}", "hooked"),
        way("{}/{scenario=\"quiet\"}", "quiet"),
        way("{}/{scenario=\"both\"}", "quiet"),
        way("{}/{scenario=\"both\"}", "hooked"),
    ];
    Plan {
        routing: Arc::new(Routes(routes)),
        receivers: BTreeMap::from([("hooked".to_owned(), hook(true)), ("quiet".to_owned(), hook(false))]),
        inhibit: vec![InhibitRule {
            source: vec![Matcher::equal("severity", "critical")],
            target: vec![Matcher::equal("severity", "warning")],
            equal: vec!["host".to_owned(), "scenario".to_owned()],
            ..InhibitRule::default()
        }],
        external_url: String::new(),
        resolve_timeout_ms: RESOLVE_TIMEOUT_MS,
    }
}

pub(crate) struct Ours {
    runtime: tokio::runtime::Runtime,
    driver: Option<Driver>,
    folder: PathBuf,
    told: Told,
    silences: BTreeMap<&'static str, String>,
}

impl Ours {
    pub(crate) fn start(folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let mut ours = Self {
            runtime: runtime.unwrap(),
            driver: None,
            folder: folder.join("ours"),
            told: Told::default(),
            silences: BTreeMap::new(),
        };
        ours.open();
        ours
    }

    fn open(&mut self) {
        let stores = Stores { fs: Arc::new(RealFs), dir: &self.folder };
        let core = Core::open(&stores, plan(&self.told), Limits::default(), 1, now_ms()).unwrap();
        let driver = Driver::start(core, Arc::new(SystemClock), self.runtime.handle().clone());
        self.driver = Some(driver.unwrap());
    }

    fn driver(&self) -> &Driver {
        self.driver.as_ref().unwrap()
    }

    pub(crate) fn told(&self) -> Told {
        self.told.clone()
    }

    pub(crate) fn post(&self, alerts: &[Vec<(&'static str, String)>], start_ms: i64, end_ms: Option<i64>) {
        let now = now_ms();
        let alert = |labels: &Vec<(&'static str, String)>| Alert {
            labels: Labels::from_pairs(labels.clone()),
            annotations: Texts::new(),
            starts_at_ms: start_ms,
            ends_at_ms: end_ms.unwrap_or(now + RESOLVE_TIMEOUT_MS),
            updated_at_ms: now,
            timeout: end_ms.is_none(),
            generator_url: String::new(),
        };
        self.driver().put(alerts.iter().map(alert).collect()).unwrap();
    }

    pub(crate) fn silence(&mut self, name: &'static str, (label, value): (&str, &str)) {
        let matcher = SilenceMatcher {
            name: label.to_owned(),
            value: value.to_owned(),
            is_regex: false,
            is_equal: true,
        };
        let silence = Silence {
            id: String::new(),
            matchers: vec![matcher],
            starts_at_ms: now_ms(),
            ends_at_ms: now_ms() + 3_600_000,
            updated_at_ms: 0,
            created_by: "test".to_owned(),
            comment: "test".to_owned(),
        };
        let (mut core, now) = self.driver().core();
        let id = core.set_silence(silence, now).unwrap();
        drop(core);
        self.silences.insert(name, id);
    }

    pub(crate) fn expire(&self, name: &str) {
        let (mut core, now) = self.driver().core();
        core.expire_silence(&self.silences[name], now).unwrap();
    }

    pub(crate) fn reload(&self) {
        self.driver().reload(plan(&self.told));
    }

    /// The end of the process as far as the disk is concerned.
    pub(crate) fn kill_and_start(&mut self) {
        self.driver = None;
        self.open();
    }

    /// Waits until no attempt is under way and none is due.
    pub(crate) fn wait_until_idle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (core, now) = self.driver().core();
            if core.is_idle(now) {
                return;
            }
            drop(core);
            assert!(Instant::now() < deadline, "attempts do not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
