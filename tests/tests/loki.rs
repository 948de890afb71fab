//! Grafana's Loki beside us: the same lines, the same questions. Answers agree, and what one refuses the other refuses.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the report of a test")]

#[path = "loki/lines.rs"]
mod lines;
#[path = "loki/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;
use testkit::suite::CONFORMANCE;
use tests::{Bonghwa, Case, Component, eventually};

use server::Loki;

const LOKI: Component = Component { name: "Grafana's loki", is_here: || server::program().is_some() };

/// Queries that Loki answers otherwise, and why that stays so.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "{app=\"json\"} | json | user_address_city=\"\"",
        "a label without a value: Loki's json keeps it, here it is none",
    ),
    ("{app=\"json\"} | json | __error__=\"\"", "likewise"),
    ("variants(count", "Loki had it for some versions"),
    ("splitList", "this function is in Loki's documentation and not in every version"),
    (
        "sum_over_time({app=\"api\"} | logfmt | unwrap bytes(size) [5m]) by",
        "here every aggregation of values may group",
    ),
    ("unwrap size [5m]) by (instance)", "likewise"),
    ("bottomk(2, sum by (app) (count", "which of equal series are the least is nobody's promise"),
    ("topk(2, sum by (app) (count", "likewise"),
];
/// Likewise, where the query as a whole is meant.
const WHOLE: &[&str] = &["{app=\"json\"} | json"];

fn main() {
    tests::run(&[Case { name: "queries_have_lokis_answers", needs: &[LOKI, CONFORMANCE], test: queries }]);
}

/// An answer in a form that can be compared: the status where it was refused.
#[derive(Debug, PartialEq)]
enum Answer {
    Refused(u16),
    /// Lines of each stream.
    Lines(BTreeMap<String, Vec<(String, String)>>),
    /// Values of each series, rounded.
    Values(BTreeMap<String, Vec<(i64, String)>>),
}

fn queries() {
    let folder = testkit::conformance::folder("logql").unwrap();
    let list = std::fs::read_to_string(folder.join("queries.txt")).unwrap();
    let data = tempfile::tempdir().unwrap();
    let loki = Loki::start(&data.path().join("loki")).unwrap();
    let config = data.path().join("ours.yml");
    std::fs::write(&config, "scrape_configs: []\nlogs: { detection: { enabled: false } }\n").unwrap();
    let ours =
        Bonghwa::start(&data.path().join("data"), &[&format!("--config.file={}", config.display())]).unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    // Whole minutes, so that steps of both fall on the same times.
    let end = now.div_euclid(60) * 60;
    let start = end - 600;
    for body in lines::pushes(start, end) {
        for url in [&loki.url, &ours.url] {
            let request = ours.client().post(format!("{url}/loki/api/v1/push"));
            let answer =
                request.header("content-type", "application/json").body(body.clone()).send().unwrap();
            assert_eq!(answer.status(), 204, "{url}: {}", answer.text().unwrap_or_default());
        }
    }
    let ask = |url: &str, path: &str, query: &str| {
        let (start, end) = (start.to_string(), end.to_string());
        let span = [("start", start.as_str()), ("end", end.as_str()), ("time", end.as_str())];
        let parameters = [("query", query), ("step", "60"), ("limit", "1000")].into_iter().chain(span);
        let url = reqwest::Url::parse_with_params(&format!("{url}/loki/api/v1/{path}"), parameters).unwrap();
        let answer = ours.client().get(url).send().unwrap();
        (answer.status().as_u16(), answer.text().unwrap())
    };
    // Loki shows lines a moment after it has taken them.
    eventually("the lines in Loki", Duration::from_secs(60), || {
        let (_, text) = ask(&loki.url, "query", "sum(count_over_time({app=~\".+\"}[15m]))");
        text.contains(&format!("\"{}\"", lines::COUNT)).then_some(())
    });
    let mut wrong = Vec::new();
    let mut count = 0;
    let listed = list.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    for line in listed.chain(lines::MORE.iter().copied()) {
        let query = line.strip_prefix('!').unwrap_or(line);
        if OTHERWISE.iter().any(|(part, _)| query.contains(part)) || WHOLE.contains(&query) {
            continue;
        }
        for path in ["query_range", "query"] {
            let (theirs, ours) = (ask(&loki.url, path, query), ask(&ours.url, path, query));
            count += 1;
            let (a, b) = (answer(&theirs), answer(&ours));
            if a != b {
                wrong.push(format!(
                    "{path} {query}\n  Loki: {a:?} {}\n  ours: {b:?} {}",
                    said(&theirs),
                    said(&ours)
                ));
            }
        }
    }
    println!("{count} answers compared");
    assert!(count > 120, "{count}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a refusal says.
fn said((status, text): &(u16, String)) -> &str {
    if *status == 200 { "" } else { text.trim() }
}

fn answer((status, text): &(u16, String)) -> Answer {
    if *status != 200 {
        return Answer::Refused(*status);
    }
    let json: Json = serde_json::from_str(text).unwrap();
    let data = &json["data"];
    let result = || data["result"].as_array().into_iter().flatten();
    match data["resultType"].as_str().unwrap() {
        "streams" => {
            let mut all: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
            for stream in result() {
                let of = all.entry(labels(&stream["stream"])).or_default();
                for value in stream["values"].as_array().unwrap() {
                    of.push((value[0].as_str().unwrap().to_owned(), value[1].as_str().unwrap().to_owned()));
                }
                of.sort();
            }
            Answer::Lines(all)
        }
        // Loki says the time of a number in milliseconds.
        "scalar" => Answer::Values([(String::new(), vec![(0, point(&data["result"]).1)])].into()),
        _ => Answer::Values(
            result()
                .map(|series| {
                    let points = match series["values"].as_array() {
                        Some(points) => points.iter().map(point).collect(),
                        None => vec![point(&series["value"])],
                    };
                    (labels(&series["metric"]), points)
                })
                .collect(),
        ),
    }
}

/// Labels without those that each side adds in its own way.
fn labels(object: &Json) -> String {
    let own = |name: &str| matches!(name, "service_name" | "detected_level" | "__error_details__");
    let all = object.as_object().into_iter().flatten();
    let sorted: BTreeMap<_, _> = all.filter(|(name, _)| !own(name)).collect();
    serde_json::to_string(&sorted).unwrap()
}

/// The time in ms, and ten digits of the value.
fn point(pair: &Json) -> (i64, String) {
    let value: f64 = pair[1].as_str().unwrap().parse().unwrap();
    ((pair[0].as_f64().unwrap() * 1000.0).round() as i64, format!("{value:.9e}"))
}
