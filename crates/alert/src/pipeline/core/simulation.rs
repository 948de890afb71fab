//! A week of alerts in seconds: random traffic, silences, inhibition, reloads, restarts and failing receivers, with a
//! clock that jumps from event to event. What receivers heard is held against what was true.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::notify::{Delivered, Failure, Notification, Retry};
use disk::sim::{Random, SimFs};
use model::alerts::{Fingerprint, Silence, SilenceMatcher, SilenceState};
use model::{Labels, MatchOp, Matcher};

use super::support::*;
use super::{Answer, Attempt, Core};
use crate::alertmanager::InhibitRule;
use crate::pipeline::plan::{Plan, Routing};

const WEEK: i64 = 7 * 24 * 60 * MINUTE;
const RECEIVERS: [&str; 3] = ["team", "firing-only", "muted"];

/// The configurations that reloads change between.
fn table(by: &str) -> Table {
    let mut team = way("team", &[by]);
    team.key = format!("{{}}/{by}");
    team.repeat_interval_ms = 240 * MINUTE;
    let mut pages = way("firing-only", &["host"]);
    (pages.group_wait_ms, pages.group_interval_ms) = (10 * SECOND, MINUTE);
    let mut muted = way("muted", &["alertname", "host"]);
    (muted.group_interval_ms, muted.repeat_interval_ms) = (2 * MINUTE, 120 * MINUTE);
    muted.mute = vec!["quiet".to_owned()];
    let hosts = Matcher::new("host", MatchOp::Regex, "1|2").unwrap();
    Table {
        ways: vec![
            (Vec::new(), team),
            (vec![Matcher::equal("severity", "page")], pages),
            (vec![hosts], muted),
        ],
        intervals: BTreeMap::from([("quiet".to_owned(), (10 * MINUTE, 25 * MINUTE))]),
    }
}

fn planned(table: &Table) -> Plan {
    let rule = InhibitRule {
        source: vec![Matcher::equal("severity", "page")],
        target: vec![Matcher::equal("severity", "note")],
        equal: vec!["host".to_owned()],
        ..InhibitRule::default()
    };
    plan(table.clone(), vec![rule])
}

/// An alert as its sender knows it.
struct Sent {
    labels: Labels,
    fires: bool,
    since_ms: i64,
    /// When it ended, or began, last.
    changed_ms: i64,
    /// Until when the pipeline believes it, by what it was sent.
    ends_ms: i64,
    /// When it was kept quiet last, for each receiver.
    quiet_ms: [i64; 3],
}

/// What a receiver heard last of a group.
#[derive(Default)]
struct Heard {
    at_ms: i64,
    firing: BTreeSet<Fingerprint>,
    resolved: BTreeSet<Fingerprint>,
}

