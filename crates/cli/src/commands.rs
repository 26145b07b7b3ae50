//! The commands.

pub(crate) mod run;
pub(crate) mod validate;
pub(crate) mod components;
pub(crate) mod simulate_sampling;
pub(crate) mod demo;
pub(crate) mod hops;
pub(crate) mod ask;
pub(crate) mod query;
pub(crate) mod export;
pub(crate) mod simulate;
pub(crate) mod genesys;
pub(crate) mod sip;
pub(crate) mod call;
pub(crate) mod hash_password;
#[cfg(feature = "lake")]
pub(crate) mod store;
