//! The sender's side.

use std::collections::HashMap;

use model::{Exemplar, Histogram};

use super::super::encode::{compress, kind_number};
use super::super::histogram::put_histogram;
use super::super::proto::{put_bytes, put_double, put_int, put_varint};
use super::super::series::Point;

/// Builds a request of version 2.
#[derive(Debug, Clone)]
pub struct Encoder {
    symbols: Vec<u8>,
    known: HashMap<String, u64>,
    series: Vec<u8>,
    message: Vec<u8>,
    field: Vec<u8>,
    packed: Vec<u8>,
    /// What begins the message of a series, by the sender's key: places in `heads`.
    head_of: HashMap<usize, std::ops::Range<usize>>,
    heads: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        let mut encoder = Self {
            symbols: Vec::new(),
            known: HashMap::new(),
            series: Vec::new(),
            message: Vec::new(),
            field: Vec::new(),
            packed: Vec::new(),
            head_of: HashMap::new(),
            heads: Vec::new(),
        };
        encoder.symbol(""); // the first symbol is always the empty one
        encoder
    }
}

impl Encoder {
    /// An empty request.
    pub fn new() -> Self {
        Self::default()
    }

    fn symbol(&mut self, text: &str) -> u64 {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let number = self.known.len() as u64;
        self.known.insert(text.to_owned(), number);
        put_bytes(&mut self.symbols, 4, text.as_bytes());
        number
    }

    fn pack<'l>(&mut self, labels: impl IntoIterator<Item = (&'l str, &'l str)>) {
        self.packed.clear();
        for text in labels.into_iter().flat_map(|(name, value)| [name, value]) {
            let number = self.symbol(text);
            put_varint(&mut self.packed, number);
        }
    }

    /// Begins a series; [`Self::end`] adds it. Labels are sorted by name, as `model::Labels` are.
    pub fn begin<'l>(&mut self, labels: impl IntoIterator<Item = (&'l str, &'l str)>) -> &mut Self {
        self.message.clear();
        self.pack(labels);
        put_bytes(&mut self.message, 1, &self.packed);
        self
    }

    /// Begins a series that may have begun before in this request: of one `key` labels and metadata (type, help, unit) are
    /// looked up once. The key stands for one series until [`Self::finish`].
    pub fn begin_known<'l>(
        &mut self,
        key: usize,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        metadata: impl FnOnce() -> Option<(&'l str, &'l str, &'l str)>,
    ) -> &mut Self {
        if let Some(head) = self.head_of.get(&key).and_then(|place| self.heads.get(place.clone())) {
            self.message.clear();
            self.message.extend_from_slice(head);
            return self;
        }
        self.begin(labels);
        if let Some((kind, help, unit)) = metadata() {
            self.metadata(kind, help, unit);
        }
        let start = self.heads.len();
        self.heads.extend_from_slice(&self.message);
        self.head_of.insert(key, start..self.heads.len());
        self
    }

    /// A float sample of the series begun, with its start timestamp in ms (0: not known).
    pub fn point(&mut self, point: Point, start: i64) -> &mut Self {
        self.field.clear();
        put_double(&mut self.field, 1, point.v);
        put_int(&mut self.field, 2, point.t);
        put_int(&mut self.field, 3, start);
        put_bytes(&mut self.message, 2, &self.field);
        self
    }

    /// A native histogram of the series begun.
    pub fn histogram(&mut self, t: i64, start: i64, histogram: &Histogram) -> &mut Self {
        self.field.clear();
        put_histogram(&mut self.field, t, start, histogram);
        put_bytes(&mut self.message, 3, &self.field);
        self
    }

    /// An exemplar of the series begun.
    pub fn exemplar(&mut self, exemplar: &Exemplar) -> &mut Self {
        self.pack(&exemplar.labels);
        self.field.clear();
        if !self.packed.is_empty() {
            put_bytes(&mut self.field, 1, &self.packed);
        }
        put_double(&mut self.field, 2, exemplar.v);
        put_int(&mut self.field, 3, exemplar.t);
        put_bytes(&mut self.message, 4, &self.field);
        self
    }

    /// Metadata of the series begun.
    pub fn metadata(&mut self, kind: &str, help: &str, unit: &str) -> &mut Self {
        let (help, unit) = (self.symbol(help), self.symbol(unit));
        self.field.clear();
        put_int(&mut self.field, 1, kind_number(kind));
        put_int(&mut self.field, 3, help as i64);
        put_int(&mut self.field, 4, unit as i64);
        put_bytes(&mut self.message, 5, &self.field);
        self
    }

    /// Adds the series begun.
    pub fn end(&mut self) -> &mut Self {
        put_bytes(&mut self.series, 5, &self.message);
        self
    }

    /// Bytes of the message, not compressed.
    pub fn len(&self) -> usize {
        self.symbols.len() + self.series.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The message, not compressed.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.symbols.as_slice(), self.series.as_slice()].concat()
    }

    /// The compressed body, ready to be sent; the encoder is empty afterwards. Fails only for messages of 4 GiB and more.
    pub fn finish(&mut self) -> Result<Vec<u8>, super::Error> {
        let body = compress(&self.to_bytes())?;
        *self = Self::default();
        Ok(body)
    }
}
