//! The walk over a request.

use std::collections::HashSet;

use model::labels::METRIC_NAME;
use model::metrics::Family;
use model::{Exemplar, Labels, LabelsBuilder, ResetHint};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as pb;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use super::attributes::{find, text};
use super::names::{self, Kind, LabelRules};
use super::{Delta, ExportMetricsServiceRequest, Item, Options, Promote, Report, histogram};
use crate::collected::Collected;
use crate::remote_write::{HistogramPoint, Point};

const SERVICE_NAME: &str = "service.name";
const SERVICE_NAMESPACE: &str = "service.namespace";
const SERVICE_INSTANCE: &str = "service.instance.id";
/// Half of Prometheus' default lookback.
const TARGET_INFO_STEP: i64 = 150_000;
/// Samples of `target_info` for one resource of one request.
const MAX_TARGET_INFO: i64 = 1000;
/// The bit of a data point's flags that says it has no value.
const NO_RECORDED_VALUE: u32 = 1;
const DELTA: i32 = pb::AggregationTemporality::Delta as i32;
const CUMULATIVE: i32 = pb::AggregationTemporality::Cumulative as i32;

/// Walks `request` and hands each series to `out`, whose error ends the walk. What cannot be translated is counted in
/// the report, and the rest goes on.
pub fn convert(
    request: ExportMetricsServiceRequest,
    options: &Options,
    out: &mut dyn FnMut(Item) -> model::Result<()>,
) -> model::Result<Report> {
    let mut walk = Walk { options, out, report: Report::default(), told: HashSet::new() };
    for resource in request.resource_metrics {
        walk.resource(resource)?;
    }
    Ok(walk.report)
}

struct Walk<'a> {
    options: &'a Options,
    out: &'a mut dyn FnMut(Item) -> model::Result<()>,
    report: Report,
    /// Samples of `target_info` handed out: several resources may have the same.
    told: HashSet<(Labels, i64)>,
}

/// Labels that all series of a resource and scope have.
#[derive(Default)]
struct Context {
    /// They give way to attributes of the data point.
    promoted: Vec<(String, String)>,
    /// They do not.
    fixed: Vec<(String, String)>,
}

/// A metric with what its series share.
struct Metric<'c> {
    name: String,
    kind: &'static str,
    unit: String,
    delta: bool,
    hint: ResetHint,
    context: &'c Context,
}

