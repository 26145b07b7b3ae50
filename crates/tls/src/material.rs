//! Certificates and keys, from files or from the configuration itself.

use std::fs::File;
use std::io::Read;

use flow::config::Opaque;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::problem::{Problem, Problems};
use super::settings::Both;

/// A file of certificates or a key; the largest CA bundles have a quarter of this.
const MAX_PEM: u64 = 1 << 20;

/// A certificate chain with its private key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// PEM text and the key that it came from.
struct Pem {
    key: &'static str,
    text: Vec<u8>,
}

/// The chain and key of this side; `None` where the section has neither.
pub(super) fn identity(settings: &Both, problems: &mut Problems) -> Option<Identity> {
    let chain = pem(("cert_file", &settings.cert_file), ("cert_pem", &settings.cert_pem), problems);
    let key = pem(("key_file", &settings.key_file), ("key_pem", &settings.key_pem), problems);
    if settings.has_certificate() != settings.has_key() {
        let (there, missing) = match settings.has_key() {
            true => ("key_file", "certificate"),
            false => ("cert_file", "key"),
        };
        problems.add(Problem::new(there, format!("the {missing} for it is missing"), BOTH_OR_NONE));
    }
    let chain = chain.and_then(|pem| problems.note(certificates(&pem)));
    let key = key.and_then(|pem| problems.note(private_key(&pem)));
    chain.zip(key)
}

const BOTH_OR_NONE: &str = "give `cert_file` and `key_file`, or neither";

/// The authorities that a client trusts: those of the section, those of the system, or both.
pub(super) fn authorities(settings: &Both, problems: &mut Problems) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let given = pem(("ca_file", &settings.ca_file), ("ca_pem", &settings.ca_pem), problems);
    if let Some(pem) = given {
        problems.note(trust(&mut roots, &pem));
    }
    if !settings.has_authority() || settings.include_system_ca_certs_pool {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            tracing::warn!(
                "the system has no CA certificates: TLS peers will be refused without `tls::ca_file`"
            );
        }
    }
    roots
}

/// The authorities in one file.
pub(super) fn authorities_in(key: &'static str, path: &str) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    trust(&mut roots, &read(key, path)?)?;
    Ok(roots)
}

fn trust(roots: &mut RootCertStore, pem: &Pem) -> Result<(), Problem> {
    certificates(pem)?.into_iter().try_for_each(|certificate| {
        roots.add(certificate).map_err(|error| {
            let what = format!("one of the certificates cannot be used: {error}");
            Problem::new(pem.key, what, "give X.509 certificates of authorities")
        })
    })
}

fn pem(
    (file_key, path): (&'static str, &str),
    (pem_key, text): (&'static str, &Opaque),
    problems: &mut Problems,
) -> Option<Pem> {
    match (path.is_empty(), text.0.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Pem { key: pem_key, text: text.0.clone().into_bytes() }),
        (false, true) => problems.note(read(file_key, path)),
        (false, false) => {
            let what = format!("`{file_key}` and `{pem_key}` are both given");
            problems.add(Problem::new(pem_key, what, "leave one of them out"));
            None
        }
    }
}

fn read(key: &'static str, path: &str) -> Result<Pem, Problem> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| std::io::copy(&mut file.take(MAX_PEM + 1), &mut text));
    match read {
        Err(error) => {
            let mend = "give the path of a PEM file that this process may read";
            Err(Problem::new(key, format!("`{path}` cannot be read: {error}"), mend))
        }
        Ok(_) if text.len() as u64 > MAX_PEM => {
            let what = format!("`{path}` is larger than {MAX_PEM} bytes");
            Err(Problem::new(key, what, "give a PEM file"))
        }
        Ok(_) => Ok(Pem { key, text }),
    }
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let mend = "give certificates in PEM form (-----BEGIN CERTIFICATE-----)";
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    match found {
        Ok(list) if list.is_empty() => Err(Problem::new(pem.key, "there is no certificate in it", mend)),
        Ok(list) => Ok(list),
        Err(error) => Err(Problem::new(pem.key, format!("it is not sound PEM: {error}"), mend)),
    }
}

fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, Problem> {
    let mend = "give an unencrypted key in PEM form (PKCS#8, PKCS#1 or SEC1)";
    // The parser's own words could quote the key.
    PrivateKeyDer::from_pem_slice(&pem.text)
        .map_err(|_| Problem::new(pem.key, "there is no private key in it that can be read", mend))
}
