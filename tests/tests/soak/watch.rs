//! Looks at the process once a second: memory and descriptors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tests::{Bonghwa, eventually};

#[derive(Default)]
pub struct Watch {
    memory: Mutex<Vec<u64>>,
    /// Descriptors of the first process when it had just started.
    first: Mutex<Option<usize>>,
    starts: Mutex<Vec<Duration>>,
    down: Mutex<Option<Instant>>,
}

/// Resident bytes.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes: u64 = status
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))?
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .ok()?;
    Some(kilobytes << 10)
}

/// Open descriptors without those of blocks, which are open as long as they are there (of one that is gone they count),
/// and of control groups: containers of the machine come and go meanwhile.
fn descriptors(pid: u32) -> Option<usize> {
    let all = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let passed_over = |link: &std::path::Path| {
        let text = link.to_string_lossy();
        text.contains("/blocks/") && !text.ends_with("(deleted)")
            || text.starts_with("/sys/fs/cgroup/")
            || text == "anon_inode:[pidfd]"
    };
    Some(all.filter(|fd| !std::fs::read_link(fd.path()).is_ok_and(|link| passed_over(&link))).count())
}

impl Watch {
    pub fn start<'a>(
        &'a self,
        scope: &'a Scope<'a, '_>,
        running: &'a RwLock<Option<Bonghwa>>,
        stop: &'a AtomicBool,
    ) {
        scope.spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                if let Some(bonghwa) = running.read().as_ref() {
                    self.memory.lock().extend(resident(bonghwa.pid()));
                    let mut first = self.first.lock();
                    *first = first.or_else(|| descriptors(bonghwa.pid()));
                } else {
                    self.down.lock().get_or_insert_with(Instant::now);
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        });
    }

    /// A killed process is back.
    pub fn restarted(&self) {
        if let Some(since) = self.down.lock().take() {
            self.starts.lock().push(since.elapsed());
        }
    }

    pub fn slowest_start(&self) -> f64 {
        self.starts.lock().iter().max().map_or(0.0, Duration::as_secs_f64)
    }

    pub fn memory(&self) -> Vec<u64> {
        self.memory.lock().clone()
    }

    pub fn first_descriptors(&self) -> usize {
        self.first.lock().unwrap_or(0)
    }

    /// How many are open when nobody asks any more: the fewest of a while, connections take a moment to go.
    pub fn idle_descriptors(&self, bonghwa: &Bonghwa) -> usize {
        let mut fewest = usize::MAX;
        let mut looks = 0;
        eventually("a look at the descriptors", Duration::from_secs(60), || {
            fewest = fewest.min(descriptors(bonghwa.pid()).unwrap_or(usize::MAX));
            looks += 1;
            (fewest <= self.first_descriptors() + 8 || looks > 200).then_some(())
        });
        fewest
    }
}
