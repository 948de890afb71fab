//! Block I/O by processes, where the kernel does not count it by group: with cgroup v1 since Linux 6.10 a device is
//! counted only once some limit was set on it. `/proc/<pid>/io` counts what each process made storage move; a parent
//! takes over the figures of the children that it waits for.

use std::path::Path;

use super::file::read_once;
use super::parse;

/// The most processes that are asked.
const PROCESS_CAP: usize = 128;

/// The sums so far.
#[derive(Debug, Default)]
pub struct TaskIo {
    last: Option<(u64, u64)>,
    gone: (u64, u64),
}

impl TaskIo {
    /// Bytes (read, written) of `pids` and of those that were there before; `None` where none may be looked into.
    pub fn read(&mut self, procfs: &Path, pids: &[u32], buffer: &mut Vec<u8>) -> Option<(u64, u64)> {
        if pids.len() > PROCESS_CAP {
            return None;
        }
        let mut sum = (0u64, 0u64);
        let mut seen = false;
        for pid in pids {
            let io = read_once(&procfs.join(pid.to_string()).join("io"), buffer).and_then(parse_io);
            if let Some((read, written)) = io {
                seen = true;
                sum = (sum.0.saturating_add(read), sum.1.saturating_add(written));
            }
        }
        if !seen && self.last.is_none() {
            return None;
        }
        Some(self.take(sum))
    }

    /// A sum that falls means that a process ended whose parent is elsewhere: its share is kept.
    fn take(&mut self, sum: (u64, u64)) -> (u64, u64) {
        let last = self.last.unwrap_or(sum);
        self.gone.0 = self.gone.0.saturating_add(last.0.saturating_sub(sum.0));
        self.gone.1 = self.gone.1.saturating_add(last.1.saturating_sub(sum.1));
        self.last = Some(sum);
        (sum.0.saturating_add(self.gone.0), sum.1.saturating_add(self.gone.1))
    }
}

/// `read_bytes` and `write_bytes`, the latter without what was dropped before it was written.
fn parse_io(bytes: &[u8]) -> Option<(u64, u64)> {
    let value = |name: &[u8]| {
        let line = parse::lines(bytes).find(|line| line.starts_with(name))?;
        parse::number(&line[name.len()..])
    };
    let cancelled = value(b"cancelled_write_bytes:").unwrap_or(0);
    Some((value(b"read_bytes:")?, value(b"write_bytes:")?.saturating_sub(cancelled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_figures_of_a_process() {
        let io = b"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 20971520\nwrite_bytes: 9000\ncancelled_write_bytes: 1000\n";
        assert_eq!(parse_io(io), Some((20_971_520, 8000)));
        assert_eq!(parse_io(b"rchar: 1\n"), None);
    }

    #[test]
    fn the_sum_never_falls() {
        let mut io = TaskIo::default();
        assert_eq!(io.take((10, 5)), (10, 5));
        assert_eq!(io.take((30, 5)), (30, 5));
        assert_eq!(io.take((12, 5)), (30, 5), "one that ended keeps its share");
        assert_eq!(io.take((15, 9)), (33, 9));
    }

    #[test]
    fn nobody_to_ask_is_not_zero() {
        let mut io = TaskIo::default();
        assert_eq!(io.read(Path::new("/nonexistent"), &[1], &mut Vec::new()), None);
        assert!(io.read(Path::new("/proc"), &[std::process::id()], &mut Vec::new()).is_some());
        assert!(io.read(Path::new("/proc"), &[], &mut Vec::new()).is_some(), "all ended: what was, was");
    }
}
