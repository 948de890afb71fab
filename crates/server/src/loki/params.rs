//! Parameters as Loki reads them: times in nanoseconds, seconds or RFC 3339, limits, directions.

use axum::extract::{FromRequest, Request};
use model::records::Wanted;
use model::{EventKind, Matcher, Order, RecordScan};
use query::logql::{Direction, parse_matchers};

use super::error::ApiError;
use crate::params::Params;
use crate::prometheus::form;
use crate::state::{Shared, State};

const SECOND: i64 = 1_000_000_000;
/// How far back is looked where no start is given.
const SINCE: i64 = 3_600 * SECOND;

/// [`Params`] as an extractor whose refusal has Loki's shape.
pub(crate) struct Form(pub(crate) Params);

impl FromRequest<Shared> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        Ok(Self(form(request, state).await?))
    }
}

/// A time in ns: with a full stop seconds, with at most ten digits seconds, else nanoseconds, or RFC 3339.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        let ns = seconds * 1e9;
        return (ns.abs() < i64::MAX as f64).then_some(ns as i64);
    }
    if let Ok(number) = text.parse::<i64>() {
        return if text.len() <= 10 { number.checked_mul(SECOND) } else { Some(number) };
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// Seconds or a duration, in ns.
fn parse_duration(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => {
            let ns = seconds * 1e9;
            (ns.abs() < i64::MAX as f64).then_some(ns as i64)
        }
        Err(_) => query::logql::units::parse_duration(text),
    }
}

/// First nanosecond and the one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Params {
    /// `start`, `end` and `since`; the last hour where nothing is said.
    pub(crate) fn bounds(&self, state: &State) -> Result<Bounds, ApiError> {
        let now = state.now_ms().saturating_mul(1_000_000);
        let end = self.ns("end", now)?;
        let since = self.length("since")?.unwrap_or(SINCE);
        let start = self.ns("start", end.min(now).saturating_sub(since))?;
        if end < start {
            return Err(ApiError::bad("end timestamp must not be before or equal to start time"));
        }
        Ok(Bounds { start, end })
    }

    /// The time in parameter `name`, ns.
    pub(crate) fn ns(&self, name: &str, default: i64) -> Result<i64, ApiError> {
        match self.get(name) {
            "" => Ok(default),
            text => parse_time(text)
                .ok_or_else(|| ApiError::bad(format_args!("could not parse '{name}' parameter: {text:?}"))),
        }
    }

    /// The duration in parameter `name`, ns; it is not negative.
    pub(crate) fn length(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => match parse_duration(text).filter(|ns| *ns >= 0) {
                Some(ns) => Ok(Some(ns)),
                None => Err(ApiError::bad(format_args!("cannot parse {text:?} to a valid duration"))),
            },
        }
    }

    /// The step, ns: by default a 250th of the range, at least a second.
    pub(crate) fn step(&self, bounds: Bounds) -> Result<i64, ApiError> {
        let step = match self.length("step")? {
            Some(step) => step,
            None => ((bounds.end - bounds.start) / SECOND / 250).max(1) * SECOND,
        };
        if step <= 0 {
            return Err(ApiError::bad(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            ));
        }
        Ok(step)
    }

    /// A count in parameter `name`, at least 1.
    pub(crate) fn count(&self, name: &str, default: usize) -> Result<usize, ApiError> {
        match self.get(name) {
            "" => Ok(default),
            text => match text.parse::<usize>() {
                Ok(0) => Err(ApiError::bad("limit must be a positive value")),
                Ok(count) => Ok(count),
                Err(_) => Err(ApiError::bad(format_args!("{name}: {text:?} is no valid number"))),
            },
        }
    }

    /// `direction`.
    pub(crate) fn direction(&self) -> Result<Direction, ApiError> {
        match self.get("direction") {
            "" => Ok(Direction::Backward),
            text if text.eq_ignore_ascii_case("backward") => Ok(Direction::Backward),
            text if text.eq_ignore_ascii_case("forward") => Ok(Direction::Forward),
            text => Err(ApiError::bad(format_args!("invalid direction '{text}'"))),
        }
    }

    /// The selector in parameter `name`; nothing and `{}` are all streams.
    pub(crate) fn selector(&self, name: &str) -> Result<Vec<Matcher>, ApiError> {
        match self.get(name).trim() {
            "" => Ok(Vec::new()),
            text => Ok(parse_matchers(text, true)?),
        }
    }
}

/// A scan of all log lines of some streams.
pub(crate) fn scan(streams: Vec<Matcher>, bounds: Bounds) -> RecordScan {
    RecordScan {
        kind: EventKind::Log,
        start_ns: bounds.start,
        end_ns: last(bounds),
        streams,
        body: Vec::new(),
        fields: Vec::new(),
        keep: None,
        wanted: Wanted { body: false, fields: Some(Vec::new()) },
        limit: 0,
        order: Order::Ascending,
    }
}

/// The last nanosecond.
pub(crate) fn last(bounds: Bounds) -> i64 {
    bounds.end.saturating_sub(1).max(bounds.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_nanoseconds_by_their_length() {
        for (text, ns) in [
            ("1700000000", 1_700_000_000_000_000_000),
            ("1700000000000000001", 1_700_000_000_000_000_001),
            ("1700000000.5", 1_700_000_000_500_000_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ] {
            assert_eq!(parse_time(text), Some(ns), "{text}");
        }
        for bad in ["", "x", "1e400.", "99999999999999999999"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_step_has_a_default() {
        let bounds = Bounds { start: 0, end: 3_600 * SECOND };
        let of = |query: &str| Params::of_query(Some(query)).unwrap().step(bounds);
        assert_eq!(of("").unwrap(), 14 * SECOND);
        assert_eq!(of("step=30").unwrap(), 30 * SECOND);
        assert_eq!(of("step=1m30s").unwrap(), 90 * SECOND);
        assert!(of("step=0").is_err() && of("step=x").is_err() && of("step=-1").is_err());
    }
}
