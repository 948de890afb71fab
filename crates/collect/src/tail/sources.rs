//! What there is to follow: containers of the engine, folders of pods, plain files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::container::{ContainerFacts, ContainerState};
use model::pattern::Search;
use model::{Labels, Resource, Result};

use super::config::{Config, Files};
use super::engine::{EngineLog, Lines};
use super::entry::Format;
use super::follower::Log;
use super::multiline::Rule;
use super::order::is_rotation;
use crate::containers::index::resource;
use crate::discovery::file::glob;

/// The label that leaves a container's log out, with the value `false`.
pub const OPT_OUT: &str = "bonghwa.logs";

/// Names the logs of containers. Implemented by the container collector.
pub trait Sources: Send + Sync {
    /// Files that can be read now.
    fn logs(&self, config: &Config) -> Vec<Log>;

    /// Logs that only the engine can read. With `journal`, those that the journal has are not among them.
    fn engine_logs(&self, _config: &Config, _journal: bool) -> Vec<EngineLog> {
        Vec::new()
    }

    /// The lines of a container from a time on (nanoseconds; 0: all), and those to come; `None` while no engine answers.
    fn follow(&self, _id: &str, _tty: bool, _since_ns: i64) -> Option<Lines> {
        None
    }

    /// What is known of the container with this id, or with an id that begins so.
    fn container(&self, _id: &str) -> Known {
        Known::Unknown
    }

    /// Names of containers whose driver keeps nothing.
    fn without_log(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is known of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Its log is stored with these labels.
    Stored(Labels),
    /// Its log is not to be stored.
    LeftOut,
    /// Nothing.
    Unknown,
}

impl Config {
    /// Which lines of these files belong together.
    pub(super) fn rule_of(&self, files: &Files) -> Result<Rule> {
        Ok(match &files.multiline_start {
            Some(start) => Rule::Starts(Arc::new(Search::new(start)?)),
            None => self.rule(),
        })
    }

    /// Whether its patterns can be compiled.
    pub fn check(&self) -> Result<()> {
        self.files.iter().try_for_each(|files| self.rule_of(files).map(drop))
    }

    pub(super) fn rule(&self) -> Rule {
        if self.multiline { Rule::Traces } else { Rule::Off }
    }

    /// A container's log in files: `path` is what the engine says. `None` where they are not to be read.
    pub(crate) fn container(&self, id: &str, driver: &str, path: &str, labels: Labels) -> Option<Log> {
        let format = match driver {
            "json-file" => Format::JsonFile,
            _ if self.has_files(driver, path) => Format::LocalFile,
            _ => return None,
        };
        let (source, path) = (format!("docker:{id}"), self.on_host(path));
        Some(Log { source, path, format, labels, rule: self.rule() })
    }

    /// Whether the log of a container of another driver than `json-file` lies in files that can be read and are to be. The
    /// first file may come later than the container: what the engine's API was asked until then would be there twice.
    pub(crate) fn has_files(&self, driver: &str, path: &str) -> bool {
        // Podman's files are of a format of their own: its API reads them.
        if path.is_empty() || driver == "k8s-file" || self.received.contains(&driver) {
            return false;
        }
        let path = self.on_host(path);
        // While it is rotated, the newest file has another name for a moment.
        let names = ["", ".1", ".1.gz"].map(|end| format!("{}{end}", path.display()));
        if names.iter().any(|name| std::fs::File::open(name).is_ok()) {
            return true;
        }
        let is_missing = |path: &Path| matches!(path.try_exists(), Ok(false));
        // The file lies in the container's folder, or one below it.
        let mut folders = path.ancestors().skip(1).take(2);
        is_missing(&path) && folders.find(|f| !is_missing(f)).is_some_and(|f| std::fs::read_dir(f).is_ok())
    }

    /// Where a path of the host is seen.
    fn on_host(&self, path: &str) -> PathBuf {
        let root = if self.rootfs.as_os_str().is_empty() { Path::new("/") } else { &self.rootfs };
        root.join(path.trim_start_matches('/'))
    }

