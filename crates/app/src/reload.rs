//! Reads the configuration again while everything runs.

use model::Result;

use crate::config::{Collect, Loaded, load};
use crate::process::Process;
use crate::resolved::collectors;
use crate::{retention, stores};

impl Process {
    /// Takes the file as it is now, or keeps everything as it was. Called off the runtime's own threads.
    pub(crate) fn reload_from_disk(&self) -> Result<()> {
        let _one = self.reloading.lock();
        let result = self.take();
        self.metrics.reload_ok.set(i64::from(result.is_ok()));
        self.state.write().reload_ok = result.is_ok();
        match &result {
            Ok(()) => {
                self.metrics.reload_seconds.set(self.clock.now_ms() as f64 / 1000.0);
                tracing::info!("configuration reloaded");
            }
            Err(error) => {
                self.state.write().failed_ms = self.clock.now_ms();
                tracing::error!(%error, "the configuration was not reloaded; the old one stays");
            }
        }
        result
    }

    fn take(&self) -> Result<()> {
        let loaded = match &self.flags.config_file {
            Some(path) => load(path)?,
            None => Loaded::default(),
        };
        let written = loaded.written;
        let without_effect = written.without_effect();
        let storage = written.storage.clone();
        let mut retention = retention::of(&self.flags, storage.tsdb.as_ref().map(|t| &t.retention))?;
        retention.settle(&*self.fs, &self.ours)?;
        let kept =
            stores::kept(&*self.fs, &self.ours, &retention, &written.history, &written.logs.retention)?;
        let budgets = written.cardinality.clone();
        let relays = self.relays.plan(&written)?;
        let settings = crate::settings::of(&written, &self.flags);
        let stored = self.flags.config_file.is_none() || written.collect.is_some();
        let collect = collectors(&self.flags, &written, stored);
        collect.logs.check()?;
        let lines = intake::Lines::prepare(&written.logs.lines())?;
        let (changed, only_logs) = {
            let before = &self.state.read().collect;
            let but_logs = Collect { logs: before.logs.clone(), ..collect.clone() };
            (collect != *before, but_logs == *before)
        };
        let listeners = self.log_listeners.prepare(&written.logs.receive)?;
        // What can fail comes first: an error leaves everything as it was.
        let alerting = self.alerting.prepare(&written)?;
        let host = (changed && !only_logs).then(|| self.collectors.prepare(&collect)).transpose()?;
        let query_log = written.global.query_log_file.clone();
        if let Err(error) = self.scraper.apply(written.scrape_configs, &written.global) {
            if let Some(host) = host {
                self.runtime.block_on(host.stop());
            }
            return Err(error);
        }
        stores::configure(&self.stores, &storage, kept);
        self.queries.set(query_log.as_deref());
        self.lines.configure(lines);
        // Everything is open.
        self.log_listeners.apply(listeners)?;
        self.cardinality.configure(budgets);
        // It was checked above.
        self.relays.apply(&relays)?;
        if let Some(host) = host {
            self.runtime.block_on(self.collectors.replace(&collect, host));
            tracing::info!(stored, "the built-in collectors were started anew");
        } else if changed {
            self.runtime.block_on(self.collectors.replace_tail(&collect));
            tracing::info!("logs are followed by other rules");
        }
        self.alerting.apply(alerting);
        let mut state = self.state.write();
        state.shown = loaded.shown;
        state.read_ms = self.clock.now_ms();
        state.without_effect = without_effect;
        state.stored = stored;
        state.collect = collect;
        state.settings = settings;
        Ok(())
    }
}
