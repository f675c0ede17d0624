mod docker_config;
mod helper;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use crate::{Error, Host, RepositoryName};

use docker_config::DockerConfig;
use helper::Helper;

/// A user name and password (or token) for one registry. Never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password or access token.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What a registry or its token service is shown.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum Secret {
    /// Shown to the registry itself, or to its token service for a token.
    Login(Login),
    /// Shown to the token service alone, for a token.
    IdentityToken(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(login) => login.fmt(f),
            Self::IdentityToken(_) => f.write_str("IdentityToken"),
        }
    }
}

/// Logins by registry, as `docker login` and its relatives store them: in the file, or with a credential helper.
///
/// A helper is a program of the user's, `docker-credential-NAME`, in an absolute folder of `PATH`. It is run only
/// when a registry wants a login, with nothing but that registry's name, and what it says goes to that registry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Credentials {
    /// By `host[:port]`, or `host[:port]/part/of/a/repository`.
    secrets: BTreeMap<String, Secret>,
    /// By `host[:port]`.
    helpers: BTreeMap<String, Helper>,
    store: Option<Helper>,
    folders: Option<Vec<PathBuf>>,
}

impl Credentials {
    /// These credentials with `login` for `host` added.
    #[must_use]
    pub fn with(mut self, host: &Host, login: Login) -> Self {
        let key = host_of(&host.to_string()).to_owned();
        self.secrets.insert(key, Secret::Login(login));
        self
    }

    /// These credentials with helpers looked for in `folders` instead of those of `PATH`.
    #[must_use]
    pub fn with_helpers_in(mut self, folders: Vec<PathBuf>) -> Self {
        self.folders = Some(folders);
        self
    }

    /// Reads a Docker configuration file: `auths`, `credsStore` and `credHelpers`. No helper is run yet.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be read, [`Error::Usage`] when it is not such a file.
    pub fn from_docker_config(path: &Path) -> Result<Self, Error> {
        DockerConfig::read(path)?.credentials(path)
    }

    /// Reads the file that the container tools use: `$REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json` or
    /// `~/.docker/config.json`. No file means no logins.
    ///
    /// # Errors
    /// Those of [`Self::from_docker_config`] for a file that is there.
    pub fn from_environment() -> Result<Self, Error> {
        let variable = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let path = variable("REGISTRY_AUTH_FILE")
            .or_else(|| variable("DOCKER_CONFIG").map(|folder| folder.join("config.json")))
            .or_else(|| variable("HOME").map(|home| home.join(".docker/config.json")));
        match path {
            Some(path) if path.exists() => Self::from_docker_config(&path),
            _ => Ok(Self::default()),
        }
    }

    /// What there is for `repository` on exactly this host and port: from the helper named for the host, else from
    /// the general one, else from the file, where the longest entry that is the repository or leads to it counts.
    pub(crate) async fn find(
        &self,
        host: &Host,
        repository: &RepositoryName,
    ) -> Result<Option<Secret>, Error> {
        let host = host.to_string();
        let host = host_of(&host);
        let named = self.helpers.get(host);
        for helper in named.into_iter().chain(&self.store) {
            if let Some(secret) = helper.get(host, self.folders.as_deref()).await? {
                return Ok(Some(secret));
            }
        }
        let whole = format!("{host}/{repository}");
        let ends = whole.match_indices('/').map(|(end, _)| end);
        let mut prefixes: Vec<_> = ends.chain([whole.len()]).collect();
        prefixes.reverse();
        let mut keys = prefixes.into_iter().filter_map(|end| whole.get(..end));
        Ok(keys.find_map(|key| self.secrets.get(key).cloned()))
    }
}

/// The host that an address means: `https://index.docker.io/v1/` is Docker Hub.
fn host_of(key: &str) -> &str {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    match bare.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

/// What a key of `auths` is for: a host, or the repositories of a host below a path.
fn scope_of(key: &str) -> String {
    let host = host_of(key);
    let path = match key.contains("://") {
        true => "",
        false => key.split_once('/').map_or("", |(_, path)| path),
    };
    match path.trim_end_matches('/') {
        "" | "v1" | "v2" => host.to_owned(),
        path => format!("{host}/{path}"),
    }
}
