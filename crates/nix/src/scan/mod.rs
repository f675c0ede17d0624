//! What the bytes of a leaf are: text a person can read, machine code, or neither.

mod archive;
mod magic;

use std::fmt;

use seed_primitives::Digest;

/// How deep archives inside archives are followed; anything deeper is opaque.
const MAX_DEPTH: usize = 8;
/// How many findings one leaf may produce before the rest of it is summed up as one opaque finding.
const MAX_FINDINGS: usize = 100_000;

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
        })
    }
}

/// What a piece of a leaf turned out to be, when it is not text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Machine code.
    Machine(MachineCode),
    /// Bytes that are neither text nor anything known: also compressed and encrypted data.
    Opaque,
}

/// A piece of a leaf that is not text.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// Where: the file's name, then the members of the archives around it, joined by `!/`.
    pub location: String,
    /// What it is.
    pub kind: Kind,
    /// SHA-256 of the piece.
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
}

/// Scans the bytes of one file, following tar (also without its magic) and ar archives.
///
/// Text is UTF-8 without control characters other than white space, form feed and escape. Compressed data is
/// opaque: this crate does not decompress.
#[must_use]
pub fn scan(name: &str, bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    scan.visit(name, bytes, 0);
    scan
}

impl Scan {
    fn visit(&mut self, location: &str, bytes: &[u8], depth: usize) {
        if bytes.is_empty() {
            return;
        }
        if is_text(bytes) {
            self.text_bytes += bytes.len() as u64;
            return;
        }
        if let Some(code) = magic::machine_code(bytes) {
            return self.report(location, Kind::Machine(code), bytes);
        }
        let members = if depth < MAX_DEPTH {
            archive::members(bytes)
        } else {
            None
        };
        let Some(members) = members else {
            let kind = if magic::contains_elf(bytes) {
                Kind::Machine(MachineCode::Elf)
            } else {
                Kind::Opaque
            };
            return self.report(location, kind, bytes);
        };
        for member in members {
            if self.findings.len() >= MAX_FINDINGS {
                return self.report(location, Kind::Opaque, bytes);
            }
            self.visit(
                &format!("{location}!/{}", member.name),
                member.bytes,
                depth + 1,
            );
        }
    }

    fn report(&mut self, location: &str, kind: Kind, bytes: &[u8]) {
        self.findings.push(Finding {
            location: location.to_owned(),
            kind,
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        });
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let control = |byte: &u8| {
        (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)) || *byte == 0x7f
    };
    !bytes.iter().any(control) && std::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(bytes: &[u8]) -> Vec<Kind> {
        scan("x", bytes)
            .findings
            .into_iter()
            .map(|finding| finding.kind)
            .collect()
    }

    #[test]
    fn text_is_not_reported() {
        for text in [
            "",
            "hello\n",
            "#!/bin/sh\n\x0c",
            "grüße",
            "MZ is text here",
            "7f 45 4c 46 # hex\n",
            "BC\n",
            "dex\n035 x\n",
        ] {
            let scan = scan("x", text.as_bytes());
            assert_eq!(scan.findings, [], "{text:?}");
            assert_eq!(scan.text_bytes, text.len() as u64);
        }
    }

    #[test]
    fn knows_each_kind_of_machine_code() {
        let mut pe = vec![0; 0x100];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x80..0x84].copy_from_slice(b"PE\0\0");
        let cases: [(MachineCode, &[u8]); 10] = [
            (MachineCode::Elf, b"\x7fELF\x02\x01\x01\0"),
            (MachineCode::MachO, b"\xcf\xfa\xed\xfe\x07\0\0\x01"),
            (MachineCode::MachO, b"\xca\xfe\xba\xbe\0\0\0\x02"),
            (MachineCode::JavaClass, b"\xca\xfe\xba\xbe\0\0\0\x41"),
            (MachineCode::Pe, &pe),
            (MachineCode::Wasm, b"\0asm\x01\0\0\0"),
            (MachineCode::Dex, b"dex\n035\0\0"),
            (MachineCode::PythonBytecode, b"\xa7\x0d\x0d\x0a\0\0\0\0"),
            (MachineCode::LlvmBitcode, b"BC\xc0\xde\x35\x14"),
            (MachineCode::LuaBytecode, b"\x1bLua\x54\0"),
        ];
        for (code, bytes) in cases {
            assert_eq!(kinds(bytes), [Kind::Machine(code)]);
        }
    }

    #[test]
    fn finds_a_program_hidden_behind_other_bytes() {
        let mut bytes = vec![0x80; 1000];
        bytes.extend(b"\x7fELF\x02\x01\x01\0\0\0");
        assert_eq!(kinds(&bytes), [Kind::Machine(MachineCode::Elf)]);
    }

    #[test]
    fn compressed_bytes_are_opaque() {
        for bytes in [
            b"\x1f\x8b\x08\0\0".as_slice(),
            b"\xfd7zXZ\0\0",
            b"(\xb5/\xfd\0\0",
            b"BZh91AY&\x80",
            b"PK\x03\x04\0",
        ] {
            assert_eq!(kinds(bytes), [Kind::Opaque]);
        }
    }
}
