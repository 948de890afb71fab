//! Following the log: who passes samples on reads them here, in the order in which they were accepted.
//!
//! A follower reads the segments of the log from its place. When a flush cuts the log, segments that a follower still
//! needs are moved to `feed/<cut>/` instead of being removed: they stay readable, are never replayed into the head, and
//! are bounded by the followers' caps. All segments of such a unit belong together, because only its first ones say
//! which labels its series have. docs/formats/feed.md draws the directory.

mod decode;
mod follower;
mod places;
mod units;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use disk::Fs;
use disk::log::{Log, Place};
use model::{Budget, Error, FeedLag, Follower, MetricFeed, Result};
use parking_lot::Mutex;

use crate::metrics::Metrics;
use crate::store::Store;
use places::Places;
pub(crate) use places::read_any as read_any_places;
use units::Units;

/// Most followers.
const MAX_FOLLOWERS: usize = 64;
/// The longest name of a follower, in bytes.
const MAX_NAME: usize = 512;
/// What is kept for followers may take this share of the store's size limit.
const SHARE: u64 = 2;

/// The followers of one store's log.
pub(crate) struct Feed {
    fs: Arc<dyn Fs>,
    log: Arc<Log>,
    metrics: Metrics,
    budget: Budget,
    /// What all kept segments may take, whatever the caps say.
    limit: u64,
    /// Time of the newest sample accepted, and how many were.
    newest: AtomicI64,
    accepted: AtomicU64,
    state: Mutex<State>,
}

struct State {
    units: Units,
    /// Segments with which the definitions of series begin anew.
    starts: BTreeSet<u64>,
    followers: BTreeMap<String, Entry>,
    places: Places,
}

/// A follower that is known, whether it is open or not.
struct Entry {
    /// Everything before it was delivered or given up.
    place: Place,
    /// How far it was read.
    read: Place,
    cap: u64,
    open: bool,
    /// Bytes given up since it was opened.
    lost: u64,
    /// Time of the newest sample read, ms.
    newest: i64,
}

/// What is kept on disk for followers.
pub(crate) struct Prepared {
    units: Units,
    places: Places,
    warnings: Vec<String>,
}

impl Prepared {
    /// Reads what is kept in `dir/feed`, before the log in `dir/wal` is opened: what a cut that was interrupted left
    /// there must not be replayed.
    pub(crate) fn open(fs: &Arc<dyn Fs>, dir: &Path) -> Result<Self> {
        let home = dir.join("feed");
        let units = Units::open(fs, &home, &dir.join("wal"))?;
        let (places, warnings) = Places::open(fs, &home.join("places"))?;
        Ok(Self { units, places, warnings })
    }

    /// What was found wrong.
    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// The feed of the log, which was opened meanwhile.
    pub(crate) fn attach(
        self,
        fs: Arc<dyn Fs>,
        log: Arc<Log>,
        metrics: Metrics,
        budget: Budget,
        size_limit: u64,
    ) -> Feed {
        let followers = self.places.all().map(|(name, place, cap)| {
            (name.to_owned(), Entry { place, read: place, cap, open: false, lost: 0, newest: 0 })
        });
        let followers: BTreeMap<_, _> = followers.collect();
        // Numbers of segments that are gone are not used again: places name them.
        let used = followers.values().map(|e| e.place.segment + u64::from(e.place.offset > 0));
        log.skip_to(used.chain(self.units.last_cut()).max().unwrap_or(0));
        let starts = self.units.cuts().collect();
        let state = State { starts, followers, places: self.places, units: self.units };
        let feed = Feed {
            fs,
            log,
            metrics,
            budget,
            limit: size_limit / SHARE,
            newest: AtomicI64::new(0),
            accepted: AtomicU64::new(0),
            state: Mutex::new(state),
        };
        feed.metrics.feed_kept_bytes.set(gauge(feed.bytes()));
        feed
    }
}

