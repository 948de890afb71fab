//! When nobody is told, or only then.

mod range;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use range::{Days, Months, Range, Weekdays, Years};

model::section! {
    /// One interval: a time lies in it where every part that is given takes it.
    pub struct TimeInterval ("timeinterval.TimeInterval") {
        /// Times of the day.
        times: Option<Vec<TimeRange>> = None,
        /// Days of the week.
        weekdays: Option<Vec<Range<Weekdays>>> = None,
        /// Days of the month; negative ones from its end.
        days_of_month: Option<Vec<Range<Days>>> = None,
        /// Months.
        months: Option<Vec<Range<Months>>> = None,
        /// Years.
        years: Option<Vec<Range<Years>>> = None,
        /// Where it is that time; UTC where it is left out.
        location: Option<Location> = None,
    }
}

impl TimeInterval {
    /// Whether a moment, in ms since 1970, lies in it. Moments that no calendar has lie in none.
    pub fn contains(&self, at_ms: i64) -> bool {
        let Ok(at) = Timestamp::from_millisecond(at_ms) else { return false };
        let zone = self.location.as_ref().map_or(TimeZone::UTC, |location| location.zone.clone());
        let at = at.to_zoned(zone);
        let minute = i32::from(at.hour()) * 60 + i32::from(at.minute());
        let last = i32::from(at.days_in_month());
        let day = i32::from(at.day());
        takes(&self.times, |range| range.start <= minute && minute < range.end)
            && takes(&self.days_of_month, |range| range.has_day(day, last))
            && takes(&self.months, |range| range.has(i32::from(at.month())))
            && takes(&self.weekdays, |range| range.has(i32::from(at.weekday().to_sunday_zero_offset())))
            && takes(&self.years, |range| range.has(i32::from(at.year())))
    }
}

/// A part that is not given takes everything; an empty one nothing.
fn takes<T>(ranges: &Option<Vec<T>>, has: impl FnMut(&T) -> bool) -> bool {
    ranges.as_ref().is_none_or(|ranges| ranges.iter().any(has))
}

/// Minutes of a day, the last one not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    start: i32,
    end: i32,
}

model::section! {
    /// A range as it is written.
    pub struct WrittenTimes ("timeinterval.yamlTimeRange") {
        /// When it begins.
        start_time: String = String::new() => always,
        /// When it ends.
        end_time: String = String::new() => always,
    }
    check Self::check
}

impl WrittenTimes {
    fn check(&mut self) -> Result<(), String> {
        self.range().map(drop)
    }

    fn range(&self) -> Result<TimeRange, String> {
        if self.start_time.is_empty() || self.end_time.is_empty() {
            return Err("both start and end times must be provided".to_owned());
        }
        let (start, end) = (minutes(&self.start_time)?, minutes(&self.end_time)?);
        if start >= end {
            return Err("start time cannot be equal or greater than end time".to_owned());
        }
        Ok(TimeRange { start, end })
    }
}

/// `HH:MM`, up to `24:00`, as minutes.
fn minutes(text: &str) -> Result<i32, String> {
    let two = |digits: &str| match digits.as_bytes() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(i32::from(a - b'0') * 10 + i32::from(b - b'0')),
        _ => None,
    };
    let time = text.split_once(':').and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)));
    match time {
        Some((hours, minutes)) if (hours < 24 && minutes < 60) || (hours, minutes) == (24, 0) => {
            Ok(hours * 60 + minutes)
        }
        _ => Err(format!("couldn't parse timestamp {text}, invalid format")),
    }
}

impl<'de> Deserialize<'de> for TimeRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WrittenTimes::deserialize(deserializer)?.range().map_err(D::Error::custom)
    }
}

impl Serialize for TimeRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = |minutes: i32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        WrittenTimes { start_time: time(self.start), end_time: time(self.end) }.serialize(serializer)
    }
}

/// A place of the time zone database.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    name: String,
    zone: TimeZone,
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let zone = match name.as_str() {
            "" | "UTC" => TimeZone::UTC,
            "Local" => TimeZone::system(),
            name => {
                TimeZone::get(name).map_err(|_| D::Error::custom(format_args!("unknown time zone {name}")))?
            }
        };
        Ok(Self { name, zone })
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.name.is_empty() { "UTC" } else { &self.name })
    }
}

/// All intervals of a configuration by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeIntervals(pub BTreeMap<String, Vec<TimeInterval>>);

impl TimeIntervals {
    /// Whether a moment, in ms since 1970, lies in one of the intervals of this name. In those that do not exist
    /// nothing lies.
    pub fn contains(&self, name: &str, at_ms: i64) -> bool {
        self.0.get(name).is_some_and(|all| all.iter().any(|interval| interval.contains(at_ms)))
    }
}
