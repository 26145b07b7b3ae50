//! Where rules and states are kept: the state file, or memory where there is none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use flow::state::{Change, State, StateError};
use serde::Serialize;
use serde::de::DeserializeOwned;

const NAMESPACE: &str = "alerts";

/// All of these or none.
#[derive(Default)]
pub(crate) struct Changes(Vec<(String, Option<Vec<u8>>)>);

impl Changes {
    pub(crate) fn put(&mut self, key: String, value: &impl Serialize) -> Result<(), StateError> {
        let text = serde_json::to_vec(value).map_err(|error| StateError(error.to_string()))?;
        self.0.push((key, Some(text)));
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: String) {
        self.0.push((key, None));
    }

    /// On a thread that may wait for the disk.
    pub(crate) async fn commit(self, state: &Arc<dyn State>) -> Result<(), StateError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let state = Arc::clone(state);
        let work = move || {
            let change = |(key, value): &'_ (String, Option<Vec<u8>>)| (key.clone(), value.clone());
            let owned: Vec<_> = self.0.iter().map(change).collect();
            let changes: Vec<Change<'_>> = owned
                .iter()
                .map(|(key, value)| Change { namespace: NAMESPACE, key, value: value.as_deref() })
                .collect();
            state.commit(&changes)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| StateError(error.to_string()))?
    }
}

/// All below a prefix, by what follows it. What cannot be read is said, and left alone.
pub(crate) fn read<T: DeserializeOwned>(
    state: &dyn State,
    prefix: &str,
) -> Result<Vec<(String, T)>, StateError> {
    let mut found = Vec::new();
    for (key, value) in state.scan(NAMESPACE, prefix)? {
        match serde_json::from_slice(&value) {
            Ok(value) => found.push((key.strip_prefix(prefix).unwrap_or(&key).to_owned(), value)),
            Err(error) => tracing::error!(%key, %error, "a part of the alerts that are kept cannot be read"),
        }
    }
    Ok(found)
}

/// For those who keep nothing.
#[derive(Default)]
pub(crate) struct Forgetful(Mutex<BTreeMap<(String, String), Vec<u8>>>);

impl Forgetful {
    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State for Forgetful {
    fn get(&self, namespace: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.entries().get(&(namespace.to_owned(), key.to_owned())).cloned())
    }

    fn scan(&self, namespace: &str, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        let entries = self.entries();
        let fits = |(of, key): &&(String, String)| of == namespace && key.starts_with(prefix);
        Ok(entries
            .iter()
            .filter(|(key, _)| fits(key))
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StateError> {
        let mut entries = self.entries();
        for change in changes {
            let key = (change.namespace.to_owned(), change.key.to_owned());
            match change.value {
                Some(value) => drop(entries.insert(key, value.to_vec())),
                None => drop(entries.remove(&key)),
            }
        }
        Ok(())
    }
}
