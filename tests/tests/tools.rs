//! The commands beside the server, and Debian's promtool with the same arguments: the same output, the same exit code.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is the report of a test, the count is said"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Labels;
use testkit::prometheus::Prometheus;
use testkit::suite::CONFORMANCE;
use tests::{Bonghwa, Case, Component, eventually};
use wire::remote_write::{Encoder, Point};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const PROMTOOL: Component =
    Component { name: "Debian's promtool", is_here: || testkit::reference("promtool").is_some() };

fn main() {
    tests::run(&[
        Case { name: "queries", needs: &[PROMETHEUS, PROMTOOL], test: queries },
        Case { name: "checks_of_files", needs: &[PROMTOOL, CONFORMANCE], test: checks_of_files },
        Case { name: "checks_of_metrics", needs: &[PROMTOOL, CONFORMANCE], test: checks_of_metrics },
        Case { name: "push_and_debug", needs: &[], test: push_and_debug },
        Case { name: "logs_on_the_command_line", needs: &[], test: logs },
    ]);
}

/// What a program said.
#[derive(Debug, PartialEq)]
struct Said {
    exit: Option<i32>,
    out: String,
    err: String,
}

fn run(program: &Path, args: &[&str], input: &str, folder: &Path) -> Said {
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read its input may have ended by then.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

type Data = Vec<(Labels, Vec<(i64, f64)>)>;

fn data(end_ms: i64) -> Data {
    let times = || (0..240).map(|i| end_ms - 3_600_000 + i * 15_000 + 137);
    let mut all = Data::new();
    for (n, value) in [0.1, 1e21, -1.5e-7, f64::INFINITY, f64::NAN].into_iter().enumerate() {
        let labels = Labels::from_pairs([("__name__", "shape"), ("n", &n.to_string()), ("t", "a\"b\\c<&한")]);
        all.push((labels, times().map(|t| (t, value)).collect()));
    }
    for le in ["0.1", "1", "+Inf"] {
        let labels = Labels::from_pairs([("__name__", "h_bucket"), ("le", le), ("job", "a")]);
        let scale = le.parse::<f64>().unwrap_or(2.0);
        all.push((labels, times().enumerate().map(|(i, t)| (t, (i as f64 * scale).floor())).collect()));
    }
    all
}

fn server(folder: &Path, flags: &[&str]) -> Bonghwa {
    // Nothing of our own collectors: only what was written is compared.
    let file = folder.join("ours.yml");
    std::fs::write(&file, "scrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", file.display());
    let args: Vec<&str> = [config.as_str(), "--web.enable-remote-write-receiver"]
        .into_iter()
        .chain(flags.iter().copied())
        .collect();
    Bonghwa::start(&folder.join("data"), &args).unwrap()
}

fn queries() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let data = data(now * 1000);
    let reference = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path()).unwrap();
    reference.write(&data, 600_000).unwrap();
    let bonghwa = server(folder.path(), &[]);
    let mut encoder = Encoder::new();
    for (labels, samples) in &data {
        encoder.series(labels.iter(), samples.iter().map(|(t, v)| Point { t: *t, v: *v }));
    }
    let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
    request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send().unwrap();
    let (start, end) = ((now - 1200).to_string(), (now - 60).to_string());
    let servers = [bonghwa.url.clone(), format!("http://{}", reference.address())];
    let programs = [tests::binary::path().unwrap(), testkit::reference("promtool").unwrap()];
    let mut compared = 0;
    let mut compare = |args: &[&str]| {
        for server in &servers {
            let args: Vec<&str> =
                args.iter().map(|a| if *a == "SERVER" { server.as_str() } else { *a }).collect();
            let [ours, theirs] = programs.each_ref().map(|program| run(program, &args, "", folder.path()));
            assert_eq!(ours.exit, theirs.exit, "{args:?}: {ours:?} {theirs:?}");
            assert_eq!(ours.out, theirs.out, "{args:?}");
            if server.starts_with("http") && !theirs.err.contains("dial tcp") {
                assert_eq!(ours.err, theirs.err, "{args:?}");
            }
            compared += 1;
        }
    };
    let (at, from, to) = (format!("--time={end}"), format!("--start={start}"), format!("--end={end}"));
    for query in
        ["shape", "1 + 1", "sum by (n) (shape)", "absent(none)", "none", "shape[1m]", "up{", "h_bucket"]
    {
        compare(&["query", "instant", &at, "SERVER", query]);
        compare(&["query", "instant", "-o", "json", &at, "SERVER", query]);
        compare(&["query", "range", &from, &to, "--step=5m", "SERVER", query]);
        compare(&["query", "range", "--format=json", &from, &to, "SERVER", query]);
    }
    for format in ["promql", "json"] {
        compare(&["query", "-o", format, "series", "--match=shape", &from, &to, "SERVER"]);
        compare(&["query", "-o", format, "labels", "--match=shape", "SERVER", "n"]);
        compare(&["query", "-o", format, "labels", "SERVER", "nothing"]);
    }
    compare(&["query", "series", "--match={", "SERVER"]);
    compare(&["query", "range", "--start=5", "--end=4", "SERVER", "x"]);
    println!("{compared} command lines, the same output");
    for server in &servers {
        let analyzed = run(
            &programs[0],
            &[
                "query",
                "analyze",
                "--type=histogram",
                "--match=h_bucket",
                "--duration=30m",
                "--server",
                server,
            ],
            "",
            folder.path(),
        );
        assert_eq!(analyzed.exit, Some(0), "{analyzed:?}");
        assert!(analyzed.out.contains("- h_bucket{job=\"a\"} (classic): 3/3.000/3\n"), "{}", analyzed.out);
    }
}

