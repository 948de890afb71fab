//! Control files of the unified hierarchy, as the kernel's admin-guide/cgroup-v2 documents them.

use super::parse;
use super::reading::{Bandwidth, Cpu, Device, Memory};
use super::v1::entry;

/// `cpu.stat`; times there are in microseconds. Without the CPU controller it has the first three keys only.
pub fn cpu(stat: &[u8]) -> Option<Cpu> {
    let mut cpu = Cpu::default();
    let mut bandwidth = Bandwidth::default();
    let (mut used, mut limited) = (false, false);
    for (key, value) in parse::flat_keyed(stat) {
        let ns = value.saturating_mul(1000);
        match key {
            b"usage_usec" => {
                cpu.usage_ns = ns;
                used = true;
            }
            b"user_usec" => cpu.user_ns = ns,
            b"system_usec" => cpu.system_ns = ns,
            b"nr_periods" => {
                bandwidth.periods = value;
                limited = true;
            }
            b"nr_throttled" => bandwidth.throttled_periods = value,
            b"throttled_usec" => bandwidth.throttled_ns = ns,
            b"nr_bursts" => bandwidth.burst_periods = value,
            b"burst_usec" => bandwidth.burst_ns = ns,
            _ => {}
        }
    }
    cpu.bandwidth = limited.then_some(bandwidth);
    used.then_some(cpu)
}

/// `memory.current` and `memory.stat`.
pub fn memory(usage: u64, stat: &[u8]) -> Memory {
    let mut out = Memory { usage, ..Memory::default() };
    for (key, value) in parse::flat_keyed(stat) {
        match key {
            b"anon" => out.rss = value,
            b"file" => out.cache = value,
            b"kernel" => out.kernel = Some(value),
            b"shmem" => out.shmem = value,
            b"file_mapped" => out.mapped_file = value,
            b"file_dirty" => out.dirty = value,
            b"file_writeback" => out.writeback = value,
            b"active_file" => out.active_file = value,
            b"inactive_file" => out.inactive_file = value,
            b"pgfault" => out.pgfault = value,
            b"pgmajfault" => out.pgmajfault = value,
            b"pgscan" => out.pgscan = Some(value),
            b"pgsteal" => out.pgsteal = Some(value),
            b"workingset_refault_anon" => out.refault_anon = Some(value),
            b"workingset_refault_file" => out.refault_file = Some(value),
            _ => {}
        }
    }
    out
}

/// `memory.events`.
pub fn memory_events(bytes: &[u8], out: &mut Memory) {
    for (key, value) in parse::flat_keyed(bytes) {
        match key {
            b"high" => out.events_high = Some(value),
            b"max" => out.events_max = Some(value),
            b"oom_kill" => out.oom_kills = Some(value),
            _ => {}
        }
    }
    out.failcnt = out.events_max;
}

/// `io.stat`: `254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6` lines.
pub fn io(bytes: &[u8], devices: &mut Vec<Device>) {
    for line in parse::lines(bytes) {
        let mut words = parse::words(line);
        let Some(device) = words.next().and_then(parse::device) else { continue };
        let entry = entry(devices, device);
        let mut cost = [0; 4];
        let mut has_cost = false;
        for word in words {
            // `cost.vrate=100.00` and the like have no whole number and are passed over.
            let Some((key, value)) = parse::pair(word) else { continue };
            let at = match key {
                b"rbytes" => {
                    entry.read_bytes = value;
                    continue;
                }
                b"wbytes" => {
                    entry.write_bytes = value;
                    continue;
                }
                b"dbytes" => {
                    entry.discard_bytes = value;
                    continue;
                }
                b"rios" => {
                    entry.reads = value;
                    continue;
                }
                b"wios" => {
                    entry.writes = value;
                    continue;
                }
                b"cost.usage" => 0,
                b"cost.wait" => 1,
                b"cost.indebt" => 2,
                b"cost.indelay" => 3,
                _ => continue,
            };
            cost[at] = value;
            has_cost = true;
        }
        if has_cost {
            entry.cost_us = Some(cost);
        }
    }
}

/// `cpu.max`: quota (where there is one) and period in microseconds.
pub fn cpu_max(bytes: &[u8]) -> (Option<u64>, Option<u64>) {
    let mut words = parse::words(bytes.trim_ascii());
    (words.next().and_then(parse::number), words.next().and_then(parse::number))
}

/// `cpu.weight` (1..10000) as v1's shares (2..262144), by the linear map that runtimes use.
pub fn shares_of_weight(weight: u64) -> u64 {
    2 + (weight.saturating_sub(1).min(9999) * 262_142) / 9999
}
