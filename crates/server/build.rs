//! Makes cargo notice that the web interface was built: its files are embedded at compile time.

use std::path::Path;

fn main() {
    let dist = "../../ui/dist";
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // A debug build reads the files when it runs. A release build without them must not be taken for fresh once they are
    // there: a path that is missing makes cargo ask again each time.
    let watched = if release || Path::new(dist).exists() { dist } else { "build.rs" };
    println!("cargo:rerun-if-changed={watched}");
}
