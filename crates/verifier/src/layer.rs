use flate2::{Decompress, FlushDecompress, Status};
use seed_primitives::Digest;
use seed_verdict::LayerEvidence;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The third byte says deflate, the only method there is.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];
/// 32 KiB, all that deflate has.
const GZIP_WINDOW_LOG: u8 = 15;
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
    /// As one gzip member, which only re-packed copies have.
    Gzip,
}

impl Encoding {
    /// How a layer of this media type is stored, OCI's or Docker's.
    #[must_use]
    pub fn of(media_type: &str) -> Self {
        if media_type.ends_with("zstd") {
            Self::Zstd
        } else if media_type.ends_with("gzip") {
            Self::Gzip
        } else {
            Self::Tar
        }
    }
}

/// Why the bytes of a layer are not one clean stream. Whoever made the layer is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LayerError {
    /// It does not start with a zstd frame, for example with a skippable one.
    #[error("it does not start with a zstd frame")]
    NotZstd,
    /// It does not start with a gzip member.
    #[error("it does not start with a gzip member")]
    NotGzip,
    /// Bytes follow the one frame or member: other readers could see another layer in them.
    #[error("bytes follow the end of its one compressed stream")]
    Trailing,
    /// It ends inside the frame or member.
    #[error("it ends inside its compressed stream")]
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
    /// Of what was unpacked; a tar that is stored as it is has one digest, not two.
    tar: Option<Sha256>,
    tar_size: u64,
    limit: u64,
    packed: Option<Packed>,
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
    /// How many bytes of the tar could be unpacked.
    pub unpacked: u64,
    /// Why it is not one clean stream, if it is not: `evidence.diff_id` then means nothing.
    pub error: Option<LayerError>,
}

/// One compressed stream.
struct Packed {
    decoder: Stream,
    buffer: Vec<u8>,
    finished: bool,
}

