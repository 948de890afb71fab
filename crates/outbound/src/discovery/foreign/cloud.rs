//! Other clouds.

use model::config::Duration;

use super::{foreign, needed, one_of};
use crate::config::{HttpConfig, TlsConfig, fail, several};
use crate::secret::Secret;

foreign! {
    /// `azure_sd_configs`.
    pub struct AzureConfig ("azure.plain") {
        environment: String = "AzurePublicCloud".to_owned(),
        port: u16 = 80 => always,
        subscription_id: String = String::new() => always,
        tenant_id: String = String::new(),
        client_id: String = String::new(),
        client_secret: Secret = Secret::default(),
        refresh_interval: Duration = Duration::from_secs(300),
        authentication_method: String = "OAuth".to_owned(),
        resource_group: String = String::new(),
        http: HttpConfig = HttpConfig::default() => inline,
    }
    check |config| {
        needed(&config.subscription_id, "azure SD configuration requires a subscription_id")?;
        if config.authentication_method == "OAuth" {
            needed(&config.tenant_id, "azure SD configuration requires a tenant_id")?;
            needed(&config.client_id, "azure SD configuration requires a client_id")?;
            needed(config.client_secret.expose(), "azure SD configuration requires a client_secret")?;
        }
        if !["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"].contains(&config.authentication_method.as_str()) {
            return Err(format!(
                "unknown authentication_type {:?}. Supported types are \"OAuth\", \"ManagedIdentity\", \"SDK\" or \
                 \"WorkloadIdentity\"",
                config.authentication_method
            ));
        }
        Ok(())
    }
}

foreign! {
    /// `digitalocean_sd_configs`.
    pub struct DigitalOceanConfig ("digitalocean.plain") {
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
        role: String = "droplets".to_owned() => always,
    }
    check |config| one_of(
        &config.role,
        &["droplets", "databases"],
        "role missing (one of: droplets, databases)",
        "unknown DigitalOcean SD role",
    )
}

foreign! {
    /// `gce_sd_configs`.
    pub struct GceConfig ("gce.plain") {
        project: String = String::new() => always,
        zone: String = String::new() => always,
        filter: String = String::new(),
        refresh_interval: Duration = Duration::from_secs(60),
        port: u16 = 80 => always,
        tag_separator: String = ",".to_owned(),
    }
    check |config| {
        needed(&config.project, "GCE SD configuration requires a project")?;
        needed(&config.zone, "GCE SD configuration requires a zone")
    }
}

foreign! {
    /// `hetzner_sd_configs`.
    pub struct HetznerConfig ("hetzner.plain") {
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
        role: String = String::new() => always,
        label_selector: String = String::new(),
    }
    check |config| one_of(&config.role, &["robot", "hcloud"], "role missing (one of: robot, hcloud)", "unknown role")
}

foreign! {
    /// `ionos_sd_configs`.
    pub struct IonosConfig ("ionos.plain") {
        datacenter_id: String = String::new() => always,
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
    }
    check |config| needed(&config.datacenter_id, "datacenter id can't be empty")
}

foreign! {
    /// `linode_sd_configs`.
    pub struct LinodeConfig ("linode.plain") {
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
        tag_separator: String = ",".to_owned(),
        region: String = String::new(),
    }
}

foreign! {
    /// `oci_sd_configs`.
    pub struct OciConfig ("oci.plain") {
        auth: String = "api_key".to_owned(),
        tenancy: String = String::new(),
        user: String = String::new(),
        fingerprint: String = String::new(),
        key_file: String = String::new(),
        key_passphrase: Secret = Secret::default(),
        key_passphrase_file: String = String::new(),
        region: String = String::new() => always,
        compartments: Vec<String> = Vec::new(),
        http: HttpConfig = HttpConfig::default() => inline,
        port: u16 = 80 => always,
        refresh_interval: Duration = Duration::from_secs(60) => always,
    }
    check OciConfig::check
}

