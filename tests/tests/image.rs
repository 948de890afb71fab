//! The image, started by docker-compose from a file like those people have for Prometheus, on a volume that
//! Prometheus has written to.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a panic is the report of a test, what it stood on is said before"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::docker::{ENGINE, IMAGE as BUSYBOX, docker};
use tests::{Case, Component, eventually};

const COMPOSE: Component =
    Component { name: "docker-compose", is_here: || works(Command::new("docker-compose").arg("version")) };
const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const STATIC: Component = Component { name: "the static binary (scripts/static.sh debug)", is_here: image };

const IMAGE: &str = "bonghwa-test/bonghwa";
const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    tests::run(&[
        Case {
            name: "a_compose_file_of_prometheus_starts_it_on_the_same_volume",
            needs: &[ENGINE, COMPOSE, STATIC, PROMETHEUS],
            test: a_compose_file_of_prometheus_starts_it_on_the_same_volume,
        },
        Case {
            name: "the_exporters_of_the_image_show_what_their_originals_show",
            needs: &[ENGINE, STATIC],
            test: the_exporters_of_the_image_show_what_their_originals_show,
        },
        Case {
            name: "an_unwritable_volume_is_an_error_that_names_the_remedy",
            needs: &[ENGINE, STATIC],
            test: an_unwritable_volume_is_an_error_that_names_the_remedy,
        },
    ]);
}

fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|out| out.status.success())
}

/// Builds the image around the binary of `scripts/static.sh debug`, once a run of the tests.
fn image() -> bool {
    static BUILT: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *BUILT.get_or_init(|| {
        let Ok(binary) = tests::binary::path() else { return false };
        let profile = binary.parent().unwrap();
        let fixed =
            profile.parent().unwrap().join("static").join(profile.file_name().unwrap()).join("bonghwa");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/image.sh");
        fixed.exists() && works(Command::new(script).arg(fixed).arg(IMAGE))
    })
}

/// A volume that is removed when dropped.
struct Volume(String);

impl Volume {
    fn new(name: &str) -> Self {
        let name = format!("bonghwa-{name}-{}", std::process::id());
        docker(&["volume", "create", &name]).unwrap();
        Self(name)
    }

    /// A busybox script with the volume at `/v`.
    fn script(&self, script: &str) -> String {
        let mount = format!("{}:/v", self.0);
        docker(&["run", "--rm", "-v", &mount, BUSYBOX, "/bin/busybox", "sh", "-c", script]).unwrap()
    }

    /// Copies between the volume and the host, through a container that never runs.
    fn copy(&self, inwards: bool, folder: &Path) {
        let mount = format!("{}:/v", self.0);
        let id = docker(&["create", "-v", &mount, BUSYBOX, "/bin/busybox", "true"]).unwrap();
        let (inside, outside) = (format!("{id}:/v/."), format!("{}/.", folder.display()));
        let (from, to) =
            if inwards { (outside, format!("{id}:/v")) } else { (inside, folder.display().to_string()) };
        docker(&["cp", &from, &to]).unwrap();
        docker(&["rm", &id]).unwrap();
    }

    /// Name, size and digest of every file that is not ours.
    fn foreign(&self) -> String {
        self.script(
            "cd /v && busybox find . -path ./bonghwa -prune -o -type f -print | busybox sort | \
             while read f; do busybox sha256sum \"$f\"; done",
        )
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // A container that a failed test left behind may hold it.
        let _ = docker(&["volume", "rm", "-f", &self.0]);
    }
}

struct Project {
    name: String,
    file: PathBuf,
}

impl Project {
    fn run(&self, args: &[&str]) -> String {
        let out = Command::new("docker-compose")
            .args(["--compatibility", "-p", &self.name, "-f"])
            .arg(&self.file)
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "docker-compose {args:?}: {said}");
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.run(&["logs", "--no-color"]));
        }
        self.run(&["down"]);
    }
}

