//! The rows of the root group about the host's block devices and the file systems on them.

use std::collections::BTreeMap;
use std::path::Path;

use super::rows::Sink;
use crate::containers::cgroup::file::read_once;
use crate::containers::cgroup::parse;

/// The most devices, and the most file systems.
const MOST: usize = 256;
/// Beginnings of the names of devices that are no disks.
const IGNORED: [&str; 4] = ["loop", "ram", "zram", "sr"];

/// A line of `/proc/diskstats` from the number of reads on: see the kernel's admin-guide/iostats.
#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    /// `/dev/<name>`.
    pub device: String,
    /// Reads, merged reads, sectors read, ms reading, writes, merged writes, sectors written, ms writing, operations
    /// under way, ms busy, weighted ms.
    pub counts: [u64; 11],
}

/// A file system on a block device.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSystem {
    /// The device.
    pub device: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes in use.
    pub used: u64,
    /// Inodes in all.
    pub inodes: u64,
    /// Inodes that are free.
    pub inodes_free: u64,
}

/// The host's devices and file systems.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Disks {
    /// Devices.
    pub disks: Vec<Disk>,
    /// File systems; none where this process does not see the host's mounts.
    pub file_systems: Vec<FileSystem>,
}

impl Disks {
    /// Reads them below `procfs`.
    pub fn read(procfs: &Path) -> Self {
        let mut buffer = Vec::new();
        let disks =
            read_once(&procfs.join("diskstats"), &mut buffer).map(parse_diskstats).unwrap_or_default();
        let mut out = Self { disks, file_systems: Vec::new() };
        // Only the host's own mount points mean the host's file systems here.
        let name_space = |path: &Path| std::fs::read_link(path).ok();
        let ours = name_space(Path::new("/proc/self/ns/mnt"));
        if ours.is_some()
            && ours == name_space(&procfs.join("1/ns/mnt"))
            && let Some(bytes) = read_once(&procfs.join("1/mounts"), &mut buffer)
        {
            out.file_systems =
                mounted(bytes).into_iter().filter_map(|(device, at)| stat(device, &at)).collect();
        }
        out
    }

    /// The samples.
    pub fn rows(&self, sink: &mut Sink<'_>) {
        for disk in &self.disks {
            let labels = [("device", disk.device.as_str())];
            let [_, merged_r, sectors_r, ms_r, _, merged_w, sectors_w, ms_w, current, busy, weighted] =
                disk.counts;
            sink("container_fs_reads_merged_total", &labels, merged_r as f64);
            sink("container_fs_sector_reads_total", &labels, sectors_r as f64);
            sink("container_fs_read_seconds_total", &labels, ms_r as f64 / 1e3);
            sink("container_fs_writes_merged_total", &labels, merged_w as f64);
            sink("container_fs_sector_writes_total", &labels, sectors_w as f64);
            sink("container_fs_write_seconds_total", &labels, ms_w as f64 / 1e3);
            sink("container_fs_io_current", &labels, current as f64);
            sink("container_fs_io_time_seconds_total", &labels, busy as f64 / 1e3);
            sink("container_fs_io_time_weighted_seconds_total", &labels, weighted as f64 / 1e3);
        }
        for fs in &self.file_systems {
            let labels = [("device", fs.device.as_str())];
            sink("container_fs_limit_bytes", &labels, fs.size as f64);
            sink("container_fs_usage_bytes", &labels, fs.used as f64);
            sink("container_fs_inodes_total", &labels, fs.inodes as f64);
            sink("container_fs_inodes_free", &labels, fs.inodes_free as f64);
        }
    }
}

fn parse_diskstats(bytes: &[u8]) -> Vec<Disk> {
    let disk = |line: &[u8]| {
        let mut words = parse::words(line).skip(2);
        let name = std::str::from_utf8(words.next()?).ok()?;
        if IGNORED.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        let mut counts = [0; 11];
        for count in &mut counts {
            *count = parse::number(words.next()?)?;
        }
        // A device that never did anything is none that anybody uses.
        (counts[0] + counts[4] > 0).then(|| Disk { device: format!("/dev/{name}"), counts })
    };
    parse::lines(bytes).filter_map(disk).take(MOST).collect()
}

/// Mounted block devices, each with its first mount point.
fn mounted(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for line in parse::lines(bytes) {
        let mut words = parse::words(line).map(|word| String::from_utf8_lossy(word).into_owned());
        let (Some(device), Some(at), Some(kind)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        // Read-only images and what lies on other file systems have no room of their own.
        if device.starts_with("/dev/")
            && !device.starts_with("/dev/loop")
            && kind != "squashfs"
            && out.len() < MOST
        {
            out.entry(device).or_insert_with(|| unescape(&at));
        }
    }
    out
}

/// Mount points have blanks written as `\040` and the like.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

fn stat(device: String, at: &str) -> Option<FileSystem> {
    let stat = rustix::fs::statvfs(at).ok()?;
    Some(FileSystem {
        device,
        size: stat.f_blocks.saturating_mul(stat.f_frsize),
        used: stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize),
        inodes: stat.f_files,
        inodes_free: stat.f_ffree,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_did_something() {
        let text = b"   7       0 loop0 1 0 0 0 1 0 0 0 0 0 0\n 254       0 vda 40744 8778 5021210 18341 30847 68426 \
            8292504 35956 2 9340 55177 9719 17 1166688 757\n 254 1 vda1 0 0 0 0 0 0 0 0 0 0 0\n 8 0 sda 1 2\n";
        let disks = parse_diskstats(text);
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].device, "/dev/vda");
        let mut rows = Vec::new();
        let all = Disks { disks, file_systems: Vec::new() };
        all.rows(&mut |name, labels, value| {
            assert!(super::super::by_name(name).is_some() && labels == [("device", "/dev/vda")]);
            rows.push((name, value));
        });
        assert!(rows.contains(&("container_fs_read_seconds_total", 18.341)));
        assert!(rows.contains(&("container_fs_io_current", 2.0)));
    }

    #[test]
    fn each_device_once_by_its_first_mount_point() {
        let text = b"/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/vda /again ext4 rw 0 0\n\
            /dev/sdb /mnt/a\\040b xfs rw 0 0\n/dev/loop3 /snap squashfs ro 0 0\n";
        let want = [("/dev/sdb", "/mnt/a b"), ("/dev/vda", "/")];
        assert_eq!(
            mounted(text).into_iter().collect::<Vec<_>>(),
            want.map(|(d, m)| (d.to_owned(), m.to_owned()))
        );
        let root = stat("/dev/x".into(), "/").unwrap();
        assert!(root.size > 0 && root.used <= root.size);
    }
}
