//! A reference Prometheus over a folder of its own, fed by remote write.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use model::Labels;
use serde_json::Value as Json;

use crate::http::{form, request};

/// A running Prometheus; dropping ends it.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts `program` with its data under `folder` and waits until it is ready.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n")?;
        let address = free_address()?;
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-remote-write-receiver")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut started = Self { child, address };
        started.wait_until_ready()?;
        Ok(started)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let ready = request(self.address, "GET", "/-/ready", &[], &[]);
            if ready.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the reference ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("the reference was not ready within a minute");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Writes series in slices of time: the head takes samples in their order.
    pub fn write(&self, series: &[(Labels, Vec<(i64, f64)>)], slice_ms: i64) -> anyhow::Result<()> {
        let times = || series.iter().flat_map(|(_, samples)| samples.iter().map(|(t, _)| *t));
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
        let mut from = first;
        while from <= last {
            let body = encode(series, from, from + slice_ms)?;
            let headers = [
                ("Content-Type", "application/x-protobuf"),
                ("Content-Encoding", "snappy"),
                ("X-Prometheus-Remote-Write-Version", "0.1.0"),
            ];
            let answer = request(self.address, "POST", "/api/v1/write", &headers, &body)?;
            if answer.status / 100 != 2 {
                bail!("remote write: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
            }
            from += slice_ms;
        }
        Ok(())
    }

    /// Asks the HTTP API; what it answers, failures included.
    pub fn ask(&self, endpoint: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Json> {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let path = format!("/api/v1/{endpoint}");
        let answer = request(self.address, "POST", &path, &headers, form(parameters).as_bytes())?;
        serde_json::from_slice(&answer.body).with_context(|| format!("status {}, no JSON", answer.status))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A remote-write request (`prometheus.WriteRequest`, version 1) with the samples of `from..to`, in snappy.
fn encode(series: &[(Labels, Vec<(i64, f64)>)], from: i64, to: i64) -> anyhow::Result<Vec<u8>> {
    let mut message = Vec::new();
    for (labels, samples) in series {
        let inside = samples.iter().filter(|(t, _)| (from..to).contains(t));
        let mut one = Vec::new();
        for (name, value) in labels {
            let mut label = Vec::new();
            field(&mut label, 1, name.as_bytes());
            field(&mut label, 2, value.as_bytes());
            field(&mut one, 1, &label);
        }
        let without = one.len();
        for (t, v) in inside {
            let mut sample = vec![1 << 3 | 1];
            sample.extend_from_slice(&v.to_le_bytes());
            sample.push(2 << 3);
            varint(&mut sample, t.cast_unsigned());
            field(&mut one, 2, &sample);
        }
        if one.len() > without {
            field(&mut message, 1, &one);
        }
    }
    Ok(snap::raw::Encoder::new().compress_vec(&message)?)
}

/// A field of bytes.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
