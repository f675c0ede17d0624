use std::net::IpAddr;

use futures_util::StreamExt as _;
use reqwest::{Url, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{ChainError, Options, error::shown};

/// A JSON-RPC client of one URL: one question, one answer, both bounded; no batching, no redirects.
#[derive(Clone, Debug)]
pub(crate) struct JsonRpc {
    url: Url,
    client: reqwest::Client,
    max_answer: usize,
}

#[derive(Deserialize)]
struct Answer {
    jsonrpc: String,
    id: Value,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default)]
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

/// Tells a `null` result from a missing one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl JsonRpc {
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, ChainError> {
        let refuse = |why: &str| ChainError::Url {
            url: shown(host_of(url)),
            why: why.to_owned(),
        };
        let parsed: Url = url.parse().map_err(|_| refuse("not a URL"))?;
        match parsed.scheme() {
            "https" => {}
            "http" if is_loopback(&parsed) => {}
            "http" => return Err(refuse("plain http to another machine")),
            _ => return Err(refuse("neither https nor http")),
        }
        let mut client = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .redirect(redirect::Policy::none());
        if is_loopback(&parsed) {
            // A proxy from the environment would turn plain http to this machine into plain http to another.
            client = client.no_proxy();
        }
        if parsed.scheme() == "http" {
            // Nor have the system's certificates a part in it, readable or not.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| ChainError::Unreachable {
            url: parsed.origin().ascii_serialization(),
            why: format!(
                "no HTTPS without certificate authorities: {}",
                innermost(&error)
            ),
        })?;
        Ok(Self {
            url: parsed,
            client,
            max_answer: options.max_answer,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    /// The endpoint by its host alone, for what is printed: in path and query people keep the keys of their accounts.
    pub(crate) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Asks `method` and reads its result as `T`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, ChainError> {
        let result = self.ask_value(method, params).await?;
        serde_json::from_value(result).map_err(|error| self.malformed(method, &error.to_string()))
    }

    async fn ask_value(&self, method: &'static str, params: Value) -> Result<Value, ChainError> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = self.post(method, question.to_string()).await?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| self.malformed(method, &error.to_string()))?;
        if answer.jsonrpc != "2.0" || answer.id != json!(1) {
            return Err(self.malformed(method, "the envelope has another version or id"));
        }
        match (answer.result, answer.error) {
            (Some(result), None) => Ok(result),
            (None, Some(error)) => Err(ChainError::Refused {
                url: self.place(),
                method,
                code: error.code,
                message: shown(&error.message),
                data: error
                    .data
                    .as_ref()
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            }),
            _ => Err(self.malformed(method, "neither exactly a result nor exactly an error")),
        }
    }

    async fn post(&self, method: &'static str, body: String) -> Result<Vec<u8>, ChainError> {
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json");
        let response = request
            .body(body)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| self.unreachable(&error))?);
            if bytes.len() > self.max_answer {
                return Err(self.malformed(method, &format!("more than {} bytes", self.max_answer)));
            }
        }
        // Some nodes send JSON-RPC errors with an HTTP error status: what counts is the envelope.
        if !status.is_success() && !bytes.starts_with(b"{") {
            return Err(ChainError::Unreachable {
                url: self.place(),
                why: format!("HTTP status {status}"),
            });
        }
        Ok(bytes)
    }

    pub(crate) fn malformed(&self, method: &'static str, why: &str) -> ChainError {
        ChainError::Malformed {
            url: self.place(),
            method,
            why: shown(why),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ChainError {
        let mut why = match error.is_timeout() && std::error::Error::source(error).is_none() {
            true => "no answer in time".to_owned(),
            false => innermost(error),
        };
        // How the TLS library says that something else than TLS came back. It is a wrong port far more often than a deed.
        if why.contains("received corrupt message") {
            why = "what answers there does not speak TLS".to_owned();
        }
        ChainError::Unreachable {
            url: self.place(),
            why,
        }
    }
}

/// The last cause of an error, fit to be printed.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    shown(&innermost.to_string())
}

/// What may be said about a URL that cannot be used: neither its login nor what is behind its host.
fn host_of(text: &str) -> &str {
    let start = text.find("://").map_or(0, |at| at + 3);
    let rest = text.get(start..).unwrap_or_default();
    let end = start + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = text.get(start..end).unwrap_or_default();
    match host.rsplit_once('@') {
        Some((_, host)) => host,
        None => text.get(..end).unwrap_or_default(),
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
