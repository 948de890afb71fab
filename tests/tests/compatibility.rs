//! Holds docs/compatibility.md to what a running binary does, row by row.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component, eventually};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    tests::run(&[
        Case { name: "endpoints_answer_as_written", needs: &[], test: endpoints_answer_as_written },
        Case { name: "flags_are_taken_as_written", needs: &[], test: flags_are_taken_as_written },
        Case { name: "fields_are_taken_as_written", needs: &[], test: fields_are_taken_as_written },
        Case {
            name: "flags_are_those_of_prometheus",
            needs: &[PROMETHEUS],
            test: flags_are_those_of_prometheus,
        },
        Case {
            name: "metrics_are_those_of_prometheus",
            needs: &[PROMETHEUS],
            test: metrics_are_those_of_prometheus,
        },
        Case { name: "queries_are_written_to_the_file", needs: &[], test: queries_are_written_to_the_file },
        Case { name: "functions_are_those_of_the_page", needs: &[], test: functions_are_those_of_the_page },
    ]);
}

const PAGE: &str = include_str!("../../docs/compatibility.md");

/// The rows of the table under a heading, cells without their quotes.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let table = section.lines().filter(|line| line.starts_with("| ") || line.starts_with("|-")).skip(2);
    let cells = |line: &str| {
        // A bar within a cell is escaped.
        let line = line.replace("\\|", "\u{1}");
        let inner = line.trim_matches('|').to_owned();
        let cell = |text: &str| text.trim().trim_matches('`').replace('\u{1}', "|");
        inner.split('|').map(cell).collect::<Vec<String>>()
    };
    let rows: Vec<_> = table.map(cells).collect();
    assert!(rows.len() > 20, "{heading}: {} rows", rows.len());
    rows
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "docs/compatibility.md:\n{}", wrong.join("\n"));
}

fn endpoints_answer_as_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "x").unwrap();
    let assets = format!("--web.user-assets={}", folder.path().display());
    let args = [
        assets.as_str(),
        "--web.enable-lifecycle",
        "--web.enable-admin-api",
        "--web.enable-remote-write-receiver",
        "--web.enable-otlp-receiver",
    ];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let mut wrong = Vec::new();
    for row in rows("Endpoints") {
        let [path, methods, state, _] = row.as_slice() else { panic!("{row:?}") };
        for method in methods.split(", ") {
            // It would end the server; that it asks for another method shows that it is there.
            let (asked, expected) = if path == "/-/quit" { ("GET", Some(405)) } else { (method, None) };
            let method = reqwest::Method::from_bytes(asked.as_bytes()).unwrap();
            let answer = bonghwa.client().request(method, format!("{}{path}", bonghwa.url)).send().unwrap();
            let status = answer.status().as_u16();
            let is_there = match expected {
                Some(expected) => status == expected,
                None => !matches!(status, 404 | 405 | 501),
            };
            if is_there != (state == "supported") {
                wrong.push(format!("{asked} {path} is {state}, but answers {status}"));
            }
        }
    }
    report(&wrong);
}

