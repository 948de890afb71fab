//! `kill -9` while files are written and rotated: each line is there once, in order.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::docker::{Container, docker};
use tests::{Bonghwa, eventually};

use crate::clock::{next_ns, rfc3339};
use crate::read::{self, Line};
use crate::senders;

/// What every line has at its end, so that no more of them have one time than a query may answer: lines of plain files get
/// that of their arrival.
const PADDING: usize = 220;

/// The text of line `n`: long enough that files fill up, and no time in it.
fn text(n: usize) -> String {
    format!("numbered line {n} {}", "x".repeat(PADDING + n % 40))
}

/// Fails unless all lines up to `count` are there once, in order.
fn check(what: &str, count: usize, lines: &[Line]) {
    let number = |line: &Line| -> usize { line.text.split(' ').nth(2).unwrap().parse().unwrap() };
    for (at, line) in lines.iter().enumerate().take(count) {
        assert_eq!(number(line), at, "{what}: line {at} of {}", lines.len());
        assert_eq!(line.text, text(at), "{what}");
    }
    assert_eq!(lines.len(), count, "{what}");
}

pub fn containers() {
    const LINES: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut bonghwa = Bonghwa::start(&data, &[]).unwrap();
    // Short sleeps, so that it writes while the binary dies and comes back.
    let script = format!(
        "b={}; x=$b; p=0; i=0; while [ $i -lt {LINES} ]; do echo \"numbered line $i $x\"; i=$((i+1)); p=$((p+1)); \
         x=${{x}}x; [ $p = 40 ] && p=0 && x=$b; [ $((i % 500)) = 0 ] && sleep 0.03; done",
        "x".repeat(PADDING)
    );
    let rotating = ["--log-driver=json-file", "--log-opt=max-size=1m", "--log-opt=max-file=200"];
    let plain = Container::run("numbered", &rotating, &script).unwrap();
    let compress = [&rotating[..], &["--log-opt=compress=true"]].concat();
    let compressed = Container::run("numbered-gz", &compress, &script).unwrap();
    let both = [&plain, &compressed].map(|c| (c, format!("{{container=\"{}\"}}", c.name)));
    for least in [10_000, 35_000, 70_000] {
        both.iter().for_each(|(_, query)| read::wait_for(&bonghwa, query, least));
        bonghwa.kill().unwrap();
        bonghwa = Bonghwa::start(&data, &[]).unwrap();
    }
    for (container, query) in &both {
        assert_eq!(container.wait().unwrap(), 0);
        read::wait_for(&bonghwa, query, LINES as u64);
        let log = docker(&["inspect", "-f", "{{.LogPath}}", &container.name]).unwrap();
        let log = Path::new(&log);
        let files = fs::read_dir(log.parent().unwrap()).unwrap().flatten();
        let name = log.file_name().unwrap().to_string_lossy().into_owned();
        let rotated = files.filter(|f| f.file_name().to_string_lossy().starts_with(&name)).count();
        assert!((10..190).contains(&rotated), "{rotated} files: they rotate, and none was deleted");
        check(&container.name, LINES, &read::lines(&bonghwa, query));
    }
    assert_eq!(read::counted(&bonghwa, "bonghwa_tail_gaps_total", &[]), 0.0);
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}

/// A log that this test writes and rotates.
struct Log {
    path: PathBuf,
    file: File,
    pods: bool,
    written: usize,
    rotated: Vec<PathBuf>,
}

impl Log {
    fn new(path: PathBuf, pods: bool) -> Self {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(&path).unwrap();
        Self { path, file, pods, written: 0, rotated: Vec::new() }
    }

    fn write(&mut self, count: usize) {
        let mut out = String::new();
        for n in self.written..self.written + count {
            let text = text(n);
            if !self.pods {
                out += &format!("{text}\n");
                continue;
            }
            let entry = |stream: &str, tag: char, text: &str| {
                format!("{} {stream} {tag} {text}\n", rfc3339(next_ns()))
            };
            let stream = if n % 3 == 0 { "stderr" } else { "stdout" };
            if n % 10 == 1 {
                // In pieces: the line of the other stream between them stands behind it by its time.
                let (a, b) = text.split_at(text.len() / 2);
                out += &entry(stream, 'P', a);
                out += &entry(stream, 'F', b);
            } else {
                out += &entry(stream, 'F', &text);
            }
        }
        self.file.write_all(out.as_bytes()).unwrap();
        self.written += count;
    }

    /// As kubelet does: the file is renamed, those before it are compressed, then a new one is opened.
    fn rotate(&mut self) {
        let name = self.path.file_name().unwrap().to_string_lossy().into_owned();
        let at = self.rotated.len();
        let suffix = if self.pods { format!(".20260102-{at:06}") } else { format!("-202601{:02}", at + 1) };
        let to = self.path.with_file_name(format!("{name}{suffix}"));
        if let Some(last) = self.rotated.last() {
            let packed = PathBuf::from(format!("{}.gz", last.display()));
            let temporary = PathBuf::from(format!("{}.tmp", last.display()));
            fs::write(&temporary, senders::gzip(&fs::read(last).unwrap())).unwrap();
            fs::rename(&temporary, &packed).unwrap();
            fs::remove_file(last).unwrap();
        }
        fs::rename(&self.path, &to).unwrap();
        self.rotated.push(to);
        self.file = File::create(&self.path).unwrap();
    }
}

pub fn files() {
    /// Lines that are written at once, and how often.
    const CHUNK: usize = 1_500;
    const STEPS: usize = 36;
    let folder = tempfile::tempdir().unwrap();
    let (data, logs) = (folder.path().join("data"), folder.path().join("logs"));
    let more = format!(
        "collect:\n  logs:\n    containers: false\n    pods: {0}/pods\n    files: [{{path: '{0}/plain/*.log'}}]\n",
        logs.display()
    );
    let (_, flag) = senders::config(&data, "", &more);
    let mut all = [
        (Log::new(logs.join("pods/shop_web-0_1234/app/0.log"), true), "{pod=\"web-0\"}"),
        (Log::new(logs.join("plain/app.log"), false), "{filename=~\".*app.log\"}"),
    ];
    let start = || Bonghwa::start(&data, &[&flag]).unwrap();
    let mut running = Some(start());
    for step in 0..STEPS {
        for (log, query) in &mut all {
            log.write(CHUNK);
            if step % 3 == 2 {
                log.rotate();
            }
            // At a kill it is in the middle of its work.
            if let Some(bonghwa) = &running
                && step % 12 == 7
            {
                read::wait_for(bonghwa, query, log.written as u64 / 2);
            }
        }
        match step % 12 {
            7 => running.take().unwrap().kill().unwrap(),
            // Two rotations later: what it was reading is compressed by now.
            11 => running = Some(start()),
            _ => {}
        }
    }
    let bonghwa = running.unwrap();
    for (log, query) in &all {
        read::wait_for(&bonghwa, query, log.written as u64);
        check(query, log.written, &read::lines(&bonghwa, query));
    }
    assert_eq!(read::counted(&bonghwa, "bonghwa_tail_gaps_total", &[]), 0.0);
    // A stop gives out what waits; nothing comes twice after it.
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
    let bonghwa = start();
    let (log, query) = &mut all[1];
    log.write(1);
    read::wait_for(&bonghwa, query, log.written as u64);
    eventually("all lines once", Duration::from_secs(60), || {
        (read::count(&bonghwa, query)? == log.written as u64).then_some(())
    });
    check(query, log.written, &read::lines(&bonghwa, query));
}
