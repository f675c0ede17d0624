use seed_primitives::Digest;
use seed_verdict::LayerEvidence;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// 128 MiB, what `zstd` itself decodes without being told to; it bounds the memory of one layer.
const MAX_WINDOW_LOG: u32 = 27;
const BUFFER: usize = 128 * 1024;
/// The most bytes one layer may decompress to.
pub(crate) const MAX_TAR_BYTES: u64 = 64 << 30;

/// How a layer is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// As the tar itself.
    Tar,
    /// As one zstd frame.
    Zstd,
}

/// Why the bytes of a layer are not one clean stream. Whoever made the layer is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LayerError {
    /// It does not start with a zstd frame, for example with a skippable one.
    #[error("it does not start with a zstd frame")]
    NotZstd,
    /// Bytes follow the frame: other readers could see another layer in them.
    #[error("bytes follow its zstd frame")]
    Trailing,
    /// It ends inside the frame.
    #[error("it ends inside its zstd frame")]
    Truncated,
    /// The decoder refused it.
    #[error("it cannot be decompressed: {0}")]
    Corrupt(String),
    /// It decompresses to more than is ever read.
    #[error("it decompresses to more than {0} bytes")]
    TooLarge(u64),
}

/// Hashes one layer as it is stored and as it is unpacked, in one pass and bounded memory.
///
/// Fed with the bytes in pieces of any size. A layer that is not one clean stream is still hashed to its end as
/// stored, so that a layer that was changed on its way is told apart from one that was made wrong.
pub struct LayerReader {
    stored: Sha256,
    size: u64,
    tar: Sha256,
    tar_size: u64,
    limit: u64,
    zstd: Option<Frame>,
    error: Option<LayerError>,
}

impl std::fmt::Debug for LayerReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerReader")
            .field("size", &self.size)
            .field("tar_size", &self.tar_size)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// What a layer turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReadLayer {
    /// Digest and size as stored, and the digest of whatever of the tar could be unpacked.
    pub evidence: LayerEvidence,
    /// Why it is not one clean stream, if it is not: `evidence.diff_id` then means nothing.
    pub error: Option<LayerError>,
}

struct Frame {
    decoder: Decoder<'static>,
    buffer: Vec<u8>,
    finished: bool,
}

impl LayerReader {
    /// A reader for a layer in this encoding that refuses to unpack more than `limit` bytes.
    #[must_use]
    pub fn new(encoding: Encoding, limit: u64) -> Self {
        let (zstd, error) = match encoding {
            Encoding::Tar => (None, None),
            Encoding::Zstd => match Frame::new() {
                Ok(frame) => (Some(frame), None),
                Err(error) => (None, Some(LayerError::Corrupt(error.to_string()))),
            },
        };
        Self {
            stored: Sha256::new(),
            size: 0,
            tar: Sha256::new(),
            tar_size: 0,
            limit,
            zstd,
            error,
        }
    }

    /// How many bytes were read so far, as stored.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes as they are stored.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stored.update(bytes);
        if self.error.is_none()
            && let Err(error) = self.unpack(bytes)
        {
            self.error = Some(error);
        }
        self.size += bytes.len() as u64;
    }

    /// What the layer was, after its last byte.
    #[must_use]
    pub fn finish(mut self) -> ReadLayer {
        if self.error.is_none() && self.zstd.as_ref().is_some_and(|frame| !frame.finished) {
            self.error = Some(LayerError::Truncated);
        }
        ReadLayer {
            evidence: LayerEvidence {
                digest: digest(self.stored),
                size: self.size,
                diff_id: digest(self.tar),
            },
            error: self.error,
        }
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        let Some(frame) = &mut self.zstd else {
            self.tar_size += bytes.len() as u64;
            self.tar.update(bytes);
            return within(self.tar_size, self.limit);
        };
        let start = usize::try_from(self.size).unwrap_or(usize::MAX);
        for (expected, byte) in MAGIC.iter().skip(start).zip(bytes) {
            if expected != byte {
                return Err(LayerError::NotZstd);
            }
        }
        let mut input = InBuffer::around(bytes);
        loop {
            if frame.finished {
                return if input.pos() == bytes.len() {
                    Ok(())
                } else {
                    Err(LayerError::Trailing)
                };
            }
            let mut output = OutBuffer::around(&mut frame.buffer[..]);
            let left = frame
                .decoder
                .run(&mut input, &mut output)
                .map_err(|error| LayerError::Corrupt(error.to_string()))?;
            let (written, full) = (output.pos(), output.pos() == output.capacity());
            self.tar_size += written as u64;
            within(self.tar_size, self.limit)?;
            self.tar.update(&frame.buffer[..written]);
            frame.finished = left == 0;
            if !frame.finished && !full && input.pos() == bytes.len() {
                return Ok(());
            }
        }
    }
}

