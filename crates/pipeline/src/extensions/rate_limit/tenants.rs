//! The accounts of all tenants, bounded in number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::bucket::Buckets;
use super::settings::Settings;

pub(super) struct Tenants {
    settings: Settings,
    inner: Mutex<HashMap<String, Arc<Buckets>>>,
    /// For those that there is no room for: they share one account.
    rest: Arc<Buckets>,
}

impl Tenants {
    pub(super) fn new(settings: Settings) -> Self {
        let rest = Arc::new(Buckets::new(&settings.rates(""), Instant::now()));
        Self { settings, inner: Mutex::default(), rest }
    }

    pub(super) fn get(&self, tenant: &str, now: Instant) -> Arc<Buckets> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = inner.get(tenant) {
            return Arc::clone(known);
        }
        let named = self.settings.tenants.contains_key(tenant);
        if inner.len() >= self.settings.max_tenants && !named {
            // Whoever has not come for a while gets the same account again.
            inner.retain(|_, buckets| !buckets.is_full(now));
            if inner.len() >= self.settings.max_tenants {
                return Arc::clone(&self.rest);
            }
        }
        let buckets = Arc::new(Buckets::new(&self.settings.rates(tenant), now));
        inner.insert(tenant.to_owned(), Arc::clone(&buckets));
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_made_up_do_not_fill_the_memory() {
        let tenants = Tenants::new(Settings { items_per_second: 10, max_tenants: 3, ..Settings::default() });
        let now = Instant::now();
        for nth in 0..1000 {
            let buckets = tenants.get(&nth.to_string(), now);
            buckets.enter(now).ok();
            buckets.spend(1, 1, now);
        }
        assert_eq!(tenants.inner.lock().unwrap().len(), 3);
        assert!(Arc::ptr_eq(&tenants.get("1", now), &tenants.get("1", now)));
        assert!(Arc::ptr_eq(&tenants.get("900", now), &tenants.rest));
        let later = now + std::time::Duration::from_secs(60);
        assert!(!Arc::ptr_eq(&tenants.get("900", later), &tenants.rest), "the others have paid");
    }
}
