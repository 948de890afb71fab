//! What the program does with nothing configured.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use tests::{Bonghwa, eventually};

#[test]
fn nothing_configured_listens_on_loopback_and_collects_every_10_s() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();
    assert!(bonghwa.url.starts_with("http://127.0.0.1:"), "{}", bonghwa.url);
    let flags = bonghwa.json("/api/v1/status/flags").unwrap();
    assert_eq!(flags["data"]["query.lookback-delta"], "5m");
    let status = bonghwa.json("/api/bonghwa/v1/status").unwrap();
    assert_eq!(status["collect_stored"], true);
    assert_eq!(status["storage"]["retention_ms"], 15 * 86_400_000i64);
    let most = status["storage"]["retention_bytes"].as_u64().unwrap();
    assert!(most > 0 && most <= 10 << 30, "{most}");
    let limit = status["memory"]["limit_bytes"].as_u64().unwrap();
    assert!(limit > 0, "{limit}");
    assert!(folder.path().join("data/bonghwa/lock").exists());
    assert!(!folder.path().join("data/bonghwa/token").exists(), "loopback needs no token");
    // One round at the start, then one at each multiple of the interval; a busy machine may be late for one.
    eventually("rounds ten seconds apart", Duration::from_secs(120), || {
        let answer = bonghwa.json("/api/v1/query?query=node_load1[5m]").ok()?;
        let values = answer["data"]["result"][0]["values"].as_array()?.clone();
        let times: Vec<f64> = values.iter().filter_map(|value| value[0].as_f64()).skip(1).collect();
        times.windows(2).any(|pair| (pair[1] - pair[0] - 10.0).abs() < 0.5).then_some(())
    });
    assert!(bonghwa.value("node_load1").unwrap() >= 0.0);
}

#[test]
fn with_a_users_file_the_collectors_store_nothing_until_they_are_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, "global: {scrape_interval: 15s}\nscrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", file.display());
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[&config]).unwrap();
    let status = bonghwa.json("/api/bonghwa/v1/status").unwrap();
    assert_eq!(status["collect_stored"], false);
    // The first round of a collector that stores is there within seconds; here two intervals pass without one.
    std::thread::sleep(Duration::from_secs(12));
    let names = bonghwa.json("/api/v1/label/__name__/values").unwrap();
    let names: Vec<&str> = names["data"].as_array().unwrap().iter().filter_map(|n| n.as_str()).collect();
    assert!(!names.iter().any(|n| n.starts_with("node_") || n.starts_with("container_")), "{names:?}");
    bonghwa.stop().unwrap();

    std::fs::write(&file, "scrape_configs: []\ncollect: {interval: 2s}\n").unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[&config]).unwrap();
    assert_eq!(bonghwa.json("/api/bonghwa/v1/status").unwrap()["collect_stored"], true);
    eventually("host series", Duration::from_secs(60), || bonghwa.value("node_load1"));
}

#[test]
fn explicit_flags_replace_retention_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--storage.tsdb.retention.time=200h"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let storage = bonghwa.json("/api/bonghwa/v1/status").unwrap()["storage"].clone();
    assert_eq!((&storage["retention_ms"], &storage["retention_bytes"]), (&720_000_000.into(), &0.into()));
}

#[test]
fn the_address_comes_from_the_environment_where_no_flag_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let data = format!("--storage.tsdb.path={}", folder.path().join("data").display());
    let output = Command::new(tests::binary::path().unwrap())
        .args([&data, "--check"])
        .env("BONGHWA_LISTEN", "0.0.0.0:1234")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(tests::binary::path().unwrap())
        .args([&data])
        .env("BONGHWA_LISTEN", "no address")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("no address"), "{said}");
}

#[test]
fn an_unwritable_data_directory_names_both_users_and_the_remedy() {
    if !rustix::process::geteuid().is_root() {
        // Root may write everywhere, so another user is needed; without root there is none to become.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // The binary must be reachable by the other user.
    let binary = folder.path().join("bonghwa");
    std::fs::copy(tests::binary::path().unwrap(), &binary).unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let output = std::os::unix::process::CommandExt::uid(&mut Command::new(&binary), 65534)
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg("--web.listen-address=127.0.0.1:0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    for part in ["belongs to uid 0", "runs as uid 65534", "chown"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn every_part_of_the_program_counts_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();
    let text = bonghwa.get("/metrics").unwrap().text().unwrap();
    for name in [
        "bonghwa_build_info{version=",
        "bonghwa_config_last_reload_successful 1",
        "bonghwa_http_requests_total{",
        "bonghwa_intake_samples_accepted_total ",
        "bonghwa_memory_limit_bytes ",
        "bonghwa_queries ",
        "bonghwa_remote_write_samples_total 0",
        "process_start_time_seconds ",
        "# TYPE bonghwa_tsdb_",
        "# TYPE bonghwa_events_",
        "# TYPE bonghwa_scrape_",
        "# TYPE bonghwa_host_",
        "# TYPE bonghwa_containers_",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
}
