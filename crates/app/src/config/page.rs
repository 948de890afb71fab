//! Holds the table of fields in docs/compatibility.md to the sections that are read: every field of every section has a
//! row, and every row is a field. What a row says of a field, `tests/tests/compatibility.rs` asks a running binary.

use std::collections::BTreeSet;

use alert::config::{AlertingConfig, AlertmanagerConfig};
use collect::scrape::{GlobalConfig, ScrapeConfig};
use model::config::Section;
use model::relabel::RelabelConfig;
use outbound::HttpConfig;
use outbound::config::{
    Authorization, AzureAdConfig, AzureCertificate, AzureOAuth, AzureSdk, BasicAuth, GoogleIamConfig, Header,
    ManagedIdentity, OAuth2, SigV4Config, TlsConfig, WorkloadIdentity,
};
use outbound::discovery::foreign::{self, AttachMetadata, AwsFilter, Namespaces, Selector};
use outbound::discovery::{
    Configs, ConsulConfig, DnsConfig, DockerConfig, FileConfig, Filter, Group, HttpSdConfig, SwarmConfig,
};
use relay::config::{MetadataConfig, QueueConfig, RemoteReadConfig, RemoteWriteConfig};
use server::otlp::config::OtlpConfig;

use super::{
    ChunkEncoding, ExemplarsConfig, RetentionConfig, RuntimeConfig, StorageConfig, TracingConfig, TsdbConfig,
    Written,
};

const PAGE: &str = include_str!("../../../../docs/compatibility.md");

fn names<T: Section>() -> Vec<&'static str> {
    let mut names = Vec::new();
    T::default().field_names(&mut names);
    names
}

/// The first cells of the table, without their quotes.
fn rows() -> BTreeSet<String> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with("Configuration")).unwrap();
    let cell =
        |line: &str| line.strip_prefix("| `").and_then(|rest| rest.split('`').next()).map(str::to_owned);
    section.lines().filter_map(cell).filter(|field| !field.starts_with("relabel action ")).collect()
}

/// Every field; those of `inline` sections only where these stand.
#[derive(Default)]
struct Fields {
    all: BTreeSet<String>,
    /// What may have a row and needs none: the same fields have theirs elsewhere.
    shared: BTreeSet<String>,
}

impl Fields {
    fn add<T: Section>(&mut self, prefix: &str) {
        let shared: BTreeSet<_> = names::<HttpConfig>().into_iter().chain(names::<Configs>()).collect();
        for name in names::<T>() {
            let of = if shared.contains(name) { &mut self.shared } else { &mut self.all };
            of.insert(format!("{prefix}{name}"));
        }
    }

    /// A section of which there may be one or nothing, or a list.
    fn add_whole<T: Section>(&mut self, prefix: &str) {
        self.all.extend(names::<T>().into_iter().map(|name| format!("{prefix}{name}")));
    }
}

macro_rules! discoveries {
    ($fields:ident: $($name:literal $kind:ty;)*) => {
        $($fields.add::<$kind>(concat!($name, "[]."));)*
    };
}

