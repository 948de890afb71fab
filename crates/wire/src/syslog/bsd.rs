//! The header of RFC 3164, `Mmm dd hh:mm:ss host tag[pid]: message`, and its relatives: with a year, with a time in RFC
//! 3339's form, without a host (as programs write to the local daemon), without anything.

use super::header::Header;
use crate::logs::{date_of, time_of_parts, time_of_rfc3339};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Reads what stands behind `<PRI>`.
pub(super) fn read(text: &str, now_ns: i64, offset_s: i64) -> Header<'_> {
    let text = text.trim_start();
    let Some((time_ns, rest)) = time(text, now_ns, offset_s) else {
        return tagged(text, Header::default());
    };
    let header = Header { time_ns: Some(time_ns), ..Header::default() };
    let rest = rest.trim_start();
    match rest.split_once(' ') {
        // A tag in place of a host.
        Some((word, _)) if word.ends_with(':') || word.contains('[') => tagged(rest, header),
        Some((host, behind)) => tagged(behind.trim_start(), Header { host, ..header }),
        None => Header { message: rest, ..header },
    }
}

/// `tag[pid]: message`, `tag: message`, or a message alone.
fn tagged<'a>(text: &'a str, header: Header<'a>) -> Header<'a> {
    let is_tag = |c: char| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '+' | '{' | '}' | '(' | ')')
    };
    let end = text.find(|c| !is_tag(c)).unwrap_or(text.len());
    // The standard allows 32 characters; names of units and containers are longer.
    if end == 0 || end > 256 {
        return Header { message: text, ..header };
    }
    let (app, rest) = text.split_at(end);
    let (process, rest) = match rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((process, rest)) if process.len() <= 128 => (process, rest),
        _ => ("", rest),
    };
    match rest.strip_prefix(':') {
        Some(message) => {
            Header { app, process, message: message.strip_prefix(' ').unwrap_or(message), ..header }
        }
        // Behind a whole header something is a tag also without a colon, where it looks like nothing else: rsyslog
        // writes it so for a message that came in the newer format.
        None if header.time_ns.is_some() && is_number(process) && rest.starts_with(' ') => {
            Header { app, process, message: rest.trim_start_matches(' '), ..header }
        }
        None => Header { message: text, ..header },
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The time at the start of `text`, and what stands behind it.
fn time(text: &str, now_ns: i64, offset_s: i64) -> Option<(i64, &str)> {
    if text.as_bytes().first()?.is_ascii_digit() {
        let (word, rest) = text.split_once(' ')?;
        return time_of_rfc3339(word).map(|ns| (ns, rest));
    }
    let month = MONTHS.iter().position(|name| text.get(..3) == Some(name))?;
    let rest = text[3..].strip_prefix(' ')?.trim_start();
    let (day, rest) = rest.split_once(' ')?;
    let (clock, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (year, clock, rest) = match clock.parse::<i64>() {
        // Cisco and others: the year stands before the time of day.
        Ok(year) if clock.len() == 4 => {
            let (clock, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            (Some(year), clock, rest)
        }
        _ => (None, clock, rest),
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let digits = fraction.bytes().take(9).filter(u8::is_ascii_digit);
    let (nanos, _) =
        digits.fold((0, SECOND / 10), |(ns, unit), b| (ns + i64::from(b - b'0') * unit, unit / 10));
    let month = i64::try_from(month).ok()? + 1;
    let of = |year| {
        let local = time_of_parts((year, month, day.parse().ok()?), (hour, minute, second), nanos)?;
        local.checked_sub(offset_s * SECOND)
    };
    let ns = match year {
        Some(year) => of(year)?,
        // The year in which it is nearest to now: a message of December arrives in January.
        None => {
            let (this, ..) = date_of(now_ns);
            let near = |year| of(year).map(|ns| (ns.abs_diff(now_ns), ns));
            [this - 1, this, this + 1].into_iter().filter_map(near).min()?.1
        }
    };
    // A day and a year apart is no time of a message just sent, but a sender's clock: it stays as it is.
    Some((ns, rest)).filter(|_| ns > -100 * 365 * DAY)
}
