//! `--enable-feature`: each name of Prometheus 2 and 3, and what it comes to here.

use std::collections::BTreeSet;

use model::nearest::edits;

/// What a name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Switches something; the part that does it asks [`Features::on`].
    Switch,
    /// What it switches is always on.
    Always,
    /// Nothing here, and why.
    Nothing(&'static str),
}

use Effect::{Always, Nothing, Switch};

const TABLE: &[(&str, Effect)] = &[
    (
        "agent",
        Nothing("there is no agent mode here: give remote_write a configuration and a short retention"),
    ),
    ("auto-gomaxprocs", Always),
    ("auto-gomemlimit", Always),
    ("auto-reload-config", Switch),
    ("concurrent-rule-eval", Switch),
    ("created-timestamp-zero-ingestion", Switch),
    ("delayed-compaction", Nothing("compaction here is spread out anyway")),
    ("exemplar-storage", Always),
    ("expand-external-labels", Always),
    ("extra-scrape-metrics", Switch),
    ("fast-startup", Always),
    ("histograms-st-encoding", Always),
    ("memory-snapshot-on-shutdown", Nothing("the log that is replayed at a start is short anyway")),
    ("metadata-wal-records", Always),
    ("native-histograms", Always),
    ("new-service-discovery-manager", Always),
    ("no-default-scrape-port", Always),
    ("old-ui", Nothing("the interface is another one")),
    ("ooo-native-histograms", Always),
    ("otlp-deltatocumulative", Switch),
    ("otlp-native-delta-ingestion", Switch),
    ("otlp-write-receiver", Switch),
    ("promql-at-modifier", Always),
    ("promql-binop-fill-modifiers", Switch),
    ("promql-delayed-name-removal", Switch),
    ("promql-duration-expr", Always),
    ("promql-experimental-functions", Switch),
    ("promql-extended-range-selectors", Switch),
    ("promql-negative-offset", Always),
    ("promql-per-step-stats", Switch),
    ("remote-write-receiver", Switch),
    ("search-api", Nothing("there is no search API here")),
    ("st-storage", Switch),
    ("st-synthesis", Switch),
    ("type-and-unit-labels", Switch),
    ("use-start-timestamps", Switch),
    ("use-uncached-io", Nothing("files are read with their own cache")),
    ("utf8-names", Always),
    ("xor2-encoding", Nothing("chunks here have another encoding")),
];

/// The features that a command line names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features(BTreeSet<String>);

impl Features {
    /// Of the values of `--enable-feature`.
    pub fn of(names: &[String]) -> Self {
        Self(names.iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect())
    }

    /// Whether `name` is given, e.g. `promql-experimental-functions`.
    pub fn on(&self, name: &str) -> bool {
        debug_assert!(TABLE.contains(&(name, Switch)), "{name} is not in the table");
        self.0.contains(name)
    }

    /// Every name that is given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What is wrong with the combination, as Prometheus has it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.on("otlp-deltatocumulative") && self.on("otlp-native-delta-ingestion") {
            let both = "otlp-deltatocumulative and otlp-native-delta-ingestion";
            return Err(format!("cannot enable {both} features at the same time"));
        }
        if self.0.contains("agent") {
            let why = "there is no agent mode here: give remote_write a configuration and a short retention";
            return Err(format!("the feature agent is not had: {why}"));
        }
        Ok(())
    }

    /// A line for the log for each name that is unknown or does nothing.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.iter().filter_map(|name| note(name)).collect()
    }
}

fn note(name: &str) -> Option<String> {
    match TABLE.iter().find(|row| row.0 == name).map(|row| row.1) {
        Some(Switch) => None,
        Some(Always) => Some(format!("--enable-feature={name}: it is always on here")),
        Some(Nothing(why)) => Some(format!("--enable-feature={name} has no effect: {why}")),
        None => {
            let near = TABLE.iter().map(|row| row.0).min_by_key(|known| edits(name, known));
            let near = near.filter(|known| edits(name, known) <= 3);
            let hint = near.map_or_else(String::new, |near| format!("; is {near} meant?"));
            Some(format!("--enable-feature={name}: no such feature{hint}"))
        }
    }
}
