use std::time::Duration;

use bytes::Bytes;
use seed_primitives::Digest;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout_at},
};

use crate::{Error, archive::Section, registry::Download, text::causes};

const CHUNK: usize = 128 << 10;

/// The bytes of one blob, checked as they pass: size and hash are compared before the end is declared.
///
/// Chunks handed out before [`BlobStream::chunk`] has returned `None` are not yet proven: a caller keeps what
/// it does with them undoable until then.
#[derive(Debug)]
pub struct BlobStream {
    place: String,
    source: Source,
    expected: Digest,
    size: u64,
    /// None where the caller hashes.
    hasher: Option<Sha256>,
    read: u64,
    deadline: Instant,
    idle: Duration,
}

#[derive(Debug)]
pub(crate) enum Source {
    Http(Box<Download>),
    File(tokio::fs::File),
    Archive(Section),
}

impl Source {
    /// The next bytes; an I/O error is one of this machine's disk.
    async fn next(&mut self, deadline: Instant) -> Result<std::io::Result<Option<Bytes>>, Error> {
        match self {
            Self::Http(download) => download.next(deadline).await.map(Ok),
            Self::File(file) => {
                let mut buffer = Vec::with_capacity(CHUNK);
                let read = file.take(CHUNK as u64).read_to_end(&mut buffer).await;
                Ok(read.map(|read| (read > 0).then(|| Bytes::from(buffer))))
            }
            Self::Archive(section) => Ok(section.next(CHUNK).await),
        }
    }
}

impl BlobStream {
    pub(crate) fn new(
        place: String,
        source: Source,
        expected: Digest,
        size: u64,
        deadline: Instant,
        idle: Duration,
    ) -> Self {
        Self {
            place,
            source,
            expected,
            size,
            hasher: Some(Sha256::new()),
            read: 0,
            deadline,
            idle,
        }
    }

    /// A stream of a local file, which is in no hurry.
    pub(crate) fn of_file(place: String, source: Source, expected: Digest, size: u64) -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self::new(place, source, expected, size, Instant::now() + day, day)
    }

    /// The same without a hash of its own, for a caller that computes one anyway: its end proves the size and no more,
    /// until the caller's digest has passed [`Self::prove`].
    #[must_use]
    pub fn hashed_by_caller(self) -> Self {
        Self {
            hasher: None,
            ..self
        }
    }

    /// Compares the digest that a caller computed over every chunk with that of the blob that was asked for.
    ///
    /// # Errors
    /// [`Error::WrongDigest`] when it is another.
    pub fn prove(&self, found: Digest) -> Result<(), Error> {
        if found == self.expected {
            return Ok(());
        }
        Err(Error::WrongDigest {
            place: self.place.clone(),
            expected: self.expected,
            found,
        })
    }

    /// The next bytes; `None` once all have passed and are proven to be the blob that was asked for.
    ///
    /// # Errors
    /// [`Error::WrongDigest`] or [`Error::WrongSize`] when they are not, [`Error::Unavailable`] when they stop
    /// coming or come too slowly.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let patience = self.deadline.min(Instant::now() + self.idle);
        let chunk = match timeout_at(patience, self.source.next(self.deadline)).await {
            Err(_) => return Err(self.unavailable("the bytes come too slowly".to_owned())),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(Err(error))) => return Err(self.unavailable(causes(&error))),
            Ok(Ok(Ok(chunk))) => chunk,
        };
        let Some(chunk) = chunk else {
            return self.finish().map(|()| None);
        };
        self.read = self.read.saturating_add(chunk.len() as u64);
        if self.read > self.size {
            return Err(self.wrong_size(format!("more than {}", self.size)));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        Ok(Some(chunk))
    }

    /// Writes the whole blob to `writer` and flushes it. `Ok` means that what was written is the blob.
    ///
    /// # Errors
    /// Those of [`Self::chunk`], and [`Error::Storage`] when `writer` fails.
    pub async fn write_to(
        mut self,
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Result<(), Error> {
        let place = self.expected.to_string();
        let storage = |error: std::io::Error| Error::Storage {
            place: place.clone(),
            what: "write the blob".to_owned(),
            why: causes(&error),
        };
        while let Some(chunk) = self.chunk().await? {
            writer.write_all(&chunk).await.map_err(storage)?;
        }
        writer.flush().await.map_err(storage)
    }

    fn finish(&mut self) -> Result<(), Error> {
        if self.read != self.size {
            return Err(self.wrong_size(self.read.to_string()));
        }
        let Some(hasher) = &mut self.hasher else {
            return Ok(());
        };
        // SHA-256 of nothing anybody knows is zero; a digest that is not the expected one stands in for it.
        let found = Digest::from_bytes(hasher.finalize_reset().into());
        self.prove(found.unwrap_or_else(|| Digest::of(&self.expected.as_bytes()[..])))
    }

    fn wrong_size(&self, found: String) -> Error {
        Error::WrongSize {
            place: self.place.clone(),
            digest: self.expected,
            expected: self.size,
            found,
        }
    }

    fn unavailable(&self, why: String) -> Error {
        Error::Unavailable {
            place: self.place.clone(),
            what: format!("blob {}", self.expected),
            why,
        }
    }
}
