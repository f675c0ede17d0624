use std::path::PathBuf;

use bytes::Bytes;
use reqwest::{Method, Url};

use super::auth::Right;

/// One request, in a form that can be sent again after a login or a redirect.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) what: String,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) right: Right,
    pub(super) accept: Option<&'static str>,
    /// The first byte that is wanted, where it is not the whole.
    pub(super) range_from: Option<u64>,
    pub(super) content_type: Option<String>,
    pub(super) body: Body,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Bytes(Bytes),
    File(PathBuf, u64),
}

impl Call {
    pub(super) fn get(what: impl Into<String>, url: Url) -> Self {
        Self {
            what: what.into(),
            method: Method::GET,
            url,
            right: Right::Pull,
            accept: None,
            range_from: None,
            content_type: None,
            body: Body::None,
        }
    }

    pub(super) fn push(what: impl Into<String>, method: Method, url: Url, body: Body) -> Self {
        Self {
            method,
            right: Right::Push,
            body,
            ..Self::get(what, url)
        }
    }
}
