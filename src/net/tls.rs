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
    TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
        let remedy = remedy(&error);
        ConnectFailure { kind: ConnectKind::Tls, text: format!("{host}: no TLS connection: {error}{remedy}") }
    })
}

/// What a person can do about a refused certificate.
fn remedy(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(reason)) = inner else { return "" };
    if matches!(reason, CertificateError::UnknownIssuer) {
        "; for a server with a certificate authority of its own, name its certificate as ca_file in [zello]"
    } else if matches!(
        reason,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    ) {
        "; check the clock of this machine (date, timedatectl)"
    } else if matches!(
        reason,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    ) {
        "; the server is another than the address says: check url or server in [zello]"
    } else {
        ""
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
