use std::io::{self, Read, Write};

use seed_nix::{Contents, NarHasher, Node, StreamDigest};

use crate::{
    LayerError,
    tar::{BLOCK, Entry, Item, head, padded},
};

/// A tar on its way out. Every byte of a file is read once, straight into the block that is handed on, and from
/// there into both hashes that must be known of it: the archive's, and the NAR hash of its store path.
pub(crate) struct TarWriter<W> {
    out: W,
    digest: StreamDigest,
    /// Always of full length; only its first `filled` bytes mean anything.
    block: Vec<u8>,
    filled: usize,
    /// Headers on their way into the block.
    heads: Vec<u8>,
}

impl<W: Write> TarWriter<W> {
    /// An empty archive, handed to `out` in pieces of `block` bytes and a last smaller one.
    pub(crate) fn new(out: W, block: usize) -> Self {
        Self {
            out,
            digest: StreamDigest::new(),
            block: vec![0; block.max(1)],
            filled: 0,
            heads: Vec::new(),
        }
    }

    /// Writes an entry. Those of a store object follow in byte order of their names, a directory before what it
    /// holds. Hard links are written as files: the node does not know of them.
    pub(crate) fn entry<C: Contents>(&mut self, entry: &Entry<'_, C>) -> Result<(), LayerError> {
        match entry {
            Entry::Directory(name, mode) => self.head(name.as_bytes(), &Item::Directory(*mode)),
            Entry::Link(name, target) => {
                self.head(name.as_bytes(), &Item::Symlink(target.as_bytes()))
            }
            Entry::Generated(name, bytes) => {
                self.head(name.as_bytes(), &Item::Bytes(bytes))?;
                self.push(bytes)?;
                self.pad(bytes.len() as u64)
            }
            Entry::Object(name, node, recorded) => {
                let mut nar = NarHasher::new();
                let mut place = name.as_bytes().to_vec();
                self.object(&mut place, node, &mut nar)?;
                let found = nar.finish().map_err(LayerError::reading(&place))?;
                if found == recorded.nar {
                    return Ok(());
                }
                Err(LayerError::Contents {
                    path: Box::new(recorded.path.clone()),
                    found,
                    recorded: recorded.nar,
                })
            }
        }
    }

    /// The two zero blocks that end an archive, no padding to a larger record. Returns what the archive hashes to,
    /// and where it went.
    pub(crate) fn finish(mut self) -> Result<(StreamDigest, W), LayerError> {
        self.push(&[0; 2 * BLOCK as usize])?;
        self.hand_on()?;
        Ok((self.digest, self.out))
    }

    /// `name` is that of the node, and again so on return.
    fn object<C: Contents>(
        &mut self,
        name: &mut Vec<u8>,
        node: &Node<C>,
        nar: &mut NarHasher,
    ) -> Result<(), LayerError> {
        match node {
            Node::Symlink(target) => {
                nar.symlink(target);
                self.head(name, &Item::Symlink(target))
            }
            Node::File {
                executable,
                size,
                contents,
            } => {
                let item = Item::File {
                    executable: *executable,
                    size: *size,
                };
                self.head(name, &item)?;
                self.contents(name, contents, *size, nar.file(*executable, *size))?;
                nar.end_file().map_err(LayerError::reading(name))?;
                self.pad(*size)
            }
            Node::Directory(children) => {
                nar.directory();
                self.head(name, &Item::Directory(0o555))?;
                let length = name.len();
                for (child, node) in children {
                    nar.entry(child).map_err(LayerError::reading(name))?;
                    name.push(b'/');
                    name.extend_from_slice(child);
                    self.object(name, node, nar)?;
                    name.truncate(length);
                    nar.end();
                }
                nar.end();
                Ok(())
            }
        }
    }

    /// Reads exactly `size` bytes: more or fewer mean that the file changed.
    fn contents<C: Contents>(
        &mut self,
        name: &[u8],
        contents: &C,
        size: u64,
        nar: &mut StreamDigest,
    ) -> Result<(), LayerError> {
        let changed = || {
            let why = "the file changed while it was read";
            LayerError::reading(name)(io::Error::new(io::ErrorKind::InvalidData, why))
        };
        let mut reader = contents.open().map_err(LayerError::reading(name))?;
        let mut left = size;
        while left > 0 {
            if self.filled == self.block.len() {
                self.hand_on()?;
            }
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let most = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let room = room.get_mut(..most).unwrap_or_default();
            let read = read_some(&mut reader, room).map_err(LayerError::reading(name))?;
            let bytes = room.get(..read).ok_or_else(changed)?;
            if bytes.is_empty() {
                return Err(changed());
            }
            StreamDigest::update_both(nar, &mut self.digest, bytes);
            self.filled += read;
            left -= read as u64;
        }
        match read_some(&mut reader, &mut [0]).map_err(LayerError::reading(name))? {
            0 => Ok(()),
            _ => Err(changed()),
        }
    }

