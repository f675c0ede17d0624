use std::fmt;

use super::{cpio, tar};

/// A form that holds other bytes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Format {
    /// Tar, also from before its magic number.
    Tar,
    /// Unix archives, and so Debian packages.
    Ar,
    /// Cpio with headers of digits.
    Cpio,
    /// Zip, and so Java archives and wheels.
    Zip,
    /// Nix's archive.
    Nar,
    /// A bare deflate stream, as members of a zip are.
    Deflate,
    /// Gzip.
    Gzip,
    /// Xz.
    Xz,
    /// The older form of lzma.
    Lzma,
    /// Lzip.
    Lzip,
    /// Bzip2.
    Bzip2,
    /// Zstandard.
    Zstd,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tar => "tar",
            Self::Ar => "ar",
            Self::Cpio => "cpio",
            Self::Zip => "zip",
            Self::Nar => "nar",
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Lzip => "lzip",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
        })
    }
}

impl Format {
    /// The form that `head`, the beginning of bytes that are not text, has.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| head.starts_with(magic);
        if starts(b"!<arch>\n") {
            return Some(Self::Ar);
        }
        if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
            return Some(Self::Zip);
        }
        if starts(b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0") {
            return Some(Self::Nar);
        }
        if cpio::is_header(head) {
            return Some(Self::Cpio);
        }
        Self::of_packing(head).or_else(|| tar::is_header(head).then_some(Self::Tar))
    }

    /// The form of the compressed stream that begins with `head`, of which 18 bytes are enough; `None` where it is
    /// not one of those that say so themselves.
    #[must_use]
    pub fn of_packing(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [b'L', b'Z', b'I', b'P', 1, ..] => Some(Self::Lzip),
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if is_bzip2(rest) => Some(Self::Bzip2),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0x5d, 0, 0, rest @ ..] if is_lzma(rest) => Some(Self::Lzma),
            _ => None,
        }
    }
}

/// A first block, or the end of a stream without one.
fn is_bzip2(after: &[u8]) -> bool {
    after.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
        || after.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
}

/// The older form has no magic number: its usual properties, then a dictionary and a length that make sense.
fn is_lzma(after: &[u8]) -> bool {
    let Some([_, high, length @ ..]) = after.first_chunk::<10>() else {
        return false;
    };
    let length = u64::from_le_bytes(*length);
    *high <= 8 && (length == u64::MAX || length < 1 << 38)
}
