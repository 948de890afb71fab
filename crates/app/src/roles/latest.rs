//! The newest value of every series, as text: what an exporter shows of a collector that writes.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use model::labels::{METRIC_NAME, Quoted};
use model::metrics::{Appended, Family, MetricBatch, MetricWriter, RejectReason, Rejected, SeriesRef};
use model::{Labels, Result, Tenant, is_stale_nan};
use parking_lot::Mutex;

/// Series at one time; a collector has limits of its own below this.
const MOST: usize = 2_000_000;

/// Labels that whoever scrapes puts on.
const OF_THE_SCRAPER: [&str; 2] = ["job", "instance"];

/// Holds the newest values.
#[derive(Default)]
pub(super) struct Latest(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    ids: HashMap<Labels, u64>,
    series: HashMap<u64, Series>,
    families: BTreeMap<String, Family>,
}

struct Series {
    labels: Labels,
    newest: Option<(i64, f64)>,
}

impl Latest {
    /// Everything in Prometheus' text format, families and series sorted, with the times of the readings.
    pub(super) fn text(&self) -> String {
        use std::fmt::Write as _;
        let state = self.0.lock();
        let mut families: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for series in state.series.values() {
            let Some((t, value)) = series.newest else { continue };
            let name = series.labels.metric_name();
            let mut line = name.to_owned();
            let mut open = '{';
            for (label, text) in series.labels.iter() {
                if label == METRIC_NAME || OF_THE_SCRAPER.contains(&label) {
                    continue;
                }
                // Written to a String: cannot fail.
                let _ = write!(line, "{open}{label}={}", Quoted(text));
                open = ',';
            }
            if open == ',' {
                line.push('}');
            }
            line.push(' ');
            server::prometheus::number::push_value(&mut line, value);
            let _ = write!(line, " {t}");
            families.entry(name).or_default().push(line);
        }
        let mut out = String::new();
        for (name, mut lines) in families {
            if let Some(family) = state.families.get(name) {
                let kind = if family.kind == "unknown" { "untyped" } else { &family.kind };
                let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
                let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            }
            lines.sort_unstable();
            for line in lines {
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }
}

impl MetricWriter for Latest {
    fn resolve(&self, _: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        let mut state = self.0.lock();
        for labels in labels {
            let known = state.ids.get(labels).copied();
            let id = known.or_else(|| {
                if state.ids.len() >= MOST {
                    return None;
                }
                state.last += 1;
                let id = state.last;
                state.ids.insert(labels.clone(), id);
                state.series.insert(id, Series { labels: labels.clone(), newest: None });
                Some(id)
            });
            out.push(id.and_then(NonZeroU64::new).map(SeriesRef));
        }
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        let mut state = self.0.lock();
        let mut appended = Appended::default();
        for (index, ((series, t), v)) in batch.refs.iter().zip(batch.t).zip(batch.v).enumerate() {
            let id = series.0.get();
            let Some(known) = state.series.get_mut(&id) else {
                appended.rejected.push(Rejected { index, reason: RejectReason::UnknownSeries });
                continue;
            };
            appended.accepted += 1;
            if is_stale_nan(*v) {
                let labels = known.labels.clone();
                state.series.remove(&id);
                state.ids.remove(&labels);
            } else if known.newest.is_none_or(|(newest, _)| newest <= *t) {
                known.newest = Some((*t, *v));
            }
        }
        Ok(appended)
    }

    fn metadata(&self, _: &Tenant, families: &[Family]) -> Result<()> {
        let mut state = self.0.lock();
        for family in families {
            state.families.insert(family.name.clone(), family.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_shown_until_the_series_ends() {
        let latest = Latest::default();
        let tenant = Tenant::default();
        let labels = |id: &str| {
            Labels::from_pairs([("__name__", "m_total"), ("id", id), ("job", "cadvisor"), ("instance", "h")])
        };
        let mut refs = Vec::new();
        latest.resolve(&tenant, &[labels("/a\"b"), labels("/c")], &mut refs).unwrap();
        let refs: Vec<SeriesRef> = refs.into_iter().flatten().collect();
        let family = Family {
            name: "m_total".to_owned(),
            kind: "counter".to_owned(),
            help: "H.".to_owned(),
            ..Family::default()
        };
        latest.metadata(&tenant, &[family]).unwrap();
        let append = |t: i64, v: [f64; 2]| {
            let batch = MetricBatch { refs: &refs, t: &[t, t], v: &v, ..MetricBatch::default() };
            latest.append(&tenant, batch).unwrap()
        };
        append(1000, [1.0, 2.0]);
        append(2000, [3.0, model::stale_nan()]);
        let text = "# HELP m_total H.\n# TYPE m_total counter\nm_total{id=\"/a\\\"b\"} 3 2000\n";
        assert_eq!(latest.text(), text);
        let after = append(3000, [4.0, 5.0]);
        assert_eq!((after.accepted, after.rejected.len()), (1, 1));
    }
}