    fn head(&mut self, name: &[u8], item: &Item<'_>) -> Result<(), LayerError> {
        let mut heads = std::mem::take(&mut self.heads);
        heads.clear();
        head(name, item, &mut heads).map_err(LayerError::reading(name))?;
        self.push(&heads)?;
        self.heads = heads;
        Ok(())
    }

    /// Zeroes from the end of `size` bytes to the next whole block.
    fn pad(&mut self, size: u64) -> Result<(), LayerError> {
        let zeroes = [0; BLOCK as usize];
        let missing = (padded(size) - size) as usize;
        self.push(zeroes.get(..missing).unwrap_or_default())
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), LayerError> {
        self.digest.update(bytes);
        while !bytes.is_empty() {
            if self.filled == self.block.len() {
                self.hand_on()?;
            }
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = bytes.split_at(room.len().min(bytes.len()));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.filled += now.len();
            bytes = later;
        }
        Ok(())
    }

    fn hand_on(&mut self) -> Result<(), LayerError> {
        let block = self.block.get(..self.filled).unwrap_or_default();
        self.out.write_all(block).map_err(LayerError::Write)?;
        self.filled = 0;
        Ok(())
    }
}

/// One read, taken up again where a signal cut it off.
fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use seed_nix::{ClosureEntry, NarHash, nar_hash};
    use seed_primitives::Digest;

    use super::*;

    /// Counts how often it is opened and how much is read of it, and may hold another number of bytes than is said.
    struct Counted {
        bytes: Vec<u8>,
        opened: Cell<usize>,
        read: Cell<usize>,
    }

    struct Reading<'a>(&'a Counted, &'a [u8]);

    impl Read for Reading<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.1.read(buffer)?;
            self.0.read.set(self.0.read.get() + read);
            Ok(read)
        }
    }

    impl Contents for Counted {
        fn open(&self) -> io::Result<Box<dyn Read + '_>> {
            self.opened.set(self.opened.get() + 1);
            Ok(Box::new(Reading(self, &self.bytes)))
        }
    }

    fn counted(size: usize, said: u64) -> Node<Counted> {
        Node::File {
            executable: false,
            size: said,
            contents: Counted {
                bytes: (0..size).map(|at| at as u8).collect(),
                opened: Cell::new(0),
                read: Cell::new(0),
            },
        }
    }

    fn entry(nar: NarHash) -> ClosureEntry {
        ClosureEntry {
            path: "/nix/store/00000000000000000000000000000000-o"
                .parse()
                .unwrap(),
            nar,
        }
    }

    #[test]
    fn every_byte_is_read_once_for_both_hashes() {
        for size in [0, 1, 511, 512, 1000, 64 << 10, 300_000] {
            let node = counted(size, size as u64);
            let recorded = entry(nar_hash(&node).unwrap());
            let Node::File { contents, .. } = &node else {
                unreachable!()
            };
            contents.opened.set(0);
            contents.read.set(0);
            let mut tar = TarWriter::new(Vec::new(), 1000);
            tar.entry(&Entry::Object("o".to_owned(), &node, &recorded))
                .unwrap();
            let (digest, bytes) = tar.finish().unwrap();
            assert_eq!(digest.finish().unwrap().0, Digest::of(&bytes));
            assert_eq!((contents.opened.get(), contents.read.get()), (1, size));
        }
    }

    #[test]
    fn refuses_a_file_that_shrank_or_grew() {
        for (size, said) in [(0, 1), (1, 0), (999, 1000), (1001, 1000), (4, u64::MAX)] {
            let node = counted(size, said);
            let digest = Digest::of(b"whatever");
            let recorded = entry(NarHash { digest, size: 0 });
            let object = Entry::Object("o\n".to_owned(), &node, &recorded);
            let refused = TarWriter::new(io::sink(), 1000).entry(&object);
            let said = refused.unwrap_err().to_string();
            assert!(
                said.starts_with("`o\\n` cannot be packed: the file changed"),
                "{said}"
            );
        }
    }

    #[test]
    fn refuses_a_path_that_is_not_what_is_on_record() {
        let node = Node::directory([("file", Node::file(false, "other bytes"))]);
        let good = nar_hash(&node).unwrap();
        let digest = Digest::of(b"the bytes on record");
        for recorded in [NarHash { digest, ..good }, NarHash { size: 1, ..good }] {
            let recorded = entry(recorded);
            let object = Entry::Object("o".to_owned(), &node, &recorded);
            let refused = TarWriter::new(io::sink(), 1000).entry(&object).unwrap_err();
            match refused {
                LayerError::Contents {
                    path,
                    found,
                    recorded: said,
                } => {
                    assert_eq!((*path, said), (recorded.path, recorded.nar));
                    assert_eq!(found, good);
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn says_so_when_the_layer_goes_nowhere() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let node = Node::file(false, vec![0; 5000]);
        let recorded = entry(nar_hash(&node).unwrap());
        let refused =
            TarWriter::new(Full, 1000).entry(&Entry::Object("o".to_owned(), &node, &recorded));
        assert!(matches!(refused, Err(LayerError::Write(_))));
    }
}
