//! The same requests to this program and to Debian's prometheus over the same samples: the same answers, member by
//! member.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is the report of a test, the count is said"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use model::Labels;
use serde_json::Value;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component};
use wire::remote_write::{Encoder, Point};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    tests::run(&[
        Case {
            name: "answers_are_those_of_prometheus",
            needs: &[PROMETHEUS],
            test: answers_are_those_of_prometheus,
        },
        Case {
            name: "bad_input_has_the_status_of_prometheus",
            needs: &[PROMETHEUS],
            test: bad_input_has_the_status_of_prometheus,
        },
    ]);
}

type Data = Vec<(Labels, Vec<(i64, f64)>)>;

/// Two hours, a sample every 15 s, off the grid of seconds, with values of every shape that JSON must show.
fn data(end_ms: i64) -> Data {
    let values =
        [0.0, -0.0, 0.1, 1e21, -1.5e-7, 123_456_789.125, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324];
    let times = |n: usize| (0..480).map(move |i| end_ms - 7_200_000 + i * 15_000 + 137 + n as i64);
    let mut all: Data = Vec::new();
    for (n, value) in values.into_iter().enumerate() {
        let labels =
            Labels::from_pairs([("__name__", "shape"), ("n", &n.to_string()), ("text", "a\"b\\c\n한")]);
        all.push((labels, times(n).map(|t| (t, value)).collect()));
    }
    for (job, step) in [("a", 1.0), ("b", 2.5)] {
        let labels = Labels::from_pairs([("__name__", "requests_total"), ("job", job), ("instance", "h:1")]);
        all.push((labels, times(3).enumerate().map(|(i, t)| (t, i as f64 * step)).collect()));
    }
    all
}

fn feed(bonghwa: &Bonghwa, data: &Data) {
    let mut encoder = Encoder::new();
    for (labels, samples) in data {
        encoder.series(labels.iter(), samples.iter().map(|(t, v)| Point { t: *t, v: *v }));
    }
    let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
    let answer = request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send().unwrap();
    assert_eq!(answer.status(), 204, "{}", answer.text().unwrap_or_default());
}

fn ask(bonghwa: &Bonghwa, endpoint: &str, parameters: &[(&str, &str)]) -> Value {
    let path = format!("{}/api/v1/{endpoint}", bonghwa.url);
    let request = bonghwa.client().post(path).form(parameters).send().unwrap();
    serde_json::from_str(&request.text().unwrap()).unwrap()
}

/// The first place where two answers differ, with what stands there.
fn difference(place: &str, ours: &Value, theirs: &Value) -> Option<(String, Value, Value)> {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(n, (x, y))| difference(&format!("{place}/{n}"), x, y))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(name, x)| difference(&format!("{place}/{name}"), x, &b[name]))
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        (a, b) if a == b => None,
        (a, b) => Some((place.to_owned(), a.clone(), b.clone())),
    }
}

