//! Whole and damaged blocks, without any program.

use model::{Histogram, Labels, MatchOp, Matcher, SeriesData, Span};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wire::chunk::Options;
use wire::prometheus_block::wal::{read_record, read_segment};
use wire::prometheus_block::{Block, ChunkFile, Index, Meta, Tombstones, read_head_chunks};

use crate::write::{Files, block};

pub(crate) const ULID: &str = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

pub(crate) fn labels(name: &str, n: usize) -> Labels {
    Labels::from_pairs([("__name__", name), ("n", &format!("{n:04}")), ("text", "a\"b\\c\n한")])
}

pub(crate) fn histogram(i: usize, scale: f64) -> Histogram {
    let i = i as f64;
    Histogram {
        schema: 3,
        zero_threshold: 2f64.powi(-128),
        zero_count: i * scale,
        count: 10.0 * i * scale,
        sum: 1.5 * i,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }],
        positive_buckets: vec![i * scale, 2.0 * i * scale, 4.0 * i * scale],
        negative_spans: vec![Span { offset: 1, length: 1 }],
        negative_buckets: vec![2.0 * i * scale],
        ..Histogram::default()
    }
}

/// Floats of several shapes, whole and float histograms, in the order of labels.
pub(crate) fn data(from: i64) -> Vec<SeriesData> {
    let times = |n: usize| (0..400).map(move |i| from + i * 15_000 + (i * 7 + n as i64) % 11);
    let mut all = Vec::new();
    for n in 0..40 {
        let t: Vec<i64> = times(n).collect();
        let v = (0..t.len())
            .map(|i| match n % 4 {
                0 => 1.0,
                1 => (i * n) as f64,
                2 => (i as f64 + n as f64).sin(),
                _ if i % 50 == 49 => model::stale_nan(),
                _ => -(i as f64) / 3.0,
            })
            .collect();
        all.push(SeriesData { labels: labels("float", n), t, v, ..SeriesData::default() });
    }
    for (name, scale) in [("hist_float", 0.25), ("hist_whole", 1.0)] {
        for n in 0..5 {
            let histograms = times(n).enumerate().map(|(i, t)| (t, histogram(i, scale))).collect();
            all.push(SeriesData { labels: labels(name, n), histograms, ..SeriesData::default() });
        }
    }
    all
}

fn open(files: &Files) -> Result<Block<&[u8]>, wire::prometheus_block::Error> {
    let index = Index::new(files.index.as_slice())?;
    let chunks = vec![ChunkFile::new(files.chunks.as_slice()).ok()];
    Ok(Block::new(index, chunks, Tombstones::read(&files.tombstones)?))
}

fn walk(block: &mut Block<&[u8]>, matchers: &[Matcher]) -> (Vec<SeriesData>, Vec<String>) {
    let (mut all, mut damage) = (Vec::new(), Vec::new());
    let mut data = SeriesData::default();
    let wanted = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
    while block.next(&wanted, (i64::MIN, i64::MAX), &mut data, &mut |what| damage.push(what)) {
        assert!((0.0..=1.0).contains(&block.progress()));
        all.push(data.clone());
    }
    (all, damage)
}

fn same(a: &SeriesData, b: &SeriesData) {
    assert_eq!(a.labels, b.labels);
    assert_eq!(a.t, b.t);
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&a.v), bits(&b.v));
    assert_eq!(a.histograms.len(), b.histograms.len());
    for ((t, h), (u, i)) in a.histograms.iter().zip(&b.histograms) {
        assert_eq!((t, &h.positive_buckets, h.count, h.sum), (u, &i.positive_buckets, i.count, i.sum));
        assert_eq!((&h.positive_spans, &h.negative_buckets), (&i.positive_spans, &i.negative_buckets));
    }
}

