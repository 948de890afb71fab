//! `push metrics`: sends metrics in the text format to a server by remote write.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use model::{Labels, LabelsBuilder};
use wire::exposition::Entry;
use wire::prom_text::Parser;
use wire::remote_write::{self, Point, v2};

use crate::http::{Connection, Server};
use crate::{Context, Exit, Failed, Outcome, args};

/// The most that is read of a file or the input.
const MOST_INPUT: u64 = 256 << 20;
const V1: &str = "prometheus.WriteRequest";
const V2: &str = "io.prometheus.write.v2.Request";

/// Arguments of `push`.
#[derive(Debug, Args)]
pub struct Push {
    #[command(flatten)]
    connection: Connection,
    /// What to send.
    #[command(subcommand)]
    pub what: What,
}

/// What can be sent.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Sends metrics in the text format.
    Metrics(Metrics),
}

/// Which metrics, and where to.
#[derive(Debug, Args)]
pub struct Metrics {
    /// The server's URL.
    #[arg(value_name = "URL")]
    url: String,
    /// Files with metrics; the input where none is given.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A label that every series gets, `name=value`; may be given more than once.
    #[arg(long = "label", value_name = "NAME=VALUE", default_value = "job=promtool", value_parser = args::pair)]
    labels: Vec<(String, String)>,
    /// How long a request may take.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = args::duration)]
    timeout: Duration,
    /// A further header, `name=value`; may be given more than once.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = args::pair)]
    headers: Vec<(String, String)>,
    /// The message: prometheus.WriteRequest or io.prometheus.write.v2.Request.
    #[arg(long = "protobuf_message", value_name = "NAME", default_value = V1, value_parser = [V1, V2])]
    message: String,
    /// The path of remote write at the server.
    #[arg(long = "remote-write.path", value_name = "PATH", default_value = "/api/v1/write")]
    path: String,
}

impl Push {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let What::Metrics(metrics) = self.what;
        metrics.run(&self.connection, context)
    }
}

impl Metrics {
    fn run(self, connection: &Connection, context: &mut Context<'_>) -> Outcome {
        let mut server = Server::connect(&self.url, connection)?;
        for (name, value) in &self.headers {
            server = server.with_header(name, value)?;
        }
        if self.files.is_empty() {
            let mut body = Vec::new();
            context.stdin.take(MOST_INPUT + 1).read_to_end(&mut body)?;
            writeln!(context.out, "Parsing standard input")?;
            return match self.push(&server, &body) {
                Ok(()) => {
                    writeln!(context.out, "  SUCCESS: metrics pushed to remote write.")?;
                    Ok(Exit::Success)
                }
                Err(error) => Err(Failed(format!("  FAILED: {error}"))),
            };
        }
        let mut exit = Exit::Success;
        for file in &self.files {
            writeln!(context.out, "Parsing metrics file {}", file.display())?;
            match read(file).and_then(|body| self.push(&server, &body)) {
                Ok(()) => {
                    writeln!(
                        context.out,
                        "  SUCCESS: metrics file {} pushed to remote write.",
                        file.display()
                    )?;
                }
                Err(error) => {
                    context.out.flush()?;
                    writeln!(context.err, "  FAILED: {error}")?;
                    exit = Exit::Failure;
                }
            }
        }
        Ok(exit)
    }