fn answers_are_those_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let data = data(now * 1000);
    let program = testkit::reference("prometheus").unwrap();
    let reference = Prometheus::start(&program, folder.path()).unwrap();
    reference.write(&data, 600_000).unwrap();
    // Nothing of our own collectors: only what was written is compared.
    let file = folder.path().join("ours.yml");
    std::fs::write(&file, "scrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", file.display());
    let args = [config.as_str(), "--web.enable-remote-write-receiver"];
    let bonghwa = Bonghwa::start(&folder.path().join("ours"), &args).unwrap();
    feed(&bonghwa, &data);

    let (start, end, mid) = ((now - 3600).to_string(), (now - 60).to_string(), format!("{}.25", now - 1800));
    let mut compared = 0;
    let mut compare = |endpoint: &str, parameters: &[(&str, &str)]| {
        let (ours, theirs) =
            (ask(&bonghwa, endpoint, parameters), reference.ask(endpoint, parameters).unwrap());
        if theirs["status"] == "error" {
            // Texts have changed since that version; what kind of error it is has not.
            assert_eq!(
                (&ours["status"], &ours["errorType"]),
                (&theirs["status"], &theirs["errorType"]),
                "{parameters:?}"
            );
        } else {
            // Warnings and infos are of newer versions.
            let difference = difference("", &ours["data"], &theirs["data"]);
            assert_eq!(difference, None, "{endpoint} {parameters:?}: ours, theirs");
        }
        compared += 1;
    };
    for query in [
        "1",
        "1e21",
        "-1/0",
        "0/0",
        "\"text\\n\"",
        "shape",
        "shape[1m]",
        "shape[0s]",
        "shape > 1",
        "sort(shape)",
        "sum by (job) (rate(requests_total[5m]))",
        "topk(1, requests_total)",
        "requests_total offset 10m",
        "count_values(\"v\", shape)",
        "absent(nothing{a=\"b\"})",
        "vector(time())",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(\")",
        "sum(",
        "requests_total[5m] + 1",
        "{}",
        "",
        "shape * on (n) group_left requests_total",
        "max_over_time(shape[10m:1m])",
    ] {
        compare("query", &[("query", query), ("time", &mid)]);
        for step in ["15", "1m", "300.5"] {
            compare("query_range", &[("query", query), ("start", &start), ("end", &end), ("step", step)]);
        }
    }
    let range = [("start", start.as_str()), ("end", end.as_str())];
    for extra in [
        vec![("match[]", "shape")],
        vec![("match[]", "requests_total{job=~\"a|b\"}"), ("match[]", "{n=\"1\"}")],
        vec![("match[]", "nothing")],
        vec![("match[]", "{}")],
        vec![("match[]", "{")],
        vec![],
    ] {
        let parameters: Vec<_> = range.iter().copied().chain(extra).collect();
        compare("series", &parameters);
        compare("labels", &parameters);
    }
    for bad in [("start", "x"), ("end", "1"), ("step", "0"), ("step", "-1"), ("step", "x"), ("step", "0.1")] {
        let mut parameters =
            vec![("query", "up"), ("start", start.as_str()), ("end", end.as_str()), ("step", "60")];
        parameters.retain(|(name, _)| *name != bad.0);
        parameters.push(bad);
        compare("query_range", &parameters);
    }
    println!("{compared} answers are the same");
}

