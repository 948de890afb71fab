//! One queue: reads the log, hands what it reads to the shards, and acknowledges what they delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::{Budget, ErrorKind, FeedBatch, FeedValue, Follower, MetricFeed, Reservation, Result};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::deliver::Courier;
use super::metrics::{Counts, Reason};
use super::post::Sender;
use super::rate::{self, Figures, Rate};
use super::series::{Rewrite, SeriesCache};
use super::shard::{Item, Piece, Shard};
use super::track::{Ticket, Tracker};

/// How often the log is looked at while nothing comes.
const IDLE: Duration = Duration::from_millis(200);
/// ... and while the rest is delivered before the end.
const FLUSHING: Duration = Duration::from_millis(20);
/// After an error of the log, or while memory is short.
const PAUSE: Duration = Duration::from_secs(1);
/// What an item takes, beside the buckets of a histogram.
const ITEM_BYTES: u64 = size_of::<Item>() as u64;
/// Items read from the log at once.
const READ: usize = 5_000;

/// What a running queue shows of itself.
#[derive(Default)]
pub(super) struct Gauges {
    pub(super) shards: AtomicUsize,
    pub(super) tracker: Tracker,
}

/// A queue before it starts.
pub(super) struct Queue {
    pub(super) sender: Arc<Sender>,
    pub(super) rewrite: Rewrite,
    pub(super) feed: Arc<dyn MetricFeed>,
    /// The follower's name.
    pub(super) place: String,
    pub(super) cap_bytes: u64,
    pub(super) budget: Budget,
    pub(super) gauges: Arc<Gauges>,
    /// Deliver what there is, then end.
    pub(super) flush: CancellationToken,
    /// End once requests under way are over.
    pub(super) abandon: CancellationToken,
}

struct RunningShard {
    shard: Arc<Shard>,
    retire: CancellationToken,
    task: JoinHandle<std::collections::VecDeque<Piece>>,
}

struct Runner {
    queue: Queue,
    reading: Reading,
    batch: FeedBatch,
    /// Where the last batch ended.
    position: u64,
    /// Items since the start.
    handed_out: usize,
    shards: Vec<RunningShard>,
    cache: SeriesCache,
    held: Option<Reservation>,
    stored: Rate,
    sent: Rate,
    dropped: Rate,
    sending: Rate,
    calculated: Instant,
}

/// The follower. It is read on threads that may wait for the disk.
type Reading = Arc<Mutex<Box<dyn Follower>>>;

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

impl Queue {
    /// Runs until it is flushed or abandoned.
    pub(super) async fn run(self) {
        let Some(mut runner) = self.begin().await else { return };
        runner.work().await;
        runner.stop_shards().await;
        runner.acknowledge().await;
    }

    async fn begin(self) -> Option<Runner> {
        let follower = self.follow().await?;
        let cache = SeriesCache::new(self.rewrite.clone());
        let shards = self.sender.settings.min_shards.max(1);
        let mut runner = Runner {
            queue: self,
            reading: Arc::new(Mutex::new(follower)),
            batch: FeedBatch::default(),
            position: 0,
            handed_out: 0,
            shards: Vec::new(),
            cache,
            held: None,
            stored: Rate::default(),
            sent: Rate::default(),
            dropped: Rate::default(),
            sending: Rate::default(),
            calculated: Instant::now(),
        };
        runner.start_shards(shards);
        Some(runner)
    }

