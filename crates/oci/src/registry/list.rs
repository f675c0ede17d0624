use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::{Url, header::LINK};
use seed_primitives::Digest;
use serde::Deserialize;

use super::{Registry, call::Call};
use crate::{
    Error, MAX_MANIFEST, MAX_TAGS, Referrers, Tag, TagList,
    limits::{MAX_PAGES, MAX_TAG_PAGE},
    referrers::Index,
    text::causes,
};

#[derive(Deserialize)]
struct TagPage {
    tags: Option<Vec<String>>,
}

impl Registry {
    pub(crate) async fn tags(&self, prefix: &str, max: usize) -> Result<TagList, Error> {
        let mut found = BTreeSet::new();
        let mut seen = 0_usize;
        let mut next = Some(self.http.url("tags/list?n=1000")?);
        for _ in 0..MAX_PAGES {
            let Some(url) = next.take() else { break };
            let call = Call::get("list of tags", url);
            let (body, link) = self.page(&call, MAX_TAG_PAGE).await?;
            next = link;
            let page: TagPage = serde_json::from_slice(&body)
                .map_err(|error| self.http.malformed(&call.what, causes(&error)))?;
            let page = page.tags.unwrap_or_default();
            seen = seen.saturating_add(page.len());
            // A text that is no tag cannot be asked for: it is as good as not there.
            found.extend(
                page.iter()
                    .take(MAX_TAGS)
                    .filter(|tag| tag.starts_with(prefix))
                    .filter_map(|tag| tag.parse::<Tag>().ok()),
            );
            if seen > MAX_TAGS || found.len() > max {
                break;
            }
        }
        let truncated = next.is_some() || seen > MAX_TAGS || found.len() > max;
        Ok(TagList {
            tags: found.into_iter().take(max).collect(),
            truncated,
        })
    }

    pub(crate) async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
        cap: usize,
    ) -> Result<Referrers, Error> {
        let mut referrers = Referrers::default();
        let what = format!("referrers of {subject}");
        let mut next = Some(self.http.url(&format!("referrers/{subject}"))?);
        let mut first = true;
        for _ in 0..MAX_PAGES {
            let Some(url) = next.take() else {
                return Ok(referrers);
            };
            let call = Call::get(what.as_str(), url);
            let (body, link) = match self.page(&call, MAX_MANIFEST).await {
                Err(error) if error.is_not_found() && first => {
                    return self.fallback_referrers(subject, artifact_type, cap).await;
                }
                result => result?,
            };
            first = false;
            next = link;
            let index = Index::parse(self.place(), &what, &body)?;
            if !referrers.add(index.manifests, artifact_type, cap) {
                return Ok(referrers);
            }
        }
        referrers.truncated |= next.is_some();
        Ok(referrers)
    }

    async fn fallback_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
        cap: usize,
    ) -> Result<Referrers, Error> {
        let mut referrers = Referrers::default();
        match self.fallback(subject).await? {
            Some(index) => {
                referrers.add(index.manifests, artifact_type, cap);
            }
            None => self.exists(subject).await?,
        }
        Ok(referrers)
    }

    /// Whether the repository is there at all: it has the image, or tags.
    async fn exists(&self, subject: &Digest) -> Result<(), Error> {
        if self.has(&format!("manifests/{subject}")).await? {
            return Ok(());
        }
        let call = Call::get("such repository", self.http.url("tags/list?n=1")?);
        self.page(&call, MAX_TAG_PAGE).await.map(|_| ())
    }

    /// One page of a listing and the address of the next.
    async fn page(&self, call: &Call, limit: u64) -> Result<(Bytes, Option<Url>), Error> {
        let http = &self.http;
        let fetch = async || {
            let response = http.send(call).await?;
            let link = response
                .headers()
                .get(LINK)
                .and_then(|value| value.to_str().ok());
            let next = match link.and_then(next_of) {
                None => None,
                Some(text) => Some(self.next_page(call, text)?),
            };
            Ok((http.body(&call.what, response, limit).await?, next))
        };
        http.within(&call.what, 0, fetch).await
    }

    /// The address of the next page, which must be of the same listing.
    fn next_page(&self, call: &Call, text: &str) -> Result<Url, Error> {
        let malformed = || {
            self.http
                .malformed(&call.what, "its Link header is no address".into())
        };
        let url = call.url.join(text).map_err(|_| malformed())?;
        if self.http.is_home(&url) && url.path() == call.url.path() {
            return Ok(url);
        }
        Err(self
            .http
            .astray(call, &url, "the next page is of another listing"))
    }
}

/// The target of a `Link: <…>; rel="next"` header.
fn next_of(header: &str) -> Option<&str> {
    let (target, parameters) = header.trim().strip_prefix('<')?.split_once('>')?;
    let next = parameters
        .split(';')
        .map(|parameter| parameter.trim().replace(' ', ""))
        .any(|parameter| matches!(parameter.as_str(), "rel=\"next\"" | "rel=next"));
    next.then_some(target)
}

#[cfg(test)]
mod tests {
    use super::next_of;

    #[test]
    fn reads_the_next_link() {
        assert_eq!(
            next_of("</v2/a/tags/list?n=1&last=b>; rel=\"next\""),
            Some("/v2/a/tags/list?n=1&last=b")
        );
        for text in [
            "",
            "<x>",
            "<x; rel=next",
            "x; rel=next",
            "<x>; rel=\"prev\"",
        ] {
            assert_eq!(next_of(text), None, "{text}");
        }
    }
}
