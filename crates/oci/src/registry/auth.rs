use std::{collections::BTreeMap, sync::Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    RequestBuilder, Response, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{call::Call, http::Http};
use crate::{
    Credentials, Error, Host, Login, Options, RepositoryName, credentials::Secret,
    host::is_loopback, limits::MAX_SMALL,
};

/// What a request needs to be allowed to do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Right {
    Pull,
    Push,
}

/// The login of one repository: credentials if there are any, and the tokens got with them.
pub(super) struct Auth {
    host: Host,
    repository: RepositoryName,
    credentials: Credentials,
    /// Looked up once, when the registry first wants it.
    secret: OnceCell<Option<Secret>>,
    token_host: Option<String>,
    scopes: [String; 2],
    headers: Mutex<BTreeMap<Right, String>>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// A `WWW-Authenticate` header.
#[derive(Debug, Eq, PartialEq)]
enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Auth {
    pub(super) fn new(host: &Host, repository: &RepositoryName, options: &Options) -> Self {
        Self {
            host: host.clone(),
            repository: repository.clone(),
            credentials: options.credentials.clone(),
            secret: OnceCell::new(),
            token_host: options.token_hosts.get(&host.api_authority()).cloned(),
            // The scope is what we need, never what the challenge asks us to get.
            scopes: [
                format!("repository:{repository}:pull"),
                format!("repository:{repository}:pull,push"),
            ],
            headers: Mutex::default(),
        }
    }

    /// The `Authorization` header known so far for this right.
    pub(super) fn header(&self, right: Right) -> Option<String> {
        let headers = self
            .headers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        headers.get(&right).cloned()
    }

    async fn secret(&self) -> Result<Option<&Secret>, Error> {
        let find = || self.credentials.find(&self.host, &self.repository);
        self.secret.get_or_try_init(find).await.map(Option::as_ref)
    }

    fn remember(&self, right: Right, header: &str) {
        let mut headers = self
            .headers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        headers.insert(right, header.to_owned());
    }

    /// Answers a 401: the header to try again with, or `None` when there is nothing (more) to say.
    pub(super) async fn answer(
        &self,
        http: &Http,
        call: &Call,
        response: &Response,
        used: Option<String>,
    ) -> Result<Option<String>, Error> {
        let challenges = response.headers().get_all(WWW_AUTHENTICATE);
        let challenge = challenges
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(Challenge::parse);
        let header = match challenge {
            None => return Ok(None),
            Some(Challenge::Basic) => match self.secret().await? {
                Some(Secret::Login(login)) => basic(login),
                Some(Secret::IdentityToken(_)) | None => return Ok(None),
            },
            Some(Challenge::Bearer { realm, service }) => {
                self.token(http, call, &realm, service.as_deref()).await?
            }
        };
        if used.as_ref() == Some(&header) {
            return Ok(None);
        }
        self.remember(call.right, &header);
        Ok(Some(header))
    }

    async fn token(
        &self,
        http: &Http,
        call: &Call,
        realm: &str,
        service: Option<&str>,
    ) -> Result<String, Error> {
        let what = format!("a token for {}", call.what);
        let malformed = |why: &str| http.malformed(&what, why.to_owned());
        let mut url = Url::parse(realm).map_err(|_| malformed("its realm is no address"))?;
        if let Some(why) = self.realm_fault(http, &url) {
            return Err(http.astray(call, &url, why));
        }
        let [pull, push] = &self.scopes;
        let scope = if call.right == Right::Push {
            push
        } else {
            pull
        };
        let service = service.map(|service| ("service", service));
        let asked = [("scope", scope.as_str())].into_iter().chain(service);
        let request = match self.secret().await? {
            Some(Secret::IdentityToken(token)) => {
                let grant = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", "nix-seed"),
                ];
                post_form(http, url, grant.into_iter().chain(asked))
            }
            login => {
                url.query_pairs_mut().extend_pairs(asked);
                let request = http.client().get(url);
                match login {
                    Some(Secret::Login(login)) => request.header(AUTHORIZATION, basic(login)),
                    _ => request,
                }
            }
        };
        let response = http.run(&what, request).await?;
        let status = response.status();
        if status.is_server_error() {
            return Err(http.unavailable(&what, format!("the token service answered {status}")));
        }
        if !status.is_success() {
            return Err(Error::Denied {
                place: http.place().to_owned(),
                what,
                status: status.as_u16(),
                why: String::new(),
            });
        }
        let body = http.body(&what, response, MAX_SMALL).await?;
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_| malformed("it is not JSON"))?;
        let token = answer
            .token
            .or(answer.access_token)
            .filter(|token| is_token(token));
        token
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| malformed("there is no usable token in it"))
    }

    /// Why a token service must not be asked.
    ///
    /// Asked are the registry's own address; the same host in HTTPS on its usual port, where a registry on another
    /// port has its token service by custom; and the one configured for it.
    fn realm_fault(&self, http: &Http, realm: &Url) -> Option<&'static str> {
        if !realm.username().is_empty() || realm.password().is_some() {
            return Some("the address of the token service has a user in it");
        }
        let host = realm.host_str().unwrap_or_default();
        let plain = realm.scheme() == "http" && http.base.scheme() == "http" && is_loopback(host);
        if realm.scheme() != "https" && !plain {
            return Some("the token service is not https");
        }
        let usual = realm.scheme() == "https" && realm.port().is_none();
        let same_host = http.base.host_str() == Some(host);
        let named = self.token_host.as_deref() == Some(realm.authority());
        let known = http.is_home(realm) || named || (same_host && usual);
        (!known).then_some(
            "a login goes only to the registry's own address, to its host on port 443, or to the token service \
             configured for it",
        )
    }
}

/// A form as the body, where it is in no log of addresses.
fn post_form<'a>(
    http: &Http,
    url: Url,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
) -> RequestBuilder {
    let mut form = url.clone();
    form.set_query(None);
    form.query_pairs_mut().extend_pairs(fields);
    let body = form.query().unwrap_or_default().to_owned();
    http.client()
        .post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
}

fn basic(login: &Login) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", login.user, login.password))
    )
}

fn is_token(token: &str) -> bool {
    (1..=16 << 10).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic())
}

impl Challenge {
    fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest)?;
        Some(Self::Bearer {
            realm: parameters.get("realm")?.clone(),
            service: parameters.get("service").cloned(),
        })
    }
}

/// `name="value", name=value…`; `None` when it is malformed.
fn parameters(mut rest: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(found);
        }
        let (name, tail) = rest.split_once('=')?;
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => tail.split_at(tail.find(',').unwrap_or(tail.len())),
        };
        found.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_challenges() {
        let text = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull,push""#;
        let bearer = Challenge::Bearer {
            realm: "https://auth.example/token".into(),
            service: Some("registry.example".into()),
        };
        assert_eq!(Challenge::parse(text), Some(bearer));
        assert_eq!(
            Challenge::parse("Basic realm=\"x\""),
            Some(Challenge::Basic)
        );
        for text in [
            "",
            "Digest x",
            "Bearer",
            "Bearer realm",
            "Bearer realm=\"x",
            "Bearer service=\"x\"",
        ] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_tokens_that_would_break_a_header() {
        for token in ["", "a b", "a\r\nX: y", "ä", &"a".repeat(20_000)] {
            assert!(!is_token(token));
        }
    }
}
