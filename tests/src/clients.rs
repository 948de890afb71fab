//! Programs of others that are provided without being installed: `scripts/python.sh`, `scripts/node.sh` and
//! `scripts/reference.sh` put them into the build folder.

use std::path::PathBuf;
use std::process::Command;

/// A folder of the build folder.
pub fn provided(folder: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| testkit::conformance::repository().join("target")).join(folder)
}

/// The Python of the virtual environment.
pub fn python() -> PathBuf {
    provided("python/bin/python3")
}

/// Whether modules of it can be imported, separated by commas.
pub fn has_python(modules: &str) -> bool {
    let import = format!("import {modules}");
    Command::new(python()).args(["-c", &import]).output().is_ok_and(|output| output.status.success())
}

/// Whether a package of the folder of Node's clients is there, and Node.
pub fn has_node(package: &str) -> bool {
    provided("node/node_modules").join(package).is_dir()
        && Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success())
}
