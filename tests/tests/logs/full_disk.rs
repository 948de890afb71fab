//! A full disk: senders are told to wait, or find nobody who reads; nothing acknowledged is lost, and memory has a bound.

use std::collections::HashSet;
use std::time::Duration;

use tests::mounted::Mounted;
use tests::{Bonghwa, eventually};

use crate::read::{self, counted};
use crate::senders::{Answer, Target, WAYS, config, way};

const LONG: Duration = Duration::from_secs(60);
/// Patience with what is known to be silent.
const SHORT: Duration = Duration::from_secs(2);
/// Bytes of a long line.
const LINE: usize = 32 << 10;
const DATAGRAMS: usize = 60_000;

fn lines(of: &str, n: usize) -> Vec<String> {
    (0..3).map(|part| format!("proof of {of} number {n} part {part} end")).collect()
}

pub fn a_full_disk() {
    let disk = Mounted::new(64 << 20).unwrap();
    let data = disk.path();
    let (_, flag) = config(&data, "", "");
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let mut target = Target::of(&bonghwa);
    let mut must: HashSet<String> = HashSet::new();
    for way in WAYS.iter().filter(|way| way.acknowledges) {
        let lines = lines(way.name, 0);
        assert_eq!((way.open)(&target)(&lines), Answer::Acknowledged, "{}", way.name);
        must.extend(lines);
    }

    disk.fill().unwrap();
    // What little room is left in pages of the log is used up.
    let mut filler = (way("loki-json").open)(&target);
    eventually("the first refusal", LONG, || {
        let lines = vec![format!("filler {}", "y".repeat(4096))];
        matches!(filler(&lines), Answer::Refused { status: 503, .. }).then_some(())
    });
    // Acknowledgements are held until there is room.
    let holds = |name: &str| name.starts_with("fluent") || name.starts_with("beats");
    let held: Vec<_> = WAYS
        .into_iter()
        .filter(|way| holds(way.name))
        .map(|way| {
            let (target, lines) = (target.clone(), lines(way.name, 1));
            must.extend(lines.clone());
            (way.name, std::thread::spawn(move || (way.open)(&target)(&lines)))
        })
        .collect();
    target.patience = SHORT;
    for way in WAYS.iter().filter(|way| way.acknowledges && !holds(way.name)) {
        match (way.open)(&target)(&lines(way.name, 1)) {
            Answer::Refused { status: 429 | 503, retry_after: true, text } => {
                assert!(!text.is_empty(), "{}", way.name);
            }
            answer => panic!("{} on a full disk: {answer:?}", way.name),
        }
    }
    // Streams without acknowledgements: nobody reads, so the sender cannot go on for long. They stay connected.
    let mut blocked = Vec::new();
    for name in ["json-tcp", "gelf-tcp"] {
        let mut send = (way(name).open)(&target);
        let line = |n: usize| vec![format!("proof of {name} number {n} {} end", "z".repeat(LINE))];
        let most = (32 << 20) / LINE;
        let found = (0..most).find(|n| match send(&line(*n)) {
            Answer::Sent => {
                must.extend(line(*n));
                false
            }
            answer => {
                assert_eq!(answer, Answer::Silence, "{name}");
                true
            }
        });
        assert!(found.is_some(), "{name}: 32 MB were taken from the sender while nothing could be stored");
        blocked.push(send);
    }
    // Datagrams cannot wait: what has no room is counted.
    let mut send = (way("syslog-udp").open)(&target);
    for n in 0..DATAGRAMS {
        assert_eq!(send(&[format!("datagram {n}")]), Answer::Sent);
    }
    read::wait_counted(&bonghwa, "bonghwa_logs_write_retries_total", &["input=\"syslog\""], 1.0);
    assert_eq!(bonghwa.get("/-/healthy").unwrap().status(), 200);
    assert!(!read::lines(&bonghwa, &format!("{} |= `proof of `", read::ALL)).is_empty());
    let peak = read::peak_memory(&bonghwa) >> 20;
    assert!(peak <= 400, "{peak} MB at most");

    assert!(held.iter().all(|(_, thread)| !thread.is_finished()), "nothing is acknowledged on a full disk");

    disk.free().unwrap();
    target.patience = LONG;
    for (name, thread) in held {
        assert_eq!(thread.join().unwrap(), Answer::Acknowledged, "{name}");
    }
    for way in WAYS.iter().filter(|way| way.acknowledges) {
        let mut send = (way.open)(&target);
        let lines = lines(way.name, 2);
        eventually(way.name, LONG, || (send(&lines) == Answer::Acknowledged).then_some(()));
        must.extend(lines);
    }
    let all = || -> HashSet<String> {
        let lines = read::lines(&bonghwa, &format!("{} |= `proof of `", read::ALL));
        lines.into_iter().map(|line| line.text).collect()
    };
    let mut missing = 0;
    let deadline = std::time::Instant::now() + LONG;
    while let Some(one) = must.difference(&all()).next().cloned() {
        missing += 1;
        assert!(std::time::Instant::now() < deadline, "not there: {:?} after {missing} looks", &one[..60]);
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(blocked);
    let syslog = ["input=\"syslog\""];
    let told = eventually("all datagrams are accounted for", LONG, || {
        let taken = counted(&bonghwa, "bonghwa_logs_received_records_total", &syslog);
        let dropped = counted(&bonghwa, "bonghwa_logs_received_dropped_total", &syslog);
        let port = format!("port=\"{}\"", target.address("syslog", 1).port());
        let kernel = counted(&bonghwa, "bonghwa_logs_udp_kernel_drops", &[&port]);
        (taken + dropped + kernel == DATAGRAMS as f64).then_some((taken, dropped, kernel))
    });
    assert!(told.1 + told.2 > 0.0, "{told:?}");
    println!("datagrams stored, dropped, dropped by the kernel: {told:?}; peak memory {peak} MB");
    assert_eq!(read::count(&bonghwa, &format!("{} |= `datagram `", read::ALL)), Some(told.0 as u64));

    bonghwa.kill().unwrap();
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let there: HashSet<String> = read::lines(&bonghwa, &format!("{} |= `proof of `", read::ALL))
        .into_iter()
        .map(|line| line.text)
        .collect();
    let lost: Vec<_> = must.difference(&there).take(3).collect();
    assert!(lost.is_empty(), "lost after a kill: {lost:?}");
}
