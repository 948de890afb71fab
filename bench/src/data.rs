//! The samples that everyone is fed, as remote-write requests in a file: the same bytes for every program, and no
//! memory of the machine's for data that is only waiting.

pub(crate) mod fleet;
mod random;
pub(crate) mod recorded;
mod series;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};

pub(crate) use fleet::Fleet;

use crate::protobuf;

/// Milliseconds between two samples of a series.
pub(crate) const STEP_MS: i64 = 15_000;

/// The samples as ready remote-write requests.
pub(crate) struct Dataset {
    file: PathBuf,
    /// Number of requests.
    pub(crate) requests: usize,
    /// Series at one time.
    pub(crate) series: usize,
    /// Series over all time.
    pub(crate) ever: usize,
    /// Number of samples.
    pub(crate) samples: u64,
    /// First sample, seconds.
    pub(crate) start_s: i64,
    /// Last sample, seconds.
    pub(crate) end_s: i64,
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // It lies in the temporary folder: what cannot be removed now goes with that.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Takes a target's number, the encoded labels of one of its series, the time (ms) and the value.
pub(crate) type Take<'a> = dyn FnMut(usize, &[u8], i64, f64) + 'a;

/// Something that has a value for each of its series at each step.
pub(crate) trait Source {
    /// Hands every series of every target to `take`; `t` is moved a little for each target.
    fn step(&mut self, t: i64, take: &mut Take<'_>);

    /// Series so far.
    fn ever(&self) -> usize;
}

impl Dataset {
    /// Writes `steps` steps of `source` that end now, `a_request` samples in a request.
    pub(crate) fn write(source: &mut dyn Source, steps: i64, a_request: usize) -> Result<Self> {
        Self::write_until(source, steps, a_request, 0)
    }

    /// Likewise, but the steps end so many milliseconds after now.
    pub(crate) fn write_until(
        source: &mut dyn Source,
        steps: i64,
        a_request: usize,
        ahead: i64,
    ) -> Result<Self> {
        let number = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let file = std::env::temp_dir().join(format!(
            "bonghwa-bench-{}-{}",
            std::process::id(),
            number.subsec_nanos()
        ));
        let mut out = Requests {
            out: BufWriter::with_capacity(1 << 20, File::create(&file).context("cannot write the requests")?),
            encoder: snap::raw::Encoder::new(),
            packed: Vec::new(),
            raw: Vec::new(),
            held: 0,
            written: 0,
            samples: 0,
        };
        let end = (number.as_millis() as i64 + ahead) / STEP_MS * STEP_MS;
        let start = end - steps * STEP_MS;
        let mut series = 0;
        for step in 0..steps {
            let mut failed = None;
            let (mut lane, mut chunk, mut now) = (0, None, 0);
            source.step(start + step * STEP_MS, &mut |target, labels, t, v| {
                // Requests hold whole targets where they are large, so that a lane is a set of targets.
                if out.held >= a_request || chunk.is_some_and(|c| c != target / TARGETS_A_LANE) {
                    failed = out.close(lane).err().or(failed.take());
                }
                chunk = Some(target / TARGETS_A_LANE);
                lane = (target / TARGETS_A_LANE) as u32;
                now += 1;
                protobuf::series(&mut out.raw, labels, t, v);
                out.held += 1;
            });
            out.close(lane)?;
            series = series.max(now);
            failed.map_or(Ok(()), Err)?;
        }
        out.out.flush()?;
        let (requests, samples) = (out.written, out.samples);
        Ok(Self {
            file,
            requests,
            series,
            ever: source.ever(),
            samples,
            start_s: start / 1000,
            end_s: end / 1000,
        })
    }

    /// Keeps the requests in this file.
    pub(crate) fn copy(&self, to: &std::path::Path) -> Result<()> {
        std::fs::copy(&self.file, to).context("cannot keep the requests")?;
        println!("{} requests, {} samples, {} series", self.requests, self.samples, self.series);
        Ok(())
    }

    /// Reads the requests of one of `lanes` lanes, in order of time. The samples of a series are all in one lane.
    pub(crate) fn lane(&self, lane: u32, lanes: u32) -> Result<Lane> {
        Ok(Lane { file: BufReader::with_capacity(1 << 20, File::open(&self.file)?), lane, lanes })
    }
}

/// Targets whose samples share requests.
const TARGETS_A_LANE: usize = 10;

struct Requests {
    out: BufWriter<File>,
    encoder: snap::raw::Encoder,
    packed: Vec<u8>,
    raw: Vec<u8>,
    held: usize,
    written: usize,
    samples: u64,
}

impl Requests {
    fn close(&mut self, lane: u32) -> Result<()> {
        if self.held == 0 {
            return Ok(());
        }
        self.packed.resize(snap::raw::max_compress_len(self.raw.len()), 0);
        let len = self.encoder.compress(&self.raw, &mut self.packed)?;
        self.out.write_all(&lane.to_le_bytes())?;
        self.out.write_all(&(len as u32).to_le_bytes())?;
        self.out.write_all(&self.packed[..len])?;
        self.samples += self.held as u64;
        self.written += 1;
        self.held = 0;
        self.raw.clear();
        Ok(())
    }
}

/// Requests of one sender.
pub(crate) struct Lane {
    file: BufReader<File>,
    lane: u32,
    lanes: u32,
}

impl Lane {
    /// The next request's body, put into `body`; `false` at the end.
    pub(crate) fn next(&mut self, body: &mut Vec<u8>) -> Result<bool> {
        loop {
            let mut head = [0; 8];
            match self.file.read_exact(&mut head) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(e) => return Err(e.into()),
            }
            let [a, b, c, d, e, f, g, h] = head;
            let (lane, len) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            if lane % self.lanes != self.lane {
                self.file.seek_relative(i64::from(len))?;
                continue;
            }
            body.resize(len as usize, 0);
            self.file.read_exact(body)?;
            return Ok(true);
        }
    }
}