fn checks_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (tests::binary::path().unwrap(), testkit::reference("promtool").unwrap());
    let files = testkit::conformance::folder("rules/promtool").unwrap().canonicalize().unwrap();
    let mut compared = 0;
    for entry in files.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yml") {
            continue;
        }
        let path = path.to_str().unwrap();
        for flags in [&[][..], &["--syntax-only"][..], &["--lint=none"][..], &["--lint-fatal"][..]] {
            let args: Vec<&str> =
                ["check", "config"].into_iter().chain(flags.iter().copied()).chain([path]).collect();
            let (a, b) = (run(&ours, &args, "", folder.path()), run(&theirs, &args, "", folder.path()));
            // What 3 knows and 2.42 does not: names of any UTF-8, sections and lints that came later.
            if b.exit == Some(1)
                && a.exit == Some(0)
                && (b.err.contains("not found in type") || path.contains(".good."))
            {
                continue;
            }
            assert_eq!(a.exit, b.exit, "{args:?}: {a:?} {b:?}");
            assert_eq!(a.out, b.out, "{args:?}");
            compared += 1;
        }
    }
    assert!(compared > 60, "only {compared} compared");
    // What only the running server would miss is said, and decides nothing, as in promtool.
    let missing = folder.path().join("missing.yml");
    let sections = "remote_write: [{url: 'http://a/', authorization: {credentials_file: none-1}}]\n\
                    remote_read: [{url: 'http://a/', authorization: {credentials_file: none-2}}]\n\
                    alerting: {alertmanagers: [{authorization: {credentials_file: none-3}, static_configs: [{targets: ['a:1']}]}]}\n";
    std::fs::write(&missing, sections).unwrap();
    let args = ["check", "config", missing.to_str().unwrap()];
    let (a, b) = (run(&ours, &args, "", folder.path()), run(&theirs, &args, "", folder.path()));
    assert_eq!((a.exit, &a.out), (b.exit, &b.out), "{a:?} {b:?}");
    for (section, name) in
        [("remote_write", "none-1"), ("remote_read", "none-2"), ("alertmanager config", "none-3")]
    {
        let said =
            a.err.lines().any(|l| l.contains(section) && l.contains(name) && l.contains("no such file"));
        assert!(said, "{section}: {}", a.err);
    }
    let web = folder.path().join("web.yml");
    for (text, exit) in [("", 0), ("basic_auth_users: {a: b}\n", 1), ("no_such: 1\n", 1)] {
        std::fs::write(&web, text).unwrap();
        let said = run(&ours, &["check", "web-config", web.to_str().unwrap()], "", folder.path());
        assert_eq!(said.exit, Some(exit), "{text:?}: {said:?}");
    }
    println!("{compared} command lines, the same output");
}

