//! This program's own log: followed like any other, but not faster than a little. A program that tells of each line that
//! it reads would otherwise read what it tells for ever.

use std::sync::OnceLock;

use crate::containers::cgroup::walk::id_within;

/// Bytes a second, and at once beyond that.
const RATE: i64 = 16 << 10;
const BURST: i64 = 1 << 20;

/// Whether there is room for more.
#[derive(Debug, Clone)]
pub struct Limit {
    tokens: i64,
    at_ms: i64,
}

impl Default for Limit {
    fn default() -> Self {
        Self { tokens: BURST, at_ms: i64::MAX }
    }
}

impl Limit {
    /// Takes room for so many bytes, if there is.
    pub fn take(&mut self, now_ms: i64, bytes: usize) -> bool {
        let passed = now_ms.saturating_sub(self.at_ms).max(0);
        self.at_ms = now_ms;
        let more = passed.saturating_mul(RATE) / 1000;
        self.tokens = self.tokens.saturating_add(more).min(BURST);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let fits = bytes <= self.tokens;
        if fits {
            self.tokens -= bytes;
        }
        fits
    }
}

/// The container that this program runs in.
pub fn container_id() -> Option<&'static str> {
    static ID: OnceLock<Option<String>> = OnceLock::new();
    ID.get_or_init(|| {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let of_groups = |text: &str| {
            text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find_map(id_within).map(str::to_owned)
        };
        // With a namespace of its own, a group says nothing; files that the engine mounts still do.
        of_groups(&read("/proc/self/cgroup")).or_else(|| of_mounts(&read("/proc/self/mountinfo")))
    })
    .as_deref()
}

fn of_mounts(text: &str) -> Option<String> {
    let of_line = |line: &str| {
        let (_, rest) = line.split_once("/containers/")?;
        let id = rest.split('/').next()?;
        let file = line.split(' ').nth(4)?;
        let known = matches!(file, "/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf");
        (known && id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
    };
    text.lines().find_map(of_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_log_has_a_burst_and_then_a_trickle() {
        let mut limit = Limit::default();
        let taken = (0..4096).filter(|_| limit.take(1000, 1024)).count();
        assert_eq!(taken, 1024);
        let taken = (0..4096).filter(|_| limit.take(2000, 1024)).count();
        assert_eq!(taken, 16);
        assert!(!limit.take(1500, 1024), "a clock that goes back gives nothing");
    }

    #[test]
    fn a_container_is_known_by_the_files_that_are_mounted_into_it() {
        let id = "fa9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6a";
        let line = format!(
            "611 592 8:1 /var/lib/docker/containers/{id}/hostname /etc/hostname rw - ext4 /dev/sda1 rw"
        );
        assert_eq!(of_mounts(&line).as_deref(), Some(id));
        assert_eq!(of_mounts(&line.replace("/etc/hostname", "/data/x")), None);
    }
}
