//! What must be read, and what may be, after what was asked of a store.

use std::collections::{BTreeMap, BTreeSet};

use disk::sim::Random;
use model::metrics::Family;
use model::{Exemplar, ExemplarReader, ExemplarSample, HistogramSample, MetricAdmin};

use super::super::rich::{Rich, Value, encoded, histogram, read_rich};
use super::backups::Backups;
use super::*;
use crate::retention::{Retention, SeriesRetention};

const SERIES: u32 = 5;
/// This series has histograms.
const HISTOGRAMS: u32 = 4;
const MINUTE: i64 = 60_000;

/// What is expected of a sample.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    value: (i64, Value),
    /// Acknowledged, and nobody asked for its end.
    must: bool,
    /// Asked for, and its end was not acknowledged.
    may: bool,
    /// Retention may have taken it and left a summary, which tells no start timestamp.
    summed_up: bool,
    batch: usize,
}

impl Expected {
    fn is(&self, found: &(i64, Value)) -> bool {
        *found == self.value || (self.summed_up && *found == (0, self.value.1.clone()))
    }
}

pub(super) type Map = BTreeMap<(u32, i64), Expected>;

#[derive(Default)]
struct Batch {
    keys: Vec<(u32, i64)>,
    /// Something of it was deleted or is too old.
    touched: bool,
}

pub(super) struct World {
    samples: Map,
    batches: Vec<Batch>,
    /// The last batch whose position was acknowledged.
    position: Option<usize>,
    families: BTreeSet<String>,
    exemplars: BTreeSet<(u32, i64)>,
    /// Acknowledged snapshots, and those that were only asked for.
    snapshots: BTreeMap<String, Map>,
    attempts: Vec<Map>,
    looked_at: BTreeSet<String>,
    /// Times of deleted samples are not used again.
    used: BTreeSet<(u32, i64)>,
    /// Rules that a reload has brought; they go with the process.
    reloaded: Option<Vec<SeriesRetention>>,
    backups: Backups,
}

/// One series is kept for `short` hours, one for `long`; the third rule reaches the same series too late.
pub(super) fn rules(short: i64, long: i64) -> Vec<SeriesRetention> {
    let rule = |i: &str, hours: i64| {
        let matchers = vec![Matcher::new("i", MatchOp::Regex, i).unwrap()];
        SeriesRetention { matchers, time_ms: hours * 60 * MINUTE }
    };
    vec![rule("1", short), rule("2", long), rule("1|2", 1)]
}

