//! `{"streams":[{"stream":{...},"values":[["<nanoseconds>","line",{...}]]}]}`.

use std::fmt;

use model::{Error, Labels, Result};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{entry, stream_labels};
use crate::logs::Rows;
use crate::tree::Text;

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: Vec<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow, default)]
    stream: Pairs<'a>,
    #[serde(borrow, default)]
    values: Vec<Entry<'a>>,
}

/// A map of texts, in the order written.
#[derive(Default)]
struct Pairs<'a>(Vec<(Text<'a>, Text<'a>)>);

struct Entry<'a> {
    time_ns: i64,
    line: Text<'a>,
    metadata: Pairs<'a>,
}

/// Reads a JSON body.
///
/// # Errors
/// Kind `Invalid`, with line and column where the JSON is wrong.
pub fn read_json(body: &[u8], rows: &mut Rows<'_>) -> Result<()> {
    let push: Push<'_> = serde_json::from_slice(body)
        .map_err(|e| Error::invalid(format_args!("the body is no push request: {e}")))?;
    let streams: Vec<Labels> = push
        .streams
        .iter()
        .map(|stream| {
            let pairs = stream.stream.0.iter().map(|(n, v)| (n.0.to_string(), v.0.to_string()));
            stream_labels(rows, pairs)
        })
        .collect::<Result<_>>()?;
    for (labels, stream) in streams.iter().zip(&push.streams) {
        for value in &stream.values {
            let metadata = value.metadata.0.iter().map(|(n, v)| (&*n.0, &*v.0));
            entry(rows, labels, value.time_ns, &value.line.0, metadata);
        }
    }
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[\"<nanoseconds>\", \"line\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry<'de>, A::Error> {
                let short = |n| A::Error::invalid_length(n, &Reader);
                let Text(time) = list.next_element()?.ok_or_else(|| short(0))?;
                let time_ns = time
                    .parse()
                    .map_err(|_| A::Error::custom(format_args!("{time:?} is no timestamp in nanoseconds")))?;
                let line = list.next_element()?.ok_or_else(|| short(1))?;
                let metadata = list.next_element::<Pairs<'de>>()?.unwrap_or_default();
                if list.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    return Err(short(4));
                }
                Ok(Entry { time_ns, line, metadata })
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}
