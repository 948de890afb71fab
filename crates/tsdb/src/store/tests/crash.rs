//! Crashes and failures at any operation of everything the store does: writes, flushes, compaction, retention, deletion,
//! retention of single series, snapshots, backups and what is restored from them. Deterministic: a seed says what is done and where it is cut, and a failure prints how to run it again.
//!
//! `BONGHWA_CRASH_SEEDS=5000` runs more of them, `BONGHWA_CRASH_FROM=2000` not the first ones; `BONGHWA_CRASH_SEED=7` runs the one, `BONGHWA_CRASH_CUT=120` cuts it at
//! that operation instead of where the seed says. `BONGHWA_CRASH_TRACE=1` tells every step, and whether the sample of
//! `BONGHWA_CRASH_SAMPLE` (its time) is seen after it.

mod backups;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;

use disk::fs::Fs;
use disk::sim::Random;
use model::MetricAdmin;

use super::*;
use world::World;

const ROUNDS: u64 = 3;
const STEPS: u64 = 30;

/// Seeds of a plain test run.
const SEEDS: u64 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Says how to run a failure again.
struct Report {
    seed: u64,
    cut: Option<u64>,
    fs: SimFs,
    /// The first failure that was injected into the round.
    failure: Option<String>,
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let cut = self.cut.map(|cut| format!(" BONGHWA_CRASH_CUT={cut}")).unwrap_or_default();
            let failure = self.fs.failure().or_else(|| self.failure.take()).unwrap_or_default();
            eprintln!(
                "seed {}: the last injected failure was {failure}\nsee it again: BONGHWA_CRASH_SEED={}{cut} cargo \
                 test -p tsdb seeds_of_crashes",
                self.seed, self.seed
            );
        }
    }
}

/// What goes wrong in a round.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// From an operation on nothing works any more.
    Cut(u64),
    /// Single operations fail.
    Once(u64),
    /// For some steps the disk is full, or read-only.
    Full(u64),
    ReadOnly(u64),
}

fn fault(random: &mut Random) -> Fault {
    match random.below(8) {
        0..4 => Fault::Cut(random.below(250)),
        4 | 5 => Fault::Once(random.below(120)),
        6 => Fault::Full(random.below(STEPS)),
        _ => Fault::ReadOnly(random.below(STEPS)),
    }
}

/// Steps that a full or read-only disk lasts.
const EPISODE: u64 = 12;

/// One life of the process, up to its death. Whether the cut was reached.
fn live(fixture: &Fixture, world: &mut World, random: &mut Random, fault: Fault) -> bool {
    match fault {
        Fault::Cut(at) => fixture.fs.fail_from(at),
        Fault::Once(at) => fixture.fs.fail_once(at),
        Fault::Full(_) | Fault::ReadOnly(_) => {}
    }
    let Ok(store) = fixture.try_open() else {
        assert!(fixture.fs.failed(), "it does not open, and nothing was wrong");
        return true;
    };
    let mut broken = false;
    for step in 0..STEPS {
        match fault {
            Fault::Full(from) if from == step => {
                fixture.fs.set_capacity(fixture.fs.used() + random.below(2_000));
                broken = true;
            }
            Fault::ReadOnly(from) if from == step => {
                fixture.fs.set_read_only(true);
                broken = true;
            }
            Fault::Full(from) | Fault::ReadOnly(from) if from + EPISODE == step => {
                end_episode(fixture, &store, world);
                broken = false;
            }
            Fault::Once(_) if fixture.fs.failed() && random.below(8) == 0 => {
                fixture.fs.fail_once(random.below(60));
            }
            _ => {}
        }
        let done = world.step(fixture, &store, random);
        if number("BONGHWA_CRASH_TRACE").is_some() {
            eprintln!("  {done:?}; {:?}", world.looked_for(&store));
        }
        if let Err(e) = done {
            assert!(broken || fixture.fs.failed(), "step {step} failed without a reason: {e} {:?}", e.detail);
            if matches!(fault, Fault::Cut(_)) && random.below(3) > 0 {
                break;
            }
        }
    }
    if !matches!(fault, Fault::Cut(_)) {
        fixture.fs.fail_once(u64::MAX / 2);
        end_episode(fixture, &store, world);
        world.check(&store, "in the running process");
    }
    fixture.fs.failed()
}

