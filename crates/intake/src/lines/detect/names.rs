//! The names that are known, of JSON members and of `key=value` pairs, and what becomes of their values.

use std::ops::Range;

use wire::timestamp;

use super::found::{Field, Found};
use super::values::{Level, duration, ip, is_id, is_method};

/// The longest name that is looked at, in bytes.
pub(super) const NAME: usize = 40;

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Level,
    Severity,
    Time,
    Trace,
    TraceParent,
    Span,
    /// Taken as it is.
    Text(Field),
    /// A stack trace, of which the kind of the error can be told.
    Stack,
    ClientIp,
    Method,
    Path,
    Status,
    /// A text with its unit, or a number of seconds that is no whole one.
    Took,
    /// A number, and how many of its unit are a second.
    TookIn(f64),
    Size,
}

/// A name without what spells it differently: case, `_`, `-`, `.`, `@`, `$`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    bytes: [u8; NAME],
    length: usize,
}

impl Name {
    pub(super) const EMPTY: Self = Self { bytes: [0; NAME], length: 0 };

    /// This name and another behind it; `None` where it gets too long to be known.
    pub(super) fn with(mut self, name: &[u8]) -> Option<Self> {
        for byte in name {
            if !matches!(byte, b'_' | b'-' | b'.' | b'@' | b'$') {
                *self.bytes.get_mut(self.length)? = byte.to_ascii_lowercase();
                self.length += 1;
            }
        }
        Some(self)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// What it means, if anything.
    pub(super) fn meaning(&self) -> Option<Meaning> {
        use Meaning::{
            ClientIp, Method, Path, Severity, Size, Span, Stack, Status, Text, Time, Took, TookIn, Trace,
            TraceParent,
        };
        Some(match self.as_bytes() {
            b"level" | b"lvl" | b"loglevel" | b"severity" | b"levelname" | b"severitytext" | b"s" => {
                Meaning::Level
            }
            b"severitynumber" => Severity,
            b"time" | b"ts" | b"timestamp" | b"datetime" | b"eventtime" | b"asctime" | b"date" | b"tdate"
            | b"timestampms" | b"timemillis" => Time,
            b"traceid" | b"trace" | b"xtraceid" | b"otraceid" | b"ddtraceid" | b"xb3traceid"
            | b"oteltraceid" => Trace,
            b"traceparent" => TraceParent,
            b"spanid" | b"span" | b"ddspanid" | b"xb3spanid" | b"otelspanid" => Span,
            b"service" | b"servicename" | b"app" | b"application" | b"appname" | b"ddservice"
            | b"applicationname" => Text(Field::Service),
            b"component" | b"logger" | b"loggername" | b"module" | b"target" | b"category" | b"subsystem"
            | b"controller" | b"loglogger" | b"c" | b"sourcecontext" => Text(Field::Component),
            b"errortype"
            | b"errorkind"
            | b"errorclass"
            | b"errorname"
            | b"errtype"
            | b"errname"
            | b"exceptiontype"
            | b"exceptionclass"
            | b"exceptionexceptionclass" => Text(Field::ErrorKind),
            b"errorcode" | b"errcode" | b"sqlstate" | b"errnumber" | b"exceptioncode" => {
                Text(Field::ErrorCode)
            }
            b"stacktrace"
            | b"stack"
            | b"errorstack"
            | b"errorstacktrace"
            | b"errstack"
            | b"backtrace"
            | b"exceptionstacktrace"
            | b"errorverbose"
            | b"exception"
            | b"excinfo"
            | b"stacktraceerror" => Stack,
            b"requestid" | b"reqid" | b"xrequestid" | b"correlationid" | b"xcorrelationid"
            | b"awsrequestid" | b"requestuuid" | b"httprequestid" => Text(Field::RequestId),
            b"sessionid" | b"sessid" => Text(Field::SessionId),
            b"userid" | b"usrid" | b"enduserid" => Text(Field::UserId),
            b"clientip" | b"clientaddr" | b"remoteaddr" | b"remoteip" | b"sourceip" | b"srcip"
            | b"clientaddress" | b"xforwardedfor" | b"reqremoteaddress" | b"remoteaddress" | b"ipaddress" => {
                ClientIp
            }
            b"method" | b"httpmethod" | b"requestmethod" | b"httprequestmethod" | b"reqmethod" | b"verb" => {
                Method
            }
            b"path" | b"uri" | b"url" | b"requesturi" | b"requestpath" | b"urlpath" | b"httptarget"
            | b"httppath" | b"requrl" | b"httpurl" => Path,
            b"status"
            | b"statuscode"
            | b"httpstatus"
            | b"httpstatuscode"
            | b"responsestatus"
            | b"resstatuscode"
            | b"httpresponsestatuscode"
            | b"responsecode"
            | b"downstreamstatus" => Status,
            b"duration" | b"elapsed" | b"latency" | b"took" | b"responsetime" | b"requesttime" | b"rt"
            | b"elapsedtime" | b"runtime" | b"requestduration" => Took,
            b"durationms" | b"elapsedms" | b"latencyms" | b"tookms" | b"responsetimems"
            | b"durationmillis" | b"requesttimems" | b"timems" => TookIn(1e3),
            b"durationus" | b"elapsedus" | b"latencyus" | b"durationmicros" => TookIn(1e6),
            b"durationns" | b"elapsedns" | b"latencyns" | b"eventduration" => TookIn(1e9),
            b"durations" | b"durationsec" | b"durationseconds" | b"elapsedseconds" | b"latencyseconds" => {
                TookIn(1.0)
            }
            b"bytes"
            | b"size"
            | b"bytessent"
            | b"bodybytessent"
            | b"contentlength"
            | b"responsesize"
            | b"responsebytes"
            | b"bodysize"
            | b"httpresponsebodybytes"
            | b"sizebytes" => Size,
            _ => return None,
        })
    }
}

/// What names mean that came lately: programs write the same few in each line.
#[derive(Debug, Clone)]
pub(super) struct Known {
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    name: u128,
    length: usize,
    meaning: Option<Meaning>,
}

/// How many names are kept.
const SLOTS: usize = 128;
/// Longer names are not.
const SHORT: usize = size_of::<u128>();

impl Default for Known {
    fn default() -> Self {
        Self { slots: vec![Slot::default(); SLOTS] }
    }
}

impl Known {
    /// As [`Name::meaning`].
    pub(super) fn meaning(&mut self, name: &[u8]) -> Option<Meaning> {
        let mut bytes = [0; SHORT];
        let Some(place) = bytes.get_mut(..name.len()).filter(|_| !name.is_empty()) else {
            return Name::EMPTY.with(name)?.meaning();
        };
        place.copy_from_slice(name);
        let key = u128::from_le_bytes(bytes);
        let folded = (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = &mut self.slots[(folded >> 57) as usize];
        if slot.name != key || slot.length != name.len() {
            let meaning = Name::EMPTY.with(name).and_then(|name| name.meaning());
            *slot = Slot { name: key, length: name.len(), meaning };
        }
        slot.meaning
    }
}

/// Takes a value. `range` is where `value` stands in `body`; `None` where it was unescaped, or is longer there.
pub(super) fn take(
    meaning: Meaning,
    value: &str,
    body: &str,
    range: Option<Range<usize>>,
    found: &mut Found,
) {
    let text = |found: &mut Found, field: Field, value: &str| match &range {
        // A value within the body, or a part of it, is not copied.
        Some(range) => {
            let start = range.start + (value.as_ptr() as usize - body[range.clone()].as_ptr() as usize);
            found.text(field, body, start..start + value.len());
        }
        None => found.own(field, value),
    };
    let number = || value.parse::<i64>().ok();
    match meaning {
        Meaning::Level => {
            let level = Level::parse(value).or_else(|| Level::of_number(number()?));
            let letter = || Level::of_letter(*value.as_bytes().first().filter(|_| value.len() == 1)?);
            if let Some(level) = level.or_else(letter) {
                found.level(level);
            }
        }
        Meaning::Severity => {
            if let Some(level) = number().and_then(Level::of_severity) {
                found.level(level);
            }
        }
        Meaning::Time if !found.wants_time() => {}
        Meaning::Time => found.time(timestamp::parse(value.as_bytes()).or_else(|| timestamp::epoch(value))),
        Meaning::Trace => {
            // Google's is a path that ends with the id.
            let id = value.rsplit('/').next().unwrap_or(value);
            if is_id(id, 16) {
                text(found, Field::TraceId, id);
            }
        }
        Meaning::TraceParent => {
            let mut parts = value.split('-').skip(1);
            if let (Some(trace), Some(span)) = (parts.next(), parts.next())
                && is_id(trace, 32)
                && is_id(span, 16)
            {
                text(found, Field::TraceId, trace);
                text(found, Field::SpanId, span);
            }
        }
        Meaning::Span if is_id(value, 8) => text(found, Field::SpanId, value),
        Meaning::Text(field) if value.len() <= 256 && value != "-" => text(found, field, value),
        Meaning::Stack if value.contains('\n') => {
            text(found, Field::ErrorStack, value);
            super::exception::kind_of(value, found);
        }
        Meaning::ClientIp => {
            if let Some(ip) = ip(value) {
                text(found, Field::ClientIp, ip);
            }
        }
        Meaning::Method => {
            let mut upper = [0; 8];
            if let Some(upper) = upper.get_mut(..value.len()) {
                upper.copy_from_slice(value.as_bytes());
                upper.make_ascii_uppercase();
                if std::str::from_utf8(upper).is_ok_and(is_method) {
                    text(found, Field::Method, value);
                }
            }
        }
        Meaning::Path if value.starts_with('/') || value.starts_with("http") => {
            text(found, Field::Path, value)
        }
        Meaning::Status => {
            if let Some(status) = number().filter(|status| (100..600).contains(status)) {
                found.int(Field::Status, status);
            }
        }
        Meaning::Took => {
            let seconds = || value.contains('.').then(|| value.parse::<f64>().ok()).flatten();
            if let Some(seconds) = duration(value).or_else(seconds) {
                found.float(Field::Duration, seconds);
            }
        }
        Meaning::TookIn(unit) => {
            if let Ok(number) = value.parse::<f64>() {
                found.float(Field::Duration, number / unit);
            }
        }
        Meaning::Size => {
            if let Some(bytes) = number().filter(|bytes| *bytes >= 0) {
                found.int(Field::Size, bytes);
            }
        }
        Meaning::Span | Meaning::Text(_) | Meaning::Stack | Meaning::Path => {}
    }
}
