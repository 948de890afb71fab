//! By remote write.

use std::time::Duration;

use model::{Error, Imported, SeriesData};
use wire::remote_write::{Encoder, Point};

use super::super::import::Next;
use crate::http::Server;

/// A request is sent when its message has this many bytes.
const REQUEST_BYTES: usize = 4 << 20;
/// Samples of one series in a request.
const RUN: usize = 50_000;
const LIMIT: Duration = Duration::from_secs(300);
/// Tries of a request that the server cannot take now.
const TRIES: u32 = 6;

/// What was sent, and what of it was refused.
#[derive(Default)]
pub(super) struct RemoteWrite {
    refused: u64,
    reason: String,
}

const WRITE: &str = "/api/v1/write";

impl RemoteWrite {
    /// Sends series.
    pub(super) fn send(&mut self, server: &Server, next: &mut Next<'_>) -> model::Result<Imported> {
        let mut encoder = Encoder::new();
        let (mut data, mut total, mut waiting) = (SeriesData::default(), Imported::default(), 0u64);
        loop {
            data.clear();
            if !next(&mut data)? {
                break;
            }
            let mut from = 0;
            for part in data.t.chunks(RUN) {
                encoder.series(
                    data.labels.iter(),
                    part.iter().enumerate().map(|(i, t)| Point { t: *t, v: data.v[from + i] }),
                );
                from += part.len();
                waiting += part.len() as u64;
                self.flush_if(server, REQUEST_BYTES, &mut encoder, &mut waiting, &mut total)?;
            }
            for part in data.histograms.chunks(RUN / 50) {
                encoder.begin(data.labels.iter());
                for (t, h) in part {
                    encoder.histogram(*t, h);
                }
                encoder.end();
                waiting += part.len() as u64;
                self.flush_if(server, REQUEST_BYTES, &mut encoder, &mut waiting, &mut total)?;
            }
        }
        self.flush_if(server, 1, &mut encoder, &mut waiting, &mut total)?;
        Ok(total)
    }

    fn flush_if(
        &mut self,
        server: &Server,
        bytes: usize,
        encoder: &mut Encoder,
        waiting: &mut u64,
        total: &mut Imported,
    ) -> model::Result<()> {
        if encoder.as_bytes().len() < bytes {
            return Ok(());
        }
        let body = encoder.finish().map_err(Error::internal)?;
        let answer = post(server, body)?;
        let samples = std::mem::take(waiting);
        let text = || String::from_utf8_lossy(&answer.1).trim().to_owned();
        match answer.0 {
            200..300 => total.add(Imported { samples, ..Imported::default() }),
            // What it refuses once it refuses again; the rest of the history may still be taken.
            400 => {
                self.refused += samples;
                self.reason = text();
            }
            status => {
                return Err(Error::unavailable(format_args!("{}: {status}: {}", server.url(), text())));
            }
        }
        Ok(())
    }

    /// What was refused.
    pub(super) fn refused(&self) -> Option<String> {
        (self.refused > 0).then(|| {
            format!(
                "requests with {} samples were refused in whole or in part: {}",
                self.refused, self.reason
            )
        })
    }
}

fn post(server: &Server, body: Vec<u8>) -> model::Result<(u16, Vec<u8>)> {
    let mut pause = Duration::from_millis(500);
    for attempt in 1.. {
        let answer = server.post(WRITE, &HEADERS, body.clone(), LIMIT);
        match answer {
            Ok(answer) if !matches!(answer.status, 429 | 500..) || attempt >= TRIES => {
                return Ok((answer.status, answer.body));
            }
            Err(failed) if attempt >= TRIES => return Err(Error::unavailable(failed)),
            _ => {}
        }
        server.wait(pause);
        pause *= 2;
    }
    Err(Error::internal("no attempt was made"))
}

const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];
