//! The header of RFC 5424: `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`.

use super::structured;
use crate::logs::time_of_rfc3339;

/// What stands before a message; what is not there is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) time_ns: Option<i64>,
    pub(super) host: &'a str,
    pub(super) app: &'a str,
    pub(super) process: &'a str,
    pub(super) id: &'a str,
    /// Structured data as written.
    pub(super) data: &'a str,
    pub(super) message: &'a str,
}

/// Reads what stands behind `<PRI>1 `; `None` where it is no such header.
pub(super) fn read(text: &str) -> Option<Header<'_>> {
    let mut rest = text;
    let mut word = || {
        let (word, after) = rest.split_once(' ')?;
        rest = after;
        Some(if word == "-" { "" } else { word })
    };
    let (time, host, app, process, id) = (word()?, word()?, word()?, word()?, word()?);
    let time_ns = if time.is_empty() { None } else { Some(time_of_rfc3339(time)?) };
    let (data, message) = match rest.strip_prefix('-') {
        Some(message) => ("", message),
        None => rest.split_at(structured::length(rest)?),
    };
    let message = message.strip_prefix(' ').unwrap_or(message);
    // rsyslog keeps the blank behind a tag of the older format; two are an indentation.
    let message = message.strip_prefix(' ').filter(|rest| !rest.starts_with(' ')).unwrap_or(message);
    Some(Header { time_ns, host, app, process, id, data, message })
}
