//! A block, put together.

use model::{Labels, SeriesData};

use super::{ChunkFile, ChunkPlace, Index, IndexedSeries, ReadAt, SeriesScan, Tombstones};
use crate::chunk::{self, Encoding};

/// Samples of a whole block, series by series.
pub struct Block<R> {
    index: Index<R>,
    files: Vec<Option<ChunkFile<R>>>,
    tombstones: Tombstones,
    scan: SeriesScan,
}

impl<R: ReadAt> Block<R> {
    /// `files`: the files of chunks in their order, `None` where one cannot be read.
    pub fn new(index: Index<R>, files: Vec<Option<ChunkFile<R>>>, tombstones: Tombstones) -> Self {
        let scan = index.scan();
        Self { index, files, tombstones, scan }
    }

    /// Puts the next series whose labels `wanted` accepts into `data`, in the order of labels, with its samples within
    /// `[from, to]`, deleted ones left out; a series without samples is passed over. `damage` hears what cannot be
    /// read. `false`: no more.
    pub fn next(
        &mut self,
        wanted: &dyn Fn(&Labels) -> bool,
        (from, to): (i64, i64),
        data: &mut SeriesData,
        damage: &mut dyn FnMut(String),
    ) -> bool {
        while let Some(series) = self.index.next_series(&mut self.scan) {
            let series = match series {
                Ok(series) if wanted(&series.labels) => series,
                Ok(_) => continue,
                Err(e) => {
                    damage(e.to_string());
                    continue;
                }
            };
            data.clear();
            read_chunks(&mut self.files, &series, (from, to), data, damage);
            self.tombstones.apply(series.reference, data);
            if !data.t.is_empty() || !data.histograms.is_empty() {
                data.labels = series.labels;
                return true;
            }
        }
        false
    }

    /// The next series without its samples.
    pub fn next_indexed(&mut self, damage: &mut dyn FnMut(String)) -> Option<IndexedSeries> {
        loop {
            match self.index.next_series(&mut self.scan)? {
                Ok(series) => return Some(series),
                Err(e) => damage(e.to_string()),
            }
        }
    }

    /// Encoding and bytes of a chunk.
    pub fn chunk(&mut self, place: &ChunkPlace) -> Result<(u8, &[u8]), String> {
        chunk_at(&mut self.files, place)
    }

    /// How far the walk is, 0 to 1.
    pub fn progress(&self) -> f64 {
        self.index.progress(&self.scan)
    }
}

fn chunk_at<'f, R: ReadAt>(
    files: &'f mut [Option<ChunkFile<R>>],
    place: &ChunkPlace,
) -> Result<(u8, &'f [u8]), String> {
    let number = place.file.saturating_add(1);
    let file = files.get_mut(place.file).and_then(Option::as_mut);
    let file = file.ok_or_else(|| format!("file {number} of chunks is missing or cannot be read"))?;
    file.chunk(place.offset).map_err(|e| format!("file {number} of {e}"))
}

fn read_chunks<R: ReadAt>(
    files: &mut [Option<ChunkFile<R>>],
    series: &IndexedSeries,
    (from, to): (i64, i64),
    data: &mut SeriesData,
    damage: &mut dyn FnMut(String),
) {
    for place in series.chunks.iter().filter(|c| c.min_time <= to && c.max_time >= from) {
        let decoded = chunk_at(files, place).and_then(|(encoding, bytes)| {
            let encoding = Encoding::from_code(encoding).map_err(|e| e.to_string())?;
            chunk::decode(encoding, bytes, data).map_err(|e| e.to_string())
        });
        if let Err(what) = decoded {
            damage(format!("{}: {what}", series.labels));
        }
    }
    if !data.t.is_sorted_by(|a, b| a < b) || !data.histograms.is_sorted_by(|a, b| a.0 < b.0) {
        data.put_in_order();
    }
    let inside = |t: &i64| from <= *t && *t <= to;
    let times = || data.t.iter().chain(data.histograms.iter().map(|(t, _)| t));
    if !times().all(inside) {
        data.keep(|t| inside(&t));
    }
}
