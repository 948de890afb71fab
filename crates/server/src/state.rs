//! What handlers share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Budget, CancelFlag, Ctx, Error, Load, Result, Tenant};
use prometheus_client::metrics::gauge::Gauge;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::metrics::named::slice;
use crate::own::live::LiveCache;
use crate::parts::Parts;
use crate::web::Web;

/// On which thread a query runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// On that of the request: it takes no time worth another.
    Here,
    /// On one for work.
    Aside,
}

/// Shared by all handlers.
pub(crate) type Shared = Arc<State>;

pub(crate) struct State {
    pub(crate) parts: Parts,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) web: Web,
    pub(crate) live: LiveCache,
    /// Where received logs go.
    pub(crate) logs: Arc<crate::logs::Door>,
    /// Metrics that queries named.
    pub(crate) usage: crate::usage::Usage,
    pub(crate) receiver: intake::Receiver,
    /// What is sent by OTLP as deltas.
    pub(crate) deltas: crate::otlp::Deltas,
    /// What is pushed to the Pushgateway API.
    pub(crate) pushed: crate::pushgateway::Groups,
    /// History on its way in.
    pub(crate) imports: crate::own::import::Imports,
    /// Evaluates LogQL.
    pub(crate) logql: query::logql::Engine,
    /// Deletions of lines that were asked for.
    pub(crate) deletions: crate::loki::Deletions,
    /// Set when the server stops: streams end.
    pub(crate) stopping: CancellationToken,
    queries: Arc<Semaphore>,
    /// A part of the requests' memory: what is received always finds some.
    query_budget: Budget,
    pub(crate) writes: Arc<Semaphore>,
    pub(crate) remote_reads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    pub(crate) notification_places: Arc<Semaphore>,
}

impl State {
    pub(crate) fn new(parts: Parts, access: Access, limits: Limits, web: Web, metrics: Metrics) -> Self {
        let logs = crate::logs::Door::new(
            parts.record_writer.clone(),
            parts.clock.clone(),
            parts.log_receivers.config.limits(),
            metrics.logs.clone(),
        );
        Self {
            logs: Arc::new(logs),
            queries: Arc::new(Semaphore::new(limits.queries)),
            query_budget: parts.budget.child("memory of queries", parts.budget.limit() / 4 * 3),
            writes: Arc::new(Semaphore::new(limits.writes)),
            notification_places: Arc::new(Semaphore::new(limits.notification_streams)),
            remote_reads: Arc::new(Semaphore::new(match limits.remote_reads {
                0 => Semaphore::MAX_PERMITS,
                most => most,
            })),
            streams: Arc::new(Semaphore::new(limits.streams)),
            stopping: CancellationToken::new(),
            logql: query::logql::Engine::default(),
            deletions: crate::loki::Deletions::open(parts.deletions.clone()),
            live: LiveCache::default(),
            usage: crate::usage::Usage::default(),
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
        self.run(timeout, false, Where::Aside, work).await
    }

    /// A read that evaluates an expression, which Prometheus counts apart.
    pub(crate) async fn query<T: Send + 'static>(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        place: Where,
        work: impl FnOnce(&Self, &Ctx) -> T + Send + 'static,
    ) -> Result<T> {
        let _running = Counted::new(&self.metrics.named.queries);
        self.run(timeout, true, place, work).await
    }

    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        evaluates: bool,
        place: Where,
        work: impl FnOnce(&Self, &Ctx) -> T + Send + 'static,
    ) -> Result<T> {
        let asked = Instant::now();
        self.parts.process.ready()?;
        let most = self.limits.query_timeout;
        let deadline = Instant::now() + timeout.map_or(most, |t| t.min(most));
        let permit = match place {
            // What is little does not wait behind what is not.
            Where::Here => self.queries.clone().try_acquire_owned().ok(),
            Where::Aside => {
                let waiting = self.queries.clone().acquire_owned();
                match tokio::time::timeout_at(deadline.into(), waiting).await {
                    Ok(Ok(permit)) => Some(permit),
                    Ok(Err(_)) => return Err(Error::unavailable("the server is stopping")),
                    Err(_) => return Err(Error::timeout("query timed out in query queue")),
                }
            }
        };
        let mut guard = CancelGuard { flag: CancelFlag::default(), metrics: &self.metrics, done: false };
        let ctx = Ctx {
            tenant: Tenant::default(),
            deadline: Some(deadline),
            cancel: guard.flag.clone(),
            budget: self.query_budget.child("this query", u64::MAX),
        };
        let budget = ctx.budget.clone();
        let state = self.clone();
        self.metrics.queries.inc();
        let started = Instant::now();
        let slices = &self.metrics.named.query_seconds;
        if evaluates {
            slices.observe(&slice("queue_time"), (started - asked).as_secs_f64());
        }
        let work = move || {
            // The permit is held until the work has really ended, also when nobody waits for it any more.
            let _permit: Option<OwnedSemaphorePermit> = permit;
            let result = work(&state, &ctx);
            state.metrics.queries.dec();
            let seconds = started.elapsed().as_secs_f64();
            state.metrics.query_seconds.observe(seconds);
            result
        };
        let failed =
            |why: &dyn std::fmt::Display| Error::internal("the query ended unexpectedly").with_detail(why);
        let several = matches!(Handle::current().runtime_flavor(), RuntimeFlavor::MultiThread);
        let result = match place {
            // Two threads that wake each other take longer than a small query.
            Where::Here if several => tokio::task::block_in_place(|| {
                catch_unwind(AssertUnwindSafe(work)).map_err(|_| failed(&"it panicked"))
            }),
            _ => tokio::task::spawn_blocking(work).await.map_err(|e| failed(&e)),
        };
        guard.done = true;
        if budget.refused() > 0 {
            budget.sheds().note(Load::Queries, 1, budget.reason(), self.now_ms());
        }
        result
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

/// One more while it lives.
pub(crate) struct Counted<'a>(&'a Gauge);

impl<'a> Counted<'a> {
    pub(crate) fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
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
