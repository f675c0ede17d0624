use std::{collections::BTreeMap, sync::Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Response, Url,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde::Deserialize;

use super::{call::Call, http::Http};
use crate::{Error, Host, Login, Options, RepositoryName, host::is_loopback, limits::MAX_SMALL};

/// What a request needs to be allowed to do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Right {
    Pull,
    Push,
}

/// The login of one repository: credentials if there are any, and the tokens got with them.
pub(super) struct Auth {
    login: Option<Login>,
    token_host: Option<String>,
    scopes: [String; 2],
    headers: Mutex<BTreeMap<Right, String>>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("login", &self.login)
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
            login: options.credentials.login(host).cloned(),
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
            Some(Challenge::Basic) => match &self.login {
                Some(login) => basic(login),
                None => return Ok(None),
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
        url.query_pairs_mut().append_pair("scope", scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let mut request = http.client().get(url);
        if let Some(login) = &self.login {
            request = request.header(AUTHORIZATION, basic(login));
        }
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

    /// Why a token service must not be asked: only the registry's own host, or the one configured for it.
    fn realm_fault(&self, http: &Http, realm: &Url) -> Option<&'static str> {
        let host = realm.host_str().unwrap_or_default();
        if !realm.username().is_empty() || realm.password().is_some() {
            return Some("the address of the token service has a user in it");
        }
        if realm.scheme() != "https" && !(realm.scheme() == "http" && is_loopback(host)) {
            return Some("the token service is not https");
        }
        let named = self.token_host.as_deref() == Some(host);
        (!named && !http.is_home_host(host)).then_some(
            "a login goes only to the registry itself or to the token service configured for it",
        )
    }
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
