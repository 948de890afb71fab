//! The build script of crates whose unit tests read the conformance material. Tells them whether the conformance material is there: `cfg(conformance)`. Without it they are ignored by name.

#![allow(clippy::print_stdout, reason = "how a build script speaks to cargo")]

use std::env;
use std::path::PathBuf;

fn main() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let folder = env::var_os("BONGHWA_CONFORMANCE").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    println!("cargo::rustc-check-cfg=cfg(conformance)");
    println!("cargo::rerun-if-env-changed=BONGHWA_CONFORMANCE");
    println!("cargo::rerun-if-changed={}", folder.display());
    if folder.is_dir() {
        println!("cargo::rustc-cfg=conformance");
    }
}
