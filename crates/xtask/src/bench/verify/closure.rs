use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    sync::Arc,
};

use seed_image::PackedPath;
use seed_nix::{ClosureEntry, Contents, Node, StorePath, nar_hash};

const BLOCK: usize = 1 << 20;
/// So many blocks pass before one comes again: farther than an encoder looks back.
const BLOCKS: usize = 64;

/// Text that an encoder makes about half as long, as it does with what is in most images; made while it is read.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    blocks: Arc<[u8]>,
    /// Where it begins.
    start: usize,
    size: u64,
}

/// `count` store paths of `bytes` in all, of one file each.
pub(crate) fn closure(
    count: usize,
    bytes: u64,
) -> eyre::Result<(Vec<PackedPath<Text>>, BTreeSet<StorePath>)> {
    let blocks = blocks();
    let mut built: Vec<PackedPath<Text>> = Vec::new();
    for at in 0..count {
        let letter = char::from(b"0123456789abcdfg"[at % 16]);
        let hash = letter.to_string().repeat(32);
        let path: StorePath = format!("/nix/store/{hash}-part-{at:03}").parse()?;
        let file = Node::File {
            executable: false,
            size: bytes / count as u64,
            contents: Text {
                blocks: Arc::clone(&blocks),
                start: at * 7 * BLOCK,
                size: bytes / count as u64,
            },
        };
        let node = Node::Directory(BTreeMap::from([(b"text".to_vec(), file)]));
        built.push(PackedPath {
            entry: ClosureEntry {
                nar: nar_hash(&node)?,
                path,
            },
            references: built
                .last()
                .map(|last| last.entry.path.clone())
                .into_iter()
                .collect(),
            node,
        });
    }
    let last = built.last().map(|path| path.entry.path.clone());
    Ok((built, last.into_iter().collect()))
}

/// Hex digits of numbers that look random (splitmix64).
fn blocks() -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(BLOCK * BLOCKS);
    let mut state = 7_u64;
    while bytes.len() < BLOCK * BLOCKS {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        bytes.extend((0..16).map(|digit| b"0123456789abcdef"[(z >> (digit * 4) & 15) as usize]));
    }
    bytes.into()
}

impl Contents for Text {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Reading { text: self, at: 0 }))
    }
}

struct Reading<'a> {
    text: &'a Text,
    at: u64,
}

impl Read for Reading<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let from = (self.text.start + self.at as usize) % self.text.blocks.len();
        let left = usize::try_from(self.text.size - self.at).unwrap_or(usize::MAX);
        let piece = &self.text.blocks[from..];
        let length = piece.len().min(out.len()).min(left);
        out[..length].copy_from_slice(&piece[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_their_size_and_differ() {
        let (paths, application) = closure(20, 20 * 100_000).unwrap();
        assert_eq!(application.len(), 1);
        let contents = |at: usize| {
            let Node::Directory(entries) = &paths[at].node else {
                panic!()
            };
            let Some(Node::File { contents, .. }) = entries.get(&b"text"[..]) else {
                panic!()
            };
            let mut bytes = Vec::new();
            contents.open().unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(contents(0).len(), 100_000);
        assert_ne!(contents(0), contents(1));
        let packed = zstd::bulk::compress(&contents(3), 3).unwrap();
        assert!((40_000..60_000).contains(&packed.len()), "{}", packed.len());
    }
}
