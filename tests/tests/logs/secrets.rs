//! Secrets by every way in: none of them is in any file of the data directory, decoded or as it lies there; what only
//! looks like one is stored as it came.

#[path = "secrets/disk.rs"]
mod disk;
#[path = "secrets/files.rs"]
mod files;
#[path = "secrets/keys.rs"]
mod keys;
pub use keys::line_by_line;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use testkit::secrets::{Draw, Secret, id_line, secret};
use tests::docker::Container;
use tests::{Bonghwa, eventually};

use crate::read;
use crate::senders::{Answer, Target, WAYS, config};
use disk::Search;

const SECRETS: usize = 2_000;
const IDS: usize = 10_000;
/// Lines that are sent together.
const TOGETHER: usize = 100;

/// Everything that can be masked is; `BONGHWA_PROOF_UNMASKED` shows that this test finds what was not.
fn masking() -> String {
    if std::env::var_os("BONGHWA_PROOF_UNMASKED").is_some() {
        return "  masking: {credentials: false, resident_registration_numbers: false}\n".to_owned();
    }
    let all = "emails: true, card_numbers: true, ibans: true, phone_numbers: true, ip_addresses: true";
    format!(
        "  masking:\n    {}\n    patterns: [{{name: badge, regex: 'badge-[0-9]{{8}}'}}]\n",
        all.replace(", ", "\n    ")
    )
}

/// What a line with a secret begins with.
fn mark(way: &str, at: usize) -> String {
    format!("mark {way} n{at}")
}

fn marked(way: &str, secrets: &[Secret]) -> Vec<String> {
    secrets.iter().enumerate().map(|(at, secret)| format!("{} {}", mark(way, at), secret.line)).collect()
}

/// Fails unless each of the lines of a way is there once, with something masked in it and without the secret.
fn check(bonghwa: &Bonghwa, way: &str, secrets: &[Secret]) {
    let query = format!("{} |= `mark {way} n`", read::ALL);
    read::wait_for(bonghwa, &query, secrets.len() as u64);
    let lines = read::lines(bonghwa, &query);
    assert_eq!(lines.len(), secrets.len(), "{way}");
    let number = |text: &str| {
        let rest = text.split_once(&format!("mark {way} n"))?.1;
        rest.split_once(' ')?.0.parse::<usize>().ok()
    };
    for line in lines {
        let secret = &secrets[number(&line.text).unwrap()];
        let masked = line.text.contains("[masked:") && !line.text.contains(&secret.gone);
        assert!(masked, "{way}: {:?} became {:?}", secret.line, line.text);
    }
}

pub fn by_files_and_receivers() {
    let folder = tempfile::tempdir().unwrap();
    let (data, logs) = (folder.path().join("data"), folder.path().join("logs"));
    let more = format!(
        "collect:\n  logs:\n    containers: false\n    pods: {0}/pods\n    files: [{{path: '{0}/plain/*.log'}}]\n    \
         journal: {{folders: ['{0}/journal']}}\n",
        logs.display()
    );
    let (_, flag) = config(&data, &masking(), &more);
    // Little memory, so that parts are written.
    let args = [flag.as_str(), "--memory.limit=192MB"];
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    let mut target = Target::of(&bonghwa);
    target.patience = Duration::from_secs(60);
    let mut draw = Draw::new(7);
    let secrets: Vec<Secret> = (0..SECRETS).map(|_| secret(&mut draw)).collect();
    let ids: Vec<String> = (0..IDS).map(|_| id_line(&mut draw)).collect();

    files::write(&logs, &secrets);
    std::thread::scope(|scope| {
        for (at, way) in WAYS.iter().enumerate() {
            let (target, secrets, ids) = (&target, &secrets, &ids);
            scope.spawn(move || {
                let mut send = (way.open)(target);
                let own = ids.iter().skip(at).step_by(WAYS.len()).map(|line| format!("passes {line}"));
                let all: Vec<String> = marked(way.name, secrets).into_iter().chain(own).collect();
                for lines in all.chunks(TOGETHER) {
                    let answer = send(lines);
                    let good = matches!(answer, Answer::Acknowledged | Answer::Sent);
                    assert!(good, "{}: {answer:?}", way.name);
                }
            });
        }
    });
    WAYS.iter().map(|way| way.name).chain(files::WAYS).for_each(|way| check(&bonghwa, way, &secrets));

    let query = format!("{} |= `passes `", read::ALL);
    read::wait_for(&bonghwa, &query, IDS as u64);
    let mut want: BTreeSet<String> = ids.iter().map(|line| format!("passes {line}")).collect();
    let mut there: Vec<String> = read::lines(&bonghwa, &query).into_iter().map(|line| line.text).collect();
    assert_eq!((there.len(), want.len()), (IDS, IDS));
    there.retain(|line| !want.remove(line));
    assert!(there.is_empty(), "altered: {there:?}, {want:?}");

    eventually("parts", Duration::from_secs(60), || (disk::parts(&data) > 0).then_some(()));
    bonghwa.kill().unwrap();
    let search = Search::new(&secrets);
    search.check(&data);
    // A part that was damaged is set aside; what is in it is still on the disk.
    disk::damage_a_part(&data);
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    eventually("a part in quarantine", Duration::from_secs(60), || {
        read::count(&bonghwa, read::ALL);
        (disk::quarantined(&data) > 0).then_some(())
    });
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
    search.check(&data);
    search.check_file(&data.with_extension("log"));
}

/// Containers whose log the program reads: in files of two drivers, and through the engine.
pub fn by_containers() {
    let local = ["--log-driver=local"];
    of_container("docker", &[], "collect: {}\n");
    of_container("docker-local", &local, "collect: {}\n");
    of_container("docker-api", &local, "collect:\n  logs:\n    rootfs: /nonexistent\n");
}

fn of_container(way: &str, options: &[&str], collect: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, flag) = config(&data, &masking(), collect);
    let mut draw = Draw::new(11);
    // Lines of several kinds have their own events; a line that is longer than the engine's buffer comes in pieces.
    let secrets: Vec<Secret> = (0..SECRETS).map(|_| secret(&mut draw)).collect();
    let mut out = String::new();
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    for (at, line) in marked(way, &secrets).iter().enumerate() {
        if at % 40 == 0 {
            out += &across(line, &secrets[at].gone, 16 << 10);
        } else {
            out += line;
        }
        out += "\n";
    }
    let file = folder.path().join("lines");
    std::fs::write(&file, out).unwrap();
    let mount = format!("{}:/lines:ro", file.display());
    let options = [options, &["-v", &mount]].concat();
    let container = Container::run("secrets", &options, "cat /lines; sleep 3600").unwrap();
    read::wait_for(&bonghwa, &format!("{{container=\"{}\"}} |= `mark {way} n`", container.name), 1);
    check(&bonghwa, way, &secrets);
    bonghwa.kill().unwrap();
    let search = Search::new(&secrets);
    search.check(&data);
    search.check_file(&data.with_extension("log"));
}

/// A line padded in front, so that the middle of its secret lies `size` bytes behind its beginning. Where the secret is on a
/// later line, that line would no longer belong to the first: it stays as it is.
fn across(line: &str, gone: &str, size: usize) -> String {
    let place = line.find(gone).unwrap() + gone.len() / 2;
    if line[..place].contains('\n') {
        return line.to_owned();
    }
    format!("{} {line}", "x".repeat(size - place - 1))
}

/// All files below a folder.
fn all_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_files(&path, found) } else { found.push(path) }
    }
}