/// Two blocks of Prometheus, three and one hours old, made by Debian's promtool.
fn blocks(folder: &Path, now: i64) {
    use std::fmt::Write as _;
    let mut text = String::from("# TYPE old_total counter\n");
    for t in (now - 3 * 3600..now - 3600).step_by(15) {
        let _ = writeln!(text, "old_total{{a=\"b\"}} {} {t}", t - now + 20_000);
    }
    text.push_str("# EOF\n");
    std::fs::write(folder.join("old.txt"), text).unwrap();
    let promtool = testkit::reference("promtool").unwrap();
    let mut command = Command::new(promtool);
    command
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(folder.join("old.txt"))
        .arg(folder.join("data"));
    assert!(works(&mut command));
}

const CONFIG: &str = "global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: prometheus\n    static_configs:\n      \
                      - targets: ['localhost:9090']\n";

fn compose(folder: &Path, volume: &str) -> PathBuf {
    let file = folder.join("docker-compose.yml");
    let subnet = format!("172.29.{}", std::process::id() % 250);
    let text = format!(
        "version: '3.8'
services:
  prometheus:
    image: {IMAGE}
    ports:
      - '127.0.0.1::9090'
    volumes:
      - {folder}/etc:/etc/prometheus
      - prometheus_data:/prometheus
    command:
      - '--config.file=/etc/prometheus/prometheus.yml'
      - '--storage.tsdb.path=/prometheus'
      - '--web.console.libraries=/etc/prometheus/console_libraries'
      - '--web.console.templates=/etc/prometheus/consoles'
      - '--storage.tsdb.retention.time=200h'
      - '--web.enable-lifecycle'
    deploy:
      resources:
        limits:
          memory: 512M
          cpus: '1.0'
    healthcheck:
      test: ['CMD', 'wget', '--quiet', '--tries=1', '--spider', 'http://localhost:9090/-/healthy']
      interval: 1s
      timeout: 10s
      retries: 30
    networks:
      monitoring:
        ipv4_address: {subnet}.10
networks:
  monitoring:
    driver: bridge
    ipam:
      config:
        - subnet: {subnet}.0/24
volumes:
  prometheus_data:
    external: true
    name: {volume}
",
        folder = folder.display()
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn json(url: &str) -> Option<Value> {
    let answer = reqwest::blocking::get(url).ok()?;
    serde_json::from_str(&answer.text().ok()?).ok()
}

fn a_compose_file_of_prometheus_starts_it_on_the_same_volume() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    blocks(folder.path(), now);
    let volume = Volume::new("prometheus");
    volume.copy(true, &folder.path().join("data"));
    volume.script("busybox chown -R 65534:65534 /v");
    let before = volume.foreign();
    assert!(before.contains("/meta.json") && before.contains("/chunks/000001"), "{before}");

    std::fs::create_dir(folder.path().join("etc")).unwrap();
    let config = folder.path().join("etc/prometheus.yml");
    std::fs::write(&config, CONFIG).unwrap();
    let name = format!("bonghwa{}", std::process::id());
    let project = Project { name, file: compose(folder.path(), &volume.0) };
    project.run(&["up", "-d"]);
    let id = project.run(&["ps", "-q", "prometheus"]);
    let state = || docker(&["inspect", "-f", "{{.State.Health.Status}}", &id]).ok();
    eventually("healthy", MINUTE, || state().filter(|state| state == "healthy"));

    let port = project.run(&["port", "prometheus", "9090"]);
    let url = format!("http://{port}");
    let scraped = || {
        json(&format!("{url}/api/v1/query?query=up")).filter(|a| a["data"]["result"][0]["value"][1] == "1")
    };
    eventually("it scrapes itself", MINUTE, scraped);
    let limit = docker(&["inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", &id]).unwrap();
    assert_eq!(limit, "536870912 1000000000");

    let client = reqwest::blocking::Client::new();
    let reload = || client.post(format!("{url}/-/reload")).send().unwrap().status();
    std::fs::write(&config, CONFIG.replace("job_name: prometheus", "job_name: renamed")).unwrap();
    assert_eq!(reload(), 200);
    let pools = json(&format!("{url}/api/v1/scrape_pools")).unwrap();
    assert_eq!(pools["data"]["scrapePools"], serde_json::json!(["renamed"]));
    std::fs::write(&config, "scrape_configs: 1\n").unwrap();
    assert_eq!(reload(), 500);

    drop(project);
    assert_eq!(volume.foreign(), before, "files of Prometheus were touched");

    let back = folder.path().join("back");
    std::fs::create_dir_all(back.join("data")).unwrap();
    volume.copy(false, &back.join("data"));
    let program = testkit::reference("prometheus").unwrap();
    let again = testkit::prometheus::Prometheus::start(&program, &back).unwrap();
    let range = [("query", "old_total"), ("time", &(now - 2 * 3600).to_string())];
    let answer = again.ask("query", &range).unwrap();
    assert_eq!(answer["data"]["result"][0]["metric"]["a"], "b", "{answer}");
}

/// A container that is removed when dropped; the port of the host that leads to `port`.
struct Exporter(String, String);

impl Exporter {
    fn start(tag: &str, port: &str, options: &[&str], args: &[&str]) -> Self {
        let publish = format!("127.0.0.1::{port}");
        let image = format!("{IMAGE}:{tag}");
        let all = [&["run", "-d", "-p", &publish][..], options, &[image.as_str()], args].concat();
        let id = docker(&all).unwrap();
        let address = docker(&["port", &id, port]).unwrap();
        Self(id, format!("http://{address}"))
    }

    fn text(&self, path: &str) -> Option<String> {
        reqwest::blocking::get(format!("{}{path}", self.1)).ok()?.text().ok()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", docker(&["logs", &self.0]).unwrap_or_default());
        }
        let _ = docker(&["rm", "-f", &self.0]);
    }
}

