//! Private keys of which each line is sent, or read, as a record of its own.

use std::fs;

use testkit::secrets::{Draw, Secret, key_lines};
use tests::Bonghwa;

use super::disk::Search;
use crate::read;
use crate::senders::{Answer, Target, WAYS, config};

const KEYS: usize = 12;
/// Lines that are sent together: a key goes over several batches.
const TOGETHER: usize = 7;

/// Lines of keys, and between them others, which must stay as they are.
struct Sent {
    lines: Vec<String>,
    between: Vec<String>,
    secrets: Vec<Secret>,
}

fn sent(way: &str, draw: &mut Draw) -> Sent {
    let mut sent = Sent { lines: Vec::new(), between: Vec::new(), secrets: Vec::new() };
    for _ in 0..KEYS {
        for (at, line) in key_lines(draw).into_iter().enumerate() {
            if at % 5 == 2 {
                let hash = draw.text("0123456789abcdef", 64);
                sent.between.push(format!("mark {way} sha256:{hash} n{}", sent.between.len()));
                sent.lines.extend(sent.between.last().cloned());
            }
            if !line.starts_with("-----") {
                sent.secrets.push(Secret { line: line.clone(), gone: line.clone() });
            }
            sent.lines.push(line);
        }
    }
    sent
}

pub fn line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let (data, logs) = (folder.path().join("data"), folder.path().join("logs"));
    fs::create_dir_all(&logs).unwrap();
    let more = format!(
        "collect:\n  logs:\n    containers: false\n    multiline: false\n    journal: {{enabled: false}}\n    \
         files: [{{path: '{}/*.log'}}]\n",
        logs.display()
    );
    let (_, flag) = config(&data, "", &more);
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let target = Target::of(&bonghwa);
    let mut draw = Draw::new(23);
    let all: Vec<(&str, Sent)> =
        WAYS.iter().map(|way| way.name).chain(["plain"]).map(|name| (name, sent(name, &mut draw))).collect();
    fs::write(logs.join("app.log"), all[WAYS.len()].1.lines.join("\n") + "\n").unwrap();
    std::thread::scope(|scope| {
        for (way, (name, sent)) in WAYS.iter().zip(&all) {
            let target = &target;
            scope.spawn(move || {
                let mut send = (way.open)(target);
                for lines in sent.lines.chunks(TOGETHER) {
                    let answer = send(lines);
                    assert!(matches!(answer, Answer::Acknowledged | Answer::Sent), "{name}: {answer:?}");
                }
            });
        }
    });
    for (name, sent) in &all {
        let query = format!("{} |= `mark {name} sha256`", read::ALL);
        read::wait_for(&bonghwa, &query, sent.between.len() as u64);
        let there: Vec<String> = read::lines(&bonghwa, &query).into_iter().map(|line| line.text).collect();
        assert!(sent.between.iter().all(|line| there.contains(line)), "{name}: {there:?}");
    }
    let count: usize = all.iter().map(|(_, sent)| sent.lines.len()).sum();
    read::wait_for(&bonghwa, read::ALL, count as u64);
    let secrets: Vec<Secret> = all.into_iter().flat_map(|(_, sent)| sent.secrets).collect();
    for line in read::lines(&bonghwa, read::ALL) {
        let known =
            ["mark ", "[masked:private-key]", "-----END "].iter().any(|part| line.text.contains(part));
        assert!(known, "{:?} is neither masked nor between", line.text);
    }
    bonghwa.kill().unwrap();
    let search = Search::new(&secrets);
    search.check(&data);
    search.check_file(&data.with_extension("log"));
}