fn gauge(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Feed {
    /// Bytes kept beyond the log.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().units.bytes()
    }

    /// So many samples were accepted, the newest of that time.
    pub(crate) fn note(&self, accepted: usize, newest: i64) {
        self.accepted.fetch_add(accepted as u64, Ordering::Relaxed);
        self.newest.fetch_max(newest, Ordering::Relaxed);
    }

    /// From segment `first` on series are defined anew.
    pub(crate) fn begins(&self, first: u64) {
        self.state.lock().starts.insert(first);
    }

    /// Takes the segments before `upto` out of the log: they are kept where a follower needs them.
    pub(crate) fn cut(&self, upto: u64) -> Result<()> {
        let mut state = self.state.lock();
        let state = &mut *state;
        // Whoever read everything needs nothing of it.
        let closed = disk::log::segments(&*self.fs, self.log.dir())?;
        let last = closed.iter().rfind(|(number, ..)| *number < upto);
        let ends = last.map_or(Place { segment: 0, offset: 0 }, |(number, _, size)| Place {
            segment: *number,
            offset: *size,
        });
        if state.followers.values().any(|e| e.place < ends) {
            state.units.keep(&*self.fs, self.log.dir(), upto)?;
            self.give_up(state)?;
        } else {
            state.places.sync()?;
            self.log.remove_before(upto)?;
        }
        self.release_locked(state)
    }

    /// Removes what no follower needs any more, and makes the places durable. Called by upkeep.
    pub(crate) fn release(&self) -> Result<()> {
        self.release_locked(&mut self.state.lock())
    }

    fn release_locked(&self, state: &mut State) -> Result<()> {
        // First the places, then the removal: no place may point before what is there.
        state.places.sync()?;
        let oldest = state.followers.values().map(|e| e.place).min();
        state.units.release(&*self.fs, oldest)?;
        let kept = state.units.first_segment().unwrap_or(u64::MAX);
        let needed = oldest.map_or(u64::MAX, |place| place.segment).min(kept);
        // The last start at or before what is needed stays.
        while state.starts.len() > 1 && state.starts.iter().nth(1).is_some_and(|second| *second <= needed) {
            state.starts.pop_first();
        }
        self.metrics.feed_kept_bytes.set(gauge(state.units.bytes()));
        Ok(())
    }

    /// Moves the places of followers that are over their cap, unit by unit.
    fn give_up(&self, state: &mut State) -> Result<()> {
        for (name, entry) in &mut state.followers {
            let cap = entry.cap.min(self.limit);
            let mut moved = false;
            while let Some(oldest) = state.units.oldest_from(entry.place)
                && state.units.bytes_from(entry.place) > cap
            {
                let from = entry.place.max(entry.read);
                entry.place = Place { segment: oldest, offset: 0 };
                let lost = state.units.bytes_between(from, entry.place);
                entry.lost += lost;
                self.metrics.feed_lost_bytes.inc_by(lost);
                moved = true;
                tracing::warn!(
                    follower = name,
                    bytes = lost,
                    cap,
                    "the log kept for a receiver is over its cap: the oldest part is given up"
                );
            }
            if moved {
                state.places.put(name, entry.place, entry.cap)?;
            }
        }
        Ok(())
    }

    fn lag(&self, name: &str) -> FeedLag {
        let state = self.state.lock();
        let lag = FeedLag {
            newest_accepted_ms: self.newest.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            ..FeedLag::default()
        };
        let Some(entry) = state.followers.get(name) else { return lag };
        let end = self.log.end();
        let live = disk::log::segments(&*self.fs, self.log.dir()).unwrap_or_default();
        let live = live.into_iter().map(|(number, _, size)| {
            let written = if number == end.segment { end.offset } else { size };
            units::bytes_after(entry.place, number, written)
        });
        let bytes = state.units.bytes_from(entry.place) + live.sum::<u64>();
        FeedLag { bytes, lost_bytes: entry.lost, newest_read_ms: entry.newest, ..lag }
    }

    /// Opens segment `number`, wherever it is by now, or says which is the next one that is there.
    fn open_segment(&self, number: u64) -> Result<Found> {
        let state = self.state.lock();
        let live = disk::log::segments(&*self.fs, self.log.dir())?;
        let kept = state.units.segments().map(|(number, path)| (number, path.to_owned()));
        let live = live.into_iter().map(|(number, name, _)| (number, self.log.dir().join(name)));
        let found = kept.chain(live).filter(|(there, _)| *there >= number).min();
        let Some((there, path)) = found else { return Ok(Found::Nothing) };
        if there > number {
            return Ok(Found::Later(there));
        }
        let file = self.fs.open(&path).map_err(|e| {
            Error::unavailable("a log segment cannot be opened")
                .with_detail(format_args!("{}: {e}", path.display()))
        })?;
        Ok(Found::File(file))
    }

    /// The first segment from whose beginning on the definitions for `segment` are found.
    fn start_of(&self, segment: u64) -> u64 {
        self.state.lock().starts.range(..=segment).next_back().copied().unwrap_or(0)
    }
}

/// See [`Feed::open_segment`].
enum Found {
    File(Box<dyn disk::fs::File>),
    Later(u64),
    Nothing,
}

impl MetricFeed for Store {
    fn follow(&self, name: &str, cap_bytes: u64) -> Result<Box<dyn Follower>> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(Error::invalid(format_args!("the name of a follower has 1 to {MAX_NAME} bytes")));
        }
        let feed = &self.feed;
        let mut state = feed.state.lock();
        let state = &mut *state;
        if state.followers.len() >= MAX_FOLLOWERS && !state.followers.contains_key(name) {
            return Err(Error::limited(format_args!("at most {MAX_FOLLOWERS} followers of the log")));
        }
        let place = match state.followers.get(name) {
            Some(entry) if entry.open => {
                return Err(Error::conflict(format_args!("the log is already followed by {name:?}")));
            }
            Some(entry) => entry.place,
            None => self.log.end(),
        };
        state.places.put(name, place, cap_bytes)?;
        state.places.sync()?;
        let entry = Entry { place, read: place, cap: cap_bytes, open: true, lost: 0, newest: 0 };
        state.followers.insert(name.to_owned(), entry);
        Ok(Box::new(follower::LogFollower::new(Arc::clone(feed), name.to_owned(), place)))
    }

    fn forget_others(&self, keep: &[String]) -> Result<()> {
        let mut state = self.feed.state.lock();
        let gone: Vec<String> = state
            .followers
            .iter()
            .filter(|(n, e)| !e.open && !keep.contains(n))
            .map(|(n, _)| n.clone())
            .collect();
        for name in gone {
            state.places.remove(&name)?;
            state.followers.remove(&name);
        }
        self.feed.release_locked(&mut state)
    }

    fn lag(&self, name: &str) -> FeedLag {
        self.feed.lag(name)
    }
}
