//! `kill -9` while containers write that have other log drivers than `json-file`: each line is there once, in order, read
//! from the files of the driver through its rotations, or asked of the engine where nobody sees those files.

use tests::Bonghwa;
use tests::docker::Container;

use crate::read;

const LINES: usize = 30_000;
/// How far apart the lines are that the engine cuts into pieces, and what makes them long.
const LONG_EVERY: usize = 1_500;
const LONG: usize = 20_000;
const PADDING: usize = 200;

/// The text of line `n`.
fn text(n: usize) -> String {
    let length = if is_long(n) { LONG } else { PADDING };
    format!("numbered line {n} {}", "x".repeat(length))
}

/// Lines of pieces, the last of all among them: nothing comes behind it by which its end could be told.
fn is_long(n: usize) -> bool {
    n % LONG_EVERY == LONG_EVERY - 1
}

/// What writes them, with pauses, so that it writes while the binary dies and comes back, and goes on running.
fn script() -> String {
    format!(
        "x={}; y={}; i=0; while [ $i -lt {LINES} ]; do \
         if [ $((i % {LONG_EVERY})) = {} ]; then echo \"numbered line $i $y\"; else echo \"numbered line $i $x\"; fi; \
         i=$((i+1)); [ $((i % 300)) = 0 ] && sleep 0.05; done; sleep 3600",
        "x".repeat(PADDING),
        "x".repeat(LONG),
        LONG_EVERY - 1
    )
}

/// Files of the `local` driver, compressed or not, and those of a terminal, while they rotate.
pub fn by_files() {
    let local = ["--log-driver=local", "--log-opt=max-size=500k", "--log-opt=max-file=100"];
    let plain = [&local[..], &["--log-opt=compress=false"]].concat();
    let terminal = [&local[..], &["-t"]].concat();
    // The engine's copy beside a driver that cannot be read back; nobody listens there.
    let sent = [
        "--log-driver=syslog",
        "--log-opt=syslog-address=udp://127.0.0.1:9",
        "--log-opt=cache-compress=false",
    ];
    let containers = [("local", &local[..]), ("plain", &plain), ("terminal", &terminal), ("syslog", &sent)];
    check("collect: {}\n", &containers);
}

/// Through the engine's API. Its files do not rotate: of those that do, the engine 20.10 loses and repeats lines by itself.
pub fn by_api() {
    let local = ["--log-driver=local", "--log-opt=max-size=100m"];
    let terminal = [&local[..], &["-t"]].concat();
    let elsewhere = "collect:\n  logs:\n    rootfs: /nonexistent\n    journal: {enabled: false}\n";
    check(elsewhere, &[("api", &local[..]), ("api-terminal", &terminal)]);
}

fn check(collect: &str, of: &[(&str, &[&str])]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let flag = format!("--config.file={}", data.with_extension("yml").display());
    std::fs::write(data.with_extension("yml"), collect).unwrap();
    let mut bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let run = |(name, options): &(&str, &[&str])| Container::run(name, options, &script()).unwrap();
    let containers: Vec<Container> = of.iter().map(run).collect();
    let all: Vec<(&str, String)> =
        containers.iter().map(|c| (c.name.as_str(), format!("{{container=\"{}\"}}", c.name))).collect();
    for least in [3_000, 10_000, 20_000] {
        all.iter().for_each(|(_, query)| read::wait_for(&bonghwa, query, least));
        bonghwa.kill().unwrap();
        bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    }
    let is_whole = |bonghwa: &Bonghwa| {
        for (name, query) in &all {
            read::wait_for(bonghwa, query, LINES as u64);
            let lines = read::lines(bonghwa, query);
            for (n, line) in lines.iter().enumerate().take(LINES) {
                let (of, bytes) = (lines.len(), line.text.len());
                assert!(
                    line.text == text(n),
                    "{name}: line {n} of {of} is {:.60?}, {bytes} bytes",
                    line.text
                );
            }
            assert_eq!(lines.len(), LINES, "{name}");
        }
    };
    is_whole(&bonghwa);
    // A stop gives out what waits; nothing comes twice after it.
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    for container in &containers {
        let mark = format!("after the stop of {}", container.name);
        // What the first process of a container writes to is its log.
        container.exec(&format!("echo '{mark}' > /proc/1/fd/1")).unwrap();
        read::wait_for(&bonghwa, &format!("{{container=\"{}\"}} |= `{mark}`", container.name), 1);
    }
    for (name, query) in &all {
        let lines = read::lines(&bonghwa, &format!("{query} |= `numbered line`"));
        assert_eq!(lines.len(), LINES, "{name}");
    }
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}