fn checks_of_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (tests::binary::path().unwrap(), testkit::reference("promtool").unwrap());
    let samples = testkit::conformance::folder("text_formats/samples").unwrap();
    for name in ["alltypes.237mfs.prom.txt", "alltypes.237mfs.nometa.prom.txt"] {
        let text = std::fs::read_to_string(samples.join(name)).unwrap();
        let [ours, theirs] = [&ours, &theirs].map(|p| run(p, &["check", "metrics"], &text, folder.path()));
        assert_eq!((ours.exit, &ours.out), (theirs.exit, &theirs.out), "{name}");
        let lines = |said: &Said| {
            let mut lines: Vec<String> = said.err.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&ours), lines(&theirs), "{name}");
        println!("{name}: {} problems, the same", lines(&ours).len());
    }
}

fn push_and_debug() {
    let folder = tempfile::tempdir().unwrap();
    let program = tests::binary::path().unwrap();
    let bonghwa = server(folder.path(), &[]);
    for (args, what) in [(["check", "healthy"], "Healthy"), (["check", "ready"], "Ready")] {
        let said = run(&program, &[args[0], args[1], "--url", &bonghwa.url], "", folder.path());
        assert_eq!(said.exit, Some(0), "{said:?}");
        assert!(said.err.contains(what), "{said:?}");
    }
    let body = "# HELP pushed_total P.\n# TYPE pushed_total counter\npushed_total{x=\"1\"} 7\n";
    for (message, label) in [("prometheus.WriteRequest", "v1"), ("io.prometheus.write.v2.Request", "v2")] {
        let label_flag = format!("--label=version={label}");
        let message_flag = format!("--protobuf_message={message}");
        let args = ["push", "metrics", &bonghwa.url, &label_flag, &message_flag];
        let said = run(&program, &args, body, folder.path());
        assert_eq!(said.exit, Some(0), "{said:?}");
        assert!(said.out.contains("SUCCESS: metrics pushed"), "{said:?}");
        eventually("the pushed series", Duration::from_secs(30), || {
            bonghwa.value(&format!("pushed_total{{version={label:?}}}")).filter(|v| *v == 7.0)
        });
    }
    let refused = run(&program, &["push", "metrics", &bonghwa.url], "a{ 1\n", folder.path());
    assert_eq!(refused.exit, Some(1), "{refused:?}");
    let said = run(&program, &["debug", "all", &bonghwa.url], "", folder.path());
    assert_eq!(said.exit, Some(0), "{said:?}");
    let listed =
        Command::new("tar").args(["-tzf", "debug.tar.gz"]).current_dir(folder.path()).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    for name in ["metrics.txt", "config.json", "flags.json", "buildinfo.json", "targets.json", "log.txt"] {
        assert!(names.lines().any(|line| line == name), "{names}");
    }
    let log =
        Command::new("tar").args(["-xzOf", "debug.tar.gz", "log.txt"]).current_dir(folder.path()).output();
    let log = String::from_utf8(log.unwrap().stdout).unwrap();
    assert!(log.contains("stores are open"), "{log}");
    drop(bonghwa);
}

