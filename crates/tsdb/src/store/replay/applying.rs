//! Puts what was read into the head, beside the thread that reads: few threads, each with shards of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use model::RejectReason;

use crate::head::{Encoded, Head, Outcome, Rules, SHARDS, SeriesId};

/// Steps handed over at once.
const STEPS: usize = 8 << 10;
/// Batches that may wait for each thread: this bounds the memory of a replay.
const WAITING: usize = 4;
/// Most threads; shards are divided among them.
const MOST_THREADS: usize = 4;

/// What happened to a series.
pub(crate) enum What {
    /// It is new.
    Admitted,
    Float {
        t: i64,
        start: i64,
        bits: u64,
    },
    Histogram {
        t: i64,
        start: i64,
        encoded: Box<[u8]>,
    },
}

struct Step {
    id: SeriesId,
    what: What,
}

struct Lane {
    batch: Vec<Step>,
    send: SyncSender<Vec<Step>>,
    /// Batches come back empty, so that their memory is used again.
    empty: Receiver<Vec<Step>>,
}

/// Hands steps to threads.
pub(crate) struct Applying<'scope> {
    lanes: Vec<Lane>,
    threads: Vec<ScopedJoinHandle<'scope, u64>>,
}

impl<'scope> Applying<'scope> {
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, head: &'scope Head) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..cores.saturating_sub(1).clamp(1, MOST_THREADS) {
            let (send, receive) = sync_channel::<Vec<Step>>(WAITING);
            let (give_back, empty) = sync_channel(WAITING + 2);
            lanes.push(Lane { batch: Vec::with_capacity(STEPS), send, empty });
            threads.push(scope.spawn(move || {
                let mut lost = 0;
                for mut batch in receive {
                    lost += apply(head, &mut batch);
                    // Where the other end is full or gone, the memory goes.
                    let _ = give_back.try_send(batch);
                }
                lost
            }));
        }
        Self { lanes, threads }
    }

    #[inline]
    pub(super) fn push(&mut self, id: SeriesId, what: What) {
        let lane = Head::shard_of(id.slot) % self.lanes.len();
        let lane = &mut self.lanes[lane];
        lane.batch.push(Step { id, what });
        if lane.batch.len() >= STEPS {
            let empty = lane.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(STEPS));
            // The other end is only gone if its thread panicked; `finish` says so.
            let _ = lane.send.send(std::mem::replace(&mut lane.batch, empty));
        }
    }

    /// Waits until everything is in the head; how many samples did not fit.
    pub(super) fn finish(self) -> u64 {
        for lane in self.lanes {
            let _ = lane.send.send(lane.batch);
        }
        let lost = |thread: ScopedJoinHandle<'_, u64>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        self.threads.into_iter().map(lost).sum()
    }
}

fn apply(head: &Head, batch: &mut Vec<Step>) -> u64 {
    let mut lost = 0;
    let mut shards: [_; SHARDS] = std::array::from_fn(|_| None);
    for Step { id, what } in batch.drain(..) {
        let number = Head::shard_of(id.slot);
        // No other thread of the replay asks for it, and nobody else has the head yet.
        let shard = shards[number].get_or_insert_with(|| head.write(number));
        let place = Head::place_of(id.slot);
        let outcome = match what {
            What::Admitted => {
                shard.admit(place, id.generation);
                continue;
            }
            What::Float { t, start, bits } => {
                let outcome = shard.append(place, id.generation, t, start, bits, &Rules::ANY);
                // Only a total that has grown is logged twice with one time.
                match outcome {
                    Outcome::Refused(RejectReason::Duplicate) => {
                        shard.append_rising(place, id.generation, t, bits, &Rules::ANY)
                    }
                    outcome => outcome,
                }
            }
            What::Histogram { t, start, encoded } => {
                let sample = Encoded { t, start, bytes: &encoded };
                shard.append_histogram(place, id.generation, sample, &Rules::ANY)
            }
        };
        lost += u64::from(matches!(outcome, Outcome::Refused(RejectReason::Limit)));
    }
    lost
}
