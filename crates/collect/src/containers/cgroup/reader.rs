//! Reads one group, controller by controller, from whichever hierarchy has it.

use std::path::{Path, PathBuf};

use super::extra::{Extra, ExtraReading, Sched, Sources};
use super::file::{KeptFile, OpenFiles, read_once};
use super::layout::{Layout, join};
use super::reading::{Cpu, HugePages, Interface, Memory, Pressure, Reading, Spec};
use super::task_io::TaskIo;
use super::{network, parse, process, v1, v2};

/// What all readers share: the read buffer and the allowance of open files.
#[derive(Debug)]
pub struct Scratch {
    /// Reused for every file.
    pub buffer: Vec<u8>,
    /// What is read besides, see [`Extra`].
    pub enabled: Vec<Extra>,
    /// Another one, where two files are needed at once.
    second: Vec<u8>,
    open_files: OpenFiles,
}

impl Scratch {
    /// With an allowance of kept-open files.
    pub fn new(open_files: OpenFiles) -> Self {
        Self { buffer: Vec::new(), enabled: Vec::new(), second: Vec::new(), open_files }
    }
}

/// Files of one group.
#[derive(Debug)]
pub struct Reader {
    root: bool,
    complete: bool,
    procfs: PathBuf,
    cpu: CpuFiles,
    memory: MemoryFiles,
    io: IoFiles,
    pids: Option<KeptFile>,
    pressure: [Option<KeptFile>; 3],
    network: Option<(u32, KeptFile)>,
    interfaces: Vec<Interface>,
    spec: SpecFiles,
    procs: Vec<PathBuf>,
    task_io: TaskIo,
    sched: Sched,
}

#[derive(Debug)]
enum CpuFiles {
    V1 { usage: KeptFile, stat: KeptFile, bandwidth: Option<KeptFile> },
    V2 { stat: KeptFile },
    None,
}

#[derive(Debug)]
enum MemoryFiles {
    V1 { usage: KeptFile, stat: KeptFile, oom: KeptFile, max: KeptFile, failcnt: KeptFile, kernel: KeptFile },
    V2 { current: KeptFile, stat: KeptFile, events: KeptFile, peak: KeptFile, swap: KeptFile },
    None,
}

#[derive(Debug)]
enum IoFiles {
    V1 { bytes: KeptFile, operations: KeptFile, bfq: Option<(KeptFile, KeptFile)> },
    V2 { stat: KeptFile },
    None,
}

#[derive(Debug, Default)]
struct SpecFiles {
    cpu: Option<PathBuf>,
    memory: Option<PathBuf>,
    v2: Option<PathBuf>,
    hugetlb: Option<PathBuf>,
    pids: Option<PathBuf>,
    cpuset: Option<PathBuf>,
}

impl Reader {
    /// A reader of group `path` in `layout`; `procfs` is where the host's `/proc` is.
    pub fn new(layout: &Layout, procfs: &Path, path: &str) -> Self {
        let root = path == "/";
        let v2 = layout.v2.as_deref().map(|dir| join(dir, path)).filter(|dir| dir.is_dir());
        let at = |dir: &Option<PathBuf>| dir.as_deref().map(|dir| join(dir, path)).filter(|dir| dir.is_dir());
        let (cpu, cpuacct, memory, blkio, pids) =
            (at(&layout.cpu), at(&layout.cpuacct), at(&layout.memory), at(&layout.blkio), at(&layout.pids));
        let complete = [
            (&layout.v2, &v2),
            (&layout.cpu, &cpu),
            (&layout.cpuacct, &cpuacct),
            (&layout.memory, &memory),
            (&layout.blkio, &blkio),
            (&layout.pids, &pids),
        ]
        .into_iter()
        .all(|(hierarchy, dir)| hierarchy.is_none() || dir.is_some());
        let pressure_dir = if root { Some(procfs.join("pressure")) } else { v2.clone() };
        let pressure_file = |name: &str| {
            let name = if root { name.to_owned() } else { format!("{name}.pressure") };
            pressure_dir.as_ref().map(|dir| KeptFile::new(dir.join(name)))
        };
        Self {
            root,
            complete,
            procfs: procfs.to_owned(),
            cpu: cpu_files(cpuacct.as_deref(), cpu.as_deref(), v2.as_deref()),
            memory: memory_files(memory.as_deref(), v2.as_deref()),
            io: io_files(blkio.as_deref(), v2.as_deref()),
            pids: pids.as_ref().or(v2.as_ref()).map(|dir| KeptFile::new(dir.join("pids.current"))),
            pressure: [pressure_file("cpu"), pressure_file("memory"), pressure_file("io")],
            network: None,
            interfaces: Vec::new(),
            procs: [&pids, &cpuacct, &memory, &v2].into_iter().flatten().cloned().collect(),
            task_io: TaskIo::default(),
            sched: Sched::default(),
            spec: SpecFiles {
                cpu,
                memory,
                v2,
                hugetlb: at(&layout.hugetlb),
                pids,
                cpuset: at(&layout.cpuset),
            },
        }
    }