/// The program as a command over its own server.
fn logs() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = server(folder.path(), &[]);
    let program = tests::binary::path().unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
    let push = |service: &str, lines: &[(i64, String)]| {
        let values: Vec<_> = lines.iter().map(|(t, line)| serde_json::json!([t.to_string(), line])).collect();
        let stream = serde_json::json!({"stream": {"container": service}, "values": values});
        let body = serde_json::json!({"streams": [stream]}).to_string();
        let request = bonghwa.client().post(format!("{}/loki/api/v1/push", bonghwa.url));
        let answer = request.header("content-type", "application/json").body(body).send().unwrap();
        assert_eq!(answer.status(), 204);
    };
    // More than a page, many of them at one time.
    let many: Vec<(i64, String)> =
        (0..5_000).map(|n| (now - 1_000_000_000 + n / 7, format!("info request {n}"))).collect();
    push("api", &many);
    push(
        "db",
        &[
            (now - 2_000_000_000, "level=error connection reset by peer".to_owned()),
            (now - 3_000_000_000, "level=info ready".to_owned()),
        ],
    );
    let url = format!("--url={}", bonghwa.url);
    let ask = |args: &[&str]| run(&program, &[&["logs", url.as_str()], args].concat(), "", folder.path());
    let out = |args: &[&str]| {
        let said = ask(args);
        assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{args:?}: {}", said.out);
        said.out
    };
    assert_eq!(out(&["-o", "raw", "connection reset"]), "level=error connection reset by peer\n");
    assert_eq!(out(&["--output=raw", "query", "level:error"]), "level=error connection reset by peer\n");
    assert_eq!(out(&["-o", "raw", "{container=\"db\"}", "--forward", "--limit", "1"]), "level=info ready\n");
    let line: serde_json::Value =
        serde_json::from_str(&out(&["-o", "jsonl", "container:db", "connection reset"])).unwrap();
    assert_eq!(
        (&line["line"], &line["labels"]["container"]),
        (&"level=error connection reset by peer".into(), &"db".into())
    );
    let shown = out(&["container:db", "--timezone=UTC"]);
    assert!(
        shown.contains("Z db level=error connection reset by peer\n") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    assert!(out(&["container:db", "--color=always"]).contains("\u{1b}[31mlevel=error"));
    // Each line exactly once over many pages, in both directions.
    for direction in [&["--forward"][..], &[]] {
        let all = out(&[&["-o", "raw", "-n", "0", "container:api"], direction].concat());
        let mut numbers: Vec<usize> =
            all.lines().map(|l| l.rsplit(' ').next().unwrap().parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..5_000).collect::<Vec<_>>());
    }
    assert_eq!(out(&["labels", "container"]), "api\ndb\n");
    assert!(out(&["labels"]).lines().any(|name| name == "container"));
    assert!(out(&["series", "container:db"]).starts_with("{container=\"db\""));
    assert!(out(&["instant", "sum(count_over_time({container=\"api\"}[1h]))"]).starts_with("{} => 5000 @["));
    let stats: serde_json::Value = serde_json::from_str(&out(&["stats", "-o", "json"])).unwrap();
    assert_eq!(
        (&stats["lines"], &stats["by"]["container"]["db"], &stats["streams"]),
        (&5_002.into(), &2.into(), &2.into())
    );
    let patterns = out(&["patterns", "container:api"]);
    assert!(patterns.contains("info request <_>"), "{patterns}");
    // Nothing is no failure, a mistake is one and has a place, and whoever read enough is not told of it.
    let nothing = ask(&["nosuchword"]);
    assert!(
        nothing.exit == Some(0) && nothing.out.is_empty() && nothing.err.starts_with("no lines: "),
        "{nothing:?}"
    );
    assert_eq!(ask(&["-q", "nosuchword"]).err, "");
    let wrong = ask(&["{container=}"]);
    assert!(
        wrong.exit == Some(1)
            && wrong.err.contains("parse error at line 1, col 12")
            && wrong.err.ends_with("^\n"),
        "{wrong:?}"
    );
    let piped = format!("{} logs {url} -n 0 -o raw | head -n 1", program.display());
    let piped = run(Path::new("/bin/sh"), &["-c", &piped], "", folder.path());
    assert_eq!((piped.out.lines().count(), piped.err.as_str()), (1, ""));
    // Followed: what comes is shown.
    let mut child = Command::new(&program)
        .args(["logs", &url, "tail", "-o", "raw", "followed"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let first = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The tail may connect at any time: until a line was seen there is another one.
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let t = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
                push("web", &[(i64::try_from(t).unwrap(), "followed line".to_owned())]);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let first = lines.next();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        first
    });
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(first.unwrap().unwrap(), "followed line");
}
