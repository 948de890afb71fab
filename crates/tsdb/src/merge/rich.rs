//! Merging where there are histograms or start timestamps.

use model::TimeRange;

use super::Run;

/// A sample of a run: its time, the run, whether it is a histogram, its place.
type Sample = (i64, usize, bool, usize);

/// Merges runs into `out`, which is empty. Histograms are taken out of `runs`.
pub(super) fn merge(runs: &mut [Run], range: TimeRange, out: &mut Run) {
    let mut samples: Vec<Sample> = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let floats = run.t.iter().enumerate().map(|(at, t)| (*t, number, false, at));
        let histograms = run.histograms.iter().enumerate().map(|(at, h)| (h.0, number, true, at));
        samples.extend(floats.chain(histograms).filter(|s| range.contains(s.0)));
    }
    // Mostly one run, in order already: the sort sees that.
    samples.sort();
    samples.dedup_by_key(|s| s.0);
    let with_start = runs.iter().any(|r| !r.start.is_empty());
    let with_histogram_start = runs.iter().any(|r| !r.histogram_start.is_empty());
    for (t, number, is_histogram, at) in samples {
        let Some(run) = runs.get_mut(number) else { continue };
        if is_histogram {
            let Some(kept) = run.histograms.get_mut(at) else { continue };
            out.histograms.push((t, std::mem::take(&mut kept.1)));
            if with_histogram_start {
                out.histogram_start.push(run.histogram_start.get(at).copied().unwrap_or(0));
            }
        } else {
            out.t.push(t);
            out.v.push(run.v[at]); // parallel to `t`
            if with_start {
                out.start.push(run.start.get(at).copied().unwrap_or(0));
            }
        }
    }
    forget_if_unknown(&mut out.start);
    forget_if_unknown(&mut out.histogram_start);
}

fn forget_if_unknown(starts: &mut Vec<i64>) {
    if starts.iter().all(|s| *s == 0) {
        starts.clear();
    }
}
