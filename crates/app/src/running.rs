//! Start in order; stop in reverse.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collect::scrape::Manager;
use disk::lock::DirLock;
use disk::{Fs, RealFs};
use intake::Intake;
use model::{
    Budget, Clock, EventReader, EventWriter, MetricReader, MetricWriter, ReplayProgress, Result, SystemClock,
};
use prometheus_client::registry::Registry;
use query::promql::{Engine, EngineOptions, Logs};
use server::{Access, Parts, Server};

use crate::alerting::{Alerting, Doors as RuleDoors};
use crate::background::Background;
use crate::collectors::{Collectors, Doors};
use crate::flags::Flags;
use crate::metrics::Metrics;
use crate::process::{Process, State};
use crate::query_log::QueryLogFile;
use crate::relays::Relays;
use crate::resolved::resolve;
use crate::snapshots::{Kept, Snapshots};
use crate::stores::{Stores, Terms};
use crate::{budgets, data_dir, foreign, listen, memory, shedding, stores};

/// How often series are counted.
const COUNT: Duration = Duration::from_secs(2);

/// Everything that runs.
pub struct Running {
    server: Server,
    relays: Arc<Relays>,
    scraper: Arc<Manager>,
    alerting: Arc<Alerting>,
    collectors: Arc<Collectors>,
    background: Background,
    stores: Stores,
    process: Arc<Process>,
    token: Option<(String, bool)>,
    tls: bool,
    prefix: String,
    token_path: PathBuf,
    // Dropped last: nobody else may open the directory before everything is closed.
    lock: DirLock,
}

