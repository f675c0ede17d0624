//! What the bytes of a leaf are: text a person can read, machine code, or neither.

mod ar;
mod codec;
mod cpio;
mod format;
mod magic;
mod nar;
mod packed;
mod stream;
mod tar;
mod text;
mod walk;
mod zip;

use std::{fmt, io};

use seed_primitives::Digest;

use crate::Contents;
pub use format::Format;
pub use packed::{read_packed, unpacked};

/// How far archives are followed. What goes beyond is one finding of [`Kind::Beyond`], never an endless loop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How deep archives may lie inside archives.
    pub depth: usize,
    /// How many compressed layers may lie inside each other: each holds its window in memory.
    pub packings: usize,
    /// How many bytes one file may unpack to, all its archives together.
    pub unpacked: u64,
    /// How many times larger than its compressed form anything may become, once it has more than
    /// [`Limits::ratio_from`] bytes.
    pub ratio: u64,
    /// The size from which [`Limits::ratio`] counts.
    pub ratio_from: u64,
    /// How many bytes of memory one decoder may ask for.
    pub memory: u64,
    /// How many findings one file may have.
    pub findings: usize,
}

impl Default for Limits {
    /// Beyond any source archive in use, and within 256 MiB of memory.
    fn default() -> Self {
        Self {
            depth: 8,
            packings: 3,
            unpacked: 64 << 30,
            ratio: 250,
            ratio_from: 64 << 20,
            memory: 66 << 20,
            findings: 10_000,
        }
    }
}

/// A kind of code that something runs without compiling it from text first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MachineCode {
    /// ELF, at the start or anywhere inside bytes that are not text.
    Elf,
    /// Mach-O, thin or fat.
    MachO,
    /// A Windows or UEFI program.
    Pe,
    /// WebAssembly.
    Wasm,
    /// A Java class.
    JavaClass,
    /// Android bytecode.
    Dex,
    /// Compiled Python.
    PythonBytecode,
    /// LLVM bitcode.
    LlvmBitcode,
    /// Compiled Lua.
    LuaBytecode,
    /// Compiled Guile; starts as ELF does, with a name of its own.
    GuileBytecode,
}

impl fmt::Display for MachineCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elf => "elf",
            Self::MachO => "mach-o",
            Self::Pe => "pe",
            Self::Wasm => "wasm",
            Self::JavaClass => "java-class",
            Self::Dex => "dex",
            Self::PythonBytecode => "python-bytecode",
            Self::LlvmBitcode => "llvm-bitcode",
            Self::LuaBytecode => "lua-bytecode",
            Self::GuileBytecode => "guile-bytecode",
        })
    }
}

/// A limit that an archive goes beyond.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Limit {
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::packings`].
    Packings,
    /// [`Limits::unpacked`].
    Unpacked,
    /// [`Limits::ratio`].
    Ratio,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::findings`].
    Findings,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "beyond-depth",
            Self::Packings => "beyond-packings",
            Self::Unpacked => "beyond-unpacked",
            Self::Ratio => "beyond-ratio",
            Self::Memory => "beyond-memory",
            Self::Findings => "beyond-findings",
        })
    }
}

impl Limits {
    /// What went beyond `limit`, as the end of a sentence that starts with the place.
    #[must_use]
    pub fn explain(&self, limit: Limit) -> String {
        match limit {
            Limit::Depth => format!("lies deeper than {} archives", self.depth),
            Limit::Packings => {
                format!("lies deeper than {} compressed layers", self.packings)
            }
            Limit::Unpacked => format!("unpacks to more than {} bytes", self.unpacked),
            Limit::Ratio => format!("unpacks to more than {} times its size", self.ratio),
            Limit::Memory => {
                format!("needs more than {} bytes of memory to unpack", self.memory)
            }
            Limit::Findings => format!("holds more than {} pieces of no text", self.findings),
        }
    }
}

/// What a piece of a leaf turned out to be, when it is not text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Machine code.
    Machine(MachineCode),
    /// Bytes that are neither text nor anything known, such as encrypted data.
    Opaque,
    /// An archive that says one thing and holds another, or ends too early.
    Damaged(Format),
    /// An archive that was not followed to its end.
    Beyond(Limit),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(code) => code.fmt(f),
            Self::Opaque => f.write_str("opaque"),
            Self::Damaged(format) => write!(f, "damaged-{format}"),
            Self::Beyond(limit) => limit.fmt(f),
        }
    }
}

/// A piece of a leaf that is not text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// Where: the file's name, then the members of the archives around it, joined by `!/`. Characters that
    /// could mislead a reader are escaped.
    pub location: String,
    /// What it is.
    pub kind: Kind,
    /// SHA-256 of the piece; of the archive where that was damaged or went beyond a limit.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// The result of scanning one file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scan {
    /// Everything that is not text, in order of appearance.
    pub findings: Vec<Finding>,
    /// How many bytes are text, counted at the innermost level.
    pub text_bytes: u64,
    /// How many of them stand in runs of 64 or more base64 or hexadecimal digits: text that may carry
    /// anything.
    pub encoded_bytes: u64,
}

/// Scans the bytes of one file, following tar (also without its magic), ar, cpio, zip and NAR archives and
/// gzip, xz, lzma, lzip, bzip2 and zstd, in memory bounded by `limits` and not by the file.
///
/// Text is UTF-8 without control characters other than white space, form feed and escape. Every byte of an
/// archive is part of a member, of a header that was checked, or of a finding.
///
/// # Errors
/// Those of reading `contents`. Whatever the bytes are is in the result.
pub fn scan<C: Contents>(name: &str, contents: &C, size: u64, limits: &Limits) -> io::Result<Scan> {
    walk::Walk::file(name, contents, size, limits)
}
