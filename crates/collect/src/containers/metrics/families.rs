//! The table of metric families: names and types are cAdvisor's where it has them (docs/storage/prometheus.md there);
//! the help texts are ours.

/// A metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Name as stored.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// Help text.
    pub help: &'static str,
}

/// Kinds of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A counter that outlives restarts of the container.
    Counter,
    /// A counter that the kernel starts at zero with each start of the container.
    LifeCounter,
}

impl Kind {
    /// The type as Prometheus spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter | Self::LifeCounter => "counter",
        }
    }
}

/// The family called `name`.
pub fn by_name(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

macro_rules! families {
    ($($kind:ident $name:literal $help:literal;)*) => {
        /// All families that this collector stores.
        pub const FAMILIES: &[Family] = &[$(Family { name: $name, kind: Kind::$kind, help: $help }),*];
    };
}

families! {
    LifeCounter "container_blkio_device_usage_total" "Bytes moved to and from a block device, by operation.";
    LifeCounter "container_cpu_cfs_burst_periods_total" "Periods in which CPU beyond the quota was used.";
    LifeCounter "container_cpu_cfs_burst_seconds_total" "CPU time used beyond the quota.";
    LifeCounter "container_cpu_cfs_periods_total" "Periods of the CPU quota that passed.";
    LifeCounter "container_cpu_cfs_throttled_periods_total" "Periods in which the quota was used up.";
    LifeCounter "container_cpu_cfs_throttled_seconds_total" "Time for which the quota held tasks back.";
    LifeCounter "container_cpu_schedstat_run_periods_total" "How often processes got a CPU.";
    LifeCounter "container_cpu_schedstat_run_seconds_total" "Time that processes ran.";
    LifeCounter "container_cpu_schedstat_runqueue_seconds_total" "Time that processes waited for a CPU.";
    LifeCounter "container_cpu_system_seconds_total" "CPU time used in the kernel.";
    LifeCounter "container_cpu_usage_seconds_total" "CPU time used.";
    LifeCounter "container_cpu_user_seconds_total" "CPU time used outside the kernel.";
    Gauge "container_creation_time_seconds" "When the container was created, seconds since the epoch.";
    Gauge "container_file_descriptors" "Open file descriptors.";
    Gauge "container_fs_inodes_free" "Free inodes of a file system of the host.";
    Gauge "container_fs_inodes_total" "Inodes of a file system of the host.";
    Gauge "container_fs_io_current" "Operations under way on a block device of the host.";
    LifeCounter "container_fs_io_cost_indebt_seconds_total" "Time in debt by the I/O cost model.";
    LifeCounter "container_fs_io_cost_indelay_seconds_total" "Time of delays by the I/O cost model.";
    LifeCounter "container_fs_io_cost_usage_seconds_total" "Device time used by the I/O cost model.";
    LifeCounter "container_fs_io_cost_wait_seconds_total" "Time waited by the I/O cost model.";
    LifeCounter "container_fs_io_time_seconds_total" "Time in which a block device of the host was busy.";
    LifeCounter "container_fs_io_time_weighted_seconds_total" "Busy time of a block device of the host, weighted by its queue.";
    Gauge "container_fs_limit_bytes" "Size of a file system of the host.";
    LifeCounter "container_fs_read_seconds_total" "Time that reads took on a block device of the host.";
    LifeCounter "container_fs_reads_bytes_total" "Bytes read from a block device.";
    LifeCounter "container_fs_reads_merged_total" "Reads merged on a block device of the host.";
    LifeCounter "container_fs_reads_total" "Reads from a block device.";
    LifeCounter "container_fs_sector_reads_total" "Sectors read from a block device of the host.";
    LifeCounter "container_fs_sector_writes_total" "Sectors written to a block device of the host.";
    Gauge "container_fs_usage_bytes" "Bytes in use on a file system of the host.";
    LifeCounter "container_fs_write_seconds_total" "Time that writes took on a block device of the host.";
    LifeCounter "container_fs_writes_bytes_total" "Bytes written to a block device.";
    LifeCounter "container_fs_writes_merged_total" "Writes merged on a block device of the host.";
    LifeCounter "container_fs_writes_total" "Writes to a block device.";
    Gauge "container_health_state" "Health check: 1 healthy, 0 starting or unhealthy, -1 none.";
    LifeCounter "container_hugetlb_failcnt" "How often the limit of huge pages was hit.";
    Gauge "container_hugetlb_max_usage_bytes" "The most bytes of huge pages that were in use.";
    Gauge "container_hugetlb_usage_bytes" "Bytes of huge pages in use.";
    Gauge "container_last_exit_code" "Exit code of the last end.";
    Gauge "container_last_exit_reason" "Why the container ended last: completed, error, oom_killed, stopped or start_failed.";
    Gauge "container_last_seen" "When the container was last read, seconds since the epoch.";
    Gauge "container_memory_cache" "Bytes of page cache.";
    LifeCounter "container_memory_events_high_total" "How often memory.high throttled.";
    LifeCounter "container_memory_events_max_total" "How often the memory limit was hit.";
    LifeCounter "container_memory_failcnt" "How often the memory limit was hit.";
    LifeCounter "container_memory_failures_total" "Page faults, by type and scope.";
    Gauge "container_memory_file_dirty_bytes" "Bytes of page cache to be written.";
    Gauge "container_memory_file_writeback_bytes" "Bytes of page cache being written.";
    Gauge "container_memory_kernel_usage" "Bytes of kernel memory.";
    Gauge "container_memory_mapped_file" "Bytes of mapped files.";
    Gauge "container_memory_max_usage_bytes" "The most bytes that were in use.";
    Gauge "container_memory_migrate" "Whether pages follow a changed CPU set.";
    Gauge "container_memory_numa_pages" "Pages by NUMA node.";
    LifeCounter "container_memory_pgscan_total" "Pages that reclaim looked at.";
    LifeCounter "container_memory_pgsteal_total" "Pages that reclaim freed.";
    Gauge "container_memory_rss" "Bytes of anonymous memory.";
    Gauge "container_memory_swap" "Bytes in swap.";
    Gauge "container_memory_total_active_file_bytes" "Bytes of file cache that was used again.";
    Gauge "container_memory_total_inactive_file_bytes" "Bytes of file cache that was used once.";
    Gauge "container_memory_usage_bytes" "Bytes in use, page cache included.";
    Gauge "container_memory_working_set_bytes" "Bytes in use without the inactive file cache.";
    LifeCounter "container_memory_workingset_refault_anon_total" "Anonymous pages that came back soon after they were evicted.";
    LifeCounter "container_memory_workingset_refault_file_total" "File pages that came back soon after they were evicted.";
    Gauge "container_network_advance_tcp_stats_total" "The kernel's counters of TCP, by name.";
    LifeCounter "container_network_receive_bytes_total" "Bytes received.";
    LifeCounter "container_network_receive_errors_total" "Receive errors.";
    LifeCounter "container_network_receive_packets_dropped_total" "Received packets dropped.";
    LifeCounter "container_network_receive_packets_total" "Packets received.";
    Gauge "container_network_tcp6_usage_total" "TCP connections over IPv6 by state.";
    Gauge "container_network_tcp_usage_total" "TCP connections by state.";
    Gauge "container_network_udp6_usage_total" "UDP sockets over IPv6, their queues and drops.";
    Gauge "container_network_udp_usage_total" "UDP sockets, their queues and drops.";
    LifeCounter "container_network_transmit_bytes_total" "Bytes sent.";
    LifeCounter "container_network_transmit_errors_total" "Transmit errors.";
    LifeCounter "container_network_transmit_packets_dropped_total" "Packets dropped on sending.";
    LifeCounter "container_network_transmit_packets_total" "Packets sent.";
    Counter "container_oom_events_total" "Processes that the OOM killer ended.";
    LifeCounter "container_pressure_cpu_stalled_seconds_total" "Time in which no task could run for want of CPU.";
    LifeCounter "container_pressure_cpu_waiting_seconds_total" "Time in which some task waited for CPU.";
    LifeCounter "container_pressure_io_stalled_seconds_total" "Time in which no task could run for want of I/O.";
    LifeCounter "container_pressure_io_waiting_seconds_total" "Time in which some task waited for I/O.";
    LifeCounter "container_pressure_memory_stalled_seconds_total" "Time in which no task could run for want of memory.";
    LifeCounter "container_pressure_memory_waiting_seconds_total" "Time in which some task waited for memory.";
    Gauge "container_processes" "Processes.";
    Counter "container_restarts_total" "Restarts by the restart policy.";
    Gauge "container_scrape_error" "1 if no container could be read, else 0.";
    Gauge "container_sockets" "Open sockets.";
    Gauge "container_spec_cpu_period" "CPU period in microseconds.";
    Gauge "container_spec_cpu_quota" "CPU quota in microseconds a period.";
    Gauge "container_spec_cpu_shares" "CPU shares.";
    Gauge "container_spec_memory_limit_bytes" "Memory limit, 0: none.";
    Gauge "container_spec_memory_reservation_limit_bytes" "Soft memory limit, 0: none.";
    Gauge "container_spec_memory_swap_limit_bytes" "Limit of swap (with memory on cgroup v1), 0: none.";
    Gauge "container_start_time_seconds" "When the container started, seconds since the epoch.";
    Gauge "container_state" "1 for the state that the container is in.";
    Gauge "container_tasks_state" "Tasks by state.";
    Gauge "container_threads" "Tasks (processes and threads).";
    Gauge "container_threads_max" "The most tasks allowed, 0: no limit.";
    Gauge "container_ulimits_soft" "Soft limits of the main process; -1: none.";
    Gauge "machine_cpu_cores" "Logical CPUs of the machine.";
    Gauge "machine_cpu_physical_cores" "Physical cores of the machine.";
    Gauge "machine_cpu_sockets" "CPU sockets of the machine.";
    Gauge "machine_memory_bytes" "Memory of the machine.";
    Gauge "machine_node_memory_capacity_bytes" "Memory of a NUMA node.";
    Gauge "machine_scrape_error" "1 if the machine could not be read, else 0.";
    Gauge "machine_swap_bytes" "Swap of the machine.";
}
