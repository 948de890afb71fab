use std::path::Path;
use std::sync::Arc;

use disk::Fs as _;
use disk::sim::SimFs;
use model::{Budget, Labels, MatchOp, Matcher};
use roaring::RoaringBitmap;

use super::*;
use crate::cache::Cache;
use crate::codec::Effort;
use crate::merge::Run;

/// Values long enough that those of one name take several frames.
fn labels(i: u32) -> Labels {
    let value = format!("value-{i:05}-{}", "x".repeat(40));
    let even = if i.is_multiple_of(2) { "yes" } else { "" };
    let labels =
        Labels::from_pairs([("__name__", format!("m{}", i % 7)), ("even", even.into()), ("v", value)]);
    if i.is_multiple_of(100) { labels.without_name() } else { labels }
}

const SERIES: u32 = 3_000;

fn build() -> (Block, Vec<Labels>) {
    let fs = SimFs::new();
    let dir = Path::new("/blocks");
    let name = directory_name(7, TimeRange::new(0, 1_000_000));
    disk::publish::prepare(&fs, &dir.join(&name)).unwrap();
    let mut all: Vec<Labels> = (0..SERIES).map(labels).collect();
    all.sort();
    let mut writer = BlockWriter::create(&fs, &dir.join(&name), Effort::Fast, &Budget::unlimited()).unwrap();
    for (i, labels) in all.iter().enumerate() {
        let run = Run { t: vec![i as i64, 500_000], v: vec![i as f64, 0.5], ..Run::default() };
        writer.add(labels, &run).unwrap();
    }
    writer.finish(7, &["b1".into()]).unwrap();
    let cache = Arc::new(Cache::new(1 << 20, Budget::unlimited()));
    (Block::open(&fs, dir, &name, cache).unwrap(), all)
}

#[test]
fn postings_answer_what_the_labels_say() {
    let (block, all) = build();
    assert!(block.meta.names.iter().any(|n| n.frames.len() > 3), "several frames");
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let cases: &[&[(&str, MatchOp, &str)]] = &[
        &[],
        &[("__name__", Equal, "m3")],
        &[("__name__", Equal, "")],
        &[("even", NotEqual, "yes"), ("__name__", Regex, "m1|m2|nothing")],
        &[("v", Regex, "value-012.*")],
        &[("v", Regex, "value-0[12]99.*")],
        &[("v", NotRegex, "value-00.*"), ("even", Equal, "yes")],
        &[("v", Regex, ".*5-x+")],
        &[("v", Regex, "zzz.*")],
        &[("v", Regex, "a.*")],
        &[("v", Equal, "no such value")],
        &[("nothing", Equal, "x")],
        &[("nothing", NotEqual, "x"), ("__name__", NotRegex, "m[0-5]")],
        &[("nothing", Regex, ".*"), ("v", Regex, "value-02999-.*|value-00000-.*")],
    ];
    for case in cases {
        let matchers: Vec<Matcher> = case.iter().map(|(n, o, v)| Matcher::new(*n, *o, *v).unwrap()).collect();
        let want: RoaringBitmap =
            (0..SERIES).filter(|i| matchers.iter().all(|m| m.matches_labels(&all[*i as usize]))).collect();
        assert_eq!(block.select(&matchers).unwrap(), want, "{case:?}");
    }
    for i in (0..SERIES).step_by(37) {
        let value = all[i as usize].get("v").unwrap();
        assert_eq!(block.select(&[Matcher::equal("v", value)]).unwrap(), RoaringBitmap::from([i]));
    }
}

#[test]
fn series_come_back_with_their_samples() {
    let (block, all) = build();
    assert_eq!((block.meta.series, block.meta.samples, block.meta.rank), (SERIES, 2 * u64::from(SERIES), 7));
    assert_eq!(block.meta.replaces, ["b1"]);
    assert_eq!(block.meta.range, TimeRange::new(0, 500_000));
    let wanted: RoaringBitmap = (0..SERIES).filter(|i| i % 61 == 0 || *i > 2_990).collect();
    let (mut pages, mut run, mut found) = (Pages::default(), Run::default(), Vec::new());
    block
        .series(&wanted, &mut |series| {
            let i = all.binary_search(&series.labels).unwrap();
            run.clear();
            for page in &series.pages {
                pages.read(&block, page, &mut run).unwrap();
            }
            assert_eq!((&run.t[..], &run.v[..]), (&[i as i64, 500_000][..], &[i as f64, 0.5][..]));
            found.push(i as u32);
            Ok(true)
        })
        .unwrap();
    assert_eq!(found, wanted.iter().collect::<Vec<_>>());
    let mut walk = Walk::new(Arc::new(block));
    let mut walked = Vec::new();
    while walk.peek().unwrap().is_some() {
        walked.extend(walk.take().map(|s| s.labels));
    }
    assert_eq!(walked, all);
}

