//! What the pipeline takes: many alerts in many groups, sent again every minute for an hour, with silences and
//! inhibition. Prints CPU time by kind of work, and memory.
//!
//! ```text
//! cargo run --release -p alert --example pipeline -- [alerts] [groups]
//! ```

#![expect(clippy::print_stdout, reason = "it is there to print")]
#![expect(clippy::unwrap_used, reason = "of a measurement a panic is the report")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::notify::{Delivered, Failure, Integration, Notification};
use alert::alertmanager::{GroupBy, InhibitRule};
use alert::pipeline::{Answer, Core, Limits, Plan, Routing, Stores, Way};
use futures::future::BoxFuture;
use model::alerts::{Alert, Silence, SilenceMatcher};
use model::rule::Texts;
use model::{Labels, Matcher};

const MINUTE: i64 = 60_000;

struct Nobody;

impl Integration for Nobody {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn send_resolved(&self) -> bool {
        true
    }

    fn notify<'a>(&'a self, _: &'a Notification) -> BoxFuture<'a, Result<Delivered, Failure>> {
        Box::pin(async { Ok(Delivered { answer: String::new() }) })
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

fn plan() -> Plan {
    let way = Way {
        key: "{}".to_owned(),
        receiver: "team".to_owned(),
        group_by: GroupBy::Labels(["alertname".to_owned(), "service".to_owned()].into()),
        group_wait_ms: 30_000,
        group_interval_ms: 5 * MINUTE,
        repeat_interval_ms: 240 * MINUTE,
        mute: Vec::new(),
        active: Vec::new(),
    };
    Plan {
        routing: Arc::new(One(way)),
        receivers: BTreeMap::from([("team".to_owned(), vec![Arc::new(Nobody) as Arc<dyn Integration>])]),
        inhibit: vec![InhibitRule {
            source: vec![Matcher::equal("severity", "critical")],
            target: vec![Matcher::equal("severity", "warning")],
            equal: vec!["instance".to_owned()],
            ..InhibitRule::default()
        }],
        external_url: String::new(),
        resolve_timeout_ms: 5 * MINUTE,
    }
}

fn alert(number: usize, groups: usize, now_ms: i64) -> Alert {
    let group = number % groups;
    Alert {
        labels: Labels::from_pairs([
            ("alertname", format!("ContainerHighCPU{}", group % 50)),
            ("service", format!("service-{group}")),
            ("instance", format!("node-{number}.example.com:9100")),
            ("severity", if number.is_multiple_of(100) { "critical" } else { "warning" }.to_owned()),
            ("job", "cadvisor".to_owned()),
            ("container", format!("web-{number}")),
        ]),
        annotations: Texts::from([
            ("summary".to_owned(), format!("container web-{number} uses much of its CPU limit")),
            ("description".to_owned(), format!("web-{number} has used 93 % of its limit for five minutes")),
        ]),
        starts_at_ms: 0,
        ends_at_ms: now_ms + 4 * MINUTE,
        updated_at_ms: now_ms,
        timeout: false,
        generator_url: format!("http://prometheus/graph?g0.expr=cpu_{number}"),
    }
}

fn silence(number: usize) -> Silence {
    let (label, value, is_regex) = match number % 10 {
        0 => ("service", format!("service-{number}|nothing-{number}"), true),
        _ => ("instance", format!("node-{number}.example.com:9100"), false),
    };
    Silence {
        id: String::new(),
        matchers: vec![SilenceMatcher { name: label.to_owned(), value, is_regex, is_equal: true }],
        starts_at_ms: 0,
        ends_at_ms: 1_000 * MINUTE,
        updated_at_ms: 0,
        created_by: "somebody".to_owned(),
        comment: "planned work".to_owned(),
    }
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1_024.0
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|n| n.parse::<usize>().unwrap());
    let (alerts, groups) = (numbers.next().unwrap_or(50_000), numbers.next().unwrap_or(5_000));
    let folder = tempfile::tempdir().unwrap();
    let stores = Stores { fs: Arc::new(disk::RealFs), dir: folder.path() };
    let mut core = Core::open(&stores, plan(), Limits::default(), 1, 0).unwrap();
    for number in 0..500 {
        core.set_silence(silence(number), 0).unwrap();
    }
    let before = resident_mb();
    let (mut first, mut again, mut step, mut answer) = [Duration::ZERO; 4].into();
    let mut told = 0;
    for minute in 0..60_i64 {
        let now = minute * MINUTE;
        let posted: Vec<Alert> = (0..alerts).map(|n| alert(n, groups, now)).collect();
        let begin = Instant::now();
        posted.chunks(64).for_each(|some| core.put(some.to_vec(), now).unwrap());
        *(if minute == 0 { &mut first } else { &mut again }) += begin.elapsed();
        while core.next_ms() < now + MINUTE {
            let at = core.next_ms();
            let begin = Instant::now();
            let attempts = core.step(at);
            step += begin.elapsed();
            told += attempts.len();
            let delivered = || Ok(Delivered { answer: "200 OK".to_owned() });
            let answers = attempts.iter().map(|a| Answer { id: a.id, result: delivered() }).collect();
            let begin = Instant::now();
            core.answered(answers, at);
            answer += begin.elapsed();
        }
    }
    println!("{alerts} alerts in {groups} groups, 500 silences, one hour, {told} notifications");
    println!("first report      {:8.2} s", first.as_secs_f64());
    println!("59 repeats        {:8.2} s", again.as_secs_f64());
    println!("turns of groups   {:8.2} s", step.as_secs_f64());
    println!("answers           {:8.2} s", answer.as_secs_f64());
    println!("memory            {:8.1} MB, {before:.1} MB of it before the first alert", resident_mb());
}