    /// A container's log that the engine reads.
    pub(crate) fn of_engine(&self, facts: &ContainerFacts) -> EngineLog {
        EngineLog {
            source: format!("engine:{}", facts.id),
            id: facts.id.clone(),
            name: facts.name.clone(),
            driver: facts.log_driver.clone(),
            tty: facts.tty,
            labels: labels_of(&resource(facts)),
            rule: self.rule(),
            runs: facts.state == ContainerState::Running,
            started_ms: facts.started_ms,
        }
    }
}

/// The labels of a container's stream, as docs/identity.md has them.
pub fn labels_of(resource: &Resource) -> Labels {
    Labels::from_pairs(
        [
            ("node", &resource.node),
            ("container_id", &resource.container_id),
            ("container", &resource.container_name),
            ("compose_project", &resource.compose_project),
            ("compose_service", &resource.compose_service),
            ("namespace", &resource.namespace),
            ("pod", &resource.pod),
            ("service", &resource.service),
        ]
        .map(|(name, value)| (name, value.as_str())),
    )
}

/// Logs of pods and plain files.
pub(super) fn of_files(config: &Config, files: &[(Files, Rule)], node: &str) -> Vec<Log> {
    let mut logs = config.pods.as_deref().map(|root| pods(root, config, node)).unwrap_or_default();
    for (files, rule) in files {
        let found: BTreeSet<PathBuf> = glob::expand(&files.path).into_iter().collect();
        logs.extend(found.iter().filter(|path| !is_rotated(path, &found) && path.is_file()).map(|path| {
            let filename = path.display().to_string();
            let own = files.labels.iter().map(|(name, value)| (name.clone(), value.clone()));
            let mut labels: Vec<(String, String)> = vec![("node".to_owned(), node.to_owned())];
            labels.push(("filename".to_owned(), filename.clone()));
            labels.extend(own);
            Log {
                source: format!("file:{filename}"),
                path: path.clone(),
                format: Format::Plain,
                labels: Labels::from_pairs(labels),
                rule: rule.clone(),
            }
        }));
    }
    logs
}

/// Whether a file is what rotation left of another one that was found.
fn is_rotated(path: &Path, found: &BTreeSet<PathBuf>) -> bool {
    let Some(name) = path.to_str() else { return true };
    let plain = name.strip_suffix(".gz");
    let of = |name: &str| {
        name.char_indices()
            .rev()
            .filter(|(_, c)| matches!(c, '.' | '-'))
            .any(|(at, _)| is_rotation(&name[at + 1..]) && found.contains(Path::new(&name[..at])))
    };
    plain.is_some() || of(name)
}

/// `<root>/<namespace>_<pod>_<uid>/<container>/<restarts>.log`.
fn pods(root: &Path, config: &Config, node: &str) -> Vec<Log> {
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    let mut logs = Vec::new();
    for pod_folder in names(root) {
        let mut parts = pod_folder.splitn(3, '_');
        let (Some(namespace), Some(pod)) = (parts.next(), parts.next()) else { continue };
        for container in names(&root.join(&pod_folder)) {
            let folder = root.join(&pod_folder).join(&container);
            let files = names(&folder);
            for name in files.iter().filter(|name| {
                name.strip_suffix(".log")
                    .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            }) {
                let labels = [
                    ("node", node),
                    ("namespace", namespace),
                    ("pod", pod),
                    ("container", container.as_str()),
                ];
                logs.push(Log {
                    source: format!("pod:{pod_folder}/{container}/{name}"),
                    path: folder.join(name),
                    format: Format::Cri,
                    labels: Labels::from_pairs(labels),
                    rule: config.rule(),
                });
            }
        }
    }
    logs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_of_a_folder_that_can_be_read_even_before_the_first_is_there() {
        let host = tempfile::tempdir().unwrap();
        let config = Config { rootfs: host.path().to_owned(), ..Config::default() };
        let log = "/docker/containers/c1/local-logs/container.log";
        assert!(!config.has_files("local", log), "nothing of the engine is seen");
        std::fs::create_dir_all(host.path().join("docker/containers/c1")).unwrap();
        assert!(config.has_files("local", log));
        assert!(!config.has_files("local", "/docker/containers/c2/local-logs/container.log"));
        assert!(!config.has_files("journald", ""), "the root is no log");
        assert!(!config.has_files("k8s-file", log));
        std::fs::create_dir(host.path().join("docker/containers/c1/local-logs")).unwrap();
        std::fs::write(host.path().join(&format!("{log}.1.gz")[1..]), "").unwrap();
        assert!(config.has_files("local", log));
    }
}
