//! History of any age into a server that runs, and the commands that bring it there, beside Debian's programs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is the report of a test, the count is said"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component, eventually};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const PROMTOOL: Component =
    Component { name: "Debian's promtool", is_here: || testkit::reference("promtool").is_some() };

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const KEEP: &str = "--storage.tsdb.retention.time=60d";

fn main() {
    tests::run(&[
        Case { name: "text_is_taken_in_while_it_serves", needs: &[], test: text_is_taken_in_while_it_serves },
        Case { name: "an_import_is_cancelled", needs: &[], test: an_import_is_cancelled },
        Case { name: "only_administrators_import", needs: &[], test: only_administrators_import },
        Case { name: "tsdb_beside_promtool", needs: &[PROMTOOL], test: tsdb_beside_promtool },
        Case { name: "rules_are_backfilled", needs: &[PROMETHEUS, PROMTOOL], test: rules_are_backfilled },
        Case {
            name: "commands_of_the_documents_run",
            needs: &[PROMETHEUS, PROMTOOL],
            test: commands_of_the_documents_run,
        },
        Case { name: "migrate", needs: &[PROMETHEUS, PROMTOOL], test: migrate },
    ]);
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 * 1000
}

/// What a program said.
#[derive(Debug, PartialEq)]
struct Said {
    exit: Option<i32>,
    out: String,
    err: String,
}

fn run(program: &Path, args: &[&str]) -> Said {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn bonghwa(args: &[&str]) -> Said {
    run(&tests::binary::path().unwrap(), args)
}

fn output(args: &[&str]) -> String {
    let said = bonghwa(args);
    assert_eq!(said.exit, Some(0), "{args:?}: {said:?}");
    said.out
}

fn promtool(args: &[&str]) -> String {
    let said = run(&testkit::reference("promtool").unwrap(), args);
    assert_eq!(said.exit, Some(0), "{args:?}: {said:?}");
    said.out
}

fn start(folder: &Path, data: &str, args: &[&str]) -> Bonghwa {
    let config = folder.join("ours.yml");
    std::fs::write(&config, "scrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", config.display());
    Bonghwa::start(&folder.join(data), &[&[config.as_str()], args].concat()).unwrap()
}

/// `series` series of `name` with a sample a minute.
fn text(name: &str, series: i64, from: i64, to: i64) -> String {
    let mut text = String::new();
    for k in 0..series {
        for t in (from..to).step_by(60_000) {
            let v = t / 60_000 % 1000 * (k + 1);
            writeln!(text, "{name}{{k=\"{k}\",job=\"old\"}} {v} {}.{:03}", t / 1000, t % 1000).unwrap();
        }
    }
    text.push_str("# EOF\n");
    text
}

fn post(to: &Bonghwa, body: impl Into<reqwest::blocking::Body>) -> (u16, Value) {
    let request = to.client().post(format!("{}/api/bonghwa/v1/import", to.url));
    let answer = request.header("content-type", "application/openmetrics-text").body(body).send().unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().unwrap()).unwrap())
}

/// The samples of a dump, in any order.
fn dump(data: &Path) -> BTreeSet<String> {
    output(&["tsdb", "dump", data.to_str().unwrap()]).lines().map(str::to_owned).collect()
}

