mod docker_config;
mod files;
mod helper;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use crate::{Error, Host, RepositoryName};

use docker_config::DockerConfig;
use files::Files;
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
    /// Where to look if there is nothing here.
    others: Option<Box<Self>>,
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
        let others = self.others.take();
        self.others = others.map(|others| Box::new(others.with_helpers_in(folders.clone())));
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

    /// Reads the files that container tools keep logins in: `$REGISTRY_AUTH_FILE` alone where that is set; else podman's
    /// `$XDG_RUNTIME_DIR/containers/auth.json` (`/run/containers/UID/auth.json`) and
    /// `$XDG_CONFIG_HOME/containers/auth.json` (`~/.config/containers/auth.json`), and Docker's
    /// `$DOCKER_CONFIG/config.json` (`~/.docker/config.json`). Of several, the first that has a login for a place has the
    /// word. No file means no logins.
    ///
    /// # Errors
    /// Those of [`Self::from_docker_config`] for a file that is there; [`Error::Storage`] for one that
    /// `$REGISTRY_AUTH_FILE` names and that is not.
    pub fn from_environment() -> Result<Self, Error> {
        Self::from_files(Files::of(|name| std::env::var_os(name), files::user_id()))
    }

    /// The logins of several files, in the order in which they have the word.
    fn from_files(files: Files) -> Result<Self, Error> {
        let files = match files {
            Files::Named(file) => return Self::from_docker_config(&file),
            Files::Usual(files) => files,
        };
        let mut all = Self::default();
        for file in files.iter().rev().filter(|file| file.exists()) {
            let others = (all != Self::default()).then(|| Box::new(all));
            all = Self {
                others,
                ..Self::from_docker_config(file)?
            };
        }
        Ok(all)
    }

    /// What there is for `repository` on exactly this host and port, in the first file that has anything for it.
    pub(crate) async fn find(
        &self,
        host: &Host,
        repository: &RepositoryName,
    ) -> Result<Option<Secret>, Error> {
        let mut file = Some(self);
        while let Some(this) = file {
            if let Some(secret) = this.find_here(host, repository).await? {
                return Ok(Some(secret));
            }
            file = this.others.as_deref();
        }
        Ok(None)
    }

    /// What one file has: from the helper named for the host, else from the general one, else from the file, where the
    /// longest entry that is the repository or leads to it counts.
    async fn find_here(
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn the_first_file_that_has_a_login_for_a_place_has_the_word() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        // `u:p` and `x:y`.
        let first = file(
            "1",
            r#"{"auths":{"a.example":{"auth":"dTpw"},"b.example/team":{"auth":"dTpw"}}}"#,
        );
        let second = file(
            "2",
            r#"{"auths":{"a.example":{"auth":"eDp5"},"b.example":{"auth":"eDp5"}}}"#,
        );
        let absent = folder.path().join("absent");
        let files = Files::Usual(vec![absent.clone(), first, absent.clone(), second.clone()]);
        let credentials = Credentials::from_files(files).unwrap();
        for (host, repository, user) in [
            ("a.example", "app", Some("u")),
            ("b.example", "team/app", Some("u")),
            ("b.example", "app", Some("x")),
            ("c.example", "app", None),
        ] {
            let found = credentials
                .find(&host.parse().unwrap(), &repository.parse().unwrap())
                .await;
            let found = found.unwrap().map(|secret| match secret {
                Secret::Login(login) => login.user,
                Secret::IdentityToken(_) => "a token".to_owned(),
            });
            assert_eq!(found.as_deref(), user, "{host}/{repository}");
        }
        // A file that is named has to be there; a broken one is never passed over for the next.
        let error = Credentials::from_files(Files::Named(absent)).unwrap_err();
        assert_eq!(error.code(), "layout-storage");
        let broken = file("3", "{");
        let error = Credentials::from_files(Files::Usual(vec![broken, second])).unwrap_err();
        assert_eq!(error.code(), "registry-usage");
    }
}