/// Starts everything, from the data directory up to the server. Call it within a Tokio runtime.
pub async fn start(flags: Flags) -> Result<Running> {
    let begun = Instant::now();
    // The same provider may have been installed by another start in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    for note in flags.notes() {
        tracing::info!("{note}");
    }
    let mut resolved = resolve(&flags)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    data_dir::end_restore(&*fs, &flags.data)?;
    let ours = data_dir::prepare(&flags.data)?;
    resolved.retention.settle(&*fs, &ours)?;
    let lock = DirLock::acquire(&*fs, &ours)?;
    data_dir::clear_restore(&*fs, &flags.data);
    // Before the stores are opened: a taken port should not cost a replay.
    let listeners = listen::open(&flags.web.listen)?;
    let log_receivers = server::logs::Receivers::open(&resolved.loaded.written.logs.receive)?;
    for (input, address) in log_receivers.addresses() {
        tracing::info!(input, %address, "logs are listened for");
    }
    let token = if listen::all_loopback(&listeners) { None } else { Some(data_dir::token(&ours)?) };
    let budget = Budget::new("the process", resolved.memory_limit);
    memory::give_back();

    // Whoever asks while the log is read back is told how far it is.
    let progress = Arc::new(ReplayProgress::default());
    let waiting = Server::wait(
        progress.clone(),
        resolved.limits.clone(),
        resolved.web.clone(),
        listen::clones(&listeners)?,
    )?;
    let blocking = {
        let (fs, ours, clock, budget) = (fs.clone(), ours.clone(), clock.clone(), budget.clone());
        let progress = progress.clone();
        let terms = Terms {
            retention: resolved.retention,
            sync: flags.wal_sync,
            memory_limit: resolved.memory_limit,
        };
        tracing::info!(wal_sync = terms.sync.as_str(), "{}", terms.sync.promise());
        let storage = resolved.loaded.written.storage.clone();
        let history = resolved.loaded.written.history.clone();
        let logs = resolved.loaded.written.logs.retention.clone();
        let open =
            move || stores::open(fs, &ours, &terms, (&storage, &history, &logs), &budget, clock, &progress);
        tokio::task::spawn_blocking(open)
    };
    let stores = blocking
        .await
        .map_err(|e| model::Error::internal("the stores cannot be opened").with_detail(e))??;
    let Stores { samples: metrics, events, records, .. } = stores.clone();
    tracing::info!(seconds = begun.elapsed().as_secs_f64(), "stores are open");

    let mut registry = Registry::default();
    let own = Metrics::default();
    own.register(&mut registry);
    metrics.metrics().register(&mut registry);
    events.metrics().register(&mut registry);
    records.metrics().register(&mut registry);
    let decisions = budgets::Decisions::open(fs.clone(), &ours)?;
    let cardinality = budgets::open(
        decisions.clone(),
        &metrics,
        clock.clone(),
        (budget.clone(), resolved.memory_limit),
        resolved.loaded.written.cardinality.clone(),
    )?;
    cardinality.metrics().register(&mut registry);
    let lines = intake::Lines::new(&resolved.loaded.written.logs.lines(), records.clone(), clock.clone())?;
    lines.metrics().register(&mut registry);
    let lines = Arc::new(lines);
    let announced = Arc::new(server::logs::Announced::new(lines.clone()));
    let intake = Intake::new(metrics.clone(), events.clone(), resolved.loaded.written.intake.clone());
    let intake = Arc::new(intake.with_cardinality(cardinality.clone()).with_history(metrics.clone()));
    intake.counters().register(&mut registry);
    let refused_at_door = intake.counters().refused_by_budgets();
    let writer: Arc<dyn MetricWriter> = intake.clone();
    let event_writer: Arc<dyn EventWriter> = intake.clone();
    let event_reader: Arc<dyn EventReader> = events.clone();

    let doors = Doors {
        metrics: writer.clone(),
        events: event_writer,
        history: event_reader,
        records: announced.clone(),
        clock: clock.clone(),
    };
    let collectors = Arc::new(Collectors::start(&resolved.collect, doors)?);
    let known: Arc<dyn model::Identity> = collectors.clone();
    lines.identify(Arc::downgrade(&known));
    let written = &resolved.loaded.written;
    let scrapes = budget.child("scraped bodies", resolved.memory_limit / 4);
    let rules = budget.child("rules", resolved.memory_limit / 4);
    let scraper = Manager::start(
        written.scrape_configs.clone(),
        &written.global,
        writer.clone(),
        clock.clone(),
        resolved.scrape_features,
        scrapes.clone(),
    )?;
    scraper.metrics().register(&mut registry);

    let relays =
        Relays::start(&metrics, clock.clone(), &budget, flags.remote.flush_deadline, written, &mut registry)?;
    let rule_doors = RuleDoors {
        reader: relays.reader(),
        records: records.clone(),
        writer: writer.clone(),
        clock: clock.clone(),
        budget: rules.clone(),
        fs: fs.clone(),
        alerts: ours.join("alerts"),
        discovery: scraper.metrics().discovery.clone(),
    };
    let url = format!("{}{}", resolved.web.external_origin, resolved.web.external_path);
    let queries = Arc::new(QueryLogFile::new(clock.clone(), &mut registry));
    queries.set(written.global.query_log_file.as_deref());
    let engine = EngineOptions { logs: Logs(Some(queries.clone())), ..resolved.engine.clone() };
    let alerting = Arc::new(Alerting::new(&flags, &engine, &url, rule_doors, &mut registry));
    let prepared = alerting.prepare(&resolved.loaded.written)?;

    let own_url = listen::own_url(&listeners, &resolved.web)?;
    let token_file = token.is_some().then(|| ours.join("token"));
    let state = State::new(&resolved, clock.now_ms());
    let process = Arc::new(Process {
        flags,
        clock: clock.clone(),
        state: parking_lot::RwLock::new(state),
        reloading: parking_lot::Mutex::new(()),
        started_ms: clock.now_ms(),
        quit: tokio_util::sync::CancellationToken::new(),
        runtime: tokio::runtime::Handle::current(),
        collectors: collectors.clone(),
        scraper: scraper.clone(),
        relays: relays.clone(),
        alerting: alerting.clone(),
        queries,
        stores: stores.clone(),
        lines: lines.clone(),
        log_listeners: log_receivers.control(),
        cardinality: cardinality.clone(),
        fs: fs.clone(),
        ours: ours.clone(),
        memory_limit: resolved.memory_limit,
        metrics: own.clone(),
        foreign: foreign::notice(
            ours.parent().unwrap_or(&ours),
            metrics.block_list().first().map(|block| block.range.start),
            &own_url,
            token_file.as_deref(),
        ),
        store_warnings: [metrics.warnings(), events.warnings(), records.warnings()].concat(),
    });
    process.note_start();
    let applied = alerting.clone();
    tokio::task::spawn_blocking(move || applied.apply(prepared))
        .await
        .map_err(|e| model::Error::internal("the rules cannot be started").with_detail(e))?;
    let asked = process.clone();
    alerting.begin_when(move || server::Process::ready(&*asked).is_ok());
    let watch = shedding::Watch::new(&metrics, scrapes, rules, refused_at_door, clock.clone());
    let mut background =
        Background::start(stores.clone(), budget.clone(), watch, resolved.memory_limit, own)?;
    let counted = cardinality.clone();
    background.every("cardinality", COUNT, move || counted.refresh())?;
    let access = Access {
        token: token.as_ref().map(|(token, _)| token.clone()),
        external_host: resolved.external_host.clone(),
        lifecycle: process.flags.web.enable_lifecycle,
        remote_write: resolved.remote_write,
        remote_write_messages: process.flags.web.remote_write_messages.clone(),
        otlp: resolved.otlp,
        admin_api: process.flags.web.enable_admin,
    };
    let reader: Arc<dyn MetricReader> = relays.reader();
    let most = (resolved.memory_limit / 32).min(64 << 20);
    let results = query::promql::Results::new(most, budget.child("results", most));
    let pushes = Arc::new(crate::pushes::Pushes::open(fs.clone(), &ours)?);
    let deletions = Arc::new(crate::pushes::Pushes::open_deletions(fs.clone(), &ours)?);
    let kept =
        Kept { stores: stores.clone(), pushes: pushes.clone(), deletions: deletions.clone(), decisions };
    let snapshots = Snapshots::open(fs.clone(), &ours, clock.clone(), kept)?;
    let parts = Parts {
        metrics: reader,
        replay: progress,
        metric_stats: Some(metrics.clone()),
        cardinality: Some(cardinality),
        exemplars: Some(metrics.clone()),
        admin: Some(metrics.clone()),
        history: Some(intake),
        snapshots: Some(Arc::new(snapshots)),
        metric_writer: writer,
        records: Some(records.clone()),
        record_news: Some(announced.news()),
        record_writer: Some(announced),
        log_receivers,
        containers: collectors.clone(),
        targets: scraper.clone(),
        queues: relays.clone(),
        rules: alerting.clone(),
        alertmanager: Some(alerting.alertmanager()),
        engine: Arc::new(Engine::new(engine).with_results(Arc::new(results))),
        pushes: Some(pushes),
        deletions: Some(deletions),
        process: process.clone(),
        registry,
        // Queries and request bodies together; queries alone get less of it: what is received finds room beside them.
        budget: budget.child("requests", resolved.memory_limit / 8 * 5),
        clock,
    };
    waiting.stop().await;
    let server = Server::start(parts, access, resolved.limits.clone(), resolved.web.clone(), listeners)?;
    tracing::info!(seconds = begun.elapsed().as_secs_f64(), "started");
    Ok(Running {
        server,
        relays,
        scraper,
        alerting,
        collectors,
        background,
        stores,
        process,
        token,
        tls: resolved.web.config.as_ref().is_some_and(|config| config.is_tls()),
        prefix: resolved.web.route_prefix.clone(),
        token_path: ours.join("token"),
        lock,
    })
}