fn text_is_taken_in_while_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "data", &[KEEP]);
    let end = now() / HOUR * HOUR;
    let body = text("old", 20, end - 20 * DAY, end - 18 * DAY);
    let (status, said) = post(&server, body.clone());
    let samples = 20 * 2 * 24 * 60;
    assert_eq!((status, said["samples"].as_i64()), (200, Some(samples)), "{said}");
    assert_eq!(
        (said["known"].as_i64(), said["expired"].as_i64(), said["refused"].as_i64()),
        (Some(0), Some(0), Some(0))
    );
    let at = (end - 18 * DAY) / 1000;
    assert_eq!(server.value(&format!("sum(count_over_time(old[30d] @ {at}))")), Some(samples as f64));
    // The same again, and with other values for the same times: what is there stays.
    let (_, again) = post(&server, body.clone());
    assert_eq!((again["samples"].as_i64(), again["known"].as_i64()), (Some(0), Some(samples)), "{again}");
    let sum = format!("sum(sum_over_time(old[30d] @ {at}))");
    let before = server.value(&sum).unwrap();
    let other = format!("old{{k=\"3\",job=\"old\"}} 1e9 {at}\n# EOF\n");
    assert_eq!(post(&server, body.replace("} ", "} 9")).1["known"], samples);
    assert_eq!(server.value(&sum), Some(before));
    assert_eq!(post(&server, other).1["samples"], 1, "a time that is not there is taken");
    // Older than the retention, and not older.
    let (_, said) = post(&server, text("gone", 1, end - 90 * DAY, end - 90 * DAY + HOUR));
    assert_eq!((said["samples"].as_i64(), said["expired"].as_i64()), (Some(0), Some(60)), "{said}");
    // Bad input is said with its place; nothing comes of a body that is cut off but what is in blocks.
    let (status, said) = post(&server, "a 1 1700000000\nb{ 2\n# EOF\n");
    assert_eq!(status, 400);
    assert!(said["error"].as_str().unwrap().starts_with("line 2, column"), "{said}");
    assert!(post(&server, "a 1\n# EOF\n").1["error"].as_str().unwrap().contains("expected timestamp"));
    assert!(post(&server, "a 1 1\n").1["error"].as_str().unwrap().contains("# EOF"));
    let wrong =
        server.client().post(format!("{}/api/bonghwa/v1/import", server.url)).body("x").send().unwrap();
    assert_eq!(wrong.status(), 400);
    // It is there after kill -9.
    server.kill().unwrap();
    let server = start(folder.path(), "data", &[KEEP]);
    assert_eq!(server.value(&format!("sum(count_over_time(old[30d] @ {}))", at - 1)), Some(samples as f64));
}

fn an_import_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "data", &[KEEP]);
    let end = now() / HOUR * HOUR;
    let piece = text("slow", 1, end - 20 * DAY, end - 19 * DAY).replace("# EOF\n", "").into_bytes();
    // A body that goes on for ever.
    let endless = reqwest::blocking::Body::new(Endless { piece, at: 0 });
    let client = reqwest::blocking::Client::builder().timeout(None).build().unwrap();
    let url = format!("{}/api/bonghwa/v1/import", server.url);
    let sent = std::thread::spawn(move || {
        let request = client.post(url).header("content-type", "application/openmetrics-text");
        request.body(endless).send().map(|answer| (answer.status().as_u16(), answer.text().unwrap()))
    });
    let id = eventually("the import", Duration::from_secs(60), || {
        let list = server.json("/api/bonghwa/v1/import").unwrap();
        let one = list["imports"].as_array().unwrap().first()?.clone();
        (one["received_bytes"].as_u64()? > 1 << 20).then(|| one["id"].clone())
    });
    let path = format!("{}/api/bonghwa/v1/import", server.url);
    assert_eq!(server.client().delete(format!("{path}/77")).send().unwrap().status(), 404);
    assert_eq!(server.client().delete(format!("{path}/{id}")).send().unwrap().status(), 200);
    // The answer says so, unless the connection broke before it was read.
    if let Ok((status, text)) = sent.join().unwrap() {
        assert_eq!(status, 409, "{text}");
        assert!(text.contains("cancelled"), "{text}");
    }
    eventually("no import", Duration::from_secs(60), || {
        let list = server.json("/api/bonghwa/v1/import").unwrap();
        list["imports"].as_array().unwrap().is_empty().then_some(())
    });
}

struct Endless {
    piece: Vec<u8>,
    at: usize,
}

impl std::io::Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = out.len().min(self.piece.len() - self.at);
        out[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at = (self.at + n) % self.piece.len();
        Ok(n)
    }
}