/// What was wrong is over: upkeep works again by itself.
fn end_episode(fixture: &Fixture, store: &Store, world: &mut World) {
    fixture.fs.set_capacity(u64::MAX);
    fixture.fs.set_read_only(false);
    world.expire(fixture);
    store.maintain().unwrap();
}

/// Whether the process dies with the machine or alone.
fn fails_power(random: &mut Random) -> bool {
    random.below(2) == 0
}

/// Runs a seed; whether a cut at `cut` was reached.
fn run(seed: u64, cut: Option<u64>) -> bool {
    let random = &mut Random::new(seed);
    let mut fixture = Fixture::new();
    fixture.options.retention_ms = 24 * 3_600_000;
    fixture.options.out_of_order_ms = 3_600_000;
    // Half of the seeds have summaries, of which the last sample of each outlives its retention.
    fixture.options.downsampling.enabled = seed % 4 >= 2;
    // In half of them, of both kinds, some series are kept shorter or longer than the others.
    if seed % 8 % 2 == 1 {
        fixture.options.series_retention = world::rules(12, 48);
    }
    let power = fails_power(random);
    fixture.options.sync = if power { disk::log::SyncPolicy::Batch } else { disk::log::SyncPolicy::Off };
    let mut report = Report { seed, cut, fs: fixture.fs.clone(), failure: None };
    let mut world = World::new();
    let mut reached = false;
    for round in 0..ROUNDS {
        let fault = match (cut, fault(random)) {
            // The first round makes something that can be damaged.
            (Some(_), _) if round == 0 => Fault::Cut(u64::MAX / 2),
            (Some(cut), _) => Fault::Cut(cut),
            (None, fault) => fault,
        };
        reached |= live(&fixture, &mut world, random, fault);
        report.failure = fixture.fs.failure();
        match (power, random.below(3)) {
            (false, _) => fixture.fs.kill(),
            (true, 0) => fixture.fs.crash(),
            (true, _) => fixture.fs.crash_leaving_some(random),
        }
        fixture.fs.set_capacity(u64::MAX);
        let store = fixture.open();
        world.check_opened(&fixture, &store);
        world.check_backups(&fixture);
        // It goes on as if nothing had happened.
        store.maintain().unwrap();
        world.expire(&fixture);
        world.check(&store, "after upkeep");
        store.clean_tombstones().unwrap();
        world.check(&store, "after cleaning");
        drop(store);
        // The same process again: what was just repaired stays.
        fixture.fs.kill();
        if cut.is_some() && round == 1 {
            break;
        }
    }
    reached
}

#[test]
fn seeds_of_crashes_lose_nothing_acknowledged_and_show_nothing_half_made() {
    if let Some(seed) = number("BONGHWA_CRASH_SEED") {
        run(seed, number("BONGHWA_CRASH_CUT"));
        return;
    }
    let from = number("BONGHWA_CRASH_FROM").unwrap_or(0);
    for seed in from..number("BONGHWA_CRASH_SEEDS").unwrap_or(SEEDS) {
        run(seed, None);
    }
}

#[test]
fn a_cut_at_every_single_operation_of_some_seeds() {
    let each = if number("BONGHWA_CRASH_SEEDS").is_some() { 6 } else { 1 };
    for power in [true, false] {
        for seed in (0..).filter(|seed| fails_power(&mut Random::new(*seed)) == power).take(each) {
            assert!((0..).any(|cut| !run(seed, Some(cut))));
        }
    }
}
