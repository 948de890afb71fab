//! Flipped bits in every file of a small data directory that the store made itself: noticed, reported, set aside or
//! passed over, and the rest is served.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use disk::sim::Random;
use model::metrics::{Family, MetricStats};
use model::{Exemplar, ExemplarSample, FeedBatch, HistogramSample, MetricAdmin, MetricFeed};

use super::faults::try_read;
use super::rich::{Rich, histogram, read_rich};
use super::*;

const SERIES: u32 = 6;
const HOUR: i64 = 3_600_000;

/// A directory with files of every kind.
struct Built {
    fixture: Fixture,
    whole: Rich,
    /// Samples of each block, by the name of its directory, and of the log.
    blocks: BTreeMap<String, u64>,
    in_log: u64,
}

fn put(store: &Store, t: i64, k: i64) {
    let refs = resolve(store, &(0..SERIES).map(|i| labels("m", i)).collect::<Vec<_>>());
    let (with_histograms, floats) = refs.split_first().unwrap();
    let value = histogram(1 + (k % 7) as u8);
    let position = k.to_string();
    let batch = MetricBatch {
        refs: floats,
        t: &[t; SERIES as usize - 1],
        v: &[k as f64 * 1.5, 7.0, -0.0, (k as f64).sqrt(), f64::from_bits(0x7ff8_dead_beef_0001)],
        start: &[t - HOUR; SERIES as usize - 1],
        histograms: &[HistogramSample { series: *with_histograms, t, start: 0, value: &value }],
        position: Some(Position { source: "s", position: position.as_bytes() }),
        rising: 0,
    };
    assert_eq!(store.append(&Tenant::default(), batch).unwrap().accepted, SERIES as usize);
    let exemplar = Exemplar { labels: Labels::from_pairs([("trace_id", format!("t{k}"))]), t, v: 1.0 };
    MetricWriter::exemplars(store, &Tenant::default(), &[ExemplarSample { series: refs[1], exemplar }])
        .unwrap();
}

fn count(rich: &Rich) -> u64 {
    rich.values().map(|s| s.len() as u64).sum()
}

fn build() -> Built {
    let fixture = Fixture::new();
    let mut store = fixture.open();
    // Somebody reads the log: it is kept, and so is the place.
    drop(store.follow("f", u64::MAX).unwrap());
    let family = Family { name: "m".into(), kind: "gauge".into(), help: "h".into(), unit: String::new() };
    store.metadata(&Tenant::default(), &[family]).unwrap();
    for k in 0..60 {
        fixture.clock.set_ms(NOW + k * HOUR / 4);
        put(&store, NOW + k * HOUR / 4, k);
        match k {
            20 | 40 => store.flush().unwrap(),
            30 | 50 => {
                drop(store);
                fixture.fs.kill();
                store = fixture.open();
            }
            45 => store.maintain().unwrap(),
            46 => {
                let matchers = [Matcher::equal("i", "2")];
                let range = TimeRange::new(NOW, NOW + HOUR);
                assert_eq!(store.delete_series(&Ctx::unbounded(), &matchers, range).unwrap(), 1);
            }
            _ => {}
        }
    }
    let whole = read_rich(&store, TimeRange::ALL);
    let blocks: BTreeMap<_, _> = store.blocks().into_iter().map(|b| (b.id, b.samples)).collect();
    let in_log = (60 - 46) * u64::from(SERIES);
    drop(store);
    fixture.fs.kill();
    Built { fixture, whole, blocks, in_log }
}

/// Which kind of file it is.
fn kind(path: &Path) -> String {
    let text = path.to_string_lossy();
    match (text.contains("/places/"), text.contains("/feed/"), text.ends_with(".log")) {
        (true, ..) => "places of followers".to_owned(),
        (_, true, _) => "log kept for followers".to_owned(),
        (.., true) => "log".to_owned(),
        _ => path.file_name().unwrap().to_string_lossy().into_owned(),
    }
}

