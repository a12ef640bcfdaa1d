//! Certificates that are trusted, and TLS over a connection. There is no way to switch the check off.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracing::{debug, warn};

use crate::logic::session::{ConnectFailure, ConnectKind};

/// Trusts the system's roots, else the bundled ones where a box has none, and the certificates of `ca_file` as well.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, ConnectFailure> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for complaint in &native.errors {
        debug!(%complaint, "a root certificate of the system could not be read");
    }
    let (_good, unusable) = roots.add_parsable_certificates(native.certs);
    debug!(unusable, roots = roots.len(), "root certificates of the system");
    if roots.is_empty() {
        warn!("this system has no root certificates (package ca-certificates): using the bundled ones");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        add_ca_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|refused| settings(format!("TLS cannot be set up: {refused}")))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn add_ca_file(roots: &mut RootCertStore, path: &Path) -> Result<(), ConnectFailure> {
    let refuse = |why: String| {
        settings(format!("ca_file {}: {why}: it must hold certificates in PEM form", path.display()))
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
    let mut count = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        count += 1;
    }
    if count == 0 { Err(refuse("no certificate in it".to_owned())) } else { Ok(()) }
}

/// Makes a connection safe and proves that the server is `host`.
pub(super) async fn secure(
    config: Arc<ClientConfig>,
    host: &str,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, ConnectFailure> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        settings(format!("{host}: not a host name that a certificate can prove: check url in [zello]"))
    })?;
    TlsConnector::from(config).connect(name, tcp).await.map_err(|error| failure(host, &error))
}

/// What a handshake that failed means, in words that stay the same from one try to the next.
fn failure(host: &str, error: &std::io::Error) -> ConnectFailure {
    let mut kind = ConnectKind::Tls;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let why = if let Some(rustls::Error::InvalidCertificate(reason)) = inner {
        if is_about_time(reason) {
            kind = ConnectKind::CertificateTime;
        }
        certificate(reason)
    } else if matches!(inner, Some(rustls::Error::InvalidMessage(_))) {
        "what answers does not speak TLS; a proxy, or a network that wants a log-in in a browser first (a captive \
         portal), is between; or url or server in [zello] names another port"
            .to_owned()
    } else {
        error.to_string()
    };
    ConnectFailure { kind, text: format!("{host}: no TLS connection: {why}") }
}

fn is_about_time(reason: &CertificateError) -> bool {
    is_over(reason) || is_early(reason)
}

fn is_over(reason: &CertificateError) -> bool {
    matches!(reason, CertificateError::Expired | CertificateError::ExpiredContext { .. })
}

fn is_early(reason: &CertificateError) -> bool {
    matches!(reason, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. })
}

/// What is wrong with the server's certificate, and what a person can do.
fn certificate(reason: &CertificateError) -> String {
    if is_over(reason) {
        "the server's certificate has expired: check the clock of this machine (timedatectl); if it is right, whoever \
         runs the server must renew the certificate"
            .to_owned()
    } else if is_early(reason) {
        "the server's certificate is not valid yet: the clock of this machine is behind (timedatectl)"
            .to_owned()
    } else if matches!(
        reason,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    ) {
        "the server's certificate is for another name: check url or server in [zello]; or this network wants a log-in \
         in a browser first (a captive portal)"
            .to_owned()
    } else if matches!(reason, CertificateError::UnknownIssuer) {
        "nobody known vouches for the server's certificate (unknown issuer): for a server with a certificate authority \
         of its own, or behind a firewall that looks into TLS, name that authority's certificate as ca_file in [zello]; \
         or this network wants a log-in in a browser first (a captive portal)"
            .to_owned()
    } else {
        format!("the server's certificate is refused: {reason}")
    }
}

fn settings(text: String) -> ConnectFailure {
    ConnectFailure { kind: ConnectKind::Settings, text }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_named_with_the_remedy() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "hello").unwrap();
        let failure = client_config(Some(file.path())).unwrap_err();
        assert_eq!(failure.kind, ConnectKind::Settings);
        assert!(failure.text.contains(&file.path().display().to_string()), "{}", failure.text);
        assert!(failure.text.contains("PEM"), "{}", failure.text);
    }

    #[test]
    fn a_ca_file_that_is_missing_is_named() {
        let failure = client_config(Some(Path::new("/nonexistent/ca.pem"))).unwrap_err();
        assert!(failure.text.contains("/nonexistent/ca.pem"), "{}", failure.text);
    }
}