/// Requests with something wrong: method, path with its query, body of a form.
const WRONG: &[(&str, &str, &str)] = &[
    ("GET", "query", ""),
    ("GET", "query?query=up&time=x", ""),
    ("GET", "query?query=up&time=2026-13-01T00:00:00Z", ""),
    ("GET", "query?query=up&timeout=x", ""),
    ("GET", "query?query=up&timeout=0", ""),
    ("GET", "query?query=up+offset", ""),
    ("GET", "query?query=rate(up)", ""),
    ("GET", "query?query=up{a=~\"(\"}", ""),
    ("GET", "query?query=label_replace(up,\"a\",\"b\",\"c\",\"(\")", ""),
    ("GET", "query?query=label_replace(vector(1),\"a\",\"b\",\"c\",\"(\")", ""),
    ("GET", "query?query=vector(1)%2Bon(a)vector(2)", ""),
    ("GET", "query?query=%zz", ""),
    ("GET", "query?query=%ff", ""),
    ("GET", "query?query=up;time=1", ""),
    ("PUT", "query?query=up", ""),
    ("POST", "query", "query=up("),
    ("POST", "query", "query=up&time=x"),
    ("POST", "query?query=up(", "query=up"),
    ("GET", "query_range", ""),
    ("GET", "query_range?query=up&start=1&end=2", ""),
    ("GET", "query_range?query=up&start=1&end=2&step=0", ""),
    ("GET", "query_range?query=up&start=1&end=2&step=1y9", ""),
    ("GET", "query_range?query=up&start=1&end=2&step=9e30", ""),
    ("GET", "query_range?query=up&start=2&end=1&step=1", ""),
    ("GET", "query_range?query=up&start=1&end=200000&step=1", ""),
    ("GET", "query_range?query=up[5m]&start=1&end=2&step=1", ""),
    ("GET", "query_range?query=\"a\"&start=1&end=2&step=1", ""),
    ("GET", "query_exemplars?query=up(", ""),
    ("GET", "query_exemplars?query=up&start=x", ""),
    ("GET", "query_exemplars?query=up&start=5&end=1", ""),
    ("GET", "series", ""),
    ("GET", "series?match[]={}", ""),
    ("GET", "series?match[]=up{", ""),
    ("GET", "series?match[]=up&start=x", ""),
    ("GET", "series?match[]=sum(up)", ""),
    ("POST", "series", "match[]=up[5m]"),
    ("GET", "labels?start=x", ""),
    ("GET", "labels?match[]={", ""),
    ("POST", "labels", "match[]={}"),
    ("GET", "label/a/values?start=x", ""),
    ("GET", "label/a/values?match[]={", ""),
    ("GET", "label/%ff/values", ""),
    ("POST", "label/a/values", "x=y"),
    ("GET", "format_query", ""),
    ("GET", "format_query?query=(", ""),
    ("GET", "targets/metadata?match_target={", ""),
    ("GET", "targets/metadata?limit=x", ""),
    ("GET", "metadata?limit=x", ""),
    ("GET", "rules?type=x", ""),
    ("POST", "targets", "x=y"),
    ("POST", "status/tsdb", "x=y"),
    ("GET", "admin/tsdb/delete_series?match[]=up", ""),
    ("POST", "admin/tsdb/delete_series", "x=y"),
    ("POST", "admin/tsdb/delete_series", "match[]={"),
    ("PUT", "admin/tsdb/delete_series", "match[]=nothing&start=x"),
    ("PUT", "admin/tsdb/delete_series", "match[]=nothing"),
    ("POST", "admin/tsdb/snapshot?skip_head=x", ""),
    ("POST", "read", "garbage"),
    ("GET", "read", ""),
    ("GET", "write", ""),
    ("GET", "nothing", ""),
    ("GET", "../../federate?match[]={", ""),
    ("GET", "../../-/reload", ""),
    ("GET", "../../-/quit", ""),
    ("POST", "../../-/ready", ""),
    ("GET", "../../nothing", ""),
    // What is not wrong, though it looks so.
    ("GET", "series?match[]=up&start=5&end=1", ""),
    ("GET", "labels?start=5&end=1", ""),
    ("GET", "query?query=up&time=-1", ""),
    ("GET", "../..//api/v1/query?query=1", ""),
];

fn bad_input_has_the_status_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let program = testkit::reference("prometheus").unwrap();
    let flags = ["--web.enable-lifecycle", "--web.enable-admin-api"];
    let reference = Prometheus::start_with(&program, folder.path(), &flags).unwrap();
    let file = folder.path().join("ours.yml");
    std::fs::write(&file, "scrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", file.display());
    let args = [&[config.as_str(), "--web.enable-remote-write-receiver"], &flags[..]].concat();
    let bonghwa = Bonghwa::start(&folder.path().join("ours"), &args).unwrap();
    let client =
        reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ask = |base: &str, (method, path, body): &(&str, &str, &str)| {
        let url = match path.strip_prefix("../..") {
            Some(path) => format!("{base}{path}"),
            None => format!("{base}/api/v1/{path}"),
        };
        let request = client.request(method.parse().unwrap(), url);
        let kind = "application/x-www-form-urlencoded";
        let request = if body.is_empty() {
            request
        } else {
            request.header("content-type", kind).body((*body).to_owned())
        };
        let answer = request.send().unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().unwrap();
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(json["status"] != "error" || json["error"].as_str().is_some_and(|e| !e.is_empty()), "{text}");
        (status, json["errorType"].clone())
    };
    let theirs = format!("http://{}", reference.address());
    let different: Vec<String> = WRONG
        .iter()
        .filter_map(|one| {
            let (our, their) = (ask(&bonghwa.url, one), ask(&theirs, one));
            (our != their).then(|| format!("{one:?}: {our:?}, there {their:?}"))
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
    println!("{} statuses are the same", WRONG.len());
}