fn the_exporters_of_the_image_show_what_their_originals_show() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let node = Exporter::start(
        "node-exporter",
        "9100",
        &["-v", "/proc:/host/proc:ro", "-v", "/sys:/host/sys:ro", "-v", "/:/rootfs:ro"],
        &[
            "--path.procfs=/host/proc",
            "--path.rootfs=/rootfs",
            "--path.sysfs=/host/sys",
            "--collector.filesystem.ignored-mount-points=^/(sys|proc|dev|host|etc)($$|/)",
            "--no-collector.loadavg",
        ],
    );
    let found = |text: &String| text.contains("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}");
    let text = eventually("series of the host", MINUTE, || node.text("/metrics").filter(found));
    assert!(
        text.contains("# TYPE node_memory_MemTotal_bytes gauge") && !text.contains("node_load1"),
        "{text}"
    );
    assert_eq!(node.text("/healthz").unwrap(), "ok");

    let cadvisor = Exporter::start(
        "cadvisor",
        "8080",
        &["-v", "/:/rootfs:ro", "-v", "/var/run:/var/run:ro", "-v", "/sys:/sys:ro"],
        &[],
    );
    let own = docker(&["inspect", "-f", "{{.Name}}", &cadvisor.0]).unwrap();
    let name = format!("name=\"{}\"", own.trim_start_matches('/'));
    let found = |text: &String| {
        text.lines()
            .any(|line| line.starts_with("container_cpu_usage_seconds_total{") && line.contains(&name))
    };
    let text = eventually("series of the containers", MINUTE, || cadvisor.text("/metrics").filter(found));
    assert!(text.contains("# TYPE container_cpu_usage_seconds_total counter"), "no type");
    assert!(!text.contains("job=\""), "labels of the scraper");
    let health = || docker(&["inspect", "-f", "{{.State.Health.Status}}", &cadvisor.0]).ok();
    assert!(health().is_some_and(|status| status != "unhealthy"));
}

fn an_unwritable_volume_is_an_error_that_names_the_remedy() {
    let volume = Volume::new("unwritable");
    volume.script("busybox chown 0:0 /v && busybox chmod 755 /v && echo >/v/file");
    let mount = format!("{}:/prometheus", volume.0);
    let out = Command::new("docker").args(["run", "--rm", "-v", &mount, IMAGE]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{said}");
    for part in ["belongs to uid 0", "runs as uid 65534", "chown -R 65534:65534 /prometheus", "--user"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
