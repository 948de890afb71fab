use std::path::Path;

use super::*;
use crate::fs::read_file;
use crate::publish;

fn read(fs: &SimFs, path: &str) -> Option<Vec<u8>> {
    read_file(fs, Path::new(path), 1 << 20).ok()
}

#[test]
fn unsynced_bytes_and_names_are_forgotten() {
    let fs = SimFs::new();
    let a = fs.create(Path::new("/a")).unwrap();
    a.append(b"one").unwrap();
    a.sync().unwrap();
    fs.sync_dir(Path::new("/")).unwrap();
    a.append(b"two").unwrap();
    let b = fs.create(Path::new("/b")).unwrap();
    b.append(b"b").unwrap();
    b.sync().unwrap();
    assert_eq!(read(&fs, "/a").unwrap(), b"onetwo");
    fs.crash();
    assert_eq!(read(&fs, "/a").unwrap(), b"one");
    assert_eq!(read(&fs, "/b"), None, "its name was never synced");
    assert!(a.append(b"x").is_err(), "the handle died with the process");
}

#[test]
fn a_kill_keeps_what_was_written() {
    let fs = SimFs::new();
    fs.create(Path::new("/a")).unwrap().append(b"one").unwrap();
    fs.kill();
    assert_eq!(read(&fs, "/a").unwrap(), b"one");
}

#[test]
fn the_chosen_write_is_torn_and_the_rest_fails() {
    let fs = SimFs::new();
    let a = fs.create(Path::new("/a")).unwrap();
    fs.fail_from(1);
    a.append(b"abcd").unwrap();
    assert!(a.append(b"efgh").is_err() && a.append(b"ijkl").is_err());
    assert_eq!(read(&fs, "/a").unwrap(), b"abcdef");
    assert!(fs.failed());
}

#[test]
fn a_full_file_system_takes_what_fits() {
    let fs = SimFs::new();
    fs.set_capacity(3);
    let a = fs.create(Path::new("/a")).unwrap();
    let error = a.append(b"abcd").unwrap_err();
    assert!(crate::is_full(&error));
    assert_eq!(read(&fs, "/a").unwrap(), b"abc");
    assert_eq!(fs.space(Path::new("/")).unwrap().available, 0);
}

#[test]
fn a_published_directory_is_there_whole_or_not_at_all() {
    for at in 0.. {
        let fs = SimFs::new();
        publish::prepare(&fs, Path::new("/d")).unwrap();
        fs.fail_from(at);
        let published = publish::directory(&fs, Path::new("/d"), "block", |dir| {
            for name in ["x", "y"] {
                let mut writer = publish::FileWriter::create(&fs, &dir.join(name))?;
                writer.write(b"content")?;
                writer.finish()?;
            }
            Ok(())
        });
        fs.crash();
        publish::prepare(&fs, Path::new("/d")).unwrap();
        let there = fs.exists(Path::new("/d/block")).unwrap();
        assert!(there || published.is_err(), "acknowledged and gone, failure at {at}");
        if there {
            assert_eq!(read(&fs, "/d/block/x").as_deref(), Some(&b"content"[..]), "failure at {at}");
            assert_eq!(read(&fs, "/d/block/y").as_deref(), Some(&b"content"[..]), "failure at {at}");
        }
        let rest = fs.files().iter().filter(|p| !p.starts_with("/d/block")).count();
        assert_eq!(rest, 0, "leftovers {:?}", fs.files());
        if published.is_ok() {
            break;
        }
    }
}

#[test]
fn a_removed_directory_is_whole_or_gone() {
    for at in 0.. {
        let fs = SimFs::new();
        publish::prepare(&fs, Path::new("/d")).unwrap();
        publish::directory(&fs, Path::new("/d"), "block", |dir| {
            publish::FileWriter::create(&fs, &dir.join("x"))?.finish().map(|_| ())
        })
        .unwrap();
        fs.fail_from(at);
        let removed = publish::remove_directory(&fs, Path::new("/d"), "block");
        fs.crash();
        publish::prepare(&fs, Path::new("/d")).unwrap();
        let (dir, file) =
            (fs.exists(Path::new("/d/block")).unwrap(), fs.exists(Path::new("/d/block/x")).unwrap());
        assert_eq!(dir, file, "failure at {at}");
        assert!(!(dir && removed.is_ok()));
        if removed.is_ok() {
            break;
        }
    }
}

#[test]
fn a_lock_dies_with_the_process() {
    let fs = SimFs::new();
    let held = fs.lock(Path::new("/lock")).unwrap();
    assert!(fs.lock(Path::new("/lock")).is_err());
    fs.kill();
    let again = fs.lock(Path::new("/lock")).unwrap();
    drop(held);
    assert!(fs.lock(Path::new("/lock")).is_err(), "a dead handle does not unlock");
    drop(again);
    assert!(fs.lock(Path::new("/lock")).is_ok());
}

#[test]
fn a_directory_that_was_removed_takes_nothing_of_the_next_one_of_its_name() {
    let (fs, tmp) = (SimFs::new(), Path::new("/d/tmp"));
    fs.create_dir(Path::new("/d")).unwrap();
    fs.sync_dir(Path::new("/")).unwrap();
    // Given up, as when the disk is full.
    fs.create_dir(tmp).unwrap();
    fs.create(&tmp.join("a")).unwrap();
    fs.remove_dir(tmp).unwrap();
    fs.create_dir(tmp).unwrap();
    fs.create(&tmp.join("a")).unwrap().sync().unwrap();
    fs.sync_dir(tmp).unwrap();
    fs.rename(tmp, Path::new("/d/whole")).unwrap();
    fs.sync_dir(Path::new("/d")).unwrap();
    fs.crash();
    assert_eq!(fs.files(), [Path::new("/d/whole/a")]);
}
