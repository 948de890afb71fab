//! Steps of the system clock. The binary runs with a clock of its own: a small library, compiled here, that adds what a
//! file says to the time of day.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::{Bonghwa, Component, eventually};

use tests::write::RECEIVE;

pub const COMPILER: Component = Component {
    name: "a C compiler (cc), for a clock that can be set",
    is_here: || Command::new("cc").arg("--version").output().is_ok_and(|o| o.status.success()),
};

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, out);
    const char *path = getenv("TEST_CLOCK_OFFSET");
    if (id == CLOCK_REALTIME && path) {
        char text[32] = {0};
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0) out->tv_sec += atol(text);
            close(file);
        }
    }
    return result;
}
"#;

const LONG: Duration = Duration::from_secs(90);
const DAY: i64 = 86_400;

fn library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let status =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).status();
    assert!(status.unwrap().success());
    library
}

/// Samples of the own job at the present time of the binary, newer than `after`; seconds.
fn newest(bonghwa: &Bonghwa, at: i64) -> Option<i64> {
    let rows = bonghwa.query(&format!("max(timestamp(up{{job=\"self\"}} @ {at}))")).ok()?;
    rows.first().map(|(_, v)| *v as i64)
}

pub fn a_clock_that_steps() {
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    let set = |seconds: i64| {
        let next = offset.with_extension("next");
        std::fs::write(&next, seconds.to_string()).unwrap();
        std::fs::rename(next, &offset).unwrap();
    };
    set(0);
    let config = folder.path().join("c.yml");
    let rules = folder.path().join("r.yml");
    std::fs::write(&rules, "groups: [{name: g, interval: 1s, rules: [{record: twice, expr: 'up * 2'}]}]")
        .unwrap();
    let library = library(folder.path());
    let env = [("LD_PRELOAD", library.to_str().unwrap()), ("TEST_CLOCK_OFFSET", offset.to_str().unwrap())];
    let config_flag = format!("--config.file={}", config.display());
    let args = [config_flag.as_str(), RECEIVE, "--web.enable-lifecycle", "--storage.tsdb.retention.time=15d"];
    std::fs::write(&config, "global: {scrape_interval: 1s}\n").unwrap();
    let bonghwa = Bonghwa::start_in(&folder.path().join("data"), &args, &env).unwrap();
    let address = bonghwa.url.trim_start_matches("http://");
    let job = format!("{{job_name: self, static_configs: [{{targets: ['{address}']}}]}}");
    let text = format!(
        "global: {{scrape_interval: 1s}}\nrule_files: ['{}']\nscrape_configs: [{job}]\n",
        rules.display()
    );
    std::fs::write(&config, text).unwrap();
    let reload = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    assert_eq!(reload.status(), 200, "{}", reload.text().unwrap());

    let real = || tests::write::now_ms() / 1_000;
    // Three samples that are newer than the step.
    let goes_on = |what: &str, offset: i64| {
        let begin = real() + offset;
        eventually(what, LONG, || newest(&bonghwa, real() + offset).filter(|t| *t >= begin + 3));
        let rule = format!("count_over_time(twice{{job=\"self\"}}[1m] @ {})", real() + offset);
        eventually("rules go on too", LONG, || bonghwa.value(&rule).filter(|n| *n >= 1.0));
    };
    goes_on("scrapes before any step", 0);
    let before = real();
    let kept = |when: &str| {
        let history = format!("count_over_time(up{{job=\"self\"}}[1m] @ {before})");
        let n = bonghwa.value(&history).unwrap_or(0.0);
        assert!(n >= 3.0, "{n} samples from before the step are left, {when}");
    };
    // A year ahead: far beyond the retention.
    set(365 * DAY);
    goes_on("scrapes a year ahead", 365 * DAY);
    kept("a year ahead");
    set(0);
    goes_on("scrapes after the step back", 0);
    kept("back again");
    set(-2 * DAY);
    goes_on("scrapes two days back", -2 * DAY);
    set(0);
    goes_on("scrapes at the right time", 0);
    kept("at the end");
    bonghwa.kill().unwrap();
    let bonghwa = Bonghwa::start_in(&folder.path().join("data"), &args, &env).unwrap();
    let history = format!("count_over_time(up{{job=\"self\"}}[1m] @ {before})");
    assert!(bonghwa.value(&history).is_some_and(|n| n >= 3.0), "after a restart");
}
