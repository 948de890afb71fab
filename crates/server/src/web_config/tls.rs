//! From the section `tls_server_config` to what `rustls` goes by.

use std::path::Path;
use std::sync::Arc;

use model::{Error, Result};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::client;
use super::written::{TlsServer, Version, Written};

/// Names of Go's TLS 1.2 suites that `rustls` has; those of TLS 1.3 are always on, there and here.
const SUITES: [(&str, CipherSuite); 9] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
];

/// Suites that Go knows and `rustls` leaves out as weak.
const WEAK: [&str; 8] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// `None` where the file says nothing of TLS.
pub(super) fn build(written: &Written) -> Result<Option<Arc<ServerConfig>>> {
    let tls = &written.tls_server_config;
    if !tls.is_enabled() {
        return Ok(None);
    }
    let chain = certificates(tls)?;
    let key = private_key(tls)?;
    let provider = Arc::new(provider(tls)?);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions(tls)?)
        .map_err(|e| Error::invalid(format_args!("tls_server_config: {e}")))?;
    let builder = match client::verifier(tls, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| {
        Error::invalid(format_args!("tls_server_config: certificate and key do not fit together: {e}"))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if written.http_server_config.http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(Some(Arc::new(config)))
}

fn certificates(tls: &TlsServer) -> Result<Vec<CertificateDer<'static>>> {
    let text = inline_or_file(&tls.cert, &tls.cert_file, "cert")?;
    pem_certificates(&text, "cert")
}

/// The certificates of a PEM text; at least one.
pub(super) fn pem_certificates(text: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let fail = |e: &dyn std::fmt::Display| {
        Error::invalid(format_args!("tls_server_config: {what} holds no certificate in PEM form: {e}"))
    };
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|e| fail(&e))?;
    if found.is_empty() { Err(fail(&"there is none")) } else { Ok(found) }
}

fn private_key(tls: &TlsServer) -> Result<PrivateKeyDer<'static>> {
    let text = inline_or_file(&tls.key.0, &tls.key_file, "key")?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| Error::invalid("tls_server_config: key holds no private key in PEM form"))
}

/// What is written in the file itself, or in the file that it names.
pub(super) fn inline_or_file(inline: &str, file: &Path, name: &str) -> Result<Vec<u8>> {
    use std::io::Read;
    if file.as_os_str().is_empty() {
        if inline.is_empty() {
            return Err(Error::invalid(format_args!(
                "tls_server_config: missing one of {name} or {name}_file"
            )));
        }
        return Ok(inline.as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|f| f.take(4 << 20).read_to_end(&mut bytes))
        .map_err(|e| Error::invalid(format_args!("failed to read {name}_file ({}): {e}", file.display())))?;
    Ok(bytes)
}

fn versions(tls: &TlsServer) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let (min, max) = (tls.min_version, tls.max_version);
    let all = [(Version::Tls12, &rustls::version::TLS12), (Version::Tls13, &rustls::version::TLS13)];
    let found: Vec<_> = all.into_iter().filter(|(v, _)| (min..=max).contains(v)).map(|(_, v)| v).collect();
    if found.is_empty() {
        return Err(Error::invalid(
            "tls_server_config: min_version and max_version leave neither TLS12 nor TLS13; older ones are not spoken",
        ));
    }
    Ok(found)
}

fn provider(tls: &TlsServer) -> Result<CryptoProvider> {
    let mut provider = ring::default_provider();
    if !tls.cipher_suites.is_empty() {
        let wanted = suites(&tls.cipher_suites)?;
        let keep = |suite: &SupportedCipherSuite| suite.tls13().is_some() || wanted.contains(&suite.suite());
        provider.cipher_suites.retain(keep);
    }
    if !tls.curve_preferences.is_empty() {
        provider.kx_groups = curves(&tls.curve_preferences)?;
    }
    Ok(provider)
}

fn suites(names: &[String]) -> Result<Vec<CipherSuite>> {
    let mut found = Vec::new();
    for name in names {
        match SUITES.iter().find(|(known, _)| known == name) {
            Some((_, suite)) => found.push(*suite),
            None if WEAK.contains(&name.as_str()) => {
                tracing::warn!(suite = name, "cipher_suites: a weak suite that is not spoken here");
            }
            None => return Err(Error::invalid(format_args!("tls_server_config: unknown cipher: {name}"))),
        }
    }
    if found.is_empty() {
        return Err(Error::invalid("tls_server_config: cipher_suites leaves none that is spoken here"));
    }
    Ok(found)
}

fn curves(names: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>> {
    let mut found: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    for name in names {
        match name.as_str() {
            "X25519" => found.push(ring::kx_group::X25519),
            "CurveP256" => found.push(ring::kx_group::SECP256R1),
            "CurveP384" => found.push(ring::kx_group::SECP384R1),
            "CurveP521" => tracing::warn!("curve_preferences: CurveP521 is not spoken here"),
            _ => return Err(Error::invalid(format_args!("tls_server_config: unknown curve: {name}"))),
        }
    }
    if found.is_empty() {
        return Err(Error::invalid("tls_server_config: curve_preferences leaves none that is spoken here"));
    }
    Ok(found)
}
