//! Bodies of the protobuf format: classic and native histograms, summaries, numbers.

use std::collections::HashMap;

use model::metrics::Family;
use model::{Exemplar, Labels};
use wire::exposition::{Kind, format_float};
use wire::prom_proto::{self, HistogramValue, Metric, Parser};

use super::classic::Classic;
use super::exposed::{NamedSeries, Point, Value, write_key};
use super::{Appender, Reading, replace};

impl Appender {
    pub(super) fn read_proto(
        &mut self,
        reading: &mut Reading,
        body: &[u8],
        changed: &mut HashMap<String, Family>,
    ) -> Result<(), String> {
        let mut parser = Parser::new(body);
        while let Some(family) = parser.next_family().map_err(|e| e.to_string())? {
            let mut metrics = family.metrics();
            let mut described = false;
            while let Some(metric) = metrics.next_metric().map_err(|e| e.to_string())? {
                if !std::mem::replace(&mut described, true) {
                    self.describe(family.name.into(), changed, |f| {
                        let kind = replace(&mut f.kind, family.kind.as_str());
                        let help = replace(&mut f.help, family.help);
                        replace(&mut f.unit, family.unit) || kind || help
                    });
                }
                self.take_metric(reading, &family, &metric)?;
            }
        }
        Ok(())
    }

    fn take_metric(
        &mut self,
        reading: &mut Reading,
        family: &prom_proto::Family<'_>,
        metric: &Metric<'_>,
    ) -> Result<(), String> {
        let mut all = Series { appender: self, reading, family, metric };
        match &metric.value {
            prom_proto::Value::Number(value, found) => {
                let exemplars = found.iter().map(|e| exemplar(e, all.reading.t)).collect();
                all.take("", None, Value::Float(*value), exemplars)
            }
            prom_proto::Value::Summary { count, sum, quantiles } => {
                all.float("_count", None, *count)?;
                all.float("_sum", None, *sum)?;
                for (quantile, value) in quantiles {
                    all.float("", Some(("quantile", &format_float(*quantile))), *value)?;
                }
                Ok(())
            }
            prom_proto::Value::Histogram(h) => all.histogram(h),
        }
    }
}

/// The series of one metric.
struct Series<'x, 'a> {
    appender: &'x mut Appender,
    reading: &'x mut Reading,
    family: &'x prom_proto::Family<'a>,
    metric: &'x Metric<'a>,
}

impl Series<'_, '_> {
    fn float(&mut self, suffix: &str, extra: Option<(&'static str, &str)>, value: f64) -> Result<(), String> {
        self.take(suffix, extra, Value::Float(value), Vec::new())
    }

    fn take(
        &mut self,
        suffix: &str,
        extra: Option<(&'static str, &str)>,
        value: Value,
        exemplars: Vec<Exemplar>,
    ) -> Result<(), String> {
        let mut key = std::mem::take(&mut self.reading.key);
        let labels = self.metric.labels.iter().map(|(name, value)| (*name, *value));
        write_key(&mut key, [self.family.name, suffix], labels.chain(extra));
        if matches!(value, Value::Histogram(_)) {
            key.push(0xff);
        }
        let name = [self.family.name, suffix].concat();
        let exposed = NamedSeries {
            name: &name,
            labels: &self.metric.labels,
            extra,
            kind: self.family.kind,
            unit: self.family.unit,
        };
        let start = self.metric.start_ms;
        let point = Point { key: &key, timestamp_ms: self.metric.timestamp_ms, start, value, exemplars };
        let taken = self.appender.take_point(self.reading, point, &exposed);
        self.reading.key = key;
        taken
    }

    fn histogram(&mut self, h: &HistogramValue<'_>) -> Result<(), String> {
        let job = &self.appender.job;
        let classic_too = job.always_scrape_classic_histograms == Some(true);
        let convert = job.convert_classic_histograms_to_nhcb == Some(true);
        let native = job.scrape_native_histograms == Some(true) && h.is_native();
        if native {
            let value = self.appender.storable(
                self.family.name,
                h.native(self.family.kind == Kind::GaugeHistogram),
                h.integer,
            )?;
            let own = h.exemplars.iter().filter(|e| e.timestamp_ms.is_some());
            let of_buckets = h.buckets.iter().filter_map(|b| b.exemplar.as_ref());
            let mut found: Vec<Exemplar> = own.map(|e| exemplar(e, 0)).collect();
            if h.exemplars.is_empty() {
                found.extend(of_buckets.filter(|e| e.timestamp_ms.is_some()).map(|e| exemplar(e, 0)));
            }
            self.take("", None, Value::Histogram(Box::new(value)), found)?;
        }
        // A native histogram may have no classic part.
        if !native && (!convert || classic_too) || native && classic_too && !h.buckets.is_empty() {
            self.classic(h)?;
        }
        if !native && convert {
            let mut classic =
                Classic { count: Some(h.native.count), sum: h.native.sum, ..Classic::default() };
            classic.buckets = h.buckets.iter().map(|b| (b.upper, b.count)).collect();
            if let Some(value) = classic.convert(self.family.kind == Kind::GaugeHistogram) {
                let exemplars = h.buckets.iter().filter_map(|b| b.exemplar.as_ref());
                let exemplars =
                    exemplars.filter(|e| e.timestamp_ms.is_some()).map(|e| exemplar(e, 0)).collect();
                let value = self.appender.storable(self.family.name, value, false)?;
                self.take("", None, Value::Histogram(Box::new(value)), exemplars)?;
            } else {
                self.appender.metrics.drop("bad_histogram", 1);
            }
        }
        Ok(())
    }

    fn classic(&mut self, h: &HistogramValue<'_>) -> Result<(), String> {
        self.float("_count", None, h.native.count)?;
        self.float("_sum", None, h.native.sum)?;
        let t = self.reading.t;
        for bucket in &h.buckets {
            let exemplars = bucket.exemplar.iter().map(|e| exemplar(e, t)).collect();
            let le = format_float(bucket.upper);
            self.take("_bucket", Some(("le", &le)), Value::Float(bucket.count), exemplars)?;
        }
        if h.buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
            self.float("_bucket", Some(("le", "+Inf")), h.native.count)?;
        }
        Ok(())
    }
}

/// As it is stored; one without a time has that of the scrape.
fn exemplar(found: &prom_proto::Exemplar<'_>, t: i64) -> Exemplar {
    let labels: Labels = found.labels.iter().copied().collect();
    Exemplar { labels, t: found.timestamp_ms.unwrap_or(t), v: found.value }
}
