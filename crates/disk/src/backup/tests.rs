use std::collections::BTreeMap;

use super::*;
use crate::fs::RealFs;
use crate::publish::FileWriter;
use crate::sim::SimFs;

fn put(fs: &dyn Fs, path: &str, text: &str) {
    let path = Path::new(path);
    let folder = path.parent().unwrap();
    crate::publish::create_durably(fs, folder).unwrap();
    let mut writer = FileWriter::create(fs, path).unwrap();
    writer.write(text.as_bytes()).unwrap();
    writer.finish().unwrap();
    fs.sync_dir(folder).unwrap();
}

fn source(fs: &dyn Fs, root: &str) {
    source_of(fs, root, 2_000);
}

fn source_of(fs: &dyn Fs, root: &str, size: usize) {
    put(fs, &format!("{root}/metrics/blocks/b1/data"), &"x".repeat(size));
    put(fs, &format!("{root}/metrics/blocks/b1/index"), "index");
    put(fs, &format!("{root}/metrics/wal/00000001"), "log");
    put(fs, &format!("{root}/empty"), "");
    put(fs, &format!("{root}/token"), "secret");
}

fn described() -> About {
    About {
        format: 0,
        program: "test 1".to_owned(),
        made_ms: 5,
        source: "/data".to_owned(),
        files: 0,
        bytes: 0,
    }
}

fn run(fs: &dyn Fs, from: &str, to: &str, time: &str) -> Result<Made> {
    let skip = |path: &str| path == "token";
    make(fs, Path::new(from), Path::new(to), &name(time), described(), &skip, &mut |_, _| {})
}

fn check(fs: &dyn Fs, backup: &Path) -> Result<About> {
    verify(fs, backup, &mut |_, _| {})
}

fn put_back(fs: &dyn Fs, backup: &Path, parent: &str, replace: bool) -> Result<About> {
    restore(fs, backup, Path::new(parent), "ours", replace, &mut |_, _| {}, &mut |_| Ok(()))
}

/// Every file below `root`.
fn content(fs: &dyn Fs, root: &str) -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(root);
    let files = walk(fs, root, &|_| false).unwrap();
    files
        .into_iter()
        .map(|f| (f.path.clone(), read_file(fs, &root.join(&f.path), 1 << 30).unwrap()))
        .collect()
}

#[test]
fn a_backup_is_checked_and_restored_and_shares_what_has_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("{}/{name}", dir.path().display());
    let fs = RealFs;
    source_of(&fs, &at("src"), 600_000);
    let first = run(&fs, &at("src"), &at("backups"), "20260101T000000Z").unwrap();
    assert_eq!((first.files, first.bytes, first.shared_files), (4, 600_008, 0));
    put(&fs, &at("src/metrics/wal/00000001"), "gol");
    put(&fs, &at("src/metrics/blocks/b2/data"), "new");
    let second = run(&fs, &at("src"), &at("backups"), "20260102T000000Z").unwrap();
    assert_eq!((second.files, second.shared_files, second.shared_bytes), (5, 3, 600_005));
    assert_eq!(list(&fs, Path::new(&at("backups"))).unwrap().len(), 2);
    assert_eq!(find(&fs, Path::new(&at("backups"))).unwrap(), second.path);
    assert_eq!(check(&fs, &first.path).unwrap().files, 4);
    let about = check(&fs, &second.path).unwrap();
    assert_eq!((about.files, about.made_ms, about.format), (5, 5, 1));
    // The usual program for such files agrees.
    if let Ok(done) = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&second.path)
        .status()
    {
        assert!(done.success());
    }
    let mut expected = content(&fs, &at("src"));
    expected.remove("token");
    put_back(&fs, &second.path, &at("new"), false).unwrap();
    assert_eq!(content(&fs, &at("new/ours")), expected);
    // What is there is in the way, unless it may be replaced.
    let refused = put_back(&fs, &first.path, &at("new"), false).unwrap_err();
    assert_eq!(refused.kind, model::ErrorKind::Conflict);
    assert_eq!(content(&fs, &at("new/ours")), expected);
    put_back(&fs, &first.path, &at("new"), true).unwrap();
    assert_eq!(content(&fs, &at("new/ours"))["metrics/wal/00000001"], b"log");
    assert_eq!(fs.list(Path::new(&at("new"))).unwrap().len(), 1, "nothing is left beside it");
    // Nor where the check refuses it.
    let doubt =
        restore(&fs, &first.path, Path::new(&at("third")), "ours", false, &mut |_, _| {}, &mut |dir| {
            assert!(dir.join("metrics/wal/00000001").is_file());
            Err(Error::invalid("in doubt"))
        });
    assert_eq!(doubt.unwrap_err().message, "in doubt");
    assert!(fs.list(Path::new(&at("third"))).unwrap().is_empty());
}

