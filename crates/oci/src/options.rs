use std::{collections::BTreeMap, time::Duration};

use crate::{Credentials, Host};

/// How registries are spoken to: bounds, logins and token services. [`Options::default`] is right for most.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most time for a connection to stand, TLS included (10 s).
    pub connect_timeout: Duration,
    /// The most time for one request with everything that belongs to it: redirects, login, retries and the
    /// whole body (30 s). Large blobs get one second for each [`Self::min_rate`] bytes where that is more.
    pub timeout: Duration,
    /// The least bytes per second that a large blob must come or go with (256 KiB).
    pub min_rate: u64,
    /// How often a request that failed for want of an answer is tried in all, within its time (3).
    pub attempts: u32,
    /// How many redirects a fetch follows (3).
    pub redirects: u32,
    /// Logins by registry.
    pub credentials: Credentials,
    /// Token services elsewhere than their registry, each as `host[:port]`: registry to token service. Credentials
    /// and token requests go to the registry's own address, to its host on HTTPS port 443 or to the one named here,
    /// never to another that a registry names.
    pub token_hosts: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        let pair = |registry: &str, service: &str| (registry.to_owned(), service.to_owned());
        Self {
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            min_rate: 256 << 10,
            attempts: 3,
            redirects: 3,
            credentials: Credentials::default(),
            token_hosts: BTreeMap::from([
                pair("registry-1.docker.io", "auth.docker.io"),
                pair("registry.gitlab.com", "gitlab.com"),
            ]),
        }
    }
}

impl Options {
    /// These options with the token service of `registry` at `service`, which may then be shown its login.
    #[must_use]
    pub fn with_token_service(mut self, registry: &Host, service: &Host) -> Self {
        let pair = (registry.api_authority(), service.to_string());
        self.token_hosts.extend([pair]);
        self
    }

    /// The most time for a transfer of `size` bytes.
    pub(crate) fn time_for(&self, size: u64) -> Duration {
        self.timeout
            .max(Duration::from_secs(size / self.min_rate.max(1)))
            .min(Duration::from_secs(24 * 3600))
    }
}
