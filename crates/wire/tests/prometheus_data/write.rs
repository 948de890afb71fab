//! Writes a block as Prometheus writes it, chunks by `wire::chunk`: whole enough for Prometheus to serve it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::SeriesData;
use wire::chunk::{Options, encode};

/// The files of a block.
pub(crate) struct Files {
    pub(crate) index: Vec<u8>,
    pub(crate) chunks: Vec<u8>,
    pub(crate) meta: String,
    pub(crate) tombstones: Vec<u8>,
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).to_be_bytes()
}

fn uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(out: &mut Vec<u8>, value: i64) {
    uvarint(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn text(out: &mut Vec<u8>, text: &str) {
    uvarint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A section: length, body, checksum.
fn section(out: &mut Vec<u8>, body: &[u8]) -> u64 {
    let at = out.len() as u64;
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&crc(body));
    at
}

/// A block named `ulid` with `series`, which are in the order of their labels. `deleted`: numbers of series and ranges.
pub(crate) fn block(
    ulid: &str,
    series: &[SeriesData],
    options: Options,
    deleted: &[(usize, i64, i64)],
) -> Files {
    let mut chunks = vec![0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0];
    let mut index = vec![0xba, 0xaa, 0xd7, 0, 2];
    let strings: BTreeSet<&str> =
        series.iter().flat_map(|s| s.labels.iter().flat_map(|(n, v)| [n, v])).collect();
    let symbols_at = index.len() as u64;
    let mut body = (strings.len() as u32).to_be_bytes().to_vec();
    strings.iter().for_each(|s| text(&mut body, s));
    section(&mut index, &body);
    let symbol = |s: &str| strings.iter().position(|x| *x == s).unwrap() as u64;
    let mut postings: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    let (mut references, mut number, mut samples, mut range) = (Vec::new(), 0, 0, (i64::MAX, i64::MIN));
    index.resize(index.len().next_multiple_of(16), 0);
    let series_at = index.len() as u64;
    for one in series {
        index.resize(index.len().next_multiple_of(16), 0);
        let reference = (index.len() / 16) as u32;
        references.push(reference);
        let mut body = Vec::new();
        uvarint(&mut body, one.labels.len() as u64);
        postings.entry(("", "")).or_default().push(reference);
        for (name, value) in &one.labels {
            uvarint(&mut body, symbol(name));
            uvarint(&mut body, symbol(value));
            postings.entry((name, value)).or_default().push(reference);
        }
        let mut places = Vec::new();
        encode(one, options, |chunk| {
            places.push((chunk.min_time, chunk.max_time, chunks.len() as i64));
            uvarint(&mut chunks, chunk.bytes.len() as u64);
            let mut body = vec![chunk.encoding.code()];
            body.extend_from_slice(&chunk.bytes);
            chunks.extend_from_slice(&body);
            chunks.extend_from_slice(&crc(&body));
            samples += chunk.samples;
            range = (range.0.min(chunk.min_time), range.1.max(chunk.max_time));
        });
        number += places.len();
        uvarint(&mut body, places.len() as u64);
        let mut last = None;
        for (min, max, at) in places {
            match last {
                None => {
                    varint(&mut body, min);
                    uvarint(&mut body, (max - min) as u64);
                    uvarint(&mut body, at as u64);
                }
                Some((last_max, last_at)) => {
                    uvarint(&mut body, (min - last_max) as u64);
                    uvarint(&mut body, (max - min) as u64);
                    varint(&mut body, at - last_at);
                }
            }
            last = Some((max, at));
        }
        uvarint(&mut index, body.len() as u64);
        index.extend_from_slice(&body);
        index.extend_from_slice(&crc(&body));
    }
    let series_end = index.len() as u64;
    let mut offsets = (postings.len() as u32).to_be_bytes().to_vec();
    let mut first = None;
    for ((name, value), list) in &postings {
        index.resize(index.len().next_multiple_of(4), 0);
        let mut body = (list.len() as u32).to_be_bytes().to_vec();
        list.iter().for_each(|r| body.extend_from_slice(&r.to_be_bytes()));
        let at = section(&mut index, &body);
        first.get_or_insert(at);
        offsets.push(2);
        text(&mut offsets, name);
        text(&mut offsets, value);
        uvarint(&mut offsets, at);
    }
    let label_indices = section(&mut index, &0u32.to_be_bytes());
    let postings_table = section(&mut index, &offsets);
    let mut toc = Vec::new();
    for at in [symbols_at, series_at, series_end, label_indices, first.unwrap_or(series_end), postings_table]
    {
        toc.extend_from_slice(&at.to_be_bytes());
    }
    index.extend_from_slice(&toc);
    index.extend_from_slice(&crc(&toc));
    let mut entries = Vec::new();
    for (number, from, to) in deleted {
        uvarint(&mut entries, references[*number].into());
        varint(&mut entries, *from);
        varint(&mut entries, *to);
    }
    let mut tombstones = vec![0x01, 0x30, 0xba, 0x30, 1];
    tombstones.extend_from_slice(&entries);
    tombstones.extend_from_slice(&crc(&entries));
    let meta = format!(
        r#"{{"ulid":"{ulid}","minTime":{},"maxTime":{},"stats":{{"numSamples":{samples},"numSeries":{},"numChunks":{number}}},"compaction":{{"level":1,"sources":["{ulid}"]}},"version":1}}"#,
        range.0,
        range.1 + 1,
        series.len(),
    );
    Files { index, chunks, meta, tombstones }
}

impl Files {
    /// Puts the block into the data directory `data`.
    pub(crate) fn put(&self, data: &Path, ulid: &str) {
        let dir = data.join(ulid);
        std::fs::create_dir_all(dir.join("chunks")).unwrap();
        std::fs::write(dir.join("index"), &self.index).unwrap();
        std::fs::write(dir.join("chunks/000001"), &self.chunks).unwrap();
        std::fs::write(dir.join("meta.json"), &self.meta).unwrap();
        std::fs::write(dir.join("tombstones"), &self.tombstones).unwrap();
    }
}
