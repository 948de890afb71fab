//! Figures that cAdvisor has switched off by default and this collector too: they are many, or dear to read. Each is
//! switched on by the name that cAdvisor's `-enable_metrics` gives it.

use std::collections::HashMap;
use std::path::Path;

use super::file::read_once;
use super::parse;

/// A set of figures that can be switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// TCP connections by state.
    Tcp,
    /// UDP sockets and queues.
    Udp,
    /// The kernel's counters of TCP.
    Advtcp,
    /// Time on and waiting for CPUs, by `/proc/<pid>/schedstat`.
    Sched,
    /// Pages by NUMA node.
    MemoryNuma,
    /// The CPU set's settings.
    Cpuset,
}

/// TCP states in the order of the kernel's numbers, from 1 on (include/net/tcp_states.h).
pub const TCP_STATES: [&str; 11] = [
    "established",
    "synsent",
    "synrecv",
    "finwait1",
    "finwait2",
    "timewait",
    "close",
    "closewait",
    "lastack",
    "listen",
    "closing",
];
/// What is told of UDP.
pub const UDP_STATES: [&str; 4] = ["listen", "dropped", "rxqueued", "txqueued"];
/// The number of the closed state, which is how an unconnected UDP socket shows.
const UDP_LISTEN: u64 = 7;
/// The most counters of TCP, and the most figures of NUMA nodes.
const MOST: usize = 512;
/// The most processes whose run times are read.
const PROCESS_CAP: usize = 256;

/// Pages of one kind on one NUMA node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumaPages {
    /// `anon`, `file` or `unevictable`.
    pub kind: &'static str,
    /// `container` or `hierarchy`.
    pub scope: &'static str,
    /// Number of the node.
    pub node: u32,
    /// Pages.
    pub pages: u64,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExtraReading {
    /// TCP over IPv4 and IPv6, by [`TCP_STATES`].
    pub tcp: [Option<[u64; 11]>; 2],
    /// UDP likewise, by [`UDP_STATES`].
    pub udp: [Option<[u64; 4]>; 2],
    /// TCP's counters, names in lower case.
    pub advanced: Vec<(String, f64)>,
    /// Pages by NUMA node.
    pub numa: Vec<NumaPages>,
    /// Whether pages follow a changed CPU set.
    pub migrate: Option<u64>,
    /// Nanoseconds run, nanoseconds waited, times run.
    pub sched: Option<[u64; 3]>,
}

/// Where a group's extra figures come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The host's `/proc`.
    pub procfs: &'a Path,
    /// The main process, whose network is the group's.
    pub pid: Option<u32>,
    /// All processes.
    pub pids: &'a [u32],
    /// Directory with `memory.numa_stat`.
    pub memory: Option<&'a Path>,
    /// Directory with `cpuset.memory_migrate` (v1).
    pub cpuset: Option<&'a Path>,
    /// Bytes in a page.
    pub page: u64,
}

impl ExtraReading {
    /// Reads the sets that are switched on.
    pub fn read(enabled: &[Extra], from: &Sources<'_>, sched: &mut Sched, buffer: &mut Vec<u8>) -> Self {
        let mut out = Self::default();
        let net = from.pid.map(|pid| from.procfs.join(pid.to_string()).join("net"));
        for extra in enabled {
            match (extra, &net) {
                (Extra::Tcp, Some(net)) => {
                    out.tcp = ["tcp", "tcp6"].map(|file| read_once(&net.join(file), buffer).map(tcp));
                }
                (Extra::Udp, Some(net)) => {
                    out.udp = ["udp", "udp6"].map(|file| read_once(&net.join(file), buffer).map(udp));
                }
                (Extra::Advtcp, Some(net)) => {
                    for (file, line) in [("snmp", "Tcp:"), ("netstat", "TcpExt:")] {
                        if let Some(bytes) = read_once(&net.join(file), buffer) {
                            advanced(bytes, line, &mut out.advanced);
                        }
                    }
                }
                (Extra::Sched, _) => out.sched = sched.read(from.procfs, from.pids, buffer),
                (Extra::MemoryNuma, _) => {
                    let file = from.memory.map(|dir| dir.join("memory.numa_stat"));
                    if let Some(bytes) = file.and_then(|file| read_once(&file, buffer)) {
                        out.numa = numa(bytes, from.page);
                    }
                }
                (Extra::Cpuset, _) => {
                    let file = from.cpuset.map(|dir| dir.join("cpuset.memory_migrate"));
                    out.migrate = file.and_then(|file| read_once(&file, buffer)).and_then(parse::number);
                }
                (Extra::Tcp | Extra::Udp | Extra::Advtcp, None) => {}
            }
        }
        out
    }
}

fn hex(word: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
}