    /// Whether every hierarchy has the group. With v1 a runtime makes it in one after the other.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Looks for the group's files again; what is known of its network and its processes' I/O stays.
    pub fn renew(&mut self, layout: &Layout, path: &str, scratch: &Scratch) {
        let (network, task_io) = (self.network.take(), std::mem::take(&mut self.task_io));
        let sched = std::mem::take(&mut self.sched);
        self.close(scratch);
        let procfs = std::mem::take(&mut self.procfs);
        *self = Self { network, task_io, sched, ..Self::new(layout, &procfs, path) };
    }

    /// The figures of the live ring: everything but limits and processes. `pid` is the main process, for its network.
    pub fn live(&mut self, scratch: &mut Scratch, now_ms: i64, pid: Option<u32>) -> Reading {
        let Scratch { buffer, second, open_files, .. } = scratch;
        let pressure = &mut self.pressure;
        let mut stall = |at: usize| {
            pressure[at].as_mut().and_then(|file| file.read(open_files, buffer)).and_then(parse::pressure)
        };
        let pressure = Pressure { cpu: stall(0), memory: stall(1), io: stall(2) };
        let memory = match self.memory.read(open_files, buffer, second) {
            None if self.root => root_memory(&self.procfs, buffer, self.memory.v2_stat(open_files, second)),
            memory => memory,
        };
        let mut reading = Reading {
            t: now_ms,
            cpu: self.cpu.read(open_files, buffer, second),
            memory,
            io: self.io.read(open_files, buffer),
            pids: self.pids.as_mut().and_then(|file| file.read(open_files, buffer)).and_then(parse::number),
            pressure,
            ..Reading::default()
        };
        let is_v1 = matches!(self.io, IoFiles::V1 { .. });
        if is_v1 && !self.root && reading.io.as_ref().is_some_and(Vec::is_empty) {
            // Nothing was counted for the group: nothing was done, or the kernel does not count (see obstacles).
            let pids = self.list("cgroup.procs", buffer);
            reading.task_io = self.task_io.read(&self.procfs, &pids, buffer);
        }
        if let Some(pid) = if self.root { Some(1) } else { pid } {
            reading.network = self.network(pid, open_files, buffer);
        }
        reading
    }

    /// Everything.
    pub fn full(&mut self, scratch: &mut Scratch, now_ms: i64, pid: Option<u32>) -> Reading {
        let mut reading = self.live(scratch, now_ms, pid);
        let Scratch { buffer, enabled, .. } = scratch;
        reading.spec = Some(self.spec.read(buffer));
        reading.hugepages = hugepages(self.spec.hugetlb.as_deref(), self.spec.v2.as_deref(), buffer);
        if !self.root {
            let pids = self.list("cgroup.procs", buffer);
            let tasks = match self.list("tasks", buffer) {
                tasks if tasks.is_empty() => self.list("cgroup.threads", buffer),
                tasks => tasks,
            };
            reading.processes = Some(process::read(&self.procfs, &pids, &tasks, pid, buffer));
            if !enabled.is_empty() {
                let from = Sources {
                    procfs: &self.procfs,
                    pid,
                    pids: &pids,
                    memory: self.spec.memory.as_deref().or(self.spec.v2.as_deref()),
                    cpuset: self.spec.cpuset.as_deref(),
                    page: rustix::param::page_size() as u64,
                };
                reading.extra = Some(Box::new(ExtraReading::read(enabled, &from, &mut self.sched, buffer)));
            }
        }
        reading
    }

