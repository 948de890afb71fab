//! Configuration, reload, start and stop.

use std::process::Command;
use std::time::Duration;

use tests::{Bonghwa, eventually};

use tests::write::{RECEIVE, now_ms, post, request};

fn said(args: &[&str]) -> (bool, String) {
    let output = Command::new(tests::binary::path().unwrap()).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn check_says_what_is_wrong_and_where_without_starting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yml");
    let config = format!("--config.file={}", file.display());
    let data = format!("--storage.tsdb.path={}", folder.path().join("data").display());
    std::fs::write(&file, "scrape_configs:\n- job_name: a\n  scrape_intervall: 5s\n").unwrap();
    let (ok, text) = said(&[&config, &data, "--check"]);
    assert!(!ok && text.contains("c.yml:3:3") && text.contains("scrape_interval"), "{text}");
    std::fs::write(&file, "scrape_configs: [{job_name: a}]\n").unwrap();
    let (ok, text) = said(&[&config, &data, "--check"]);
    assert!(ok && text.contains("is valid: 1 scrape jobs"), "{text}");
    assert!(!folder.path().join("data").exists());
    let (ok, text) = said(&["--storage.tsdb.retention.tim=1d"]);
    assert!(!ok && text.contains("--storage.tsdb.retention.time"), "{text}");
    let (ok, text) = said(&[&data, "--query.timeout=soon", "--check"]);
    assert!(!ok && text.contains("--query.timeout"), "{text}");
}

#[test]
fn an_invalid_reload_keeps_the_old_configuration_and_sets_the_metric() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yml");
    let secret = "basic_auth: {username: u, password: geheim}";
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(&format!("scrape_configs: [{{job_name: first, {secret}}}]\n"));
    let config = format!("--config.file={}", file.display());
    let args = [config.as_str(), "--web.enable-lifecycle"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let shown = || bonghwa.get("/api/v1/status/config").unwrap().text().unwrap();
    let metric = |name: &str| {
        let text = bonghwa.get("/metrics").unwrap().text().unwrap();
        text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok())
    };
    let ok = "bonghwa_config_last_reload_successful ";
    assert!(shown().contains("first") && shown().contains("<secret>") && !shown().contains("geheim"));
    assert_eq!(metric(ok), Some(1.0));

    write("scrape_configs: [{job_nam: second}]\n");
    let reload = || bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    let answer = reload();
    assert_eq!(answer.status(), 500);
    assert!(answer.text().unwrap().contains("c.yml:1:19"));
    assert!(shown().contains("first"));
    assert_eq!((metric(ok), metric("prometheus_config_last_reload_successful ")), (Some(0.0), Some(0.0)));

    write("scrape_configs: [{job_name: third}]\n");
    assert_eq!(reload().status(), 200);
    assert!(shown().contains("third"));
    assert_eq!(metric(ok), Some(1.0));

    write("scrape_configs: [{job_name: fourth}]\n");
    let pid = rustix::process::Pid::from_raw(i32::try_from(bonghwa.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    eventually("the reload by SIGHUP", Duration::from_secs(30), || shown().contains("fourth").then_some(()));
}

#[test]
fn a_reload_changes_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("storage: {tsdb: {retention: {time: 20d}}}\n");
    let config = format!("--config.file={}", file.display());
    let bonghwa =
        Bonghwa::start(&folder.path().join("data"), &[config.as_str(), "--web.enable-lifecycle"]).unwrap();
    let storage = || {
        let text = bonghwa.get("/api/bonghwa/v1/status").unwrap().text().unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["storage"].clone()
    };
    assert_eq!(storage()["retention_ms"], 20 * 86_400_000_i64);
    write(
        "storage: {tsdb: {retention: {time: 3d, size: 1GB}}}\n\
         history: {retention: [{match: '{job=\"debug\"}', time: 1d}], downsampling: {retention_1h: 1y}}\n",
    );
    let answer = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    assert_eq!(answer.status(), 200);
    let kept = storage();
    assert_eq!(kept["retention_ms"], 3 * 86_400_000_i64);
    // A tenth is for events.
    assert_eq!(kept["retention_bytes"], (1_u64 << 30) - (1 << 30) / 10);
    assert_eq!(kept["series_retention"][0]["selector"], "{job=\"debug\"}");
    assert_eq!(kept["tiers"][0]["retention_ms"], 365 * 86_400_000_i64);
    assert_eq!(kept["tiers"][1]["retention_ms"], 3 * 86_400_000_i64);
}