enum Stream {
    Zstd(Decoder<'static>),
    Gzip(Decompress),
}

/// How far one step went.
struct Step {
    read: usize,
    written: usize,
    finished: bool,
}

impl LayerReader {
    /// A reader for a layer in this encoding that refuses to unpack more than `limit` bytes.
    #[must_use]
    pub fn new(encoding: Encoding, limit: u64) -> Self {
        let (packed, error) = match Packed::new(encoding) {
            Ok(packed) => (packed, None),
            Err(error) => (None, Some(LayerError::Corrupt(error.to_string()))),
        };
        Self {
            stored: Sha256::new(),
            size: 0,
            tar: packed.is_some().then(Sha256::new),
            tar_size: 0,
            limit,
            packed,
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
        if self.error.is_none() && self.packed.as_ref().is_some_and(|one| !one.finished) {
            self.error = Some(LayerError::Truncated);
        }
        let stored = digest(self.stored);
        ReadLayer {
            evidence: LayerEvidence {
                digest: stored,
                size: self.size,
                diff_id: self.tar.map_or(stored, digest),
            },
            unpacked: self.tar_size,
            error: self.error,
        }
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        let Some(packed) = &mut self.packed else {
            self.tar_size += bytes.len() as u64;
            return within(self.tar_size, self.limit);
        };
        packed.begins(usize::try_from(self.size).unwrap_or(usize::MAX), bytes)?;
        let mut rest = bytes;
        loop {
            if packed.finished {
                return if rest.is_empty() {
                    Ok(())
                } else {
                    Err(LayerError::Trailing)
                };
            }
            let step = packed.step(rest)?;
            rest = &rest[step.read..];
            self.tar_size += step.written as u64;
            within(self.tar_size, self.limit)?;
            if let Some(tar) = &mut self.tar {
                tar.update(&packed.buffer[..step.written]);
            }
            packed.finished = step.finished;
            let drained = step.written < packed.buffer.len();
            if !packed.finished && drained && rest.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Packed {
    fn new(encoding: Encoding) -> std::io::Result<Option<Self>> {
        let decoder = match encoding {
            Encoding::Tar => return Ok(None),
            Encoding::Gzip => Stream::Gzip(Decompress::new_gzip(GZIP_WINDOW_LOG)),
            Encoding::Zstd => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
                Stream::Zstd(decoder)
            }
        };
        Ok(Some(Self {
            decoder,
            buffer: vec![0; BUFFER],
            finished: false,
        }))
    }

    /// Looks at the first bytes, which may come one by one: `bytes` follow on `start` others.
    fn begins(&self, start: usize, bytes: &[u8]) -> Result<(), LayerError> {
        let (magic, error) = match self.decoder {
            Stream::Zstd(_) => (ZSTD_MAGIC, LayerError::NotZstd),
            Stream::Gzip(_) => (GZIP_MAGIC, LayerError::NotGzip),
        };
        let mut pairs = magic.iter().skip(start).zip(bytes);
        if pairs.all(|(expected, byte)| expected == byte) {
            return Ok(());
        }
        Err(error)
    }

    /// Unpacks some of `bytes` into the buffer.
    fn step(&mut self, bytes: &[u8]) -> Result<Step, LayerError> {
        let step = match &mut self.decoder {
            Stream::Zstd(decoder) => {
                let mut input = InBuffer::around(bytes);
                let mut output = OutBuffer::around(&mut self.buffer[..]);
                let left = decoder.run(&mut input, &mut output).map_err(corrupt)?;
                Step {
                    read: input.pos(),
                    written: output.pos(),
                    finished: left == 0,
                }
            }
            Stream::Gzip(decoder) => {
                let (read, written) = (decoder.total_in(), decoder.total_out());
                let status = decoder
                    .decompress(bytes, &mut self.buffer, FlushDecompress::None)
                    .map_err(corrupt)?;
                let moved = |from: u64, to: u64| usize::try_from(to - from).map_err(corrupt);
                Step {
                    read: moved(read, decoder.total_in())?,
                    written: moved(written, decoder.total_out())?,
                    finished: status == Status::StreamEnd,
                }
            }
        };
        let stuck = step.read == 0 && step.written == 0 && !step.finished;
        if stuck && !bytes.is_empty() {
            return Err(LayerError::Corrupt("it leads nowhere".to_owned()));
        }
        Ok(step)
    }
}

fn corrupt(error: impl ToString) -> LayerError {
    LayerError::Corrupt(error.to_string())
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
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

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

    fn member(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_gzip_member_is_unpacked_whatever_the_pieces_and_its_header() {
        let content: Vec<u8> = (0..400_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        let named = flate2::GzBuilder::new().filename("layer.tar").mtime(7);
        let mut named = named.write(Vec::new(), Compression::best());
        named.write_all(&content).unwrap();
        for stored in [member(&content), named.finish().unwrap(), member(b"")] {
            let content = if stored.len() < 100 {
                &[][..]
            } else {
                &content
            };
            for piece in [1, 3, 4, 5, 1000, stored.len()] {
                let layer = read(Encoding::Gzip, &stored, piece);
                assert_eq!(layer.error, None);
                assert_eq!(layer.evidence.digest, Digest::of(&stored));
                assert_eq!(layer.evidence.diff_id, Digest::of(content));
                assert_eq!(layer.unpacked, content.len() as u64);
            }
        }
    }

    #[test]
    fn refuses_a_second_member_trailing_bytes_and_a_wrong_trailer() {
        let good = member(b"content");
        let end = good.len();
        let changed = |at: usize| {
            let mut bad = good.clone();
            bad[at] ^= 1;
            bad
        };
        let cases = [
            ([&good[..], &good].concat(), LayerError::Trailing),
            ([&good[..], &[0]].concat(), LayerError::Trailing),
            (good[..end - 1].to_vec(), LayerError::Truncated),
            (good[..5].to_vec(), LayerError::Truncated),
            (vec![], LayerError::Truncated),
            (b"plain tar".to_vec(), LayerError::NotGzip),
            (frame(b"content"), LayerError::NotGzip),
        ];
        for (bytes, error) in cases {
            for piece in [1, 64] {
                let layer = read(Encoding::Gzip, &bytes, piece);
                assert_eq!(layer.error.as_ref(), Some(&error), "{bytes:x?}");
                assert_eq!(layer.evidence.digest, Digest::of(&bytes));
            }
        }
        // The checksum and the length at its end.
        for bad in [changed(end - 8), changed(end - 1)] {
            let layer = read(Encoding::Gzip, &bad, 64);
            assert!(
                matches!(layer.error, Some(LayerError::Corrupt(_))),
                "{layer:?}"
            );
        }
    }

    #[test]
    fn an_encoding_is_what_the_media_type_says() {
        for (media_type, encoding) in [
            ("application/vnd.oci.image.layer.v1.tar", Encoding::Tar),
            (
                "application/vnd.oci.image.layer.v1.tar+gzip",
                Encoding::Gzip,
            ),
            (
                "application/vnd.oci.image.layer.v1.tar+zstd",
                Encoding::Zstd,
            ),
            (
                "application/vnd.docker.image.rootfs.diff.tar",
                Encoding::Tar,
            ),
            (
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                Encoding::Gzip,
            ),
            (
                "application/vnd.docker.image.rootfs.diff.tar.zstd",
                Encoding::Zstd,
            ),
        ] {
            assert_eq!(Encoding::of(media_type), encoding);
        }
    }

    #[test]
    fn stops_unpacking_a_bomb_at_the_limit() {
        let zeros = vec![0; 64 << 20];
        for (encoding, bomb) in [
            (Encoding::Zstd, frame(&zeros)),
            (Encoding::Gzip, member(&zeros)),
        ] {
            let layer = read(encoding, &bomb, 4096);
            assert_eq!(layer.error, Some(LayerError::TooLarge(1 << 20)));
            assert!(layer.unpacked <= (1 << 20) + BUFFER as u64);
            assert_eq!(layer.evidence.digest, Digest::of(&bomb));
        }
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