#[test]
fn every_damage_is_found() {
    let fs = SimFs::new();
    source(&fs, "/src");
    let backup = run(&fs, "/src", "/backups", "1").unwrap().path;
    let files = fs.files().into_iter().filter(|f| f.starts_with(&backup)).collect::<Vec<_>>();
    assert_eq!(files.len(), 6);
    for file in files {
        let old = read_file(&fs, &file, 1 << 30).unwrap();
        for at in [0, old.len() / 2, old.len().saturating_sub(1)] {
            if old.is_empty() {
                continue;
            }
            fs.corrupt(&file, |bytes| bytes[at] ^= 1);
            let found = check(&fs, &backup);
            assert!(found.is_err(), "{} byte {at}", file.display());
            if file.starts_with(backup.join(DATA)) {
                let error = put_back(&fs, &backup, "/new", false).unwrap_err();
                assert!(error.message.contains("damaged"), "{}", error.message);
                assert!(!fs.exists(Path::new("/new/ours")).unwrap());
            }
            fs.corrupt(&file, |bytes| bytes[at] ^= 1);
        }
        fs.corrupt(&file, |bytes| bytes.push(b'\n'));
        // A blank line more in the list of checksums is no list of them.
        assert!(check(&fs, &backup).is_err(), "{} is longer", file.display());
        fs.corrupt(&file, |bytes| bytes.truncate(old.len()));
        check(&fs, &backup).unwrap();
    }
    // A file less, a file more, a list without its last line.
    let index = backup.join("data/metrics/blocks/b1/index");
    fs.rename(&index, &backup.join("data/other")).unwrap();
    let error = check(&fs, &backup).unwrap_err().message;
    assert!(error.contains("data/other is not a file of this backup"), "{error}");
    assert!(error.contains("data/metrics/blocks/b1/index: "), "{error}");
    fs.rename(&backup.join("data/other"), &index).unwrap();
    let sums = backup.join(SUMS_FILE);
    fs.corrupt(&sums, |bytes| {
        let cut = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').unwrap();
        bytes.truncate(cut + 1);
    });
    assert!(check(&fs, &backup).is_err() && put_back(&fs, &backup, "/new", false).is_err());
}

#[test]
fn paths_that_lead_elsewhere_and_unknown_forms_are_refused() {
    let fs = SimFs::new();
    source(&fs, "/src");
    let backup = run(&fs, "/src", "/backups", "1").unwrap().path;
    let sums = backup.join(SUMS_FILE);
    let old = read_file(&fs, &sums, 1 << 20).unwrap();
    for path in ["../../etc/passwd", "/etc/passwd", "data/../x", "data//x", "data/./x"] {
        let text = String::from_utf8(old.clone()).unwrap().replace("data/empty", path);
        fs.corrupt(&sums, |bytes| *bytes = text.into_bytes());
        let error = put_back(&fs, &backup, "/new", false).unwrap_err();
        assert!(error.message.contains("leads elsewhere"), "{path}: {}", error.message);
    }
    fs.corrupt(&sums, |bytes| *bytes = old);
    fs.corrupt(&backup.join(ABOUT_FILE), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap().replace("\"format\": 1", "\"format\": 7");
        *bytes = text.into_bytes();
    });
    assert_eq!(check(&fs, &backup).unwrap_err().kind, model::ErrorKind::Conflict);
}

