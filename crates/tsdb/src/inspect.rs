//! Looking at blocks, for tools.

use std::sync::Arc;

use model::{Error, Labels, Result, TimeRange};

use crate::Store;
use crate::block::{Pages, Walk};
use crate::merge::Run;

/// A block of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its name.
    pub name: String,
    /// Times of its first and last sample, ms.
    pub range: TimeRange,
    /// Samples.
    pub samples: u64,
    /// Series.
    pub series: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A run of samples of one series in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageInfo {
    /// Times of the first and the last sample, ms.
    pub range: TimeRange,
    /// Samples.
    pub samples: u32,
}

impl Store {
    /// The blocks by time.
    pub fn block_list(&self) -> Vec<BlockInfo> {
        let mut list: Vec<BlockInfo> = (self.blocks.all().iter())
            .map(|b| BlockInfo {
                name: b.name.clone(),
                range: b.meta.range,
                samples: b.meta.samples,
                series: u64::from(b.meta.series),
                bytes: b.bytes,
            })
            .collect();
        list.sort_by_key(|b| (b.range.start, b.range.end));
        list
    }

    /// How many pages (runs of samples of one series) the block called `name` has.
    pub fn count_pages(&self, name: &str) -> Result<u64> {
        let mut count = 0;
        self.walk_block(name, &mut |_, pages| count += pages.len() as u64)?;
        Ok(count)
    }

    /// Reads every page of every block, checksums and all, and says how many samples there are.
    pub fn read_all_blocks(&self) -> Result<u64> {
        let mut samples = 0;
        for block in self.blocks.all().iter() {
            let mut walk = Walk::new(Arc::clone(block));
            let (mut pages, mut run) = (Pages::default(), Run::default());
            while walk.peek()?.is_some() {
                let Some(series) = walk.take() else { break };
                for page in &series.pages {
                    run.clear();
                    pages.read(block, page, &mut run)?;
                    samples += (run.t.len() + run.histograms.len()) as u64;
                }
            }
        }
        Ok(samples)
    }

    /// Gives `take` each series of the block called `name`, in the order of labels, with its pages.
    pub fn walk_block(&self, name: &str, take: &mut dyn FnMut(&Labels, &[PageInfo])) -> Result<()> {
        let all = self.blocks.all();
        let block = all.iter().find(|b| b.name == name);
        let block = block.ok_or_else(|| Error::not_found(format_args!("block {name} does not exist")))?;
        let mut walk = Walk::new(Arc::clone(block));
        let mut pages = Vec::new();
        while walk.peek()?.is_some() {
            let Some(series) = walk.take() else { break };
            pages.clear();
            pages.extend(series.pages.iter().map(|p| PageInfo { range: p.range, samples: p.samples }));
            take(&series.labels, &pages);
        }
        Ok(())
    }
}
