use std::io;

use crate::{NarHash, Node, StreamDigest, nar_framing::Framing};

/// The NAR hash of a tree that somebody else walks and reads: told each step, in the order of [`Node`], it
/// hashes the contents that are read for another purpose anyway.
///
/// ```
/// use seed_nix::{NarHasher, Node, nar_hash};
///
/// let mut hasher = NarHasher::new();
/// hasher.directory();
/// hasher.entry(b"greeting")?;
/// hasher.file(false, 6).update(b"hello\n");
/// hasher.end_file()?;
/// hasher.end();
/// hasher.end();
/// let tree = Node::directory([("greeting", Node::file(false, "hello\n"))]);
/// assert_eq!(hasher.finish()?, nar_hash(&tree)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NarHasher {
    framing: Framing,
    stream: StreamDigest,
    /// Size of the file that is being read, and where its contents end in the archive.
    file: (u64, u64),
}

impl Default for NarHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl NarHasher {
    /// Before the first step.
    #[must_use]
    pub fn new() -> Self {
        Self {
            framing: Framing::new(),
            stream: StreamDigest::new(),
            file: (0, 0),
        }
    }

    /// A directory begins.
    pub fn directory(&mut self) {
        self.framing.directory();
    }

    /// The next entry of the directory begins; its object is the next step.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for a name that no directory can hold.
    pub fn entry(&mut self, name: &[u8]) -> io::Result<()> {
        if !Node::<()>::is_entry_name(name) {
            let why = format!("impossible file name {:?}", String::from_utf8_lossy(name));
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.framing.entry(name);
        if self.framing.is_large() {
            self.flush();
        }
        Ok(())
    }

    /// The entry, or the directory, ends.
    pub fn end(&mut self) {
        self.framing.end();
    }

    /// A file of `size` bytes begins. Whoever reads it hands exactly that many bytes to what is returned, and
    /// then calls [`Self::end_file`].
    pub fn file(&mut self, executable: bool, size: u64) -> &mut StreamDigest {
        self.framing.file(executable, size);
        self.flush();
        self.file = (size, self.stream.size().saturating_add(size));
        &mut self.stream
    }

    /// The file ends.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when other than `size` bytes came since it began.
    pub fn end_file(&mut self) -> io::Result<()> {
        let (size, end) = self.file;
        if self.stream.size() != end {
            let why = "the file changed while it was read";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.framing.end_file(size);
        Ok(())
    }

    /// A symbolic link.
    pub fn symlink(&mut self, target: &[u8]) {
        self.framing.symlink(target);
    }

    /// Hash and size of the archive, after the last step.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when the hash is zero.
    pub fn finish(mut self) -> io::Result<NarHash> {
        self.flush();
        let (digest, size) = self.stream.finish()?;
        Ok(NarHash { digest, size })
    }

    fn flush(&mut self) {
        let stream = &mut self.stream;
        // Hashing cannot fail.
        let _ = self.framing.flush(&mut |bytes| {
            stream.update(bytes);
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_file_of_other_than_its_size() {
        for size in [0, 2, 4] {
            let mut hasher = NarHasher::new();
            hasher.file(false, size).update(b"abc");
            let error = hasher.end_file().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn refuses_names_that_could_climb() {
        for name in [b"".as_slice(), b".", b"..", b"a/b", b"a\0"] {
            assert!(NarHasher::new().entry(name).is_err(), "{name:?}");
        }
    }
}
