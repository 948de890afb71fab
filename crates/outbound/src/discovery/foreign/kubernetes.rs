//! `kubernetes_sd_configs`.

mod selector;

use super::{foreign, needed};
use crate::config::HttpConfig;
use crate::secret::WebUrl;

foreign! {
    /// Which namespaces.
    pub struct Namespaces ("kubernetes.plain") {
        own_namespace: bool = false => always,
        names: Vec<String> = Vec::new() => always,
    }
}

foreign! {
    /// Which objects of one role.
    pub struct Selector ("kubernetes.SelectorConfig") {
        role: String = String::new(),
        label: String = String::new(),
        field: String = String::new(),
    }
}

foreign! {
    /// What of other objects is added.
    pub struct AttachMetadata ("kubernetes.AttachMetadataConfig") {
        node: bool = false => always,
        namespace: bool = false => always,
        deployment: bool = false => always,
        job: bool = false => always,
        cronjob: bool = false => always,
    }
}

foreign! {
    /// Objects of Kubernetes.
    pub struct KubernetesConfig ("kubernetes.plain") {
        api_server: WebUrl = WebUrl::default(),
        role: String = String::new() => always,
        kubeconfig_file: String = String::new() => always,
        http: HttpConfig = HttpConfig::default() => inline,
        namespaces: Namespaces = Namespaces::default(),
        selectors: Vec<Selector> = Vec::new(),
        attach_metadata: AttachMetadata = AttachMetadata::default(),
    }
    check KubernetesConfig::check
}

/// A role and the roles that its selectors may have.
const ROLES: [(&str, &[&str]); 6] = [
    ("pod", &["pod", "node"]),
    ("service", &["service"]),
    ("endpointslice", &["pod", "service", "endpointslice"]),
    ("endpoints", &["pod", "service", "endpoints"]),
    ("node", &["node"]),
    ("ingress", &["ingress"]),
];

fn known(role: &str) -> Result<&'static [&'static str], String> {
    let found = ROLES.iter().find(|(name, _)| *name == role);
    found.map(|(_, allowed)| *allowed).ok_or_else(|| format!("unknown Kubernetes SD role {role:?}"))
}

impl KubernetesConfig {
    fn check(&mut self) -> Result<(), String> {
        needed(&self.role, "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)")?;
        let allowed = known(&self.role)?;
        let (server, file) = (!self.api_server.is_empty(), !self.kubeconfig_file.is_empty());
        let (own_http, own) = (self.http != HttpConfig::default(), self.namespaces.own_namespace);
        for (wrong, message) in [
            (server && file, "cannot use 'kubeconfig_file' and 'api_server' simultaneously"),
            (
                file && own_http,
                "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
            ),
            (
                !server && own_http,
                "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
            ),
            (server && own, "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"),
            (file && own, "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"),
        ] {
            if wrong {
                return Err(message.to_owned());
            }
        }
        for (at, selector) in self.selectors.iter().enumerate() {
            if self.selectors.iter().take(at).any(|before| before.role == selector.role) {
                return Err(format!("duplicated selector role: {}", selector.role));
            }
            known(&selector.role)?;
            if !allowed.contains(&selector.role.as_str()) {
                return Err(format!("{} role supports only {} selectors", self.role, allowed.join(", ")));
            }
            check_field_selector(&selector.field)?;
            selector::check(&selector.label)?;
        }
        Ok(())
    }
}

/// Terms `a=b`, `a==b` or `a!=b`, separated by commas.
fn check_field_selector(text: &str) -> Result<(), String> {
    let wrong = text.split(',').find(|term| !term.is_empty() && !term.contains('='));
    match wrong {
        Some(term) => Err(format!("invalid selector: '{text}'; can't understand '{term}'")),
        None => Ok(()),
    }
}
