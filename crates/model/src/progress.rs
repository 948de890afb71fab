//! How far a store is with reading its log back: written by the thread that opens it, read by whoever is asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared figures; all of them only grow.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    first: AtomicU64,
    last: AtomicU64,
    current: AtomicU64,
    segments: AtomicU64,
    segments_done: AtomicU64,
    bytes: AtomicU64,
    bytes_done: AtomicU64,
    records: AtomicU64,
    finished: AtomicBool,
}

/// The figures at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Number of the first segment of the log.
    pub first: u64,
    /// Number of the last segment.
    pub last: u64,
    /// Number of the segment that is read.
    pub current: u64,
    /// How many segments there are.
    pub segments: u64,
    /// How many of them are read whole.
    pub segments_done: u64,
    /// Bytes of the log.
    pub bytes: u64,
    /// Bytes read.
    pub bytes_done: u64,
    /// Records read. How many there are is not known before the end.
    pub records: u64,
    /// Whether all is read.
    pub finished: bool,
}

impl ReplayProgress {
    /// Says what there is to read: number and bytes of each segment, in order.
    pub fn begin(&self, segments: impl IntoIterator<Item = (u64, u64)>) {
        let (mut count, mut bytes) = (0, 0);
        for (number, size) in segments {
            if count == 0 {
                self.first.store(number, Ordering::Relaxed);
                self.current.store(number, Ordering::Relaxed);
            }
            self.last.store(number, Ordering::Relaxed);
            count += 1;
            bytes += size;
        }
        self.segments.store(count, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// A record of `bytes` bytes in this segment was read.
    pub fn record(&self, segment: u64, bytes: u64) {
        if self.current.swap(segment, Ordering::Relaxed) != segment {
            self.segments_done.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.records.fetch_add(1, Ordering::Relaxed);
    }

    /// All was read.
    pub fn finish(&self) {
        let read = |from: &AtomicU64| from.load(Ordering::Relaxed);
        self.current.store(read(&self.last), Ordering::Relaxed);
        self.segments_done.store(read(&self.segments), Ordering::Relaxed);
        self.bytes_done.store(read(&self.bytes), Ordering::Relaxed);
        self.finished.store(true, Ordering::Release);
    }

    /// The figures now.
    pub fn now(&self) -> Replayed {
        let finished = self.finished.load(Ordering::Acquire);
        let read = |from: &AtomicU64| from.load(Ordering::Relaxed);
        Replayed {
            first: read(&self.first),
            last: read(&self.last),
            current: read(&self.current),
            segments: read(&self.segments),
            segments_done: read(&self.segments_done),
            bytes: read(&self.bytes),
            bytes_done: read(&self.bytes_done).min(read(&self.bytes)),
            records: read(&self.records),
            finished,
        }
    }
}

impl std::fmt::Display for Replayed {
    /// One sentence for whoever waits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.finished {
            return f.write_str("the log is read back");
        }
        let percent = (self.bytes_done * 100).checked_div(self.bytes).unwrap_or(0);
        let (done, all) = (self.segments_done, self.segments);
        write!(f, "the log is being read back: {percent} %, {done} of {all} segments")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_the_records() {
        let progress = ReplayProgress::default();
        progress.begin([(4, 100), (5, 100), (7, 200)]);
        assert_eq!(progress.now().to_string(), "the log is being read back: 0 %, 0 of 3 segments");
        progress.record(4, 60);
        progress.record(5, 40);
        let now = progress.now();
        assert_eq!((now.first, now.last, now.current, now.segments_done, now.records), (4, 7, 5, 1, 2));
        assert_eq!(now.to_string(), "the log is being read back: 25 %, 1 of 3 segments");
        progress.finish();
        let now = progress.now();
        assert!(now.finished && now.current == 7 && now.bytes_done == 400 && now.segments_done == 3);
        let empty = ReplayProgress::default();
        empty.begin([]);
        assert_eq!(empty.now().to_string(), "the log is being read back: 0 %, 0 of 0 segments");
    }
}
