//! Two dozen shapes of queries, warm and cold, and how the cost grows with series and range.
//!
//! *Warm* is the median of repeated answers with nothing else going on; what a program keeps of results is not used,
//! but for the columns that say so. *Cold* is the first answer after a start of the program, median over some starts;
//! shapes take turns in being the first. Answers are compared in the number of series, so that nobody is quick by
//! answering less. *Dashboards* ask all shapes over many connections at the same time.
//!
//! With `--keep FOLDER` the loaded data stays there and the next run asks at once.

mod ask;
mod fleet;
mod load;
mod report;
mod shapes;
mod together;

use std::env;
use std::fs;

use anyhow::Result;

use crate::Flags;
use crate::http::Client;
use crate::peer::{Kind, Peer};
pub(crate) use ask::{encode, median, once, path};
use ask::{path_of, warm};
use fleet::Size;
use load::Data;
use report::{Column, print_table, slope};
use shapes::{BY_RANGE, BY_SERIES, RANGED, SHAPES};

/// Loads the programs, asks one after the other, and prints the tables.
pub(crate) fn run(flags: &Flags) -> Result<()> {
    let size = Size {
        hosts: flags.hosts,
        hours: flags.hours.map_or(6, |h| h.ceil() as usize),
        old_hosts: 4,
        days: flags.days,
    };
    let temporary = env::temp_dir().join(format!("bonghwa-bench-queries-{}", std::process::id()));
    let data = Data::open(flags.keep.as_deref().unwrap_or(&temporary), size)?;
    let (mut warm_columns, mut cold_columns) = (Vec::new(), Vec::new());
    let (mut slopes, mut dashboards) = (Vec::new(), Vec::new());
    for kind in Kind::selected(flags) {
        if let Err(reason) = data.load(kind, size, flags) {
            println!("skipped: {}: {reason:#}", kind.name());
            continue;
        }
        let mut peer = Peer::start_in(kind, flags, data.of(kind))?;
        peer.process.wait_quiet()?;
        warm_columns.push(warm_column(&data, &peer, kind.name().to_owned(), flags.repeats, false)?);
        if kind != Kind::Prometheus {
            let title = if kind.is_victoria() { "vm, kept" } else { "bonghwa, kept" }.to_owned();
            warm_columns.push(warm_column(&data, &peer, title, flags.repeats, true)?);
        }
        if flags.dashboards > 0 {
            let kept: &[bool] = if kind == Kind::Prometheus { &[false] } else { &[false, true] };
            for cached in kept {
                let together = together::ask(&data, &peer, flags.dashboards, *cached)?;
                dashboards.push((together, *cached));
            }
        }
        slopes.push((kind, grow(&data, &peer, flags.repeats)?));
        peer.process.stop()?;
        if flags.cold > 0 {
            cold_columns.push(cold_column(&data, kind, flags)?);
        }
    }
    print_table(&format!("warm, median ms of {}", flags.repeats), &warm_columns);
    if flags.cold > 0 {
        print_table(&format!("first answer after a start, median ms of {}", flags.cold), &cold_columns);
    }
    println!("\nhow the cost grows: exponent (1: linear), ms at each size");
    for (kind, lines) in slopes {
        for (what, points) in lines {
            let text: Vec<String> = points.iter().map(|(x, ms)| format!("{x}: {ms:.2}")).collect();
            println!("{:<18}{what:<10}{:>6.2}   {}", kind.name(), slope(&points), text.join("  "));
        }
    }
    if flags.dashboards > 0 {
        together::print(flags.dashboards, &dashboards);
    }
    if flags.keep.is_none() {
        fs::remove_dir_all(&temporary)?;
    }
    Ok(())
}

fn warm_column(data: &Data, peer: &Peer, title: String, repeats: usize, cached: bool) -> Result<Column> {
    let mut column = Column { title, ms: Vec::new(), series: Vec::new() };
    for shape in SHAPES {
        let (ms, series) = warm(peer, &path_of(shape, data.end_s, cached), repeats)?;
        column.ms.push(ms);
        column.series.push(series);
    }
    Ok(column)
}

/// The first answers after each of some starts.
fn cold_column(data: &Data, kind: Kind, flags: &Flags) -> Result<Column> {
    let starts = flags.cold;
    let mut times = vec![Vec::new(); SHAPES.len()];
    for round in 0..starts {
        let mut peer = Peer::start_in(kind, flags, data.of(kind))?;
        let mut client = Client::new(&peer.address);
        for n in 0..SHAPES.len() {
            let at = (n + round * SHAPES.len() / starts) % SHAPES.len();
            times[at].push(once(&mut client, &path_of(&SHAPES[at], data.end_s, false))?.0);
        }
        peer.process.stop()?;
    }
    Ok(Column {
        title: kind.name().to_owned(),
        ms: times.into_iter().map(median).collect(),
        series: Vec::new(),
    })
}

type Lines = Vec<(&'static str, Vec<(f64, f64)>)>;

/// Times over growing numbers of series and growing ranges.
fn grow(data: &Data, peer: &Peer, repeats: usize) -> Result<Lines> {
    let ask = |query: &str, minutes: i64| {
        warm(peer, &path(query, minutes, data.end_s, false), repeats).map(|(ms, _)| ms)
    };
    let by_series = BY_SERIES
        .iter()
        .map(|(hosts, query)| Ok((f64::from(*hosts), ask(query, 6 * 60)?)))
        .collect::<Result<_>>()?;
    let by_range = BY_RANGE
        .iter()
        .map(|days| Ok((f64::from(*days), ask(RANGED, i64::from(*days) * 24 * 60)?)))
        .collect::<Result<_>>()?;
    Ok(vec![("series", by_series), ("range", by_range)])
}
