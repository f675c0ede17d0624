use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::Bytes,
    http::{HeaderValue, Method},
};

use super::{LiarError, http::Answer};

/// Method, path, what is accepted, and body.
pub(super) type Question = (Method, String, Option<HeaderValue>, Bytes);

/// The most answers that are remembered.
const MAX: usize = 100_000;

/// Where the truth is: a real registry or a real JSON-RPC endpoint. Clones share connections and memory.
#[derive(Clone, Debug)]
pub struct Upstream {
    pub(super) url: String,
    pub(super) client: reqwest::Client,
    memory: Option<Arc<Mutex<HashMap<Question, Answer>>>>,
}

impl Upstream {
    /// The server at `url`, such as `http://127.0.0.1:5000`. It is asked every time.
    ///
    /// # Errors
    /// [`LiarError::Client`] when no client can be made.
    pub fn new(url: &str) -> Result<Self, LiarError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            client,
            memory: None,
        })
    }

    /// The same, asked each question once: for a server on which nothing changes any more.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self {
            memory: Some(Arc::default()),
            ..self
        }
    }

    pub(super) fn remembered(&self, question: &Question) -> Option<Answer> {
        let memory = self.memory.as_ref()?.lock();
        memory
            .unwrap_or_else(PoisonError::into_inner)
            .get(question)
            .cloned()
    }

    pub(super) fn remember(&self, question: Question, answer: &Answer) {
        if let Some(memory) = &self.memory {
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            if memory.len() < MAX {
                memory.insert(question, answer.clone());
            }
        }
    }
}
