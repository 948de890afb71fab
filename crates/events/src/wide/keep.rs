//! What is kept of each stream: by time, and by what some streams take together.

use std::sync::Arc;

use model::{EventKind, Result};
use tracing::info;

use super::config::Retention;
use super::part::Part;
use super::rewrite::Without;
use super::shelf::Shelf;
use super::{KINDS, Store};

/// How often streams are held against what is kept of them.
const PERIOD_MS: i64 = 60_000;
/// What has expired may stay for so long, or for a quarter of the time that it was kept, if that is less: parts are written
/// again as a whole.
const MOST_SLACK_MS: i64 = 86_400_000;

/// What goes of a part: for each block whether each of its runs does.
struct Doomed {
    part: Arc<Part>,
    runs: Vec<Vec<bool>>,
    /// Whether the part must be written again now.
    due: bool,
}

/// A run that counts against a limit by size.
struct Share {
    newest_ns: i64,
    bytes: u64,
    /// Shelf, part, block, run.
    place: (usize, usize, usize, usize),
}

impl Store {
    /// Removes what streams with rules of their own have too much of.
    pub(super) fn keep_streams(&self, retention: &Retention, now_ms: i64, steady_ms: i64) -> Result<()> {
        if retention.streams.is_empty() {
            return Ok(());
        }
        {
            let mut last = self.streams_looked_at.lock();
            if last.is_some_and(|last| now_ms.abs_diff(last) < PERIOD_MS.unsigned_abs()) {
                return Ok(());
            }
            *last = Some(now_ms);
        }
        let mut shelves = Vec::new();
        let mut shares: Vec<Vec<Share>> = retention.streams.iter().map(|_| Vec::new()).collect();
        for (number, kind) in KINDS.into_iter().enumerate() {
            let parts = self.shelf(kind)?.parts();
            let parts: Vec<Arc<Part>> = parts.into_iter().filter(|p| !p.is_damaged()).collect();
            let mut doomed = Vec::with_capacity(parts.len());
            for part in parts {
                let at = (number, doomed.len());
                doomed.push(expired(part, at, retention, steady_ms, &mut shares)?);
            }
            shelves.push((kind, doomed));
        }
        for (rule, mut of_rule) in retention.streams.iter().zip(shares) {
            let total: u64 = of_rule.iter().map(|share| share.bytes).sum();
            let mut over = total.saturating_sub(rule.bytes);
            of_rule.sort_by_key(|share| (share.newest_ns, share.place));
            for Share { bytes, place, .. } in of_rule {
                if over == 0 {
                    break;
                }
                over = over.saturating_sub(bytes);
                let doomed = &mut shelves[place.0].1[place.1];
                doomed.runs[place.2][place.3] = true;
                doomed.due = true;
            }
        }
        for (kind, doomed) in shelves {
            self.remove_doomed(kind, &doomed)?;
        }
        Ok(())
    }

    fn remove_doomed(&self, kind: EventKind, doomed: &[Doomed]) -> Result<()> {
        let shelf: &Shelf = self.shelf(kind)?;
        for Doomed { part, runs, .. } in doomed.iter().filter(|d| d.due) {
            let mut block = 0;
            let gone = self.rewrite(shelf, part, |_, entry| {
                let of_block = &runs[block];
                block += 1;
                if !of_block.contains(&true) {
                    return Ok(Without::Nothing);
                }
                if !of_block.contains(&false) {
                    return Ok(Without::All);
                }
                let (head, _) = part.head(entry)?;
                let (mut rows, mut first) = (Vec::new(), 0);
                for (run, doomed) in head.runs.iter().zip(of_block) {
                    if *doomed {
                        rows.extend(first..first + run.rows);
                    }
                    first += run.rows;
                }
                Ok(Without::Rows(rows))
            })?;
            info!(part = part.name, records = gone, "records of streams removed that are kept shorter");
        }
        Ok(())
    }
}

/// What of a part has expired; what of it counts against limits by size goes to `shares`.
fn expired(
    part: Arc<Part>,
    at: (usize, usize),
    retention: &Retention,
    steady_ms: i64,
    shares: &mut [Vec<Share>],
) -> Result<Doomed> {
    let rules: Vec<Option<usize>> = part.streams.iter().map(|stream| retention.rule_of(stream)).collect();
    let times: Vec<i64> = part.streams.iter().map(|stream| retention.time_of(stream)).collect();
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let (mut runs, mut gone, mut due) = (Vec::new(), 0u64, false);
    for (block, entry) in part.blocks.iter().enumerate() {
        let (head, _) = part.head(entry)?;
        let mut of_block = Vec::with_capacity(head.runs.len());
        for (number, run) in head.runs.iter().enumerate() {
            let stream = run.stream as usize;
            let time_ms = times[stream];
            let oldest = steady_ms.saturating_sub(time_ms);
            let bytes =
                (u128::from(entry.len) * u128::from(run.bytes) / u128::from(entry.bytes.max(1))) as u64;
            let has_expired = time_ms > 0 && run.max_t < ns(oldest);
            if has_expired {
                gone += bytes;
                due |= run.max_t < ns(oldest.saturating_sub(MOST_SLACK_MS.min(time_ms / 4)));
            } else if let Some(rule) = rules[stream].filter(|rule| retention.streams[*rule].bytes < u64::MAX)
            {
                let place = (at.0, at.1, block, number);
                shares[rule].push(Share { newest_ns: run.max_t, bytes, place });
            }
            of_block.push(has_expired);
        }
        runs.push(of_block);
    }
    due |= gone * 2 > part.bytes;
    Ok(Doomed { part, runs, due })
}
