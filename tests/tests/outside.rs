//! The outside of the binary: flags, TLS and users of the web configuration with real clients, the route prefix, and
//! queries whose client goes away.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Labels;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component, eventually};
use wire::remote_write::{Encoder, Point};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const CURL: Component = Component { name: "curl", is_here: || run("curl", &["--version"]).is_some() };
const OPENSSL: Component = Component { name: "openssl", is_here: || run("openssl", &["version"]).is_some() };

const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    tests::run(&[
        Case {
            name: "every_flag_of_prometheus_is_taken",
            needs: &[PROMETHEUS],
            test: every_flag_of_prometheus_is_taken,
        },
        Case {
            name: "tls_and_users_let_in_whom_they_should",
            needs: &[PROMETHEUS, CURL, OPENSSL],
            test: tls_and_users_let_in_whom_they_should,
        },
        Case {
            name: "a_query_ends_when_its_client_goes",
            needs: &[],
            test: a_query_ends_when_its_client_goes,
        },
        Case {
            name: "a_changed_file_is_taken_by_itself",
            needs: &[],
            test: a_changed_file_is_taken_by_itself,
        },
    ]);
}

fn run(program: &str, args: &[&str]) -> Option<Output> {
    Command::new(program).args(args).output().ok()
}

/// Flags in the help of a program made with kingpin, each with an example of its value; `None`: a switch.
fn flags_of(help: &str) -> Vec<(String, Option<String>)> {
    // What a flag is for may name others, further to the right.
    let lines =
        help.lines().filter_map(|line| line.strip_prefix("      ")).filter(|line| line.starts_with("--"));
    let flag = |line: &str| {
        let word = line.split("  ").next().unwrap().trim_start_matches("--");
        let Some((name, value)) = word.split_once('=') else { return (word.to_owned(), None) };
        let value = value.trim_matches('"');
        let value = match value {
            _ if name == "web.external-url" => "http://h/",
            _ if name == "enable-feature" => "exemplar-storage",
            _ if name.ends_with(".size") => "512MB",
            "<duration>" => "1m",
            text if text.starts_with("STORAGE.") => "1d",
            "<URL>" | "<path>" => "/tmp",
            text => text,
        };
        (name.to_owned(), Some(value.to_owned()))
    };
    lines.map(flag).collect()
}

fn every_flag_of_prometheus_is_taken() {
    let program = testkit::reference("prometheus").unwrap();
    let out = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
    let flags = flags_of(&help);
    assert!(flags.len() > 40, "{flags:?}");
    let binary = tests::binary::path().unwrap();
    for (name, value) in flags {
        if matches!(name.as_str(), "help" | "version" | "config.file") {
            continue;
        }
        let arg = value.as_ref().map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}"));
        let out = Command::new(&binary).args(["--check", &arg]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        if name.starts_with("storage.agent.") {
            assert!(out.status.code() == Some(2) && said.contains("agent mode"), "{arg}: {said}");
            continue;
        }
        assert!(out.status.success(), "{arg}: {said}");
        if value.is_none() {
            let off = Command::new(&binary).args(["--check", &format!("--no-{name}")]).output().unwrap();
            assert!(off.status.success(), "--no-{name}: {}", String::from_utf8_lossy(&off.stderr));
        }
    }
}

/// A self-signed certificate for localhost, usable as its own authority.
fn certificate(folder: &Path, name: &str) {
    let at = |end: &str| folder.join(format!("{name}.{end}")).display().to_string();
    let out = run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1,URI:spiffe://a/b",
            "-keyout",
            &at("key"),
            "-out",
            &at("pem"),
        ],
    );
    let out = out.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

