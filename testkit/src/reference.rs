//! Reference programs, unpacked from Debian's packages into the build folder; nothing is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::conformance;

/// Programs that tests compare with, and the Debian package of each. All lie in the package's `usr/bin`.
const PROGRAMS: &[(&str, &str)] = &[
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("victoria-metrics", "victoria-metrics"),
    ("prometheus-node-exporter", "prometheus-node-exporter"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("amtool", "prometheus-alertmanager"),
    ("prometheus-pushgateway", "prometheus-pushgateway"),
    ("vmagent", "victoria-metrics"),
];

/// The path of a reference program: `$CARGO_TARGET_DIR/reference/usr/bin/<program>`, downloaded and unpacked if it is
/// not there. `None` (and a line that names it) where that is not possible: the test then counts as skipped.
pub fn reference(program: &str) -> Option<PathBuf> {
    let path = folder().join("usr/bin").join(program);
    let package = PROGRAMS.iter().find(|(name, _)| *name == program).map(|(_, package)| *package);
    if path.is_file() || package.is_some_and(|package| unpack(package, program, &path)) {
        return Some(path);
    }
    conformance::skipped(&format!("reference program {program}"));
    None
}

fn folder() -> PathBuf {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => PathBuf::from(path),
        None => conformance::repository().join("target"),
    };
    target.join("reference")
}

/// Unpacks into a folder of this process and moves the program into place: tests run side by side.
fn unpack(package: &str, program: &str, path: &Path) -> bool {
    let own = folder().join(format!(".{program}.{}", std::process::id()));
    let unpacked = own.join("root");
    let made = std::fs::create_dir_all(&own).is_ok()
        && path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok());
    let done = made
        && run(Command::new("apt-get").args(["-qq", "download", package]).current_dir(&own))
        && archive(&own).is_some_and(|deb| run(Command::new("dpkg").arg("-x").arg(deb).arg(&unpacked)))
        && std::fs::rename(unpacked.join("usr/bin").join(program), path).is_ok();
    let _ = std::fs::remove_dir_all(&own);
    done
}

fn archive(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().map(|e| e.path()).find(|p| p.extension().is_some_and(|x| x == "deb"))
}

fn run(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_program_is_skipped_not_invented() {
        assert_eq!(reference("no-such-program"), None);
    }
}
