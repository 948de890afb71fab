//! Ranges with both ends: `monday:friday`, `1:-1`, `march`, `2026`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// What a range is of.
pub trait Unit {
    /// Reads one end.
    fn member(text: &str) -> Result<i32, String>;

    /// Refuses what cannot be meant.
    fn check(begin: i32, end: i32) -> Result<(), String>;

    /// Writes one end.
    fn write(member: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{member}")
    }
}

/// Days of the week from Sunday, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays;
/// Days of the month from 1, or from its end, -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days;
/// Months from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months;
/// Years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Years;

/// From one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<U> {
    begin: i32,
    end: i32,
    unit: PhantomData<U>,
}

impl<U: Unit> Range<U> {
    /// Reads a range, or a single one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.to_lowercase();
        let (begin, end) = match text.split_once(':') {
            Some((_, end)) if end.contains(':') => {
                return Err(format!("couldn't parse range {text}, invalid format"));
            }
            Some((begin, end)) => (U::member(begin)?, U::member(end)?),
            None => (U::member(&text)?, U::member(&text)?),
        };
        U::check(begin, end)?;
        Ok(Self { begin, end, unit: PhantomData })
    }

    /// Whether it is in the range.
    pub(super) fn has(&self, member: i32) -> bool {
        (self.begin..=self.end).contains(&member)
    }
}

impl Range<Days> {
    /// Whether a day is in the range, in a month with this last day.
    pub(super) fn has_day(&self, day: i32, last: i32) -> bool {
        let from_end = |member: i32| if member < 0 { last + member + 1 } else { member };
        let (begin, end) = (from_end(self.begin), from_end(self.end));
        begin <= last && (begin..=end.min(last)).contains(&day)
    }
}

fn number(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

fn position(names: &[&str], name: &str) -> Option<i32> {
    names.iter().position(|known| *known == name).and_then(|at| i32::try_from(at).ok())
}

impl Unit for Weekdays {
    fn member(text: &str) -> Result<i32, String> {
        position(&WEEKDAYS, text).ok_or_else(|| format!("{text} is not a valid weekday"))
    }

    fn check(begin: i32, end: i32) -> Result<(), String> {
        if begin > end { Err("start day cannot be before end day".to_owned()) } else { Ok(()) }
    }

    fn write(member: i32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(member).ok().and_then(|at| WEEKDAYS.get(at));
        f.write_str(name.unwrap_or(&""))
    }
}

impl Unit for Days {
    fn member(text: &str) -> Result<i32, String> {
        number(text)
    }

    fn check(begin: i32, end: i32) -> Result<(), String> {
        for day in [begin, end] {
            if day == 0 || !(-31..=31).contains(&day) {
                return Err(format!("{day} is not a valid day of the month: out of range"));
            }
        }
        if begin < 0 && end > 0 {
            return Err("end day must be negative if start day is negative".to_owned());
        }
        // In the shortest month: a range that is empty there only may be meant.
        let place = |day: i32| if day < 0 { 28 + day } else { day };
        if place(begin) > place(end) {
            return Err(format!("end day {end} is always before start day {begin}"));
        }
        Ok(())
    }
}

impl Unit for Months {
    fn member(text: &str) -> Result<i32, String> {
        let named = position(&MONTHS, text).map(|at| at + 1);
        named.map_or_else(|| text.parse().map_err(|_| format!("{text} is not a valid month")), Ok)
    }

    fn check(begin: i32, end: i32) -> Result<(), String> {
        let name = |month: i32| {
            let at = usize::try_from(month).ok().and_then(|month| month.checked_sub(1));
            at.and_then(|at| MONTHS.get(at)).copied().unwrap_or("")
        };
        if begin > end {
            return Err(format!("end month {} is before start month {}", name(end), name(begin)));
        }
        Ok(())
    }
}

impl Unit for Years {
    fn member(text: &str) -> Result<i32, String> {
        number(text)
    }

    fn check(begin: i32, end: i32) -> Result<(), String> {
        if begin > end { Err(format!("end year {end} is before start year {begin}")) } else { Ok(()) }
    }
}

impl<'de, U: Unit> Deserialize<'de> for Range<U> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<U: Unit> fmt::Display for Range<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        U::write(self.begin, f)?;
        if self.begin != self.end {
            f.write_str(":")?;
            U::write(self.end, f)?;
        }
        Ok(())
    }
}

impl<U: Unit> Serialize for Range<U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
