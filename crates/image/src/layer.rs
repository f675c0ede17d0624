use std::io::{self, Write};

use seed_nix::Contents;
use seed_primitives::{Compression, Digest};
use sha2::{Digest as _, Sha256};

use crate::{
    Descriptor,
    media::{LAYER_TAR, LAYER_TAR_ZSTD},
    tar::{Entry, tar_size, write_tar},
};

/// The version of zstd whose output the packer's name stands for: 1.5.7.
pub(crate) const ZSTD_VERSION: u32 = 10_507;
const LEVEL: i32 = 9;
/// 8 MiB: what every decoder is required to accept.
const WINDOW_LOG: u32 = 23;
/// The encoder is always fed pieces of this size, so that its output cannot depend on how files were read.
const PIECE: usize = 128 * 1024;

/// A finished layer: the blob as it is stored, and the digest of the tar inside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layer {
    /// Type, digest and size of the blob.
    pub descriptor: Descriptor,
    /// SHA-256 of the uncompressed tar.
    pub diff_id: Digest,
}

/// Writes one layer to `out` and returns what it became.
pub(crate) fn write_layer<C: Contents>(
    entries: &[Entry<'_, C>],
    compression: Compression,
    out: &mut impl Write,
) -> io::Result<Layer> {
    let zero = || io::Error::new(io::ErrorKind::InvalidData, "a layer hashes to zero");
    let digest = |hasher: Sha256| Digest::from_bytes(hasher.finalize().into()).ok_or_else(zero);
    let mut blob = Hashing {
        out,
        hasher: Sha256::new(),
        size: 0,
    };
    // A plain tar is the blob: its one digest is both. Only a compressed layer hashes the tar besides.
    let (media_type, diff) = match compression {
        Compression::Tar => {
            write_tar(entries, &mut |bytes| blob.write_all(bytes))?;
            (LAYER_TAR, None)
        }
        Compression::TarZstd => {
            let mut diff = Sha256::new();
            let mut encoder = encoder(&mut blob, tar_size(entries)?)?;
            let mut pieces = Pieces {
                buffer: Vec::with_capacity(PIECE),
                out: &mut encoder,
            };
            write_tar(entries, &mut |bytes| {
                diff.update(bytes);
                pieces.push(bytes)
            })?;
            pieces.finish()?;
            encoder.finish()?;
            (LAYER_TAR_ZSTD, Some(diff))
        }
    };
    blob.flush()?;
    let blob_digest = digest(blob.hasher)?;
    Ok(Layer {
        descriptor: Descriptor {
            media_type: media_type.to_owned(),
            digest: blob_digest,
            size: blob.size,
        },
        diff_id: diff.map_or(Ok(blob_digest), digest)?,
    })
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

struct Hashing<'a, W> {
    out: &'a mut W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Pieces<'a, W: Write> {
    buffer: Vec<u8>,
    out: &'a mut W,
}

impl<W: Write> Pieces<'_, W> {
    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = PIECE.saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PIECE {
                self.finish()?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use seed_nix::Node;

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
            &[Entry::Object("f".into(), &fast)],
            Compression::TarZstd,
            &mut first,
        )
        .unwrap();
        let two = write_layer(
            &[Entry::Object("f".into(), &slow)],
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
        let entries = [Entry::Object("f".into(), &node)];
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
