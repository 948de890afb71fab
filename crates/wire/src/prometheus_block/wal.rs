//! The write-ahead log of Prometheus: what its head held, in segments of records.
//!
//! A segment is a row of pages of 32 KiB. A record is cut into fragments that do not cross a page; it may be compressed
//! as a whole. Series get a number in one record, samples name it in later ones. The out-of-order log (`wbl`) and
//! checkpoints have the same form.

mod record;

use std::io::Read;

use crate::castagnoli::crc32c;
pub use record::{HistogramRecord, Record, SampleRecord, SeriesRecord, read_record};

const PAGE: usize = 32 << 10;
const HEADER: usize = 7;
/// A larger record is damage.
const MAX_RECORD: usize = 128 << 20;

/// How the records of a segment end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    /// The last record is cut off, as a crash leaves it.
    pub torn: bool,
    /// Places where something could not be read; the rest of the page was passed over.
    pub damaged: u64,
}

/// Gives `take` each whole record of a segment. Damage is counted and reading goes on with the next page.
pub fn read_segment(segment: &mut dyn Read, mut take: impl FnMut(&[u8])) -> std::io::Result<Ending> {
    let mut page = vec![0; PAGE];
    let mut state = Assembler::default();
    loop {
        let len = fill(segment, &mut page)?;
        let page = page.get(..len).unwrap_or_default();
        if page.is_empty() {
            break;
        }
        if let Err(Bad) = state.page(page, &mut take) {
            state.ending.damaged += u64::from(len == PAGE);
            state.ending.torn |= len < PAGE;
            state.record.clear();
        }
        if len < PAGE {
            break;
        }
    }
    state.ending.torn |= !state.record.is_empty();
    Ok(state.ending)
}

fn fill(from: &mut dyn Read, page: &mut [u8]) -> std::io::Result<usize> {
    let mut len = 0;
    while len < page.len() {
        match from.read(&mut page[len..])? {
            0 => break,
            n => len += n,
        }
    }
    Ok(len)
}

/// The page is not what it should be.
struct Bad;

#[derive(Default)]
struct Assembler {
    record: Vec<u8>,
    ending: Ending,
}

impl Assembler {
    fn page(&mut self, mut page: &[u8], take: &mut impl FnMut(&[u8])) -> Result<(), Bad> {
        while let Some((&kind, _)) = page.split_first() {
            if kind & 7 == 0 {
                return Ok(()); // the rest of the page is empty
            }
            let (header, rest) = page.split_at_checked(HEADER).ok_or(Bad)?;
            let len = usize::from(u16::from_be_bytes([header[1], header[2]]));
            let checksum = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
            let (data, rest) = rest.split_at_checked(len).ok_or(Bad)?;
            page = rest;
            if crc32c(data) != checksum {
                return Err(Bad);
            }
            match kind & 7 {
                1 | 2 => {
                    self.ending.damaged += u64::from(!self.record.is_empty());
                    self.record.clear();
                }
                // The record's begin was lost.
                3 | 4 if self.record.is_empty() => continue,
                3 | 4 => {}
                _ => return Err(Bad),
            }
            if self.record.len() + data.len() > MAX_RECORD {
                return Err(Bad);
            }
            self.record.extend_from_slice(data);
            if matches!(kind & 7, 1 | 4) {
                let whole = std::mem::take(&mut self.record);
                match decompress(kind, &whole) {
                    Some(Some(unpacked)) => take(&unpacked),
                    Some(None) => take(&whole),
                    None => self.ending.damaged += 1,
                }
            }
        }
        Ok(())
    }
}

/// The record itself; `Some(None)` where it is not compressed, `None` where it cannot be decompressed.
fn decompress(kind: u8, packed: &[u8]) -> Option<Option<Vec<u8>>> {
    if kind & 8 != 0 {
        let len = snap::raw::decompress_len(packed).ok().filter(|len| *len <= MAX_RECORD)?;
        let mut out = vec![0; len];
        let n = snap::raw::Decoder::new().decompress(packed, &mut out).ok()?;
        out.truncate(n);
        Some(Some(out))
    } else if kind & 16 != 0 {
        let mut out = Vec::new();
        let decoder = zstd::stream::read::Decoder::with_buffer(packed).ok()?;
        decoder.take(MAX_RECORD as u64 + 1).read_to_end(&mut out).ok()?;
        (out.len() <= MAX_RECORD).then_some(Some(out))
    } else {
        Some(None)
    }
}