    /// The group's first process: the container's main process where no runtime says which it is.
    pub fn first_pid(&self, buffer: &mut Vec<u8>) -> Option<u32> {
        self.list("cgroup.procs", buffer).into_iter().min()
    }

    /// Closes what is kept open.
    pub fn close(&mut self, scratch: &Scratch) {
        let open_files = &scratch.open_files;
        let mut all: Vec<&mut KeptFile> = Vec::new();
        match &mut self.cpu {
            CpuFiles::V1 { usage, stat, bandwidth } => all.extend([usage, stat].into_iter().chain(bandwidth)),
            CpuFiles::V2 { stat } => all.push(stat),
            CpuFiles::None => {}
        }
        match &mut self.memory {
            MemoryFiles::V1 { usage, stat, oom, max, failcnt, kernel } => {
                all.extend([usage, stat, oom, max, failcnt, kernel]);
            }
            MemoryFiles::V2 { current, stat, events, peak, swap } => {
                all.extend([current, stat, events, peak, swap]);
            }
            MemoryFiles::None => {}
        }
        match &mut self.io {
            IoFiles::V1 { bytes, operations, bfq } => {
                all.extend([bytes, operations]);
                all.extend(bfq.iter_mut().flat_map(|(a, b)| [a, b]));
            }
            IoFiles::V2 { stat } => all.push(stat),
            IoFiles::None => {}
        }
        all.extend(self.pids.as_mut());
        all.extend(self.pressure.iter_mut().flatten());
        all.extend(self.network.as_mut().map(|(_, file)| file));
        for file in all {
            file.close(open_files);
        }
    }

    fn network(&mut self, pid: u32, open_files: &OpenFiles, buffer: &mut Vec<u8>) -> Option<Vec<Interface>> {
        if self.network.as_ref().is_none_or(|(of, _)| *of != pid) {
            if let Some((_, file)) = &mut self.network {
                file.close(open_files);
            }
            let path = self.procfs.join(pid.to_string()).join("net/dev");
            self.network = Some((pid, KeptFile::new(path)));
        }
        let (_, file) = self.network.as_mut()?;
        network::parse_dev(file.read(open_files, buffer)?, &mut self.interfaces);
        Some(self.interfaces.clone())
    }

    fn list(&self, file: &str, buffer: &mut Vec<u8>) -> Vec<u32> {
        for dir in &self.procs {
            if let Some(bytes) = read_once(&dir.join(file), buffer) {
                let pids = parse::lines(bytes).filter_map(parse::number);
                // 0 stands for a process outside this process's namespace.
                return pids.filter_map(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0).collect();
            }
        }
        Vec::new()
    }
}

fn cpu_files(cpuacct: Option<&Path>, cpu: Option<&Path>, v2: Option<&Path>) -> CpuFiles {
    match (cpuacct, v2) {
        (Some(dir), _) => CpuFiles::V1 {
            usage: KeptFile::new(dir.join("cpuacct.usage")),
            stat: KeptFile::new(dir.join("cpuacct.stat")),
            bandwidth: cpu.map(|dir| KeptFile::new(dir.join("cpu.stat"))),
        },
        (None, Some(dir)) => CpuFiles::V2 { stat: KeptFile::new(dir.join("cpu.stat")) },
        (None, None) => CpuFiles::None,
    }
}

fn memory_files(v1: Option<&Path>, v2: Option<&Path>) -> MemoryFiles {
    let file = |dir: &Path, name: &str| KeptFile::new(dir.join(name));
    match (v1, v2) {
        (Some(dir), _) => MemoryFiles::V1 {
            usage: file(dir, "memory.usage_in_bytes"),
            stat: file(dir, "memory.stat"),
            oom: file(dir, "memory.oom_control"),
            max: file(dir, "memory.max_usage_in_bytes"),
            failcnt: file(dir, "memory.failcnt"),
            kernel: file(dir, "memory.kmem.usage_in_bytes"),
        },
        (None, Some(dir)) => MemoryFiles::V2 {
            current: file(dir, "memory.current"),
            stat: file(dir, "memory.stat"),
            events: file(dir, "memory.events"),
            peak: file(dir, "memory.peak"),
            swap: file(dir, "memory.swap.current"),
        },
        (None, None) => MemoryFiles::None,
    }
}

