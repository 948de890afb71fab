//! Files of a log, plain and compressed ones alike.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::order::{Candidate, of_log};
use super::position::{HEAD, Ident};

/// The most files of one log that are looked at.
const FILES: usize = 1000;
/// How much is read at once.
pub const CHUNK: usize = 64 << 10;

/// An open file, read from some place on.
pub struct Reading {
    file: File,
    gzip: Option<MultiGzDecoder<File>>,
    /// Which file it is.
    pub ident: Ident,
    /// What it begins with, as it was when it was last looked at.
    pub head: Vec<u8>,
    /// How many bytes were read, uncompressed.
    pub end: u64,
    /// Size and time of change when its beginning was last looked at.
    looked: (u64, i64, i64),
}

impl Reading {
    /// Opens a file to be read from `offset` on.
    pub fn open(path: &Path, gzip: bool, offset: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let inode = file.metadata()?.ino();
        let mut decoder = gzip.then(|| file.try_clone().map(MultiGzDecoder::new)).transpose()?;
        let head = head_of(&file, path, gzip)?;
        let ident = Ident::of(inode, &head);
        if let Some(decoder) = &mut decoder {
            io::copy(&mut decoder.take(offset), &mut io::sink())?;
        }
        Ok(Self { file, gzip: decoder, ident, head, end: offset, looked: (0, 0, 0) })
    }

    /// Adds what comes next to `raw`; 0 at the end.
    pub fn more(&mut self, raw: &mut Vec<u8>) -> io::Result<usize> {
        if self.gzip.is_none() && self.size()? <= self.end {
            return Ok(0);
        }
        let start = raw.len();
        raw.resize(start + CHUNK, 0);
        let read = match &mut self.gzip {
            Some(decoder) => decoder.read(&mut raw[start..]),
            None => self.file.read_at(&mut raw[start..], self.end),
        };
        raw.truncate(start + read.as_ref().copied().unwrap_or(0));
        self.end += raw.len() as u64 - start as u64;
        read
    }

    /// Whether it still begins as it did. What it is known by grows with it until it is long enough.
    pub fn is_unchanged(&mut self) -> io::Result<bool> {
        if self.gzip.is_some() {
            return Ok(true);
        }
        let now = self.file.metadata()?;
        let now = (now.len(), now.mtime(), now.mtime_nsec());
        if now == self.looked {
            return Ok(true);
        }
        let mut head = vec![0; HEAD];
        let length = read_full(|at, into| self.file.read_at(into, at as u64), &mut head)?;
        head.truncate(length);
        let same = self.ident.is(self.ident.inode, &head);
        if same {
            self.looked = now;
        }
        if same && head.len() > usize::from(self.ident.length) {
            self.ident = Ident::of(self.ident.inode, &head);
            self.head = head;
        }
        Ok(same)
    }

    /// Whether `now` is this file without its end: then reading goes on at the end that it has now.
    pub fn cut_back(&mut self, now: &Candidate) -> bool {
        let shorter = now.inode == self.ident.inode && !now.gzip && now.size < self.end;
        let same = shorter && !now.head.is_empty() && self.head.starts_with(&now.head);
        if same {
            (self.end, self.ident, self.looked) = (now.size, now.ident(), (0, 0, 0));
            self.head.clone_from(&now.head);
        }
        same
    }

    /// Its size when its beginning was last looked at.
    pub fn seen(&self) -> u64 {
        self.looked.0
    }

    /// Whether it is compressed.
    pub fn is_gzip(&self) -> bool {
        self.gzip.is_some()
    }

    /// Its size on disk.
    pub fn size(&self) -> io::Result<u64> {
        self.file.metadata().map(|m| m.len())
    }
}

/// The files of the log `path`, oldest first. What vanishes meanwhile is left out.
pub fn candidates(path: &Path) -> io::Result<Vec<Candidate>> {
    let (Some(folder), Some(base)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let names = std::fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.filter(|name| name.starts_with(base)).collect();
    let mut found = of_log(base, &names);
    found.drain(..found.len().saturating_sub(FILES));
    let mut candidates = Vec::with_capacity(found.len());
    for name in found {
        match candidate(folder, name) {
            Ok(candidate) => candidates.push(candidate),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(candidates)
}

fn candidate(folder: &Path, name: String) -> io::Result<Candidate> {
    let path = folder.join(&name);
    let file = File::open(&path)?;
    let (metadata, gzip) = (file.metadata()?, name.ends_with(".gz"));
    let head = head_of(&file, &path, gzip)?;
    Ok(Candidate { name, inode: metadata.ino(), size: metadata.len(), gzip, head })
}

/// The first bytes of what is in a file.
fn head_of(file: &File, path: &Path, gzip: bool) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let length = if gzip {
        // One of its own: the reading one must begin at the beginning. A file that is no gzip has no head.
        let mut decoder = MultiGzDecoder::new(File::open(path)?);
        read_full(|_, into| decoder.read(into), &mut head).unwrap_or(0)
    } else {
        read_full(|at, into| file.read_at(into, at as u64), &mut head)?
    };
    head.truncate(length);
    Ok(head)
}

fn read_full(
    mut read: impl FnMut(usize, &mut [u8]) -> io::Result<usize>,
    into: &mut [u8],
) -> io::Result<usize> {
    let mut length = 0;
    while length < into.len() {
        match read(length, &mut into[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}