/// What `--check` says to some arguments: whether it is content, and its words.
fn check(args: &[&str]) -> (bool, String) {
    let out = Command::new(tests::binary::path().unwrap()).arg("--check").args(args).output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn flags_are_taken_as_written() {
    let mut wrong = Vec::new();
    for row in rows("Flags") {
        let [flag, state, _] = row.as_slice() else { panic!("{row:?}") };
        if flag == "--config.file" {
            continue;
        }
        let (taken, said) = check(&[flag]);
        let noted = said.contains("has no effect");
        let right = match state.as_str() {
            "supported" => taken && !noted,
            "accepted" => taken && noted,
            "refused" => !taken && said.contains("agent mode"),
            _ => false,
        };
        if !right {
            wrong.push(format!("{flag} is {state}: {said}"));
        }
    }
    report(&wrong);
}

/// The flags of Prometheus 3 that its documentation lists.
const FLAGS_OF_VERSION_3: &[&str] = &[
    "--agent",
    "--alertmanager.drain-notification-queue-on-shutdown",
    "--alertmanager.notification-batch-size",
    "--alertmanager.notification-queue-capacity",
    "--auto-gomaxprocs",
    "--auto-gomemlimit",
    "--auto-gomemlimit.ratio",
    "--auto-gomemlimit.refresh-interval",
    "--config.auto-reload",
    "--config.auto-reload-interval",
    "--config.file",
    "--enable-feature",
    "--log.format",
    "--log.level",
    "--query.lookback-delta",
    "--query.max-concurrency",
    "--query.max-samples",
    "--query.timeout",
    "--rules.alert.for-grace-period",
    "--rules.alert.for-outage-tolerance",
    "--rules.alert.resend-delay",
    "--rules.max-concurrent-evals",
    "--storage.agent.checkpoint-batch-size",
    "--storage.agent.checkpoint-from-in-memory-series",
    "--storage.agent.no-lockfile",
    "--storage.agent.path",
    "--storage.agent.retention.max-time",
    "--storage.agent.retention.min-time",
    "--storage.agent.wal-compression",
    "--storage.remote.flush-deadline",
    "--storage.remote.read-concurrent-limit",
    "--storage.remote.read-max-bytes-in-frame",
    "--storage.remote.read-sample-limit",
    "--storage.tsdb.delay-compact-file.path",
    "--storage.tsdb.head-chunks-write-queue-size",
    "--storage.tsdb.no-lockfile",
    "--storage.tsdb.path",
    "--storage.tsdb.retention.size",
    "--storage.tsdb.retention.time",
    "--web.config.file",
    "--web.console.libraries",
    "--web.console.templates",
    "--web.cors.origin",
    "--web.enable-admin-api",
    "--web.enable-lifecycle",
    "--web.enable-otlp-receiver",
    "--web.enable-remote-write-receiver",
    "--web.external-url",
    "--web.listen-address",
    "--web.max-connections",
    "--web.max-notifications-subscribers",
    "--web.page-title",
    "--web.read-timeout",
    "--web.remote-write-receiver.accepted-protobuf-messages",
    "--web.route-prefix",
    "--web.search.max-limit",
    "--web.user-assets",
];

fn flags_are_those_of_prometheus() {
    let help = Command::new(testkit::reference("prometheus").unwrap()).arg("--help").output().unwrap();
    let text = String::from_utf8([help.stdout, help.stderr].concat()).unwrap();
    let words = text.lines().filter_map(|line| line.split_whitespace().find(|w| w.starts_with("--")));
    let of_old: Vec<&str> =
        words.map(|word| word.split(['=', ' ']).next().unwrap().trim_end_matches('.')).collect();
    assert!(of_old.len() > 40, "{of_old:?}");
    let rows: Vec<String> =
        rows("Flags").into_iter().map(|row| row[0].split('=').next().unwrap().to_owned()).collect();
    let meta = ["--help", "--help-long", "--version"];
    let wanted = of_old.into_iter().chain(FLAGS_OF_VERSION_3.iter().copied());
    let missing: Vec<&str> = wanted
        .filter(|flag| !meta.contains(flag) && !flag.contains("[no-]"))
        .filter(|flag| !rows.iter().any(|row| row == flag))
        .collect();
    assert!(missing.is_empty(), "docs/compatibility.md lacks {missing:?}");
    for flag in ["--help", "--version"] {
        assert!(Command::new(tests::binary::path().unwrap()).arg(flag).output().unwrap().status.success());
    }
}

/// Name and type of every metric of a page.
fn types(page: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        Some((name.to_owned(), kind.to_owned()))
    };
    page.lines().filter_map(pair).collect()
}

