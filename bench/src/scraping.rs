//! The way by scraping: the bench serves exposition pages with moving values, and every program scrapes them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::Flags;
use crate::ingest::end;
use crate::peer::{Kind, Peer};
use crate::report::{Row, compare};

/// Series of a page.
const PAGE_SERIES: u64 = 1000;

pub(crate) fn run(flags: &Flags) -> Result<()> {
    let served = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let counter = Arc::clone(&served);
    // Ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            std::thread::spawn(move || serve(&stream, &counter));
        }
    });
    let mut config = String::from("scrape_configs:\n");
    for target in 0..flags.targets {
        write!(
            config,
            "- job_name: page-{target}\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  metrics_path: /{target}/metrics\n  static_configs:\n  - targets: ['{address}']\n"
        )?;
    }
    println!(
        "\nscraping {} targets of {PAGE_SERIES} series once a second for {} s",
        flags.targets, flags.seconds
    );
    println!("{:<18}{:>10}{:>14}{:>16}", "program", "CPU s", "samples", "samples/CPU s");
    let mut rows = Vec::new();
    for kind in Kind::selected(flags) {
        let peer = match Peer::start_scraping(kind, flags, &config) {
            Ok(peer) => peer,
            Err(reason) => {
                println!("skipped: {}: {reason:#}", kind.name());
                continue;
            }
        };
        // The first scrapes make the series.
        std::thread::sleep(Duration::from_secs(5));
        let (before, from) = (peer.process.cpu_seconds()?, served.load(Ordering::Relaxed));
        std::thread::sleep(Duration::from_secs(flags.seconds));
        let cpu = peer.process.cpu_seconds()? - before;
        let samples = (served.load(Ordering::Relaxed) - from) as f64;
        println!("{:<18}{cpu:>10.2}{samples:>14.0}{:>16.0}", kind.name(), samples / cpu);
        rows.push(Row { kind, value: samples / cpu });
        end(vec![peer])?;
    }
    compare("scraped samples per CPU second", &rows);
    Ok(())
}

/// Answers requests of one connection until it closes.
fn serve(stream: &TcpStream, served: &AtomicU64) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut page) = (String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let target: u64 = line.split('/').nth(1)?.parse().ok()?;
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).ok()?;
        }
        let scrape = served.fetch_add(PAGE_SERIES, Ordering::Relaxed) / PAGE_SERIES;
        page.clear();
        write_page(&mut page, target, scrape).ok()?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n",
            page.len()
        );
        (&mut &*stream).write_all(head.as_bytes()).ok()?;
        (&mut &*stream).write_all(page.as_bytes()).ok()?;
    }
}

/// As a node_exporter writes: two thirds of the values stand still.
fn write_page(page: &mut String, target: u64, scrape: u64) -> std::fmt::Result {
    for family in 0..PAGE_SERIES / 20 {
        let name = format!("node_family_{family:02}_total");
        writeln!(page, "# HELP {name} Statistic {family} of the device.\n# TYPE {name} counter")?;
        for device in 0..20 {
            let still = family % 3 != 0;
            let base = target * 7919 + family * 104_729 + device * 15_485_863;
            let moved = if still { 0 } else { scrape * (1000 + base % 977) };
            let (whole, part) = (base + moved, (base + moved) % 100);
            if family % 6 == 0 {
                writeln!(page, "{name}{{device=\"disk{device}\",mode=\"idle\"}} {whole}.{part:02}")?;
            } else {
                writeln!(page, "{name}{{device=\"disk{device}\",mode=\"idle\"}} {whole}")?;
            }
        }
    }
    Ok(())
}
