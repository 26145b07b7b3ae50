//! S3, Google Cloud Storage and Azure, by `object_store`.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::SystemTime;

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult, UpdateVersion,
};
use reqwest::Url;
use tokio::runtime::Runtime;

use super::objects::{Object, Objects, Tag};

/// What the clouds' own tools read of the environment.
const VARIABLES: [&str; 3] = ["aws_", "google_", "azure_"];

pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Requests go on while the thread that wants an answer waits, whoever's thread it is.
    runtime: Option<Runtime>,
}

impl Bucket {
    /// `options` are those of `object_store`; they stand above the environment.
    pub(super) fn open(url: &str, options: impl Iterator<Item = (String, String)>) -> io::Result<Self> {
        let parsed: Url = url.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?.to_ascii_lowercase();
            let ours = VARIABLES.iter().any(|prefix| name.starts_with(prefix));
            Some((name, value.into_string().ok()?)).filter(|_| ours)
        });
        // The client looks for the provider of the process.
        drop(rustls::crypto::ring::default_provider().install_default());
        let all = variables.chain(options);
        let (store, prefix) = object_store::parse_url_opts(&parsed, all).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("throughline-bucket")
            .enable_all()
            .build()?;
        Ok(Self { store: Arc::from(store), prefix, runtime: Some(runtime) })
    }

    fn path(&self, key: &str) -> Path {
        key.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn object(&self, meta: &ObjectMeta) -> Option<Object> {
        let below: Vec<_> = meta.location.prefix_match(&self.prefix)?.collect();
        let key = below.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("/");
        Some(Object { key, size: meta.size, modified: SystemTime::from(meta.last_modified) })
    }

    /// Works on every thread, also on those of another runtime.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, told) = mpsc::sync_channel(1);
        let gone = || Error::Generic { store: "bucket", source: "it is closed".into() };
        let runtime = self.runtime.as_ref().ok_or_else(gone)?;
        runtime.spawn(async move { drop(tell.send(work.await)) });
        told.recv().map_err(|_| gone())?
    }

    fn put_mode(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<PutResult, Error> {
        let (store, path, bytes) =
            (Arc::clone(&self.store), self.path(key), PutPayload::from(bytes.to_vec()));
        let options = PutOptions { mode, ..PutOptions::default() };
        self.wait(async move { store.put_opts(&path, bytes, options).await })
    }
}

impl Objects for Bucket {
    fn get(&self, key: &str) -> io::Result<Option<(Vec<u8>, Tag)>> {
        let (store, path) = (Arc::clone(&self.store), self.path(key));
        let read = self.wait(async move {
            let found = store.get(&path).await?;
            let tag = Tag(found.meta.e_tag.clone().unwrap_or_default());
            Ok((found.bytes().await?.to_vec(), tag))
        });
        maybe(read)
    }

    fn look(&self, key: &str) -> io::Result<Option<Object>> {
        let (store, path) = (Arc::clone(&self.store), self.path(key));
        let meta = maybe(self.wait(async move { store.head(&path).await }))?;
        Ok(meta.and_then(|meta| self.object(&meta)))
    }

    fn put(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        self.put_mode(key, bytes, PutMode::Overwrite).map(drop).map_err(failed)
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> io::Result<bool> {
        match self.put_mode(key, bytes, PutMode::Create) {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn put_over(&self, key: &str, bytes: &[u8], known: &Tag) -> io::Result<Option<Tag>> {
        let known = UpdateVersion { e_tag: Some(known.0.clone()), version: None };
        match self.put_mode(key, bytes, PutMode::Update(known)) {
            Ok(put) => Ok(Some(Tag(put.e_tag.unwrap_or_default()))),
            Err(Error::Precondition { .. } | Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn remove(&self, key: &str) -> io::Result<()> {
        let (store, path) = (Arc::clone(&self.store), self.path(key));
        maybe(self.wait(async move { store.delete(&path).await })).map(drop)
    }

    fn list(&self, folder: &str, after: Option<&str>) -> io::Result<Vec<Object>> {
        let (store, path) = (Arc::clone(&self.store), self.path(folder));
        let after = after.map(|after| self.path(after));
        let listed = self.wait(async move {
            match after {
                Some(after) => store.list_with_offset(Some(&path), &after).try_collect::<Vec<_>>().await,
                None => store.list(Some(&path)).try_collect().await,
            }
        });
        let mut objects: Vec<Object> =
            listed.map_err(failed)?.iter().filter_map(|meta| self.object(meta)).collect();
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn maybe<T>(found: Result<T, Error>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: Error) -> io::Error {
    let kind = match &error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        Error::NotImplemented { .. } | Error::NotSupported { .. } => io::ErrorKind::Unsupported,
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
