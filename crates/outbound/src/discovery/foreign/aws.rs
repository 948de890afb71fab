//! Amazon's services.

use model::config::Duration;

use super::{foreign, needed};
use crate::config::HttpConfig;
use crate::secret::Secret;

foreign! {
    /// A filter of Amazon's API.
    pub struct AwsFilter ("aws.Filter") {
        name: String = String::new() => always,
        values: Vec<String> = Vec::new() => always,
    }
}

foreign! {
    /// `ec2_sd_configs`.
    pub struct Ec2Config ("aws.plain") {
        endpoint: String = String::new() => always,
        region: String = String::new() => always,
        access_key: String = String::new(),
        secret_key: Secret = Secret::default(),
        profile: String = String::new(),
        role_arn: String = String::new(),
        external_id: String = String::new(),
        refresh_interval: Duration = Duration::from_secs(60),
        port: u16 = 80 => always,
        filters: Vec<AwsFilter> = Vec::new() => always,
        http: HttpConfig = HttpConfig::default() => inline,
    }
    check |config| match config.filters.iter().any(|filter| filter.values.is_empty()) {
        true => Err("EC2 SD configuration filter values cannot be empty".to_owned()),
        false => Ok(()),
    }
}

foreign! {
    /// `lightsail_sd_configs`.
    pub struct LightsailConfig ("aws.plain") {
        endpoint: String = String::new() => always,
        region: String = String::new() => always,
        access_key: String = String::new(),
        secret_key: Secret = Secret::default(),
        profile: String = String::new(),
        role_arn: String = String::new(),
        external_id: String = String::new(),
        refresh_interval: Duration = Duration::from_secs(60),
        port: u16 = 80 => always,
        http: HttpConfig = HttpConfig::default() => inline,
    }
}

/// A service whose targets are found by cluster.
macro_rules! of_clusters {
    ($(#[$meta:meta])* $name:ident, $concurrency:literal $(, $extra:ident: $kind:ty)?) => {
        foreign! {
            $(#[$meta])*
            pub struct $name ("aws.plain") {
                region: String = String::new() => always,
                endpoint: String = String::new() => always,
                access_key: String = String::new(),
                secret_key: Secret = Secret::default(),
                profile: String = String::new(),
                role_arn: String = String::new(),
                external_id: String = String::new(),
                clusters: Vec<String> = Vec::new(),
                refresh_interval: Duration = Duration::from_secs(60),
                port: u16 = 80 => always,
                $($extra: $kind = <$kind>::default() => always,)?
                request_concurrency: u64 = $concurrency,
                http: HttpConfig = HttpConfig::default() => inline,
            }
        }
    };
}

of_clusters! {
    /// `ecs_sd_configs`.
    EcsConfig, 20
}

of_clusters! {
    /// `elasticache_sd_configs`.
    ElasticacheConfig, 10
}

of_clusters! {
    /// `msk_sd_configs`.
    MskConfig, 10
}

of_clusters! {
    /// `rds_sd_configs`.
    RdsConfig, 10, filters: Vec<AwsFilter>
}

foreign! {
    /// `aws_sd_configs`: any of the services, by role.
    pub struct AwsConfig ("aws.plain") {
        role: String = String::new() => always,
        region: String = String::new(),
        endpoint: String = String::new(),
        access_key: String = String::new(),
        secret_key: Secret = Secret::default(),
        profile: String = String::new(),
        role_arn: String = String::new(),
        external_id: String = String::new(),
        refresh_interval: Duration = Duration::default(),
        port: u16 = 0,
        http: HttpConfig = HttpConfig::default() => inline,
        filters: Vec<AwsFilter> = Vec::new(),
        clusters: Vec<String> = Vec::new(),
    }
    check |config| {
        needed(&config.role, "unknown AWS SD role \"\"")?;
        if !["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"].contains(&config.role.as_str()) {
            return Err(format!("unknown AWS SD role {:?}", config.role));
        }
        Ok(())
    }
}