pub(crate) fn a_block_reads_back() {
    let data = data(1_700_000_000_000);
    for start_timestamps in [false, true] {
        let files = block(ULID, &data, Options { start_timestamps, ..Options::default() }, &[]);
        let meta = Meta::read(files.meta.as_bytes()).unwrap();
        assert_eq!((meta.ulid.as_str(), meta.stats.num_series), (ULID, data.len() as u64));
        let (all, damage) = walk(&mut open(&files).unwrap(), &[]);
        assert_eq!((all.len(), damage.len()), (data.len(), 0));
        all.iter().zip(&data).for_each(|(a, b)| same(a, b));
        let only = Matcher::new("n", MatchOp::Regex, "000[12]").unwrap();
        let (some, _) = walk(&mut open(&files).unwrap(), &[only]);
        assert_eq!(some.len(), 6);
    }
}

pub(crate) fn deleted_samples_are_left_out() {
    let data = data(0);
    let (from, to) = (data[1].t[10], data[1].t[20]);
    let files = block(ULID, &data, Options::default(), &[(0, i64::MIN, i64::MAX), (1, from, to)]);
    let (all, _) = walk(&mut open(&files).unwrap(), &[]);
    assert_eq!(all.len(), data.len() - 1);
    assert_eq!(all[0].t.len(), 400 - 11);
    assert!(!all[0].t.iter().any(|t| (from..=to).contains(t)));
}

pub(crate) fn the_rest_is_read() {
    let data = data(0);
    let mut files = block(ULID, &data, Options::default(), &[]);
    // In the chunks of the first series.
    files.chunks[40] ^= 1;
    let (all, damage) = walk(&mut open(&files).unwrap(), &[]);
    assert_eq!(all.len(), data.len());
    assert!(damage.len() == 1 && damage[0].contains("the checksum of a chunk is wrong"), "{damage:?}");
    assert_eq!(all[0].t.len(), 400 - 120);
    // In a series entry: it is gone, the next is found.
    let mut files = block(ULID, &data, Options::default(), &[]);
    let index = Index::new(files.index.as_slice()).unwrap();
    let mut scan = index.scan();
    index.next_series(&mut scan).unwrap().unwrap();
    let second = index.next_series(&mut scan).unwrap().unwrap().reference as usize * 16;
    files.index[second + 3] ^= 0x40;
    let (all, damage) = walk(&mut open(&files).unwrap(), &[]);
    assert_eq!((all.len(), damage.len()), (data.len() - 1, 1), "{damage:?}");
    assert_eq!(all[1].labels, data[2].labels);
    // The file of chunks is cut off.
    let mut files = block(ULID, &data, Options::default(), &[]);
    files.chunks.truncate(files.chunks.len() / 2);
    let (all, damage) = walk(&mut open(&files).unwrap(), &[]);
    assert!(!all.is_empty() && all.len() < data.len() && !damage.is_empty());
}

pub(crate) fn any_bytes_end_without_panic() {
    let whole =
        block(ULID, &data(0)[36..44], Options { start_timestamps: true, ..Options::default() }, &[(0, 1, 2)]);
    let edit = (any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let strategy = (prop::collection::vec(edit, 1..6), 0usize..4);
    runner
        .run(&strategy, |(edits, which)| {
            let mut files = Files { meta: whole.meta.clone(), ..clone(&whole) };
            for (at, byte, cut) in edits {
                let target = match which {
                    0 | 1 => &mut files.index,
                    2 => &mut files.chunks,
                    _ => &mut files.tombstones,
                };
                if target.is_empty() {
                    continue;
                }
                let at = at.index(target.len());
                if cut && byte < 40 { target.truncate(at) } else { target[at] = byte }
            }
            if let Ok(mut block) = open(&files) {
                let (all, _) = walk(&mut block, &[]);
                prop_assert!(all.len() <= 8);
            }
            read_segment(&mut files.index.as_slice(), |_| {}).unwrap();
            read_record(&files.chunks);
            read_head_chunks(&mut files.chunks.as_slice(), |_| {}).unwrap();
            Ok(())
        })
        .unwrap();
}

fn clone(files: &Files) -> Files {
    Files {
        index: files.index.clone(),
        chunks: files.chunks.clone(),
        meta: files.meta.clone(),
        tombstones: files.tombstones.clone(),
    }
}
