//! What stands in the way of reading logs, what it costs, and what helps.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::container::Obstacle;
use parking_lot::Mutex;

/// The obstacles of now.
pub(super) type Obstacles = Arc<Mutex<Vec<Obstacle>>>;

/// How many names an obstacle has.
const NAMES: usize = 5;

/// A log that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    path: PathBuf,
    kind: io::ErrorKind,
    error: String,
}

impl Unreadable {
    pub(super) fn new(path: &Path, error: &io::Error) -> Self {
        Self { path: path.to_owned(), kind: error.kind(), error: error.to_string() }
    }
}

fn obstacle(code: &str, missing: String, costs: &str, remedy: &str) -> Obstacle {
    Obstacle { code: code.to_owned(), missing, costs: costs.to_owned(), remedy: remedy.to_owned() }
}

/// Of logs that cannot be read by source, of the journal, and of containers that keep no log.
pub(super) fn of(
    unreadable: &BTreeMap<String, Unreadable>,
    journal: Option<&Unreadable>,
    without: &[String],
) -> Vec<Obstacle> {
    let costs = "Its lines are not stored: they can be neither searched nor counted.";
    let mut out = Vec::new();
    if let Some(Unreadable { path, error, .. }) = journal {
        out.push(obstacle(
            "journal_denied",
            format!("The journal cannot be read: {}: {error}.", path.display()),
            "Messages of the system's services are not stored.",
            "Run as root or as a member of the group systemd-journal (in a container: --group-add with the number that \
             `getent group systemd-journal` shows), or set collect.logs.journal.enabled: false.",
        ));
    }
    let of_engine = |source: &str| source.starts_with("engine:");
    let engine = unreadable.iter().filter(|(source, _)| of_engine(source)).map(|(_, why)| why);
    if let Some((first, count)) = first_of(engine) {
        out.push(obstacle(
            "log_driver_unreadable",
            format!("{count} log(s) cannot be read through the engine; {}: {}.", first.path.display(), first.error),
            costs,
            "Let the container have a log driver that can be read (json-file, local, journald), or send its log to a \
             listener of logs.receive.",
        ));
    }
    let files = unreadable.iter().filter(|(source, _)| !of_engine(source)).map(|(_, why)| why);
    if let Some((first, count)) = first_of(files) {
        let remedy = match first.kind {
            io::ErrorKind::PermissionDenied => {
                "Run as root, or let the user of this process read the file and all folders above it."
            }
            io::ErrorKind::NotFound => {
                "In a container, let it see the engine's folder: -v /var/lib/docker/containers:/var/lib/docker/containers:ro."
            }
            _ => "Look at the file; it is tried again by itself.",
        };
        out.push(obstacle(
            "logs_unreadable",
            format!("{count} log(s) cannot be read; {}: {}.", first.path.display(), first.error),
            costs,
            remedy,
        ));
    }
    if !without.is_empty() {
        let more = if without.len() > NAMES { ", ..." } else { "" };
        let names = without.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
        out.push(obstacle(
            "log_driver_none",
            format!("Containers with the log driver `none` keep no log: {names}{more}."),
            "There is nothing to read.",
            "Start them with another --log-driver; or with --label bonghwa.logs=false, to say that it is meant so.",
        ));
    }
    out
}

fn first_of<'a>(mut all: impl Iterator<Item = &'a Unreadable>) -> Option<(&'a Unreadable, usize)> {
    let first = all.next()?;
    Some((first, 1 + all.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_helps() {
        let why = |kind: io::ErrorKind| Unreadable::new(Path::new("/x/y.log"), &io::Error::from(kind));
        let of_one = |source: &str, kind| {
            let list = of(&BTreeMap::from([(source.to_owned(), why(kind))]), None, &[]);
            (list[0].code.clone(), list[0].remedy.clone(), list.len())
        };
        let (code, remedy, count) = of_one("docker:1", io::ErrorKind::NotFound);
        assert_eq!((code.as_str(), count), ("logs_unreadable", 1));
        assert!(remedy.contains("/var/lib/docker/containers"));
        assert!(of_one("file:1", io::ErrorKind::PermissionDenied).1.contains("root"));
        assert_eq!(of_one("engine:1", io::ErrorKind::Other).0, "log_driver_unreadable");
        let names: Vec<String> = (0..7).map(|n| format!("c{n}")).collect();
        let list = of(&BTreeMap::new(), Some(&why(io::ErrorKind::PermissionDenied)), &names);
        let codes: Vec<&str> = list.iter().map(|o| o.code.as_str()).collect();
        assert_eq!(codes, ["journal_denied", "log_driver_none"]);
        assert!(list[0].remedy.contains("systemd-journal") && list[1].missing.contains("c4, ..."));
        assert_eq!(of(&BTreeMap::new(), None, &[]), []);
    }
}