fn fields() -> Fields {
    let mut f = Fields::default();
    f.add_whole::<Written>("");
    // Our own.
    f.all.retain(|name| !super::shown::OWN.contains(&name.as_str()));
    f.add_whole::<GlobalConfig>("global.");
    f.add_whole::<RuntimeConfig>("runtime.");
    f.add_whole::<ScrapeConfig>("scrape_configs[].");
    f.add_whole::<RelabelConfig>("relabel_configs[].");
    f.add_whole::<TlsConfig>("tls_config.");
    f.add_whole::<BasicAuth>("basic_auth.");
    f.add_whole::<Authorization>("authorization.");
    f.add::<OAuth2>("oauth2.");
    f.add_whole::<Header>("http_headers.*.");
    f.add_whole::<AlertingConfig>("alerting.");
    f.add::<AlertmanagerConfig>("alerting.alertmanagers[].");
    f.add::<RemoteWriteConfig>("remote_write[].");
    f.add_whole::<QueueConfig>("remote_write[].queue_config.");
    f.add_whole::<MetadataConfig>("remote_write[].metadata_config.");
    f.add::<SigV4Config>("remote_write[].sigv4.");
    f.add::<GoogleIamConfig>("remote_write[].google_iam.");
    f.add_whole::<AzureAdConfig>("remote_write[].azuread.");
    f.add_whole::<ManagedIdentity>("remote_write[].azuread.managed_identity.");
    f.add_whole::<WorkloadIdentity>("remote_write[].azuread.workload_identity.");
    f.add_whole::<AzureOAuth>("remote_write[].azuread.oauth.");
    f.add_whole::<AzureSdk>("remote_write[].azuread.sdk.");
    f.add_whole::<AzureCertificate>("remote_write[].azuread.certificate.");
    f.add::<RemoteReadConfig>("remote_read[].");
    f.add_whole::<StorageConfig>("storage.");
    f.add_whole::<TsdbConfig>("storage.tsdb.");
    f.add_whole::<ChunkEncoding>("storage.tsdb.chunk_encoding.");
    f.add_whole::<RetentionConfig>("storage.tsdb.retention.");
    f.add_whole::<ExemplarsConfig>("storage.exemplars.");
    f.add::<TracingConfig>("tracing.");
    f.add_whole::<OtlpConfig>("otlp.");
    f.add_whole::<Group>("static_configs[].");
    f.add_whole::<Filter>("docker_sd_configs[].filters[].");
    f.add_whole::<Filter>("dockerswarm_sd_configs[].filters[].");
    f.add_whole::<Namespaces>("kubernetes_sd_configs[].namespaces.");
    f.add_whole::<Selector>("kubernetes_sd_configs[].selectors[].");
    f.add_whole::<AttachMetadata>("kubernetes_sd_configs[].attach_metadata.");
    for service in ["aws", "ec2", "rds"] {
        f.add_whole::<AwsFilter>(&format!("{service}_sd_configs[].filters[]."));
    }
    discoveries!(f:
        "consul_sd_configs" ConsulConfig;
        "dns_sd_configs" DnsConfig;
        "docker_sd_configs" DockerConfig;
        "dockerswarm_sd_configs" SwarmConfig;
        "file_sd_configs" FileConfig;
        "http_sd_configs" HttpSdConfig;
        "aws_sd_configs" foreign::AwsConfig;
        "azure_sd_configs" foreign::AzureConfig;
        "digitalocean_sd_configs" foreign::DigitalOceanConfig;
        "ec2_sd_configs" foreign::Ec2Config;
        "ecs_sd_configs" foreign::EcsConfig;
        "elasticache_sd_configs" foreign::ElasticacheConfig;
        "eureka_sd_configs" foreign::EurekaConfig;
        "gce_sd_configs" foreign::GceConfig;
        "hetzner_sd_configs" foreign::HetznerConfig;
        "ionos_sd_configs" foreign::IonosConfig;
        "kubernetes_sd_configs" foreign::KubernetesConfig;
        "kuma_sd_configs" foreign::KumaConfig;
        "lightsail_sd_configs" foreign::LightsailConfig;
        "linode_sd_configs" foreign::LinodeConfig;
        "marathon_sd_configs" foreign::MarathonConfig;
        "msk_sd_configs" foreign::MskConfig;
        "nerve_sd_configs" foreign::NerveConfig;
        "nomad_sd_configs" foreign::NomadConfig;
        "oci_sd_configs" foreign::OciConfig;
        "openstack_sd_configs" foreign::OpenStackConfig;
        "outscale_sd_configs" foreign::OutscaleConfig;
        "ovhcloud_sd_configs" foreign::OvhCloudConfig;
        "puppetdb_sd_configs" foreign::PuppetDbConfig;
        "rds_sd_configs" foreign::RdsConfig;
        "scaleway_sd_configs" foreign::ScalewayConfig;
        "serverset_sd_configs" foreign::ServersetConfig;
        "stackit_sd_configs" foreign::StackitConfig;
        "triton_sd_configs" foreign::TritonConfig;
        "uyuni_sd_configs" foreign::UyuniConfig;
        "vultr_sd_configs" foreign::VultrConfig;
    );
    f
}

#[test]
fn every_field_has_a_row_and_every_row_is_a_field() {
    let (fields, rows) = (fields(), rows());
    // The parts of a section that stands in several places have their rows under its bare name.
    let has_parts = |field: &String| {
        let bare = field.rsplit('.').next().unwrap_or(field);
        let starts = [format!("{field}."), format!("{field}[]."), format!("{bare}[].")];
        rows.iter().any(|row| starts.iter().any(|start| row.starts_with(start)))
    };
    let missing: Vec<_> =
        fields.all.iter().filter(|field| !rows.contains(*field) && !has_parts(field)).collect();
    let unknown: Vec<_> =
        rows.iter().filter(|row| !fields.all.contains(*row) && !fields.shared.contains(*row)).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "docs/compatibility.md lacks {missing:#?}\nand has {unknown:#?}"
    );
}
