//! Real containers on a real engine, seen through the binary as a user runs it: nothing configured.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::docker::{Container, ENGINE, docker};
use tests::{Bonghwa, Case, eventually};

fn main() {
    tests::run(&[
        Case {
            name: "processor_network_and_disk_are_counted",
            needs: &[ENGINE],
            test: processor_network_and_disk_are_counted,
        },
        Case {
            name: "deaths_are_explained_and_page_cache_is_not_blamed",
            needs: &[ENGINE],
            test: deaths_are_explained_and_page_cache_is_not_blamed,
        },
        Case {
            name: "history_survives_removal_and_kill_and_keeps_no_secret",
            needs: &[ENGINE],
            test: history_survives_removal_and_kill_and_keeps_no_secret,
        },
    ]);
}

const MINUTE: Duration = Duration::from_secs(60);

/// The row of a container on the home page, removed ones included.
fn row(bonghwa: &Bonghwa, name: &str) -> Option<Value> {
    let all = bonghwa.json("/api/bonghwa/v1/containers?gone=true").ok()?;
    all["rows"].as_array()?.iter().find(|row| row["facts"]["name"] == name).cloned()
}

fn verdicts(row: &Value) -> Vec<String> {
    let list = row["verdicts"].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|v| v["code"].as_str().map(str::to_owned)).collect()
}

fn events(bonghwa: &Bonghwa, id: &str) -> Vec<String> {
    let answer = bonghwa.json(&format!("/api/bonghwa/v1/containers/{id}/events")).unwrap_or_default();
    let list = answer["events"].as_array().or(answer.as_array()).cloned().unwrap_or_default();
    list.iter().filter_map(|e| e["action"].as_str().map(str::to_owned)).collect()
}

/// Uses a second of processor time, however long that takes on a busy machine.
const BURN: &str = "(ulimit -t 1; while :; do :; done)";

/// Seconds of processor time and throttled periods of a container, as its control group tells them.
fn kernel(container: &Container) -> (f64, f64) {
    let text = container
        .exec(
            "cd /sys/fs/cgroup; cat cpu.stat 2>/dev/null || \
             { cat cpu/cpu.stat; echo usage_nsec $(cat cpuacct/cpuacct.usage); }",
        )
        .unwrap();
    let value = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    let seconds = value("usage_usec ").map(|v| v / 1e6).or(value("usage_nsec ").map(|v| v / 1e9));
    (seconds.unwrap(), value("nr_throttled ").unwrap())
}

fn close(got: f64, want: f64, part: f64) -> bool {
    (got - want).abs() <= want * part
}

fn processor_network_and_disk_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();

    let burner =
        Container::run("burner", &["--cpus=0.2"], &format!("{BURN}; echo done; sleep 3600")).unwrap();
    let server = Container::run(
        "server",
        &[],
        "mkdir -p /tmp/www; dd if=/dev/zero of=/tmp/www/file bs=1M count=64; httpd -f -p 80 -h /tmp/www",
    )
    .unwrap();
    let client = Container::run("client", &[], "sleep 3600").unwrap();
    let writer = Container::run("writer", &[], "sleep 3600").unwrap();
    for container in [&burner, &server, &client, &writer] {
        eventually("on the home page", MINUTE, || row(&bonghwa, &container.name));
    }

    let address =
        docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &server.name])
            .unwrap();
    eventually("the web server answers", MINUTE, || {
        client.exec(&format!("wget -q -O /dev/null http://{address}/file")).ok()
    });
    writer.exec("dd if=/dev/zero of=/file bs=1M count=48 oflag=direct").unwrap();

    let inside: f64 = client.exec("cat /sys/class/net/eth0/statistics/rx_bytes").unwrap().parse().unwrap();
    assert!(inside > 64e6, "the client fetched the file: {inside}");
    let received =
        format!("container_network_receive_bytes_total{{name=\"{}\",interface=\"eth0\"}}", client.name);
    let written = format!("sum(container_fs_writes_bytes_total{{name=\"{}\"}})", writer.name);
    eventually("received bytes within 2 % of the interface's own count", MINUTE, || {
        bonghwa.value(&received).filter(|v| close(*v, inside, 0.02))
    });
    eventually("written bytes within 2 % of what was written", MINUTE, || {
        bonghwa.value(&written).filter(|v| close(*v, 48.0 * 1048576.0, 0.02))
    });

    let burnt = || docker(&["logs", &burner.name]).ok().filter(|said| said.contains("done"));
    eventually("a second of processor time is used up", MINUTE, burnt);
    // Between two looks of the kernel's own; looking takes some, too.
    let (used, throttled) = kernel(&burner);
    let counted = |name: &str, least: f64| {
        let query = format!("container_cpu_{name}{{name=\"{}\"}}", burner.name);
        eventually(name, MINUTE, || bonghwa.value(&query).filter(|v| *v >= least))
    };
    let counts = (counted("usage_seconds_total", used), counted("cfs_throttled_periods_total", throttled));
    let most = kernel(&burner);
    assert!(counts.0 <= most.0 && counts.1 <= most.1, "{counts:?}, {most:?}");
    assert_eq!(row(&bonghwa, &burner.name).unwrap()["facts"]["cpu_limit"], 0.2);
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}

