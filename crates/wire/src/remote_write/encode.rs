//! The sender's side.

use super::decode::KINDS;
use super::proto::{put_bytes, put_double, put_int};
use super::series::Point;

/// Builds a `WriteRequest`.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    body: Vec<u8>,
    message: Vec<u8>,
    field: Vec<u8>,
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
        self.message.clear();
        for (name, value) in labels {
            self.field.clear();
            put_bytes(&mut self.field, 1, name.as_bytes());
            put_bytes(&mut self.field, 2, value.as_bytes());
            put_bytes(&mut self.message, 1, &self.field);
        }
        for point in points {
            self.field.clear();
            put_double(&mut self.field, 1, point.v);
            put_int(&mut self.field, 2, point.t);
            put_bytes(&mut self.message, 2, &self.field);
        }
        put_bytes(&mut self.body, 1, &self.message);
        self
    }

    /// Adds metadata of a family; a `kind` that the protocol has no number for is sent as unknown.
    pub fn metadata(&mut self, family: &str, kind: &str, help: &str, unit: &str) -> &mut Self {
        let number = KINDS.iter().position(|known| *known == kind).unwrap_or(0);
        self.message.clear();
        put_int(&mut self.message, 1, number as i64);
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
        let compressed = snap::raw::Encoder::new()
            .compress_vec(&self.body)
            .map_err(|e| super::Error::Snappy(e.to_string()))?;
        self.body.clear();
        Ok(compressed)
    }
}
