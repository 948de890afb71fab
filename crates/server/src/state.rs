//! What handlers share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{CancelFlag, Ctx, Error, Result, Tenant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::own::live::LiveCache;
use crate::parts::Parts;
use crate::web::Web;

/// Shared by all handlers.
pub(crate) type Shared = Arc<State>;

pub(crate) struct State {
    pub(crate) parts: Parts,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) web: Web,
    pub(crate) live: LiveCache,
    pub(crate) receiver: intake::Receiver,
    /// What is sent by OTLP as deltas.
    pub(crate) deltas: crate::otlp::Deltas,
    /// What is pushed to the Pushgateway API.
    pub(crate) pushed: crate::pushgateway::Groups,
    /// History on its way in.
    pub(crate) imports: crate::own::import::Imports,
    /// Set when the server stops: streams end.
    pub(crate) stopping: CancellationToken,
    queries: Arc<Semaphore>,
    pub(crate) writes: Arc<Semaphore>,
    pub(crate) remote_reads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    pub(crate) notification_places: Arc<Semaphore>,
}

impl State {
    pub(crate) fn new(parts: Parts, access: Access, limits: Limits, web: Web, metrics: Metrics) -> Self {
        Self {
            queries: Arc::new(Semaphore::new(limits.queries)),
            writes: Arc::new(Semaphore::new(limits.writes)),
            notification_places: Arc::new(Semaphore::new(limits.notification_streams)),
            remote_reads: Arc::new(Semaphore::new(match limits.remote_reads {
                0 => Semaphore::MAX_PERMITS,
                most => most,
            })),
            streams: Arc::new(Semaphore::new(limits.streams)),
            stopping: CancellationToken::new(),
            live: LiveCache::default(),
            receiver: intake::Receiver::new(parts.metric_writer.clone(), limits.write_series_cache),
            deltas: crate::otlp::Deltas::default(),
            imports: crate::own::import::Imports::default(),
            pushed: crate::pushgateway::Groups::open(parts.pushes.clone()),
            parts,
            access,
            limits,
            web,
            metrics,
        }
    }

    /// Runs a read on the blocking pool: it waits for its turn, ends at its deadline, and is cancelled when the
    /// client goes away (hyper then drops this future).
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        work: impl FnOnce(&Self, &Ctx) -> T + Send + 'static,
    ) -> Result<T> {
        self.parts.process.ready()?;
        let most = self.limits.query_timeout;
        let deadline = Instant::now() + timeout.map_or(most, |t| t.min(most));
        let waiting = self.queries.clone().acquire_owned();
        let permit = match tokio::time::timeout_at(deadline.into(), waiting).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Error::unavailable("the server is stopping")),
            Err(_) => return Err(Error::timeout("query timed out in query queue")),
        };
        let mut guard = CancelGuard { flag: CancelFlag::default(), metrics: &self.metrics, done: false };
        let ctx = Ctx {
            tenant: Tenant::default(),
            deadline: Some(deadline),
            cancel: guard.flag.clone(),
            budget: self.parts.budget.clone(),
        };
        let state = self.clone();
        self.metrics.queries.inc();
        let started = Instant::now();
        let result = tokio::task::spawn_blocking(move || {
            // The permit is held until the work has really ended, also when nobody waits for it any more.
            let _permit: OwnedSemaphorePermit = permit;
            let result = work(&state, &ctx);
            state.metrics.queries.dec();
            state.metrics.query_seconds.observe(started.elapsed().as_secs_f64());
            result
        })
        .await;
        guard.done = true;
        result.map_err(|e| Error::internal("the query ended unexpectedly").with_detail(e))
    }

    /// A place among the event streams.
    pub(crate) fn stream(self: &Arc<Self>) -> Result<StreamPermit> {
        let permit = self.streams.clone().try_acquire_owned().map_err(|_| {
            Error::limited(format_args!("{} pages are watching already; close one", self.limits.streams))
        })?;
        self.metrics.streams.inc();
        Ok(StreamPermit { _permit: permit, state: self.clone() })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.parts.clock.now_ms()
    }
}

/// Cancels the work when the waiting future is dropped.
struct CancelGuard<'a> {
    flag: CancelFlag,
    metrics: &'a Metrics,
    done: bool,
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.flag.cancel();
            self.metrics.query_cancelled.inc();
        }
    }
}

/// Held while an event stream is open.
pub(crate) struct StreamPermit {
    _permit: OwnedSemaphorePermit,
    state: Shared,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.state.metrics.streams.dec();
    }
}