impl Walk<'_> {
    fn label_rules(&self) -> LabelRules {
        LabelRules {
            utf8: !self.options.strategy.escapes(),
            underscore_sanitization: self.options.underscore_sanitization,
            preserve_underscores: self.options.preserve_underscores,
        }
    }

    fn resource(&mut self, resource: pb::ResourceMetrics) -> model::Result<()> {
        let attributes = resource.resource.map(|r| r.attributes).unwrap_or_default();
        let points = |s: &pb::ScopeMetrics| s.metrics.iter().map(count_points).sum::<u64>();
        let mut context = match self.resource_context(&attributes) {
            Ok(context) => context,
            Err(why) => {
                let all = resource.scope_metrics.iter().map(points).sum();
                self.report.points += all;
                self.report.reject(all, || why);
                return Ok(());
            }
        };
        let resource_labels = context.fixed.len();
        let (mut earliest, mut latest) = (u64::MAX, 0);
        for scope in resource.scope_metrics {
            context.fixed.truncate(resource_labels);
            self.report.points += points(&scope);
            if let Err(why) = self.scope_context(&scope, &mut context) {
                let all = points(&scope);
                self.report.reject(all, || why);
                continue;
            }
            for metric in scope.metrics {
                each_time(&metric, &mut |t| (earliest, latest) = (earliest.min(t), latest.max(t)));
                self.metric(metric, &context)?;
            }
        }
        context.fixed.truncate(resource_labels);
        if earliest <= latest {
            self.target_info(&attributes, &context, to_ms(earliest), to_ms(latest))?;
        }
        Ok(())
    }

    fn resource_context(&self, attributes: &[KeyValue]) -> Result<Context, String> {
        let mut context = Context::default();
        for attribute in attributes {
            let wanted = match &self.options.promote {
                Promote::Listed(listed) => listed.contains(&attribute.key),
                Promote::AllBut(ignored) => !ignored.contains(&attribute.key),
            };
            if wanted {
                let name = names::label(&attribute.key, self.label_rules())?;
                context.promoted.push((name, text(attribute.value.as_ref())));
            }
        }
        if let Some(name) = find(attributes, SERVICE_NAME) {
            let job = match find(attributes, SERVICE_NAMESPACE) {
                Some(namespace) => format!("{namespace}/{name}"),
                None => name,
            };
            context.fixed.push(("job".to_owned(), job));
        }
        if let Some(instance) = find(attributes, SERVICE_INSTANCE) {
            context.fixed.push(("instance".to_owned(), instance));
        }
        context.fixed.retain(|(_, value)| !value.is_empty());
        Ok(context)
    }

    fn scope_context(&self, scope: &pb::ScopeMetrics, context: &mut Context) -> Result<(), String> {
        let Some(named) = scope.scope.as_ref().filter(|s| self.options.scope_metadata && !s.name.is_empty())
        else {
            return Ok(());
        };
        for attribute in &named.attributes {
            let name = names::label(&format!("otel_scope_{}", attribute.key), self.label_rules())?;
            context.fixed.push((name, text(attribute.value.as_ref())));
        }
        for (name, value) in
            [("name", &named.name), ("version", &named.version), ("schema_url", &scope.schema_url)]
        {
            context.fixed.push((format!("otel_scope_{name}"), value.clone()));
        }
        Ok(())
    }

    fn metric(&mut self, mut metric: pb::Metric, context: &Context) -> model::Result<()> {
        let points = count_points(&metric);
        let Some(data) = metric.data.take() else {
            self.report.first_error.get_or_insert_with(|| "unsupported metric type".to_owned());
            return Ok(());
        };
        if points == 0 {
            return Ok(());
        }
        let (kind, naming, temporality) = match &data {
            Data::Gauge(_) => ("gauge", Kind::Gauge, CUMULATIVE),
            Data::Sum(sum) if sum.is_monotonic => ("counter", Kind::Counter, sum.aggregation_temporality),
            Data::Sum(sum) => ("gauge", Kind::Other, sum.aggregation_temporality),
            Data::Histogram(h) => ("histogram", Kind::Other, h.aggregation_temporality),
            Data::ExponentialHistogram(h) => ("histogram", Kind::Other, h.aggregation_temporality),
            Data::Summary(_) => ("summary", Kind::Other, CUMULATIVE),
        };
        if temporality != CUMULATIVE && temporality != DELTA {
            self.report.reject(points, || {
                format!("invalid temporality and type combination for metric {:?}", metric.name)
            });
            return Ok(());
        }
        let name = match names::metric(&metric.name, &metric.unit, naming, self.options.strategy) {
            Ok(name) => name,
            Err(why) => {
                self.report.reject(points, || why);
                return Ok(());
            }
        };
        let delta = temporality == DELTA;
        let kept = delta && self.options.delta == Delta::Keep;
        let metric = Metric {
            kind: if kept { "unknown" } else { kind },
            unit: names::unit(&metric.unit),
            delta: delta && !kept,
            hint: if kept { ResetHint::Gauge } else { ResetHint::Unknown },
            context,
            name: self.family(name, if kept { "unknown" } else { kind }, &metric)?,
        };
        match data {
            Data::Gauge(gauge) => self.numbers(&metric, gauge.data_points, false),
            Data::Sum(sum) => self.numbers(&metric, sum.data_points, true),
            Data::Summary(summary) => self.summaries(&metric, summary.data_points),
            Data::ExponentialHistogram(all) => self.exponentials(&metric, all.data_points),
            Data::Histogram(all) if self.options.custom_buckets => self.customs(&metric, all.data_points),
            Data::Histogram(all) => self.classics(&metric, all.data_points),
        }
    }

    /// Tells the metadata of a metric; gives its name back.
    fn family(&mut self, name: String, kind: &str, metric: &pb::Metric) -> model::Result<String> {
        (self.out)(Item::Family(Family {
            name: name.clone(),
            kind: kind.to_owned(),
            help: metric.description.clone(),
            unit: names::unit(&metric.unit),
        }))?;
        Ok(name)
    }

    /// The labels of a data point, the metric's name left out.
    fn labels(&self, metric: &Metric<'_>, attributes: &[KeyValue]) -> Result<LabelsBuilder, String> {
        let mut builder = self.attribute_labels(attributes, &[])?;
        for (name, value) in &metric.context.promoted {
            if builder.get(name).is_empty() {
                builder.set(name, value);
            }
        }
        for (name, value) in &metric.context.fixed {
            builder.set(name, value);
        }
        if self.options.type_and_unit {
            if metric.kind != "unknown" {
                builder.set("__type__", metric.kind);
            }
            builder.set("__unit__", &metric.unit);
        }
        Ok(builder)
    }

    /// Attributes as labels. Where two names become one, the values are joined in the order of the attributes' names.
    fn attribute_labels(&self, attributes: &[KeyValue], ignored: &[&str]) -> Result<LabelsBuilder, String> {
        let mut sorted: Vec<&KeyValue> = attributes
            .iter()
            .filter(|a| a.key != METRIC_NAME && !ignored.contains(&a.key.as_str()))
            .collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut builder = LabelsBuilder::new();
        for attribute in sorted {
            let value = text(attribute.value.as_ref());
            if !self.options.strategy.escapes() {
                builder.set(&attribute.key, value);
                continue;
            }
            let name = names::label(&attribute.key, self.label_rules())?;
            let before = builder.get(&name);
            let value = if before.is_empty() { value } else { format!("{before};{value}") };
            builder.set(name, value);
        }
        Ok(builder)
    }

    /// The labels of a data point, or `None` after noting why there are none.
    fn point_labels(&mut self, metric: &Metric<'_>, attributes: &[KeyValue]) -> Option<LabelsBuilder> {
        match self.labels(metric, attributes) {
            Ok(builder) => Some(builder),
            Err(why) => {
                self.report.reject(1, || why);
                None
            }
        }
    }

    fn float(
        &mut self,
        metric: &Metric<'_>,
        labels: Labels,
        at: Time,
        v: f64,
        exemplars: Vec<Exemplar>,
    ) -> model::Result<()> {
        let v = if at.stale { model::stale_nan() } else { v };
        let starts = if at.start == 0 { Vec::new() } else { vec![at.start] };
        let points = vec![Point { t: at.t, v }];
        let series = Collected { labels, points, starts, exemplars, histograms: Vec::new() };
        (self.out)(Item::Series { series, delta: metric.delta })
    }

    fn native(
        &mut self,
        metric: &Metric<'_>,
        labels: Labels,
        at: Time,
        value: model::Histogram,
        exemplars: Vec<Exemplar>,
    ) -> model::Result<()> {
        let value = if at.stale { histogram::stale(value.schema) } else { value };
        let point = HistogramPoint { t: at.t, start: at.start, integer: true, value };
        let series = Collected { labels, histograms: vec![point], exemplars, ..Collected::default() };
        (self.out)(Item::Series { series, delta: metric.delta })
    }

    fn numbers(
        &mut self,
        metric: &Metric<'_>,
        points: Vec<pb::NumberDataPoint>,
        exemplars: bool,
    ) -> model::Result<()> {
        for point in points {
            let Some(mut builder) = self.point_labels(metric, &point.attributes) else { continue };
            let v = match point.value {
                Some(pb::number_data_point::Value::AsDouble(v)) => v,
                Some(pb::number_data_point::Value::AsInt(n)) => n as f64,
                None => 0.0,
            };
            let exemplars = if exemplars { to_exemplars(point.exemplars) } else { Vec::new() };
            let labels = builder.set(METRIC_NAME, &metric.name).build();
            let at = Time::of(point.time_unix_nano, point.start_time_unix_nano, point.flags);
            self.float(metric, labels, at, v, exemplars)?;
        }
        Ok(())
    }

    fn summaries(&mut self, metric: &Metric<'_>, points: Vec<pb::SummaryDataPoint>) -> model::Result<()> {
        for point in points {
            let Some(mut builder) = self.point_labels(metric, &point.attributes) else { continue };
            let at = Time::of(point.time_unix_nano, point.start_time_unix_nano, point.flags);
            for (suffix, v) in [("_sum", point.sum), ("_count", point.count as f64)] {
                let labels = builder.set(METRIC_NAME, format!("{}{suffix}", metric.name)).build();
                self.float(metric, labels, at, v, Vec::new())?;
            }
            builder.set(METRIC_NAME, &metric.name);
            for quantile in point.quantile_values {
                let labels = builder.set("quantile", quantile.quantile.to_string()).build();
                self.float(metric, labels, at, quantile.value, Vec::new())?;
            }
        }
        Ok(())
    }

    fn classics(&mut self, metric: &Metric<'_>, points: Vec<pb::HistogramDataPoint>) -> model::Result<()> {
        for point in points {
            let Some(mut builder) = self.point_labels(metric, &point.attributes) else { continue };
            let at = Time::of(point.time_unix_nano, point.start_time_unix_nano, point.flags);
            if let Some(sum) = point.sum {
                let labels = builder.set(METRIC_NAME, format!("{}_sum", metric.name)).build();
                self.float(metric, labels, at, sum, Vec::new())?;
            }
            let labels = builder.set(METRIC_NAME, format!("{}_count", metric.name)).build();
            self.float(metric, labels, at, point.count as f64, Vec::new())?;
            let mut exemplars = to_exemplars(point.exemplars);
            exemplars.sort_by(|a, b| a.v.total_cmp(&b.v));
            builder.set(METRIC_NAME, format!("{}_bucket", metric.name));
            let mut sum = 0u64;
            for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
                sum = sum.saturating_add(*count);
                let above = exemplars.partition_point(|e| e.v <= *bound);
                let here = exemplars.drain(..above).collect();
                let labels = builder.set("le", bound.to_string()).build();
                self.float(metric, labels, at, sum as f64, here)?;
            }
            let labels = builder.set("le", "+Inf").build();
            self.float(metric, labels, at, point.count as f64, exemplars)?;
        }
        Ok(())
    }

    fn customs(&mut self, metric: &Metric<'_>, points: Vec<pb::HistogramDataPoint>) -> model::Result<()> {
        for point in points {
            let Some(mut builder) = self.point_labels(metric, &point.attributes) else { continue };
            let at = Time::of(point.time_unix_nano, point.start_time_unix_nano, point.flags);
            let labels = builder.set(METRIC_NAME, &metric.name).build();
            let value = histogram::custom(&point, metric.hint);
            self.native(metric, labels, at, value, to_exemplars(point.exemplars))?;
        }
        Ok(())
    }

    fn exponentials(
        &mut self,
        metric: &Metric<'_>,
        points: Vec<pb::ExponentialHistogramDataPoint>,
    ) -> model::Result<()> {
        for point in points {
            let Some(mut builder) = self.point_labels(metric, &point.attributes) else { continue };
            let at = Time::of(point.time_unix_nano, point.start_time_unix_nano, point.flags);
            let value = match histogram::exponential(&point, metric.hint) {
                Ok(value) => value,
                Err(why) => {
                    self.report.reject(1, || why);
                    continue;
                }
            };
            let labels = builder.set(METRIC_NAME, &metric.name).build();
            self.native(metric, labels, at, value, to_exemplars(point.exemplars))?;
        }
        Ok(())
    }

    /// One series that carries the other attributes of the resource, so that they can be joined.
    fn target_info(
        &mut self,
        attributes: &[KeyValue],
        context: &Context,
        earliest: i64,
        latest: i64,
    ) -> model::Result<()> {
        let identifying = [SERVICE_NAMESPACE, SERVICE_NAME, SERVICE_INSTANCE];
        if attributes.iter().all(|a| identifying.contains(&a.key.as_str())) || context.fixed.is_empty() {
            return Ok(());
        }
        let ignored: &[&str] = if self.options.keep_identifying { &[] } else { &identifying };
        let Ok(mut builder) = self.attribute_labels(attributes, ignored) else { return Ok(()) };
        for (name, value) in &context.fixed {
            builder.set(name, value);
        }
        let labels = builder.set(METRIC_NAME, "target_info").build();
        let step =
            if self.options.target_info_step > 0 { self.options.target_info_step } else { TARGET_INFO_STEP };
        let mut times = vec![latest];
        if latest.saturating_sub(earliest) / step < MAX_TARGET_INFO {
            times.extend((0..).map_while(|n| Some(earliest + n * step).filter(|t| *t < latest)));
            times.sort_unstable();
        }
        times.retain(|t| self.told.insert((labels.clone(), *t)));
        if times.is_empty() {
            return Ok(());
        }
        (self.out)(Item::Family(Family {
            name: "target_info".to_owned(),
            kind: "gauge".to_owned(),
            help: "Target metadata".to_owned(),
            unit: String::new(),
        }))?;
        let points = times.into_iter().map(|t| Point { t, v: 1.0 }).collect();
        (self.out)(Item::Series {
            series: Collected { labels, points, ..Collected::default() },
            delta: false,
        })
    }
}

