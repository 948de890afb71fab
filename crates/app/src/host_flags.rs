//! node_exporter's flags, laid over the section `collect.host`.

use std::path::PathBuf;

use clap::Args;
use collect::host::Config;

/// Flags of the host collector. What is not given leaves the configuration as it is.
#[derive(Debug, Clone, Default, Args)]
pub struct HostFlags {
    /// Where the host's /proc is mounted.
    #[arg(long = "path.procfs", value_name = "DIR")]
    pub procfs: Option<PathBuf>,
    /// Where the host's /sys is mounted.
    #[arg(long = "path.sysfs", value_name = "DIR")]
    pub sysfs: Option<PathBuf>,
    /// Where the host's root file system is mounted.
    #[arg(long = "path.rootfs", value_name = "DIR")]
    pub rootfs: Option<PathBuf>,
    /// Where udev keeps properties of devices.
    #[arg(long = "path.udev.data", value_name = "DIR")]
    pub udev_data: Option<PathBuf>,
    /// Mount points that are left out (a regular expression).
    #[arg(
        long = "collector.filesystem.mount-points-exclude",
        alias = "collector.filesystem.ignored-mount-points",
        value_name = "REGEX"
    )]
    pub mount_points_exclude: Option<String>,
    /// Mount points to which the host's file systems are restricted.
    #[arg(long = "collector.filesystem.mount-points-include", value_name = "REGEX")]
    pub mount_points_include: Option<String>,
    /// File system types that are left out (a regular expression).
    #[arg(
        long = "collector.filesystem.fs-types-exclude",
        alias = "collector.filesystem.ignored-fs-types",
        value_name = "REGEX"
    )]
    pub fs_types_exclude: Option<String>,
    /// File system types to which the host's file systems are restricted.
    #[arg(long = "collector.filesystem.fs-types-include", value_name = "REGEX")]
    pub fs_types_include: Option<String>,
    /// Network devices that are left out.
    #[arg(
        long = "collector.netdev.device-exclude",
        alias = "collector.netdev.device-blacklist",
        alias = "collector.netdev.ignored-devices",
        value_name = "REGEX"
    )]
    pub netdev_device_exclude: Option<String>,
    /// The only network devices.
    #[arg(
        long = "collector.netdev.device-include",
        alias = "collector.netdev.device-whitelist",
        value_name = "REGEX"
    )]
    pub netdev_device_include: Option<String>,
    /// Block devices that are left out.
    #[arg(
        long = "collector.diskstats.device-exclude",
        alias = "collector.diskstats.ignored-devices",
        value_name = "REGEX"
    )]
    pub diskstats_device_exclude: Option<String>,
    /// The only block devices.
    #[arg(long = "collector.diskstats.device-include", value_name = "REGEX")]
    pub diskstats_device_include: Option<String>,
    /// Which fields of the network protocols' counters.
    #[arg(long = "collector.netstat.fields", value_name = "REGEX")]
    pub netstat_fields: Option<String>,
    /// Which fields of /proc/vmstat.
    #[arg(long = "collector.vmstat.fields", value_name = "REGEX")]
    pub vmstat_fields: Option<String>,
    /// Soft interrupts by vector.
    #[arg(long = "collector.stat.softirq")]
    pub stat_softirq: bool,
    /// What the processors are.
    #[arg(long = "collector.cpu.info")]
    pub cpu_info: bool,
    /// Which of the processors' flags.
    #[arg(long = "collector.cpu.info.flags-include", value_name = "REGEX")]
    pub cpu_flags_include: Option<String>,
    /// Which of the processors' bugs.
    #[arg(long = "collector.cpu.info.bugs-include", value_name = "REGEX")]
    pub cpu_bugs_include: Option<String>,
}

impl HostFlags {
    /// Lays what is given over `config`.
    pub(crate) fn apply(&self, config: &mut Config) {
        let paths = [
            (&self.procfs, &mut config.procfs),
            (&self.sysfs, &mut config.sysfs),
            (&self.rootfs, &mut config.rootfs),
            (&self.udev_data, &mut config.udev_data),
        ];
        for (given, path) in paths {
            if let Some(given) = given {
                path.clone_from(given);
            }
        }
        let texts = [
            (&self.mount_points_exclude, &mut config.mount_points_exclude),
            (&self.mount_points_include, &mut config.mount_points_include),
            (&self.fs_types_exclude, &mut config.fs_types_exclude),
            (&self.fs_types_include, &mut config.fs_types_include),
            (&self.netdev_device_exclude, &mut config.netdev_device_exclude),
            (&self.netdev_device_include, &mut config.netdev_device_include),
            (&self.diskstats_device_exclude, &mut config.diskstats_device_exclude),
            (&self.diskstats_device_include, &mut config.diskstats_device_include),
            (&self.netstat_fields, &mut config.netstat_fields),
            (&self.vmstat_fields, &mut config.vmstat_fields),
            (&self.cpu_flags_include, &mut config.cpu_flags_include),
            (&self.cpu_bugs_include, &mut config.cpu_bugs_include),
        ];
        for (given, text) in texts {
            if let Some(given) = given {
                text.clone_from(given);
            }
        }
        config.stat_softirq |= self.stat_softirq;
        config.cpu_info |= self.cpu_info;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    #[test]
    fn flags_by_their_old_and_new_names_replace_what_is_configured_and_nothing_else() {
        let args = [
            "--path.procfs=/host/proc",
            "--collector.filesystem.ignored-mount-points=^/(sys|proc)($$|/)",
            "--collector.netdev.device-blacklist=^veth",
            "--collector.stat.softirq",
        ];
        let flags = Flags::of_args(&args).unwrap();
        let mut config = Config { sysfs: "/s".into(), ..Config::default() };
        flags.host.apply(&mut config);
        let expected = Config {
            procfs: "/host/proc".into(),
            sysfs: "/s".into(),
            mount_points_exclude: "^/(sys|proc)($$|/)".into(),
            netdev_device_exclude: "^veth".into(),
            stat_softirq: true,
            ..Config::default()
        };
        assert_eq!(config, expected);
        assert!(config.check().is_ok());
        assert_eq!(flags.shown()["collector.netdev.device-exclude"], "^veth");
    }
}
