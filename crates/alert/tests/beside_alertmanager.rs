//! The pipeline beside Debian's Alertmanager: both get the same alerts, silences and reloads at the same times, and what
//! their receivers hear is compared, group by group, in order. Intervals are short, and events lie in the middle between
//! two turns of a group, so that a slow machine changes nothing.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(clippy::disallowed_methods, reason = "it waits for programs, and the clock is the wall's")]

#[path = "beside_alertmanager/ours.rs"]
mod ours;
#[path = "beside_alertmanager/theirs.rs"]
mod theirs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ours::Ours;
use parking_lot::Mutex;
use testkit::suite::{Case, Component};
use theirs::Theirs;

const ALERTMANAGER: Component = Component {
    name: "the reference program prometheus-alertmanager",
    is_here: || testkit::reference("prometheus-alertmanager").is_some(),
};

fn main() {
    testkit::suite::run(&[
        Case { name: "receivers_hear_the_same", needs: &[ALERTMANAGER], test: receivers_hear_the_same },
        Case {
            name: "after_a_kill_nobody_is_told_twice",
            needs: &[ALERTMANAGER],
            test: after_a_kill_nobody_is_told_twice,
        },
        Case { name: "thousands_of_groups", needs: &[ALERTMANAGER], test: thousands_of_groups },
    ]);
}

/// What one notification says: its status and its alerts in order, each with its labels and status.
type Heard = (String, Vec<(BTreeMap<String, String>, String)>);
/// What was heard, by receiver and labels of the group.
type Told = Arc<Mutex<BTreeMap<(String, BTreeMap<String, String>), Vec<Heard>>>>;