/// `/proc/net/tcp`: the fourth column is the state.
fn tcp(bytes: &[u8]) -> [u64; 11] {
    let mut counts = [0; 11];
    for line in parse::lines(bytes).skip(1) {
        let state = parse::words(line).nth(3).and_then(hex).and_then(|n| usize::try_from(n).ok());
        if let Some(count) = state.and_then(|n| counts.get_mut(n.wrapping_sub(1))) {
            *count += 1;
        }
    }
    counts
}

/// `/proc/net/udp`: state, `tx:rx` queues in bytes, and in the last column the drops.
fn udp(bytes: &[u8]) -> [u64; 4] {
    let mut out = [0u64; 4];
    for line in parse::lines(bytes).skip(1) {
        let mut words = parse::words(line);
        let (Some(state), Some(queues)) = (words.nth(3).and_then(hex), words.next()) else { continue };
        let drops = words.last().and_then(parse::number).unwrap_or(0);
        let mut queues = queues.split(|b| *b == b':').map(|word| hex(word).unwrap_or(0));
        let (tx, rx) = (queues.next().unwrap_or(0), queues.next().unwrap_or(0));
        let add = [u64::from(state == UDP_LISTEN), drops, rx, tx];
        for (sum, value) in out.iter_mut().zip(add) {
            *sum = sum.saturating_add(value);
        }
    }
    out
}

/// A line of names and a line of values, both beginning with `head`.
fn advanced(bytes: &[u8], head: &str, out: &mut Vec<(String, f64)>) {
    let mut lines = parse::lines(bytes).filter_map(|line| std::str::from_utf8(line).ok()?.strip_prefix(head));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return };
    for (name, value) in names.split_ascii_whitespace().zip(values.split_ascii_whitespace()) {
        if let Ok(value) = value.parse::<f64>()
            && out.len() < MOST
        {
            out.push((name.to_ascii_lowercase(), value));
        }
    }
}

/// `memory.numa_stat`: v1 counts pages (`file=513 N0=513`), v2 bytes (`file N0=2101248`).
fn numa(bytes: &[u8], page: u64) -> Vec<NumaPages> {
    let mut out = Vec::new();
    for line in parse::lines(bytes) {
        let mut words = parse::words(line);
        let Some(first) = words.next() else { continue };
        let (name, is_v1) = match first.iter().position(|b| *b == b'=') {
            Some(at) => (&first[..at], true),
            None => (first, false),
        };
        let (name, scope) = match name.strip_prefix(b"hierarchical_") {
            Some(name) => (name, "hierarchy"),
            None => (name, "container"),
        };
        let kind = match name {
            b"anon" => "anon",
            b"file" => "file",
            b"unevictable" => "unevictable",
            _ => continue,
        };
        for (node, value) in words.filter_map(parse::pair) {
            let node = node.strip_prefix(b"N").and_then(parse::number).and_then(|n| u32::try_from(n).ok());
            let Some(node) = node.filter(|_| out.len() < MOST) else { continue };
            let pages = if is_v1 { value } else { value / page.max(1) };
            // v2 counts the children in and tells no other figure.
            let scope = if is_v1 { scope } else { "hierarchy" };
            out.push(NumaPages { kind, scope, node, pages });
        }
    }
    out
}

/// Sums of run times over processes that come and go.
#[derive(Debug, Default)]
pub struct Sched {
    live: HashMap<u32, [u64; 3]>,
    sum: [u64; 3],
}

impl Sched {
    /// Adds what each process ran since the last time; those that ended keep what they had.
    fn read(&mut self, procfs: &Path, pids: &[u32], buffer: &mut Vec<u8>) -> Option<[u64; 3]> {
        if pids.len() > PROCESS_CAP {
            return None;
        }
        let mut now = HashMap::with_capacity(pids.len());
        for pid in pids {
            let bytes = read_once(&procfs.join(pid.to_string()).join("schedstat"), buffer);
            if let Some(value) = bytes.and_then(schedstat) {
                now.insert(*pid, value);
            }
        }
        for (pid, value) in &now {
            let before = self.live.get(pid).copied().unwrap_or_default();
            for at in 0..3 {
                // A number that went back is that of a new process with an old id.
                let delta = value[at].checked_sub(before[at]).unwrap_or(value[at]);
                self.sum[at] = self.sum[at].saturating_add(delta);
            }
        }
        self.live = now;
        Some(self.sum)
    }
}

/// Three numbers on one line.
fn schedstat(bytes: &[u8]) -> Option<[u64; 3]> {
    let mut words = parse::words(bytes.trim_ascii()).map(parse::number);
    Some([words.next()??, words.next()??, words.next()??])
}

#[cfg(test)]
mod tests;
