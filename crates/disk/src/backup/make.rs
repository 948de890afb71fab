//! Making a backup.

use std::path::{Path, PathBuf};

use model::{Error, Result};

use super::sums::{self, Sum, Sums, read_through};
use super::{ABOUT_FILE, About, DATA, FORMAT, Found, Progress, SUMS_FILE, list, walk};
use crate::error::io_error;
use crate::fs::Fs;
use crate::lock::DirLock;
use crate::publish::{self, FileWriter, is_temporary};

/// What a new backup is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that it shares with the backup before.
    pub shared_files: u64,
    /// Their bytes.
    pub shared_bytes: u64,
}

/// Copies what is below `source`, less what `skip` takes out by its path, to a new backup called `name` in `folder` (made
/// where it is missing). `about` says what else is known; its figures and its form are filled in.
pub fn make(
    fs: &dyn Fs,
    source: &Path,
    folder: &Path,
    name: &str,
    about: About,
    skip: &dyn Fn(&str) -> bool,
    progress: &mut Progress<'_>,
) -> Result<Made> {
    publish::create_durably(fs, folder)?;
    let _only_one = DirLock::acquire(fs, folder)?;
    remove_unfinished(fs, folder)?;
    if fs.exists(&folder.join(name)).map_err(|e| io_error("look for a backup", folder, &e))? {
        return Err(Error::conflict(format_args!("{}: there is a backup {name} already", folder.display())));
    }
    let files = walk(fs, source, skip)?;
    let total = files.iter().map(|f| f.bytes).sum();
    let mut work = Work {
        fs,
        source,
        before: list(fs, folder)?.pop().map(|name| folder.join(name).join(DATA)),
        sums: Sums::new(),
        made: Made { path: folder.join(name), files: 0, bytes: 0, shared_files: 0, shared_bytes: 0 },
        done: 0,
        total,
        progress,
    };
    publish::directory(fs, folder, name, |dir| {
        let data = dir.join(DATA);
        fs.create_dir(&data).map_err(|e| io_error("create a folder", &data, &e))?;
        for file in &files {
            work.file(file, &data)?;
        }
        sync_folders(fs, &data, &files)?;
        let about = About { format: FORMAT, files: work.made.files, bytes: work.made.bytes, ..about };
        let mut text = serde_json::to_vec_pretty(&about)
            .map_err(|e| Error::internal("what a backup says of itself cannot be written").with_detail(e))?;
        text.push(b'\n');
        let mut sum = Sum::default();
        sum.add(&text);
        work.sums.insert(ABOUT_FILE.to_owned(), sum.finish());
        write(fs, &dir.join(ABOUT_FILE), &text)?;
        write(fs, &dir.join(SUMS_FILE), sums::write(&work.sums).as_bytes())
    })?;
    Ok(work.made)
}

/// What a crash left of other backups.
fn remove_unfinished(fs: &dyn Fs, folder: &Path) -> Result<()> {
    for entry in fs.list(folder).map_err(|e| io_error("list the backups", folder, &e))? {
        if entry.is_dir && is_temporary(&entry.name) && entry.name.contains(super::PREFIX) {
            let path = folder.join(&entry.name);
            fs.remove_dir(&path).map_err(|e| io_error("remove what a crash left", &path, &e))?;
        }
    }
    Ok(())
}

fn write(fs: &dyn Fs, path: &Path, text: &[u8]) -> Result<()> {
    let mut writer = FileWriter::create(fs, path)?;
    writer.write(text)?;
    writer.finish().map(drop)
}

/// Creates the folders above `path`, which lies below `root`.
pub(super) fn folders_of(fs: &dyn Fs, root: &Path, path: &str) -> Result<PathBuf> {
    let target = root.join(path);
    let folder = target.parent().unwrap_or(root);
    fs.create_dir(folder).map_err(|e| io_error("create a folder", folder, &e))?;
    Ok(target)
}

/// Syncs every folder that one of the files lies in, from below, and `root`.
pub(super) fn sync_folders(fs: &dyn Fs, root: &Path, files: &[Found]) -> Result<()> {
    let above = files.iter().flat_map(|f| f.path.match_indices('/').map(|(at, _)| &f.path[..at]));
    let mut folders: Vec<&str> = above.collect();
    folders.sort_unstable_by(|a, b| b.cmp(a));
    folders.dedup();
    for folder in folders.into_iter().map(|f| root.join(f)).chain([root.to_owned()]) {
        fs.sync_dir(&folder).map_err(|e| io_error("sync a folder", &folder, &e))?;
    }
    Ok(())
}

struct Work<'a, 'p> {
    fs: &'a dyn Fs,
    source: &'a Path,
    /// The data of the backup before.
    before: Option<PathBuf>,
    sums: Sums,
    made: Made,
    done: u64,
    total: u64,
    progress: &'a mut Progress<'p>,
}

impl Work<'_, '_> {
    fn file(&mut self, found: &Found, data: &Path) -> Result<()> {
        let (from, to) = (self.source.join(&found.path), folders_of(self.fs, data, &found.path)?);
        let (sum, size) = match self.share(found, &from, &to)? {
            Some(sum) => {
                self.made.shared_files += 1;
                self.made.shared_bytes += found.bytes;
                (sum, found.bytes)
            }
            None => self.copy(&from, &to)?,
        };
        self.done += size;
        self.made.files += 1;
        self.made.bytes += size;
        self.sums.insert(format!("{DATA}/{}", found.path), sum);
        Ok(())
    }

    /// Gives the file of the backup before a second name, where it has the same bytes and the file system has links.
    fn share(&mut self, found: &Found, from: &Path, to: &Path) -> Result<Option<String>> {
        let Some(before) = self.before.as_ref().map(|before| before.join(&found.path)) else {
            return Ok(None);
        };
        let Ok(old) = self.fs.open(&before) else { return Ok(None) };
        if old.size().ok() != Some(found.bytes) {
            return Ok(None);
        }
        let new = self.fs.open(from).map_err(|e| io_error("open a file", from, &e))?;
        let (mut sum, mut other, mut at, mut same) = (Sum::default(), Vec::new(), 0u64, true);
        let size = read_through(&*new, from, &mut |piece| {
            if same {
                other.resize(piece.len(), 0);
                // What cannot be read is copied anew.
                same = old.read_at(&mut other, at).ok() == Some(piece.len()) && other == piece;
                at += piece.len() as u64;
                sum.add(piece);
                (self.progress)(self.done + at, self.total);
            }
            Ok(())
        })?;
        if !same || size != found.bytes || self.fs.link(&before, to).is_err() {
            return Ok(None);
        }
        Ok(Some(sum.finish()))
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Result<(String, u64)> {
        let file = self.fs.open(from).map_err(|e| io_error("open a file", from, &e))?;
        let mut writer = FileWriter::create(self.fs, to)?;
        let (mut sum, mut at) = (Sum::default(), 0);
        let size = read_through(&*file, from, &mut |piece| {
            sum.add(piece);
            at += piece.len() as u64;
            (self.progress)(self.done + at, self.total);
            writer.write(piece).map(drop)
        })?;
        writer.finish()?;
        Ok((sum.finish(), size))
    }
}