fn tls_and_users_let_in_whom_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    certificate(dir, "server");
    certificate(dir, "client");
    certificate(dir, "stranger");
    let users = format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash("s3cret", 4).unwrap());
    let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
    let file = dir.join("web.yml");
    std::fs::write(
        &file,
        format!("{tls}{users}http_server_config:\n  headers:\n    X-Frame-Options: deny\n"),
    )
    .unwrap();
    let config = format!("--web.config.file={}", file.display());
    let data = dir.join("data");
    let bonghwa = Bonghwa::start_unready(&data, &[&config]).unwrap();
    let url = bonghwa.url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://"), "{url}");
    let ca = dir.join("server.pem").display().to_string();
    let curl = |path: &str, more: &[&str]| {
        let address = format!("{url}{path}");
        let fixed =
            ["-s", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--cacert", &ca, &address];
        let out = run("curl", &[&fixed[..], more].concat()).unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    eventually("ready", MINUTE, || (curl("/-/ready", &["-u", "alice:s3cret"]).1 == "200 2").then_some(()));
    assert_eq!(curl("/-/healthy", &[]).1, "401 2");
    assert_eq!(curl("/-/healthy", &["-u", "alice:wrong"]).1, "401 2");
    assert_eq!(curl("/-/healthy", &["-u", "bob:s3cret"]).1, "401 2");
    assert_eq!(curl("/metrics", &["-u", "alice:s3cret", "--http1.1"]).1, "200 1.1");
    assert_eq!(curl("/metrics", &["-u", "alice:s3cret", "--tls-max", "1.2"]).1, "200 2");
    assert!(curl("/metrics", &["-u", "alice:s3cret", "--tls-max", "1.1"]).0 != Some(0), "TLS 1.1");
    let plain = run("curl", &["-s", &url.replace("https", "http")]).unwrap();
    assert_eq!(String::from_utf8(plain.stdout).unwrap(), "Client sent an HTTP request to an HTTPS server.\n");
    let head = run("curl", &["-sI", "--cacert", &ca, &url]).unwrap();
    let head = String::from_utf8(head.stdout).unwrap().to_lowercase();
    assert!(head.contains("www-authenticate: basic") && head.contains("x-frame-options: deny"), "{head}");

    // Debian's prometheus scrapes it through both.
    let reference = Prometheus::start_with(
        &testkit::reference("prometheus").unwrap(),
        &mkdir(dir, "theirs"),
        &["--web.enable-lifecycle"],
    )
    .unwrap();
    let target = url.trim_start_matches("https://");
    let scrape = format!(
        "scrape_configs:\n- job_name: tls\n  scrape_interval: 1s\n  scheme: https\n  \
         basic_auth: {{ username: alice, password: s3cret }}\n  tls_config: {{ ca_file: {ca} }}\n  \
         static_configs: [{{ targets: ['{target}'] }}]\n"
    );
    std::fs::write(dir.join("theirs/prometheus.yml"), scrape).unwrap();
    let reload = format!("http://{}/-/reload", reference.address());
    assert_eq!(bonghwa.client().post(reload).send().unwrap().status(), 200);
    eventually("scraped", MINUTE, || {
        let up = reference.ask("query", &[("query", "up{job=\"tls\"}")]).ok()?;
        (up["data"]["result"][0]["value"][1] == "1").then_some(())
    });

    // Changed settings hold from the next connection on: now a certificate is what counts.
    let certificates = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.pem\n  \
                        client_allowed_sans: ['spiffe://a/b']\n";
    std::fs::write(&file, format!("{tls}{certificates}")).unwrap();
    let path = |name: &str| dir.join(name).display().to_string();
    let shown = |name: &str| {
        let (cert, key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        curl("/api/bonghwa/v1/status", &["--cert", &cert, "--key", &key])
    };
    assert_eq!(shown("client").1, "200 2");
    assert_ne!(shown("stranger").0, Some(0));
    assert_ne!(curl("/-/healthy", &[]).0, Some(0));
    std::fs::write(&file, format!("{tls}{}", certificates.replace("spiffe://a/b", "spiffe://other")))
        .unwrap();
    assert_ne!(shown("client").0, Some(0));
    std::fs::write(&file, "tls_server_config: 1\n").unwrap();
    assert_ne!(shown("client").0, Some(0));
    std::fs::write(&file, format!("{tls}rate_limit: {{ interval: 1h, burst: 1 }}\n")).unwrap();
    assert_eq!(curl("/-/healthy", &[]).1, "200 2", "limits hold from the start on only");
    assert!(bonghwa.log().contains("--web.config.file cannot be used"));
}

fn mkdir(folder: &Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::create_dir(&path).unwrap();
    path
}

fn a_query_ends_when_its_client_goes() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--web.enable-remote-write-receiver", "--query.max-samples=1000000000"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut encoder = Encoder::new();
    for n in 0..200 {
        let labels = Labels::from_pairs([("__name__", "slow"), ("n", &format!("{n}"))]);
        let points = (0..240).map(|i| Point { t: (now - 3600 + i * 15) * 1000, v: i as f64 });
        encoder.series(labels.iter(), points);
    }
    let request = bonghwa.client().post(format!("{}/api/v1/write", bonghwa.url));
    let answer = request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send().unwrap();
    assert_eq!(answer.status(), 204);

    // Hours of work for one processor.
    let query = "sum(sum_over_time(sum_over_time(slow%5B1h%5D)%5B1h%3A1s%5D))";
    let address = bonghwa.url.trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).unwrap();
    let range = format!("start={}&end={now}&step=1", now - 10_000);
    write!(socket, "GET /api/v1/query_range?query={query}&{range} HTTP/1.1\r\nHost: {address}\r\n\r\n")
        .unwrap();
    let figure = |name: &str| -> Option<f64> {
        let text = bonghwa.get("/metrics").ok()?.text().ok()?;
        text.lines().find(|line| line.starts_with(&format!("{name} ")))?.rsplit_once(' ')?.1.parse().ok()
    };
    eventually("the query runs", MINUTE, || (figure("bonghwa_queries")? >= 1.0).then_some(()));
    drop(socket);
    eventually("the query has ended", MINUTE, || {
        (figure("bonghwa_queries")? == 0.0 && figure("bonghwa_queries_cancelled_total")? >= 1.0).then_some(())
    });
}

fn a_changed_file_is_taken_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    let job = |name: &str| {
        format!("scrape_configs: [{{ job_name: {name}, static_configs: [{{ targets: [h] }}] }}]\n")
    };
    std::fs::write(&file, job("first")).unwrap();
    let config = format!("--config.file={}", file.display());
    let args = [config.as_str(), "--config.auto-reload", "--config.auto-reload-interval=1s"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    std::fs::write(&file, job("second")).unwrap();
    eventually("the new job", MINUTE, || {
        let pools = bonghwa.json("/api/v1/targets").ok()?;
        (pools["data"]["activeTargets"][0]["scrapePool"] == "second").then_some(())
    });
}
