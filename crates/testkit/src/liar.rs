mod forgery;
mod game;
mod http;
mod lie;
mod rpc;
mod told;
mod upstream;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE},
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};

pub use forgery::Forgery;
pub use game::Game;
pub use lie::{Lie, LieError};
pub use told::Told;
pub use upstream::Upstream;

/// Why a liar did not start.
#[derive(Debug, Error)]
pub enum LiarError {
    /// No port could be had.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The client towards the upstream could not be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// One request that the liar got.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// `GET`, `POST`…
    pub method: String,
    /// Path and query; for JSON-RPC the method.
    pub target: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// An HTTP proxy on 127.0.0.1, before a real registry or a real JSON-RPC endpoint, that tells lies on command
/// and the truth otherwise.
///
/// It ends when this is dropped. The same seed, lies and requests give the same answers.
#[derive(Debug)]
pub struct Liar {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    state: Mutex<Scene>,
}

/// What changes while the liar runs.
#[derive(Debug, Default)]
struct Scene {
    seed: u64,
    lies: Vec<(Told, usize)>,
    seen: Vec<Seen>,
    /// First answers that a frozen head keeps giving, by request.
    frozen: BTreeMap<String, Value>,
    /// Hashes of forged blocks, with those of the blocks they were made from.
    renamed: BTreeMap<String, String>,
}

impl Shared {
    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lies to be told about `target` now, to a client with these header values.
    fn lies_about(&self, target: &str, client: &[&str]) -> Vec<Lie> {
        let mut scene = self.scene();
        let mut lies = Vec::new();
        for (told, matched) in &mut scene.lies {
            if told.is_about(target, client) {
                *matched += 1;
                if (told.from..=told.to).contains(matched) {
                    lies.push(told.lie.clone());
                }
            }
        }
        lies
    }

    /// What the upstream gives as the result of a JSON-RPC question.
    async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = question.to_string().into();
        let answer = http::forward(self, &Method::POST, "/", &headers, body)
            .await
            .ok()?;
        let mut answer: Value = serde_json::from_slice(&answer.body).ok()?;
        Some(answer.get_mut("result")?.take())
    }

    fn note(&self, method: &str, target: &str, authorization: Option<&str>) {
        self.scene().seen.push(Seen {
            method: method.to_owned(),
            target: target.to_owned(),
            authorization: authorization.map(str::to_owned),
        });
    }
}

impl Liar {
    /// Starts an honest proxy before `upstream`, such as `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// [`LiarError`] when there is no port or no client to be had.
    pub async fn start(upstream: &str, seed: u64) -> Result<Self, LiarError> {
        Self::before(&Upstream::new(upstream)?, seed).await
    }

    /// Starts an honest proxy before an upstream that several proxies may share.
    ///
    /// # Errors
    /// [`LiarError::Listen`] when there is no port to be had.
    pub async fn before(upstream: &Upstream, seed: u64) -> Result<Self, LiarError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let scene = Scene {
            seed,
            ..Scene::default()
        };
        let shared = Arc::new(Shared {
            upstream: upstream.clone(),
            state: Mutex::new(scene),
        });
        let state = Arc::clone(&shared);
        let router = Router::new().fallback(handle).with_state(state);
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells `lie` from now on, besides those told already.
    pub fn tell(&self, lie: impl Into<Told>) {
        self.shared.scene().lies.push((lie.into(), 0));
    }

    /// Tells the truth again.
    pub fn be_honest(&self) {
        let mut scene = self.shared.scene();
        scene.lies.clear();
        scene.frozen.clear();
        scene.renamed.clear();
    }

    /// Forgets everything and is honest, as if it had been started with `seed`.
    pub fn start_over(&self, seed: u64) {
        *self.shared.scene() = Scene {
            seed,
            ..Scene::default()
        };
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.scene().seen.clone()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    request: axum::extract::Request,
) -> axum::response::Response {
    http::handle(&shared, request).await
}

/// A number from the seed and a text, the same each time: which byte to change.
fn pick(seed: u64, text: &str, below: usize) -> usize {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    let hash = text.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash % below.max(1) as u64).unwrap_or(0)
}