/// Something that happens to both, so many seconds after the start.
enum Event {
    /// Alerts fire; since now.
    Fire(Vec<Vec<(&'static str, String)>>),
    /// Alerts end now.
    End(Vec<Vec<(&'static str, String)>>),
    /// A silence of this name begins: a label and its value.
    Silence(&'static str, (&'static str, &'static str)),
    /// The silence of this name ends.
    Expire(&'static str),
    /// The same configuration is loaded again.
    Reload,
}

fn labels(text: &str) -> Vec<(&'static str, String)> {
    let names = ["alertname", "scenario", "host", "severity"];
    let values: Vec<&str> = text.split_whitespace().collect();
    names.into_iter().zip(values).map(|(name, value)| (name, value.to_owned())).collect()
}

fn fire(of: &[&str]) -> Event {
    Event::Fire(of.iter().map(|text| labels(text)).collect())
}

fn end(of: &[&str]) -> Event {
    Event::End(of.iter().map(|text| labels(text)).collect())
}

fn run(events: Vec<(f64, Event)>, seconds: f64) -> (Told, Told) {
    let folder = tempfile::tempdir().unwrap();
    let mut theirs = Theirs::start(folder.path());
    let mut ours = Ours::start(folder.path());
    let start = Instant::now();
    let wait = |at: f64| {
        let at = start + Duration::from_secs_f64(at);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
    };
    let mut starts = BTreeMap::new();
    for (at, event) in events {
        wait(at);
        let now = theirs::now_ms();
        match event {
            Event::Fire(alerts) => {
                for alert in alerts.chunks(500) {
                    starts.extend(alert.iter().map(|a| (a.clone(), now)));
                    theirs.post(alert, now, None);
                    ours.post(alert, now, None);
                }
            }
            Event::End(alerts) => {
                for alert in &alerts {
                    theirs.post(std::slice::from_ref(alert), starts[alert], Some(now));
                    ours.post(std::slice::from_ref(alert), starts[alert], Some(now));
                }
            }
            Event::Silence(name, matcher) => {
                theirs.silence(name, matcher);
                ours.silence(name, matcher);
            }
            Event::Expire(name) => {
                theirs.expire(name);
                ours.expire(name);
            }
            Event::Reload => {
                theirs.reload();
                ours.reload();
            }
        }
    }
    wait(seconds);
    (theirs.told(), ours.told())
}

fn compare((theirs, ours): (Told, Told), groups: usize) {
    let (theirs, ours) = (theirs.lock().clone(), ours.lock().clone());
    assert_eq!(theirs.len(), groups, "what Alertmanager told: {theirs:#?}");
    for (group, heard) in &theirs {
        assert_eq!(ours.get(group), Some(heard), "{group:?}: ours on the left");
    }
    assert_eq!(ours.len(), theirs.len(), "groups that only we told: {ours:#?}");
}

/// Groups wait 2 s and are looked at every 4 s; told again after 10 s.
fn receivers_hear_the_same() {
    let mut events: Vec<(f64, Event)> = vec![
        // Grouping: two hosts at first, a third joins, another group.
        (0.0, fire(&["A grouping 1 x", "A grouping 2 x", "B grouping 1 x"])),
        (4.0, fire(&["A grouping 3 x"])),
        // Ends: one of two, then the other; and one that nobody hears of.
        (0.0, fire(&["A ends 1 x", "A ends 2 x", "C ends 1 x"])),
        (1.0, end(&["C ends 1 x"])),
        (4.0, end(&["A ends 1 x"])),
        (8.0, end(&["A ends 2 x"])),
        // It ends and fires again between two turns; and it fires again after its end was told.
        (0.0, fire(&["A again 1 x", "B again 1 x"])),
        (3.5, end(&["A again 1 x", "B again 1 x"])),
        (4.5, fire(&["A again 1 x"])),
        (12.0, fire(&["B again 1 x"])),
        // A source keeps a target quiet until it ends.
        (0.0, fire(&["A inhibit 1 critical", "B inhibit 1 warning", "B inhibit 2 warning"])),
        (8.0, end(&["A inhibit 1 critical"])),
        // Silences that come and go.
        (0.0, fire(&["A silence 1 x", "A silence 2 x"])),
        (4.0, Event::Silence("one", ("host", "silenced"))),
        (4.0, fire(&["A silence silenced x", "B silence silenced x"])),
        (12.0, Event::Expire("one")),
        // Who does not want to hear of ends.
        (0.0, fire(&["A quiet 1 x", "A quiet 2 x"])),
        (4.0, end(&["A quiet 1 x"])),
        (8.0, end(&["A quiet 2 x"])),
        (12.0, fire(&["A quiet 1 x"])),
        // Two routes.
        (0.0, fire(&["A both 1 x"])),
        (4.0, end(&["A both 1 x"])),
    ];
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    compare(run(events, 24.0), 12);
}

fn after_a_kill_nobody_is_told_twice() {
    let events = vec![
        (0.0, fire(&["A kill 1 x", "B kill 1 x"])),
        (4.0, Event::Reload),
        (5.0, fire(&["C kill 1 x"])),
        (5.0, end(&["B kill 1 x"])),
        (9.5, fire(&["A kill 2 x"])),
    ];
    compare(run(events, 16.0), 3);

    // Alertmanager writes what was told every 15 minutes only, and we with every delivery: only we can be killed.
    let folder = tempfile::tempdir().unwrap();
    let mut ours = Ours::start(folder.path());
    ours.post(&[labels("A kill 1 x")], theirs::now_ms(), None);
    let told = ours.told();
    let deadline = Instant::now() + Duration::from_secs(60);
    while told.lock().is_empty() {
        assert!(Instant::now() < deadline, "nothing was told");
        std::thread::sleep(Duration::from_millis(50));
    }
    // The answer must be in.
    ours.wait_until_idle();
    ours.kill_and_start();
    ours.post(&[labels("A kill 1 x")], theirs::now_ms() - 10_000, None);
    ours.wait_until_idle();
    assert_eq!(told.lock().values().map(Vec::len).sum::<usize>(), 1);
}

fn thousands_of_groups() {
    let all: Vec<_> = (0..3_000).map(|i| labels(&format!("A{i} many 1 x"))).collect();
    let some = all[..1_000].to_vec();
    let events = vec![(0.0, Event::Fire(all)), (10.0, Event::End(some))];
    let (theirs, ours) = run(events, 30.0);
    // Repeats depend on when each group was made; that which was told does not.
    for told in [&theirs, &ours] {
        told.lock().values_mut().for_each(|heard| heard.dedup());
    }
    compare((theirs, ours), 3_000);
}
