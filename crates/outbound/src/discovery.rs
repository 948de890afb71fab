//! The discovery sections, inline in the section of a job or of Alertmanagers: `static_configs` and every
//! `*_sd_configs` of Prometheus.
//!
//! Only what is written is here; who finds the targets is `collect`.

mod consul;
mod dns;
mod docker;
mod file;
pub mod foreign;
mod group;
mod http;

use std::path::Path;

pub use consul::ConsulConfig;
pub use dns::{DnsConfig, RecordType};
pub use docker::{DockerConfig, Filter, SwarmConfig};
pub use file::FileConfig;
pub use group::Group;
pub use http::HttpSdConfig;

/// The label that holds `host:port`.
pub const ADDRESS: &str = "__address__";

macro_rules! configs {
    (
        supported { $($(#[$meta:meta])* $name:ident: $kind:ty, $empty:literal;)* }
        unsupported { $($other:ident: $other_kind:ty, $other_empty:literal;)* }
    ) => {
        model::section! {
            /// The discovery sections of a job.
            pub struct Configs ("config.plain") {
                $($(#[$meta])* $name: Vec<$kind> = Vec::new() => list($empty),)*
                $(
                    #[doc = concat!("`", stringify!($other), "`: read and checked, finds nothing.")]
                    $other: Vec<$other_kind> = Vec::new() => list($other_empty),
                )*
            }
        }

        impl Configs {
            /// The mechanisms that are asked for and that are not there.
            pub fn unsupported(&self) -> Vec<&'static str> {
                let all = [$((stringify!($other), self.$other.is_empty()),)*];
                all.into_iter().filter(|(_, empty)| !*empty).map(|(name, _)| name).collect()
            }
        }
    };
}

configs! {
    supported {
        /// Consul's catalogue.
        consul_sd_configs: ConsulConfig, "empty or null section in consul_sd_configs";
        /// DNS records.
        dns_sd_configs: DnsConfig, "empty or null section in dns_sd_configs";
        /// Containers of a Docker engine.
        docker_sd_configs: DockerConfig, "empty or null section in docker_sd_configs";
        /// Services, tasks or nodes of a swarm.
        dockerswarm_sd_configs: SwarmConfig, "empty or null section in dockerswarm_sd_configs";
        /// Targets in files.
        file_sd_configs: FileConfig, "empty or null section in file_sd_configs";
        /// Targets that a server names.
        http_sd_configs: HttpSdConfig, "empty or null section in http_sd_configs";
        /// Targets written down here.
        static_configs: Group, "empty or null section in static_configs";
    }
    unsupported {
        aws_sd_configs: foreign::AwsConfig, "empty or null section in aws_sd_configs";
        azure_sd_configs: foreign::AzureConfig, "empty or null section in azure_sd_configs";
        digitalocean_sd_configs: foreign::DigitalOceanConfig, "empty or null section in digitalocean_sd_configs";
        ec2_sd_configs: foreign::Ec2Config, "empty or null section in ec2_sd_configs";
        ecs_sd_configs: foreign::EcsConfig, "empty or null section in ecs_sd_configs";
        elasticache_sd_configs: foreign::ElasticacheConfig, "empty or null section in elasticache_sd_configs";
        eureka_sd_configs: foreign::EurekaConfig, "empty or null section in eureka_sd_configs";
        gce_sd_configs: foreign::GceConfig, "empty or null section in gce_sd_configs";
        hetzner_sd_configs: foreign::HetznerConfig, "empty or null section in hetzner_sd_configs";
        ionos_sd_configs: foreign::IonosConfig, "empty or null section in ionos_sd_configs";
        kubernetes_sd_configs: foreign::KubernetesConfig, "empty or null section in kubernetes_sd_configs";
        kuma_sd_configs: foreign::KumaConfig, "empty or null section in kuma_sd_configs";
        lightsail_sd_configs: foreign::LightsailConfig, "empty or null section in lightsail_sd_configs";
        linode_sd_configs: foreign::LinodeConfig, "empty or null section in linode_sd_configs";
        marathon_sd_configs: foreign::MarathonConfig, "empty or null section in marathon_sd_configs";
        msk_sd_configs: foreign::MskConfig, "empty or null section in msk_sd_configs";
        nerve_sd_configs: foreign::NerveConfig, "empty or null section in nerve_sd_configs";
        nomad_sd_configs: foreign::NomadConfig, "empty or null section in nomad_sd_configs";
        oci_sd_configs: foreign::OciConfig, "empty or null section in oci_sd_configs";
        openstack_sd_configs: foreign::OpenStackConfig, "empty or null section in openstack_sd_configs";
        outscale_sd_configs: foreign::OutscaleConfig, "empty or null section in outscale_sd_configs";
        ovhcloud_sd_configs: foreign::OvhCloudConfig, "empty or null section in ovhcloud_sd_configs";
        puppetdb_sd_configs: foreign::PuppetDbConfig, "empty or null section in puppetdb_sd_configs";
        rds_sd_configs: foreign::RdsConfig, "empty or null section in rds_sd_configs";
        scaleway_sd_configs: foreign::ScalewayConfig, "empty or null section in scaleway_sd_configs";
        serverset_sd_configs: foreign::ServersetConfig, "empty or null section in serverset_sd_configs";
        stackit_sd_configs: foreign::StackitConfig, "empty or null section in stackit_sd_configs";
        triton_sd_configs: foreign::TritonConfig, "empty or null section in triton_sd_configs";
        uyuni_sd_configs: foreign::UyuniConfig, "empty or null section in uyuni_sd_configs";
        vultr_sd_configs: foreign::VultrConfig, "empty or null section in vultr_sd_configs";
    }
}

impl Configs {
    /// Refuses addresses that are URLs or paths: for sections without relabelling.
    pub fn check_addresses(&self) -> Result<(), String> {
        self.static_configs.iter().flat_map(|group| &group.targets).try_for_each(|a| check_address(a))
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        for pattern in self.file_sd_configs.iter_mut().flat_map(|f| &mut f.files) {
            if !Path::new(pattern.as_str()).is_absolute() {
                *pattern = dir.join(&*pattern).to_string_lossy().into_owned();
            }
        }
        let https = self
            .consul_sd_configs
            .iter_mut()
            .map(|c| &mut c.http)
            .chain(self.docker_sd_configs.iter_mut().map(|c| &mut c.http))
            .chain(self.dockerswarm_sd_configs.iter_mut().map(|c| &mut c.http))
            .chain(self.http_sd_configs.iter_mut().map(|c| &mut c.http));
        for http in https {
            http.set_directory(dir);
        }
    }
}

/// Refuses an address that is an URL or a path.
pub fn check_address(address: &str) -> Result<(), String> {
    if address.contains('/') {
        return Err(format!("{address:?} is not a valid hostname"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