fn io_files(v1: Option<&Path>, v2: Option<&Path>) -> IoFiles {
    match (v1, v2) {
        (Some(dir), _) => {
            let pair = |policy: &str| {
                // The recursive files count the children in; old kernels lack them for the throttle policy.
                let name = |what: &str| {
                    let recursive = dir.join(format!("blkio.{policy}.{what}_recursive"));
                    if recursive.exists() { recursive } else { dir.join(format!("blkio.{policy}.{what}")) }
                };
                (KeptFile::new(name("io_service_bytes")), KeptFile::new(name("io_serviced")))
            };
            let (bytes, operations) = pair("throttle");
            let has_bfq = dir.join("blkio.bfq.io_service_bytes").exists();
            IoFiles::V1 { bytes, operations, bfq: has_bfq.then(|| pair("bfq")) }
        }
        (None, Some(dir)) => IoFiles::V2 { stat: KeptFile::new(dir.join("io.stat")) },
        (None, None) => IoFiles::None,
    }
}

impl CpuFiles {
    fn read(&mut self, open_files: &OpenFiles, buffer: &mut Vec<u8>, second: &mut Vec<u8>) -> Option<Cpu> {
        match self {
            Self::V1 { usage, stat, bandwidth } => {
                let usage = usage.read(open_files, buffer)?;
                let mut cpu = v1::cpu(usage, stat.read(open_files, second))?;
                cpu.bandwidth =
                    bandwidth.as_mut().and_then(|file| file.read(open_files, buffer)).map(v1::bandwidth);
                Some(cpu)
            }
            Self::V2 { stat } => v2::cpu(stat.read(open_files, buffer)?),
            Self::None => None,
        }
    }
}

impl MemoryFiles {
    fn read(&mut self, open_files: &OpenFiles, buffer: &mut Vec<u8>, second: &mut Vec<u8>) -> Option<Memory> {
        match self {
            Self::V1 { usage, stat, oom, max, failcnt, kernel } => {
                let usage = usage.read(open_files, buffer)?;
                let mut memory = v1::memory(usage, stat.read(open_files, second)?)?;
                memory.oom_kills = oom.read(open_files, buffer).and_then(v1::oom_kills);
                memory.max_usage = max.read(open_files, buffer).and_then(parse::number);
                memory.failcnt = failcnt.read(open_files, buffer).and_then(parse::number);
                memory.kernel = kernel.read(open_files, buffer).and_then(parse::number);
                Some(memory)
            }
            Self::V2 { current, stat, events, peak, swap } => {
                let usage = parse::number(current.read(open_files, buffer)?)?;
                let mut memory = v2::memory(usage, stat.read(open_files, second)?);
                if let Some(bytes) = events.read(open_files, buffer) {
                    v2::memory_events(bytes, &mut memory);
                }
                memory.max_usage = peak.read(open_files, buffer).and_then(parse::number);
                memory.swap = swap.read(open_files, buffer).and_then(parse::number);
                Some(memory)
            }
            Self::None => None,
        }
    }

    /// `memory.stat` of v2's root, which has no `memory.current`.
    fn v2_stat<'a>(&mut self, open_files: &OpenFiles, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        match self {
            Self::V2 { stat, .. } => stat.read(open_files, buffer),
            _ => None,
        }
    }
}

impl IoFiles {
    fn read(&mut self, open_files: &OpenFiles, buffer: &mut Vec<u8>) -> Option<Vec<super::reading::Device>> {
        let mut devices = Vec::new();
        match self {
            Self::V1 { bytes, operations, bfq } => {
                v1::blkio(bytes.read(open_files, buffer)?, v1::Counts::Bytes, &mut devices);
                if let Some(bytes) = operations.read(open_files, buffer) {
                    v1::blkio(bytes, v1::Counts::Operations, &mut devices);
                }
                // A device whose scheduler is BFQ is counted there; since Linux 6.10 the throttle policy counts only
                // devices on which some limit was set.
                if let Some((bytes, operations)) = bfq.as_mut().filter(|_| devices.is_empty()) {
                    if let Some(bytes) = bytes.read(open_files, buffer) {
                        v1::blkio(bytes, v1::Counts::Bytes, &mut devices);
                    }
                    if let Some(bytes) = operations.read(open_files, buffer) {
                        v1::blkio(bytes, v1::Counts::Operations, &mut devices);
                    }
                }
            }
            Self::V2 { stat } => v2::io(stat.read(open_files, buffer)?, &mut devices),
            Self::None => return None,
        }
        Some(devices)
    }
}

