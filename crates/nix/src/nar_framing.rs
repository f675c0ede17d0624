use std::io;

/// What an archive holds besides contents of files, gathered until some come: one large piece is hashed and
/// written faster than twenty small ones.
#[derive(Clone, Debug)]
pub(crate) struct Framing(Vec<u8>);

impl Framing {
    /// The beginning of every archive.
    pub(crate) fn new() -> Self {
        let mut framing = Self(Vec::with_capacity(1024));
        framing.words(&[b"nix-archive-1"]);
        framing
    }

    pub(crate) fn directory(&mut self) {
        self.words(&[b"(", b"type", b"directory"]);
    }

    /// An entry, whose name the caller has checked, up to its object.
    pub(crate) fn entry(&mut self, name: &[u8]) {
        self.words(&[b"entry", b"(", b"name", name, b"node"]);
    }

    /// The end of a directory or of an entry.
    pub(crate) fn end(&mut self) {
        self.words(&[b")"]);
    }

    /// A file up to its contents.
    pub(crate) fn file(&mut self, executable: bool, size: u64) {
        self.words(&[b"(", b"type", b"regular"]);
        if executable {
            self.words(&[b"executable", b""]);
        }
        self.words(&[b"contents"]);
        self.0.extend_from_slice(&size.to_le_bytes());
    }

    /// What follows the `size` bytes of a file.
    pub(crate) fn end_file(&mut self, size: u64) {
        self.pad(size);
        self.end();
    }

    pub(crate) fn symlink(&mut self, target: &[u8]) {
        self.words(&[b"(", b"type", b"symlink", b"target", target, b")"]);
    }

    /// Hands on what was gathered.
    pub(crate) fn flush(
        &mut self,
        sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        sink(&self.0)?;
        self.0.clear();
        Ok(())
    }

    /// Whether so much was gathered that it should be handed on: a directory may hold links alone.
    pub(crate) const fn is_large(&self) -> bool {
        self.0.len() >= 16 << 10
    }

    /// Each with its length before it and zeroes up to the next multiple of eight after it.
    fn words(&mut self, words: &[&[u8]]) {
        for word in words {
            self.0.extend_from_slice(&(word.len() as u64).to_le_bytes());
            self.0.extend_from_slice(word);
            self.pad(word.len() as u64);
        }
    }

    fn pad(&mut self, length: u64) {
        let missing = (8 - length % 8) % 8;
        let zeroes = [0; 8];
        self.0
            .extend_from_slice(zeroes.get(..missing as usize).unwrap_or_default());
    }
}