/// Flips bits of one file and opens the directory; `compacted` before anything is read, or not.
fn flip(path: &Path, bits: &[u64], compacted: bool) {
    let built = build();
    let mut flipped = Vec::new();
    built.fixture.fs.corrupt(path, |bytes| {
        for bit in bits {
            let at = (bit / 8) as usize % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            flipped.push(at);
        }
    });
    let what = format!("{} with bits flipped in bytes {flipped:?}", path.display());
    let store =
        built.fixture.try_open().unwrap_or_else(|e| panic!("{what}: does not open: {e} {:?}", e.detail));
    let mut reported = !store.warnings().is_empty();
    if compacted {
        built.fixture.clock.advance_ms(12 * HOUR);
        // What is found corrupt here is set aside by the next.
        if store.maintain().is_err() {
            reported = true;
            store.maintain().unwrap();
        }
    }
    match try_read(&store) {
        Ok((_, complete, _)) => reported |= !complete,
        // Found while reading: the block is set aside by upkeep, and the next try is served.
        Err(e) => {
            assert!(e.message.contains("corrupt"), "{what}: {e}");
            reported = true;
            store.maintain().unwrap();
        }
    }
    let found = read_rich(&store, TimeRange::ALL);
    for (labels, samples) in &found {
        for (t, value) in samples {
            assert_eq!(
                Some(value),
                built.whole.get(labels).and_then(|s| s.get(t)),
                "{what}: {labels} at {t}"
            );
        }
    }
    let name = path.parent().and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
    let may_be_lost = match built.blocks.get(&name) {
        Some(samples) => *samples,
        None if kind(path) == "log" => built.in_log,
        None => 0,
    };
    let lost = count(&built.whole) - count(&found);
    assert!(lost <= may_be_lost, "{what}: {lost} samples are lost, {may_be_lost} may be");
    // A follower is told what is there, and what is not is counted.
    let mut follower = store.follow("f", u64::MAX).unwrap();
    let mut batch = FeedBatch::default();
    while follower.next(1_000, &mut batch).unwrap() {
        for sample in &batch.samples {
            let of = built.whole.get(&*sample.series);
            let there = of.is_some_and(|s| s.contains_key(&sample.t)) || sample.series.get("i") == Some("2");
            assert!(there, "{what}: the follower got {} at {}", sample.series, sample.t);
        }
        follower.acknowledge(batch.position).unwrap();
    }
    reported |= store.metrics().feed_corruptions.get() + store.metrics().feed_orphans.get() > 0;
    // A compaction that needs nothing of the damaged part heals it.
    assert!(reported || (compacted && lost == 0), "{what}: nobody said so");
    // It goes on, and what was set aside stays so.
    drop(follower);
    put(&store, built.fixture.clock.now_ms() + 1_000, 99);
    store.flush().unwrap();
    store.maintain().unwrap();
    drop(store);
    built.fixture.fs.kill();
    let again = count(&read_rich(&built.fixture.open(), TimeRange::ALL));
    assert!(again >= count(&found) + u64::from(SERIES), "{what}: {again} after a restart");
}

#[test]
fn flipped_bits_in_any_file_are_reported_and_the_rest_is_served() {
    let built = build();
    let files: Vec<PathBuf> = built.fixture.fs.files();
    let kinds: BTreeSet<String> = files.iter().map(|p| kind(p)).collect();
    for needed in ["data", "index", "tombstones", "log", "log kept for followers", "places of followers"] {
        assert!(kinds.contains(needed), "{needed} is not among {kinds:?}");
    }
    let tries = if std::env::var("BONGHWA_CRASH_SEEDS").is_ok() { 200 } else { 12 };
    let mut random = Random::new(7);
    for path in files {
        let size = disk::fs::read_file(&built.fixture.fs, &path, 1 << 20).unwrap().len() as u64;
        for at in 0..tries {
            // The first bytes are what all files share.
            let first = if at < 3 { random.below(24 * 8) } else { random.below(size * 8) };
            let more = (0..random.below(3)).map(|_| random.below(size * 8));
            let bits: Vec<u64> = std::iter::once(first).chain(more.collect::<Vec<_>>()).collect();
            flip(&path, &bits, at % 2 == 1);
        }
    }
}
