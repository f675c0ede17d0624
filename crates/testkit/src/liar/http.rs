use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt as _, stream};

use serde_json::json;

use super::{Lie, Shared, Upstream, pick, rpc};

/// The most bytes of one request or one answer that pass through.
const LIMIT: usize = 1 << 30;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An answer before it is sent on.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) async fn handle(shared: &Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LIMIT).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let called = rpc::methods(&parts.method, &body);
    let target = called.clone().unwrap_or_else(|| path.clone());
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    shared.note(parts.method.as_str(), &target, authorization);

    let values = parts
        .headers
        .values()
        .filter_map(|value| value.to_str().ok());
    let lies = shared.lies_about(&target, &values.collect::<Vec<_>>());
    for lie in &lies {
        if let Lie::Delay(time) = lie {
            tokio::time::sleep(*time).await;
        }
    }
    if let Some(answer) = instead(&lies, &path, &parts.headers).await {
        return answer;
    }
    let path_asked = swapped(&lies, &path);
    let asked = called
        .as_ref()
        .and_then(|_| rpc::asked(shared, &lies, &body));
    let asked = asked.map_or_else(|| body.clone(), Bytes::from);
    let mut answer = match forward(shared, &parts.method, &path_asked, &parts.headers, asked).await
    {
        Ok(answer) => answer,
        Err(error) => {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            return response;
        }
    };
    if called.is_some() {
        answer.body = rpc::distort(shared, &lies, &body, answer.body).await;
    }
    let seed = shared.scene().seed;
    for lie in &lies {
        distort(seed, lie, &path, &mut answer);
    }
    send(&lies, parts.method == Method::HEAD, answer)
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn with_header(status: StatusCode, name: header::HeaderName, value: &str) -> Response {
    let mut response = plain(status);
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Lies for which nobody needs to be asked.
async fn instead(lies: &[Lie], path: &str, headers: &HeaderMap) -> Option<Response> {
    for lie in lies {
        return Some(match lie {
            Lie::Status(code) => plain(StatusCode::from_u16(*code).unwrap_or_default()),
            Lie::Stall => std::future::pending().await,
            Lie::Redirect(url) => {
                with_header(StatusCode::TEMPORARY_REDIRECT, header::LOCATION, url)
            }
            Lie::RedirectLoop => {
                with_header(StatusCode::TEMPORARY_REDIRECT, header::LOCATION, path)
            }
            Lie::Challenge(realm) => challenge(realm),
            Lie::WantsToken => match token_gate(path, headers) {
                Some(answer) => answer,
                None => continue,
            },
            Lie::Endless => {
                let block = Bytes::from_static(&[0; 64 << 10]);
                let zeros = stream::repeat_with(move || Ok::<_, io::Error>(block.clone()));
                Response::new(Body::from_stream(zeros))
            }
            _ => continue,
        });
    }
    None
}

fn challenge(realm: &str) -> Response {
    let value = format!("Bearer realm=\"{realm}\",service=\"liar\"");
    with_header(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, &value)
}

/// Gives tokens at `/token`, and lets pass who has the one for what is asked; `None` to let pass.
fn token_gate(path: &str, headers: &HeaderMap) -> Option<Response> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if path.starts_with("/token") {
        let token = if path.contains("push") {
            "push"
        } else {
            "pull"
        };
        return Some(Response::new(Body::from(format!(
            "{{\"token\":\"{token}\"}}"
        ))));
    }
    let wanted = if path.contains("/uploads/") {
        "Bearer push"
    } else {
        "Bearer pull"
    };
    let given = text(header::AUTHORIZATION);
    if given == wanted || given == "Bearer push" {
        return None;
    }
    Some(challenge(&format!("http://{}/token", text(header::HOST))))
}

/// The path to ask the upstream for.
fn swapped(lies: &[Lie], path: &str) -> String {
    for lie in lies {
        let (kind, name) = match lie {
            Lie::SwappedManifest(name) => ("/manifests/", name),
            Lie::SwappedBlob(name) => ("/blobs/", name),
            _ => continue,
        };
        if let Some((repository, _)) = path.split_once(kind) {
            return format!("{repository}{kind}{name}");
        }
    }
    path.to_owned()
}

