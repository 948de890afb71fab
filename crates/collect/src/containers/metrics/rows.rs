//! The samples of one group.

use model::container::{ContainerFacts, ContainerState};

use crate::containers::cgroup::Reading;
use crate::containers::cgroup::extra::{ExtraReading, TCP_STATES, UDP_STATES};
use crate::containers::cgroup::reading::{Cpu, Device, Interface, Memory, Processes, Spec};

/// What the samples are made of.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The reading; none for a container that does not run.
    pub reading: Option<&'a Reading>,
    /// The container, where the group is one.
    pub facts: Option<&'a ContainerFacts>,
    /// OOM kills seen.
    pub oom_kills: u64,
    /// When the group was made, ms; 0: not known.
    pub created_ms: i64,
    /// Name of a block device by its number, e.g. `/dev/vda`; empty where not known.
    pub device: &'a dyn Fn(u32, u32) -> String,
}

/// Takes a sample: metric, labels beside the base labels, value.
pub type Sink<'a> = dyn FnMut(&'static str, &[(&str, &str)], f64) + 'a;

/// Base labels of a group: cAdvisor's `id`, `name`, `image`, `container_label_*`, and the target labels. Empty values
/// are left out.
pub fn base_labels(group: &str, facts: Option<&ContainerFacts>, node: &str) -> Vec<(String, String)> {
    let mut out = vec![
        ("id".to_owned(), group.to_owned()),
        ("job".to_owned(), "cadvisor".to_owned()),
        ("instance".to_owned(), node.to_owned()),
    ];
    if let Some(facts) = facts {
        out.push(("name".to_owned(), facts.name.clone()));
        out.push(("image".to_owned(), facts.image.clone()));
        let labels = facts.labels.iter();
        out.extend(labels.map(|(key, value)| (format!("container_label_{}", plain(key)), value.clone())));
    }
    out.retain(|(_, value)| !value.is_empty());
    out
}

