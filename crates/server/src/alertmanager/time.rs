//! Times as the API writes and reads them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// RFC 3339 with milliseconds.
pub(super) fn write(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        Err(_) => "0001-01-01T00:00:00.000Z".to_owned(),
    }
}

/// A time of a body. `None`: it is left out, or Go's zero time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Time(pub(super) Option<i64>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(Self(None)) };
        if text.is_empty() || text.starts_with("0001-01-01T00:00:00") {
            return Ok(Self(None));
        }
        let time: Timestamp = text
            .parse()
            .map_err(|_| serde::de::Error::custom(format_args!("{text:?} is no time of RFC 3339")))?;
        Ok(Self(Some(time.as_millisecond())))
    }
}
