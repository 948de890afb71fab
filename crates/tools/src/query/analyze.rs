//! `query analyze`: how many buckets of histograms are used.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use clap::Args;
use serde_json::Value as Json;

use super::{Settings, api, print};
use crate::{Context, Exit, Failed, Outcome, args};

/// Which histograms.
#[derive(Debug, Args)]
pub struct Analyze {
    /// The server's URL.
    #[arg(long, value_name = "URL")]
    server: String,
    /// Type of the metrics: histogram.
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// How much time to look at.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = args::duration)]
    duration: Duration,
    /// The end of that time (RFC 3339 or seconds since the Unix epoch); now where it is not given.
    #[arg(long, value_name = "TIME", value_parser = args::time)]
    time: Option<i64>,
    /// Selector of series; may be given more than once.
    #[arg(long = "match", value_name = "SELECTOR", required = true)]
    matches: Vec<String>,
}

const HEADER: &str = "Bucket stats for each histogram series over time
------------------------------------------------
First the min, avg, and max number of populated buckets, followed by the total
number of buckets (only if different from the max number of populated buckets
which is typical for classic but not native histograms).";
const FOOTER: &str = "Aggregated bucket stats
-----------------------
Each line shows min/avg/max over the series above.";

impl Analyze {
    pub(super) fn run(self, settings: &Settings, context: &mut Context<'_>) -> Outcome {
        if self.kind != "histogram" {
            return Err(Failed(format!("analyze type is {}, must be 'histogram'", self.kind)));
        }
        let api = api::Api::new(&self.server, settings, &[])?;
        let end = self.time.unwrap_or_else(|| api::now(context));
        writeln!(context.out, "{HEADER}\n")?;
        let (mut native, mut classic) = (All::default(), All::default());
        for selector in &self.matches {
            let query = format!("{selector}[{}ms]", self.duration.as_millis());
            let given = api.post("query", &[("query", query), ("time", api::seconds(end))])?;
            let mut families: BTreeMap<String, Vec<&Json>> = BTreeMap::new();
            for series in given.data["result"].as_array().into_iter().flatten() {
                if series.get("values").is_none() {
                    if let Some(found) = of_native(series) {
                        writeln!(context.out, "- {} (native): {found}", print::metric(series))?;
                        native.add(&found);
                    }
                } else if let Some(key) = classic_key(series) {
                    families.entry(key).or_default().push(series);
                }
            }
            for (key, buckets) in families {
                if let Some(found) = of_classic(buckets)? {
                    writeln!(context.out, "- {key} (classic): {found}")?;
                    classic.add(&found);
                }
            }
        }
        writeln!(context.out, "\n{FOOTER}")?;
        for (kind, all) in [("Native", native), ("Classic", classic)] {
            if all.least.count > 0 {
                writeln!(context.out, "\n{kind} {all}")?;
            }
        }
        Ok(Exit::Success)
    }
}

/// How many buckets of one histogram are populated over time.
#[derive(Debug, PartialEq)]
struct Found {
    least: usize,
    mean: f64,
    most: usize,
    total: usize,
}

impl Found {
    /// From the number of populated buckets of each sample; fewer than two samples say nothing.
    fn of(populated: &[usize], total: usize) -> Option<Self> {
        let (least, most) = (populated.iter().min()?, populated.iter().max()?);
        let mean = populated.iter().sum::<usize>() as f64 / populated.len() as f64;
        (populated.len() > 1).then_some(Self { least: *least, mean, most: *most, total })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:.3}/{}", self.least, self.mean, self.most)?;
        if self.most != self.total { write!(f, "/{}", self.total) } else { Ok(()) }
    }
}

fn of_native(series: &Json) -> Option<Found> {
    let histograms = series["histograms"].as_array()?;
    let mut bounds = BTreeSet::new();
    let mut populated = Vec::new();
    for point in histograms {
        let buckets = point[1]["buckets"].as_array().map_or(&[][..], Vec::as_slice);
        populated.push(buckets.len());
        bounds.extend(buckets.iter().map(|b| format!("{}{}{}", b[0], b[1], b[2])));
    }
    Found::of(&populated, bounds.len())
}