/// cAdvisor's spelling of a container label's name: what is no letter, digit or `_` becomes `_`.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// All samples of one group.
pub fn rows(input: &Input<'_>, sink: &mut Sink<'_>) {
    if let Some(reading) = input.reading {
        sink("container_last_seen", &[], (reading.t / 1000) as f64);
        let spec = reading.spec.unwrap_or_default();
        if let Some(cpu) = &reading.cpu {
            self::cpu(cpu, &spec, sink);
        }
        if let Some(memory) = &reading.memory {
            self::memory(memory, sink);
        }
        for device in reading.io.iter().flatten() {
            blkio(device, input.device, sink);
        }
        if let Some((read, written)) = reading.task_io {
            // By process, so without a device.
            sink("container_fs_reads_bytes_total", &[], read as f64);
            sink("container_fs_writes_bytes_total", &[], written as f64);
        }
        for interface in reading.network.iter().flatten() {
            network(interface, sink);
        }
        for pages in &reading.hugepages {
            let size = [("pagesize", pages.size.as_str())];
            sink("container_hugetlb_usage_bytes", &size, pages.usage as f64);
            if let Some(max) = pages.max_usage {
                sink("container_hugetlb_max_usage_bytes", &size, max as f64);
            }
            sink("container_hugetlb_failcnt", &size, pages.failcnt as f64);
        }
        if let Some(extra) = &reading.extra {
            self::extra(extra, sink);
        }
        pressure(reading, sink);
        processes(reading.processes.as_ref(), reading.pids, sink);
        self::spec(&spec, sink);
        times(input, sink);
    }
    if let Some(facts) = input.facts {
        state(facts, sink);
        sink("container_oom_events_total", &[], input.oom_kills as f64);
    } else if let Some(kills) = input.reading.and_then(|r| r.memory.as_ref()).and_then(|m| m.oom_kills) {
        sink("container_oom_events_total", &[], kills as f64);
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn cpu(cpu: &Cpu, spec: &Spec, sink: &mut Sink<'_>) {
    sink("container_cpu_usage_seconds_total", &[("cpu", "total")], seconds(cpu.usage_ns));
    sink("container_cpu_user_seconds_total", &[], seconds(cpu.user_ns));
    sink("container_cpu_system_seconds_total", &[], seconds(cpu.system_ns));
    if let Some(cfs) = cpu.bandwidth.filter(|_| spec.cpu_quota.is_some()) {
        sink("container_cpu_cfs_periods_total", &[], cfs.periods as f64);
        sink("container_cpu_cfs_throttled_periods_total", &[], cfs.throttled_periods as f64);
        sink("container_cpu_cfs_throttled_seconds_total", &[], seconds(cfs.throttled_ns));
        sink("container_cpu_cfs_burst_periods_total", &[], cfs.burst_periods as f64);
        sink("container_cpu_cfs_burst_seconds_total", &[], seconds(cfs.burst_ns));
    }
}

fn memory(m: &Memory, sink: &mut Sink<'_>) {
    let mut gauge = |name, value: Option<u64>| {
        if let Some(value) = value {
            sink(name, &[], value as f64);
        }
    };
    gauge("container_memory_usage_bytes", Some(m.usage));
    gauge("container_memory_working_set_bytes", Some(m.working_set()));
    gauge("container_memory_rss", Some(m.rss));
    gauge("container_memory_cache", Some(m.cache));
    gauge("container_memory_swap", m.swap);
    gauge("container_memory_mapped_file", Some(m.mapped_file));
    gauge("container_memory_max_usage_bytes", m.max_usage);
    gauge("container_memory_failcnt", m.failcnt);
    gauge("container_memory_kernel_usage", m.kernel);
    gauge("container_memory_total_active_file_bytes", Some(m.active_file));
    gauge("container_memory_total_inactive_file_bytes", Some(m.inactive_file));
    gauge("container_memory_file_dirty_bytes", Some(m.dirty));
    gauge("container_memory_file_writeback_bytes", Some(m.writeback));
    gauge("container_memory_workingset_refault_anon_total", m.refault_anon);
    gauge("container_memory_workingset_refault_file_total", m.refault_file);
    gauge("container_memory_pgscan_total", m.pgscan);
    gauge("container_memory_pgsteal_total", m.pgsteal);
    gauge("container_memory_events_high_total", m.events_high);
    gauge("container_memory_events_max_total", m.events_max);
    let own = m.own_faults.unwrap_or((m.pgfault, m.pgmajfault));
    for (scope, (minor, major)) in [("container", own), ("hierarchy", (m.pgfault, m.pgmajfault))] {
        for (kind, value) in [("pgfault", minor), ("pgmajfault", major)] {
            let labels = [("failure_type", kind), ("scope", scope)];
            sink("container_memory_failures_total", &labels, value as f64);
        }
    }
}

fn blkio(d: &Device, name: &dyn Fn(u32, u32) -> String, sink: &mut Sink<'_>) {
    let (device, major, minor) = (name(d.major, d.minor), d.major.to_string(), d.minor.to_string());
    let labels = [("device", device.as_str())];
    sink("container_fs_reads_bytes_total", &labels, d.read_bytes as f64);
    sink("container_fs_writes_bytes_total", &labels, d.write_bytes as f64);
    sink("container_fs_reads_total", &labels, d.reads as f64);
    sink("container_fs_writes_total", &labels, d.writes as f64);
    let total = d.sync_bytes.and(Some(d.read_bytes + d.write_bytes + d.discard_bytes));
    let operations = [
        ("Read", Some(d.read_bytes)),
        ("Write", Some(d.write_bytes)),
        ("Discard", Some(d.discard_bytes)),
        ("Sync", d.sync_bytes),
        ("Async", d.async_bytes),
        ("Total", total),
    ];
    for (operation, value) in operations {
        let Some(value) = value else { continue };
        let labels = [
            ("device", device.as_str()),
            ("major", major.as_str()),
            ("minor", minor.as_str()),
            ("operation", operation),
        ];
        sink("container_blkio_device_usage_total", &labels, value as f64);
    }
    if let Some([usage, wait, indebt, indelay]) = d.cost_us {
        sink("container_fs_io_cost_usage_seconds_total", &labels, usage as f64 / 1e6);
        sink("container_fs_io_cost_wait_seconds_total", &labels, wait as f64 / 1e6);
        sink("container_fs_io_cost_indebt_seconds_total", &labels, indebt as f64 / 1e6);
        sink("container_fs_io_cost_indelay_seconds_total", &labels, indelay as f64 / 1e6);
    }
}

fn network(interface: &Interface, sink: &mut Sink<'_>) {
    let labels = [("interface", interface.name.as_str())];
    let names = [
        [
            "container_network_receive_bytes_total",
            "container_network_receive_packets_total",
            "container_network_receive_errors_total",
            "container_network_receive_packets_dropped_total",
        ],
        [
            "container_network_transmit_bytes_total",
            "container_network_transmit_packets_total",
            "container_network_transmit_errors_total",
            "container_network_transmit_packets_dropped_total",
        ],
    ];
    for (names, values) in names.into_iter().zip([interface.rx, interface.tx]) {
        for (name, value) in names.into_iter().zip(values) {
            sink(name, &labels, value as f64);
        }
    }
}

/// cAdvisor declares all of these gauges but for the last three.
fn extra(extra: &ExtraReading, sink: &mut Sink<'_>) {
    let names = ["container_network_tcp_usage_total", "container_network_tcp6_usage_total"];
    for (name, counts) in names.into_iter().zip(extra.tcp) {
        for (state, count) in TCP_STATES.into_iter().zip(counts.into_iter().flatten()) {
            sink(name, &[("tcp_state", state)], count as f64);
        }
    }
    let names = ["container_network_udp_usage_total", "container_network_udp6_usage_total"];
    for (name, counts) in names.into_iter().zip(extra.udp) {
        for (state, count) in UDP_STATES.into_iter().zip(counts.into_iter().flatten()) {
            sink(name, &[("udp_state", state)], count as f64);
        }
    }
    for (name, value) in &extra.advanced {
        sink("container_network_advance_tcp_stats_total", &[("tcp_state", name)], *value);
    }
    for numa in &extra.numa {
        let node = numa.node.to_string();
        let labels = [("type", numa.kind), ("scope", numa.scope), ("node", node.as_str())];
        sink("container_memory_numa_pages", &labels, numa.pages as f64);
    }
    if let Some(migrate) = extra.migrate {
        sink("container_memory_migrate", &[], migrate as f64);
    }
    if let Some([run, wait, times]) = extra.sched {
        sink("container_cpu_schedstat_run_seconds_total", &[], seconds(run));
        sink("container_cpu_schedstat_runqueue_seconds_total", &[], seconds(wait));
        sink("container_cpu_schedstat_run_periods_total", &[], times as f64);
    }
}

fn pressure(reading: &Reading, sink: &mut Sink<'_>) {
    let p = reading.pressure;
    let pairs = [
        (
            p.cpu,
            "container_pressure_cpu_waiting_seconds_total",
            "container_pressure_cpu_stalled_seconds_total",
        ),
        (
            p.memory,
            "container_pressure_memory_waiting_seconds_total",
            "container_pressure_memory_stalled_seconds_total",
        ),
        (p.io, "container_pressure_io_waiting_seconds_total", "container_pressure_io_stalled_seconds_total"),
    ];
    for (value, waiting, stalled) in pairs {
        if let Some((some, full)) = value {
            sink(waiting, &[], some as f64 / 1e6);
            sink(stalled, &[], full as f64 / 1e6);
        }
    }
}

fn processes(processes: Option<&Processes>, tasks: Option<u64>, sink: &mut Sink<'_>) {
    if let Some(tasks) = tasks {
        sink("container_threads", &[], tasks as f64);
    }
    let Some(p) = processes else { return };
    sink("container_processes", &[], p.count as f64);
    if let Some(files) = p.files {
        sink("container_file_descriptors", &[], files as f64);
    }
    if let Some(sockets) = p.sockets {
        sink("container_sockets", &[], sockets as f64);
    }
    if let Some(limit) = p.max_open_files {
        sink("container_ulimits_soft", &[("ulimit", "max_open_files")], limit as f64);
    }
    let names = ["sleeping", "running", "stopped", "uninterruptible"];
    for (state, count) in names.into_iter().zip(p.states.into_iter().flatten()) {
        sink("container_tasks_state", &[("state", state)], count as f64);
    }
}

fn spec(spec: &Spec, sink: &mut Sink<'_>) {
    let mut gauge = |name, value: Option<u64>| {
        if let Some(value) = value {
            sink(name, &[], value as f64);
        }
    };
    gauge("container_spec_cpu_shares", spec.cpu_shares);
    gauge("container_spec_cpu_period", spec.cpu_period);
    gauge("container_spec_cpu_quota", spec.cpu_quota);
    gauge("container_spec_memory_limit_bytes", spec.memory_limit);
    gauge("container_spec_memory_reservation_limit_bytes", spec.memory_reservation);
    gauge("container_spec_memory_swap_limit_bytes", spec.swap_limit);
    gauge("container_threads_max", spec.pids_limit);
}

fn times(input: &Input<'_>, sink: &mut Sink<'_>) {
    let facts = input.facts;
    let created = facts.map_or(0, |f| f.created_ms).max(0);
    let created = if created > 0 { created } else { input.created_ms };
    let started = facts.map(|f| f.started_ms).filter(|ms| *ms > 0).unwrap_or(created);
    if started > 0 {
        sink("container_start_time_seconds", &[], started as f64 / 1000.0);
    }
    if created > 0 {
        sink("container_creation_time_seconds", &[], created as f64 / 1000.0);
    }
}

/// Our own: what the runtime says of the container.
fn state(facts: &ContainerFacts, sink: &mut Sink<'_>) {
    let states = [
        (ContainerState::Created, "created"),
        (ContainerState::Running, "running"),
        (ContainerState::Paused, "paused"),
        (ContainerState::Restarting, "restarting"),
        (ContainerState::Exited, "exited"),
        (ContainerState::Dead, "dead"),
    ];
    for (state, name) in states {
        sink("container_state", &[("state", name)], f64::from(u8::from(facts.state == state)));
    }
    let health = match facts.health.as_str() {
        "healthy" => 1.0,
        "" => -1.0,
        _ => 0.0,
    };
    sink("container_health_state", &[], health);
    sink("container_restarts_total", &[], facts.restart_count as f64);
    if let Some(code) = facts.exit_code {
        sink("container_last_exit_code", &[], code as f64);
        if !facts.exit_reason.is_empty() {
            sink("container_last_exit_reason", &[("reason", facts.exit_reason.as_str())], 1.0);
        }
    }
}

#[cfg(test)]
mod tests;
