//! A reference Prometheus over a folder of its own, fed by remote write.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use model::{Histogram, Labels};
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
        Self::start_with(program, folder, &[])
    }

    /// Like [`Self::start`], with more flags.
    pub fn start_with(program: &Path, folder: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_configured(program, folder, "global: {}\n", flags)
    }

    /// Like [`Self::start`], with this configuration and more flags.
    pub fn start_configured(
        program: &Path,
        folder: &Path,
        config_text: &str,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, config_text)?;
        let address = free_address()?;
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-remote-write-receiver")
            .args(flags)
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

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes series in slices of time: the head takes samples in their order.
    pub fn write(&self, series: &[(Labels, Vec<(i64, f64)>)], slice_ms: i64) -> anyhow::Result<()> {
        self.write_slices(series, slice_ms, |message, (_, v)| {
            message.push(1 << 3 | 1);
            message.extend_from_slice(&v.to_le_bytes());
            (2, 2)
        })
    }

    /// Writes native histograms likewise.
    pub fn write_histograms(
        &self,
        series: &[(Labels, Vec<(i64, Histogram)>)],
        slice_ms: i64,
    ) -> anyhow::Result<()> {
        self.write_slices(series, slice_ms, |message, (_, h)| {
            histogram(message, h);
            (4, 15)
        })
    }

    /// `encode` writes one sample without its time, and tells the number of the field of a series that samples are
    /// in, and that of the time in a sample.
    fn write_slices<S>(
        &self,
        series: &[(Labels, Vec<(i64, S)>)],
        slice_ms: i64,
        encode: impl Fn(&mut Vec<u8>, &(i64, S)) -> (u8, u8),
    ) -> anyhow::Result<()> {
        let times = || series.iter().flat_map(|(_, samples)| samples.iter().map(|(t, _)| *t));
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(()) };
        let mut from = first;
        while from <= last {
            let body = request_body(series, (from, from + slice_ms), &encode)?;
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

    /// A GET of the HTTP API, for endpoints that take no form.
    pub fn get(&self, path: &str) -> anyhow::Result<Json> {
        let answer = request(self.address, "GET", path, &[], &[])?;
        serde_json::from_slice(&answer.body).with_context(|| format!("status {}, no JSON", answer.status))
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
fn request_body<S>(
    series: &[(Labels, Vec<(i64, S)>)],
    (from, to): (i64, i64),
    encode: &impl Fn(&mut Vec<u8>, &(i64, S)) -> (u8, u8),
) -> anyhow::Result<Vec<u8>> {
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
        for sample in inside {
            let mut bytes = Vec::new();
            let (number, time) = encode(&mut bytes, sample);
            bytes.push(time << 3);
            varint(&mut bytes, sample.0.cast_unsigned());
            field(&mut one, number, &bytes);
        }
        if one.len() > without {
            field(&mut message, 1, &one);
        }
    }
    Ok(snap::raw::Encoder::new().compress_vec(&message)?)
}

/// The fields of `prometheus.Histogram` with float counts, the time left out.
fn histogram(out: &mut Vec<u8>, h: &Histogram) {
    let double = |out: &mut Vec<u8>, number: u8, v: f64| {
        out.push(number << 3 | 1);
        out.extend_from_slice(&v.to_le_bytes());
    };
    let zigzag = |v: i32| u64::from(((v << 1) ^ (v >> 31)).cast_unsigned());
    double(out, 2, h.count);
    double(out, 3, h.sum);
    out.push(4 << 3);
    varint(out, zigzag(h.schema));
    double(out, 5, h.zero_threshold);
    double(out, 7, h.zero_count);
    let sides =
        [(8, 10, &h.negative_spans, &h.negative_buckets), (11, 13, &h.positive_spans, &h.positive_buckets)];
    for (spans_number, counts_number, spans, counts) in sides {
        for span in spans {
            let mut bytes = vec![1 << 3];
            varint(&mut bytes, zigzag(span.offset));
            bytes.push(2 << 3);
            varint(&mut bytes, u64::from(span.length));
            field(out, spans_number, &bytes);
        }
        let bytes: Vec<u8> = counts.iter().flat_map(|v| v.to_le_bytes()).collect();
        field(out, counts_number, &bytes);
    }
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
