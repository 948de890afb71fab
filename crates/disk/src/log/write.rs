//! The writing end: the open segment, and what happens when the file system fails.

use std::sync::Arc;

use model::{Error, ErrorKind, Result};

use super::{Log, Place, SyncPolicy};
use crate::error::io_error;
use crate::fs::File;
use crate::header;

struct Segment {
    number: u64,
    file: Arc<dyn File>,
    path: std::path::PathBuf,
    len: u64,
    unsynced: bool,
}

pub(super) struct Writer {
    segment: Option<Segment>,
    next: u64,
}

impl Writer {
    pub(super) fn new(next: u64) -> Self {
        Self { segment: None, next }
    }

    /// Where the next group goes.
    pub(super) fn end(&self) -> Place {
        match &self.segment {
            Some(segment) => Place { segment: segment.number, offset: segment.len },
            None => Place { segment: self.next, offset: 0 },
        }
    }

    pub(super) fn skip_to(&mut self, first: u64) {
        self.next = self.next.max(first);
    }

    /// Writes a group whole, or leaves the log as if nothing had been written.
    pub(super) fn write(&mut self, log: &Log, group: &[u8]) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        if self.segment.as_ref().is_some_and(|s| s.len >= log.options.segment_bytes) {
            self.rotate()?;
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => none.insert(open_segment(log, &mut self.next)?),
        };
        let mut result = segment.file.append(group);
        if result.is_ok() && log.options.sync == SyncPolicy::Batch {
            result = segment.file.sync();
        }
        match result {
            Ok(()) => {
                segment.len += group.len() as u64;
                segment.unsynced = log.options.sync != SyncPolicy::Batch;
                Ok(())
            }
            Err(e) => {
                // Whatever it is: nothing is taken until it is over, and then it may be sent again.
                let error =
                    Error { kind: ErrorKind::Unavailable, ..io_error("write the log", &segment.path, &e) };
                // Cut what was half written. If even that fails, leave the segment: the group is written again to
                // the next one, and the reader passes over the torn place.
                if segment.file.truncate(segment.len).is_err() || !crate::error::is_full(&e) {
                    self.segment = None;
                }
                Err(error)
            }
        }
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        if let Some(segment) = self.segment.as_mut().filter(|s| s.unsynced) {
            segment.file.sync().map_err(|e| io_error("sync the log", &segment.path, &e))?;
            segment.unsynced = false;
        }
        Ok(())
    }

    pub(super) fn rotate(&mut self) -> Result<u64> {
        self.sync()?;
        self.segment = None;
        Ok(self.next)
    }
}

fn open_segment(log: &Log, next: &mut u64) -> Result<Segment> {
    let path = log.dir.join(super::read::segment_name(*next));
    let mut head = header::write(log.options.kind).to_vec();
    head.extend_from_slice(&log.salt.to_le_bytes());
    head.extend_from_slice(&log.salt.to_le_bytes());
    let create = || {
        let file = log.fs.create(&path)?;
        file.append(&head)?;
        log.fs.sync_dir(&log.dir)?;
        Ok(file)
    };
    let file: Box<dyn File> = create().map_err(|e: std::io::Error| Error {
        kind: ErrorKind::Unavailable,
        ..io_error("begin a log segment", &path, &e)
    })?;
    let number = *next;
    *next += 1;
    Ok(Segment { number, file: Arc::from(file), path, len: head.len() as u64, unsynced: true })
}
