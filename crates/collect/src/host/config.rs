//! What the host collector reads and what it leaves out. Defaults are node_exporter's.

use std::path::PathBuf;
use std::time::Duration;

use super::filter::Filter;

/// Configuration of the host collector: section `collect.host`, and node_exporter's flags of the same meaning.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether the samples are stored; without, they only feed the live pages.
    #[serde(skip)]
    pub store: bool,
    /// `--path.procfs`: where the host's /proc is mounted.
    pub procfs: PathBuf,
    /// `--path.sysfs`: where the host's /sys is mounted.
    pub sysfs: PathBuf,
    /// `--path.rootfs`: where the host's root file system is mounted.
    pub rootfs: PathBuf,
    /// `--path.udev.data`: udev's database of device properties.
    pub udev_data: PathBuf,
    /// Value of the `instance` label; the host's name where it is not given.
    pub instance: Option<String>,
    /// `--collector.NAME` and `--no-collector.NAME`: collectors that are left out, by node_exporter's names.
    pub disabled: Vec<String>,
    /// `--collector.filesystem.mount-points-exclude`, formerly `--collector.filesystem.ignored-mount-points`.
    pub mount_points_exclude: String,
    /// `--collector.filesystem.mount-points-include`; empty: all.
    pub mount_points_include: String,
    /// `--collector.filesystem.fs-types-exclude`, formerly `--collector.filesystem.ignored-fs-types`.
    pub fs_types_exclude: String,
    /// `--collector.filesystem.fs-types-include`; empty: all.
    pub fs_types_include: String,
    /// `--collector.filesystem.mount-timeout`: how long a mount may take to answer, in milliseconds. The first time a
    /// mount hangs, one round is late by this; from then on it is reported as stuck without waiting.
    pub mount_timeout_ms: u64,
    /// `--collector.netdev.device-include`; empty: all.
    pub netdev_device_include: String,
    /// `--collector.netdev.device-exclude`; empty: none.
    pub netdev_device_exclude: String,
    /// `--collector.diskstats.device-include`; empty: all.
    pub diskstats_device_include: String,
    /// `--collector.diskstats.device-exclude`, formerly `--collector.diskstats.ignored-devices`.
    pub diskstats_device_exclude: String,
    /// `--collector.netstat.fields`: which fields of /proc/net/{netstat,snmp,snmp6}.
    pub netstat_fields: String,
    /// `--collector.vmstat.fields`: which fields of /proc/vmstat.
    pub vmstat_fields: String,
    /// `--collector.stat.softirq`: soft interrupts by vector.
    pub stat_softirq: bool,
    /// `--collector.cpu.guest`: time spent in virtual machines.
    pub cpu_guest: bool,
    /// `--collector.cpu.info`: model, flags and frequency from /proc/cpuinfo.
    pub cpu_info: bool,
    /// `--collector.cpu.info.flags-include`; empty: no flags.
    pub cpu_flags_include: String,
    /// `--collector.cpu.info.bugs-include`; empty: no bugs.
    pub cpu_bugs_include: String,
}

impl Default for Config {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            store: true,
            procfs: PathBuf::from("/proc"),
            sysfs: PathBuf::from("/sys"),
            rootfs: PathBuf::from("/"),
            udev_data: PathBuf::from("/run/udev/data"),
            instance: None,
            disabled: Vec::new(),
            mount_points_exclude: text(
                "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
            ),
            mount_points_include: String::new(),
            fs_types_exclude: text(
                "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|\
                 overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$",
            ),
            fs_types_include: String::new(),
            mount_timeout_ms: 1_000,
            netdev_device_include: String::new(),
            netdev_device_exclude: String::new(),
            diskstats_device_include: String::new(),
            diskstats_device_exclude: text(r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"),
            netstat_fields: text(
                "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|\
                 TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|\
                 Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
                 Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
            ),
            vmstat_fields: text("^(oom_kill|pgpg|pswp|pg.*fault).*"),
            stat_softirq: false,
            cpu_guest: true,
            cpu_info: false,
            cpu_flags_include: String::new(),
            cpu_bugs_include: String::new(),
        }
    }
}

impl Config {
    /// Whether every expression compiles; the error names the one that does not. Nothing is read.
    pub fn check(&self) -> model::Result<()> {
        let expressions = [
            ("mount_points_exclude", &self.mount_points_exclude),
            ("mount_points_include", &self.mount_points_include),
            ("fs_types_exclude", &self.fs_types_exclude),
            ("fs_types_include", &self.fs_types_include),
            ("netdev_device_include", &self.netdev_device_include),
            ("netdev_device_exclude", &self.netdev_device_exclude),
            ("diskstats_device_include", &self.diskstats_device_include),
            ("diskstats_device_exclude", &self.diskstats_device_exclude),
            ("netstat_fields", &self.netstat_fields),
            ("vmstat_fields", &self.vmstat_fields),
            ("cpu_flags_include", &self.cpu_flags_include),
            ("cpu_bugs_include", &self.cpu_bugs_include),
        ];
        for (name, expression) in expressions {
            Filter::new(expression, "")
                .map_err(|error| model::Error::invalid(format_args!("collect.host.{name}: {error}")))?;
        }
        Ok(())
    }

    /// How long a mount may take to answer.
    pub fn mount_timeout(&self) -> Duration {
        Duration::from_millis(self.mount_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_expression_is_named() {
        assert!(Config::default().check().is_ok());
        let wrong = Config { fs_types_exclude: "^(a".into(), ..Config::default() };
        let error = wrong.check().unwrap_err().to_string();
        assert!(
            error.starts_with("collect.host.fs_types_exclude: error parsing regexp: missing closing )"),
            "{error}"
        );
    }
}
