use std::{future::Future, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RANGE},
};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    auth::Auth,
    call::{Body, Call},
};
use crate::{
    Error, Host, Options, RepositoryName,
    limits::MAX_SMALL,
    text::{causes, shown},
};

/// The HTTP side of one repository: requests with login, redirects, deadlines and bounded bodies.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    place: String,
    pub(super) base: Url,
    options: Options,
    auth: Auth,
}

/// The body of an error, as the distribution specification has it.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: String,
}

impl Http {
    pub(super) fn new(
        host: &Host,
        repository: &RepositoryName,
        options: Options,
    ) -> Result<Self, Error> {
        let place = format!("{host}/{repository}");
        let mut builder = Client::builder()
            .user_agent(concat!("nix-seed/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout);
        if host.is_loopback() {
            // Plain HTTP to this machine: neither a proxy nor the system's certificates have a part in it.
            builder = builder.no_proxy().tls_certs_only([]);
        } else {
            builder = builder.https_only(true);
        }
        let unavailable = |why: String| Error::Unavailable {
            place: place.clone(),
            what: "a connection".to_owned(),
            why,
        };
        let client = builder
            .build()
            .map_err(|error| unavailable(causes(&error)))?;
        let text = format!(
            "{}://{}/v2/{repository}/",
            host.scheme(),
            host.api_authority()
        );
        let base = Url::parse(&text).map_err(|error| unavailable(causes(&error)))?;
        let auth = Auth::new(host, repository, &options);
        Ok(Self {
            client,
            place,
            base,
            options,
            auth,
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) const fn options(&self) -> &Options {
        &self.options
    }

    /// `/v2/<repository>/<path>`; `path` is made of digests and tags only, which need no escaping.
    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        self.base
            .join(path)
            .map_err(|error| self.malformed("address", causes(&error)))
    }

    /// Runs `attempt` until it answers, within the time for `size` bytes; failures to answer are tried again.
    pub(super) async fn within<T, F>(
        &self,
        what: &str,
        size: u64,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let time = self.options.time_for(size);
        let deadline = Instant::now() + time;
        let mut pause = Duration::from_millis(100);
        let mut left = self.options.attempts;
        loop {
            left = left.saturating_sub(1);
            match timeout_at(deadline, attempt()).await {
                Err(_) => {
                    let why = format!("no complete answer within {} seconds", time.as_secs_f32());
                    return Err(self.unavailable(what, why));
                }
                Ok(Err(error)) if error.is_retryable() && left > 0 => {
                    tracing::debug!(%error, "trying again");
                    sleep_until(deadline.min(Instant::now() + pause)).await;
                    pause *= 4;
                }
                Ok(result) => return result,
            }
        }
    }

    /// Sends `call`, logging in and following redirects as far as allowed, and returns a successful response.
    pub(super) async fn send(&self, call: &Call) -> Result<Response, Error> {
        let mut url = call.url.clone();
        for _ in 0..=self.options.redirects {
            let response = self.send_to(call, &url).await?;
            if !response.status().is_redirection() {
                return self.accept(call, response).await;
            }
            url = self.redirect(call, &url, &response)?;
        }
        Err(self.astray(call, &url, "it is one redirect too many"))
    }

    /// Sends to one address. Only the registry itself is ever logged in to.
    async fn send_to(&self, call: &Call, url: &Url) -> Result<Response, Error> {
        let home = url.origin() == self.base.origin();
        let login = if home {
            self.auth.header(call.right)
        } else {
            None
        };
        let used = login.clone();
        let response = self.send_once(call, url, login).await?;
        if !home || response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match self.auth.answer(self, call, &response, used).await? {
            Some(login) => self.send_once(call, url, Some(login)).await,
            None => Ok(response),
        }
    }

    async fn send_once(
        &self,
        call: &Call,
        url: &Url,
        login: Option<String>,
    ) -> Result<Response, Error> {
        let mut request = self.client.request(call.method.clone(), url.clone());
        if let Some(accept) = call.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some(first) = call.range_from {
            request = request.header(RANGE, format!("bytes={first}-"));
        }
        if let Some(content_type) = &call.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(login) = login {
            request = request.header(AUTHORIZATION, login);
        }
        let request = match &call.body {
            Body::None if call.method == Method::GET || call.method == Method::HEAD => request,
            Body::None => request.header(CONTENT_LENGTH, 0),
            Body::Bytes(bytes) => request.body(bytes.clone()),
            Body::File(path, size) => {
                let file = tokio::fs::File::open(path)
                    .await
                    .map_err(|error| Error::Storage {
                        place: path.display().to_string(),
                        what: "read the file".to_owned(),
                        why: causes(&error),
                    })?;
                request
                    .header(CONTENT_LENGTH, *size)
                    .body(reqwest::Body::from(file))
            }
        };
        self.run(&call.what, request).await
    }

    pub(super) async fn run(&self, what: &str, request: RequestBuilder) -> Result<Response, Error> {
        let result = request.send().await;
        result.map_err(|error| self.unavailable(what, causes(&error.without_url())))
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Turns a status that is not a success into an error.
    async fn accept(&self, call: &Call, response: Response) -> Result<Response, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let what = call.what.as_str();
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Error::NotFound {
                place: self.place.clone(),
                what: what.to_owned(),
            }),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                Err(self.unavailable(what, format!("the registry answered {status}")))
            }
            status if status.is_server_error() => {
                Err(self.unavailable(what, format!("the registry answered {status}")))
            }
            status if status.is_client_error() => Err(Error::Denied {
                place: self.place.clone(),
                what: what.to_owned(),
                status: status.as_u16(),
                why: self.error_code(what, response).await,
            }),
            status => Err(self.malformed(what, format!("the registry answered {status}"))),
        }
    }

    /// The first error code in the body of a refusal, as `, CODE`; empty when there is none.
    async fn error_code(&self, what: &str, response: Response) -> String {
        let body = self
            .body(what, response, MAX_SMALL)
            .await
            .unwrap_or_default();
        let body: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        let first = body.errors.into_iter().next();
        first.map_or_else(String::new, |entry| format!(", {}", shown(&entry.code)))
    }

    /// The whole body, at most `limit` bytes.
    pub(super) async fn body(
        &self,
        what: &str,
        mut response: Response,
        limit: u64,
    ) -> Result<Bytes, Error> {
        let too_large = || Error::TooLarge {
            place: self.place.clone(),
            what: what.to_owned(),
            limit,
        };
        if response
            .content_length()
            .is_some_and(|length| length > limit)
        {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| self.unavailable(what, causes(&error.without_url())))? {
                None => return Ok(body.freeze()),
                Some(chunk) if body.len() as u64 + chunk.len() as u64 > limit => {
                    return Err(too_large());
                }
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
    }

    pub(super) fn unavailable(&self, what: &str, why: String) -> Error {
        Error::Unavailable {
            place: self.place.clone(),
            what: what.to_owned(),
            why,
        }
    }

    pub(super) fn malformed(&self, what: &str, why: String) -> Error {
        Error::Malformed {
            place: self.place.clone(),
            what: what.to_owned(),
            why,
        }
    }
}
