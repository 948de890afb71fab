//! Control files of cgroup v1, as the kernel's admin-guide/cgroup-v1 documents them.

use super::parse;
use super::reading::{Bandwidth, Cpu, Device, Memory};

/// `USER_HZ`: the unit of `cpuacct.stat`, 100 on every Linux port that containers run on.
const TICK_NS: u64 = 10_000_000;

/// `cpuacct.usage` and `cpuacct.stat`.
pub fn cpu(usage: &[u8], stat: Option<&[u8]>) -> Option<Cpu> {
    let mut cpu = Cpu { usage_ns: parse::number(usage)?, ..Cpu::default() };
    for (key, value) in stat.into_iter().flat_map(parse::flat_keyed) {
        match key {
            b"user" => cpu.user_ns = value.saturating_mul(TICK_NS),
            b"system" => cpu.system_ns = value.saturating_mul(TICK_NS),
            _ => {}
        }
    }
    Some(cpu)
}

/// `cpu.stat`; times in nanoseconds.
pub fn bandwidth(stat: &[u8]) -> Bandwidth {
    let mut out = Bandwidth::default();
    for (key, value) in parse::flat_keyed(stat) {
        match key {
            b"nr_periods" => out.periods = value,
            b"nr_throttled" => out.throttled_periods = value,
            b"throttled_time" => out.throttled_ns = value,
            b"nr_bursts" => out.burst_periods = value,
            b"burst_time" => out.burst_ns = value,
            _ => {}
        }
    }
    out
}

/// `memory.usage_in_bytes` and `memory.stat` (the `total_` figures count the children in).
pub fn memory(usage: &[u8], stat: &[u8]) -> Option<Memory> {
    let mut out = Memory { usage: parse::number(usage)?, ..Memory::default() };
    let (mut own_faults, mut own_major) = (0, 0);
    for (key, value) in parse::flat_keyed(stat) {
        match key {
            b"total_cache" => out.cache = value,
            b"total_rss" => out.rss = value,
            b"total_shmem" => out.shmem = value,
            b"total_mapped_file" => out.mapped_file = value,
            b"total_swap" => out.swap = Some(value),
            b"total_active_file" => out.active_file = value,
            b"total_inactive_file" => out.inactive_file = value,
            b"total_dirty" => out.dirty = value,
            b"total_writeback" => out.writeback = value,
            b"total_pgfault" => out.pgfault = value,
            b"total_pgmajfault" => out.pgmajfault = value,
            b"total_workingset_refault_anon" => out.refault_anon = Some(value),
            b"total_workingset_refault_file" => out.refault_file = Some(value),
            b"pgfault" => own_faults = value,
            b"pgmajfault" => own_major = value,
            _ => {}
        }
    }
    out.own_faults = Some((own_faults, own_major));
    Some(out)
}

/// `memory.oom_control`: how many processes the OOM killer ended (since Linux 4.13).
pub fn oom_kills(control: &[u8]) -> Option<u64> {
    parse::flat_keyed(control).find(|(key, _)| *key == b"oom_kill").map(|(_, value)| value)
}

/// What one per-device file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Bytes.
    Bytes,
    /// Operations.
    Operations,
}

/// `blkio.*.io_service_bytes*` or `blkio.*.io_serviced*`: `254:0 Read 4096` lines and a total.
pub fn blkio(bytes: &[u8], counts: Counts, devices: &mut Vec<Device>) {
    for line in parse::lines(bytes) {
        let mut words = parse::words(line);
        let (Some(device), Some(operation), Some(value)) =
            (words.next().and_then(parse::device), words.next(), words.next().and_then(parse::number))
        else {
            continue;
        };
        let entry = entry(devices, device);
        match (counts, operation) {
            (Counts::Bytes, b"Read") => entry.read_bytes = value,
            (Counts::Bytes, b"Write") => entry.write_bytes = value,
            (Counts::Bytes, b"Discard") => entry.discard_bytes = value,
            (Counts::Bytes, b"Sync") => entry.sync_bytes = Some(value),
            (Counts::Bytes, b"Async") => entry.async_bytes = Some(value),
            (Counts::Operations, b"Read") => entry.reads = value,
            (Counts::Operations, b"Write") => entry.writes = value,
            _ => {}
        }
    }
}

/// The entry of a device, made where it is new.
pub(super) fn entry(devices: &mut Vec<Device>, (major, minor): (u32, u32)) -> &mut Device {
    let at = match devices.iter().position(|d| (d.major, d.minor) == (major, minor)) {
        Some(at) => at,
        None => {
            devices.push(Device { major, minor, ..Device::default() });
            devices.len() - 1
        }
    };
    &mut devices[at]
}
