//! Makes cargo notice that the web interface was built: its files are embedded at compile time.

fn main() {
    let dist = "../../ui/dist";
    // A path that is missing would rebuild the crate every time; the folder above changes when `dist` appears.
    println!(
        "cargo:rerun-if-changed={}",
        if std::path::Path::new(dist).exists() { dist } else { "build.rs" }
    );
    println!("cargo:rerun-if-env-changed=BONGHWA_REVISION");
}
