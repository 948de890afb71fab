//! Putting the files of a backup in place.

use std::path::Path;

use model::{Error, Result};

use super::make::{folders_of, sync_folders};
use super::sums::{self, Sum, read_through};
use super::verify::damaged;
use super::{ABOUT_FILE, About, DATA, Found, Progress, about};
use crate::error::io_error;
use crate::fs::Fs;
use crate::publish::{self, FileWriter};

/// Copies the files of a backup to a new folder called `name` in `parent`, comparing each with its checksum. Before the
/// folder takes its name, `check` sees it under another one and may refuse it. With `replace`, a folder that has the name
/// makes room at the end and is removed; without, it is in the way. After an error, what was there is there still.
pub fn restore(
    fs: &dyn Fs,
    backup: &Path,
    parent: &Path,
    name: &str,
    replace: bool,
    progress: &mut Progress<'_>,
    check: &mut dyn FnMut(&Path) -> Result<()>,
) -> Result<About> {
    let about = about(fs, backup)?;
    let mut sums = sums::read(fs, backup)?;
    sums.remove(ABOUT_FILE);
    if sums.len() as u64 != about.files {
        let text = format!("it should hold {} files, and has checksums of {}", about.files, sums.len());
        return Err(damaged(backup, &[text]));
    }
    publish::create_durably(fs, parent)?;
    let target = parent.join(name);
    let there = fs.exists(&target).map_err(|e| io_error("look at a folder", &target, &e))?;
    if there && !replace {
        return Err(Error::conflict(format_args!("{} is there already", target.display())));
    }
    let (making, replaced) = names(name);
    // A crash may have left one that is ready, but for its name.
    publish::remove_directory(fs, parent, &making)?;
    publish::directory(fs, parent, &making, |dir| {
        let mut done = 0;
        let mut files = Vec::with_capacity(sums.len());
        for (path, expected) in &sums {
            let inside = path.strip_prefix(DATA).and_then(|p| p.strip_prefix('/'));
            let inside = inside.ok_or_else(|| damaged(backup, &[format!("{path} lies outside its data")]))?;
            let to = folders_of(fs, dir, inside)?;
            let bytes = copy(fs, &backup.join(path), &to, expected, &mut |n| {
                done += n;
                progress(done, about.bytes);
            })?;
            files.push(Found { path: inside.to_owned(), bytes });
        }
        sync_folders(fs, dir, &files)?;
        check(dir)
    })?;
    let (made, old) = (parent.join(making), parent.join(replaced));
    let failed = |e: &std::io::Error| io_error("put the restored folder in place", &target, e);
    let discard = || match fs.exists(&old) {
        Ok(true) => fs.remove_dir(&old).map_err(|e| io_error("remove what was replaced", &old, &e)),
        Ok(false) => Ok(()),
        Err(e) => Err(failed(&e)),
    };
    if there {
        // A crash of a restore before may have left one.
        discard()?;
        fs.rename(&target, &old).map_err(|e| failed(&e))?;
        // A power failure must not keep the second name without the first.
        fs.sync_dir(parent).map_err(|e| failed(&e))?;
    }
    if let Err(e) = fs.rename(&made, &target) {
        if there {
            // The first error says more.
            let _ = fs.rename(&old, &target);
        }
        return Err(failed(&e));
    }
    fs.sync_dir(parent).map_err(|e| failed(&e))?;
    if replace {
        discard()?;
    }
    Ok(about)
}

/// What a folder is called until it is all there, and what the one that it replaces is called until it is removed.
fn names(name: &str) -> (String, String) {
    (format!("restoring-{name}"), format!("tmp-replaced-{name}"))
}

/// Ends what a crash in the middle of [`restore`] has left beside `parent/name`: without a folder of that name, the one
/// that was to take its place does so, for it is complete and checked; where there is none, what was replaced comes
/// back. Nobody may be restoring there. Says whether the folder was missing and is there now.
pub fn settle(fs: &dyn Fs, parent: &Path, name: &str) -> Result<bool> {
    let target = parent.join(name);
    let there = |path: &Path| fs.exists(path).map_err(|e| io_error("look at a folder", path, &e));
    let (making, replaced) = names(name);
    let missing = !there(&target)?;
    let mut put = false;
    for from in [&making, &replaced].map(|from| parent.join(from)) {
        if missing && !put && there(&from)? {
            let failed = |e: &std::io::Error| io_error("put the restored folder in place", &target, e);
            fs.rename(&from, &target).map_err(|e| failed(&e))?;
            fs.sync_dir(parent).map_err(|e| failed(&e))?;
            put = true;
        }
    }
    if put || !missing {
        publish::remove_directory(fs, parent, &making)?;
        publish::remove_directory(fs, parent, &replaced)?;
    }
    Ok(put)
}

fn copy(fs: &dyn Fs, from: &Path, to: &Path, expected: &str, tell: &mut dyn FnMut(u64)) -> Result<u64> {
    let file = fs.open(from).map_err(|e| io_error("open a file of the backup", from, &e))?;
    let mut writer = FileWriter::create(fs, to)?;
    let mut sum = Sum::default();
    let bytes = read_through(&*file, from, &mut |piece| {
        sum.add(piece);
        tell(piece.len() as u64);
        writer.write(piece).map(drop)
    })?;
    writer.finish()?;
    if sum.finish() == expected { Ok(bytes) } else { Err(damaged(from, &["it is damaged".to_owned()])) }
}
