//! `tls_config`: which servers are trusted, and who we are to them.

use std::path::Path;
use std::sync::Arc;

use reqwest::tls::Version;
use reqwest::{Certificate, ClientBuilder, Identity};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};

use super::{chain, read};
use crate::config::TlsConfig;

/// Sets what `config` says.
pub(super) fn apply(mut builder: ClientBuilder, config: &TlsConfig) -> Result<ClientBuilder, String> {
    let (min, max) = (version(&config.min_version)?, version(&config.max_version)?);
    if !config.server_name.is_empty() && !config.insecure_skip_verify {
        return Ok(builder.tls_backend_preconfigured(named(config, min, max)?));
    }
    if config.insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let authorities = pem(&config.ca, config.ca_file.as_deref(), "ca_file")?;
    if !authorities.is_empty() {
        let found = Certificate::from_pem_bundle(&authorities).map_err(|e| format!("ca: {}", chain(&e)))?;
        if found.is_empty() {
            return Err("ca: there is no certificate in it".to_owned());
        }
        builder = builder.tls_certs_only(found);
    }
    if config.has_cert() {
        let (cert, mut both) = own(config)?;
        both.push(b'\n');
        both.extend(cert);
        let identity = Identity::from_pem(&both).map_err(|e| format!("client certificate: {}", chain(&e)))?;
        builder = builder.identity(identity);
    }
    let of = |tls13| if tls13 { Version::TLS_1_3 } else { Version::TLS_1_2 };
    if let Some(min) = min {
        builder = builder.tls_version_min(of(min));
    }
    if let Some(max) = max {
        builder = builder.tls_version_max(of(max));
    }
    Ok(builder)
}

/// Whether a version is TLS 1.3; older ones than 1.2 are not to be had.
fn version(name: &str) -> Result<Option<bool>, String> {
    match name {
        "" => Ok(None),
        "TLS12" => Ok(Some(false)),
        "TLS13" => Ok(Some(true)),
        other => Err(format!("{other} is not supported: TLS12 or TLS13")),
    }
}

fn pem(inline: &str, file: Option<&Path>, what: &str) -> Result<Vec<u8>, String> {
    match file {
        Some(path) => read(path).map(String::into_bytes).map_err(|e| format!("{what}: {e}")),
        None => Ok(inline.as_bytes().to_vec()),
    }
}

/// The client's certificate and key.
fn own(config: &TlsConfig) -> Result<(Vec<u8>, Vec<u8>), String> {
    let cert = pem(&config.cert, config.cert_file.as_deref(), "cert_file")?;
    let key = pem(config.key.expose(), config.key_file.as_deref(), "key_file")?;
    Ok((cert, key))
}

/// TLS for protocols that are not HTTP: the configuration of a client, without its own idea of the server's name.
pub fn tls(config: &TlsConfig) -> Result<Arc<ClientConfig>, String> {
    let (min, max) = (version(&config.min_version)?, version(&config.max_version)?);
    if config.insecure_skip_verify {
        let provider = rustls::crypto::ring::default_provider();
        return with_verifier(config, min, max, Arc::new(Anybody(provider))).map(Arc::new);
    }
    if !config.server_name.is_empty() {
        return named(config, min, max).map(Arc::new);
    }
    let inner = verifier(&pem(&config.ca, config.ca_file.as_deref(), "ca_file")?)?;
    with_verifier(config, min, max, inner).map(Arc::new)
}

/// A configuration that expects the certificate to carry `server_name` instead of the URL's host.
fn named(config: &TlsConfig, min: Option<bool>, max: Option<bool>) -> Result<ClientConfig, String> {
    let name = ServerName::try_from(config.server_name.clone()).map_err(|e| format!("server_name: {e}"))?;
    let inner = verifier(&pem(&config.ca, config.ca_file.as_deref(), "ca_file")?)?;
    with_verifier(config, min, max, Arc::new(Named { inner, name }))
}

fn with_verifier(
    config: &TlsConfig,
    min: Option<bool>,
    max: Option<bool>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, String> {
    let versions: Vec<&'static SupportedProtocolVersion> =
        [(false, &rustls::version::TLS12), (true, &rustls::version::TLS13)]
            .into_iter()
            .filter(|(tls13, _)| min.is_none_or(|min| *tls13 >= min) && max.is_none_or(|max| *tls13 <= max))
            .map(|(_, version)| version)
            .collect();
    if versions.is_empty() {
        return Err("min_version is above max_version".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    if !config.has_cert() {
        return Ok(builder.with_no_client_auth());
    }
    let (cert, key) = own(config)?;
    let cert = certificates(&cert).map_err(|e| format!("client certificate: {e}"))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|e| format!("client key: {e}"))?;
    builder.with_client_auth_cert(cert, key).map_err(|e| format!("client certificate: {e}"))
}

/// Takes everybody for the server: what `insecure_skip_verify` asks for.
#[derive(Debug)]
struct Anybody(rustls::crypto::CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Trusts the given authorities, or those of the system where none is given.
fn verifier(authorities: &[u8]) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if authorities.is_empty() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls_platform_verifier::Verifier::new(provider)
            .map_err(|e| format!("no certificate authorities found: {e}"))?;
        return Ok(Arc::new(verifier));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities).map_err(|e| format!("ca: {e}"))? {
        roots.add(certificate).map_err(|e| format!("ca: {e}"))?;
    }
    Ok(WebPkiServerVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::new(rustls::crypto::ring::default_provider()),
    )
    .build()
    .map_err(|e| format!("ca: {e}"))?)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err("there is no certificate in it".to_owned()),
        Ok(all) => Ok(all),
        Err(error) => Err(error.to_string()),
    }
}

/// Verifies as usual, but against a fixed name.
#[derive(Debug)]
struct Named {
    inner: Arc<dyn ServerCertVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;