/// When a data point was taken.
#[derive(Debug, Clone, Copy)]
struct Time {
    t: i64,
    start: i64,
    stale: bool,
}

impl Time {
    const fn of(t: u64, start: u64, flags: u32) -> Self {
        Self { t: to_ms(t), start: to_ms(start), stale: flags & NO_RECORDED_VALUE != 0 }
    }
}

const fn to_ms(ns: u64) -> i64 {
    (ns / 1_000_000) as i64 // fits: the quotient has 45 bits
}

fn count_points(metric: &pb::Metric) -> u64 {
    let mut points = 0;
    each_time(metric, &mut |_| points += 1);
    points
}

fn each_time(metric: &pb::Metric, take: &mut dyn FnMut(u64)) {
    match &metric.data {
        Some(Data::Gauge(m)) => m.data_points.iter().for_each(|p| take(p.time_unix_nano)),
        Some(Data::Sum(m)) => m.data_points.iter().for_each(|p| take(p.time_unix_nano)),
        Some(Data::Histogram(m)) => m.data_points.iter().for_each(|p| take(p.time_unix_nano)),
        Some(Data::ExponentialHistogram(m)) => m.data_points.iter().for_each(|p| take(p.time_unix_nano)),
        Some(Data::Summary(m)) => m.data_points.iter().for_each(|p| take(p.time_unix_nano)),
        None => {}
    }
}