impl Running {
    /// Where it listens, the real port where 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// The address that a person opens.
    pub fn url(&self) -> String {
        // At least one address is always given: the flag has a default.
        self.addresses().first().map_or_else(String::new, |a| listen::url(*a, self.tls, &self.prefix))
    }

    /// The access token where this start made it, and the file that holds it.
    pub fn new_token(&self) -> Option<(&str, &std::path::Path)> {
        self.token
            .as_ref()
            .filter(|(_, fresh)| *fresh)
            .map(|(token, _)| (token.as_str(), self.token_path.as_path()))
    }

    /// Reads the configuration again; on an error the old one stays.
    pub fn reload(&self) -> Result<()> {
        server::Process::reload(&*self.process)
    }

    /// Ends when somebody asked for a stop over HTTP.
    pub async fn quit_asked(&self) {
        self.process.quit.cancelled().await;
    }

    /// Stops everything in the reverse order of the start.
    pub async fn stop(self) -> Result<()> {
        let begun = Instant::now();
        timed("server", self.server.stop()).await;
        timed("rules", self.alerting.stop()).await;
        timed("scraper", self.scraper.stop()).await;
        timed("container collector", self.collectors.stop_containers()).await;
        timed("host collector", self.collectors.stop_host()).await;
        let deadline = self.process.flags.remote.flush_deadline;
        timed("remote write", self.relays.stop(deadline)).await;
        self.stores.samples.begin_close();
        timed("upkeep", self.background.stop()).await;
        let Stores { samples, events, records, .. } = self.stores;
        let close = move || samples.close().and(events.close()).and(records.close());
        let closed = timed("stores", tokio::task::spawn_blocking(close)).await;
        drop(self.lock);
        tracing::info!(seconds = begun.elapsed().as_secs_f64(), "stopped");
        closed.map_err(|e| model::Error::internal("the stores cannot be closed").with_detail(e))?
    }
}

async fn timed<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let result = work.await;
    tracing::info!(what, seconds = begun.elapsed().as_secs_f64(), "stopped");
    result
}
