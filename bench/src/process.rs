//! A server process: started on a free port, measured through /proc, stopped by its pid.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running server.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`; what it prints goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let out = fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Self { child })
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// User and system CPU seconds of all threads so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("stat without a name")?.1.split_ascii_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Resident bytes: (now, peak).
    pub(crate) fn resident(&self) -> Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            status
                .lines()
                .find_map(|l| l.strip_prefix(name))
                .and_then(|v| v.split_ascii_whitespace().next()?.parse::<u64>().ok())
                .map(|kb| kb * 1024)
        };
        let now = field("VmRSS:").context("no VmRSS")?;
        Ok((now, field("VmHWM:").unwrap_or(now)))
    }

    /// The peak counts from here on.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// Whether it came to its end.
    pub(crate) fn ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    }

    /// Waits until the process uses under 3 % of a core for three seconds (or two minutes passed).
    pub(crate) fn wait_quiet(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut quiet = 0;
        while quiet < 3 && Instant::now() < deadline {
            let before = self.cpu_seconds()?;
            sleep(Duration::from_secs(1));
            quiet = if self.cpu_seconds()? - before < 0.03 { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to stop and waits for it; the CPU seconds of its whole life.
    pub(crate) fn stop(&mut self) -> Result<f64> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + Duration::from_secs(120);
        // Until somebody waits for it, what has ended still says what it used.
        while !self.ended() {
            if Instant::now() > deadline {
                bail!("did not stop within two minutes");
            }
            sleep(Duration::from_millis(20));
        }
        let cpu = self.cpu_seconds()?;
        self.child.wait()?;
        Ok(cpu)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only a process that was not stopped in order is still there; errors mean that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listened on a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Bytes of all files below `folder`.
pub(crate) fn disk_usage(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        sum += if meta.is_dir() { disk_usage(&entry.path())? } else { meta.len() };
    }
    Ok(sum)
}
