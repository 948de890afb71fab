//! One thing to scrape: from what was discovered to labels, URL and state.

use std::collections::BTreeMap;

use model::config::Duration;
use model::labels::METRIC_NAME;
use model::metrics::Family;
use model::target::{Health, TargetStatus};
use model::{Labels, LabelsBuilder, relabel};
use outbound::discovery::check_address;
use parking_lot::Mutex;
use url::Url;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::config::ScrapeConfig;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM: &str = "__param_";
const META: &str = "__meta_";

/// A target and how its last scrape went.
#[derive(Debug)]
pub(crate) struct Target {
    /// The job.
    pub(crate) pool: String,
    /// As discovered; kept up to date while the rest stays the same.
    pub(crate) discovered: Mutex<Labels>,
    /// What its series carry.
    pub(crate) labels: Labels,
    /// What is asked for.
    pub(crate) url: Url,
    /// How often.
    pub(crate) interval: Duration,
    /// How long a scrape may take.
    pub(crate) timeout: Duration,
    /// Identity: equal after a reload means that the loop goes on.
    pub(crate) key: u64,
    pub(crate) state: Mutex<State>,
    pub(crate) metadata: Mutex<BTreeMap<String, Metadata>>,
}

/// How the last scrape went.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) health: Health,
    pub(crate) error: String,
    pub(crate) scraped_ms: i64,
    pub(crate) duration_s: f64,
}

/// Metadata of a family and the scrape that last gave it.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) family: Family,
    pub(crate) seen: u64,
}

/// What became of a discovered label set.
pub(crate) enum Built {
    /// It is scraped.
    Target(Box<Target>),
    /// A rule dropped it.
    Dropped,
}

/// The label set before relabelling: what was discovered and what the job says.
pub(crate) fn discovered(job: &ScrapeConfig, found: &Labels) -> Labels {
    let mut labels = found.to_builder();
    let defaults = [
        ("job", job.job_name.clone()),
        (INTERVAL, job.scrape_interval.to_string()),
        (TIMEOUT, job.scrape_timeout.to_string()),
        (PATH, job.metrics_path.clone()),
        (SCHEME, job.scheme.clone()),
    ];
    let params = job.params.iter().filter_map(|(name, values)| Some((name, values.first()?)));
    let params = params.map(|(name, value)| (format!("{PARAM}{name}"), value.clone()));
    for (name, value) in defaults.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(params) {
        if labels.get(&name).is_empty() {
            labels.set(name, value);
        }
    }
    labels.build()
}

/// Relabels a discovered label set and makes a target of it. The error says why it cannot be scraped.
pub(crate) fn build(job: &ScrapeConfig, discovered: &Labels) -> Result<Built, String> {
    let mut labels = discovered.to_builder();
    if !relabel::apply(&job.relabel_configs, &mut labels, job.legacy_names()) {
        return Ok(Built::Dropped);
    }
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err("no address".to_owned());
    }
    check_address(&address)?;
    let interval = Duration::parse(labels.get(INTERVAL)).map_err(|e| format!("scrape interval: {e}"))?;
    let timeout = Duration::parse(labels.get(TIMEOUT)).map_err(|e| format!("scrape timeout: {e}"))?;
    if interval.is_zero() || timeout.is_zero() {
        return Err("scrape interval and scrape timeout cannot be 0".to_owned());
    }
    if timeout > interval {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({timeout} > {interval})"
        ));
    }
    labels.retain(|name| !name.starts_with(META));
    if labels.get("instance").is_empty() {
        labels.set("instance", address.as_str());
    }
    let url = url(job, &labels)?;
    let all = labels.build();
    let key = xxh3_64_with_seed(all.canonical().as_bytes(), xxh3_64_with_seed(url.as_str().as_bytes(), 0));
    Ok(Built::Target(Box::new(Target {
        pool: job.job_name.clone(),
        discovered: Mutex::new(discovered.clone()),
        labels: all.filter(|name| !name.starts_with("__") || name == METRIC_NAME),
        url,
        interval,
        timeout,
        key,
        state: Mutex::new(State {
            health: Health::Unknown,
            error: String::new(),
            scraped_ms: 0,
            duration_s: 0.0,
        }),
        metadata: Mutex::default(),
    })))
}

fn url(job: &ScrapeConfig, labels: &LabelsBuilder) -> Result<Url, String> {
    let (scheme, path) = (labels.get(SCHEME), labels.get(PATH));
    if scheme != "http" && scheme != "https" {
        return Err(format!("unsupported scheme {scheme:?}: http or https"));
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    let text = format!("{scheme}://{}{slash}{path}", labels.get(ADDRESS));
    let mut url = Url::parse(&text).map_err(|e| format!("{text:?} is not a URL: {e}"))?;
    let mut params = job.params.clone();
    for (name, value) in labels.iter() {
        if let Some(name) = name.strip_prefix(PARAM) {
            let values = params.entry(name.to_owned()).or_default();
            match values.first_mut() {
                Some(first) => value.clone_into(first),
                None => values.push(value.to_owned()),
            }
        }
    }
    let pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    if params.values().any(|values| !values.is_empty()) {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

impl Target {
    /// How long to wait before the first scrape: a place within the interval that depends on the target only, so that
    /// scrapes are spread and keep their places over restarts.
    pub(crate) fn offset_ms(&self, now_ms: i64, seed: u64) -> u64 {
        let interval = self.interval.as_ms().max(1);
        let place = (self.key ^ seed) % interval;
        let since = now_ms.rem_euclid(interval as i64) as u64;
        (place + interval - since) % interval
    }

    /// For the targets page.
    pub(crate) fn status(&self) -> TargetStatus {
        let state = self.state.lock();
        let mut url = self.url.clone();
        let _ = url.set_password(None); // fails only for URLs without a host
        let _ = url.set_username("");
        TargetStatus {
            pool: self.pool.clone(),
            discovered: self.discovered.lock().clone(),
            labels: self.labels.clone(),
            url: url.into(),
            health: state.health,
            last_error: state.error.clone(),
            last_scrape_ms: state.scraped_ms,
            last_duration_s: state.duration_s,
            interval_ms: self.interval.as_ms() as i64,
            timeout_ms: self.timeout.as_ms() as i64,
        }
    }

    /// Metadata of the families that it exposes.
    pub(crate) fn families(&self) -> Vec<Family> {
        self.metadata.lock().values().map(|m| m.family.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
