use std::{
    collections::BTreeSet,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use eyre::{WrapErr as _, ensure, eyre};
use seed_image::Descriptor;
use seed_primitives::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What one pull cost.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Cost {
    /// Bytes of answers, heads of HTTP not counted.
    pub(crate) bytes: u64,
    /// Requests sent.
    pub(crate) requests: u64,
}

/// What of a manifest leads to blobs. Read without a limit on layers: one path per layer needs more of them
/// than an image may have.
#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// A client with the blobs it pulled before: it asks for what it lacks, as container runtimes do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    has: BTreeSet<Digest>,
}

impl Client {
    /// Pulls image `digest` of `repository` from the registry at `host`, checks every digest, and keeps what
    /// came.
    pub(crate) fn pull(
        &mut self,
        host: &str,
        repository: &str,
        digest: &Digest,
    ) -> eyre::Result<Cost> {
        let mut cost = Cost::default();
        let mut bytes = Vec::new();
        let path = format!("/v2/{repository}/manifests/{digest}");
        self.fetch(host, &path, digest, &mut bytes, &mut cost)?;
        let manifest: Manifest = serde_json::from_slice(&bytes)?;
        let blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
        for blob in blobs {
            if self.has.contains(&blob.digest) {
                continue;
            }
            let path = format!("/v2/{repository}/blobs/{}", blob.digest);
            self.fetch(host, &path, &blob.digest, &mut io::sink(), &mut cost)?;
        }
        Ok(cost)
    }

    fn fetch(
        &mut self,
        host: &str,
        path: &str,
        digest: &Digest,
        out: &mut impl io::Write,
        cost: &mut Cost,
    ) -> eyre::Result<()> {
        let mut stream = TcpStream::connect(host)?;
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {}\r\n\r\n",
            seed_image::media::MANIFEST
        )?;
        cost.requests += 1;
        let mut answer = BufReader::with_capacity(1 << 20, stream);
        head(&mut answer).wrap_err_with(|| format!("asking for {path}"))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = answer.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            out.write_all(&buffer[..read])?;
            cost.bytes += read as u64;
        }
        ensure!(
            Digest::from_bytes(hasher.finalize().into()) == Some(*digest),
            "the registry served something else as {digest}"
        );
        self.has.insert(*digest);
        Ok(())
    }
}

/// Reads over the head of an answer, which must be a success.
fn head(answer: &mut impl io::BufRead) -> eyre::Result<()> {
    let mut status = String::new();
    answer.take(1 << 10).read_line(&mut status)?;
    let good = status.split(' ').nth(1) == Some("200");
    ensure!(good, "the registry answered {:?}", status.trim_end());
    for _ in 0..100 {
        let mut line = String::new();
        answer.take(1 << 12).read_line(&mut line)?;
        if line == "\r\n" {
            return Ok(());
        }
    }
    Err(eyre!("the registry's answer has no end of its head"))
}
