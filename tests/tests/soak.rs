//! Everything at once for a while: churning writes, queries, reloads, snapshots, logs, a full disk, and `kill -9`. At the end
//! a table says whether anything was lost, grew or leaked.
//!
//! Three minutes, or as many seconds as `BONGHWA_SOAK_SECONDS` says (`make soak`: an hour).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a panic is the report of a test"
)]

#[path = "soak/load.rs"]
mod load;
#[path = "soak/logs.rs"]
mod logs;
#[path = "soak/verdict.rs"]
mod verdict;
#[path = "soak/watch.rs"]
mod watch;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tests::mounted::{MOUNT, Mounted};
use tests::{Bonghwa, Case, eventually};

use load::Load;
use logs::Logs;
use verdict::{Table, tail_rise};
use watch::Watch;

fn main() {
    tests::run(&[Case { name: "nothing_is_lost_grows_or_leaks", needs: &[], test: soak }]);
}

const DISK: u64 = 512 << 20;
const MEMORY: &str = "--memory.limit=256MB";
const ARGS: [&str; 5] = [
    tests::write::RECEIVE,
    MEMORY,
    "--web.enable-lifecycle",
    "--web.enable-admin-api",
    "--storage.tsdb.retention.time=2d",
];

fn seconds() -> u64 {
    std::env::var("BONGHWA_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(180)
}

/// What is configured; every reload changes it.
fn configure(file: &Path, rules: &Path, reloads: u64, address: &str) {
    let job = format!("{{job_name: self{}, static_configs: [{{targets: ['{address}']}}]}}", reloads % 2);
    let text = format!(
        "global: {{scrape_interval: 5s}}\nrule_files: ['{}']\nscrape_configs: [{job}]\n{}",
        rules.display(),
        logs::section(file.parent().unwrap())
    );
    std::fs::write(file, text).unwrap();
}

fn soak() {
    let long = Duration::from_secs(seconds());
    let kill_every = Duration::from_secs((seconds() / 5).clamp(30, 180));
    let folder = tempfile::tempdir().unwrap();
    let disk = (MOUNT.is_here)().then(|| Mounted::new(DISK).unwrap());
    let data = disk.as_ref().map_or_else(|| folder.path().join("data"), Mounted::path);
    let (config, rules) = (folder.path().join("c.yml"), folder.path().join("r.yml"));
    std::fs::write(&rules, "groups: [{name: g, interval: 2s, rules: [{record: 'r:w', expr: 'count(w)'}]}]")
        .unwrap();
    std::fs::write(&config, logs::section(folder.path())).unwrap();
    let flag = format!("--config.file={}", config.display());
    let args: Vec<&str> = ARGS.into_iter().chain([flag.as_str()]).collect();
    let start = || Bonghwa::start(&data, &args).unwrap();

    let running = RwLock::new(Some(start()));
    let (load, logs) = (Load::new(), Logs::new(folder.path()));
    let watch = Watch::default();
    let begun = Instant::now();
    let (mut kills, mut reloads, mut snapshots, mut episodes) = (0u64, 0u64, 0u64, 0u64);
    let mut refused_reloads = 0u64;
    std::thread::scope(|scope| {
        load.start(scope, &running);
        logs.start(scope, &load, &running);
        watch.start(scope, &running, &load.stop);
        let mut last_kill = Instant::now();
        let mut full_since: Option<Instant> = None;
        let mut turn = 0u64;
        while begun.elapsed() < long {
            std::thread::sleep(Duration::from_secs(1));
            turn += 1;
            let age = last_kill.elapsed();
            // In the middle of each life the disk is full for a while; one kill in three comes while it is.
            if let Some(disk) = &disk {
                match full_since {
                    None if age > kill_every / 2 && age < kill_every / 2 + Duration::from_secs(3) => {
                        load.disk_is_full.store(true, Ordering::SeqCst);
                        disk.fill().unwrap();
                        full_since = Some(Instant::now());
                        episodes += 1;
                    }
                    Some(since)
                        if since.elapsed() > Duration::from_secs(8) && kills % 3 != 2
                            || age > kill_every + Duration::from_secs(5) =>
                    {
                        disk.free().unwrap();
                        full_since = None;
                        load.room_again();
                    }
                    _ => {}
                }
            }
            if age >= kill_every && (full_since.is_none() || kills % 3 == 2) {
                running.write().take().unwrap().kill().unwrap();
                *running.write() = Some(start());
                watch.restarted();
                kills += 1;
                last_kill = Instant::now();
                if full_since.take().is_some() {
                    disk.as_ref().unwrap().free().unwrap();
                    load.room_again();
                }
            }
            let guard = running.read();
            let bonghwa = guard.as_ref().unwrap();
            if turn.is_multiple_of(7) {
                let address = bonghwa.url.trim_start_matches("http://");
                configure(&config, &rules, reloads, address);
                let answer = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send();
                reloads += 1;
                refused_reloads += u64::from(!answer.is_ok_and(|a| a.status() == 200));
            }
            if turn.is_multiple_of(20) && full_since.is_none() {
                // Memory goes to blocks now, so that a short run has flushes and compactions too.
                let post = bonghwa.client().post(format!("{}/api/v1/admin/tsdb/snapshot", bonghwa.url));
                snapshots += u64::from(post.send().is_ok_and(|a| a.status() == 200));
                let _ = std::fs::remove_dir_all(data.join("bonghwa/metrics/snapshots"));
            }
        }
        if full_since.is_some() {
            disk.as_ref().unwrap().free().unwrap();
            load.room_again();
        }
        // Writes go on for a moment without any trouble.
        eventually("writes are taken at the end", Duration::from_secs(60), || load.calm().then_some(()));
        load.stop.store(true, Ordering::SeqCst);
    });
    let bonghwa = running.into_inner().unwrap();
    let idle = watch.idle_descriptors(&bonghwa);
    let stopped = bonghwa.stop().unwrap();
    let bonghwa = start();
    let lost = load.lost(&bonghwa);
    let (wrong_in_file, wrong_of_pushed) = (logs.wrong_in_file(&bonghwa), logs.wrong_of_pushed(&bonghwa));

    let mut table = Table::new();
    table.row("length", format!("{} s", begun.elapsed().as_secs()), "", true);
    table.row("samples acknowledged", load.acknowledged(), "> 0", load.acknowledged() > 0);
    table.row("of them lost", lost, "0", lost == 0);
    table.row("lines of a log file", logs.written(), "> 0", logs.written() > 0);
    table.row("of them lost, or there twice", wrong_in_file, "0", wrong_in_file == 0);
    table.row("lines acknowledged", logs.acknowledged(), "> 0", logs.acknowledged() > 0);
    table.row("of them lost, or there twice", wrong_of_pushed, "0", wrong_of_pushed == 0);
    table.row("queries of logs answered", logs.queries(), "> 0", logs.queries() > 0);
    table.row("kill -9 and restarts", kills, "> 0", kills > 0);
    match disk {
        Some(_) => {
            table.row("times the disk was full", episodes, "> 0", episodes > 0);
            table.row("writes refused meanwhile, 503", load.refused_full(), "> 0", load.refused_full() > 0);
        }
        None => table.row("times the disk was full", format!("not run: {} is missing", MOUNT.name), "", true),
    }
    table.row("answers that no fault explains", load.strange(), "0", load.strange() == 0);
    table.row("queries answered", load.queries(), "> 0", load.queries() > 0);
    table.row("reloads, refused", format!("{reloads}, {refused_reloads}"), "0 refused", refused_reloads == 0);
    table.row("snapshots", snapshots, "> 0", snapshots > 0);
    table.row("slowest start, s", watch.slowest_start(), "", true);
    let memory = watch.memory();
    let rise = tail_rise(&memory);
    let most = memory.iter().copied().max().unwrap_or(0) >> 20;
    table.row("resident memory, most, MB", most, "<= 256", most <= 256);
    table.row("its last third over its second", format!("{rise:.2}"), "<= 1.25", rise <= 1.25);
    table.row("descriptors at the end, idle", idle, "<= first + 8", idle <= watch.first_descriptors() + 8);
    table.row("exit code of the stop", format!("{stopped:?}"), "Some(0)", stopped == Some(0));
    println!("{table}");
    for line in load.strangest() {
        println!("strange: {line}");
    }
    assert!(table.all_good(), "the soak found something:\n{table}");
}
