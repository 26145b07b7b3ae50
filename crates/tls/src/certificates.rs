//! Certificates for tests, made in the test.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority with a server's and a client's certificate, as PEM files in a folder of their own.
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    #[expect(clippy::new_without_default, reason = "a default with files would surprise")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let authority = Issuer::new(params, key);
        for (name, host) in [("server", "127.0.0.1"), ("named", "collector.example"), ("client", "client")] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let certificate = params.signed_by(&key, &authority).unwrap();
            std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { folder }
    }

    /// `ca.pem`, and `.pem` and `.key` of `server` (127.0.0.1), `named` (collector.example) and `client`.
    pub fn path(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), name)
    }

    /// The text with `$` replaced by the folder, for YAML.
    pub fn fill(&self, yaml: &str) -> String {
        yaml.replace('$', &self.folder.path().display().to_string())
    }

    /// The reverse of [`fill`](Self::fill).
    pub fn blank(&self, text: &str) -> String {
        text.replace(&self.folder.path().display().to_string(), "$")
    }
}
