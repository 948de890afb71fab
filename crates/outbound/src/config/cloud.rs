//! Ways of authorization that cloud providers have of their own: read and checked, not supported.

use crate::config::fail;
use crate::secret::Secret;

model::section! {
    /// Signing for AWS.
    pub struct SigV4Config ("sigv4.plain") {
        /// Region.
        region: String = String::new(),
        /// Access key.
        access_key: String = String::new(),
        /// Secret key.
        secret_key: Secret = Secret::default(),
        /// Profile.
        profile: String = String::new(),
        /// Role to assume.
        role_arn: String = String::new(),
        /// External id of the role.
        external_id: String = String::new(),
        /// Whether the endpoint of FIPS is used.
        use_fips_sts_endpoint: bool = false,
        /// Service.
        service_name: String = String::new(),
    }
    check |config| match config.access_key.is_empty() == config.secret_key.is_empty() {
        true => Ok(()),
        false => fail("must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config"),
    }
}

model::section! {
    /// A service account of Google.
    pub struct GoogleIamConfig ("googleiam.Config") {
        /// File with its credentials.
        credentials_file: String = String::new(),
    }
}

model::section! {
    /// An identity that Azure manages.
    pub struct ManagedIdentity ("azuread.ManagedIdentityConfig") {
        /// Client id.
        client_id: String = String::new(),
    }
}

model::section! {
    /// The identity of a workload in Azure's Kubernetes.
    pub struct WorkloadIdentity ("azuread.WorkloadIdentityConfig") {
        /// Client id.
        client_id: String = String::new(),
        /// Tenant id.
        tenant_id: String = String::new(),
        /// File with the token.
        token_file_path: String = String::new(),
    }
}

model::section! {
    /// An application's secret at Azure.
    pub struct AzureOAuth ("azuread.OAuthConfig") {
        /// Client id.
        client_id: String = String::new(),
        /// Client secret.
        client_secret: Secret = Secret::default(),
        /// Tenant id.
        tenant_id: String = String::new(),
    }
}

model::section! {
    /// What Azure's own library finds.
    pub struct AzureSdk ("azuread.SDKConfig") {
        /// Tenant id.
        tenant_id: String = String::new(),
    }
}

model::section! {
    /// A certificate at Azure.
    pub struct AzureCertificate ("azuread.CertificateConfig") {
        /// Client id.
        client_id: String = String::new(),
        /// Tenant id.
        tenant_id: String = String::new(),
        /// File with the certificate.
        certificate_path: String = String::new(),
        /// File with the key.
        certificate_key_path: String = String::new(),
        /// Password of the file.
        certificate_password: Secret = Secret::default(),
        /// Whether the chain is sent.
        send_certificate_chain: bool = false,
    }
}

model::section! {
    /// Tokens of Azure.
    pub struct AzureAdConfig ("azuread.plain") {
        /// An identity that Azure manages.
        managed_identity: Option<ManagedIdentity> = None,
        /// The identity of a workload.
        workload_identity: Option<WorkloadIdentity> = None,
        /// An application's secret.
        oauth: Option<AzureOAuth> = None,
        /// What Azure's own library finds.
        sdk: Option<AzureSdk> = None,
        /// A certificate.
        certificate: Option<AzureCertificate> = None,
        /// Which cloud.
        cloud: String = "AzurePublic".to_owned(),
        /// Scope to ask for.
        scope: String = String::new(),
    }
    check Self::check
}

impl AzureAdConfig {
    fn check(&mut self) -> Result<(), String> {
        if !["AzurePublic", "AzureGovernment", "AzureChina"].contains(&self.cloud.as_str()) {
            return fail("must provide a cloud in the Azure AD config");
        }
        let given = [
            self.managed_identity.is_some(),
            self.workload_identity.is_some(),
            self.oauth.is_some(),
            self.sdk.is_some(),
            self.certificate.is_some(),
        ];
        match given.iter().filter(|given| **given).count() {
            0 => {
                return fail(
                    "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth, Azure Certificate \
                     or Azure SDK in the Azure AD config",
                );
            }
            1 => {}
            _ => return fail("cannot provide multiple authentication methods in the Azure AD config"),
        }
        if let Some(managed) = &self.managed_identity
            && !managed.client_id.is_empty()
        {
            uuid(&managed.client_id, "Managed Identity client_id")?;
        }
        if let Some(workload) = &self.workload_identity {
            given_field(&workload.client_id, "Workload Identity client_id")?;
            given_field(&workload.tenant_id, "Workload Identity tenant_id")?;
            uuid(&workload.client_id, "Workload Identity client_id")?;
            uuid(&workload.tenant_id, "Workload Identity tenant_id")?;
        }
        if let Some(oauth) = &self.oauth {
            given_field(&oauth.client_id, "OAuth client_id")?;
            given_field(oauth.client_secret.expose(), "OAuth client_secret")?;
            given_field(&oauth.tenant_id, "OAuth tenant_id")?;
            uuid(&oauth.client_id, "OAuth client_id")?;
        }
        if let Some(certificate) = &self.certificate {
            given_field(&certificate.client_id, "Certificate client_id")?;
            given_field(&certificate.tenant_id, "Certificate tenant_id")?;
            given_field(&certificate.certificate_path, "Certificate certificate_path")?;
            uuid(&certificate.client_id, "Certificate client_id")?;
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_:/.-".contains(c);
        if !self.scope.chars().all(allowed) {
            return fail("the provided scope contains invalid characters");
        }
        Ok(())
    }
}

fn given_field(value: &str, name: &str) -> Result<(), String> {
    if value.is_empty() {
        Err(format!("must provide an Azure {name} in the Azure AD config"))
    } else {
        Ok(())
    }
}

fn uuid(value: &str, name: &str) -> Result<(), String> {
    let digits = value.chars().filter(char::is_ascii_hexdigit).count();
    let dashes = value.match_indices('-').map(|(at, _)| at).eq([8, 13, 18, 23]);
    let ok = digits == 32 && (dashes && value.len() == 36 || value.len() == 32);
    if ok { Ok(()) } else { Err(format!("the provided Azure {name} is invalid")) }
}
