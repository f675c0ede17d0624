use std::{
    collections::BTreeMap,
    fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{Error, Host, limits::MAX_SMALL, text::causes};

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

/// Logins by registry host, as `docker login` and its relatives store them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Credentials {
    logins: BTreeMap<String, Login>,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Deserialize)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl DockerAuth {
    /// `None` where the login is kept elsewhere (a credential helper); `Some(Err)` where it cannot be read.
    fn login(self) -> Option<Result<Login, &'static str>> {
        if let (Some(user), Some(password)) = (self.username, self.password) {
            return Some(Ok(Login { user, password }));
        }
        let encoded = self.auth.filter(|auth| !auth.is_empty())?;
        let text = STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        Some(
            pair.map(|(user, password)| Login {
                user: user.to_owned(),
                password: password.to_owned(),
            })
            .ok_or("an `auth` is not base64 of user:password"),
        )
    }
}

impl Credentials {
    /// These credentials with `login` for `host` added.
    #[must_use]
    pub fn with(mut self, host: &Host, login: Login) -> Self {
        self.logins.insert(host.to_string(), login);
        self
    }

    /// Reads the `auths` of a Docker configuration file. Entries without a password (kept by a credential
    /// helper) are left out.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be read, [`Error::Usage`] when it is not such a file.
    pub fn from_docker_config(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let usage = |what: String| Error::Usage {
            place: place.clone(),
            what,
            help: "log in again, or remove the file".to_owned(),
        };
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(16 * MAX_SMALL).read_to_end(&mut bytes))
            .map_err(|error| Error::Storage {
                place: place.clone(),
                what: "read the registry logins".to_owned(),
                why: causes(&error),
            })?;
        // The message of a JSON error may quote a value, and values here are secrets.
        let config: DockerConfig = serde_json::from_slice(&bytes).map_err(|error| {
            usage(format!(
                "not a Docker configuration, see {}",
                position(&error)
            ))
        })?;
        let mut logins = BTreeMap::new();
        for (key, auth) in config.auths {
            if let Some(login) = auth.login() {
                logins.insert(host_of(&key), login.map_err(|why| usage(why.to_owned()))?);
            }
        }
        Ok(Self { logins })
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

    /// The login for `host`, if there is one for exactly this host and port.
    #[must_use]
    pub fn login(&self, host: &Host) -> Option<&Login> {
        self.logins.get(&host_of(&host.to_string()))
    }
}

/// Where a JSON text is wrong, without quoting any of it.
fn position(error: &serde_json::Error) -> String {
    format!("line {} column {}", error.line(), error.column())
}

/// The host that a key of `auths` means: `https://index.docker.io/v1/` is Docker Hub.
fn host_of(key: &str) -> String {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    match bare.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Credentials, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, text).unwrap();
        Credentials::from_docker_config(&path)
    }

    #[test]
    fn reads_logins_and_leaves_out_helpers() {
        let credentials = read(
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"127.0.0.1:5000":{"username":"a","password":"b:c"},
                "helper.example":{}},"credsStore":"x"}"#,
        )
        .unwrap();
        let login = |host: &str| credentials.login(&host.parse().unwrap()).cloned();
        assert_eq!(
            login("docker.io"),
            Some(Login {
                user: "u".into(),
                password: "p".into()
            })
        );
        assert_eq!(login("127.0.0.1:5000").unwrap().password, "b:c");
        assert_eq!(login("127.0.0.1:5001"), None);
        assert_eq!(login("helper.example"), None);
    }

    #[test]
    fn refuses_a_broken_file_without_printing_secrets() {
        for text in [
            "{",
            r#"{"auths":{"a.b":{"auth":"c2VjcmV0"}}}"#,
            r#"{"auths":{"a.b":{"auth":["hunter2"]}}}"#,
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code(), "registry-usage");
            assert!(
                !error.to_string().contains("hunter2") && !error.to_string().contains("secret")
            );
        }
        let login = Login {
            user: "u".into(),
            password: "hunter2".into(),
        };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