/// What the buckets of one classic histogram have in common.
fn classic_key(series: &Json) -> Option<String> {
    let mut labels = series["metric"].as_object()?.clone();
    labels.remove("le")?;
    let name = labels.remove("__name__")?;
    let name = name.as_str().filter(|name| name.ends_with("_bucket"))?;
    Some(format!("{name}{{{}}}", print::pairs(Some(&labels), false)))
}

fn of_classic(mut buckets: Vec<&Json>) -> Result<Option<Found>, Failed> {
    let bound = |series: &&Json| -> f64 {
        let le = series["metric"]["le"].as_str().unwrap_or_default();
        le.trim_start_matches('+').parse().unwrap_or(0.0)
    };
    buckets.sort_by(|a, b| bound(a).total_cmp(&bound(b)));
    let columns: Vec<Vec<(f64, f64)>> = buckets.iter().map(|series| points(series)).collect();
    let Some(first) = columns.first() else { return Ok(None) };
    let mut populated = Vec::new();
    for (i, (first_t, _)) in first.iter().enumerate() {
        let (mut count, mut below) = (0, 0.0);
        for column in &columns {
            // A bucket that appeared later leaves the rest of this sample out.
            let Some((t, v)) = column.get(i) else { break };
            if t != first_t {
                return Err(Failed::new("matrix result is not time aligned"));
            }
            count += usize::from((v - below).trunc() != 0.0);
            below = *v;
        }
        populated.push(count);
    }
    Ok(Found::of(&populated, columns.len()))
}

fn points(series: &Json) -> Vec<(f64, f64)> {
    let point = |pair: &Json| Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?));
    series["values"].as_array().into_iter().flatten().filter_map(point).collect()
}

/// Least, mean and most of one figure over all histograms.
#[derive(Debug, Default, PartialEq)]
struct Spread {
    least: usize,
    most: usize,
    mean: f64,
    count: usize,
}

impl Spread {
    fn add(&mut self, figure: usize) {
        self.least = if self.count == 0 { figure } else { self.least.min(figure) };
        self.most = self.most.max(figure);
        self.count += 1;
        self.mean += (figure as f64 - self.mean) / self.count as f64;
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:.3}/{}", self.least, self.mean, self.most)
    }
}

#[derive(Debug, Default)]
struct All {
    least: Spread,
    mean: Spread,
    most: Spread,
    total: Spread,
}

impl All {
    fn add(&mut self, found: &Found) {
        self.least.add(found.least);
        self.mean.add(found.mean as usize);
        self.most.add(found.most);
        self.total.add(found.total);
    }
}

impl fmt::Display for All {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "histogram series ({} in total):\n- min populated: {}\n- avg populated: {}\n- max populated: {}",
            self.least.count, self.least, self.mean, self.most
        )?;
        if self.most != self.total { write!(f, "\n- total: {}", self.total) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn populated_buckets_are_counted() {
        let bucket = |le: &str, values: [&str; 2]| json!({"metric": {"__name__": "h_bucket", "le": le, "job": "a"}, "values": [[1, values[0]], [2, values[1]]]});
        let buckets = [bucket("+Inf", ["3", "5"]), bucket("1", ["3", "4"]), bucket("0.5", ["0", "1"])];
        assert_eq!(classic_key(&buckets[0]).unwrap(), "h_bucket{job=\"a\"}");
        let found = of_classic(buckets.iter().collect()).unwrap().unwrap();
        assert_eq!(found, Found { least: 1, mean: 2.0, most: 3, total: 3 });
        assert_eq!(found.to_string(), "1/2.000/3");
        let one = json!({"histograms": [[1, {"buckets": [[0, "1", "2", "3"]]}]]});
        assert_eq!(of_native(&one), None, "one sample is not enough");
        let two = json!({"histograms": [
            [1, {"buckets": [[0, "1", "2", "3"]]}], [2, {"buckets": [[0, "2", "4", "3"], [0, "4", "8", "3"]]}]
        ]});
        assert_eq!(of_native(&two).unwrap().to_string(), "1/1.500/2/3");
    }
}