/// Both programs with a bit of everything that is counted: what Prometheus shows is here with the same type, or on the
/// page with a reason.
fn metrics_are_those_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let config = "global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [rules.yml]\n\
        alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9'] }] }] }\n\
        remote_write: [{ url: 'http://127.0.0.1:9/w' }]\nremote_read: [{ url: 'http://127.0.0.1:9/r' }]\n\
        scrape_configs:\n- { job_name: f, file_sd_configs: [{ files: [targets.yml] }] }\n\
        - { job_name: h, http_sd_configs: [{ url: 'http://127.0.0.1:9/' }] }\n\
        - { job_name: d, dns_sd_configs: [{ names: [a.invalid], refresh_interval: 1s }] }\n";
    // It fires after Prometheus has discovered the Alertmanager, which takes five seconds: an alert that comes before is
    // dropped, and sent again only after a minute.
    let rules = "groups: [{ name: g, rules: [{ record: a, expr: up }, \
        { alert: B, expr: 'vector(1)', for: 8s, annotations: { a: '{{ $value }}' } }] }]";
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    for folder in [&theirs, &ours] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("rules.yml"), rules).unwrap();
        std::fs::write(folder.join("targets.yml"), "- targets: ['127.0.0.1:9']").unwrap();
    }
    std::fs::write(ours.join("prometheus.yml"), config).unwrap();
    let program = testkit::reference("prometheus").unwrap();
    let reference = Prometheus::start_configured(&program, &theirs, config, &[]).unwrap();
    let file = format!("--config.file={}", ours.join("prometheus.yml").display());
    let bonghwa = Bonghwa::start(&ours.join("data"), &[&file]).unwrap();
    let client = bonghwa.client();
    let page_of = |base: &str| {
        client.get(format!("{base}/api/v1/query?query=up")).send().unwrap();
        let page = client.get(format!("{base}/metrics")).header("accept", "text/plain").send().unwrap();
        page.text().unwrap()
    };
    // Rounds of everything have to pass before it has figures.
    let complete = |base: &str| {
        eventually("figures of rules, discovery and sending", Duration::from_secs(60), || {
            let page = page_of(base);
            let is_there =
                |start: &str| page.lines().any(|line| line.starts_with(start) && !line.ends_with(" 0"));
            let all = [
                "prometheus_rule_evaluations_total",
                "prometheus_sd_dns_lookups_total",
                "prometheus_target_interval_length_seconds_count",
                "prometheus_remote_storage_samples_in_total",
                "prometheus_template_text_expansions_total",
            ];
            all.iter().all(|start| is_there(start)).then_some(page)
        })
    };
    let theirs = types(&complete(&format!("http://{}", reference.address())));
    let ours = types(&complete(&bonghwa.url));
    assert!(theirs.len() > 150, "{}", theirs.len());
    let mut absent: BTreeMap<String, String> = rows("Metrics")
        .into_iter()
        .map(|row| {
            assert!(!row[1].is_empty(), "{} has no reason", row[0]);
            (row[0].clone(), row[1].clone())
        })
        .collect();
    let mut wrong = Vec::new();
    // A reason that names another metric names one that is there.
    for named in absent.values().flat_map(|reason| reason.split('`').skip(1).step_by(2)) {
        if !ours.contains_key(named) {
            wrong.push(format!("{named} is named in a reason and is not there"));
        }
    }
    for (name, kind) in theirs.iter().filter(|(name, _)| !name.starts_with("go_")) {
        match (ours.get(name), absent.remove(name)) {
            (Some(ours), None) if ours == kind => {}
            (Some(ours), None) => wrong.push(format!("{name} is a {ours}, there a {kind}")),
            (Some(_), Some(_)) => wrong.push(format!("{name} is on the page as absent, and is there")),
            (None, None) => wrong.push(format!("{name} ({kind}) is neither there nor on the page")),
            (None, Some(_)) => {}
        }
    }
    wrong.extend(absent.keys().map(|name| format!("{name} is on the page, and Prometheus has none")));
    report(&wrong);
}

