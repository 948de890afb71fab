//! Lines of the log as Prometheus 3 writes them, so that what reads its log reads ours: `time`, `level`, `source`, `msg`
//! and the fields, as logfmt or JSON.

use std::fmt::{self, Debug, Write as _};

use model::{Clock as _, SystemClock};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `key=value`, values in quotes where they need them.
    Logfmt,
    /// An object a line.
    Json,
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Line::default();
        let now = jiff::Timestamp::from_millisecond(SystemClock.now_ms()).unwrap_or_default();
        let time = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        line.0.push(("time", time.to_string().into()));
        line.0.push(("level", level(*metadata.level()).into()));
        let source = metadata.file().map_or(metadata.target(), short);
        line.0.push(("source", format!("{source}:{}", metadata.line().unwrap_or(0)).into()));
        let place = line.0.len();
        line.0.push(("msg", "".into()));
        let mut fields = Fields { message: String::new(), line };
        event.record(&mut fields);
        let Fields { message, mut line } = fields;
        line.0[place].1 = message.into(); // pushed above
        writeln!(writer, "{}", line.written(*self))
    }
}

/// Names that every line has; a field of that name is told apart.
const RESERVED: [(&str, &str); 4] =
    [("time", "logged_time"), ("level", "logged_level"), ("source", "logged_source"), ("msg", "logged_msg")];

const fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// The file without the folder that holds our crates; of others its name.
fn short(file: &str) -> &str {
    file.strip_prefix("crates/").unwrap_or_else(|| file.rsplit('/').next().unwrap_or(file))
}

#[derive(Default)]
struct Line(Vec<(&'static str, Value)>);

struct Fields {
    message: String,
    line: Line,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let name = RESERVED.iter().find(|(there, _)| *there == name).map_or(name, |(_, other)| *other);
        self.line.0.push((name, value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.add(field, value.into());
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no number for what is not finite.
        self.add(
            field,
            serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number),
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

impl Line {
    fn written(self, format: Format) -> String {
        match format {
            Format::Json => {
                // An object keeps no order, the line does.
                let mut text = String::from("{");
                for (n, (name, value)) in self.0.into_iter().enumerate() {
                    let one = Value::Object(Map::from_iter([(name.to_owned(), value)])).to_string();
                    text.push_str(if n > 0 { "," } else { "" });
                    text.push_str(one.trim_start_matches('{').strip_suffix('}').unwrap_or_default());
                }
                text + "}"
            }
            Format::Logfmt => {
                let mut text = String::new();
                for (n, (name, value)) in self.0.into_iter().enumerate() {
                    text.push_str(if n > 0 { " " } else { "" });
                    text.push_str(name);
                    text.push('=');
                    match value {
                        Value::String(value) if needs_quotes(&value) => {
                            text.push_str(&Value::String(value).to_string())
                        }
                        Value::String(value) => text.push_str(&value),
                        other => text.push_str(&other.to_string()),
                    }
                }
                text
            }
        }
    }
}

fn needs_quotes(value: &str) -> bool {
    value.is_empty()
        || value.chars().any(|c| matches!(c, ' ' | '=' | '"') || c.is_control() || c == '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said(format: Format) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer().event_format(format).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(
                error = "no \"such\"\nfile",
                plain = "a",
                n = 5,
                x = 0.5,
                on = true,
                level = 1,
                "it {} = 한",
                1
            );
            tracing::info!("");
        });
        let bytes = kept.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// From the level on, without the line's number.
    fn rest(line: &str) -> String {
        let (before, after) = line.split_once("log/format.rs:").unwrap();
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap();
        let level = before.find("level").unwrap();
        before[level..].to_owned() + &after[digits..]
    }

    #[test]
    fn lines_are_those_of_prometheus() {
        let text = said(Format::Logfmt);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            rest(lines[0]),
            "level=WARN source=app/src/ msg=\"it 1 = 한\" error=\"no \\\"such\\\"\\nfile\" plain=a n=5 x=0.5 on=true logged_level=1"
        );
        assert_eq!(rest(lines[1]), "level=INFO source=app/src/ msg=\"\"");
        let time = lines[0].strip_prefix("time=").unwrap().split(' ').next().unwrap();
        assert!(time.len() == 24 && time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        let text = said(Format::Json);
        assert!(rest(text.lines().next().unwrap()).ends_with(
            "msg\":\"it 1 = 한\",\"error\":\"no \\\"such\\\"\\nfile\",\"plain\":\"a\",\"n\":5,\"x\":0.5,\"on\":true,\"logged_level\":1}"
        ));
        for line in text.lines() {
            let one: Value = serde_json::from_str(line).unwrap();
            assert!(
                one["time"].is_string() && one["level"].is_string() && one["source"].is_string(),
                "{line}"
            );
        }
    }

    #[test]
    fn files_are_named_without_folders_of_a_machine() {
        assert_eq!(short("crates/app/src/log.rs"), "app/src/log.rs");
        assert_eq!(short("/home/x/.cargo/registry/src/i/hyper-1.0.0/src/lib.rs"), "lib.rs");
    }
}
