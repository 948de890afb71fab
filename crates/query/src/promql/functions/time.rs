//! Functions of dates, all in UTC, and `timestamp`.

use crate::promql::ast::{Call, Expr};
use crate::promql::eval::{Cells, Evaluator, Outcome, Row, Rows, Steps};

const DAY: i64 = 86_400;

/// The part of a date that the function of this name yields, from seconds since the Unix epoch.
pub(super) fn part(name: &str) -> Option<fn(i64) -> i64> {
    Some(match name {
        "minute" => |s| s.rem_euclid(3_600) / 60,
        "hour" => |s| s.rem_euclid(DAY) / 3_600,
        // The epoch was a Thursday.
        "day_of_week" => |s| (s.div_euclid(DAY) + 4).rem_euclid(7),
        "day_of_month" => |s| date(s).day,
        "day_of_year" => |s| s.div_euclid(DAY) - days(date(s).year, 1, 1) + 1,
        "days_in_month" => |s| {
            let date = date(s);
            let (year, month) =
                if date.month == 12 { (date.year + 1, 1) } else { (date.year, date.month + 1) };
            days(year, month, 1) - days(date.year, date.month, 1)
        },
        "month" => |s| date(s).month,
        "year" => |s| date(s).year,
        _ => return None,
    })
}

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// The date of a second, in the proleptic Gregorian calendar. Years are counted from March, so that the leap day is
/// the last day of its year, and in cycles of 400 years, which all have the same length.
fn date(seconds: i64) -> Date {
    let since_march = seconds.div_euclid(DAY) + 719_468;
    let cycle = since_march.div_euclid(146_097);
    let day_of_cycle = since_march.rem_euclid(146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_cycle + cycle * 400 + i64::from(month <= 2);
    Date { year, month, day }
}

/// Days from the epoch to a date; the inverse of [`date`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle * 146_097 + day_of_cycle - 719_468
}

impl Evaluator<'_> {
    /// A part of a date, of each value or, without an argument, of the time of evaluation.
    pub(super) fn time_function(&self, call: &Call, steps: Steps, part: fn(i64) -> i64) -> Outcome<Rows> {
        if !call.args.is_empty() {
            // Beyond this the calendar's arithmetic could overflow; the years there mean nothing.
            const MOST: f64 = 1e17;
            return self.float_function(call, steps, |_, v| {
                if v.abs() <= MOST { part(v as i64) as f64 } else { f64::NAN }
            });
        }
        let mut cells = Cells::absent(steps.len);
        for i in 0..steps.len {
            cells.set(i, part(steps.time(i) / 1000) as f64);
        }
        Rows::counted(vec![Row::new(model::Labels::empty(), cells)], &self.meter)
    }

    /// The time of each sample: of the stored one where a selector stands, else the time of evaluation.
    pub(super) fn timestamp(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let arg = self.arg(call, 0)?;
        let mut rows = match arg {
            Expr::Vector(selector) => self.sample_times(selector, steps)?,
            _ => {
                let mut rows = self.vector(arg, steps)?;
                for row in &mut rows.rows {
                    for i in (0..steps.len).filter(|i| row.cells.is_present(*i)).collect::<Vec<_>>() {
                        row.cells.set(i, steps.time(i) as f64 / 1000.0);
                    }
                }
                rows
            }
        };
        rows.drop_names(self.delayed(), false)?;
        Ok(rows)
    }
}

impl Evaluator<'_> {
    /// The start timestamp of each sample that is stored; nothing of computed ones, or where they are switched off.
    pub(super) fn start_timestamp(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let Expr::Vector(selector) = self.arg(call, 0)? else { return Ok(Rows::empty(&self.meter)) };
        if !self.options.start_timestamps {
            return Ok(Rows::empty(&self.meter));
        }
        let mut rows = self.sample_starts(selector, steps)?;
        rows.drop_names(self.delayed(), false)?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        for day in (-1_000_000..1_000_000).step_by(997) {
            let date = date(day * DAY + 5);
            assert_eq!(days(date.year, date.month, date.day), day);
        }
        let parts = |name: &str, s: i64| part(name).unwrap()(s);
        // 2024-02-29T23:59:59Z
        let leap = 1_709_251_199;
        assert_eq!(parts("year", leap), 2024);
        assert_eq!(parts("month", leap), 2);
        assert_eq!(parts("day_of_month", leap), 29);
        assert_eq!(parts("day_of_year", leap), 60);
        assert_eq!(parts("days_in_month", leap), 29);
        assert_eq!(parts("day_of_week", leap), 4);
        assert_eq!((parts("hour", leap), parts("minute", leap)), (23, 59));
        assert_eq!(parts("day_of_week", -1), 3, "the day before the epoch");
    }
}
