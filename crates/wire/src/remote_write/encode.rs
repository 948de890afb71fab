//! The sender's side.

use model::{Exemplar, Histogram};

use super::decode::KINDS;
use super::histogram::put_histogram;
use super::proto::{put_bytes, put_double, put_int};
use super::series::Point;

/// Builds a `WriteRequest`.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    body: Vec<u8>,
    message: Vec<u8>,
    field: Vec<u8>,
    inner: Vec<u8>,
}

impl Encoder {
    /// An empty request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series. Remote write wants the labels sorted by name; `model::Labels` are.
    pub fn series<'l>(
        &mut self,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        points: impl IntoIterator<Item = Point>,
    ) -> &mut Self {
        self.begin(labels);
        for point in points {
            self.point(point);
        }
        self.end()
    }

    /// Begins a series of any content; [`Self::end`] adds it.
    pub fn begin<'l>(&mut self, labels: impl IntoIterator<Item = (&'l str, &'l str)>) -> &mut Self {
        self.message.clear();
        for (name, value) in labels {
            put_label(&mut self.message, &mut self.field, name, value);
        }
        self
    }

    /// Begins a series whose labels were written by [`encode_labels`].
    pub fn begin_encoded(&mut self, labels: &[u8]) -> &mut Self {
        self.message.clear();
        self.message.extend_from_slice(labels);
        self
    }

    /// A float sample of the series begun.
    pub fn point(&mut self, point: Point) -> &mut Self {
        self.field.clear();
        put_double(&mut self.field, 1, point.v);
        put_int(&mut self.field, 2, point.t);
        put_bytes(&mut self.message, 2, &self.field);
        self
    }

    /// An exemplar of the series begun.
    pub fn exemplar(&mut self, exemplar: &Exemplar) -> &mut Self {
        self.field.clear();
        for (name, value) in &exemplar.labels {
            put_label(&mut self.field, &mut self.inner, name, value);
        }
        put_double(&mut self.field, 2, exemplar.v);
        put_int(&mut self.field, 3, exemplar.t);
        put_bytes(&mut self.message, 3, &self.field);
        self
    }

    /// A native histogram of the series begun.
    pub fn histogram(&mut self, t: i64, histogram: &Histogram) -> &mut Self {
        self.field.clear();
        put_histogram(&mut self.field, t, 0, histogram);
        put_bytes(&mut self.message, 4, &self.field);
        self
    }

    /// Adds the series begun.
    pub fn end(&mut self) -> &mut Self {
        put_bytes(&mut self.body, 1, &self.message);
        self
    }

    /// Adds metadata of a family; a `kind` that the protocol has no number for is sent as unknown.
    pub fn metadata(&mut self, family: &str, kind: &str, help: &str, unit: &str) -> &mut Self {
        self.message.clear();
        put_int(&mut self.message, 1, kind_number(kind));
        put_bytes(&mut self.message, 2, family.as_bytes());
        put_bytes(&mut self.message, 4, help.as_bytes());
        put_bytes(&mut self.message, 5, unit.as_bytes());
        put_bytes(&mut self.body, 3, &self.message);
        self
    }

    /// The message, not compressed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.body
    }

    /// The compressed body, ready to be sent; the encoder is empty afterwards. Fails only for messages of 4 GiB and more.
    pub fn finish(&mut self) -> Result<Vec<u8>, super::Error> {
        let compressed = compress(&self.body)?;
        self.body.clear();
        Ok(compressed)
    }
}

/// Appends labels as a series repeats them, for [`Encoder::begin_encoded`].
pub fn encode_labels<'l>(labels: impl IntoIterator<Item = (&'l str, &'l str)>, out: &mut Vec<u8>) {
    let mut field = Vec::new();
    for (name, value) in labels {
        put_label(out, &mut field, name, value);
    }
}

/// Compresses a body with snappy's block format. Fails only for bodies of 4 GiB and more.
pub fn compress(body: &[u8]) -> Result<Vec<u8>, super::Error> {
    snap::raw::Encoder::new().compress_vec(body).map_err(|e| super::Error::Snappy(e.to_string()))
}

/// Appends a `prometheus.Label` in field 1 of `out`.
pub(crate) fn put_label(out: &mut Vec<u8>, scratch: &mut Vec<u8>, name: &str, value: &str) {
    scratch.clear();
    put_bytes(scratch, 1, name.as_bytes());
    put_bytes(scratch, 2, value.as_bytes());
    put_bytes(out, 1, scratch);
}

/// The number of a type of metric; 0 (unknown) where the protocol has none.
pub(crate) fn kind_number(kind: &str) -> i64 {
    KINDS.iter().position(|known| *known == kind).unwrap_or(0) as i64
}
