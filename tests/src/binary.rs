//! The program under test as a child process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::eventually;
use crate::group::MemoryGroup;

/// A running binary; dropping it kills the process.
pub struct Bonghwa {
    child: Child,
    /// Base address, e.g. `http://127.0.0.1:41234`.
    pub url: String,
    client: reqwest::blocking::Client,
    log: PathBuf,
}

impl Bonghwa {
    /// Starts the binary with its data in `data`, on a free port, and waits until it is ready.
    pub fn start(data: &Path, args: &[&str]) -> Result<Self> {
        Self::start_in(data, args, &[])
    }

    /// As [`Bonghwa::start`], with environment variables.
    pub fn start_in(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        let started = Self::spawn(data, args, env)?;
        eventually("ready", Duration::from_secs(60), || {
            started.get("/-/ready").ok().filter(|a| a.status().is_success())
        });
        Ok(started)
    }

    /// As [`Bonghwa::start`], without asking whether it is ready: over TLS the client of the test cannot.
    pub fn start_unready(data: &Path, args: &[&str]) -> Result<Self> {
        Self::spawn(data, args, &[])
    }

    /// As [`Bonghwa::start`], as a process of a control group from its first byte on.
    pub fn start_in_group(data: &Path, args: &[&str], group: &MemoryGroup) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""]).arg(group.folder()).arg(path()?);
        let started = Self::spawn_with(command, data, args)?;
        eventually("ready", Duration::from_secs(60), || {
            started.get("/-/ready").ok().filter(|a| a.status().is_success())
        });
        Ok(started)
    }

    fn spawn(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(path()?);
        command.envs(env.iter().copied());
        Self::spawn_with(command, data, args)
    }

    fn spawn_with(mut command: Command, data: &Path, args: &[&str]) -> Result<Self> {
        // The HTTP client wants one even for plain HTTP; a test before may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let log = data.with_extension("log");
        let out = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        command
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(out);
        if !args.iter().any(|a| a.starts_with("--web.listen-address")) {
            command.arg("--web.listen-address=127.0.0.1:0");
        }
        let mut child = command.spawn()?;
        let url = match printed_address(&mut child) {
            Some(url) => url,
            None => {
                let _ = child.kill();
                let status = child.wait()?;
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("no address printed, {status}; the log ends:\n{}", tail(&said));
            }
        };
        let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { child, url, client, log })
    }

    /// GET of a path.
    pub fn get(&self, path: &str) -> Result<reqwest::blocking::Response> {
        Ok(self.client.get(format!("{}{path}", self.url)).send()?)
    }

    /// GET of a path that answers JSON with status 200.
    pub fn json(&self, path: &str) -> Result<Value> {
        let answer = self.get(path)?;
        let status = answer.status();
        let text = answer.text()?;
        if !status.is_success() {
            bail!("{path}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{path} gave {text}"))
    }

    /// The HTTP client, for requests of other shapes.
    pub fn client(&self) -> &reqwest::blocking::Client {
        &self.client
    }

    /// An instant query: (labels, value) of each series.
    pub fn query(&self, promql: &str) -> Result<Vec<(Value, f64)>> {
        let url =
            reqwest::Url::parse_with_params(&format!("{}/api/v1/query", self.url), [("query", promql)])?;
        let answer: Value = serde_json::from_str(&self.client.get(url).send()?.text()?)?;
        if answer["status"] != "success" {
            bail!("{promql}: {answer}");
        }
        let rows = answer["data"]["result"].as_array().context("no result")?;
        Ok(rows
            .iter()
            .filter_map(|row| Some((row["metric"].clone(), row["value"][1].as_str()?.parse().ok()?)))
            .collect())
    }

    /// The value of an instant query that gives at most one series.
    pub fn value(&self, promql: &str) -> Option<f64> {
        self.query(promql).ok()?.first().map(|(_, v)| *v)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, as a crash would.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits; the exit code is returned.
    pub fn stop(mut self) -> Result<Option<i32>> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        Ok(eventually("stopped", Duration::from_secs(60), || self.child.try_wait().ok().flatten()).code())
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Bonghwa {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log of the binary ends:\n{}", tail(&self.log()));
        }
    }
}

/// Where the binary is: `BONGHWA_BIN`, or beside the running test in the target directory.
pub fn path() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("BONGHWA_BIN") {
        return Ok(PathBuf::from(path));
    }
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("a test lives in target/PROFILE/deps")?;
    let binary = folder.join("bonghwa");
    if !binary.exists() {
        bail!(
            "{} is missing: run `cargo build -p app --bin bonghwa` first (make test does)",
            binary.display()
        );
    }
    Ok(binary)
}

fn printed_address(child: &mut Child) -> Option<String> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let from = line.find("http")?;
        let url = line[from..].split_whitespace().next()?;
        Some(url.trim_end_matches(['/', '.', ',']).to_owned())
    });
    // Keeps the pipe open and drained, or the binary's next line would fail.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    url
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
