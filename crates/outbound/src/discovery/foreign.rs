//! Mechanisms that are read and checked as Prometheus does, and find nothing here: clouds, schedulers, Kubernetes.

mod aws;
mod cloud;
mod kubernetes;
mod orchestrator;

pub use aws::{
    AwsConfig, AwsFilter, Ec2Config, EcsConfig, ElasticacheConfig, LightsailConfig, MskConfig, RdsConfig,
};
pub use cloud::{
    AzureConfig, DigitalOceanConfig, GceConfig, HetznerConfig, IonosConfig, LinodeConfig, OciConfig,
    OpenStackConfig, OutscaleConfig, OvhCloudConfig, ScalewayConfig, StackitConfig, TritonConfig,
    VultrConfig,
};
pub use kubernetes::{AttachMetadata, KubernetesConfig, Namespaces, Selector};
pub use orchestrator::{
    EurekaConfig, KumaConfig, MarathonConfig, NerveConfig, NomadConfig, PuppetDbConfig, ServersetConfig,
    UyuniConfig,
};

/// [`model::section!`] for sections whose fields Prometheus' documentation describes.
macro_rules! foreign {
    (
        $(#[$meta:meta])*
        pub struct $name:ident ($type_name:literal) {
            $($field:ident $(($key:literal))? : $kind:ty = $default:expr $(=> $how:ident $(($argument:literal))?)?,)*
        }
        $(check $check:expr)?
    ) => {
        model::section! {
            $(#[$meta])*
            pub struct $name ($type_name) {
                $(
                    #[doc = concat!("`", stringify!($field), "`, see Prometheus' documentation.")]
                    $field $(($key))? : $kind = $default $(=> $how $(($argument))?)?,
                )*
            }
            $(check $check)?
        }
    };
}

use foreign;

/// Refuses a text that is empty.
fn needed(value: &str, message: &str) -> Result<(), String> {
    if value.is_empty() { Err(message.to_owned()) } else { Ok(()) }
}

/// Refuses a text that is none of `known`. Where it is empty, `missing` is the error.
fn one_of(value: &str, known: &[&str], missing: &str, unknown: &str) -> Result<(), String> {
    match value {
        "" => Err(missing.to_owned()),
        value if known.contains(&value) => Ok(()),
        value => Err(format!("{unknown} {value:?}")),
    }
}