impl SpecFiles {
    fn read(&self, buffer: &mut Vec<u8>) -> Spec {
        let mut spec = Spec::default();
        let mut limit = |dir: &Option<PathBuf>, name: &str| {
            dir.as_ref().and_then(|dir| read_once(&dir.join(name), buffer)).and_then(parse::limit)
        };
        if self.memory.is_some() {
            spec.memory_limit = limit(&self.memory, "memory.limit_in_bytes");
            spec.memory_reservation = limit(&self.memory, "memory.soft_limit_in_bytes");
            spec.swap_limit = limit(&self.memory, "memory.memsw.limit_in_bytes");
        } else {
            spec.memory_limit = limit(&self.v2, "memory.max");
            spec.memory_reservation = limit(&self.v2, "memory.low");
            spec.swap_limit = limit(&self.v2, "memory.swap.max");
        }
        let pids = if self.pids.is_some() { &self.pids } else { &self.v2 };
        spec.pids_limit = limit(pids, "pids.max");
        if self.cpu.is_some() {
            spec.cpu_shares = limit(&self.cpu, "cpu.shares");
            spec.cpu_period = limit(&self.cpu, "cpu.cfs_period_us");
            spec.cpu_quota = limit(&self.cpu, "cpu.cfs_quota_us").filter(|quota| *quota > 0);
        } else if let Some(dir) = &self.v2 {
            spec.cpu_shares = limit(&self.v2, "cpu.weight").map(v2::shares_of_weight);
            if let Some(bytes) = read_once(&dir.join("cpu.max"), buffer) {
                (spec.cpu_quota, spec.cpu_period) = v2::cpu_max(bytes);
            }
        }
        spec
    }
}

/// The host's memory for v2's root group: what is not free, with the figures of the root's `memory.stat`.
fn root_memory(procfs: &Path, buffer: &mut Vec<u8>, stat: Option<&[u8]>) -> Option<Memory> {
    let bytes = read_once(&procfs.join("meminfo"), buffer)?;
    let kib = |name: &[u8]| {
        let line = parse::lines(bytes).find(|line| line.starts_with(name))?;
        parse::words(&line[name.len()..]).next().and_then(parse::number)
    };
    let usage = kib(b"MemTotal:")?.saturating_sub(kib(b"MemFree:")?).saturating_mul(1024);
    Some(v2::memory(usage, stat?))
}

/// `hugetlb.<size>.*` of either version.
fn hugepages(v1: Option<&Path>, v2: Option<&Path>, buffer: &mut Vec<u8>) -> Vec<HugePages> {
    let Some(dir) = v1.or(v2) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let usage_suffix = if v1.is_some() { ".usage_in_bytes" } else { ".current" };
    let mut out: Vec<HugePages> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let size = name.to_str()?.strip_prefix("hugetlb.")?.strip_suffix(usage_suffix)?;
            // `hugetlb.2MB.rsvd.current` is a reservation, not a size.
            (!size.contains('.')).then(|| size.to_owned())
        })
        .map(|size| HugePages { size, ..HugePages::default() })
        .collect();
    out.sort_by(|a, b| a.size.cmp(&b.size));
    for pages in &mut out {
        let file = |suffix: &str| dir.join(format!("hugetlb.{}{suffix}", pages.size));
        let usage = read_once(&file(usage_suffix), buffer).and_then(parse::number);
        let (max_usage, failcnt) = if v1.is_some() {
            (
                read_once(&file(".max_usage_in_bytes"), buffer).and_then(parse::number),
                read_once(&file(".failcnt"), buffer).and_then(parse::number),
            )
        } else {
            let max = |(key, value): (&[u8], u64)| (key == b"max").then_some(value);
            (None, read_once(&file(".events"), buffer).and_then(|b| parse::flat_keyed(b).find_map(max)))
        };
        pages.usage = usage.unwrap_or(0);
        pages.max_usage = max_usage;
        pages.failcnt = failcnt.unwrap_or(0);
    }
    out
}

#[cfg(test)]
mod tests;
