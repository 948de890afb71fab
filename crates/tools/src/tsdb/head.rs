//! What a Prometheus has in its head and not yet in blocks: the write-ahead log from the last checkpoint on, the log of
//! late samples, and chunks that the head has put on disk (the log should have their samples too, but version 2.42 loses
//! float histograms when it writes a checkpoint).

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use model::{Histogram, Labels, SeriesData};
use wire::chunk::{Encoding, decode};
use wire::prometheus_block::wal::{Record, read_record, read_segment};
use wire::prometheus_block::{Tombstones, read_head_chunks};

use super::prometheus::Found;
use crate::Failed;

/// The log of a data directory, its series read.
pub(crate) struct Head {
    files: Vec<PathBuf>,
    chunks: Vec<PathBuf>,
    /// Bytes of the files.
    pub(crate) bytes: u64,
    series: HashMap<u64, Labels>,
    deleted: Tombstones,
    /// What is older went into blocks; the log may still have it, without what was deleted there since.
    since: i64,
}

/// A sample of the log.
pub(crate) enum HeadSample {
    Float(f64),
    Histogram(Box<Histogram>),
}

/// Where a sample belongs.
pub(crate) struct HeadPlace<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) t: i64,
    pub(crate) start: i64,
}

/// The files of the log in the order in which they are read.
pub(crate) fn log_files(dir: &Path) -> Result<Vec<PathBuf>, Failed> {
    let wal = dir.join("wal");
    let mut files = Vec::new();
    let mut after = None;
    if let Some((number, checkpoint)) = last_checkpoint(&wal) {
        files.extend(segments(&checkpoint).into_iter().map(|(_, path)| path));
        after = Some(number);
    }
    files.extend(
        segments(&wal).into_iter().filter(|(n, _)| after.is_none_or(|a| *n > a)).map(|(_, path)| path),
    );
    files.extend(segments(&dir.join("wbl")).into_iter().map(|(_, path)| path));
    files.retain(|path| std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() > 0));
    Ok(files)
}

fn names(dir: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|e| Some((e.file_name().to_str()?.to_owned(), e.path())))
}

fn segments(dir: &Path) -> Vec<(u64, PathBuf)> {
    let mut all: Vec<(u64, PathBuf)> = names(dir)
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|(name, path)| Some((name.parse().ok()?, path)))
        .collect();
    all.sort();
    all
}

fn last_checkpoint(wal: &Path) -> Option<(u64, PathBuf)> {
    names(wal).filter_map(|(name, path)| Some((name.strip_prefix("checkpoint.")?.parse().ok()?, path))).max()
}