foreign! {
    /// `openstack_sd_configs`.
    pub struct OpenStackConfig ("openstack.plain") {
        identity_endpoint: String = String::new() => always,
        username: String = String::new() => always,
        userid: String = String::new() => always,
        password: Secret = Secret::default() => always,
        project_name: String = String::new() => always,
        project_id: String = String::new() => always,
        domain_name: String = String::new() => always,
        domain_id: String = String::new() => always,
        application_credential_name: String = String::new() => always,
        application_credential_id: String = String::new() => always,
        application_credential_secret: Secret = Secret::default() => always,
        role: String = String::new() => always,
        region: String = String::new() => always,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
        all_tenants: bool = false,
        tls_config: TlsConfig = TlsConfig::default(),
        availability: String = "public".to_owned(),
    }
    check |config| {
        if !config.role.is_empty() {
            one_of(&config.role, &["hypervisor", "instance", "loadbalancer"], "", "unknown OpenStack SD role")?;
        }
        if !["public", "internal", "admin"].contains(&config.availability.as_str()) {
            let availability = &config.availability;
            return Err(format!("unknown availability {availability}, must be one of admin, internal or public"));
        }
        needed(&config.role, "role missing (one of: instance, hypervisor, loadbalancer)")?;
        needed(&config.region, "openstack SD configuration requires a region")
    }
}

/// A secret that may be in the file or in another one, exactly one of both.
fn secret_key(secret: &Secret, file: &str) -> Result<(), String> {
    match (secret.is_empty(), file.is_empty()) {
        (true, true) => Err("one of secret_key & secret_key_file must be configured".to_owned()),
        (false, false) => Err("at most one of secret_key & secret_key_file must be configured".to_owned()),
        _ => Ok(()),
    }
}

foreign! {
    /// `outscale_sd_configs`.
    pub struct OutscaleConfig ("outscale.plain") {
        endpoint: String = String::new(),
        region: String = "eu-west-2".to_owned() => always,
        access_key: String = String::new() => always,
        secret_key: Secret = Secret::default() => always,
        secret_key_file: String = String::new() => always,
        refresh_interval: Duration = Duration::from_secs(60),
        port: u16 = 80 => always,
        http: HttpConfig = HttpConfig::default() => inline,
    }
    check |config| {
        needed(&config.region, "outscale SD configuration requires a region")?;
        needed(&config.access_key, "outscale SD configuration requires access_key")?;
        secret_key(&config.secret_key, &config.secret_key_file)?;
        if config.endpoint.is_empty() {
            config.endpoint = format!("https://api.{}.outscale.com/api/v1", config.region);
        }
        Ok(())
    }
}

foreign! {
    /// `ovhcloud_sd_configs`.
    pub struct OvhCloudConfig ("ovhcloud.plain") {
        endpoint: String = "ovh-eu".to_owned() => always,
        application_key: String = String::new() => always,
        application_secret: Secret = Secret::default() => always,
        consumer_key: Secret = Secret::default() => always,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        service: String = String::new() => always,
    }
    check |config| {
        needed(&config.endpoint, "endpoint can not be empty")?;
        needed(&config.application_key, "application key can not be empty")?;
        needed(config.application_secret.expose(), "application secret can not be empty")?;
        needed(config.consumer_key.expose(), "consumer key can not be empty")?;
        match config.service.as_str() {
            "dedicated_server" | "vps" => Ok(()),
            other => Err(format!("unknown service: {other}")),
        }
    }
}

foreign! {
    /// `scaleway_sd_configs`.
    pub struct ScalewayConfig ("scaleway.plain") {
        project_id: String = String::new() => always,
        api_url: String = "https://api.scaleway.com".to_owned(),
        zone: String = "fr-par-1".to_owned() => always,
        access_key: String = String::new() => always,
        secret_key: Secret = Secret::default() => always,
        secret_key_file: String = String::new() => always,
        name_filter: String = String::new(),
        tags_filter: Vec<String> = Vec::new(),
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
        role: String = String::new() => always,
    }
    check |config| {
        one_of(
            &config.role,
            &["instance", "baremetal"],
            "role missing (one of: instance, baremetal)",
            "unknown role",
        )?;
        needed(&config.project_id, "project_id is mandatory")?;
        secret_key(&config.secret_key, &config.secret_key_file)?;
        needed(&config.access_key, "access_key is mandatory")
    }
}

