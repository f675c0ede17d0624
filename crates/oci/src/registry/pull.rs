use bytes::Bytes;
use reqwest::{Method, header::CONTENT_TYPE};
use seed_primitives::Digest;
use tokio::time::Instant;

use super::{Registry, call::Call};
use crate::{BlobStream, Error, MAX_MANIFEST, Manifest, Tag, blob::Source, manifest::ACCEPT};

impl Registry {
    pub(crate) async fn manifest(&self, digest: &Digest) -> Result<Manifest, Error> {
        self.fetch_manifest(
            format!("manifest {digest}"),
            &digest.to_string(),
            Some(digest),
        )
        .await
    }

    pub(crate) async fn resolve_tag(&self, tag: &Tag) -> Result<Manifest, Error> {
        self.fetch_manifest(format!("tag `{tag}`"), tag.as_str(), None)
            .await
    }

    async fn fetch_manifest(
        &self,
        what: String,
        name: &str,
        expected: Option<&Digest>,
    ) -> Result<Manifest, Error> {
        let http = &self.http;
        let mut call = Call::get(what, http.url(&format!("manifests/{name}"))?);
        call.accept = Some(ACCEPT);
        let fetch = async || {
            let response = http.send(&call).await?;
            let header = response.headers().get(CONTENT_TYPE).cloned();
            let bytes = http.body(&call.what, response, MAX_MANIFEST).await?;
            Ok((bytes, header))
        };
        let (bytes, header) = http.within(&call.what, 0, fetch).await?;
        // The hash comes first: bytes that are not what was asked for are not worth reading.
        if let Some(expected) = expected {
            check(http.place(), expected, &bytes)?;
        }
        let header = header.as_ref().and_then(|value| value.to_str().ok());
        Manifest::parse(http.place(), &call.what, bytes)?.with_content_type(http.place(), header)
    }

    pub(crate) async fn blob(&self, digest: &Digest, max: u64) -> Result<Bytes, Error> {
        let http = &self.http;
        let call = Call::get(
            format!("blob {digest}"),
            http.url(&format!("blobs/{digest}"))?,
        );
        let fetch = async || {
            let response = http.send(&call).await?;
            http.body(&call.what, response, max).await
        };
        let bytes = http.within(&call.what, max, fetch).await?;
        check(http.place(), digest, &bytes)?;
        Ok(bytes)
    }

    pub(crate) async fn blob_stream(
        &self,
        digest: &Digest,
        size: u64,
    ) -> Result<BlobStream, Error> {
        let http = &self.http;
        let deadline = Instant::now() + http.options().time_for(size);
        let download = self.download(digest, size).await?;
        Ok(BlobStream::new(
            http.place().to_owned(),
            Source::Http(Box::new(download)),
            *digest,
            size,
            deadline,
            http.options().timeout,
        ))
    }

    pub(crate) async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        self.has(&format!("blobs/{digest}")).await
    }

    /// Whether a HEAD of `path` succeeds.
    pub(super) async fn has(&self, path: &str) -> Result<bool, Error> {
        let http = &self.http;
        let mut call = Call::get(path, http.url(path)?);
        call.method = Method::HEAD;
        call.accept = Some(ACCEPT);
        match http.within(&call.what, 0, || http.send(&call)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn check(place: &str, expected: &Digest, bytes: &[u8]) -> Result<(), Error> {
    let found = Digest::of(bytes);
    if found == *expected {
        return Ok(());
    }
    Err(Error::WrongDigest {
        place: place.to_owned(),
        expected: *expected,
        found,
    })
}