#[test]
fn values_of_a_name_with_and_without_series() {
    let (block, _) = build();
    let values = |name: &str, series: Option<&RoaringBitmap>| {
        let mut found = Vec::new();
        block.label_values(name, series, &mut |v| found.push(v.to_owned())).unwrap();
        found
    };
    assert_eq!(values("v", None).len(), SERIES as usize);
    assert_eq!(values("even", None), ["yes"]);
    let few = block.select(&[Matcher::new("v", MatchOp::Regex, "value-0000[1-3].*").unwrap()]).unwrap();
    assert_eq!(values("__name__", Some(&few)), ["m1", "m2", "m3"]);
    assert_eq!(values("nothing", None), Vec::<String>::new());
}

#[test]
fn series_that_stand_at_one_value_share_its_bytes() {
    let fs = SimFs::new();
    let dir = Path::new("/blocks");
    let build = |number: u64, value: &dyn Fn(u32) -> f64| {
        let name = directory_name(number, TimeRange::new(0, 1_000_000));
        let into = dir.join(&name);
        disk::publish::prepare(&fs, &into).unwrap();
        let mut writer = BlockWriter::create(&fs, &into, Effort::Thorough, &Budget::unlimited()).unwrap();
        for series in 0..500 {
            let labels = Labels::from_pairs([("__name__", "m".into()), ("n", format!("{series:03}"))]);
            let v = value(series);
            writer.add(&labels, &Run { t: vec![1, 2, 3], v: vec![v, v, v], ..Run::default() }).unwrap();
        }
        writer.finish(number, &[]).unwrap();
        let cache = Arc::new(Cache::new(1 << 20, Budget::unlimited()));
        let data = into.join(DATA_FILE);
        (Block::open(&fs, dir, &name, cache).unwrap(), fs.open(&data).unwrap().size().unwrap())
    };
    let (_, apart) = build(1, &f64::from);
    let (block, shared) = build(2, &|series| f64::from(series % 2) + 7.0);
    assert!(apart > 500 * 5 && shared < 100, "{apart} and {shared} bytes");
    let all: RoaringBitmap = (0..500).collect();
    let (mut pages, mut run, mut n) = (Pages::default(), Run::default(), 0);
    block
        .series(&all, &mut |series| {
            run.clear();
            series.pages.iter().for_each(|page| {
                pages.read(&block, page, &mut run).unwrap();
            });
            assert_eq!(run.v, [f64::from(n % 2) + 7.0; 3]);
            n += 1;
            Ok(true)
        })
        .unwrap();
    // Copied to another block they share them, too.
    let name = directory_name(3, TimeRange::new(0, 1_000_000));
    disk::publish::prepare(&fs, &dir.join(&name)).unwrap();
    let mut writer =
        BlockWriter::create(&fs, &dir.join(&name), Effort::Thorough, &Budget::unlimited()).unwrap();
    block
        .series(&all, &mut |series| {
            let pages: Vec<_> = series.pages.iter().map(|page| (&block, *page)).collect();
            writer.copy(&series.labels, &pages).map(|()| true)
        })
        .unwrap();
    writer.finish(3, &[]).unwrap();
    assert_eq!(fs.open(&dir.join(&name).join(DATA_FILE)).unwrap().size().unwrap(), shared);
}

#[test]
fn directory_names_tell_number_and_range() {
    let range = TimeRange::new(-7_200_000, -1);
    assert_eq!(parse_name(&directory_name(12, range)), Some((12, range)));
    for foreign in ["", "b", "b12", "b1_2", "bx_1_2", "chunks", "01HXYZ"] {
        assert_eq!(parse_name(foreign), None);
    }
}
