//! Certificates of clients: whether one is asked for, needed, verified, and whose it may be.

use std::sync::Arc;

use model::{Error, Result};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use super::written::TlsServer;
use super::{san, tls};

/// `None` where no certificate is asked for.
pub(super) fn verifier(
    written: &TlsServer,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>> {
    let given = !written.client_ca.is_empty() || !written.client_ca_file.as_os_str().is_empty();
    let (mandatory, verified) = match written.client_auth_type.as_str() {
        "" | "NoClientCert" if given => {
            return Err(Error::invalid("client CA's have been configured without a Client Auth Policy"));
        }
        "" | "NoClientCert" => return Ok(None),
        "RequestClientCert" => (false, false),
        "RequireAnyClientCert" | "RequireClientCert" => (true, false),
        "VerifyClientCertIfGiven" => (false, true),
        "RequireAndVerifyClientCert" => (true, true),
        other => return Err(Error::invalid(format_args!("invalid ClientAuth: {other}"))),
    };
    let roots = if verified { roots(written)? } else { Vec::new() };
    let chain = if verified { Some(by_chain(&roots, mandatory, provider)?) } else { None };
    let allowed_sans = written.client_allowed_sans.clone();
    Ok(Some(Arc::new(Verifier { mandatory, chain, roots, allowed_sans, provider: provider.clone() })))
}

fn roots(written: &TlsServer) -> Result<Vec<CertificateDer<'static>>> {
    let text = tls::inline_or_file(&written.client_ca, &written.client_ca_file, "client_ca")?;
    tls::pem_certificates(&text, "client_ca")
}

fn by_chain(
    roots: &[CertificateDer<'static>],
    mandatory: bool,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>> {
    let mut store = RootCertStore::empty();
    for root in roots {
        let bad =
            |e| Error::invalid(format_args!("tls_server_config: client_ca: a certificate is broken: {e}"));
        store.add(root.clone()).map_err(bad)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone());
    let builder = if mandatory { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|e| Error::invalid(format_args!("tls_server_config: client_ca: {e}")))
}

/// The five policies in one: `chain` judges where certificates are verified.
#[derive(Debug)]
struct Verifier {
    mandatory: bool,
    chain: Option<Arc<dyn ClientCertVerifier>>,
    roots: Vec<CertificateDer<'static>>,
    allowed_sans: Option<Vec<String>>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, TlsError> {
        if let Some(chain) = &self.chain {
            // A certificate that is itself trusted needs no chain, as in Go; webpki refuses such a one.
            if self.roots.iter().any(|root| root.as_ref() == leaf.as_ref()) {
                valid_now(leaf, now)?;
            } else {
                chain.verify_client_cert(leaf, intermediates, now)?;
            }
        }
        if let Some(allowed) = &self.allowed_sans {
            let bad = || TlsError::InvalidCertificate(CertificateError::BadEncoding);
            let names = san::names(leaf.as_ref()).ok_or_else(bad)?;
            if !names.iter().any(|name| allowed.contains(name)) {
                return Err(TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
            }
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn valid_now(leaf: &CertificateDer<'_>, now: UnixTime) -> std::result::Result<(), TlsError> {
    let (from, until) =
        san::validity(leaf.as_ref()).ok_or(TlsError::InvalidCertificate(CertificateError::BadEncoding))?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match () {
        () if now < from => Err(TlsError::InvalidCertificate(CertificateError::NotValidYet)),
        () if now > until => Err(TlsError::InvalidCertificate(CertificateError::Expired)),
        () => Ok(()),
    }
}
