//! Flags of Prometheus that have nothing to switch here. They are read and checked as Prometheus does it, so that a
//! command line goes on working, and each says in the log why it has no effect.

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::values::{count, duration};

/// What a flag's value is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Switch(&'static str),
    Duration,
    Size,
    Count,
    Float,
    Text,
    OneOf(&'static [&'static str]),
}

/// Where it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A server: accepted.
    Any,
    /// Only an agent: refused, as Prometheus refuses it in a server.
    Agent,
}

struct Row(&'static str, Kind, Mode, &'static str);

const CONSOLES: &str = "there are no console templates here; dashboards are Grafana's";
const STORE: &str = "the store here has no such part";
const BLOCKS: &str = "the store here chooses the length of its blocks itself";
const WAL: &str = "the write-ahead log here is of another make and always compressed";
const LOCK: &str = "the data directory is always locked";
const MEMORY: &str = "memory is limited by --memory.limit, by default 60 % of the control group's limit";
const AGENT: &str = "there is no agent mode here: give remote_write a configuration and a short retention";

use Kind::{Count, Duration, Float, OneOf, Size, Switch, Text};
use Mode::{Agent, Any};

const TABLE: &[Row] = &[
    Row("web.console.templates", Text, Any, CONSOLES),
    Row("web.console.libraries", Text, Any, CONSOLES),
    Row("web.local-assets", Text, Any, "the interface is inside the binary"),
    Row("web.search.max-limit", Count, Any, "there is no search API here"),
    Row("storage.tsdb.min-block-duration", Duration, Any, BLOCKS),
    Row("storage.tsdb.max-block-duration", Duration, Any, BLOCKS),
    Row("storage.tsdb.max-block-chunk-segment-size", Size, Any, STORE),
    Row("storage.tsdb.wal-segment-size", Size, Any, WAL),
    Row("storage.tsdb.no-lockfile", Switch("false"), Any, LOCK),
    Row("storage.tsdb.use-lockfile", Switch("true"), Any, LOCK),
    Row(
        "storage.tsdb.allow-overlapping-compaction",
        Switch("true"),
        Any,
        "overlapping blocks are always read and merged here",
    ),
    Row(
        "storage.tsdb.allow-overlapping-blocks",
        Switch("false"),
        Any,
        "overlapping blocks are always read and merged here",
    ),
    Row("storage.tsdb.wal-compression", Switch("true"), Any, WAL),
    Row("storage.tsdb.wal-compression-type", OneOf(&["snappy", "zstd"]), Any, WAL),
    Row("storage.tsdb.head-chunks-write-queue-size", Count, Any, STORE),
    Row("storage.tsdb.samples-per-chunk", Count, Any, STORE),
    Row("storage.tsdb.delayed-compaction.max-percent", Count, Any, STORE),
    Row("storage.tsdb.delay-compact-file.path", Text, Any, "no other program uploads blocks of this store"),
    Row(
        "storage.tsdb.block-reload-interval",
        Duration,
        Any,
        "blocks of others are brought in by `tsdb import`",
    ),
    Row("scrape.adjust-timestamps", Switch("true"), Any, "the time of a scrape is the planned one"),
    Row("scrape.timestamp-tolerance", Text, Any, "the time of a scrape is the planned one"),
    Row(
        "scrape.discovery-reload-interval",
        Duration,
        Any,
        "changes of targets are taken when they are found",
    ),
    Row("auto-gomaxprocs", Switch("true"), Any, "threads follow the control group's quota"),
    Row("auto-gomemlimit", Switch("true"), Any, MEMORY),
    Row("auto-gomemlimit.ratio", Float, Any, MEMORY),
    Row("auto-gomemlimit.refresh-interval", Duration, Any, MEMORY),
    Row("alertmanager.timeout", Duration, Any, "the configuration says it for each Alertmanager"),
    Row("agent", Switch("false"), Agent, AGENT),
    Row("storage.agent.path", Text, Agent, AGENT),
    Row("storage.agent.wal-segment-size", Size, Agent, AGENT),
    Row("storage.agent.wal-compression", Switch("true"), Agent, AGENT),
    Row("storage.agent.wal-compression-type", OneOf(&["snappy", "zstd"]), Agent, AGENT),
    Row("storage.agent.wal-truncate-frequency", Duration, Agent, AGENT),
    Row("storage.agent.retention.min-time", Duration, Agent, AGENT),
    Row("storage.agent.retention.max-time", Duration, Agent, AGENT),
    Row("storage.agent.checkpoint-from-in-memory-series", Switch("false"), Agent, AGENT),
    Row("storage.agent.checkpoint-batch-size", Count, Agent, AGENT),
    Row("storage.agent.no-lockfile", Switch("false"), Agent, AGENT),
    Row("storage.agent.use-lockfile", Switch("true"), Agent, AGENT),
];

/// Flags without effect that were given.
#[derive(Debug, Clone, Default)]
pub struct Accepted(Vec<&'static str>);

impl Accepted {
    /// A line for the log for each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let rows = TABLE.iter().filter(|row| self.0.contains(&row.0));
        rows.map(|row| format!("--{} is accepted and has no effect: {}", row.0, row.3)).collect()
    }

    /// Refuses flags of Prometheus' agent mode.
    pub(crate) fn refuse_agent(&self) -> Result<(), String> {
        match TABLE.iter().find(|row| row.2 == Agent && self.0.contains(&row.0)) {
            Some(row) => Err(format!("--{} is of Prometheus' agent mode: {}", row.0, row.3)),
            None => Ok(()),
        }
    }
}

impl FromArgMatches for Accepted {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &str| matches.value_source(name).is_some_and(|s| s != ValueSource::DefaultValue);
        Ok(Self(TABLE.iter().map(|row| row.0).filter(|name| given(name)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Accepted {
    fn augment_args(command: Command) -> Command {
        TABLE.iter().fold(command, |command, row| command.arg(argument(row)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(row: &Row) -> Arg {
    let arg = Arg::new(row.0).long(row.0).hide(true).action(ArgAction::Set).help(row.3);
    match row.1 {
        Kind::Switch(default) => arg
            .value_name("BOOL")
            .num_args(0..=1)
            .require_equals(true)
            .default_value(default)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool)),
        Kind::Duration => arg.value_name("DURATION").value_parser(duration),
        Kind::Size => arg.value_name("SIZE").value_parser(|text: &str| {
            model::config::Size::parse(text).map(|size| size.0).map_err(|e| e.to_string())
        }),
        Kind::Count => arg.value_name("N").value_parser(count),
        Kind::Float => arg.value_name("NUMBER").value_parser(clap::value_parser!(f64)),
        Kind::Text => arg.value_name("TEXT"),
        Kind::OneOf(values) => arg.value_name("NAME").value_parser(PossibleValuesParser::new(values)),
    }
}
