use std::{path::Path, time::Duration};

use reqwest::{Client, Response, Url, header::LOCATION, redirect::Policy};
use tokio::io::AsyncWriteExt;

use super::{Sources, mirrors};
use crate::{Error, state};

const MAX_REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(30);

/// Fetches what a derivation says it is made of. What comes is checked by its hash; this only bounds it.
pub(super) struct Downloader {
    client: Client,
    max_bytes: u64,
    limit: Duration,
}

impl Downloader {
    pub(super) fn new(sources: &Sources) -> Result<Self, Error> {
        let client = Client::builder()
            .user_agent(concat!("nix-seed/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .build()
            .map_err(|error| Error::Usage(format!("no HTTP client: {error}")))?;
        Ok(Self {
            client,
            max_bytes: sources.max_bytes,
            limit: sources.limit,
        })
    }

    /// Writes what is at `url` into `file`; the inner error says in a few words why there is nothing.
    pub(super) async fn get(&self, url: &str, file: &Path) -> Result<Result<(), String>, Error> {
        let partial = file.with_extension("partial");
        let work = self.write(url, &partial);
        let done = match tokio::time::timeout(self.limit, work).await {
            Ok(done) => done?,
            Err(_) => Err(format!("not done in {} s", self.limit.as_secs())),
        };
        if done.is_ok() {
            state::rename(&partial, file)?;
        } else {
            discard(&partial)?;
        }
        Ok(done)
    }

    async fn write(&self, url: &str, partial: &Path) -> Result<Result<(), String>, Error> {
        let mut response = match self.follow(url).await {
            Ok(response) => response,
            Err(why) => return Ok(Err(why)),
        };
        let failed = |error| Error::file("write", partial)(error);
        let mut file = tokio::fs::File::create(partial).await.map_err(failed)?;
        let mut left = self.max_bytes;
        loop {
            let piece = match response.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => return Ok(Err(causes(&error))),
            };
            let Some(rest) = left.checked_sub(piece.len() as u64) else {
                return Ok(Err(format!("more than {} bytes", self.max_bytes)));
            };
            left = rest;
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.sync_all().await.map_err(failed)?;
        Ok(Ok(()))
    }

    /// The answer after at most five redirections, none of them from https to anything else.
    async fn follow(&self, url: &str) -> Result<Response, String> {
        let mut url = parse(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.client.get(url.clone()).send().await;
            let response = answer.map_err(|error| causes(&error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(format!("answered {status}"));
            }
            let target = response.headers().get(LOCATION);
            let target = target.and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            let target = parse(target.ok_or("redirected to nowhere")?.as_str())?;
            if url.scheme() == "https" && target.scheme() != "https" {
                return Err("redirected from https to http".to_owned());
            }
            url = target;
        }
        Err(format!("redirected more than {MAX_REDIRECTS} times"))
    }
}

/// Removes a file that is not what it should be, if it is there at all.
pub(super) fn discard(file: &Path) -> Result<(), Error> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", file)(error))
        }
        _ => Ok(()),
    }
}

fn parse(url: &str) -> Result<Url, String> {
    if let Some((name, _)) = mirrors::split(url) {
        return Err(format!(
            "no mirror of {0} is known: name one with --mirror {0}=URL",
            name.escape_debug()
        ));
    }
    let url = Url::parse(url).map_err(|_| "not a URL".to_owned())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("the scheme {other} is not fetched")),
    }
}

/// An error and what is behind it, without the URL, which is named already.
fn causes(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