impl Head {
    /// Reads the series whose labels `wanted` accepts, and what was deleted. `blocks` are those of the directory.
    pub(crate) fn open(
        dir: &Path,
        blocks: &[Found],
        wanted: &dyn Fn(&Labels) -> bool,
        damage: &mut dyn FnMut(String),
    ) -> Result<Self, Failed> {
        let files = log_files(dir)?;
        let chunks: Vec<PathBuf> =
            segments(&dir.join("chunks_head")).into_iter().map(|(_, path)| path).collect();
        let bytes =
            files.iter().chain(&chunks).filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
        let in_order = blocks.iter().filter(|b| !b.meta.is_out_of_order());
        let since = in_order.map(|b| b.meta.max_time).max().unwrap_or(i64::MIN);
        let mut head =
            Self { files, chunks, bytes, series: HashMap::new(), deleted: Tombstones::default(), since };
        let (mut series, mut deleted, mut unknown) = (HashMap::new(), Tombstones::default(), Vec::new());
        let read = head.records(
            &mut |record, _| match record {
                Record::Series(all) => {
                    series.extend(
                        all.into_iter().filter(|s| wanted(&s.labels)).map(|s| (s.reference, s.labels)),
                    );
                }
                Record::Deleted(all) => {
                    all.into_iter().for_each(|(series, range)| deleted.add(series, range))
                }
                Record::Unknown(kind) if !unknown.contains(&kind) => unknown.push(kind),
                _ => {}
            },
            damage,
            &mut |_| {},
        );
        read?;
        for kind in unknown {
            damage(format!(
                "the log has records of type {kind}, which is not known here; they are passed over"
            ));
        }
        (head.series, head.deleted) = (series, deleted);
        Ok(head)
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Gives `take` every sample that was not deleted; `done` hears the bytes read so far.
    pub(crate) fn samples(
        &self,
        take: &mut dyn FnMut(HeadPlace<'_>, HeadSample) -> Result<(), Failed>,
        done: &mut dyn FnMut(u64),
    ) -> Result<(), Failed> {
        let mut result = Ok(());
        let mut give = |reference: u64, t: i64, start: i64, late: bool, sample: HeadSample| {
            if result.is_ok()
                && (late || t >= self.since)
                && let Some(labels) = self.series.get(&reference)
                && !self.deleted.contains(reference, t)
            {
                result = take(HeadPlace { labels, t, start }, sample);
            }
        };
        // What is damaged was said when the series were read.
        self.records(
            &mut |record, late| match record {
                Record::Samples(all) => {
                    all.into_iter()
                        .for_each(|s| give(s.reference, s.t, s.start, late, HeadSample::Float(s.v)));
                }
                Record::Histograms(all) => all.into_iter().for_each(|s| {
                    give(s.reference, s.t, s.start, late, HeadSample::Histogram(Box::new(s.value)));
                }),
                _ => {}
            },
            &mut |_| {},
            done,
        )?;
        let mut read = self.files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
        let mut data = SeriesData::default();
        for path in &self.chunks {
            // A running server removes files whose chunks went into a block.
            let Ok(file) = File::open(path) else { continue };
            let size = file.metadata().map_or(0, |m| m.len());
            read_head_chunks(&mut BufReader::new(file), |chunk| {
                data.clear();
                if let Ok(encoding) = Encoding::from_code(chunk.encoding)
                    && self.series.contains_key(&chunk.reference)
                {
                    // A chunk that is damaged gives what comes before the damage, and the log has the rest.
                    let _ = decode(encoding, chunk.bytes, &mut data);
                }
                for (at, (t, v)) in data.t.iter().zip(&data.v).enumerate() {
                    let start = data.start.get(at).copied().unwrap_or(0);
                    give(chunk.reference, *t, start, chunk.late, HeadSample::Float(*v));
                }
                for (at, (t, h)) in data.histograms.drain(..).enumerate() {
                    let start = data.histogram_start.get(at).copied().unwrap_or(0);
                    give(chunk.reference, t, start, chunk.late, HeadSample::Histogram(Box::new(h)));
                }
            })?;
            read += size;
            done(read);
        }
        result
    }

    /// `take` hears each record, and whether it is of the log of late samples.
    fn records(
        &self,
        take: &mut dyn FnMut(Record, bool),
        damage: &mut dyn FnMut(String),
        done: &mut dyn FnMut(u64),
    ) -> Result<(), Failed> {
        let mut read = 0;
        for (at, path) in self.files.iter().enumerate() {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(e) => {
                    damage(format!("{}: {e}", path.display()));
                    continue;
                }
            };
            let size = file.metadata().map_or(0, |m| m.len());
            let late = path.parent().is_some_and(|dir| dir.ends_with("wbl"));
            let mut bad = 0u64;
            let mut inside = 0u64;
            let ending = read_segment(&mut BufReader::new(file), |record| {
                inside += record.len() as u64;
                match read_record(record) {
                    Some(record) => take(record, late),
                    None => bad += 1,
                }
                done(read + inside.min(size));
            });
            read += size;
            match ending {
                Ok(ending) => {
                    bad += ending.damaged;
                    // The end of the last segment may be cut off by a crash, or be written just now.
                    if ending.torn && at + 1 < self.files.len() {
                        bad += 1;
                    }
                }
                Err(e) => damage(format!("{}: {e}", path.display())),
            }
            if bad > 0 {
                damage(format!("{}: {bad} places cannot be read", path.display()));
            }
        }
        Ok(())
    }
}
