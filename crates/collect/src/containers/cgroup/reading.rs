//! What one look at a group gives. Counters are cumulative since the group was made.

use super::extra::ExtraReading;

/// CPU time in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cpu {
    /// Time used.
    pub usage_ns: u64,
    /// In user mode.
    pub user_ns: u64,
    /// In kernel mode.
    pub system_ns: u64,
    /// Bandwidth control, where the controller is there.
    pub bandwidth: Option<Bandwidth>,
}

/// What the CPU quota did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bandwidth {
    /// Periods elapsed.
    pub periods: u64,
    /// Periods in which it was throttled.
    pub throttled_periods: u64,
    /// Time throttled.
    pub throttled_ns: u64,
    /// Periods with a burst.
    pub burst_periods: u64,
    /// Time of bursts.
    pub burst_ns: u64,
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Memory {
    /// In use, page cache included.
    pub usage: u64,
    /// The most that was in use.
    pub max_usage: Option<u64>,
    /// How often the limit was hit.
    pub failcnt: Option<u64>,
    /// Page cache.
    pub cache: u64,
    /// Anonymous memory.
    pub rss: u64,
    /// Shared memory and tmpfs (part of the cache that cannot be dropped).
    pub shmem: u64,
    /// Swap.
    pub swap: Option<u64>,
    /// Mapped files.
    pub mapped_file: u64,
    /// File cache that was used again.
    pub active_file: u64,
    /// File cache that was not.
    pub inactive_file: u64,
    /// Kernel memory.
    pub kernel: Option<u64>,
    /// Dirty file cache.
    pub dirty: u64,
    /// File cache being written.
    pub writeback: u64,
    /// Page faults of the group and its children.
    pub pgfault: u64,
    /// Major page faults likewise.
    pub pgmajfault: u64,
    /// Page faults of the group itself, where the kernel tells them apart (v1).
    pub own_faults: Option<(u64, u64)>,
    /// Refaults of anonymous pages.
    pub refault_anon: Option<u64>,
    /// Refaults of file pages.
    pub refault_file: Option<u64>,
    /// Pages scanned by reclaim.
    pub pgscan: Option<u64>,
    /// Pages reclaimed.
    pub pgsteal: Option<u64>,
    /// Throttled at `memory.high`.
    pub events_high: Option<u64>,
    /// Hits of `memory.max`.
    pub events_max: Option<u64>,
    /// Processes that the OOM killer ended.
    pub oom_kills: Option<u64>,
}

impl Memory {
    /// Use minus the file cache that was not used again.
    pub fn working_set(&self) -> u64 {
        self.usage.saturating_sub(self.inactive_file)
    }

    /// What cannot be dropped without swapping: use minus all file cache, shared memory counted as used.
    pub fn needed(&self) -> u64 {
        self.usage.saturating_sub(self.inactive_file.saturating_add(self.active_file))
    }
}

/// Block I/O of one device.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Device {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Bytes discarded.
    pub discard_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Synchronous bytes (v1).
    pub sync_bytes: Option<u64>,
    /// Asynchronous bytes (v1).
    pub async_bytes: Option<u64>,
    /// `cost.usage`, `cost.wait`, `cost.indebt`, `cost.indelay` in microseconds (v2 with the cost model).
    pub cost_us: Option<[u64; 4]>,
}

/// Stall times in microseconds: (some, full).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// Waiting for CPU.
    pub cpu: Option<(u64, u64)>,
    /// Waiting for memory.
    pub memory: Option<(u64, u64)>,
    /// Waiting for I/O.
    pub io: Option<(u64, u64)>,
}

/// One network interface.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interface {
    /// Name inside the container.
    pub name: String,
    /// Received: bytes, packets, errors, dropped.
    pub rx: [u64; 4],
    /// Sent: bytes, packets, errors, dropped.
    pub tx: [u64; 4],
}

/// Huge pages of one size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HugePages {
    /// Size as the kernel spells it, e.g. `2MB`.
    pub size: String,
    /// Bytes in use.
    pub usage: u64,
    /// The most that was in use.
    pub max_usage: Option<u64>,
    /// How often the limit was hit.
    pub failcnt: u64,
}

/// What `/proc` says about the group's processes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Processes {
    /// How many.
    pub count: u64,
    /// Open file descriptors.
    pub files: Option<u64>,
    /// Open sockets.
    pub sockets: Option<u64>,
    /// Soft limit of open files of the main process; -1: none.
    pub max_open_files: Option<i64>,
    /// Tasks by state: sleeping, running, stopped, uninterruptible.
    pub states: Option<[u64; 4]>,
}

/// What the group may use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spec {
    /// CPU shares as v1 counts them.
    pub cpu_shares: Option<u64>,
    /// CPU period in microseconds.
    pub cpu_period: Option<u64>,
    /// CPU quota in microseconds a period, where there is one.
    pub cpu_quota: Option<u64>,
    /// Memory limit in bytes, 0: none.
    pub memory_limit: Option<u64>,
    /// Soft limit, 0: none.
    pub memory_reservation: Option<u64>,
    /// Limit of memory and swap (v1) or of swap (v2), 0: none.
    pub swap_limit: Option<u64>,
    /// Most processes, 0: no limit.
    pub pids_limit: Option<u64>,
}

/// One look at a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// When it was read, ms since the epoch.
    pub t: i64,
    /// CPU.
    pub cpu: Option<Cpu>,
    /// Memory.
    pub memory: Option<Memory>,
    /// Block I/O by device.
    pub io: Option<Vec<Device>>,
    /// Bytes that the group's processes read from and wrote to storage, where the kernel counts nothing for the group.
    pub task_io: Option<(u64, u64)>,
    /// Tasks (processes and threads).
    pub pids: Option<u64>,
    /// Pressure.
    pub pressure: Pressure,
    /// Network.
    pub network: Option<Vec<Interface>>,
    /// Huge pages; only in a full reading.
    pub hugepages: Vec<HugePages>,
    /// Limits; only in a full reading.
    pub spec: Option<Spec>,
    /// Processes; only in a full reading.
    pub processes: Option<Processes>,
    /// What is switched on besides; only in a full reading.
    pub extra: Option<Box<ExtraReading>>,
}

impl Reading {
    /// Whether nothing at all could be read: the group is gone.
    pub fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none() && self.pids.is_none() && self.io.is_none()
    }
}
