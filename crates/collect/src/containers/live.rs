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
        read: rate(&|r| io_bytes(r, |d| d.read_bytes)),
        write: rate(&|r| io_bytes(r, |d| d.write_bytes)),
        pids: now.pids.map_or(f64::NAN, |n| n as f64),
        cpu_pressure: stall(&|r| r.pressure.cpu),
        memory_pressure: stall(&|r| r.pressure.memory),
        io_pressure: stall(&|r| r.pressure.io),
    }
}

fn io_bytes(reading: &Reading, value: impl Fn(&Device) -> u64) -> Option<u64> {
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
    fn without_a_past_or_after_a_reset_there_is_no_rate() {
        assert!(point(None, &reading(1000, 5)).cpu.is_nan());
        assert!(point(Some(&reading(0, 5)), &reading(1000, 4)).cpu.is_nan());
        assert!(point(Some(&reading(1000, 5)), &reading(1000, 6)).cpu.is_nan());
    }
}