/// How long a series is kept by these rules, ms.
fn kept(rules: &[SeriesRetention], otherwise: i64, series: u32) -> i64 {
    let labels = labels("m", series);
    let rule = rules.iter().find(|rule| rule.matchers.iter().all(|m| m.matches_labels(&labels)));
    rule.map_or(otherwise, |rule| rule.time_ms)
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            samples: Map::new(),
            batches: Vec::new(),
            position: None,
            families: BTreeSet::new(),
            exemplars: BTreeSet::new(),
            snapshots: BTreeMap::new(),
            attempts: Vec::new(),
            looked_at: BTreeSet::new(),
            used: BTreeSet::new(),
            reloaded: None,
            backups: Backups::default(),
        }
    }

    /// Does something.
    pub(super) fn step(&mut self, fixture: &Fixture, store: &Store, random: &mut Random) -> Result<()> {
        fixture.clock.advance_ms(random.below(30 * MINUTE as u64) as i64);
        let what = random.below(100);
        if super::number("BONGHWA_CRASH_TRACE").is_some() {
            eprintln!("{} at {}: {:?}", what, fixture.clock.now_ms(), fixture.fs.failure());
        }
        match what {
            0..55 => self.append(fixture, store, random),
            55..70 => {
                fixture.clock.advance_ms(random.below(3 * 60 * MINUTE as u64) as i64);
                self.expire(fixture);
                store.maintain()
            }
            70..76 => store.flush(),
            76..84 => self.delete(fixture, store, random),
            84..87 => store.clean_tombstones(),
            87..91 => self.snapshot(store),
            91..93 => self.exemplar(fixture, store, random),
            93 => self.reload(fixture, store, random),
            94..96 => self.family(store),
            96 => self.backups.back_up(fixture, store, &self.samples),
            97 => self.backups.restore(fixture, random),
            _ => store.close(),
        }
    }

    fn append(&mut self, fixture: &Fixture, store: &Store, random: &mut Random) -> Result<()> {
        let now = fixture.clock.now_ms();
        let number = self.batches.len();
        let mut batch = Batch::default();
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        for series in 0..SERIES {
            let late = if random.below(4) == 0 { random.below(50 * MINUTE as u64) as i64 } else { 0 };
            let (t, kind) = (now - late, 1 + random.below(7) as u8);
            if random.below(5) == 0 || !self.used.insert((series, t)) {
                continue;
            }
            let start = if random.below(3) == 0 { t - 1_000 } else { 0 };
            batch.keys.push((series, t));
            let value = if series == HISTOGRAMS {
                histograms.push((series, t, start, histogram(kind)));
                encoded(&histogram(kind))
            } else {
                let v = number as f64 / 4.0 + f64::from(series);
                floats.push((series, t, start, v));
                Value::Float(v.to_bits())
            };
            let expected =
                Expected { value: (start, value), must: false, may: true, summed_up: false, batch: number };
            self.samples.insert((series, t), expected);
        }
        let keys = batch.keys.clone();
        self.batches.push(batch);
        let sets: Vec<Labels> = (0..SERIES).map(|i| labels("m", i)).collect();
        let refs = resolve(store, &sets);
        let of = |series: u32| refs[series as usize];
        let rich: Vec<HistogramSample> = histograms
            .iter()
            .map(|(s, t, start, value)| HistogramSample { series: of(*s), t: *t, start: *start, value })
            .collect();
        let position = number.to_string();
        let appended = store.append(
            &Tenant::default(),
            MetricBatch {
                refs: &floats.iter().map(|f| of(f.0)).collect::<Vec<_>>(),
                t: &floats.iter().map(|f| f.1).collect::<Vec<_>>(),
                v: &floats.iter().map(|f| f.3).collect::<Vec<_>>(),
                start: &floats.iter().map(|f| f.2).collect::<Vec<_>>(),
                histograms: &rich,
                position: Some(Position { source: "s", position: position.as_bytes() }),
                rising: 0,
            },
        )?;
        assert_eq!(appended.accepted, keys.len(), "{:?}", appended.rejected);
        for key in keys {
            if let Some(expected) = self.samples.get_mut(&key) {
                expected.must = true;
            }
        }
        self.position = Some(number);
        Ok(())
    }

    fn delete(&mut self, fixture: &Fixture, store: &Store, random: &mut Random) -> Result<()> {
        let series = random.below(u64::from(SERIES)) as u32;
        let end = fixture.clock.now_ms() - random.below(20 * 60 * MINUTE as u64) as i64;
        let range = TimeRange::new(end - random.below(4 * 60 * MINUTE as u64) as i64, end);
        let hit: Vec<_> =
            self.samples.range((series, range.start)..=(series, range.end)).map(|s| *s.0).collect();
        for key in &hit {
            if let Some(expected) = self.samples.get_mut(key) {
                expected.must = false;
                self.batches[expected.batch].touched = true;
            }
        }
        self.exemplars.retain(|(i, t)| *i != series || !range.contains(*t));
        let matchers = [Matcher::equal("i", series.to_string())];
        if super::number("BONGHWA_CRASH_TRACE").is_some() {
            eprintln!("delete {series} {range:?}: {hit:?}");
        }
        store.delete_series(&Ctx::unbounded(), &matchers, range)?;
        for key in &hit {
            if let Some(expected) = self.samples.get_mut(key) {
                expected.may = false;
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, store: &Store) -> Result<()> {
        self.attempts.push(self.samples.clone());
        let name = store.snapshot(false)?;
        let map = self.attempts.pop().unwrap_or_default();
        self.snapshots.insert(name, map);
        Ok(())
    }

    fn exemplar(&mut self, fixture: &Fixture, store: &Store, random: &mut Random) -> Result<()> {
        let (i, t) = (random.below(u64::from(SERIES)) as u32, fixture.clock.now_ms());
        let exemplar = Exemplar { labels: Labels::from_pairs([("trace_id", t.to_string())]), t, v: 1.0 };
        let sample = ExemplarSample { series: resolve(store, &[labels("m", i)])[0], exemplar };
        if MetricWriter::exemplars(store, &Tenant::default(), &[sample])?.taken == 1 {
            self.exemplars.insert((i, t));
        }
        Ok(())
    }

    fn family(&mut self, store: &Store) -> Result<()> {
        let family =
            Family { name: format!("f{}", self.families.len()), kind: "gauge".into(), ..Family::default() };
        store.metadata(&Tenant::default(), std::slice::from_ref(&family))?;
        self.families.insert(family.name);
        Ok(())
    }

    /// Other rules for single series, as a reload brings them.
    fn reload(&mut self, fixture: &Fixture, store: &Store, random: &mut Random) -> Result<()> {
        let rules = rules(6 + random.below(12) as i64, 20 + random.below(40) as i64);
        let kept = store.retention();
        store.set_retention(Retention { series: rules.clone(), ..(*kept).clone() });
        self.reloaded = Some(rules);
        self.expire(fixture);
        store.maintain()
    }

    /// Retention may take what is this old.
    pub(super) fn expire(&mut self, fixture: &Fixture) {
        let now = fixture.clock.now_ms();
        let rules = self.reloaded.as_ref().unwrap_or(&fixture.options.series_retention);
        let oldest = |series| now - kept(rules, fixture.options.retention_ms, series);
        for ((series, t), expected) in &mut self.samples {
            if *t < oldest(*series) {
                expected.must = false;
                expected.summed_up = fixture.options.downsampling.enabled;
                self.batches[expected.batch].touched = true;
            }
        }
    }

    /// The sample of this time, by series, as it is read now.
    pub(super) fn looked_for(&self, store: &Store) -> Vec<(Labels, bool)> {
        let t = super::number("BONGHWA_CRASH_SAMPLE").unwrap_or(0) as i64;
        let found = read_rich(store, TimeRange::ALL);
        found.into_iter().filter_map(|(labels, s)| s.contains_key(&t).then_some((labels, true))).collect()
    }

    /// All that is read is what may be, all that must be is read, and batches are whole.
    pub(super) fn check(&self, store: &Store, when: &str) {
        let found = read_rich(store, TimeRange::ALL);
        check_map(&self.samples, &found, when);
        for (number, batch) in self.batches.iter().enumerate().filter(|(_, b)| !b.touched) {
            let present = batch.keys.iter().filter(|key| holds(&found, **key)).count();
            assert!(present == 0 || present == batch.keys.len(), "batch {number} is half there, {when}");
        }
        let families = store.families(&Ctx::unbounded(), None).unwrap();
        let lost: Vec<_> =
            self.families.iter().filter(|name| !families.iter().any(|f| f.name == **name)).collect();
        assert!(lost.is_empty(), "metadata lost, {when}: {lost:?}");
        let exemplars =
            ExemplarReader::exemplars(store, &Ctx::unbounded(), &[vec![]], TimeRange::ALL).unwrap();
        for (i, t) in &self.exemplars {
            let of = exemplars.iter().find(|s| s.series == labels("m", *i));
            assert!(
                of.is_some_and(|s| s.exemplars.iter().any(|e| e.t == *t)),
                "exemplar {i} {t} lost, {when}"
            );
        }
    }

    /// Right after the store was opened. What is not there will not come back.
    pub(super) fn check_opened(&mut self, fixture: &Fixture, store: &Store) {
        self.reloaded = None;
        assert!(
            store.warnings().iter().all(|w| w.starts_with("log segment")),
            "half-made things: {:?}",
            store.warnings()
        );
        self.check(store, "after opening");
        let found = read_rich(store, TimeRange::ALL);
        self.check_position(store, &found);
        // A summary is seen again when nothing newer stands in its way any more.
        for (key, expected) in self.samples.iter_mut().filter(|(_, expected)| !expected.summed_up) {
            expected.may &= holds(&found, *key);
        }
        let leftovers: Vec<_> = fixture
            .fs
            .files()
            .into_iter()
            .filter(|p| p.starts_with("/data/metrics"))
            .filter(|p| p.components().any(|c| c.as_os_str().to_string_lossy().starts_with("tmp-")))
            .collect();
        assert!(leftovers.is_empty(), "{leftovers:?}");
        self.check_snapshots(fixture);
    }

    pub(super) fn check_backups(&mut self, fixture: &Fixture) {
        self.backups.check(fixture);
    }

    fn check_position(&self, store: &Store, found: &Rich) {
        let Some(acknowledged) = self.position else { return };
        let position = store.position("s").expect("a position was acknowledged");
        let position: usize = String::from_utf8(position).unwrap().parse().unwrap();
        assert!(position >= acknowledged, "position {position}, acknowledged {acknowledged}");
        let batch = &self.batches[position];
        assert!(
            batch.touched || batch.keys.iter().all(|key| holds(found, *key)),
            "position {position} without its samples"
        );
    }

    /// Every snapshot opens and holds what was there when it was made.
    fn check_snapshots(&mut self, fixture: &Fixture) {
        let dir = Path::new("/data/metrics/snapshots");
        let there = fixture.fs.list(dir).unwrap_or_default();
        for name in self.snapshots.keys() {
            assert!(there.iter().any(|entry| entry.name == *name), "snapshot {name} is gone");
        }
        // Each is opened once and, of those that are there for longer, one.
        let oldest = there.first().cloned();
        for entry in there.into_iter().filter(|e| self.looked_at.insert(e.name.clone())).chain(oldest) {
            let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
            let path = dir.join(&entry.name);
            // Looked at in a copy of the world in which nothing is deleted.
            let options =
                Options { retention_ms: 0, series_retention: Vec::new(), ..fixture.options.clone() };
            let store = Store::open(Arc::new(fixture.fs.clone()), &path, options, clock).unwrap();
            assert!(store.warnings().is_empty(), "{:?}", store.warnings());
            let found = read_rich(&store, TimeRange::ALL);
            match self.snapshots.get(&entry.name) {
                Some(map) => check_map(map, &found, "in a snapshot"),
                None => {
                    let fits = self.attempts.iter().any(|map| complaint(map, &found).is_none());
                    assert!(fits, "snapshot {} was not acknowledged and is half-made", entry.name);
                }
            }
        }
    }
}

fn holds(found: &Rich, (series, t): (u32, i64)) -> bool {
    found.get(&labels("m", series)).is_some_and(|s| s.contains_key(&t))
}

pub(super) fn check_map(map: &Map, found: &Rich, when: &str) {
    if let Some(complaint) = complaint(map, found) {
        panic!("{complaint}, {when}");
    }
}

/// What is wrong with what was read.
pub(super) fn complaint(map: &Map, found: &Rich) -> Option<String> {
    for ((series, t), expected) in map {
        let there = found.get(&labels("m", *series)).and_then(|s| s.get(t));
        match there {
            None if expected.must => return Some(format!("sample of series {series} at {t} is lost")),
            Some(_) if !expected.may => return Some(format!("sample of series {series} at {t} is back")),
            Some(value) if !expected.is(value) => {
                return Some(format!(
                    "sample of series {series} at {t} is {value:?}, not {:?}",
                    expected.value
                ));
            }
            _ => {}
        }
    }
    for (labels, samples) in found {
        let series: u32 = labels.get("i").and_then(|i| i.parse().ok()).unwrap_or(u32::MAX);
        if let Some(t) = samples.keys().find(|t| !map.contains_key(&(series, **t))) {
            return Some(format!("sample of {labels} at {t} was never written"));
        }
    }
    None
}
