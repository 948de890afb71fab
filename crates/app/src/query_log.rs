//! `query_log_file`: a line of JSON for every query, as Prometheus writes it.

use std::path::Path;
use std::sync::Arc;

use collect::scrape::LineFile;
use model::Clock;
use parking_lot::RwLock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use query::promql::{LoggedQuery, QueryLog, QueryOrigin};
use serde_json::json;

/// The file, while the configuration names one.
pub(crate) struct QueryLogFile {
    file: RwLock<Option<LineFile>>,
    clock: Arc<dyn Clock>,
    enabled: Gauge,
    failures: Counter,
}

impl QueryLogFile {
    /// Nothing is written before [`Self::set`].
    pub(crate) fn new(clock: Arc<dyn Clock>, registry: &mut Registry) -> Self {
        let log =
            Self { file: RwLock::default(), clock, enabled: Gauge::default(), failures: Counter::default() };
        let registry = registry.sub_registry_with_prefix("prometheus_engine_query_log");
        registry.register("enabled", "Whether queries are written to a file", log.enabled.clone());
        registry.register("failures", "Queries that could not be written to it", log.failures.clone());
        log
    }

    /// From here on queries are written to this file, opened anew.
    pub(crate) fn set(&self, path: Option<&Path>) {
        self.enabled.set(i64::from(path.is_some()));
        *self.file.write() = path.map(LineFile::new);
    }
}

impl QueryLog for QueryLogFile {
    fn is_on(&self) -> bool {
        self.file.read().is_some()
    }

    fn log(&self, query: &LoggedQuery<'_>) {
        let file = self.file.read();
        let Some(file) = &*file else { return };
        let text = |ms| jiff::Timestamp::from_millisecond(ms).map(|t| format!("{t:.3}")).unwrap_or_default();
        let stats = query.stats;
        let evaluated = stats.preparation + stats.evaluation + stats.sorting;
        let mut line = json!({
            "time": text(self.clock.now_ms()),
            "level": "INFO",
            "msg": "promql query logged",
            "params": {
                "query": query.query,
                "start": text(query.start_ms),
                "end": text(query.end_ms),
                "step": query.step_ms / 1000,
            },
            "stats": { "timings": {
                "evalTotalTime": evaluated.as_secs_f64(),
                "resultSortTime": stats.sorting.as_secs_f64(),
                "queryPreparationTime": stats.preparation.as_secs_f64(),
                "innerEvalTime": stats.evaluation.as_secs_f64(),
                "execQueueTime": query.total.saturating_sub(evaluated).as_secs_f64(),
                "execTotalTime": query.total.as_secs_f64(),
            } },
        });
        if let Some(error) = query.error {
            line["error"] = error.into();
        }
        match query.origin {
            QueryOrigin::Http { client, method, path } => {
                line["httpRequest"] = json!({ "clientIP": client, "method": method, "path": path });
            }
            QueryOrigin::Rules { file, group } => line["ruleGroup"] = json!({ "file": file, "name": group }),
        }
        if let Err(error) = file.append(&format!("{line}\n")) {
            self.failures.inc();
            tracing::warn!(%error, "query_log_file cannot be written");
        }
    }
}