#[test]
fn a_stop_under_load_is_orderly_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &[RECEIVE]).unwrap();
    let (url, client) = (bonghwa.url.clone(), bonghwa.client().clone());
    let begin = now_ms() - 60_000;
    let writer = std::thread::spawn(move || {
        let mut acknowledged = 0u32;
        while post(&client, &url, request("load", 10, begin + i64::from(acknowledged), 1.0)) == Some(204) {
            acknowledged += 1;
        }
        acknowledged
    });
    // A page that watches must not hold up the stop.
    let watching = bonghwa.get("/api/bonghwa/v1/live").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
    let acknowledged = writer.join().unwrap();
    drop(watching);
    assert!(acknowledged > 0);
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    let order: Vec<usize> =
        ["server", "scraper", "\"container collector\"", "\"host collector\"", "upkeep", "stores"]
            .iter()
            .map(|part| {
                log.find(&format!("what={part} ")).unwrap_or_else(|| panic!("{part} is not in {log}"))
            })
            .collect();
    assert!(order.is_sorted(), "{log}");
    let again = Bonghwa::start(&data, &[]).unwrap();
    let stored = again.value("sum(count_over_time(load[10m]))").unwrap();
    assert!(stored >= f64::from(acknowledged * 10), "{stored} of {}", acknowledged * 10);
}

#[test]
fn a_directory_in_use_and_a_taken_port_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &[]).unwrap();
    let (ok, text) =
        said(&[&format!("--storage.tsdb.path={}", data.display()), "--web.listen-address=127.0.0.1:0"]);
    assert!(!ok && text.contains("in use by another process"), "{text}");
    let address = bonghwa.url.trim_start_matches("http://");
    let (ok, text) = said(&[
        &format!("--storage.tsdb.path={}", folder.path().join("other").display()),
        &format!("--web.listen-address={address}"),
    ]);
    assert!(!ok && text.contains("another program listens there"), "{text}");
}

#[test]
fn a_reload_switches_the_built_in_collectors_on_and_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("scrape_configs: []\n");
    let config = format!("--config.file={}", file.display());
    let args = [config.as_str(), "--web.enable-lifecycle"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let reload = || bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    let stored = || bonghwa.json("/api/bonghwa/v1/status").unwrap()["collect_stored"].clone();
    let newest = || {
        let answer = bonghwa.json("/api/v1/query?query=node_load1[10m]").unwrap();
        answer["data"]["result"][0]["values"].as_array()?.last()?[0].as_f64()
    };
    assert_eq!((stored(), newest()), (false.into(), None));

    write("collect: {host: {mount_points_exclude: '('}}\n");
    let answer = reload();
    assert_eq!(answer.status(), 500);
    assert_eq!(stored(), false, "a collector that cannot start leaves the old one");

    write("collect: {interval: 1s}\n");
    assert_eq!(reload().status(), 200);
    assert_eq!(stored(), true);
    let first = eventually("host series", Duration::from_secs(30), newest);
    eventually("more of them", Duration::from_secs(30), || newest().filter(|t| *t > first));
    let metrics = bonghwa.get("/metrics").unwrap().text().unwrap();
    assert_eq!(
        metrics.matches("# TYPE bonghwa_host_").count(),
        metrics.matches("# HELP bonghwa_host_").count()
    );
    assert!(metrics.contains("# TYPE bonghwa_containers_"));

    write("scrape_configs: []\n");
    assert_eq!(reload().status(), 200);
    assert_eq!(stored(), false);
    let last = newest();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(newest(), last, "nothing is stored any more");
}
