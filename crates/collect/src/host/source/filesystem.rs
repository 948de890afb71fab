//! File systems of process 1's mount table, with their figures from statvfs(3).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Source;
use crate::host::config::Config;
use crate::host::filter::Filter;
use crate::host::paths::HostPaths;
use crate::host::probe::{Answer, Figures, Prober};
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, lines, split_once, text};

const LABELS: &[&str] = &["device", "device_error", "fstype", "mountpoint"];

static DEVICE_ERROR: Metric = Metric::gauge(
    "node_filesystem_device_error",
    LABELS,
    "Whether the figures of a file system could not be read.",
);
static READ_ONLY: Metric =
    Metric::gauge("node_filesystem_readonly", LABELS, "Whether a file system is mounted read-only.");
/// A metric, and which of the figures it shows.
type Shown = (Metric, fn(&Figures) -> f64);

static FIGURES: [Shown; 5] = [
    (Metric::gauge("node_filesystem_size_bytes", LABELS, "Size in bytes."), |f| f.size),
    (Metric::gauge("node_filesystem_free_bytes", LABELS, "Free space in bytes."), |f| f.free),
    (
        Metric::gauge("node_filesystem_avail_bytes", LABELS, "Free space that any user may take, in bytes."),
        |f| f.available,
    ),
    (Metric::gauge("node_filesystem_files", LABELS, "File nodes."), |f| f.files),
    (Metric::gauge("node_filesystem_files_free", LABELS, "Free file nodes."), |f| f.files_free),
];
static MOUNT_INFO: Metric = Metric::gauge(
    "node_filesystem_mount_info",
    &["device", "major", "minor", "mountpoint"],
    "Which device is mounted where; always 1.",
);

/// What node_exporter calls a mount that does not answer.
const STUCK: &str = "mountpoint timeout";

pub(crate) struct FileSystem {
    /// The mount table of process 1, then our own where process 1 is hidden.
    tables: [PathBuf; 2],
    rootfs: PathBuf,
    mount_points: Filter,
    types: Filter,
    prober: Prober,
    buffer: Vec<u8>,
}

/// One line of mountinfo (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    device: String,
    major: String,
    minor: String,
    mount_point: String,
    kind: String,
    read_only: bool,
}

impl FileSystem {
    pub(crate) fn new(config: &Config, paths: &HostPaths) -> model::Result<Self> {
        let default = Config::default();
        // An include expression without an exclude one replaces the default, as in node_exporter.
        let exclude = |include: &str, exclude: &str, default: &str| {
            if !include.is_empty() && exclude == default { String::new() } else { exclude.to_owned() }
        };
        Ok(Self {
            tables: [paths.proc("1/mountinfo"), paths.proc("self/mountinfo")],
            rootfs: paths.rootfs.clone(),
            mount_points: Filter::new(
                &config.mount_points_include,
                &exclude(
                    &config.mount_points_include,
                    &config.mount_points_exclude,
                    &default.mount_points_exclude,
                ),
            )?,
            types: Filter::new(
                &config.fs_types_include,
                &exclude(&config.fs_types_include, &config.fs_types_exclude, &default.fs_types_exclude),
            )?,
            prober: Prober::system(config.mount_timeout()),
            buffer: Vec::new(),
        })
    }

    fn mounts(&mut self) -> SourceResult<Vec<Mount>> {
        let [of_init, own] = &self.tables;
        let (path, bytes) = match read_into(of_init, &mut self.buffer) {
            Ok(_) => (of_init, self.buffer.as_slice()),
            Err(error) if error.is_missing() => (own, read_into(own, &mut self.buffer)?),
            Err(error) => return Err(error),
        };
        let mut mounts = Vec::new();
        for (at, line) in lines(bytes).enumerate() {
            let mount = Mount::parse(line, &self.rootfs)
                .ok_or_else(|| SourceError::malformed(path, at + 1, "a line of mountinfo is expected"))?;
            if self.mount_points.wants(&mount.mount_point) && self.types.wants(&mount.kind) {
                mounts.push(mount);
            }
        }
        Ok(mounts)
    }
}

