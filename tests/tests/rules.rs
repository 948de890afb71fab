//! Rules, templates and alerts beside Debian's Prometheus (2.42), promtool and Alertmanager.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the report of a test")]

#[path = "rules/alertmanager.rs"]
mod alertmanager;
#[path = "rules/api.rs"]
mod api;
#[path = "rules/in_process.rs"]
mod in_process;
#[path = "rules/over_logs.rs"]
mod over_logs;
#[path = "rules/templates.rs"]
mod templates;

use std::time::{SystemTime, UNIX_EPOCH};

use tests::{Bonghwa, Case, Component};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const PROMTOOL: Component =
    Component { name: "Debian's promtool", is_here: || testkit::reference("promtool").is_some() };
const AMTOOL: Component =
    Component { name: "Debian's amtool", is_here: || testkit::reference("amtool").is_some() };
const ALERTMANAGER: Component =
    Component { name: "Debian's prometheus-alertmanager with its templates", is_here: alertmanager::is_here };

fn main() {
    tests::run(&[
        Case {
            name: "an_alert_reaches_alertmanager_and_is_resolved",
            needs: &[ALERTMANAGER],
            test: alertmanager::an_alert_reaches_alertmanager_and_is_resolved,
        },
        Case {
            name: "rules_and_alerts_have_the_shape_of_prometheus",
            needs: &[PROMETHEUS],
            test: api::rules_and_alerts_have_the_shape_of_prometheus,
        },
        Case {
            name: "alerts_stay_in_the_process_and_survive_kill_9",
            needs: &[],
            test: in_process::alerts_stay_in_the_process_and_survive_kill_9,
        },
        Case {
            name: "amtool_works_with_the_alertmanager_of_the_process",
            needs: &[AMTOOL],
            test: in_process::amtool_works,
        },
        Case { name: "a_rule_over_logs_fires_and_records", needs: &[], test: over_logs::fires_and_records },
        Case {
            name: "templates_give_what_promtool_says",
            needs: &[PROMTOOL],
            test: templates::templates_give_what_promtool_says,
        },
    ]);
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Writes one sample, at the present time.
fn put(bonghwa: &Bonghwa, labels: &[(&str, &str)], v: f64) {
    let mut encoder = wire::remote_write::Encoder::new();
    encoder.series(labels.iter().copied(), std::iter::once(wire::remote_write::Point { t: now_ms(), v }));
    let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
    let body = encoder.finish().unwrap();
    let answer = request.header("content-encoding", "snappy").body(body).send().unwrap();
    assert_eq!(answer.status(), 204, "{}", answer.text().unwrap_or_default());
}
