//! Resident memory and CPU of the binary with nothing configured beside a number of idle containers.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::http::Client;
use crate::process::{Process, free_port};

/// The image that tests import from busybox; see scripts/test-image.sh.
const IMAGE: &str = "bonghwa-test/busybox";
/// How long is measured.
const SECONDS: u64 = 60;

pub(crate) fn run(containers: usize) -> Result<()> {
    if docker(&["image", "inspect", IMAGE]).is_err() {
        println!("\nskipped: idle with containers: no Docker engine with the image {IMAGE}");
        return Ok(());
    }
    let prefix = format!("bonghwa-bench-{}", std::process::id());
    for n in 0..containers {
        docker(&["run", "-d", "--name", &format!("{prefix}-{n}"), IMAGE, "/bin/busybox", "sleep", "3600"])?;
    }
    let measured = measure(containers);
    for n in 0..containers {
        docker(&["rm", "-f", &format!("{prefix}-{n}")])?;
    }
    measured
}

fn measure(containers: usize) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("bonghwa-bench-idle-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(format!("{target}/release/bonghwa"));
    command.arg(format!("--web.listen-address={address}"));
    command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
    let mut process = Process::start(&mut command, &folder.join("log"))?;
    sleep(Duration::from_secs(20));
    let seen = String::from_utf8(Client::new(&address).get("/api/bonghwa/v1/containers")?.body)?;
    let before = process.cpu_seconds()?;
    sleep(Duration::from_secs(SECONDS));
    let cpu = process.cpu_seconds()? - before;
    let (resident, peak) = process.resident()?;
    println!("\nidle with {containers} containers, nothing configured, {SECONDS} s");
    println!("containers seen {}", seen.matches("\"facts\"").count());
    println!("resident {:.1} MB, peak {:.1} MB", resident as f64 / 1e6, peak as f64 / 1e6);
    println!("CPU {:.2} % of a core", cpu / SECONDS as f64 * 100.0);
    process.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn docker(args: &[&str]) -> Result<()> {
    let out = Command::new("docker").args(args).output()?;
    if !out.status.success() {
        bail!("docker {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(())
}
