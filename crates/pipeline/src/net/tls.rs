//! TLS settings of clients and servers.
