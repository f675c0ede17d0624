use std::{
    collections::BTreeMap,
    io::{self, Read},
};

/// Something whose bytes can be read from the start, as often as needed: a file on disk, or bytes in memory.
///
/// This crate only ever reads from what it is given; opening is the caller's business.
pub trait Contents {
    /// A reader over all the bytes.
    ///
    /// # Errors
    /// When the bytes cannot be had.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Contents for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

/// A store object as Nix sees one: nothing but names, contents, link targets and one executable bit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Node<C> {
    /// A directory: entries by name, which the map keeps in byte order.
    Directory(BTreeMap<Vec<u8>, Self>),
    /// A regular file.
    File {
        /// Whether it may be executed.
        executable: bool,
        /// Its length in bytes; a reader that yields any other number is an error.
        size: u64,
        /// Where its bytes come from.
        contents: C,
    },
    /// A symbolic link and its target, uninterpreted.
    Symlink(Vec<u8>),
}

impl<C> Node<C> {
    /// Whether `name` can be the name of an entry: not empty, no `/`, no NUL, not `.` or `..`.
    #[must_use]
    pub fn is_entry_name(name: &[u8]) -> bool {
        !name.is_empty()
            && name != b"."
            && name != b".."
            && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
    }
}

impl Node<Vec<u8>> {
    /// A file in memory.
    #[must_use]
    pub fn file(executable: bool, contents: impl Into<Vec<u8>>) -> Self {
        let contents = contents.into();
        Self::File {
            executable,
            size: contents.len() as u64,
            contents,
        }
    }

    /// A directory in memory.
    #[must_use]
    pub fn directory<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(name, node)| (name.as_bytes().to_vec(), node));
        Self::Directory(entries.collect())
    }
}

/// The most that is read at once.
const PIECE: usize = 128 * 1024;

/// Copies exactly `size` bytes of `contents` into `sink`, in pieces of at most 128 KiB.
///
/// # Errors
/// Those of the reader and of `sink`; and [`io::ErrorKind::InvalidData`] when there are more or fewer bytes,
/// which means that the file changed while it was read.
pub fn copy_exactly<C: Contents>(
    contents: &C,
    size: u64,
    sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = contents.open()?;
    // No larger than the file: most are small, and clearing a whole piece costs more than reading them.
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(PIECE).clamp(1, PIECE)];
    let mut left = size;
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 && left == 0 {
            return Ok(());
        }
        let changed = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the file changed while it was read",
            )
        };
        if read == 0 || read as u64 > left {
            return Err(changed());
        }
        left -= read as u64;
        sink(buffer.get(..read).ok_or_else(changed)?)?;
    }
}
