//! A block, put together.

use model::{Matcher, SeriesData};

use super::tombstones::keep;
use super::{ChunkFile, Index, IndexedSeries, ReadAt, Tombstones};
use crate::chunk::{self, Encoding};

/// Samples of a whole block, series by series.
pub struct Block<R> {
    /// Labels, and where chunks are.
    pub index: Index<R>,
    /// The files of chunks in their order; `None` where one cannot be read.
    pub files: Vec<Option<ChunkFile<R>>>,
    /// What was deleted.
    pub tombstones: Tombstones,
}

impl<R: ReadAt> Block<R> {
    /// Gives `take` each series that satisfies all `matchers`, in the order of labels, with its samples within
    /// `[from, to]`, deleted ones left out; a series without samples is passed over. `damage` hears what cannot be
    /// read. `take` ends the walk with `false`.
    pub fn walk(
        &mut self,
        matchers: &[Matcher],
        (from, to): (i64, i64),
        mut take: impl FnMut(f64, &mut SeriesData) -> bool,
        mut damage: impl FnMut(String),
    ) {
        let mut data = SeriesData::default();
        let mut scan = self.index.series();
        while let Some(series) = scan.next() {
            let series = match series {
                Ok(series) => series,
                Err(e) => {
                    damage(e.to_string());
                    continue;
                }
            };
            if !matchers.iter().all(|m| m.matches_labels(&series.labels)) {
                continue;
            }
            data.clear();
            read_chunks(&mut self.files, &series, (from, to), &mut data, &mut damage);
            self.tombstones.apply(series.reference, &mut data);
            if data.t.is_empty() && data.histograms.is_empty() {
                continue;
            }
            data.labels = series.labels;
            if !take(self.index.progress(&scan), &mut data) {
                return;
            }
        }
    }
}

fn read_chunks<R: ReadAt>(
    files: &mut [Option<ChunkFile<R>>],
    series: &IndexedSeries,
    (from, to): (i64, i64),
    data: &mut SeriesData,
    damage: &mut impl FnMut(String),
) {
    for place in series.chunks.iter().filter(|c| c.min_time <= to && c.max_time >= from) {
        let file = match files.get_mut(place.file) {
            Some(Some(file)) => file,
            Some(None) => continue, // that the file cannot be read was said when it was opened
            None => {
                damage(format!("{}: file {} of chunks is missing", series.labels, place.file + 1));
                continue;
            }
        };
        let decoded = file.chunk(place.offset).map_err(|e| e.to_string()).and_then(|(encoding, bytes)| {
            let encoding = Encoding::from_code(encoding).map_err(|e| e.to_string())?;
            chunk::decode(encoding, bytes, data).map_err(|e| e.to_string())
        });
        if let Err(what) = decoded {
            damage(format!("{}: file {} of chunks: {what}", series.labels, place.file + 1));
        }
    }
    if !data.t.is_sorted_by(|a, b| a < b) || !data.histograms.is_sorted_by(|a, b| a.0 < b.0) {
        put_in_order(data);
    }
    let inside = |t: &i64| from <= *t && *t <= to;
    let times = || data.t.iter().chain(data.histograms.iter().map(|(t, _)| t));
    if !times().all(inside) {
        keep(data, |t| inside(&t));
    }
}

/// Sorts by time; of equal times the first stays.
fn put_in_order(data: &mut SeriesData) {
    let (t, v, start) = (&data.t, &data.v, &data.start);
    let mut order: Vec<usize> = (0..t.len()).collect();
    order.sort_by_key(|i| t[*i]);
    order.dedup_by_key(|i| t[*i]);
    let start = if start.is_empty() {
        Vec::new()
    } else {
        order.iter().map(|i| start.get(*i).copied().unwrap_or(0)).collect()
    };
    (data.t, data.v) = order.iter().map(|i| (t[*i], v[*i])).unzip();
    data.start = start;
    let starts = std::mem::take(&mut data.histogram_start);
    let mut all: Vec<_> = std::mem::take(&mut data.histograms)
        .into_iter()
        .enumerate()
        .map(|(i, sample)| (starts.get(i).copied().unwrap_or(0), sample))
        .collect();
    all.sort_by_key(|(_, (t, _))| *t);
    all.dedup_by_key(|(_, (t, _))| *t);
    for (start, sample) in all {
        if !starts.is_empty() {
            data.histogram_start.push(start);
        }
        data.histograms.push(sample);
    }
}