    async fn follow(&self) -> Option<Box<dyn Follower>> {
        loop {
            let (feed, place, cap) = (Arc::clone(&self.feed), self.place.clone(), self.cap_bytes);
            match blocking(move || feed.follow(&place, cap)).await {
                Ok(follower) => return Some(follower),
                Err(error) => {
                    tracing::error!(queue = self.sender.name, %error, "the log cannot be followed; it is tried again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.flush.cancelled() => return None,
                () = self.abandon.cancelled() => return None,
            }
        }
    }
}

impl Runner {
    async fn work(&mut self) {
        let mut first = true;
        while !self.queue.abandon.is_cancelled() {
            let flushing = self.queue.flush.is_cancelled();
            if flushing {
                self.queue.sender.flush();
                self.shards.iter().for_each(|s| s.shard.wake());
                if self.queue.sender.is_failing() {
                    return; // the log keeps what is left
                }
            }
            if first || self.calculated.elapsed() >= rate::INTERVAL {
                first = false;
                self.calculate().await;
            }
            let pause = match self.read().await {
                Ok(more) => {
                    if !self.hand_out().await {
                        return;
                    }
                    if more {
                        continue;
                    }
                    if flushing && self.queue.gauges.tracker.is_empty() {
                        return;
                    }
                    if flushing { FLUSHING } else { IDLE }
                }
                Err(error) => {
                    if error.kind != ErrorKind::Limited {
                        tracing::error!(queue = self.queue.sender.name, %error, "the log cannot be read; it is tried again");
                    }
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.queue.flush.cancelled(), if !flushing => {}
                () = self.queue.abandon.cancelled() => {}
            }
        }
    }

    /// Acknowledges what was delivered and reads what comes next.
    async fn read(&mut self) -> Result<bool> {
        let (reading, mut batch) = (Arc::clone(&self.reading), std::mem::take(&mut self.batch));
        let delivered = self.queue.gauges.tracker.delivered();
        let most = READ.min(self.queue.sender.settings.capacity).max(1);
        let (batch, result) = blocking(move || {
            let mut follower = reading.lock();
            let acknowledged = delivered.map_or(Ok(()), |position| follower.acknowledge(position));
            let result = acknowledged.and_then(|()| follower.next(most, &mut batch));
            (batch, result)
        })
        .await;
        self.batch = batch;
        result
    }

    /// Acknowledges what was delivered.
    async fn acknowledge(&mut self) {
        let Some(position) = self.queue.gauges.tracker.delivered() else { return };
        let reading = Arc::clone(&self.reading);
        if let Err(error) = blocking(move || reading.lock().acknowledge(position)).await {
            tracing::error!(queue = self.queue.sender.name, %error, "the place in the log is not kept");
        }
    }

    /// Gives a batch to the shards, waiting for room; `false`: the queue is abandoned.
    async fn hand_out(&mut self) -> bool {
        let samples = std::mem::take(&mut self.batch.samples);
        if samples.is_empty() && self.batch.position == self.position {
            return true;
        }
        self.position = self.batch.position;
        let mut bytes = 0;
        let mut dropped = Counts::default();
        let settings = &self.queue.sender.settings;
        let mut items: Vec<std::collections::VecDeque<Item>> = Vec::new();
        items.resize_with(self.shards.len(), Default::default);
        let mut count = 0;
        let mut newest = 0;
        for sample in samples {
            newest = newest.max(sample.t);
            match &sample.value {
                FeedValue::Exemplar(_) if !settings.send_exemplars => continue,
                FeedValue::Histogram(_) if !settings.send_histograms => continue,
                _ => {}
            }
            let Some(series) = self.cache.get(&sample.series) else {
                dropped.add(&sample.value);
                continue;
            };
            bytes += ITEM_BYTES + heap_bytes(&sample.value);
            let shard = (series.hash % items.len() as u64) as usize;
            let item = Item { series, t: sample.t, start: sample.start, value: sample.value };
            // The remainder is within the list.
            items[shard].push_back(item);
            count += 1;
        }
        self.queue.sender.metrics.dropped(Reason::Series, dropped);
        if newest > 0 {
            self.queue.sender.metrics.highest_read.set(newest as f64 / 1000.0);
        }
        // A process before this one may have delivered what its shards held.
        let settings = &self.queue.sender.settings;
        let under_way = settings.capacity.saturating_add(settings.max_samples_per_send);
        let uncertain =
            self.handed_out <= under_way.saturating_mul(settings.max_shards).saturating_add(2 * READ);
        self.handed_out = self.handed_out.saturating_add(count);
        let Some(held) = self.reserve(bytes).await else { return false };
        let ticket = self.queue.gauges.tracker.begin(self.position, count, uncertain, held);
        self.queue.sender.metrics.pending.set(gauge(self.queue.gauges.tracker.items() as u64));
        for (at, items) in items.into_iter().enumerate() {
            if !items.is_empty() && !self.push(at, Piece { ticket: Arc::clone(&ticket), items }).await {
                return false;
            }
        }
        true
    }

    async fn push(&mut self, at: usize, piece: Piece) -> bool {
        let capacity = self.queue.sender.settings.capacity.max(1);
        let shard = Arc::clone(&self.shards[at].shard);
        if shard.items() >= capacity {
            self.queue.sender.metrics.enqueue_retries.inc();
        }
        while shard.items() >= capacity {
            let stuck = async {
                // The end does not wait for a receiver that fails.
                self.queue.flush.cancelled().await;
                self.queue.sender.flush();
                while !self.queue.sender.is_failing() {
                    tokio::time::sleep(FLUSHING).await;
                }
            };
            tokio::select! {
                biased;
                () = self.queue.abandon.cancelled() => return false,
                () = shard.has_room(capacity) => {}
                () = stuck => return false,
                () = tokio::time::sleep(PAUSE) => self.acknowledge().await,
            }
        }
        shard.push(piece);
        true
    }

    /// Memory for a batch; waits while there is none. `None`: the queue is abandoned.
    async fn reserve(&mut self, bytes: u64) -> Option<Option<Reservation>> {
        loop {
            let table = self.cache.bytes();
            if self.held.as_ref().is_none_or(|held| held.bytes() < table || held.bytes() / 2 > table) {
                self.held = None;
                self.held = self.queue.budget.reserve(table + table / 4).ok();
            }
            match self.queue.budget.reserve(bytes) {
                Ok(held) if self.held.is_some() => return Some(Some(held)),
                // What is under way will give memory back.
                _ if !self.queue.gauges.tracker.is_empty() => {}
                // Nothing is: one batch goes on, so that the queue never stands still for good.
                _ => return Some(None),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.queue.abandon.cancelled() => return None,
            }
            // Batches give their memory back once they are taken off the list.
            self.acknowledge().await;
        }
    }

    fn start_shards(&mut self, count: usize) {
        for _ in 0..count {
            let shard = Arc::new(Shard::default());
            let retire = CancellationToken::new();
            let courier = Courier::new(Arc::clone(&self.queue.sender));
            let task = tokio::spawn(Arc::clone(&shard).run(courier, retire.clone()));
            self.shards.push(RunningShard { shard, retire, task });
        }
        self.queue.gauges.shards.store(count, Ordering::Relaxed);
        self.queue.sender.metrics.shards.set(gauge(count as u64));
    }

    /// Ends all shards once their requests under way are over; what they did not deliver, in the order of each series.
    async fn stop_shards(&mut self) -> Vec<Piece> {
        self.shards.iter().for_each(|s| s.retire.cancel());
        let mut rest = Vec::new();
        for running in std::mem::take(&mut self.shards) {
            match running.task.await {
                Ok(pieces) => rest.extend(pieces),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
        rest
    }

    async fn reshard(&mut self, count: usize) {
        tracing::info!(queue = self.queue.sender.name, from = self.shards.len(), to = count, "resharding");
        let rest = self.stop_shards().await;
        self.start_shards(count);
        for Piece { ticket, items } in rest {
            let mut parts: Vec<std::collections::VecDeque<Item>> = Vec::new();
            parts.resize_with(count, Default::default);
            for item in items {
                parts[(item.series.hash % count as u64) as usize].push_back(item);
            }
            for (running, items) in self.shards.iter().zip(parts) {
                if !items.is_empty() {
                    running.shard.push(Piece { ticket: Arc::<Ticket>::clone(&ticket), items });
                }
            }
        }
    }

    /// Every few seconds: how many shards would keep up.
    async fn calculate(&mut self) {
        let seconds = self.calculated.elapsed().as_secs_f64();
        self.calculated = Instant::now();
        let (feed, place) = (Arc::clone(&self.queue.feed), self.queue.place.clone());
        let lag = blocking(move || feed.lag(&place)).await;
        let sender = &self.queue.sender;
        let newest = lag.newest_accepted_ms.max(lag.newest_read_ms);
        let sent = sender.newest_sent();
        let figures = Figures {
            stored: self.stored.tick(lag.accepted as f64, seconds),
            delivered: self.sent.tick(sender.metrics.total_sent() as f64, seconds),
            dropped: self.dropped.tick(sender.metrics.total_dropped() as f64, seconds),
            sending: self.sending.tick(sender.busy_seconds(), seconds),
            delay: if sent > 0 { (newest - sent) as f64 / 1000.0 } else { 0.0 },
            shards: self.shards.len(),
        };
        let Some(wanted) = rate::desired(&figures) else { return };
        sender.metrics.shards_desired.set(wanted);
        let (least, most) = (sender.settings.min_shards, sender.settings.max_shards);
        let count = rate::shards(&figures, wanted, least, most);
        // More shards do not help against a receiver that fails.
        let recent = sender.clock.now_ms() - sender.last_sent()
            <= 2 * i64::try_from(sender.settings.batch_send_deadline.as_millis()).unwrap_or(i64::MAX / 4);
        if count != self.shards.len() && recent && !sender.is_failing() {
            self.reshard(count).await;
        }
    }
}

pub(super) fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn heap_bytes(value: &FeedValue) -> u64 {
    match value {
        FeedValue::Float(_) => 0,
        FeedValue::Histogram(h) => {
            let numbers = h.positive_buckets.len() + h.negative_buckets.len() + h.custom_values.len();
            let spans = h.positive_spans.len() + h.negative_spans.len();
            (size_of_val(&**h) + 8 * (numbers + spans)) as u64
        }
        FeedValue::Exemplar(e) => (size_of_val(&**e) + e.labels.canonical().len()) as u64,
    }
}

#[cfg(test)]
mod tests;