fn fields_are_taken_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    let config = format!("--config.file={}", file.display());
    let load = |path: &Path, text: &str| {
        std::fs::write(path, text).unwrap();
        check(&[&config])
    };
    let mut wrong = Vec::new();
    for row in rows("Configuration") {
        let [field, example, state, _] = row.as_slice() else { panic!("{row:?}") };
        let (taken, said) = load(&file, &format!("{example}\n"));
        if taken != matches!(state.as_str(), "supported" | "accepted") {
            wrong.push(format!("{field} is {state}: {said}"));
        }
    }
    let (taken, said) = load(&file, "global: { scrape_intervall: 1s }\n");
    assert!(!taken && said.contains("scrape_interval"), "an unknown field is refused: {said}");
    report(&wrong);
}

/// `global.query_log_file`: queries of clients and of rules, until a reload names no file.
fn queries_are_written_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("prometheus.yml"), folder.path().join("queries.log"));
    let config =
        "global: { evaluation_interval: 1s, query_log_file: queries.log }\nrule_files: [rules.yml]\n";
    std::fs::write(&file, config).unwrap();
    let rules = "groups: [{ name: g, rules: [{ record: a, expr: vector(7) }] }]";
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let config = format!("--config.file={}", file.display());
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[&config, "--web.enable-lifecycle"]).unwrap();
    let lines = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    bonghwa.get("/api/v1/query_range?query=up&start=10&end=20&step=5").unwrap();
    bonghwa.get("/api/v1/query?query=up%20%2B").unwrap();
    let found = eventually("lines of a client and of a rule", Duration::from_secs(60), || {
        let lines = lines();
        lines.iter().any(|line| line["ruleGroup"]["name"] == "g").then_some(lines)
    });
    let range = found.iter().find(|line| line["httpRequest"]["path"] == "/api/v1/query_range").unwrap();
    let wanted = serde_json::json!({
        "query": "up", "start": "1970-01-01T00:00:10.000Z", "end": "1970-01-01T00:00:20.000Z", "step": 5,
    });
    assert_eq!((&range["params"], &range["httpRequest"]["clientIP"]), (&wanted, &"127.0.0.1".into()));
    assert!(range["stats"]["timings"]["execTotalTime"].as_f64().unwrap() > 0.0, "{range}");
    let rule = found.iter().find(|line| line["ruleGroup"]["name"] == "g").unwrap();
    assert_eq!(rule["params"]["query"], "vector(7)");
    std::fs::write(&file, "global: {}\n").unwrap();
    let reloaded = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    assert_eq!(reloaded.status(), 200);
    let before = lines().len();
    bonghwa.get("/api/v1/query?query=up").unwrap();
    assert_eq!(lines().len(), before);
}

fn functions_are_those_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("plain"), &[]).unwrap();
    let everything = ["--enable-feature=promql-experimental-functions"];
    let all = Bonghwa::start(&folder.path().join("all"), &everything).unwrap();
    let mut known = bonghwa.json("/api/v1/features").unwrap()["data"]["promql_functions"].clone();
    let known = known.as_object_mut().unwrap();
    let mut wrong = Vec::new();
    for row in rows("Functions of PromQL") {
        let [name, example, state] = row.as_slice() else { panic!("{row:?}") };
        let stable = known.remove(name);
        if stable != Some((state == "supported").into()) {
            wrong.push(format!("{name} is {state}, but {stable:?} among the features"));
        }
        let parses = |server: &Bonghwa| {
            let url = format!("{}/api/v1/query", server.url);
            let answer = server.client().post(url).form(&[("query", example)]).send().unwrap();
            answer.status().as_u16() != 400
        };
        if !parses(&all) || parses(&bonghwa) != (state == "supported") {
            wrong.push(format!("{name}: {example} is not taken as {state}"));
        }
    }
    wrong.extend(known.keys().map(|name| format!("{name} is not on the page")));
    report(&wrong);
}
