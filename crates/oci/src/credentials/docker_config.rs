use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{Credentials, Helper, Login, Secret, host_of, scope_of};
use crate::{Error, limits::MAX_SMALL, text::causes};

/// The part of a Docker configuration file that is about logins.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, DockerAuth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct DockerAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl DockerAuth {
    /// `None` where the login is kept elsewhere (a credential helper); `Some(Err)` where it cannot be read.
    fn secret(self) -> Option<Result<Secret, &'static str>> {
        if let Some(token) = self.identitytoken.filter(|token| !token.is_empty()) {
            return Some(Ok(Secret::IdentityToken(token)));
        }
        let login = |user: &str, password: &str| {
            Secret::Login(Login {
                user: user.to_owned(),
                password: password.to_owned(),
            })
        };
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Some(Ok(login(user, password)));
        }
        let encoded = self.auth.filter(|auth| !auth.is_empty())?;
        let text = STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        Some(
            pair.map(|(user, password)| login(user, password))
                .ok_or("an `auth` is not base64 of user:password"),
        )
    }
}

impl DockerConfig {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(16 * MAX_SMALL).read_to_end(&mut bytes))
            .map_err(|error| Error::Storage {
                place: path.display().to_string(),
                what: "read the registry logins".to_owned(),
                why: causes(&error),
            })?;
        // The message of a JSON error may quote a value, and values here are secrets.
        serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            usage(path, &format!("not a Docker configuration, see {place}"))
        })
    }

    pub(super) fn credentials(self, path: &Path) -> Result<Credentials, Error> {
        let mut credentials = Credentials::default();
        for (key, auth) in self.auths {
            if let Some(secret) = auth.secret() {
                let secret = secret.map_err(|why| usage(path, why))?;
                credentials.secrets.insert(scope_of(&key), secret);
            }
        }
        let helper = |name: &str| {
            let why = "the name of a credential helper is not of a-z, 0-9 and -";
            Helper::new(name).ok_or_else(|| usage(path, why))
        };
        for (host, name) in self.cred_helpers {
            let host = host_of(&host).to_owned();
            credentials.helpers.insert(host, helper(&name)?);
        }
        let store = self.creds_store.filter(|name| !name.is_empty());
        credentials.store = store.map(|name| helper(&name)).transpose()?;
        Ok(credentials)
    }
}

fn usage(path: &Path, what: &str) -> Error {
    Error::Usage {
        place: PathBuf::from(path).display().to_string(),
        what: what.to_owned(),
        help: "log in again, or remove the file".to_owned(),
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

    fn find(credentials: &Credentials, host: &str, repository: &str) -> Option<Secret> {
        let (host, repository) = (host.parse().unwrap(), repository.parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let found = runtime
            .unwrap()
            .block_on(credentials.find(&host, &repository));
        found.unwrap()
    }

    fn login(user: &str, password: &str) -> Option<Secret> {
        let (user, password) = (user.to_owned(), password.to_owned());
        Some(Secret::Login(Login { user, password }))
    }

    #[test]
    fn reads_logins_for_exactly_their_host() {
        let credentials = read(
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},
                "127.0.0.1:5000":{"username":"a","password":"b:c"},"https://b.example/v2/":{"auth":"dTpw"},
                "token.example":{"auth":"dTo=","identitytoken":"t"},"helper.example":{}}}"#,
        )
        .unwrap();
        let at = |host: &str| find(&credentials, host, "acme/app");
        assert_eq!(at("docker.io"), login("u", "p"));
        assert_eq!(at("index.docker.io"), login("u", "p"));
        assert_eq!(at("127.0.0.1:5000"), login("a", "b:c"));
        assert_eq!(at("b.example"), login("u", "p"));
        assert_eq!(at("token.example"), Some(Secret::IdentityToken("t".into())));
        for host in [
            "127.0.0.1:5001",
            "127.0.0.1",
            "helper.example",
            "a.b.example",
            "docker.io:444",
        ] {
            assert_eq!(at(host), None, "{host}");
        }
    }

    #[test]
    fn a_login_for_some_repositories_is_for_no_others() {
        let credentials = read(
            r#"{"auths":{"a.example/acme":{"auth":"dTpw"},"a.example/acme/app":{"auth":"eDp5"},
                "b.example":{"auth":"dTpw"},"b.example/secret":{"auth":"eDp5"}}}"#,
        )
        .unwrap();
        for (host, repository, expected) in [
            ("a.example", "acme/app", login("x", "y")),
            ("a.example", "acme/app/part", login("x", "y")),
            ("a.example", "acme/other", login("u", "p")),
            ("a.example", "acme", login("u", "p")),
            ("a.example", "acmeother/app", None),
            ("a.example", "app", None),
            ("b.example", "secret/a", login("x", "y")),
            ("b.example", "secrets", login("u", "p")),
            ("c.example", "acme/app", None),
        ] {
            assert_eq!(
                find(&credentials, host, repository),
                expected,
                "{host}/{repository}"
            );
        }
    }

    #[test]
    fn refuses_a_broken_file_without_printing_secrets() {
        for text in [
            "{",
            r#"{"auths":{"a.b":{"auth":"c2VjcmV0"}}}"#,
            r#"{"auths":{"a.b":{"auth":["hunter2"]}}}"#,
            r#"{"credsStore":"../../bin/hunter2"}"#,
            r#"{"credsStore":"a b"}"#,
            r#"{"credHelpers":{"a.b":""}}"#,
            r#"{"credHelpers":{"a.b":"/bin/sh"}}"#,
            r#"{"credHelpers":{"a.b":"Pass"}}"#,
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code(), "registry-usage", "{text}");
            assert!(
                !error.to_string().contains("hunter2") && !error.to_string().contains("secret")
            );
        }
        let login = Login {
            user: "u".into(),
            password: "hunter2".into(),
        };
        let token = Secret::IdentityToken("hunter2".into());
        assert!(!format!("{login:?} {token:?}").contains("hunter2"));
    }
}