impl Frame {
    fn new() -> std::io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        Ok(Self {
            decoder,
            buffer: vec![0; BUFFER],
            finished: false,
        })
    }
}

fn within(size: u64, limit: u64) -> Result<(), LayerError> {
    if size <= limit {
        return Ok(());
    }
    Err(LayerError::TooLarge(limit))
}

fn digest(hasher: Sha256) -> Digest {
    // SHA-256 of nothing anybody knows is zero; a digest that cannot match stands in for it.
    Digest::from_bytes(hasher.finalize().into()).unwrap_or_else(|| Digest::of(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(encoding: Encoding, bytes: &[u8], piece: usize) -> ReadLayer {
        let mut reader = LayerReader::new(encoding, 1 << 20);
        for piece in bytes.chunks(piece) {
            reader.push(piece);
        }
        reader.finish()
    }

    fn frame(content: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(content, 3).unwrap()
    }

    #[test]
    fn hashes_a_layer_as_stored_and_as_unpacked_whatever_the_pieces() {
        let content: Vec<u8> = (0..400_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        let stored = frame(&content);
        for piece in [1, 3, 4, 5, 1000, stored.len()] {
            let layer = read(Encoding::Zstd, &stored, piece);
            assert_eq!(layer.error, None);
            assert_eq!(layer.evidence.digest, Digest::of(&stored));
            assert_eq!(layer.evidence.size, stored.len() as u64);
            assert_eq!(layer.evidence.diff_id, Digest::of(&content));
        }
        let plain = read(Encoding::Tar, &content, 999);
        assert_eq!(plain.evidence.digest, plain.evidence.diff_id);
    }

    #[test]
    fn refuses_skippable_frames_trailing_bytes_and_truncation_and_still_hashes_all() {
        let good = frame(b"content");
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &good].concat();
        let cases = [
            (skippable.clone(), LayerError::NotZstd),
            ([&good[..], &skippable[..9]].concat(), LayerError::Trailing),
            ([&good[..], &good].concat(), LayerError::Trailing),
            (good[..good.len() - 1].to_vec(), LayerError::Truncated),
            (vec![], LayerError::Truncated),
            (b"plain tar".to_vec(), LayerError::NotZstd),
        ];
        for (bytes, error) in cases {
            for piece in [1, 64] {
                let layer = read(Encoding::Zstd, &bytes, piece);
                assert_eq!(layer.error.as_ref(), Some(&error), "{bytes:x?}");
                assert_eq!(layer.evidence.digest, Digest::of(&bytes));
            }
        }
    }

    #[test]
    fn stops_unpacking_a_bomb_at_the_limit() {
        let bomb = frame(&vec![0; 64 << 20]);
        let layer = read(Encoding::Zstd, &bomb, 4096);
        assert_eq!(layer.error, Some(LayerError::TooLarge(1 << 20)));
        assert_eq!(layer.evidence.digest, Digest::of(&bomb));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let good = frame(&[b"some content ".repeat(20), vec![7; 50]].concat());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let layer = read(Encoding::Zstd, &bad, 16);
            assert_ne!(layer.evidence.digest, Digest::of(&good), "byte {at}");
        }
    }
}