    fn push(&self, server: &Server, body: &[u8]) -> Result<(), Failed> {
        if body.len() as u64 > MOST_INPUT {
            return Err(Failed::new(format_args!("more than {MOST_INPUT} bytes")));
        }
        let now = model::Clock::now_ms(&model::SystemClock);
        let parsed = Parsed::of(body, &self.labels, now)?;
        let (version, message, content) = match self.message.as_str() {
            V2 => ("2.0.0", parsed.v2()?, "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
            _ => ("0.1.0", parsed.v1()?, "application/x-protobuf"),
        };
        let headers = [
            ("Content-Type", content),
            ("Content-Encoding", "snappy"),
            ("X-Prometheus-Remote-Write-Version", version),
        ];
        let answer = server.post(&self.path, &headers, message, self.timeout)?;
        if answer.status / 100 != 2 {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(Failed(format!("server returned HTTP status {}: {}", answer.status, said.trim())));
        }
        Ok(())
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failed> {
    let wrong = |e: std::io::Error| Failed::new(format_args!("{}: {e}", file.display()));
    let mut body = Vec::new();
    std::fs::File::open(file).map_err(wrong)?.take(MOST_INPUT + 1).read_to_end(&mut body).map_err(wrong)?;
    Ok(body)
}

/// A metric family's metadata: name, type, help.
type Metadata = (String, &'static str, String);

#[derive(Debug, Default)]
struct Parsed {
    series: Vec<(Labels, Point)>,
    families: Vec<Metadata>,
}

impl Parsed {
    fn of(body: &[u8], labels: &[(String, String)], now: i64) -> Result<Self, Failed> {
        let mut parsed = Self::default();
        let mut parser = Parser::new(body).map_err(Failed::new)?;
        while let Some(entry) = parser.next_entry().map_err(Failed::new)? {
            match entry {
                Entry::Type { name, kind } => parsed.family(&name.unescape()).1 = kind.as_str(),
                Entry::Help { name, help } => {
                    parsed.family(&name.unescape()).2 = help.unescape().into_owned()
                }
                Entry::Unit { .. } => {}
                Entry::Sample(sample) => {
                    let mut builder = LabelsBuilder::default();
                    sample.build(&mut builder).map_err(Failed)?;
                    for (name, value) in labels {
                        builder.set(name, value.as_str());
                    }
                    let t = sample.timestamp_ms.unwrap_or(now);
                    parsed.series.push((builder.build(), Point { t, v: sample.value }));
                }
            }
        }
        Ok(parsed)
    }

    /// The metadata of a family; families come in runs.
    fn family(&mut self, name: &str) -> &mut Metadata {
        if self.families.last().is_none_or(|(last, _, _)| last != name) {
            self.families.push((name.to_owned(), "unknown", String::new()));
        }
        let at = self.families.len() - 1;
        &mut self.families[at]
    }

    fn v1(&self) -> Result<Vec<u8>, Failed> {
        let mut encoder = remote_write::Encoder::new();
        for (labels, point) in &self.series {
            encoder.series(labels.iter(), [*point]);
        }
        for (name, kind, help) in &self.families {
            encoder.metadata(name, kind, help, "");
        }
        encoder.finish().map_err(Failed::new)
    }

    fn v2(&self) -> Result<Vec<u8>, Failed> {
        let mut encoder = v2::Encoder::new();
        for (labels, point) in &self.series {
            encoder.begin(labels.iter()).point(*point, 0);
            let name = labels.metric_name();
            let family = self.families.iter().rfind(|(family, _, _)| {
                name.strip_prefix(family.as_str())
                    .is_some_and(|rest| matches!(rest, "" | "_sum" | "_count" | "_bucket"))
            });
            if let Some((_, kind, help)) = family {
                encoder.metadata(kind, help, "");
            }
            encoder.end();
        }
        encoder.finish().map_err(Failed::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_get_the_labels_and_the_time() {
        let body = b"# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\",job=\"own\"} 5\na_total{x=\"2\"} 6 1500\n";
        let labels = [("job".to_owned(), "promtool".to_owned())];
        let parsed = Parsed::of(body, &labels, 9_000).unwrap();
        assert_eq!(parsed.families, [("a_total".to_owned(), "counter", "A.".to_owned())]);
        assert_eq!(parsed.series[0].0.get("job"), Some("promtool"));
        assert_eq!((parsed.series[0].1.t, parsed.series[1].1.t), (9_000, 1_500));
        assert!(!parsed.v1().unwrap().is_empty() && !parsed.v2().unwrap().is_empty());
        assert!(Parsed::of(b"a{ 1\n", &labels, 0).is_err());
    }
}