/// The upstream's answer, or the remembered one.
pub(super) async fn forward(
    shared: &Shared,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, reqwest::Error> {
    let upstream = &shared.upstream;
    let accept = headers.get(header::ACCEPT).cloned();
    let key = (method.clone(), path.to_owned(), accept, body.clone());
    if let Some(answer) = upstream.remembered(&key) {
        return Ok(answer);
    }
    let answer = fetch(upstream, method, path, headers, body).await?;
    upstream.remember(key, &answer);
    Ok(answer)
}

async fn fetch(
    upstream: &Upstream,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, reqwest::Error> {
    let mut headers = headers.clone();
    // The host stays as the client wrote it, so that a registry builds addresses that lead back here.
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
    ] {
        headers.remove(name);
    }
    let response = upstream
        .client
        .request(method.clone(), format!("{}{path}", upstream.url))
        .headers(headers)
        .body(body)
        .send()
        .await?;
    let status = response.status();
    let mut headers = response.headers().clone();
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    if *method != Method::HEAD {
        headers.remove(header::CONTENT_LENGTH);
    }
    let body = response.bytes().await?;
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// Lies about an answer that was got.
fn distort(seed: u64, lie: &Lie, path: &str, answer: &mut Answer) {
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers.insert(name, value);
        }
    };
    match lie {
        Lie::ContentType(value) => set("content-type", value),
        Lie::DigestHeader(value) => set("docker-content-digest", value),
        Lie::LinkLoop => set("link", &format!("<{path}>; rel=\"next\"")),
        Lie::WrongBytes => {
            let mut bytes = answer.body.to_vec();
            let place = pick(seed, path, bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
            answer.body = bytes.into();
        }
        Lie::Short => answer.body = answer.body.slice(..answer.body.len() / 2),
        Lie::Body(text) => {
            answer.status = StatusCode::OK;
            answer.body = text.clone().into();
        }
        Lie::Replace(old, new) => {
            let text = String::from_utf8_lossy(&answer.body);
            answer.body = text.replace(old, new).into();
        }
        Lie::Flood(number) => {
            set("content-type", INDEX);
            answer.status = StatusCode::OK;
            answer.body = flood(seed, *number).into();
        }
        _ => {}
    }
}

/// An index whose entries lead nowhere.
fn flood(seed: u64, number: usize) -> String {
    let entries = (0..number).map(|at| {
        let digest = format!("sha256:{:016x}{:048x}", seed, at + 1);
        let kind = "application/vnd.nix-seed.locator.v1+json";
        json!({ "mediaType": MANIFEST, "digest": digest, "size": 500, "artifactType": kind })
    });
    let entries: Vec<_> = entries.collect();
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string()
}

/// Sends the answer, in the way the lies want it sent.
fn send(lies: &[Lie], head: bool, answer: Answer) -> Response {
    let mut length = answer.body.len();
    let cut = lies.iter().find_map(|lie| match lie {
        Lie::Truncated => Some(length / 2),
        Lie::Reset => Some(0),
        Lie::LongLength => Some(length),
        _ => None,
    });
    if lies.contains(&Lie::LongLength) {
        length += 1;
    }
    let drip = lies.iter().find_map(|lie| match lie {
        Lie::Drip(pause) => Some(*pause),
        _ => None,
    });
    let body = match (cut, drip) {
        (Some(end), _) => cut_off(answer.body.slice(..end)),
        (None, Some(pause)) => dripping(answer.body, pause),
        (None, None) => Body::from(answer.body),
    };
    let mut response = Response::new(if head { Body::empty() } else { body });
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    if !head && (cut.is_some() || drip.is_some()) {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// What there is, and then the end of the connection. The end is not there at once: the server would throw away what
/// it has not sent yet.
fn cut_off(half: Bytes) -> Body {
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(stream::iter([Ok(half)]).chain(end))
}

fn dripping(bytes: Bytes, pause: Duration) -> Body {
    let drops = stream::iter(bytes).then(move |byte| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, io::Error>(Bytes::copy_from_slice(&[byte]))
    });
    Body::from_stream(drops)
}