impl Mount {
    fn parse(line: &[u8], rootfs: &Path) -> Option<Self> {
        let mut parts = fields(line);
        let (_id, _parent, numbers) = (parts.next()?, parts.next()?, parts.next()?);
        let (_root, mount_point, options) = (parts.next()?, parts.next()?, parts.next()?);
        // Any number of optional fields, ended by a hyphen.
        parts.find(|part| *part == b"-")?;
        let (kind, device, super_options) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
        let (major, minor) = split_once(numbers, b':')?;
        let has = |options: &[u8], word: &[u8]| options.split(|b| *b == b',').any(|o| o == word);
        Some(Self {
            device: text(device).into_owned(),
            major: text(major).into_owned(),
            minor: text(minor).into_owned(),
            mount_point: below(&unescape(mount_point), rootfs),
            kind: text(kind).into_owned(),
            read_only: has(options, b"ro")
                || has(super_options, b"ro")
                || has(super_options, b"emergency_ro"),
        })
    }
}

/// The mount point as the host names it, where the table is one of a name space that has the host's root at `rootfs`.
fn below(mount_point: &str, rootfs: &Path) -> String {
    let Some(prefix) = rootfs.to_str().filter(|prefix| *prefix != "/") else { return mount_point.to_owned() };
    match mount_point.strip_prefix(prefix.trim_end_matches('/')) {
        Some("") => "/".to_owned(),
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => mount_point.to_owned(),
    }
}

/// Space, tab, newline and backslash are written as three octal digits.
fn unescape(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] if *first == b'\\' => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Source for FileSystem {
    fn name(&self) -> &'static str {
        "filesystem"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let mounts = self.mounts()?;
        let mut seen = HashSet::new();
        for mount in &mounts {
            if !seen.insert((&mount.device, &mount.mount_point, &mount.kind)) {
                continue;
            }
            let path = self.rootfs.join(mount.mount_point.trim_start_matches('/'));
            let (figures, error) = match self.prober.ask(&path) {
                Answer::Figures(figures) => (Some(figures), String::new()),
                Answer::Failed(error) => (None, describe(&error)),
                Answer::Stuck => (None, STUCK.to_owned()),
            };
            let labels = [mount.device.as_str(), &error, &mount.kind, &mount.mount_point];
            out.push(&DEVICE_ERROR, &labels, f64::from(u8::from(figures.is_none())));
            out.push(&READ_ONLY, &labels, f64::from(u8::from(mount.read_only)));
            let Some(figures) = figures else { continue };
            for (metric, value) in &FIGURES {
                out.push(metric, &labels, value(&figures));
            }
            out.push(&MOUNT_INFO, &[&mount.device, &mount.major, &mount.minor, &mount.mount_point], 1.0);
        }
        let rootfs = &self.rootfs;
        self.prober
            .retain(|path| mounts.iter().any(|m| rootfs.join(m.mount_point.trim_start_matches('/')) == path));
        Ok(())
    }
}

/// The text of errno alone, in the lower case that node_exporter's label has: `permission denied`.
fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_optional_fields_and_escapes() {
        let line = br"36 35 98:0 /mnt1 /rootfs/mnt\0402 ro,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let mount = Mount::parse(line, Path::new("/rootfs")).unwrap();
        assert_eq!(
            mount,
            Mount {
                device: "/dev/root".into(),
                major: "98".into(),
                minor: "0".into(),
                mount_point: "/mnt 2".into(),
                kind: "ext3".into(),
                read_only: true,
            }
        );
        assert_eq!(Mount::parse(b"36 35 98:0 / / rw", Path::new("/")), None);
    }

    #[test]
    fn host_paths() {
        for (path, rootfs, want) in [
            ("/rootfs", "/rootfs", "/"),
            ("/rootfs/srv", "/rootfs/", "/srv"),
            ("/rootfsx", "/rootfs", "/rootfsx"),
            ("/srv", "/rootfs", "/srv"),
            ("/srv", "/", "/srv"),
        ] {
            assert_eq!(below(path, Path::new(rootfs)), want, "{path} below {rootfs}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(br"a\040b\011c\134\9"), "a b\tc\\\\9");
        assert_eq!(unescape(br"\04"), r"\04");
    }
}
