//! From two readings to a live point: rates over the time between them.

use model::container::LivePoint;

use super::cgroup::Reading;
use super::cgroup::reading::Device;

/// The point of `now`; rates need `before`, and are NaN without it or where a counter went back.
pub fn point(before: Option<&Reading>, now: &Reading) -> LivePoint {
    let seconds = before.map_or(f64::NAN, |b| (now.t - b.t) as f64 / 1000.0);
    let rate = |value: &dyn Fn(&Reading) -> Option<u64>| -> f64 {
        let (Some(then), Some(new)) = (before.and_then(value), value(now)) else { return f64::NAN };
        match new.checked_sub(then) {
            Some(delta) if seconds > 0.0 => delta as f64 / seconds,
            _ => f64::NAN,
        }
    };
    let share = |per_second: f64, unit: f64| (per_second / unit).clamp(0.0, 1.0);
    let memory = |value: &dyn Fn(&super::cgroup::reading::Memory) -> u64| {
        now.memory.as_ref().map_or(f64::NAN, |m| value(m) as f64)
    };
    let stall = |value: &dyn Fn(&Reading) -> Option<(u64, u64)>| {
        share(rate(&|r| value(r).map(|(some, _)| some)), 1e6)
    };
    // Both ends of a rate must come from one count.
    let by_tasks = now.task_io.is_some();
    LivePoint {
        t: now.t,
        cpu: rate(&|r| r.cpu.map(|c| c.usage_ns)) / 1e9,
        throttled: share(rate(&|r| r.cpu.and_then(|c| c.bandwidth).map(|b| b.throttled_ns)), 1e9),
        memory: memory(&|m| m.usage),
        working_set: memory(&|m| m.working_set()),
        rss: memory(&|m| m.rss),
        cache: memory(&|m| m.cache),
        rx: rate(&|r| r.network.as_ref().map(|list| list.iter().map(|i| i.rx[0]).sum())),
        tx: rate(&|r| r.network.as_ref().map(|list| list.iter().map(|i| i.tx[0]).sum())),
        read: rate(&|r| io_bytes(r, by_tasks, |d| d.read_bytes, |sum| sum.0)),
        write: rate(&|r| io_bytes(r, by_tasks, |d| d.write_bytes, |sum| sum.1)),
        pids: now.pids.map_or(f64::NAN, |n| n as f64),
        cpu_pressure: stall(&|r| r.pressure.cpu),
        memory_pressure: stall(&|r| r.pressure.memory),
        io_pressure: stall(&|r| r.pressure.io),
    }
}

/// Bytes by the group's own count, or by its processes' counts.
fn io_bytes(
    reading: &Reading,
    by_tasks: bool,
    value: impl Fn(&Device) -> u64,
    of_tasks: impl Fn((u64, u64)) -> u64,
) -> Option<u64> {
    if by_tasks {
        return reading.task_io.map(of_tasks);
    }
    reading.io.as_ref().map(|devices| devices.iter().map(value).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::cgroup::reading::{Bandwidth, Cpu, Memory, Pressure};

    fn reading(t: i64, cpu_ns: u64) -> Reading {
        let bandwidth = Bandwidth { throttled_ns: cpu_ns / 2, ..Bandwidth::default() };
        Reading {
            t,
            cpu: Some(Cpu { usage_ns: cpu_ns, bandwidth: Some(bandwidth), ..Cpu::default() }),
            memory: Some(Memory { usage: 100, inactive_file: 30, ..Memory::default() }),
            pressure: Pressure { memory: Some((cpu_ns / 1000, 0)), ..Pressure::default() },
            ..Reading::default()
        }
    }

    #[test]
    fn rates_are_over_the_time_between() {
        let (a, b) = (reading(1000, 0), reading(3000, 1_000_000_000));
        let point = point(Some(&a), &b);
        assert_eq!((point.cpu, point.throttled, point.memory_pressure), (0.5, 0.25, 0.5));
        assert_eq!((point.memory, point.working_set), (100.0, 70.0));
        assert!(point.rx.is_nan() && point.read.is_nan(), "not known is not zero");
    }

    #[test]
    fn io_is_by_group_or_by_process_but_never_from_one_to_the_other() {
        let by_task =
            |t, bytes| Reading { t, io: Some(Vec::new()), task_io: Some((bytes, 0)), ..Reading::default() };
        let by_group = |t, bytes| {
            let device = Device { read_bytes: bytes, ..Device::default() };
            Reading { t, io: Some(vec![device]), ..Reading::default() }
        };
        assert_eq!(point(Some(&by_task(0, 500)), &by_task(1000, 700)).read, 200.0);
        assert_eq!(point(Some(&by_task(0, 500)), &by_group(1000, 300)).read, 300.0, "it began to be counted");
        let none = Reading { t: 1000, ..Reading::default() };
        assert!(point(Some(&by_group(0, 1)), &none).read.is_nan());
    }

    #[test]
    fn without_a_past_or_after_a_reset_there_is_no_rate() {
        assert!(point(None, &reading(1000, 5)).cpu.is_nan());
        assert!(point(Some(&reading(0, 5)), &reading(1000, 4)).cpu.is_nan());
        assert!(point(Some(&reading(1000, 5)), &reading(1000, 6)).cpu.is_nan());
    }
}
