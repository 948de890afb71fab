//! What a target exposes, whatever the format: a series as it is written, and the point that it has now.

use model::labels::METRIC_NAME;
use model::{Exemplar, Histogram, LabelsBuilder};
use wire::exposition::{Kind, Sample};

/// A series as the target writes it. Looked at only when it is new.
pub(super) trait Exposed {
    /// Puts name and labels into `builder`; the error names a label that is there twice.
    fn build(&self, builder: &mut LabelsBuilder) -> Result<(), String>;
    /// Whether it has a label of this name.
    fn has(&self, label: &str) -> bool;
    /// For error messages.
    fn shown(&self) -> &str;
    /// The type of its family.
    fn kind(&self) -> Kind;
    /// The unit of its family, or empty.
    fn unit(&self) -> &str;
}

/// What a series has now.
pub(super) struct Point<'a> {
    /// Equal bytes are the same series.
    pub(super) key: &'a [u8],
    /// Timestamp of the target, if it gives one.
    pub(super) timestamp_ms: Option<i64>,
    /// Start timestamp in ms, 0: not known.
    pub(super) start: i64,
    pub(super) value: Value,
    pub(super) exemplars: Vec<Exemplar>,
}

pub(super) enum Value {
    Float(f64),
    Histogram(Box<Histogram>),
}

/// A sample of a text format.
pub(super) struct TextSeries<'x, 'a, 's> {
    pub(super) sample: &'x Sample<'a, 's>,
    pub(super) unit: &'x str,
}

impl Exposed for TextSeries<'_, '_, '_> {
    fn build(&self, builder: &mut LabelsBuilder) -> Result<(), String> {
        self.sample.build(builder)
    }

    fn has(&self, label: &str) -> bool {
        self.sample.labels.iter().any(|pair| pair.name.unescape() == label)
    }

    fn shown(&self) -> &str {
        self.sample.series
    }

    fn kind(&self) -> Kind {
        self.sample.kind
    }

    fn unit(&self) -> &str {
        self.unit
    }
}

/// A series of the protobuf format, or one that was made of others.
pub(super) struct NamedSeries<'x, N, V> {
    pub(super) name: &'x str,
    pub(super) labels: &'x [(N, V)],
    /// `le` or `quantile`.
    pub(super) extra: Option<(&'static str, &'x str)>,
    pub(super) kind: Kind,
    pub(super) unit: &'x str,
}

impl<N: AsRef<str>, V: AsRef<str>> Exposed for NamedSeries<'_, N, V> {
    fn build(&self, builder: &mut LabelsBuilder) -> Result<(), String> {
        builder.set(METRIC_NAME, self.name);
        let own = self.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        for (at, (name, value)) in own.clone().chain(self.extra).enumerate() {
            if name == METRIC_NAME || own.clone().take(at).any(|(before, _)| before == name) {
                return Err(name.to_owned());
            }
            builder.set(name, value);
        }
        Ok(())
    }

    fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|(name, _)| name.as_ref() == label)
            || self.extra.is_some_and(|(name, _)| name == label)
    }

    fn shown(&self) -> &str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn unit(&self) -> &str {
        self.unit
    }
}

/// Writes name and labels so that equal bytes are the same series. A byte that no text has stands between them.
pub(super) fn write_key<'l>(
    out: &mut Vec<u8>,
    name: [&str; 2],
    labels: impl Iterator<Item = (&'l str, &'l str)>,
) {
    out.clear();
    out.extend(name.iter().flat_map(|part| part.bytes()));
    for (name, value) in labels {
        out.push(0xff);
        out.extend(name.bytes());
        out.push(0xff);
        out.extend(value.bytes());
    }
}