fn only_administrators_import() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "data", &["--web.listen-address=0.0.0.0:0", KEEP]);
    let file = folder.path().join("in.om");
    let end = now() / HOUR * HOUR;
    std::fs::write(&file, text("a", 1, end - 5 * DAY, end - 4 * DAY)).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(post(&server, "a 1 1\n# EOF\n").0, 401);
    let said = bonghwa(&["tsdb", "import", "--to", &server.url, file]);
    assert_eq!(said.exit, Some(1));
    assert!(said.err.contains("--token-file"), "{}", said.err);
    let said = bonghwa(&["backup", "--from", &server.url, "--to", folder.path().join("b").to_str().unwrap()]);
    assert_eq!(said.exit, Some(1), "{said:?}");
    let token = folder.path().join("data/bonghwa/token");
    let token = token.to_str().unwrap();
    output(&["tsdb", "import", "--to", &server.url, "--token-file", token, file]);
    output(&[
        "backup",
        "--from",
        &server.url,
        "--token-file",
        token,
        "--to",
        folder.path().join("b").to_str().unwrap(),
    ]);
}

fn tsdb_beside_promtool() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    // Whole windows of two hours.
    let end = now() / (2 * HOUR) * (2 * HOUR);
    std::fs::write(at("in.om"), text("old", 30, end - 10 * DAY, end - 9 * DAY)).unwrap();
    std::fs::create_dir_all(folder.path().join("theirs/wal")).unwrap();
    promtool(&["tsdb", "create-blocks-from", "openmetrics", &at("in.om"), &at("theirs")]);
    let theirs = at("theirs");
    // On the same directory, word for word.
    for args in [
        vec!["tsdb", "list", &theirs],
        vec!["tsdb", "list", "-r", &theirs],
        vec!["tsdb", "analyze", "--limit=500", &theirs],
    ] {
        let (ours, theirs) = (output(&args), promtool(&args));
        assert_eq!(lines(&ours), lines(&theirs), "{args:?}");
    }
    // 2.42 tells how full chunks are; since 2.48 it is how many samples and bytes they have.
    let args = ["tsdb", "analyze", "--limit=500", "--extended", &theirs];
    let (ours, old) = (output(&args), promtool(&args));
    let (our_figures, our_chunks) = ours.split_once("\nCompaction analysis:\n").unwrap();
    let (old_figures, old_chunks) = old.split_once("\nCompaction analysis:\n").unwrap();
    assert_eq!(lines(our_figures), lines(old_figures));
    assert!(old_chunks.ends_with(&format!("100%: {}\n", "#".repeat(100))), "{old_chunks}");
    let full =
        format!("samples per float chunk (min/avg/max): 120/120/120\n[121, 130]: 30 {}\n", "#".repeat(100));
    assert!(our_chunks.contains(&full), "{our_chunks}");
    let range =
        [format!("--min-time={}", end - 10 * DAY + HOUR), format!("--max-time={}", end - 9 * DAY - HOUR)];
    let all = ["tsdb", "dump", &theirs];
    let some = ["tsdb", "dump", &range[0], &range[1], "--match={k=~\"1.\"}", &theirs];
    for args in [&all[..], &some[..]] {
        assert_eq!(output(args), promtool(args), "{args:?}");
    }
    let expected: BTreeSet<String> = promtool(&all).lines().map(str::to_owned).collect();
    assert_eq!(expected.len(), 30 * 24 * 60);

    // Into a directory: as text, as what dump-openmetrics says, as blocks.
    let made = output(&["tsdb", "create-blocks-from", "openmetrics", &at("in.om"), &at("ours-1")]);
    assert!(made.starts_with("BLOCK ULID"), "{made}");
    assert!(dump(Path::new(&at("ours-1"))) == expected);
    std::fs::write(at("again.om"), output(&["tsdb", "dump-openmetrics", &theirs])).unwrap();
    output(&[
        "tsdb",
        "create-blocks-from",
        "--max-block-duration=2h",
        "openmetrics",
        &at("again.om"),
        &at("ours-2"),
    ]);
    assert!(dump(Path::new(&at("ours-2"))) == expected);
    let blocks = |data: &str| output(&["tsdb", "list", data]).lines().count() - 1;
    assert_eq!(blocks(&at("ours-2")), 12, "blocks of two hours");
    // Without the flag blocks are as long as needs few of them.
    std::fs::write(at("long.om"), text("long", 2, end - 10 * DAY, end - 7 * DAY)).unwrap();
    for (directory, flag, wanted) in
        [("long-1", "--quiet", 2..17), ("long-2", "--max-block-duration=2h", 36..37)]
    {
        output(&["tsdb", "create-blocks-from", flag, "openmetrics", &at("long.om"), &at(directory)]);
        assert!(wanted.contains(&blocks(&at(directory))), "{directory}: {}", blocks(&at(directory)));
    }
    output(&["tsdb", "import", "--to", &at("ours-3"), &theirs]);
    assert!(dump(Path::new(&at("ours-3"))) == expected);
    // Figures that are known are told, whatever the form of the block.
    let listed = output(&["tsdb", "list", &at("ours-3")]);
    assert!(!listed.contains(" - "), "{listed}");

    // A server has the directory: the message says what to do, and that does it.
    let server = start(folder.path(), "ours-4", &[KEEP]);
    let refused = bonghwa(&["tsdb", "import", "--to", &at("ours-4"), &theirs]);
    assert_eq!(refused.exit, Some(1));
    assert!(refused.err.contains("a server is running on this data directory"), "{}", refused.err);
    assert!(refused.err.contains("--to http://"), "{}", refused.err);
    let said = output(&["tsdb", "import", "--to", &server.url, &theirs]);
    assert!(said.starts_with(&format!("{} samples stored in ", expected.len())), "{said}");
    let again = output(&["tsdb", "create-blocks-from", "openmetrics", &at("in.om"), &server.url]);
    assert!(
        again.contains(&format!("0 samples stored in 0 blocks, {} were there already", expected.len())),
        "{again}"
    );
    let count = format!("sum(count_over_time(old[2d] @ {}))", (end - 9 * DAY) / 1000);
    assert_eq!(server.value(&count), Some(expected.len() as f64));
    assert_eq!(server.stop().unwrap(), Some(0));
    assert!(dump(Path::new(&at("ours-4"))) == expected);
}

