//! What is late, early or there already, as the configuration says.

use tests::Bonghwa;

use tests::write::{RECEIVE, now_ms, request, send};

/// Status and text of a write of one sample.
fn put(bonghwa: &Bonghwa, t: i64, v: f64) -> (u16, String) {
    send(bonghwa.client(), &bonghwa.url, request("late", 1, t, v)).unwrap()
}

#[test]
fn the_window_is_what_is_written_and_half_an_hour_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yml");
    let config = format!("--config.file={}", file.display());
    std::fs::write(&file, "storage: {tsdb: {out_of_order_time_window: 0s}}\n").unwrap();
    let args = [config.as_str(), RECEIVE, "--web.enable-lifecycle"];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let now = now_ms();
    assert_eq!(put(&bonghwa, now, 1.0).0, 204);
    let refused = |t: i64, reason: &str| {
        let (status, text) = put(&bonghwa, t, 2.0);
        assert!(status == 400 && text.contains(reason), "{status} {text}");
    };
    refused(now - 1, "out of order");
    refused(now, "duplicate");
    assert_eq!(put(&bonghwa, now, 1.0).0, 204, "the same again");
    refused(now + 3_600_000, "too far in the future");
    let reload = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let answer = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().unwrap());
    };
    reload("storage: {tsdb: {out_of_order_time_window: 10s}}\n");
    assert_eq!(put(&bonghwa, now - 9_000, 3.0).0, 204);
    refused(now - 11_000, "out of order");
    reload("global: {}\n");
    assert_eq!(put(&bonghwa, now - 29 * 60_000, 4.0).0, 204);
    refused(now - 31 * 60_000, "out of order");
    let all = bonghwa.value("count_over_time(late[1h])");
    assert_eq!(all, Some(3.0));
}

#[test]
fn what_the_log_promises_is_said_at_the_start_and_as_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (flag, promise) in [
        (None, "survives kill -9 and a power failure"),
        (Some("--storage.wal-sync=interval"), "may cost the last seconds"),
        (Some("--storage.wal-sync=off"), "since the last flush"),
    ] {
        let data = folder.path().join(flag.unwrap_or("default").replace(['-', '.', '='], ""));
        let args: Vec<&str> = flag.into_iter().collect();
        let bonghwa = Bonghwa::start(&data, &args).unwrap();
        assert!(bonghwa.log().contains(promise), "{}", bonghwa.log());
        let flags = bonghwa.json("/api/v1/status/flags").unwrap();
        let shown = flag.map_or("batch", |f| f.rsplit('=').next().unwrap());
        assert_eq!(flags["data"]["storage.wal-sync"], shown);
    }
    let output = std::process::Command::new(tests::binary::path().unwrap())
        .args(["--check", "--storage.wal-sync=sometimes"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("batch"), "{text}");
}
