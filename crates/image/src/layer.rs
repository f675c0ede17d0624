use std::io::{self, Write};

use seed_nix::{Contents, StreamDigest};
use seed_primitives::{Compression, Digest};

use crate::{
    Descriptor, LayerError,
    media::{LAYER_TAR, LAYER_TAR_ZSTD},
    tar::{Entry, tar_size},
    tar_writer::TarWriter,
};

/// The version of zstd whose output the packer's name stands for: 1.5.7.
pub(crate) const ZSTD_VERSION: u32 = 10_507;
const LEVEL: i32 = 9;
/// 8 MiB: what every decoder is required to accept.
const WINDOW_LOG: u32 = 23;
/// The encoder is always fed pieces of this size, so that its output cannot depend on how files were read.
const PIECE: usize = 128 * 1024;
/// A plain tar is handed on in pieces of this size. They fit into a core's own cache beside what is read next, which
/// those of the encoder do not; nothing depends on it.
const PLAIN_PIECE: usize = 64 * 1024;

/// A finished layer: the blob as it is stored, and the digest of the tar inside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layer {
    /// Type, digest and size of the blob.
    pub descriptor: Descriptor,
    /// SHA-256 of the uncompressed tar.
    pub diff_id: Digest,
}

/// Writes one layer to `out` and returns what it became: one reading of every file, and every digest from it.
pub(crate) fn write_layer<C: Contents>(
    entries: &[Entry<'_, C>],
    compression: Compression,
    out: &mut impl Write,
) -> Result<Layer, LayerError> {
    match compression {
        // A plain tar is the blob: its one digest is both.
        Compression::Tar => {
            let (digest, out) = write_tar(entries, out, PLAIN_PIECE)?;
            out.flush().map_err(LayerError::Write)?;
            let (digest, size) = digest.finish().map_err(LayerError::Write)?;
            Ok(Layer::new(LAYER_TAR, digest, size, digest))
        }
        Compression::TarZstd => {
            let size = tar_size(entries).map_err(LayerError::Write)?;
            let blob = Hashing {
                out,
                digest: StreamDigest::new(),
            };
            let encoder = encoder(blob, size).map_err(LayerError::Write)?;
            let (diff_id, encoder) = write_tar(entries, encoder, PIECE)?;
            let mut blob = encoder.finish().map_err(LayerError::Write)?;
            blob.flush().map_err(LayerError::Write)?;
            let (diff_id, _) = diff_id.finish().map_err(LayerError::Write)?;
            let (digest, size) = blob.digest.finish().map_err(LayerError::Write)?;
            Ok(Layer::new(LAYER_TAR_ZSTD, digest, size, diff_id))
        }
    }
}

fn write_tar<C: Contents, W: Write>(
    entries: &[Entry<'_, C>],
    out: W,
    piece: usize,
) -> Result<(StreamDigest, W), LayerError> {
    let mut tar = TarWriter::new(out, piece);
    for entry in entries {
        tar.entry(entry)?;
    }
    tar.finish()
}

impl Layer {
    fn new(media_type: &str, digest: Digest, size: u64, diff_id: Digest) -> Self {
        Self {
            descriptor: Descriptor {
                media_type: media_type.to_owned(),
                digest,
                size,
            },
            diff_id,
        }
    }
}

fn encoder<W: Write>(out: W, size: u64) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.long_distance_matching(false)?;
    encoder.include_checksum(true)?;
    encoder.include_contentsize(true)?;
    encoder.include_dictid(false)?;
    encoder.set_pledged_src_size(Some(size))?;
    Ok(encoder)
}

/// Hashes what goes to `out`.
struct Hashing<'a, W> {
    out: &'a mut W,
    digest: StreamDigest,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.digest.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use seed_nix::{ClosureEntry, Node, nar_hash};

    use super::*;

    /// Yields its bytes a few at a time, as a slow disk would.
    struct Slow(Vec<u8>);
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let length = out.len().min(self.0.len()).min(977);
            (&self.0[..length])
                .read(out)
                .inspect(|read| self.0 = &self.0[*read..])
        }
    }

    impl Contents for Slow {
        fn open(&self) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(Drip(&self.0)))
        }
    }

    fn entry(node: &Node<impl Contents>) -> ClosureEntry {
        ClosureEntry {
            path: "/nix/store/00000000000000000000000000000000-f"
                .parse()
                .unwrap(),
            nar: nar_hash(node).unwrap(),
        }
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        (0..length)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if at % 3 == 0 {
                    b'a'
                } else {
                    (state >> 24) as u8
                }
            })
            .collect()
    }

    #[test]
    fn how_files_are_read_does_not_change_the_blob() {
        let bytes = noise(700_001);
        let fast = Node::file(false, bytes.clone());
        let slow = Node::File {
            executable: false,
            size: bytes.len() as u64,
            contents: Slow(bytes),
        };
        let mut first = Vec::new();
        let mut second = Vec::new();
        let one = write_layer(
            &[Entry::Object("f".into(), &fast, &entry(&fast))],
            Compression::TarZstd,
            &mut first,
        )
        .unwrap();
        let two = write_layer(
            &[Entry::Object("f".into(), &slow, &entry(&slow))],
            Compression::TarZstd,
            &mut second,
        )
        .unwrap();
        assert_eq!(one, two);
        assert_eq!(first, second);
    }

    #[test]
    fn the_blob_unpacks_to_its_diff_id() {
        let node = Node::file(false, noise(300_000));
        let recorded = entry(&node);
        let entries = [Entry::Object("f".into(), &node, &recorded)];
        let mut blob = Vec::new();
        let layer = write_layer(&entries, Compression::TarZstd, &mut blob).unwrap();
        assert_eq!(layer.descriptor.digest, Digest::of(&blob));
        assert_eq!(layer.descriptor.size, blob.len() as u64);
        let tar = zstd::decode_all(blob.as_slice()).unwrap();
        assert_eq!(layer.diff_id, Digest::of(&tar));
        let mut plain = Vec::new();
        let layer = write_layer(&entries, Compression::Tar, &mut plain).unwrap();
        assert_eq!(
            (layer.diff_id, layer.descriptor.digest),
            (Digest::of(&tar), Digest::of(&tar))
        );
        assert_eq!(plain, tar);
    }
}
