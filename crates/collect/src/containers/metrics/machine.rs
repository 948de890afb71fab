//! The `machine_*` rows: what the node has.

use std::collections::BTreeSet;
use std::path::Path;

use crate::containers::cgroup::file::read_once;
use crate::containers::cgroup::parse;

/// What the node has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Machine {
    /// `/etc/machine-id`.
    pub machine_id: String,
    /// The firmware's UUID.
    pub system_uuid: String,
    /// Changes with each boot.
    pub boot_id: String,
    /// Logical CPUs.
    pub cores: usize,
    /// Physical cores.
    pub physical_cores: usize,
    /// Sockets.
    pub sockets: usize,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Swap in bytes.
    pub swap: Option<u64>,
    /// Memory of each NUMA node in bytes.
    pub nodes: Vec<(String, u64)>,
}

impl Machine {
    /// Reads the node's facts below `procfs` and `sysfs`.
    pub fn read(procfs: &Path, sysfs: &Path, etc: &Path) -> Self {
        let mut buffer = Vec::new();
        let mut text = |path: std::path::PathBuf| {
            read_once(&path, &mut buffer)
                .map(|b| String::from_utf8_lossy(b).trim().to_owned())
                .unwrap_or_default()
        };
        let mut out = Self {
            machine_id: text(etc.join("machine-id")),
            system_uuid: text(sysfs.join("class/dmi/id/product_uuid")),
            boot_id: text(procfs.join("sys/kernel/random/boot_id")),
            ..Self::default()
        };
        out.topology(&sysfs.join("devices/system/cpu"), &mut buffer);
        if let Some(bytes) = read_once(&procfs.join("meminfo"), &mut buffer) {
            let (memory, swap) = (kib(bytes, b"MemTotal:"), kib(bytes, b"SwapTotal:"));
            (out.memory, out.swap) = (memory, swap);
        }
        for node in list(&sysfs.join("devices/system/node"), "node") {
            let path = sysfs.join("devices/system/node").join(format!("node{node}/meminfo"));
            let total = read_once(&path, &mut buffer).and_then(|bytes| {
                let line = parse::lines(bytes).find(|l| l.windows(9).any(|w| w == b"MemTotal:"))?;
                parse::words(line).filter_map(parse::number).last()
            });
            out.nodes.extend(total.map(|kib| (node.to_string(), kib.saturating_mul(1024))));
        }
        out
    }

    fn topology(&mut self, cpus: &Path, buffer: &mut Vec<u8>) {
        let (mut cores, mut sockets) = (BTreeSet::new(), BTreeSet::new());
        for cpu in list(cpus, "cpu") {
            let dir = cpus.join(format!("cpu{cpu}"));
            // An offline CPU has no topology.
            let mut number =
                |name: &str| read_once(&dir.join("topology").join(name), buffer).and_then(parse::number);
            let (Some(package), Some(core)) = (number("physical_package_id"), number("core_id")) else {
                continue;
            };
            self.cores += 1;
            cores.insert((package, core));
            sockets.insert(package);
        }
        (self.physical_cores, self.sockets) = (cores.len(), sockets.len());
        if self.cores == 0 {
            self.cores = std::thread::available_parallelism().map_or(0, usize::from);
        }
    }

    /// Labels of the rows.
    pub fn labels(&self, node: &str) -> Vec<(String, String)> {
        let pairs = [
            ("machine_id", self.machine_id.as_str()),
            ("system_uuid", &self.system_uuid),
            ("boot_id", &self.boot_id),
            ("job", "cadvisor"),
            ("instance", node),
        ];
        pairs.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// The samples.
    pub fn rows(&self, sink: &mut super::rows::Sink<'_>) {
        sink("machine_cpu_cores", &[], self.cores as f64);
        if self.sockets > 0 {
            sink("machine_cpu_physical_cores", &[], self.physical_cores as f64);
            sink("machine_cpu_sockets", &[], self.sockets as f64);
        }
        if let Some(memory) = self.memory {
            sink("machine_memory_bytes", &[], memory as f64);
        }
        if let Some(swap) = self.swap {
            sink("machine_swap_bytes", &[], swap as f64);
        }
        for (node, bytes) in &self.nodes {
            sink("machine_node_memory_capacity_bytes", &[("node_id", node)], *bytes as f64);
        }
        sink("machine_scrape_error", &[], f64::from(u8::from(self.memory.is_none())));
    }
}

fn kib(bytes: &[u8], name: &[u8]) -> Option<u64> {
    let line = parse::lines(bytes).find(|line| line.starts_with(name))?;
    parse::words(&line[name.len()..]).next().and_then(parse::number).map(|kib| kib.saturating_mul(1024))
}

/// Numbers of the entries `<prefix><number>` of a directory.
fn list(dir: &Path, prefix: &str) -> BTreeSet<u32> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_small_machine() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (cpu, package, core) in [(0, 0, 0), (1, 0, 0), (2, 1, 0)] {
            write(
                &format!("sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id"),
                &format!("{package}\n"),
            );
            write(&format!("sys/devices/system/cpu/cpu{cpu}/topology/core_id"), &format!("{core}\n"));
        }
        write("sys/devices/system/cpu/cpufreq/x", "");
        write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       8 kB\nNode 0 MemFree: 1 kB\n");
        write("proc/meminfo", "MemTotal:  4 kB\nMemFree: 1 kB\nSwapTotal: 0 kB\n");
        write("etc/machine-id", "abc\n");
        let at = |name: &str| dir.path().join(name);
        let machine = Machine::read(&at("proc"), &at("sys"), &at("etc"));
        assert_eq!((machine.cores, machine.physical_cores, machine.sockets), (3, 2, 2));
        assert_eq!((machine.memory, machine.swap), (Some(4096), Some(0)));
        assert_eq!(machine.nodes, [("0".to_owned(), 8192)]);
        let mut names = Vec::new();
        machine.rows(&mut |name, _, _| names.push(name));
        assert!(names.iter().all(|name| super::super::by_name(name).is_some()));
        assert_eq!(machine.labels("n")[0], ("machine_id".to_owned(), "abc".to_owned()));
    }
}
