use bytes::Bytes;
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_RANGE, HeaderValue},
};
use seed_primitives::Digest;
use tokio::time::Instant;

use super::{Registry, call::Call};
use crate::{Error, text::causes};

/// How often one download is taken up again. Each time costs the registry a request and us nothing but time, of which
/// the whole has no more than without.
const RESUMPTIONS: u32 = 16;

/// The body of a blob, taken up again where the connection was cut. Nothing of it is believed here: what comes after a
/// cut is hashed together with what came before, and a length in a header says nothing: what counts is what comes. A body
/// that ends before the length it was said to have was cut, whatever its length should have been.
#[derive(Debug)]
pub(crate) struct Download {
    registry: Registry,
    call: Call,
    size: u64,
    response: Response,
    /// How many bytes were handed out.
    at: u64,
    /// How many bytes of the response are still to be left out: a registry that knows no ranges starts anew.
    skip: u64,
    left: u32,
}

impl Registry {
    /// Starts the download of a blob of `size` bytes.
    pub(super) async fn download(&self, digest: &Digest, size: u64) -> Result<Download, Error> {
        let http = &self.http;
        let what = format!("blob {digest}");
        let call = Call::get(what, http.url(&format!("blobs/{digest}"))?);
        let response = http.within(&call.what, 0, || http.send(&call)).await?;
        Ok(Download {
            registry: self.clone(),
            call,
            size,
            response,
            at: 0,
            skip: 0,
            left: RESUMPTIONS,
        })
    }
}

impl Download {
    /// The next bytes; `None` at the end of the body, which may come too early or too late.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Result<Option<Bytes>, Error> {
        loop {
            match self.response.chunk().await {
                Ok(None) => return Ok(None),
                Ok(Some(chunk)) => {
                    if let Some(chunk) = self.new_part(chunk) {
                        return Ok(Some(chunk));
                    }
                }
                Err(error) => {
                    let why = causes(&error.without_url());
                    let cut = self.registry.http.unavailable(&self.call.what, why);
                    self.resume(cut, deadline).await?;
                }
            }
        }
    }

    /// The part of a chunk that was not handed out before.
    fn new_part(&mut self, mut chunk: Bytes) -> Option<Bytes> {
        let known = usize::try_from(self.skip).map_or(chunk.len(), |skip| skip.min(chunk.len()));
        let fresh = chunk.split_off(known);
        self.skip -= known as u64;
        self.at += fresh.len() as u64;
        (!fresh.is_empty()).then_some(fresh)
    }

    /// Asks for the rest after `cut`.
    async fn resume(&mut self, cut: Error, deadline: Instant) -> Result<(), Error> {
        if self.left == 0 || self.at >= self.size || Instant::now() >= deadline {
            return Err(cut);
        }
        self.left -= 1;
        tracing::debug!(%cut, at = self.at, "taking up a download again");
        let http = &self.registry.http;
        self.call.range_from = Some(self.at);
        let response = http
            .within(&self.call.what, 0, || http.send(&self.call))
            .await?;
        self.skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                self.same_range(response.headers().get(CONTENT_RANGE))?;
                0
            }
            _ => self.at,
        };
        self.response = response;
        Ok(())
    }

    /// Checks that a partial answer is the part that was asked for: everything from here on.
    fn same_range(&self, header: Option<&HeaderValue>) -> Result<(), Error> {
        let last = self.size.saturating_sub(1);
        let said = header.and_then(|value| value.to_str().ok());
        let known = format!("bytes {}-{last}/{}", self.at, self.size);
        let unknown = format!("bytes {}-{last}/*", self.at);
        if said.is_some_and(|said| said == known || said == unknown) {
            return Ok(());
        }
        let why = format!(
            "asked to go on from byte {}, it sends another part",
            self.at
        );
        Err(self.registry.http.malformed(&self.call.what, why))
    }
}
