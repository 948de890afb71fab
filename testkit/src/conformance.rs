//! Where the conformance material is: `$BONGHWA_CONFORMANCE`, else `../shared/conformance` beside the repository.

use std::path::{Path, PathBuf};

/// The folder `component` of the conformance material. `None` (and a line on standard error that says so by name)
/// where it is missing: the test then counts as skipped.
pub fn folder(component: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("BONGHWA_CONFORMANCE") {
        Some(path) => PathBuf::from(path),
        None => repository().join("../shared/conformance"),
    };
    let path = root.join(component);
    if path.is_dir() {
        return Some(path);
    }
    skipped(&format!("conformance material {component}"));
    None
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    // testkit lies directly below the root.
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Says that a component is missing, in the one form that test summaries look for.
#[expect(clippy::print_stderr, reason = "a skipped test says so where its reader looks")]
pub fn skipped(component: &str) {
    eprintln!("skipped: {component} is missing");
}