/// Blanks between columns, and the order of equal counts, are nobody's business; what 3 calls total series, 2.42 does not.
fn lines(text: &str) -> BTreeSet<String> {
    let text = text.replace("Total Series:", "Series:");
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn rules_are_backfilled() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let end = now() / HOUR * HOUR;
    std::fs::write(at("in.om"), text("old", 5, end - 10 * DAY, end - 9 * DAY)).unwrap();
    std::fs::create_dir_all(folder.path().join("data/wal")).unwrap();
    promtool(&["tsdb", "create-blocks-from", "openmetrics", &at("in.om"), &at("data")]);
    let rules = "groups:\n- name: g\n  interval: 5m\n  rules:\n  - record: job:old:sum\n    expr: sum by (job) (old)\n    \
                 labels: {kind: backfilled}\n  - alert: never\n    expr: old > 1e12\n- name: h\n  rules:\n  - record: old:rate\n    \
                 expr: rate(old[5m])\n";
    std::fs::write(at("rules.yml"), rules).unwrap();
    let prometheus = Prometheus::start_with(
        &testkit::reference("prometheus").unwrap(),
        folder.path(),
        &["--storage.tsdb.retention.time=60d"],
    )
    .unwrap();
    let url = format!("--url=http://{}", prometheus.address());
    let (from, to) =
        (format!("--start={}", (end - 10 * DAY) / 1000), format!("--end={}", (end - 9 * DAY) / 1000));
    let arguments = |output: &str| {
        [
            "tsdb",
            "create-blocks-from",
            "rules",
            &url,
            &from,
            &to,
            &format!("--output-dir={output}"),
            &at("rules.yml"),
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let (ours, server) = (at("ours"), start(folder.path(), "running", &[KEEP]));
    for to in [ours.as_str(), server.url.as_str()] {
        let arguments = arguments(to);
        let said = bonghwa(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.exit, Some(0), "{said:?}");
        assert!(said.err.contains("1 alerting rules are passed over"), "{said:?}");
    }
    assert_eq!(server.stop().unwrap(), Some(0));
    let found = dump(Path::new(&ours));
    assert!(dump(&folder.path().join("running")) == found, "the same into a server that runs");
    // What promtool makes of them, at the times where both have evaluated.
    let theirs = at("theirs");
    std::fs::create_dir_all(folder.path().join("theirs/wal")).unwrap();
    let arguments = arguments(&theirs);
    promtool(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let expected: BTreeSet<String> =
        promtool(&["tsdb", "dump", &theirs]).lines().map(str::to_owned).collect();
    let series = |all: &BTreeSet<String>| {
        all.iter().map(|line| line.split('}').next().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(series(&found), series(&expected));
    let (f, e) = (found.len() as i64, expected.len() as i64);
    assert!(f > 7_000 && (f - e).abs() < e / 100 + 20, "{f} samples, promtool has {e}");
    println!("{f} samples recorded, promtool {e}");
    let wrong = bonghwa(&["tsdb", "create-blocks-from", "rules", "--start=5", "--end=4", &at("rules.yml")]);
    assert_eq!(wrong.exit, Some(1));
    assert!(wrong.err.contains("start time is not before end time"), "{wrong:?}");
}

fn migrate() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let end = now() / HOUR * HOUR;
    // Some days as blocks; what is in memory came by remote write.
    std::fs::write(at("in.om"), text("old", 8, end - 3 * DAY, end - 2 * DAY)).unwrap();
    std::fs::create_dir_all(folder.path().join("data/wal")).unwrap();
    promtool(&["tsdb", "create-blocks-from", "openmetrics", &at("in.om"), &at("data")]);
    let prometheus = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path()).unwrap();
    let recent: Vec<_> = (0..8i64)
        .map(|k| {
            let labels =
                model::Labels::from_pairs([("__name__", "old"), ("k", &k.to_string()), ("job", "old")]);
            let times = (now() - HOUR..now() - 90_000).step_by(60_000);
            (labels, times.map(|t| (t, (t / 60_000 % 1000 * (k + 1)) as f64)).collect())
        })
        .collect();
    prometheus.write(&recent, 600_000).unwrap();
    let url = format!("http://{}", prometheus.address());
    std::fs::write(
        at("rules.yml"),
        "groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum by (job) (rate(old[10m]))\n  - alert: b\n    expr: old > 100\n",
    )
    .unwrap();
    std::fs::write(at("old.yml"), "rule_files: [rules.yml]\n").unwrap();
    std::fs::create_dir_all(folder.path().join("dashboards/deep")).unwrap();
    let panel = r#"{"panels":[{"targets":[{"expr":"max_over_time(old{job=\"$job\"}[$__interval])"},{"expr":"count(old offset 2d)"}]}]}"#;
    std::fs::write(at("dashboards/deep/one.json"), panel).unwrap();
    let (config, dashboards, data) = (at("old.yml"), at("dashboards"), at("data"));
    let min_time = (end - 10 * DAY).to_string();
    let common = ["--config.file", &config, "--dashboards", &dashboards, "--min-time", &min_time];
    let server = start(folder.path(), "running", &[]);
    let other = start(folder.path(), "other", &[]);
    let stopped = at("stopped");
    for (from, to) in [
        (url.as_str(), server.url.as_str()),
        (url.as_str(), stopped.as_str()),
        (data.as_str(), other.url.as_str()),
    ] {
        let said = bonghwa(&[&["migrate", "--from", from, "--to", to], &common[..]].concat());
        assert_eq!(said.exit, Some(0), "{from} to {to}: {said:?}");
        assert!(said.out.contains("4 expressions, 16 comparisons: 16 equal"), "{}", said.out);
        assert!(!said.out.contains("(16 of them empty"), "something was compared: {}", said.out);
        assert!(!said.out.starts_with("0 samples"), "{}", said.out);
        let again = bonghwa(&[&["migrate", "--from", from, "--to", to], &common[..]].concat());
        assert!(again.out.starts_with("0 samples stored in 0 blocks, "), "{}", again.out);
    }
    let all = output(&["tsdb", "dump", "--match=old", &stopped]).lines().count();
    assert!(all >= 8 * (24 * 60 + 50), "{all}");
    // A series that only one side has is found, said, and decides the exit code.
    let planted = text("old", 1, end - 3 * DAY, end - 2 * DAY).replace("job=\"old\"", "job=\"planted\"");
    let request = server.client().post(format!("{}/api/bonghwa/v1/import", server.url));
    let request = request.header("content-type", "application/openmetrics-text");
    assert!(request.body(planted).send().unwrap().status().is_success());
    std::fs::write(
        at("dashboards/deep/two.json"),
        r#"{"panels":[{"targets":[{"expr":"sum by (job) (count_over_time(old[7d]))"}]}]}"#,
    )
    .unwrap();
    let said =
        bonghwa(&[&["migrate", "--skip-import", "--from", &url, "--to", &server.url], &common[..]].concat());
    assert_eq!(said.exit, Some(1), "{said:?}");
    assert!(
        said.out.contains("two.json") && said.out.contains("only on the new side: {job=\"planted\"}"),
        "{}",
        said.out
    );
    // What cannot be done at all.
    let said = bonghwa(&["migrate", "--from", &url, "--to", &stopped, "--config.file", &at("none.yml")]);
    assert_eq!(said.exit, Some(1));
    assert!(said.err.contains("none.yml"), "{}", said.err);
    let said = bonghwa(&["migrate", "--from", &url, "--to", &at("running"), "--config.file", &config]);
    assert_eq!(said.exit, Some(1));
    assert!(said.err.contains("a server is running on this data directory"), "{}", said.err);
}

/// The commands that a document shows.
fn commands(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let shown = text.lines().filter_map(|line| line.strip_prefix("    "));
    shown
        .filter(|line| line.starts_with("bonghwa ") || line.starts_with("curl "))
        .map(str::to_owned)
        .collect()
}

fn commands_of_the_documents_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let end = now() / HOUR * HOUR;
    // What a reader has: an old server with a week of samples, its configuration, rules and dashboards.
    std::fs::write(at("in.om"), text("old", 4, end - 4 * DAY, end - 3 * DAY)).unwrap();
    std::fs::create_dir_all(folder.path().join("old/data/wal")).unwrap();
    promtool(&["tsdb", "create-blocks-from", "openmetrics", &at("in.om"), &at("old/data")]);
    let prometheus =
        Prometheus::start(&testkit::reference("prometheus").unwrap(), &folder.path().join("old")).unwrap();
    let rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(rate(old[10m]))\n";
    std::fs::write(at("rules.yml"), rules).unwrap();
    std::fs::write(at("prometheus.yml"), "rule_files: [rules.yml]\n").unwrap();
    std::fs::create_dir(at("dashboards")).unwrap();
    std::fs::write(at("dashboards/one.json"), r#"{"panels":[{"targets":[{"expr":"count(old)"}]}]}"#).unwrap();
    let server = start(folder.path(), "running", &[KEEP]);
    let start_time = ((end - 4 * DAY) / 1000).to_string();
    let with = [
        ("http://old:9090", format!("http://{}", prometheus.address())),
        ("http://localhost:9090", server.url.clone()),
        ("/var/lib/prometheus", at("old/data")),
        (" /prometheus", format!(" {}", at("old/data"))),
        ("2026-01-01T00:00:00Z", start_time),
        ("/backups", at("backups")),
    ];
    let program = tests::binary::path().unwrap();
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut ran = 0;
    for command in commands("migrating.md").into_iter().chain(commands("backup.md")) {
        let filled = with.iter().fold(command.clone(), |text, (from, to)| text.replace(from, to));
        if command.starts_with("curl ") && Command::new("curl").arg("--version").output().is_err() {
            continue;
        }
        if command.starts_with("bonghwa restore ") {
            std::fs::remove_dir_all(at("data")).unwrap();
        }
        let done =
            Command::new("sh").args(["-ec", &filled]).current_dir(folder.path()).env("PATH", &path).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{filled}: {done:?}");
        ran += 1;
    }
    println!("{ran} commands");
    assert!(ran >= 15, "{ran}");
}
