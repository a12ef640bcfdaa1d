//! Files that the configuration names: paths, secrets, certificates.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Longest secret that is read, bytes: far above any key, far below what could hurt.
const MAX_SECRET: u64 = 64 * 1024;

/// The variable that systemd sets for `LoadCredential=`.
const CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY/";

/// Why a file cannot be used: what is wrong with it, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Continues `"password_file in [zello]: …"`.
    pub(crate) what: String,
    /// What to do.
    pub(crate) help: String,
}

impl Refused {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// Where relative paths begin, and where systemd put credentials.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// Folder of the configuration file.
    pub(crate) base: PathBuf,
    /// `$CREDENTIALS_DIRECTORY`, if set.
    pub(crate) credentials: Option<PathBuf>,
}

impl Places {
    /// The place of a path as written.
    pub(crate) fn resolve(&self, written: &str) -> PathBuf {
        self.base.join(written)
    }

    /// Reads a secret: regular, not empty, nobody else's to read, one trailing line end cut off.
    pub(crate) fn secret(&self, written: &str) -> Result<Secret, Refused> {
        if looks_like_a_secret(written) {
            return Err(Refused::new(
                "this is the secret itself, not the path of a file",
                "write it into a file, `chmod 600` the file, and put its path here",
            ));
        }
        let (path, of_systemd) = match (written.strip_prefix(CREDENTIALS), &self.credentials) {
            (Some(rest), Some(folder)) => (folder.join(rest), true),
            (Some(_), None) => {
                return Err(Refused::new(
                    "CREDENTIALS_DIRECTORY is not set",
                    "start the gateway by systemd with LoadCredential= in its unit, or name a file",
                ));
            }
            (None, _) => (self.resolve(written), false),
        };
        let text = read_secret(&path, of_systemd)?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(Refused::new(format!("{} is empty", path.display()), "write the secret into it"));
        }
        Ok(Secret::new(text))
    }

    /// Checks that a file holds certificates; its whole path.
    pub(crate) fn certificates(&self, written: &str) -> Result<PathBuf, Refused> {
        let path = self.resolve(written);
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            certificate.map_err(|error| not_certificates(&path, &error.to_string()))?;
            count += 1;
        }
        if count == 0 { Err(not_certificates(&path, "no certificate in it")) } else { Ok(path) }
    }
}

/// Reads a secret that the command line names, by the same rules as one of a configuration.
///
/// # Errors
/// What is wrong with the file and what to do.
pub fn secret_file(path: &Path) -> Result<Secret, String> {
    let here = Places { base: PathBuf::new(), credentials: None };
    let refused = |why: Refused| {
        format!(
            "{}
   help: {}",
            why.what, why.help
        )
    };
    here.secret(&path.display().to_string()).map_err(refused)
}

fn not_certificates(path: &Path, why: &str) -> Refused {
    Refused::new(
        format!("{} does not hold certificates: {why}", path.display()),
        "name a PEM file with one or more `-----BEGIN CERTIFICATE-----` blocks",
    )
}

fn looks_like_a_secret(written: &str) -> bool {
    written.contains("-----BEGIN")
        || written.contains('\n')
        || (written.starts_with("eyJ") && written.contains('.'))
}

fn read_secret(path: &Path, of_systemd: bool) -> Result<Zeroizing<String>, Refused> {
    let facts = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let shown = path.display();
    if !facts.is_file() {
        return Err(Refused::new(format!("{shown} is not a file"), "name a regular file"));
    }
    // systemd grants access to credentials by an ACL, which shows in the bits of the group.
    let others = if of_systemd { 0o007 } else { 0o077 };
    let mode = facts.mode() & 0o7777;
    if mode & others != 0 {
        return Err(Refused::new(
            format!("{shown} may be read by others (mode {mode:04o})"),
            format!("chmod 600 {shown}"),
        ));
    }
    if facts.len() > MAX_SECRET {
        return Err(Refused::new(format!("{shown} is too large for a secret"), "name the right file"));
    }
    // With room for all of it: a buffer that grows leaves copies behind.
    let room = usize::try_from(facts.len()).unwrap_or_default().saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let mut file = fs::File::open(path).map_err(|error| unreadable(path, &error))?.take(MAX_SECRET);
    file.read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Refused::new(format!("{shown} is not UTF-8 text"), "save it as plain text in UTF-8")),
    }
}

/// What the system said about a file, and the remedy.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Refused {
    let shown = path.display();
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        Refused::new(
            format!("{shown} does not exist"),
            "check the name (in a configuration, paths are relative to its own folder)",
        )
    } else if kind == ErrorKind::PermissionDenied {
        Refused::new(
            format!("{shown} may not be read by this user"),
            format!("run as the user of the service, or make that user the owner: chown USER {shown}"),
        )
    } else if kind == ErrorKind::IsADirectory {
        Refused::new(format!("{shown} is a folder"), "name the file in it")
    } else {
        Refused::new(format!("{shown} cannot be read: {error}"), "check the path and the disk")
    }
}
