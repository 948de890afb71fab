//! Reads the configuration again while everything runs.

use model::Result;

use crate::config::{Loaded, load};
use crate::process::Process;
use crate::running::collectors;

impl Process {
    /// Takes the file as it is now, or keeps everything as it was.
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
            Err(error) => tracing::error!(%error, "the configuration was not reloaded; the old one stays"),
        }
        result
    }

    fn take(&self) -> Result<()> {
        let loaded = match &self.flags.config_file {
            Some(path) => load(path)?,
            None => Loaded::default(),
        };
        let written = loaded.written;
        self.scraper.apply(written.scrape_configs.clone(), &written.global)?;
        let without_effect = written.without_effect();
        let stored = self.flags.config_file.is_none() || written.collect.is_some();
        let collect = collectors(&self.flags, written.collect.unwrap_or_default(), stored);
        let mut state = self.state.write();
        state.shown = loaded.shown;
        state.read_ms = self.clock.now_ms();
        state.collect_changed = collect != state.collect;
        state.without_effect = without_effect;
        if state.collect_changed {
            tracing::warn!("the section collect has changed; it takes effect at the next start");
        }
        Ok(())
    }
}
