//! One group as the sampler sees it.

use crate::containers::cgroup::reader::Scratch;
use crate::containers::cgroup::reading::{Reading, Spec};
use crate::containers::cgroup::{Layout, Reader};
use crate::containers::history::Observed;
use crate::containers::live;
use crate::containers::shared::Shared;
use crate::containers::writer::Look;

/// For how long a group is young.
const YOUTH_MS: i64 = 5_000;
/// From when on a process found in the group is taken for the main one: before, it may be the runtime's own helper,
/// still in the host's network.
const SETTLED_MS: i64 = 1_000;

/// A group with what was last read of it.
#[derive(Debug)]
pub(super) struct Group {
    /// Reads it.
    pub(super) reader: Reader,
    /// Which directory it is: a path comes again with the container's next start.
    pub(super) inode: u64,
    /// The container whose group it is.
    pub(super) container: Option<String>,
    /// The main process.
    pub(super) pid: Option<u32>,
    /// Whether the engine named it.
    pub(super) confirmed: bool,
    /// Stands for the pidfd.
    pub(super) token: Option<u64>,
    /// The last figures were taken.
    pub(super) ended: bool,
    /// The newest reading.
    pub(super) last: Option<Reading>,
    /// When it was last stored.
    pub(super) stored_t: i64,
    pointed: Option<Reading>,
    born_ms: Option<i64>,
    settled: bool,
    created_ms: i64,
    first_seen_ms: i64,
    spec: Spec,
    oom_kills: Option<u64>,
}

impl Group {
    pub(super) fn new(
        reader: Reader,
        container: Option<String>,
        born_ms: Option<i64>,
        (created_ms, inode): (i64, u64),
        now: i64,
    ) -> Self {
        Self {
            reader,
            container,
            pid: None,
            confirmed: false,
            token: None,
            ended: false,
            last: None,
            stored_t: 0,
            pointed: None,
            born_ms,
            settled: false,
            created_ms,
            inode,
            first_seen_ms: now,
            spec: Spec::default(),
            // Kills before a group was seen belong to its past, unless it was just made.
            oom_kills: born_ms.map(|_| 0),
        }
    }

    pub(super) fn is_young(&self, now: i64) -> bool {
        self.container.is_some() && !self.ended && self.born_ms.is_some_and(|born| now - born < YOUTH_MS)
    }

    /// Opens a young group again: when it was first seen it may not yet have been in every hierarchy.
    pub(super) fn renew(&mut self, layout: &Layout, path: &str, scratch: &Scratch, now: i64) {
        let age = now - self.first_seen_ms;
        let due = age < SETTLED_MS || (!self.reader.is_complete() && age < 2 * YOUTH_MS);
        if self.born_ms.is_some() && !self.settled && !self.ended {
            self.settled = !due;
            self.reader.renew(layout, path, scratch);
        }
    }

    /// The process whose network is the container's; none while that is not sure.
    pub(super) fn network_pid(&self, now: i64) -> Option<u32> {
        self.pid.filter(|_| self.confirmed || now - self.first_seen_ms >= SETTLED_MS)
    }

    /// Looks for a main process where the engine named none.
    pub(super) fn find_pid(&mut self, scratch: &mut Scratch, now: i64) {
        let settled = now - self.first_seen_ms >= SETTLED_MS || self.born_ms.is_none();
        if self.pid.is_none() && settled && self.container.is_some() {
            self.pid = self.reader.first_pid(&mut scratch.buffer);
        }
    }

    /// Takes a reading into the live ring and the verdicts.
    pub(super) fn observe(&mut self, shared: &Shared, reading: &Reading) {
        if let Some(spec) = reading.spec {
            self.spec = spec;
        }
        self.last = Some(reading.clone());
        let Some(id) = &self.container else { return };
        let kills = reading.memory.and_then(|m| m.oom_kills);
        let more = match (self.oom_kills, kills) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => 0,
        };
        self.oom_kills = kills.or(self.oom_kills);
        // A birth's own reading has no past to compare with.
        let far_enough = self.pointed.as_ref().is_none_or(|p| reading.t - p.t >= 500);
        if !far_enough && more == 0 {
            return;
        }
        let point = live::point(self.pointed.as_ref(), reading);
        let observed = Observed {
            memory_limit: self.spec.memory_limit.unwrap_or(0),
            pids_limit: self.spec.pids_limit.unwrap_or(0),
            cpu_limit: match (self.spec.cpu_quota, self.spec.cpu_period) {
                (Some(quota), Some(period)) if period > 0 => quota as f64 / period as f64,
                _ => 0.0,
            },
            needed: reading.memory.map_or(f64::NAN, |m| m.needed() as f64),
        };
        shared.index.lock().observe(id, point, observed, more);
        self.pointed = Some(reading.clone());
    }

    /// What the writer gets.
    pub(super) fn look(&self, path: &str, mut reading: Option<Reading>, gone: bool) -> Look {
        if let Some(reading) = &mut reading {
            // A live reading has no limits; without them the series that depend on them would seem to end.
            reading.spec.get_or_insert(self.spec);
        }
        Look {
            group: path.to_owned(),
            container: self.container.clone(),
            t: reading.as_ref().map_or(0, |r| r.t),
            born_ms: self.born_ms,
            reading,
            created_ms: self.created_ms,
            gone,
        }
    }
}