fn to_exemplars(exemplars: Vec<pb::Exemplar>) -> Vec<Exemplar> {
    exemplars.into_iter().map(to_exemplar).collect()
}

/// Trace and span as labels; the other attributes only where all fit into what an exemplar may hold.
fn to_exemplar(exemplar: pb::Exemplar) -> Exemplar {
    let v = match exemplar.value {
        Some(pb::exemplar::Value::AsDouble(v)) => v,
        Some(pb::exemplar::Value::AsInt(n)) => n as f64,
        None => 0.0,
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut builder = LabelsBuilder::new();
    for (name, id) in [("trace_id", &exemplar.trace_id), ("span_id", &exemplar.span_id)] {
        if id.iter().any(|b| *b != 0) {
            builder.set(name, hex(id));
        }
    }
    let mut with_all = builder.clone();
    for attribute in &exemplar.filtered_attributes {
        if !attribute.key.is_empty() {
            with_all.set(&attribute.key, text(attribute.value.as_ref()));
        }
    }
    let chars: usize = with_all.iter().map(|(n, v)| n.chars().count() + v.chars().count()).sum();
    let labels = if chars <= 128 { with_all.build() } else { builder.build() };
    Exemplar { labels, t: to_ms(exemplar.time_unix_nano), v }
}