struct World {
    random: Random,
    fs: SimFs,
    core: Core,
    table: Table,
    alerts: Vec<Sent>,
    silences: Vec<Silence>,
    /// Answers that will come.
    answers: BTreeMap<(i64, u64), (Attempt, Result<Delivered, Failure>)>,
    heard: HashMap<(String, String), Heard>,
    /// Until when a receiver refuses everything, and when it refused last.
    down_ms: [i64; 3],
    trouble_ms: [i64; 3],
    /// When the pipeline was last reloaded or started.
    upset_ms: i64,
    /// How often somebody heard something, and of ends.
    told: usize,
    told_ends: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let fs = SimFs::new();
        let table = table("alertname");
        let core = open(&fs, planned(&table), 0).unwrap();
        let mut alerts = Vec::new();
        for name in ["A", "B"] {
            for host in ["1", "2", "3"] {
                for severity in ["page", "note"] {
                    let pairs = [("alertname", name), ("host", host), ("severity", severity)];
                    let labels = Labels::from_pairs(pairs);
                    let never = i64::MIN / 2;
                    alerts.push(Sent {
                        labels,
                        fires: false,
                        since_ms: 0,
                        changed_ms: never,
                        ends_ms: never,
                        quiet_ms: [never; 3],
                    });
                }
            }
        }
        Self {
            random: Random::new(seed),
            fs,
            core,
            table,
            alerts,
            silences: Vec::new(),
            answers: BTreeMap::new(),
            heard: HashMap::new(),
            down_ms: [0; 3],
            trouble_ms: [0; 3],
            upset_ms: 0,
            told: 0,
            told_ends: 0,
        }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.random.below(n) == 0
    }

    /// Whether an alert is kept quiet, found out the slow way.
    fn is_quiet(&self, labels: &Labels, route: usize, at_ms: i64) -> bool {
        let silenced = self
            .silences
            .iter()
            .filter(|s| s.state(at_ms) == SilenceState::Active)
            .any(|s| s.matchers.iter().all(|m| labels.get(&m.name) == Some(m.value.as_str())));
        let inhibited = labels.get("severity") == Some("note")
            && self.alerts.iter().any(|source| {
                source.labels.get("severity") == Some("page")
                    && source.labels.get("host") == labels.get("host")
                    && source.ends_ms > at_ms
            });
        let muted = self.table.ways[route].1.mute.iter().any(|name| self.table.is_in(name, at_ms));
        silenced || inhibited || muted
    }

    /// One minute: what is sent, and what happens besides.
    fn minute(&mut self, now: i64) {
        for i in 0..self.alerts.len() {
            let changes = if self.alerts[i].fires { self.one_in(60) } else { self.one_in(180) };
            let lost = changes && self.alerts[i].fires && self.one_in(10);
            let alert = &mut self.alerts[i];
            if changes {
                alert.fires = !alert.fires;
                alert.changed_ms = now;
                if alert.fires {
                    alert.since_ms = now;
                }
            }
            let told = alert.fires || (now - alert.changed_ms < 15 * MINUTE && !lost);
            if told {
                let ends = if alert.fires { now + 4 * MINUTE } else { alert.changed_ms };
                alert.ends_ms = ends;
                let pairs: Vec<_> = alert.labels.iter().collect();
                let sent = super::support::alert(&pairs, alert.since_ms, ends, now);
                self.core.put(vec![sent], now).unwrap();
            } else if lost {
                // Nothing is sent of it any more: it ends when it is not believed any more.
                alert.changed_ms = alert.ends_ms;
            }
        }
        self.silence(now);
        for receiver in 0..3 {
            if self.one_in(500) {
                self.down_ms[receiver] = now + self.random.below(90) as i64 * MINUTE;
            }
            if self.down_ms[receiver] > now {
                self.trouble_ms[receiver] = now;
            }
        }
        if self.one_in(400) {
            let other = if self.one_in(2) { "host" } else { "alertname" };
            self.table = table(other);
            self.core.reload(planned(&self.table), now);
            self.upset_ms = now;
        }
        if self.one_in(600) {
            self.restart(now);
        }
    }

    fn silence(&mut self, now: i64) {
        if self.one_in(120) {
            let host = (1 + self.random.below(3)).to_string();
            let matcher =
                SilenceMatcher { name: "host".to_owned(), value: host, is_regex: false, is_equal: true };
            let silence = Silence {
                id: String::new(),
                matchers: vec![matcher],
                starts_at_ms: now + self.random.below(10) as i64 * MINUTE,
                ends_at_ms: now + (10 + self.random.below(60) as i64) * MINUTE,
                updated_at_ms: 0,
                created_by: "simulation".to_owned(),
                comment: String::new(),
            };
            self.core.set_silence(silence, now).unwrap();
        }
        if self.one_in(200)
            && let Some(last) = self.silences.last().filter(|s| s.state(now) != SilenceState::Expired)
        {
            let id = last.id.clone();
            self.core.expire_silence(&id, now).unwrap();
        }
        self.silences = self.core.silences();
    }

    /// The process or the machine ends; some of what was under way arrives all the same.
    fn restart(&mut self, now: i64) {
        if self.one_in(2) {
            self.fs.kill()
        } else {
            self.fs.crash()
        }
        self.answers.clear();
        let silences = self.silences.clone();
        self.core = open(&self.fs, planned(&self.table), now).unwrap();
        assert_eq!(self.core.silences(), silences, "silences survive");
        // A power failure may cost the last seconds of the ledger, never what was told. Senders repeat what fires.
        for alert in self.alerts.iter_mut().filter(|a| a.ends_ms > now) {
            alert.ends_ms = now + 5 * MINUTE;
            if alert.fires {
                let pairs: Vec<_> = alert.labels.iter().collect();
                let sent = super::support::alert(&pairs, alert.since_ms, now + 4 * MINUTE, now);
                alert.ends_ms = now + 4 * MINUTE;
                self.core.put(vec![sent], now).unwrap();
            }
        }
        self.upset_ms = now;
    }

    /// Everything until `to`.
    fn until(&mut self, to: i64) {
        loop {
            let answer = self.answers.first_key_value().map_or(i64::MAX, |((at, _), _)| *at);
            let step = self.core.next_ms();
            if answer.min(step) >= to {
                return;
            }
            if answer <= step {
                let Some((_, (attempt, result))) = self.answers.pop_first() else { return };
                match &result {
                    Ok(_) => self.hear(&attempt.notification),
                    Err(_) => self.trouble_ms[receiver(&attempt.notification)] = answer,
                }
                self.core.answered(vec![Answer { id: attempt.id, result }], answer);
            } else {
                for attempt in self.core.step(step) {
                    if attempt.notification.now_ms == step {
                        self.check(&attempt.notification, step);
                    }
                    self.send(attempt, step);
                }
            }
        }
    }

    fn send(&mut self, attempt: Attempt, now: i64) {
        let down = self.down_ms[receiver(&attempt.notification)] > now;
        let slow = self.one_in(100);
        let at = if slow { attempt.deadline_ms } else { now + self.random.below(3_000) as i64 };
        let failure = |retry| Failure { message: "503".to_owned(), retry, reason: "serverError" };
        let result = if down || slow || self.one_in(30) {
            Err(failure(Retry::Later))
        } else if self.one_in(100) {
            Err(failure(Retry::Never))
        } else {
            Ok(Delivered { answer: "200".to_owned() })
        };
        self.answers.insert((at, attempt.id), (attempt, result));
    }

    /// What is about to be said is true, whole, and of nobody who is to be kept quiet.
    fn check(&self, said: &Notification, now: i64) {
        let route = receiver(said);
        let way = &self.table.ways[route].1;
        for alert in &said.alerts {
            assert_eq!(way.group_by.labels(&alert.labels), said.group_labels);
            assert!(!self.is_quiet(&alert.labels, route, now), "{alert:?} is to be kept quiet at {now}");
        }
        for sent in self.alerts.iter().filter(|s| s.ends_ms > now) {
            let here = self.table.find(&sent.labels).contains(&route)
                && way.group_by.labels(&sent.labels) == said.group_labels
                && !self.is_quiet(&sent.labels, route, now);
            let told = said.alerts.iter().any(|a| a.labels == sent.labels && !a.is_resolved_at(now));
            // A lost alert may be unknown after a power failure.
            let known = self.core.alert(Fingerprint::of(&sent.labels), now).is_some();
            assert!(told || !here || !known, "{} is missing at {now}", sent.labels);
        }
    }

    /// Somebody heard something: it is news, or it was long ago.
    fn hear(&mut self, said: &Notification) {
        let route = receiver(said);
        let way = &self.table.ways[route].1;
        let mut heard = Heard { at_ms: said.now_ms, ..Heard::default() };
        for alert in &said.alerts {
            let ended = alert.is_resolved_at(said.now_ms);
            let set = if ended { &mut heard.resolved } else { &mut heard.firing };
            set.insert(alert.fingerprint());
        }
        let key = (said.group_key.clone(), said.receiver.clone());
        if let Some(last) = self.heard.get(&key) {
            let news = !heard.firing.is_subset(&last.firing)
                || (heard.firing.is_empty() && !last.firing.is_empty())
                || (!heard.firing.is_empty() && !heard.resolved.is_subset(&last.resolved));
            // Who hears of no end does not hear that all was over for a while.
            let silently = said.receiver == "firing-only"
                && self.alerts.iter().any(|alert| {
                    way.group_by.labels(&alert.labels) == said.group_labels
                        && alert.changed_ms.max(alert.quiet_ms[route]) > last.at_ms - MINUTE
                });
            let news = news || silently;
            let repeat = said.now_ms - last.at_ms > way.repeat_interval_ms;
            assert!(news || repeat, "{key:?} twice: {} and {}", last.at_ms, said.now_ms);
        } else {
            assert!(!heard.firing.is_empty(), "{key:?}: the end of what nobody heard of");
        }
        self.told += 1;
        self.told_ends += usize::from(heard.firing.is_empty());
        self.heard.insert(key, heard);
    }

    /// Where all has been calm for a while, everybody knows what is true.
    fn compare(&mut self, now: i64) -> usize {
        let mut compared = 0;
        for i in 0..self.alerts.len() {
            for route in self.table.find(&self.alerts[i].labels) {
                if self.is_quiet(&self.alerts[i].labels, route, now) {
                    self.alerts[i].quiet_ms[route] = now;
                }
                let alert = &self.alerts[i];
                let way = &self.table.ways[route].1;
                let slack = way.group_wait_ms + 3 * way.group_interval_ms + MINUTE;
                let calm = [alert.changed_ms, self.trouble_ms[route], self.upset_ms];
                if calm.into_iter().any(|at| now - at < slack) {
                    continue;
                }
                let quiet_lately = now - alert.quiet_ms[route] < slack;
                // What ended while it was kept quiet is not told.
                let quiet_at_end = !alert.fires && alert.quiet_ms[route] >= alert.changed_ms - slack;
                // An end is told to who wants to hear of it, or when all of the group is over.
                let wants = RECEIVERS[route] != "firing-only";
                if quiet_lately || quiet_at_end || (!alert.fires && !wants) {
                    continue;
                }
                let labels = way.group_by.labels(&alert.labels);
                let key = (crate::pipeline::plan::group_key(way, &labels), way.receiver.clone());
                let fingerprint = Fingerprint::of(&alert.labels);
                let knows = self.heard.get(&key).is_some_and(|h| h.firing.contains(&fingerprint));
                // A reload to other groups leaves the old ones as they were: only ends after it are told.
                if !alert.fires && alert.changed_ms < self.upset_ms {
                    continue;
                }
                assert_eq!(knows, alert.fires, "{} at {now} for {key:?}", alert.labels);
                compared += 1;
            }
        }
        compared
    }
}

fn receiver(said: &Notification) -> usize {
    RECEIVERS.iter().position(|r| *r == said.receiver).unwrap()
}

fn week(seed: u64) {
    let mut world = World::new(seed);
    let (mut now, mut compared) = (0, 0);
    while now < WEEK {
        world.minute(now);
        now += MINUTE;
        world.until(now);
        compared += world.compare(now);
    }
    assert!(world.told > 1_000 && world.told_ends > 100, "{} {}", world.told, world.told_ends);
    assert!(compared > 10_000, "seed {seed}: {compared}");
}

#[test]
fn a_week_of_alerts_is_told_as_it_should_be() {
    let seeds = std::env::var("BONGHWA_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(2);
    std::thread::scope(|scope| {
        for first in 0..2 {
            scope.spawn(move || (first..seeds).step_by(2).for_each(week));
        }
    });
}
