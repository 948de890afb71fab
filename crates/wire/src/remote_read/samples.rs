//! `prometheus.ReadResponse`: every sample of every query in one message.

use model::SeriesData;

use crate::remote_write::proto::{Message, Value, put_bytes, put_double, put_int, put_varint};
use crate::remote_write::{Error, Series, put_histogram, put_label, read_series};

/// Builds an answer.
#[derive(Debug, Clone, Default)]
pub struct ResponseWriter {
    body: Vec<u8>,
    result: Vec<u8>,
    message: Vec<u8>,
    field: Vec<u8>,
}

impl ResponseWriter {
    /// An empty answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series to the result of the current query; `labels` sorted by name, in place of those of `data`.
    pub fn series<'l>(&mut self, labels: impl IntoIterator<Item = (&'l str, &'l str)>, data: &SeriesData) {
        self.message.clear();
        for (name, value) in labels {
            put_label(&mut self.message, &mut self.field, name, value);
        }
        for (t, v) in data.t.iter().zip(&data.v) {
            self.field.clear();
            put_double(&mut self.field, 1, *v);
            put_int(&mut self.field, 2, *t);
            put_bytes(&mut self.message, 2, &self.field);
        }
        for (t, histogram) in &data.histograms {
            self.field.clear();
            put_histogram(&mut self.field, *t, 0, histogram);
            put_bytes(&mut self.message, 4, &self.field);
        }
        put_bytes(&mut self.result, 1, &self.message);
    }

    /// Ends the result of the current query and begins that of the next.
    pub fn end_query(&mut self) {
        put_bytes(&mut self.body, 1, &self.result);
        self.result.clear();
    }

    /// Bytes held so far.
    pub fn len(&self) -> usize {
        self.body.len() + self.result.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message, not compressed.
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }
}

/// Walks a decompressed answer series by series.
#[derive(Debug, Clone)]
pub struct ResponseReader<'a> {
    response: Message<'a>,
    result: Message<'a>,
    results: usize,
}

impl<'a> ResponseReader<'a> {
    /// A reader at the start of `body` (decompressed).
    pub const fn new(body: &'a [u8]) -> Self {
        Self { response: Message { bytes: body, at: 0 }, result: Message { bytes: &[], at: 0 }, results: 0 }
    }

    /// The next series, put into `series`, and the index of its query; `None` at the end.
    pub fn next_series(&mut self, series: &mut Series<'a>) -> Result<Option<usize>, Error> {
        loop {
            while let Some((number, value)) = self.result.field()? {
                match (number, value) {
                    (1, Value::Bytes(message)) => {
                        read_series(message, series)?;
                        return Ok(Some(self.results.saturating_sub(1)));
                    }
                    (1, _) => return Err(self.result.error("timeseries is not a message")),
                    _ => {}
                }
            }
            match self.response.field()? {
                None => return Ok(None),
                Some((1, Value::Bytes(result))) => {
                    self.result = result;
                    self.results += 1;
                }
                Some((1, _)) => return Err(self.response.error("a result is not a message")),
                Some(_) => {}
            }
        }
    }
}

/// Appends a varint field with its value, whatever it is.
pub(super) fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}