foreign! {
    /// `stackit_sd_configs`.
    pub struct StackitConfig ("stackit.plain") {
        http: HttpConfig = HttpConfig::default() => inline,
        project: String = String::new() => always,
        refresh_interval: Duration = Duration::from_secs(60),
        port: u16 = 80,
        region: String = "eu01".to_owned(),
        endpoint: String = String::new(),
        service_account_key: Secret = Secret::default(),
        private_key: Secret = Secret::default(),
        service_account_key_path: String = String::new(),
        private_key_path: String = String::new(),
        credentials_file_path: String = String::new(),
    }
    check |config| {
        if config.endpoint.is_empty() && config.region.is_empty() {
            return Err("stackit_sd: endpoint and region missing".to_owned());
        }
        let scheme = config.endpoint.split_once("://").map(|(scheme, _)| scheme);
        let wrong = scheme.is_some_and(|scheme| !scheme.starts_with(|c: char| c.is_ascii_alphabetic()));
        if wrong || config.endpoint.starts_with(':') {
            return Err(format!("stackit_sd: invalid endpoint {:?}: missing protocol scheme", config.endpoint));
        }
        Ok(())
    }
}

foreign! {
    /// `triton_sd_configs`.
    pub struct TritonConfig ("triton.plain") {
        account: String = String::new() => always,
        role: String = "container".to_owned() => always,
        dns_suffix: String = String::new() => always,
        endpoint: String = String::new() => always,
        groups: Vec<String> = Vec::new(),
        port: u16 = 9163 => always,
        refresh_interval: Duration = Duration::from_secs(60),
        tls_config: TlsConfig = TlsConfig::default(),
        version: u64 = 1 => always,
    }
    check |config| {
        if config.role != "container" && config.role != "cn" {
            return Err("triton SD configuration requires role to be 'container' or 'cn'".to_owned());
        }
        needed(&config.account, "triton SD configuration requires an account")?;
        needed(&config.dns_suffix, "triton SD configuration requires a dns_suffix")?;
        needed(&config.endpoint, "triton SD configuration requires an endpoint")?;
        if config.refresh_interval.is_zero() {
            return Err("triton SD configuration requires RefreshInterval to be a positive integer".to_owned());
        }
        Ok(())
    }
}

foreign! {
    /// `vultr_sd_configs`.
    pub struct VultrConfig ("vultr.plain") {
        http: HttpConfig = HttpConfig::default() => inline,
        refresh_interval: Duration = Duration::from_secs(60) => always,
        port: u16 = 80 => always,
    }
}

impl OciConfig {
    fn check(&mut self) -> Result<(), String> {
        needed(&self.region, "oci_sd: region is required")?;
        let own = [
            ("tenancy", &self.tenancy),
            ("user", &self.user),
            ("fingerprint", &self.fingerprint),
            ("key_file", &self.key_file),
        ];
        let phrases = [!self.key_passphrase.is_empty(), !self.key_passphrase_file.is_empty()];
        match self.auth.as_str() {
            "api_key" => {
                for (name, value) in own {
                    needed(value, &format!("oci_sd: api_key auth requires {name}"))?;
                }
                if several(&phrases) {
                    return fail(
                        "oci_sd: at most one of key_passphrase and key_passphrase_file must be configured",
                    );
                }
            }
            "instance_principal" => {
                if own.iter().any(|(_, value)| !value.is_empty()) || phrases.contains(&true) {
                    return fail(
                        "oci_sd: instance_principal auth must not have tenancy, user, fingerprint, key_file, \
                         key_passphrase, or key_passphrase_file set",
                    );
                }
            }
            other => {
                return Err(format!(
                    "oci_sd: unknown auth method {other:?}, expected \"api_key\" or \"instance_principal\""
                ));
            }
        }
        match self.compartments.iter().position(String::is_empty) {
            Some(at) => Err(format!("oci_sd: compartments[{at}] must not be empty")),
            None => Ok(()),
        }
    }
}
