use std::io::{self, BufRead, Read};

use seed_primitives::Digest;
use sha2::{Digest as _, Sha256};

/// SHA-256 and length of what went past.
#[derive(Default)]
pub(super) struct Sum {
    hasher: Sha256,
    size: u64,
}

impl Sum {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    pub(super) fn finish(self) -> io::Result<(Digest, u64)> {
        let digest = Digest::from_bytes(self.hasher.finalize().into())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a piece hashes to zero"))?;
        Ok((digest, self.size))
    }
}

/// The bytes of one archive from its start: what was read too far can be put back, and all of it may be
/// hashed on the way.
pub(super) struct Stream<'a> {
    inner: &'a mut dyn BufRead,
    held: Vec<u8>,
    at: usize,
    position: u64,
    sum: Option<Sum>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(inner: &'a mut dyn BufRead) -> Self {
        Self {
            inner,
            held: Vec::new(),
            at: 0,
            position: 0,
            sum: None,
        }
    }

    /// A stream that also hashes what it reads.
    pub(super) fn summed(inner: &'a mut dyn BufRead) -> Self {
        Self {
            sum: Some(Sum::default()),
            ..Self::new(inner)
        }
    }

    /// How many bytes were taken and not put back.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// The next `length` bytes, fewer only at the end.
    pub(super) fn next(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The next `length` bytes, which stay where they are; fewer only at the end.
    pub(super) fn peek(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.next(length)?;
        self.put_back(&bytes);
        Ok(bytes)
    }

    /// Makes `bytes`, the last ones taken, the next ones again.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        let left = self.held.get(self.at..).unwrap_or_default();
        self.held = [bytes, left].concat();
        self.at = 0;
        self.position = self.position.saturating_sub(bytes.len() as u64);
    }

    /// Reads to the end; then the hash and length of everything, for a stream that hashes.
    pub(super) fn drain(mut self) -> io::Result<Option<(Digest, u64)>> {
        loop {
            let length = self.fill_buf()?.len();
            if length == 0 {
                return self.sum.map(Sum::finish).transpose();
            }
            self.consume(length);
        }
    }
}

impl BufRead for Stream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at < self.held.len() {
            return Ok(self.held.get(self.at..).unwrap_or_default());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        if self.at < self.held.len() {
            self.at += amount;
            return;
        }
        if let Some(sum) = &mut self.sum
            && let Ok(bytes) = self.inner.fill_buf()
        {
            sum.push(bytes.get(..amount).unwrap_or(bytes));
        }
        self.inner.consume(amount);
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let length = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), bytes.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}
