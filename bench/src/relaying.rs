//! What passing samples on costs: the same requests into a program that sends all it gets to a receiver of ours, and
//! into one that does not. The difference is the sender: reading the log back, building requests, sending them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Flags;
use crate::data::{Dataset, Fleet, STEP_MS, fleet};
use crate::ingest::{end, send};
use crate::peer::{Kind, Peer};
use crate::report::{Row, compare};

/// Steps of the data. They lie ahead of the clock: Prometheus passes on only what is newer than its start.
const STEPS: i64 = 36;

pub(crate) fn run(flags: &Flags) -> Result<()> {
    let hosts = flags.series.unwrap_or(50_000).div_ceil(fleet::HOST_SERIES);
    println!(
        "\npassing on by remote write: {STEPS} samples each of about {} series",
        hosts * fleet::HOST_SERIES
    );
    println!("{:<18}{:>14}{:>14}{:>14}{:>16}", "program", "with CPU s", "without", "sender", "samples/CPU s");
    let mut rows = Vec::new();
    for kind in Kind::selected(flags).into_iter().filter(|k| !k.is_victoria()) {
        let both =
            measure(kind, flags, hosts, false).and_then(|w| Ok((w, measure(kind, flags, hosts, true)?)));
        let ((without, _), (with, samples)) = match both {
            Ok(both) => both,
            Err(reason) => {
                println!("skipped: {}: {reason:#}", kind.name());
                continue;
            }
        };
        let rate = samples as f64 / (with - without).max(0.01);
        println!("{:<18}{with:>14.2}{without:>14.2}{:>14.2}{rate:>16.0}", kind.name(), with - without);
        rows.push(Row { kind, value: rate });
    }
    compare("samples passed on per CPU second of the sender", &rows);
    Ok(())
}

/// CPU seconds for taking the data and, with `relay`, for passing it on; and how many samples that were.
fn measure(kind: Kind, flags: &Flags, hosts: usize, relay: bool) -> Result<(f64, u64)> {
    let received = Arc::new(AtomicU64::new(0));
    let address = listen(&received)?;
    let config = match relay {
        true => format!("remote_write:\n- url: http://{address}/write\n"),
        false => "scrape_configs: []\n".to_owned(),
    };
    let peer = Peer::start_scraping(kind, flags, &config)?;
    std::thread::sleep(Duration::from_secs(2));
    let data = Dataset::write_until(&mut Fleet::new(hosts), STEPS, flags.request, (STEPS + 2) * STEP_MS)?;
    let before = peer.process.cpu_seconds()?;
    send(&data, 0, 1, &peer.address)?;
    let deadline = Instant::now() + Duration::from_secs(180);
    while relay && received.load(Ordering::Relaxed) < data.samples {
        if Instant::now() > deadline {
            let passed = received.load(Ordering::Relaxed);
            bail!("{} passed on {passed} of {} samples in three minutes", kind.name(), data.samples);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    peer.process.wait_quiet()?;
    let cpu = peer.process.cpu_seconds()? - before;
    end(vec![peer])?;
    Ok((cpu, data.samples))
}

/// A receiver that counts samples; it ends with the process.
fn listen(received: &Arc<AtomicU64>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let received = Arc::clone(received);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let received = Arc::clone(&received);
            // A connection that breaks is its sender's matter: it sends again.
            std::thread::spawn(move || receive(&stream, &received).ok());
        }
    });
    Ok(address)
}

fn receive(stream: &TcpStream, received: &AtomicU64) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let mut line = String::new();
    loop {
        let mut length = None;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let mut body = vec![0; length.context("a request without length")?.min(64 << 20)];
        reader.read_exact(&mut body)?;
        let plain = snap::raw::Decoder::new().decompress_vec(&body)?;
        received.fetch_add(samples(&plain), Ordering::Relaxed);
        (&mut &*stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}

/// Samples of a `WriteRequest`: fields 2 of its fields 1.
fn samples(request: &[u8]) -> u64 {
    let count = |message: &[u8], number: u8| fields(message).filter(|f| f.0 == number).count() as u64;
    fields(request).filter(|f| f.0 == 1).map(|(_, series)| count(series, 2)).sum()
}

/// The length-delimited fields of a message that has no others.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, rest) = message.split_first()?;
        let (mut len, mut used) = (0usize, 0);
        for byte in rest.iter().take(5) {
            len |= usize::from(byte & 0x7f) << (7 * used);
            used += 1;
            if *byte < 0x80 {
                break;
            }
        }
        let content = rest.get(used..used + len)?;
        message = rest.get(used + len..)?;
        Some((tag >> 3, content))
    })
}
