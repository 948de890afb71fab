//! Files and directories that are there whole, or not at all: written under a temporary name, synced, renamed, and
//! the parent synced. What a crash leaves behind has a `tmp-` name and goes at the next start.

use std::io;
use std::path::{Path, PathBuf};

use model::Result;

use crate::error::io_error;
use crate::fs::{File, Fs};

const TMP: &str = "tmp-";
/// Writes are collected to this many bytes.
const BUFFER: usize = 256 << 10;

/// Appends to a new file through a buffer and counts.
pub struct FileWriter {
    file: Box<dyn File>,
    path: PathBuf,
    buffer: Vec<u8>,
    flushed: u64,
}

impl FileWriter {
    /// Creates (or empties) the file.
    pub fn create(fs: &dyn Fs, path: &Path) -> Result<Self> {
        let file = fs.create(path).map_err(|e| io_error("create a file", path, &e))?;
        Ok(Self { file, path: path.to_owned(), buffer: Vec::with_capacity(BUFFER), flushed: 0 })
    }

    /// Appends `data` and returns where it begins.
    pub fn write(&mut self, data: &[u8]) -> Result<u64> {
        let at = self.position();
        if self.buffer.len() + data.len() > BUFFER {
            self.flush()?;
        }
        if data.len() >= BUFFER {
            self.file.append(data).map_err(|e| io_error("write a file", &self.path, &e))?;
            self.flushed += data.len() as u64;
        } else {
            self.buffer.extend_from_slice(data);
        }
        Ok(at)
    }

    /// Bytes written so far.
    pub fn position(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer).map_err(|e| io_error("write a file", &self.path, &e))?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is buffered, syncs, and returns the length.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.file.sync().map_err(|e| io_error("sync a file", &self.path, &e))?;
        Ok(self.flushed)
    }
}

/// Publishes the directory `parent/name`: `write` fills a temporary directory (with synced files), which then takes
/// its name. After an error nothing of it is left where the file system permits.
pub fn directory<T>(
    fs: &dyn Fs,
    parent: &Path,
    name: &str,
    write: impl FnOnce(&Path) -> Result<T>,
) -> Result<T> {
    let tmp = parent.join(format!("{TMP}{name}"));
    let target = parent.join(name);
    let mut renamed = false;
    let result = (|| {
        remove_if_there(fs, &tmp)?;
        fs.create_dir(&tmp).map_err(|e| io_error("create a directory", &tmp, &e))?;
        let made = write(&tmp)?;
        fs.sync_dir(&tmp).map_err(|e| io_error("sync a directory", &tmp, &e))?;
        fs.rename(&tmp, &target).map_err(|e| io_error("publish a directory", &target, &e))?;
        renamed = true;
        fs.sync_dir(parent).map_err(|e| io_error("sync a directory", parent, &e))?;
        Ok(made)
    })();
    if result.is_err() {
        // Already failing: a leftover is removed at the next start.
        let _ = if renamed { remove_directory(fs, parent, name) } else { remove_if_there(fs, &tmp) };
    }
    result
}

/// Publishes a file with this content, replacing an older one.
pub fn file(fs: &dyn Fs, path: &Path, content: &[u8]) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("file");
    let tmp = parent.join(format!("{TMP}{name}"));
    let mut writer = FileWriter::create(fs, &tmp)?;
    writer.write(content)?;
    writer.finish()?;
    fs.rename(&tmp, path).map_err(|e| io_error("publish a file", path, &e))?;
    fs.sync_dir(parent).map_err(|e| io_error("sync a directory", parent, &e))
}

/// Whether a name is that of something unfinished.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TMP)
}

/// Gives the file `from` the second name `to`, or copies it, durably but for the name, where the file system has no
/// links. `from` must not change any more.
pub fn link_or_copy(fs: &dyn Fs, from: &Path, to: &Path) -> Result<()> {
    if fs.link(from, to).is_ok() {
        return Ok(());
    }
    let failed = |e: &io::Error| io_error("copy a file", from, e);
    let source = fs.open(from).map_err(|e| failed(&e))?;
    let mut writer = FileWriter::create(fs, to)?;
    let (mut buffer, mut at) = (vec![0; BUFFER], 0u64);
    loop {
        let read = source.read_at(&mut buffer, at).map_err(|e| failed(&e))?;
        if read == 0 {
            break;
        }
        writer.write(&buffer[..read])?; // `read_at` says how much of the buffer it filled
        at += read as u64;
    }
    writer.finish().map(drop)
}

