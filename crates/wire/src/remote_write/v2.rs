//! Remote write 2.0: `io.prometheus.write.v2.Request`. Every string stands once in a table of symbols; series refer to it
//! by index. Field numbers are those of prometheus/prometheus `prompb/io/prometheus/write/v2/types.proto`.

mod encode;

pub use encode::Encoder;

use super::Error;
use super::decode::{KINDS, Metadata};
use super::histogram::read_histogram;
use super::proto::{Message, Value};
use super::series::{BadLabels, Exemplar, LabelPair, Point, Series};

/// Symbols of a request; more are refused, so that the table stays below 64 MiB.
const MAX_SYMBOLS: usize = 1 << 22;
/// References of one series or exemplar.
const MAX_REFERENCES: usize = 1 << 12;

/// Walks a decompressed request.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    symbols: Vec<&'a str>,
    request: Message<'a>,
    references: Vec<u64>,
}

impl<'a> Reader<'a> {
    /// Reads the table of symbols of `body` (decompressed), wherever it stands in there.
    pub fn new(body: &'a [u8]) -> Result<Self, Error> {
        let request = Message { bytes: body, at: 0 };
        let mut symbols = Vec::new();
        let mut walk = request;
        while let Some((number, value)) = walk.field()? {
            match (number, value) {
                (4, Value::Bytes(symbol)) => {
                    if symbols.len() == MAX_SYMBOLS {
                        return Err(symbol.error("more than 4194304 symbols"));
                    }
                    let text = std::str::from_utf8(symbol.bytes);
                    symbols.push(text.map_err(|_| symbol.error("a symbol is not valid UTF-8"))?);
                }
                (4, _) => return Err(walk.error("a symbol is not a string")),
                _ => {}
            }
        }
        Ok(Self { symbols, request, references: Vec::new() })
    }

    /// The next series, put into `series` (cleared first); `false` at the end. Labels that cannot be read are told in
    /// [`Series::problem`]: the other series of the request may still be taken.
    pub fn next_series(&mut self, series: &mut Series<'a>) -> Result<bool, Error> {
        while let Some((number, value)) = self.request.field()? {
            match (number, value) {
                (5, Value::Bytes(message)) => {
                    self.read(message, series)?;
                    return Ok(true);
                }
                (5, _) => return Err(self.request.error("timeseries is not a message")),
                _ => {}
            }
        }
        Ok(false)
    }

    fn read(&mut self, mut message: Message<'a>, series: &mut Series<'a>) -> Result<(), Error> {
        series.clear();
        self.references.clear();
        while let Some((number, value)) = message.field()? {
            match (number, value) {
                (1, value) => references(&mut self.references, &message, value)?,
                (2, Value::Bytes(sample)) => read_sample(sample, series)?,
                (3, Value::Bytes(histogram)) => series.histograms.push(read_histogram(histogram)?),
                (4, Value::Bytes(exemplar)) => {
                    if let Some(exemplar) = self.read_exemplar(exemplar)? {
                        series.exemplars.push(exemplar);
                    }
                }
                (5, Value::Bytes(metadata)) => series.metadata = Some(self.read_metadata(metadata, series)?),
                (2..=5, _) => return Err(message.error("a field of a series is not a message")),
                _ => {}
            }
        }
        match self.pairs(&self.references) {
            Ok(pairs) => series.labels.extend(pairs),
            Err(problem) => series.problem = Some(problem),
        }
        Ok(())
    }

    fn symbol(&self, reference: u64) -> Result<&'a str, BadLabels> {
        let found = usize::try_from(reference).ok().and_then(|at| self.symbols.get(at)).copied();
        found.ok_or(BadLabels::Reference { reference, size: self.symbols.len() })
    }

    fn pairs(&self, references: &[u64]) -> Result<Vec<LabelPair<'a>>, BadLabels> {
        let (pairs, rest) = references.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(BadLabels::OddReferences(references.len()));
        }
        let pair =
            |[name, value]: &[u64; 2]| Ok((self.symbol(*name)?.as_bytes(), self.symbol(*value)?.as_bytes()));
        pairs.iter().map(pair).collect()
    }

    /// `None` for an exemplar whose labels cannot be read.
    fn read_exemplar(&self, mut message: Message<'a>) -> Result<Option<Exemplar<'a>>, Error> {
        let mut exemplar = Exemplar::default();
        let mut found = Vec::new();
        while let Some((number, value)) = message.field()? {
            match (number, value) {
                (1, value) => references(&mut found, &message, value)?,
                (2, Value::Fixed64(bits)) => exemplar.value = f64::from_bits(bits),
                (3, Value::Varint(t)) => exemplar.t = t as i64,
                (2 | 3, _) => return Err(message.error("a field of an exemplar has the wrong type")),
                _ => {}
            }
        }
        let Ok(labels) = self.pairs(&found) else { return Ok(None) };
        exemplar.labels = labels;
        Ok(Some(exemplar))
    }

    fn read_metadata(
        &self,
        mut message: Message<'a>,
        series: &mut Series<'a>,
    ) -> Result<Metadata<'a>, Error> {
        let mut metadata = Metadata { kind: KINDS[0], ..Metadata::default() };
        let mut symbol = |reference: u64| match self.symbol(reference) {
            Ok(text) => text,
            Err(problem) => {
                series.problem = Some(problem);
                ""
            }
        };
        while let Some((number, value)) = message.field()? {
            match (number, value) {
                (1, Value::Varint(kind)) => {
                    let index = usize::try_from(kind).unwrap_or(usize::MAX);
                    metadata.kind = KINDS.get(index).copied().unwrap_or(KINDS[0]);
                }
                (3, Value::Varint(help)) => metadata.help = symbol(help),
                (4, Value::Varint(unit)) => metadata.unit = symbol(unit),
                (1 | 3 | 4, _) => return Err(message.error("a field of metadata has the wrong type")),
                _ => {}
            }
        }
        Ok(metadata)
    }
}

/// Packed or one by one.
fn references(out: &mut Vec<u64>, message: &Message<'_>, value: Value<'_>) -> Result<(), Error> {
    match value {
        Value::Varint(reference) => out.push(reference),
        Value::Bytes(mut packed) => {
            while !packed.bytes.is_empty() && out.len() <= MAX_REFERENCES {
                out.push(packed.varint()?);
            }
        }
        _ => return Err(message.error("a label reference has the wrong type")),
    }
    if out.len() > MAX_REFERENCES {
        return Err(message.error("more than 4096 label references"));
    }
    Ok(())
}

#[inline]
fn read_sample(mut sample: Message<'_>, series: &mut Series<'_>) -> Result<(), Error> {
    let mut point = Point { t: 0, v: 0.0 };
    let mut start = 0;
    while let Some((number, value)) = sample.field()? {
        match (number, value) {
            (1, Value::Fixed64(bits)) => point.v = f64::from_bits(bits),
            (2, Value::Varint(t)) => point.t = t as i64,
            (3, Value::Varint(t)) => start = t as i64,
            (1..=3, _) => return Err(sample.error("a field of a sample has the wrong type")),
            _ => {}
        }
    }
    if start != 0 || !series.starts.is_empty() {
        series.starts.resize(series.points.len(), 0);
        series.starts.push(start);
    }
    series.points.push(point);
    Ok(())
}

#[cfg(test)]
mod tests;