#[test]
fn a_crash_at_any_operation_leaves_no_backup_that_verifies_and_none_that_is_lost() {
    for power in [false, true] {
        for at in 0.. {
            let fs = SimFs::new();
            source(&fs, "/src");
            let first = run(&fs, "/src", "/backups", "1").unwrap().path;
            put(&fs, "/src/more", "more");
            fs.fail_from(at);
            let second = run(&fs, "/src", "/backups", "2");
            let survived = !fs.failed();
            if power {
                fs.crash()
            } else {
                fs.kill()
            }
            assert_eq!(check(&fs, &first).unwrap().files, 4, "operation {at}");
            let folder = Path::new("/backups");
            // A backup that has its name is whole; what was said to be made is there.
            for name in list(&fs, folder).unwrap() {
                check(&fs, &folder.join(name)).unwrap();
            }
            if second.is_ok() {
                assert_eq!(check(&fs, &folder.join(name("2"))).unwrap().files, 5, "operation {at}");
            }
            for entry in fs.list(folder).unwrap().iter().filter(|e| e.name.starts_with("tmp-")) {
                assert!(check(&fs, &folder.join(&entry.name)).is_err(), "operation {at}: {}", entry.name);
            }
            let third = run(&fs, "/src", "/backups", "3").unwrap();
            assert_eq!(check(&fs, &third.path).unwrap().files, 5);
            assert!(fs.list(folder).unwrap().iter().all(|e| !e.name.starts_with("tmp-")));
            if survived {
                break;
            }
        }
    }
}

/// Restores over what is there, with a crash at operation `at`; then the program starts, or restores once more. Whether
/// the crash came before the end.
fn crash_in_a_restore(power: bool, again: bool, at: u64) -> bool {
    let fs = SimFs::new();
    source(&fs, "/src");
    let backup = run(&fs, "/src", "/backups", "1").unwrap().path;
    put(&fs, "/new/ours/old", "old");
    let (old, new) = (content(&fs, "/new/ours"), content(&fs, "/backups/backup-1/data"));
    fs.fail_from(at);
    let done = put_back(&fs, &backup, "/new", true);
    let crashed = fs.failed();
    if power {
        fs.crash()
    } else {
        fs.kill()
    }
    if again {
        put_back(&fs, &backup, "/new", true).unwrap();
        assert_eq!(content(&fs, "/new/ours"), new);
        return crashed;
    }
    let missing = !fs.exists(Path::new("/new/ours")).unwrap();
    // The start may be cut as well, and comes again.
    fs.fail_from(at % 7);
    let _ = settle(&fs, Path::new("/new"), "ours");
    if power {
        fs.crash()
    } else {
        fs.kill()
    }
    let put = settle(&fs, Path::new("/new"), "ours").unwrap();
    assert!(missing || !put, "operation {at}");
    let found = content(&fs, "/new/ours");
    assert!(found == new || (found == old && done.is_err()), "operation {at}: {:?}", found.keys());
    assert!(!missing || found == new, "operation {at}: what was ready is put in place");
    let left: Vec<String> = fs.list(Path::new("/new")).unwrap().into_iter().map(|e| e.name).collect();
    let left: Vec<&String> = left.iter().filter(|name| !name.starts_with("tmp-restoring")).collect();
    assert_eq!(left, ["ours"], "operation {at}");
    crashed
}

#[test]
fn a_crash_at_any_operation_of_a_restore_leaves_the_old_or_the_new() {
    for power in [false, true] {
        for again in [false, true] {
            assert!((0..).any(|at| !crash_in_a_restore(power, again, at)));
        }
    }
}

#[test]
fn what_was_replaced_comes_back_where_nothing_takes_its_place() {
    let fs = SimFs::new();
    put(&fs, "/new/tmp-replaced-ours/old", "old");
    assert!(settle(&fs, Path::new("/new"), "ours").unwrap());
    assert_eq!(content(&fs, "/new/ours")["old"], b"old");
    assert!(!settle(&fs, Path::new("/new"), "ours").unwrap(), "nothing is left to do");
    assert!(!settle(&fs, Path::new("/nobody"), "ours").unwrap());
}
