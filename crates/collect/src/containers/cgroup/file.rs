//! Control files, kept open where they are read every second.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

/// The most that is read of one file.
const CAP: usize = 1 << 20;

/// How many files may be kept open by all readers together; the rest is opened for each read.
#[derive(Debug)]
pub struct OpenFiles(AtomicI64);

impl OpenFiles {
    /// A quarter of the process's limit of open files, at most 4,096.
    pub fn from_limit() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(4096);
        Self::new(i64::try_from(limit / 4).unwrap_or(4096).min(4096))
    }

    /// At most `most`.
    pub fn new(most: i64) -> Self {
        Self(AtomicI64::new(most))
    }

    fn take(&self) -> bool {
        let had = self.0.fetch_sub(1, Ordering::Relaxed);
        if had <= 0 {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        had > 0
    }

    fn give(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A file that is read again and again.
#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    open: Option<File>,
    absent: bool,
}

impl KeptFile {
    /// The file at `path`; nothing is opened yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: None, absent: false }
    }

    /// Reads the whole file into `buffer` (cleared first). `None`: it is not there, or not any more. A file that was
    /// never there is not looked for again.
    pub fn read<'a>(&mut self, open_files: &OpenFiles, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if self.absent {
            return None;
        }
        if let Some(file) = &self.open {
            return read_at(file, buffer);
        }
        match File::open(&self.path) {
            Ok(file) => {
                let kept = open_files.take();
                let read = read_at(&file, buffer);
                if kept {
                    self.open = Some(file);
                }
                read
            }
            Err(error) => {
                self.absent = error.kind() == std::io::ErrorKind::NotFound;
                None
            }
        }
    }

    /// Closes the file.
    pub fn close(&mut self, open_files: &OpenFiles) {
        if self.open.take().is_some() {
            open_files.give();
        }
    }
}

/// Reads a file once into `buffer` (cleared first).
pub fn read_once<'a>(path: &Path, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    read_at(&File::open(path).ok()?, buffer)
}

fn read_at<'a>(file: &File, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let mut len = 0;
    loop {
        if buffer.len() < len + 4096 {
            buffer.resize(len + 4096, 0);
        }
        match file.read_at(&mut buffer[len..], len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // ENODEV: the group was removed while its file was open.
            Err(_) => return None,
        }
        if len >= CAP {
            break;
        }
    }
    Some(&buffer[..len])
}
