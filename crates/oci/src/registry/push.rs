use std::path::Path;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use seed_primitives::Digest;

use super::{
    Registry,
    call::{Body, Call},
};
use crate::{
    Error, Manifest, Tag,
    blob::{BlobStream, Source},
    referrers::{Index, check_subject},
    text::causes,
};

/// How often the fallback tag of referrers is written before giving up on other writers.
const FALLBACK_ATTEMPTS: usize = 8;

impl Registry {
    pub(crate) async fn push_blob(&self, bytes: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&bytes);
        let size = bytes.len() as u64;
        self.upload(&digest, size, Body::Bytes(bytes)).await?;
        Ok(digest)
    }

    pub(crate) async fn push_file(
        &self,
        path: &Path,
        digest: &Digest,
        size: u64,
    ) -> Result<(), Error> {
        check_file(path, digest, size).await?;
        self.upload(digest, size, Body::File(path.to_owned(), size))
            .await
    }

    /// Uploads in one piece, unless the registry says that it has the blob.
    async fn upload(&self, digest: &Digest, size: u64, body: Body) -> Result<(), Error> {
        if self.has_blob(digest).await? {
            return Ok(());
        }
        let http = &self.http;
        let what = format!("upload of blob {digest}");
        let begin = Call::push(
            what.as_str(),
            Method::POST,
            http.url("blobs/uploads/")?,
            Body::None,
        );
        let transfer = async || {
            let response = http.send(&begin).await?;
            if response.status() != StatusCode::ACCEPTED {
                let status = response.status();
                return Err(
                    http.malformed(&what, format!("it was answered with {status}, not 202"))
                );
            }
            let mut url = http.location(&what, &begin.url, &response)?;
            if !http.is_home(&url) {
                return Err(http.astray(&begin, &url, "uploads go to the registry itself only"));
            }
            url.query_pairs_mut()
                .append_pair("digest", &digest.to_string());
            let mut put = Call::push(what.as_str(), Method::PUT, url, body.clone());
            put.content_type = Some("application/octet-stream".to_owned());
            http.send(&put).await
        };
        let response = http.within(&what, size, transfer).await?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            status => Err(http.malformed(&what, format!("it was answered with {status}, not 201"))),
        }
    }

    pub(crate) async fn push_manifest(&self, bytes: Bytes, tags: &[Tag]) -> Result<Digest, Error> {
        let manifest = Manifest::parse(self.place(), "manifest to push", bytes)?;
        self.put_manifest(&manifest, &manifest.digest().to_string())
            .await?;
        for tag in tags {
            self.put_manifest(&manifest, tag.as_str()).await?;
        }
        Ok(manifest.digest())
    }

    /// Puts a manifest under a name; whether the registry said that it took note of the subject.
    async fn put_manifest(&self, manifest: &Manifest, name: &str) -> Result<bool, Error> {
        let http = &self.http;
        let what = format!("upload of manifest {name}");
        let url = http.url(&format!("manifests/{name}"))?;
        let mut call = Call::push(
            what,
            Method::PUT,
            url,
            Body::Bytes(manifest.bytes().clone()),
        );
        call.content_type = Some(manifest.media_type().to_owned());
        let send = || async {
            let answer = http.send(&call).await;
            answer.map_err(|error| self.interrupted(&call.what, error))
        };
        let response = http.within(&call.what, 0, send).await?;
        if response.status() != StatusCode::CREATED {
            let why = format!("it was answered with {}, not 201", response.status());
            return Err(http.malformed(&call.what, why));
        }
        Ok(response.headers().contains_key("OCI-Subject"))
    }

    /// The digest in the address is computed from the very bytes that are sent. A registry that finds it invalid
    /// looked at something else: docker-registry does when two push the same manifest at one instant and it reads
    /// what the other has half written. That is worth another try, and says nothing about the bytes.
    fn interrupted(&self, what: &str, error: Error) -> Error {
        match &error {
            Error::Denied { why, .. } if why.ends_with("DIGEST_INVALID") => {
                self.http.unavailable(what, error.to_string())
            }
            _ => error,
        }
    }

    pub(crate) async fn push_referrer(
        &self,
        subject: &Digest,
        bytes: Bytes,
    ) -> Result<Digest, Error> {
        let manifest = Manifest::parse(self.place(), "artifact manifest to push", bytes)?;
        check_subject(self.place(), subject, &manifest)?;
        let noted = self
            .put_manifest(&manifest, &manifest.digest().to_string())
            .await?;
        if !noted {
            self.add_to_fallback(subject, &manifest).await?;
        }
        Ok(manifest.digest())
    }

    async fn add_to_fallback(&self, subject: &Digest, manifest: &Manifest) -> Result<(), Error> {
        let tag = Tag::referrers(subject);
        for _ in 0..FALLBACK_ATTEMPTS {
            let mut index = self.fallback(subject).await?.unwrap_or_else(Index::empty);
            if !index.add(manifest.descriptor()) {
                return Ok(());
            }
            self.push_manifest(index.to_bytes(self.place())?, std::slice::from_ref(&tag))
                .await?;
        }
        Err(self.http.unavailable(
            &format!("entry in tag `{tag}`"),
            "others keep overwriting it".to_owned(),
        ))
    }

    /// The index under the fallback tag of `subject`; `None` where there is no such tag.
    pub(super) async fn fallback(&self, subject: &Digest) -> Result<Option<Index>, Error> {
        match self.resolve_tag(&Tag::referrers(subject)).await {
            Ok(tagged) => Index::of_fallback(self.place(), subject, &tagged).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Checks that the file is the blob before anything is sent.
async fn check_file(path: &Path, digest: &Digest, size: u64) -> Result<(), Error> {
    let place = path.display().to_string();
    let file = tokio::fs::File::open(path)
        .await
        .map_err(|error| Error::Storage {
            place: place.clone(),
            what: "read the file".to_owned(),
            why: causes(&error),
        })?;
    BlobStream::of_file(place, Source::File(file), *digest, size)
        .write_to(&mut tokio::io::sink())
        .await
}
