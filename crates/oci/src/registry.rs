mod auth;
mod call;
mod download;
mod follow;
mod http;
mod list;
mod pull;
mod push;

use std::sync::Arc;

pub(crate) use download::Download;

use crate::{Error, Host, Options, RepositoryName};

/// One repository of a registry (OCI distribution 1.1). Cheap to clone; clones share connections and tokens.
///
/// HTTPS, or plain HTTP to this machine. No request outlives its time, no answer its size; redirects are few,
/// never to plain HTTP or an inner address, and never carry credentials to another host.
#[derive(Clone, Debug)]
pub struct Registry {
    http: Arc<http::Http>,
}

impl Registry {
    /// A client for `repository` on `host`. Contacts nobody.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when TLS cannot be set up.
    pub fn new(host: &Host, repository: &RepositoryName, options: Options) -> Result<Self, Error> {
        http::Http::new(host, repository, options).map(|http| Self {
            http: Arc::new(http),
        })
    }

    /// `host/repository`, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        self.http.place()
    }
}