fn deaths_are_explained_and_page_cache_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let big = folder.path().join("big");
    std::fs::File::create(&big).unwrap().set_len(1 << 30).unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();

    let limit = ["--memory=64m", "--memory-swap=64m"];
    let mount = format!("{}:/big:ro", big.display());
    let reader =
        Container::run("reader", &[&limit[..], &["-v", &mount]].concat(), "cat /big > /dev/null; sleep 3600")
            .unwrap();
    let hog = Container::run("hog", &limit, "sleep 2; tail /dev/zero").unwrap();
    let brief = Container::run("brief", &[], &format!("{BURN}; true")).unwrap();

    assert_eq!(hog.wait().unwrap(), 137);
    let dead = eventually("the OOM kill on the page", MINUTE, || {
        row(&bonghwa, &hog.name).filter(|r| r["facts"]["oom_killed"] == true)
    });
    assert_eq!(dead["facts"]["exit_code"], 137);
    assert!(verdicts(&dead).contains(&"oom_killed".to_owned()), "{dead}");
    eventually("the events of the death", MINUTE, || {
        let seen = events(&bonghwa, &hog.id);
        (seen.contains(&"oom".to_owned()) && seen.contains(&"die".to_owned())).then_some(())
    });
    let last = eventually("its last minutes", MINUTE, || {
        let all = bonghwa.json(&format!("/api/bonghwa/v1/containers/{}/last-minutes", hog.id)).ok()?;
        all["last_minutes"]["points"].as_array().filter(|points| !points.is_empty()).cloned()
    });
    assert!(last.len() <= 121, "two minutes at one second: {}", last.len());

    // A container that lived for about a second has its cost and its page.
    brief.wait().unwrap();
    eventually("its row", MINUTE, || row(&bonghwa, &brief.name));
    let samples =
        format!("count_over_time(container_cpu_usage_seconds_total{{name=\"{}\"}}[5m])", brief.name);
    let used = format!("max_over_time(container_cpu_usage_seconds_total{{name=\"{}\"}}[5m])", brief.name);
    eventually("at least two CPU samples", MINUTE, || bonghwa.value(&samples).filter(|v| *v >= 2.0));
    eventually("that add up to half a second", MINUTE, || bonghwa.value(&used).filter(|v| *v >= 0.5));

    // Its page cache fills the limit; nobody is to be woken for that.
    eventually("the file was read", MINUTE, || {
        bonghwa
            .value(&format!("max_over_time(container_memory_cache{{name=\"{}\"}}[5m])", reader.name))
            .filter(|v| *v > 40e6)
    });
    let blamed = verdicts(&row(&bonghwa, &reader.name).unwrap());
    assert!(!blamed.iter().any(|code| code.contains("memory")), "{blamed:?}");
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}

fn history_survives_removal_and_kill_and_keeps_no_secret() {
    let secret = "hunter2-planted-9f3c1e";
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &[]).unwrap();
    let env = format!("DB_PASSWORD={secret}");
    let script = format!("sleep 15; exit 3; : {secret}");
    let gone = Container::run("gone", &["-e", &env, "--label", "team=tower"], &script).unwrap();
    assert_eq!(gone.wait().unwrap(), 3);
    gone.remove().unwrap();
    let usage = format!("last_over_time(container_memory_usage_bytes{{name=\"{}\"}}[10m])", gone.name);
    let gone_row = |bonghwa: &Bonghwa| {
        eventually("the removed container with how it ended", MINUTE, || {
            row(bonghwa, &gone.name)
                .filter(|r| r["facts"]["exit_code"] == 3 && r["facts"]["state"] == "removed")
        })
    };
    let before = gone_row(&bonghwa);
    eventually("its metrics", MINUTE, || bonghwa.value(&usage));
    assert!(!before.to_string().contains(secret));
    bonghwa.kill().unwrap();

    let bonghwa = Bonghwa::start(&data, &[]).unwrap();
    let after = gone_row(&bonghwa);
    assert_eq!(after["facts"], before["facts"]);
    assert_eq!(after["facts"]["labels"]["team"], "tower");
    eventually("its metrics after the crash", MINUTE, || bonghwa.value(&usage));
    let seen = events(&bonghwa, &gone.id);
    for action in ["start", "die", "destroy"] {
        assert!(seen.iter().any(|a| a == action), "{action} in {seen:?}");
    }
    let last = bonghwa.json(&format!("/api/bonghwa/v1/containers/{}/last-minutes", gone.id)).unwrap();
    assert!(last["last_minutes"]["points"].as_array().is_some_and(|points| points.len() > 5), "{last}");

    let id = &gone.id;
    for path in [
        "/api/bonghwa/v1/containers?gone=true".to_owned(),
        format!("/api/bonghwa/v1/containers/{id}"),
        format!("/api/bonghwa/v1/containers/{id}/events"),
        format!("/api/bonghwa/v1/containers/{id}/last-minutes"),
        "/api/bonghwa/v1/status".to_owned(),
        "/api/v1/series?match[]={__name__=~\".%2B\"}".to_owned(),
        "/metrics".to_owned(),
    ] {
        let text = bonghwa.get(&path).unwrap().text().unwrap();
        assert!(!text.contains(secret), "the secret is in {path}");
    }
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
    let mut files = 0;
    search(&data, secret.as_bytes(), &mut files);
    assert!(files > 0, "there is a data directory to search");
}

/// Fails if a file below `folder` contains `needle`. (Compressed parts hide it from this search; the API checks above
/// read what they hold.)
fn search(folder: &Path, needle: &[u8], files: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, needle, files);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(needle.len()).any(|w| w == needle), "the secret is in {}", path.display());
            *files += 1;
        }
    }
}