/// The same for the files of a published directory, which go to the new directory `to`, durably but for its name.
pub fn link_or_copy_directory(fs: &dyn Fs, from: &Path, to: &Path) -> Result<()> {
    fs.create_dir(to).map_err(|e| io_error("create a directory", to, &e))?;
    let files = fs.list(from).map_err(|e| io_error("list a directory", from, &e))?;
    for file in files.iter().filter(|f| !f.is_dir && !is_temporary(&f.name)) {
        link_or_copy(fs, &from.join(&file.name), &to.join(&file.name))?;
    }
    fs.sync_dir(to).map_err(|e| io_error("sync a directory", to, &e))
}

/// Removes a published directory so that a crash leaves it whole or gone, never half.
pub fn remove_directory(fs: &dyn Fs, parent: &Path, name: &str) -> Result<()> {
    let path = parent.join(name);
    let doomed = parent.join(format!("{TMP}remove-{name}"));
    remove_if_there(fs, &doomed)?;
    match fs.rename(&path, &doomed) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io_error("remove a directory", &path, &e)),
    }
    fs.sync_dir(parent).map_err(|e| io_error("sync a directory", parent, &e))?;
    fs.remove_dir(&doomed).map_err(|e| io_error("remove a directory", &doomed, &e))
}

/// Creates `dir` where it is missing, durably, and removes what a crash left half done in it.
pub fn prepare(fs: &dyn Fs, dir: &Path) -> Result<()> {
    create_durably(fs, dir)?;
    let mut removed = false;
    for entry in fs.list(dir).map_err(|e| io_error("list a directory", dir, &e))? {
        if entry.name.starts_with(TMP) {
            let path = dir.join(&entry.name);
            let gone = if entry.is_dir { fs.remove_dir(&path) } else { fs.remove_file(&path) };
            gone.map_err(|e| io_error("remove what a crash left", &path, &e))?;
            removed = true;
        }
    }
    if removed {
        // What comes next may have the same name.
        fs.sync_dir(dir).map_err(|e| io_error("sync a directory", dir, &e))?;
    }
    Ok(())
}

/// Creates `dir` and its missing parents, each synced into the directory above it. One that is there is synced into it,
/// too: whoever created it may have died, or failed, right after that.
pub(crate) fn create_durably(fs: &dyn Fs, dir: &Path) -> Result<()> {
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty());
    let there = fs.exists(dir).map_err(|e| io_error("look at a directory", dir, &e))?;
    if !there {
        if let Some(parent) = parent {
            create_durably(fs, parent)?;
        }
        fs.create_dir(dir).map_err(|e| io_error("create a directory", dir, &e))?;
    }
    match parent.map(|parent| (parent, fs.sync_dir(parent))) {
        None | Some((_, Ok(()))) => Ok(()),
        // What is there may lie in a directory that is not ours to read.
        Some((_, Err(e))) if there && e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Some((parent, Err(e))) => Err(io_error("sync a directory", parent, &e)),
    }
}

fn remove_if_there(fs: &dyn Fs, path: &Path) -> Result<()> {
    match fs.exists(path) {
        Ok(true) => fs.remove_dir(path).map_err(|e| io_error("remove a directory", path, &e)),
        Ok(false) => Ok(()),
        Err(e) => Err(io_error("look at a directory", path, &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimFs;

    #[test]
    fn a_directory_whose_name_was_not_synced_is_made_durable_by_the_next_attempt() {
        let (fs, dir) = (SimFs::new(), Path::new("/a/b"));
        prepare(&fs, Path::new("/a")).unwrap();
        // The directory above, the new one, its name.
        fs.fail_once(2);
        assert!(prepare(&fs, dir).is_err());
        assert!(fs.failure().is_some_and(|failure| failure.ends_with("sync directory /a")));
        prepare(&fs, dir).unwrap();
        file(&fs, &dir.join("f"), b"x").unwrap();
        fs.crash();
        assert!(fs.exists(&dir.join("f")).unwrap());
    }
}
