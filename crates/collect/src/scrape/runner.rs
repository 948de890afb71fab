//! The loop of one target: wait for its place in the interval, ask, store, wait.

use std::sync::Arc;
use std::time::Instant;

use model::target::Health;
use model::{Budget, Clock, Summary};
use outbound::Client;
use parking_lot::RwLock;
use tokio::time::{Duration as StdDuration, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::append::Appender;
use super::config::ScrapeConfig;
use super::failures::FailureLog;
use super::fetch::{Answer, FetchError, fetch};
use super::target::Target;

/// What the loops of a job share.
pub(crate) struct Shared {
    pub(crate) job: Arc<ScrapeConfig>,
    /// The client, or why there is none.
    pub(crate) client: RwLock<Result<Client, String>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Set while the job has too many targets: every scrape fails with it.
    pub(crate) forced_error: RwLock<Option<String>>,
    /// Spreads the scrapes of several servers.
    pub(crate) seed: u64,
    /// Where bodies are reserved.
    pub(crate) budget: Budget,
    /// How long it was between scrapes.
    pub(super) intervals: Summary,
    /// Where failures are written.
    pub(super) failures: Option<Arc<FailureLog>>,
}

/// A running loop.
pub(crate) struct Loop {
    pub(crate) target: Arc<Target>,
    stop: CancellationToken,
}

impl Loop {
    /// Starts the loop of `target`. `shutdown` ends it at once; a stopped loop first waits and then ends its series,
    /// unless `revived` says that another loop writes the same series by then.
    pub(crate) fn start(
        target: Arc<Target>,
        shared: Arc<Shared>,
        appender: Appender,
        shutdown: CancellationToken,
        revived: impl Fn() -> bool + Send + 'static,
        tasks: &tokio_util::task::TaskTracker,
    ) -> Self {
        let stop = shutdown.child_token();
        let run = Run { target: target.clone(), shared, appender: Some(appender), spare: Vec::new() };
        tasks.spawn(run.run(stop.clone(), shutdown, revived));
        Self { target, stop }
    }

    /// Asks the loop to end. It may still be storing a scrape when this returns.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

struct Run {
    target: Arc<Target>,
    shared: Arc<Shared>,
    /// `None` only while a scrape is being stored.
    appender: Option<Appender>,
    /// The last body's memory.
    spare: Vec<u8>,
}

/// A scrape that is late by at most this is stored with the time it was due: evenly spaced times compress better.
const TOLERANCE_MS: i64 = 2;

impl Run {
    async fn run(
        mut self,
        stop: CancellationToken,
        shutdown: CancellationToken,
        revived: impl Fn() -> bool + Send + 'static,
    ) {
        let interval = self.target.interval.to_std();
        let wait = self.target.offset_ms(self.shared.clock.now_ms(), self.shared.seed);
        let start = tokio::time::Instant::now() + StdDuration::from_millis(wait);
        let mut ticks = tokio::time::interval_at(start, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut due: Option<i64> = None;
        let label = vec![("interval".to_owned(), self.target.interval.go())];
        let mut last: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let t = self.align(&mut due);
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                self.shared.intervals.observe(&label, (now - last).as_secs_f64());
            }
            // A scrape that has begun is finished even if the target is gone; only the end of the process cuts it.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.scrape(t) => {}
            }
        }
        if due.is_some() && !shutdown.is_cancelled() {
            self.end(&mut ticks, shutdown, revived).await;
        }
    }

    /// The time a scrape is stored with: when it was due, if it is hardly later.
    fn align(&self, due: &mut Option<i64>) -> i64 {
        let now = self.shared.clock.now_ms();
        let interval = self.target.interval.as_ms().max(1) as i64;
        let tolerance = TOLERANCE_MS.min(interval / 100);
        let mut at = due.unwrap_or(now);
        if now > at {
            at += (now - at) / interval * interval;
        } else if at - now > interval {
            at = now; // the clock has stepped back
        }
        *due = Some(at);
        if (0..=tolerance).contains(&(now - at)) { at } else { now }
    }

    async fn scrape(&mut self, t: i64) {
        let started = Instant::now();
        let forced = self.shared.forced_error.read().clone();
        let client = self.shared.client.read().clone();
        let answer = match (client, forced) {
            (_, Some(error)) => Err(FetchError::Failed(error)),
            (Err(error), None) => Err(FetchError::Failed(error)),
            (Ok(client), None) => {
                let spare = std::mem::take(&mut self.spare);
                fetch(&client, &self.shared.job, &self.target, &self.shared.budget, spare).await
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let Some(mut appender) = self.appender.take() else { return };
        // The store works synchronously.
        let stored = tokio::task::spawn_blocking(move || {
            let error = appender.record(t, seconds, &answer);
            (appender, answer, error)
        });
        let error = match stored.await {
            Ok((appender, answer, error)) => {
                self.appender = Some(appender);
                self.keep_spare(answer);
                error
            }
            Err(error) => Some(format!("internal error while storing: {error}")),
        };
        if let Some(error) = &error {
            tracing::debug!(url = %self.target.url, %error, "scrape failed");
            self.log_failure(t, error).await;
        }
        let mut state = self.target.state.lock();
        state.health = if error.is_some() { Health::Down } else { Health::Up };
        state.error = error.unwrap_or_default();
        state.scraped_ms = t;
        state.duration_s = seconds;
    }

    async fn log_failure(&self, t: i64, error: &str) {
        let Some(log) = self.shared.failures.clone() else { return };
        let (job, url) = (self.shared.job.job_name.clone(), self.target.url.to_string());
        let error = error.to_owned();
        // A file may lie on a slow disk. The task cannot fail but by a panic of ours, which the log then lacks a line for.
        let _ = tokio::task::spawn_blocking(move || log.write(t, &job, &url, &error)).await;
    }

    /// Keeps the body's memory for the next one, unless it is far too much.
    fn keep_spare(&mut self, answer: Result<Answer, FetchError>) {
        if let Ok(answer) = answer
            && answer.body.capacity() <= (2 * answer.body.len()).max(64 << 10)
        {
            self.spare = answer.body;
        }
    }

    /// Ends the series of a target that is gone. It may come back (a reload, a flapping discovery), so this waits a
    /// little longer than two intervals.
    async fn end(
        mut self,
        ticks: &mut tokio::time::Interval,
        shutdown: CancellationToken,
        revived: impl Fn() -> bool + Send + 'static,
    ) {
        let wait = async {
            ticks.tick().await;
            let t = self.shared.clock.now_ms();
            ticks.tick().await;
            tokio::time::sleep(self.target.interval.to_std() / 10).await;
            t
        };
        let t = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            t = wait => t,
        };
        if revived() {
            return;
        }
        if let Some(mut appender) = self.appender.take() {
            // The result is of no use to anybody: errors are logged by the appender.
            let _ = tokio::task::spawn_blocking(move || appender.end(t)).await;
        }
    }
}
