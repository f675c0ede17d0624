use super::MachineCode;

/// The kind of machine code that `bytes` (already known not to be text) begin with.
pub(super) fn machine_code(bytes: &[u8]) -> Option<MachineCode> {
    let four: [u8; 4] = bytes.first_chunk().copied()?;
    match four {
        [0x7f, b'E', b'L', b'F'] => Some(elf_or_guile(bytes)),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => {
            Some(MachineCode::MachO)
        }
        [0xca, 0xfe, 0xba, 0xbe | 0xbf] | [0xbe | 0xbf, 0xba, 0xfe, 0xca] => {
            Some(fat_or_class(bytes))
        }
        [0, b'a', b's', b'm'] => Some(MachineCode::Wasm),
        [b'd', b'e', b'x', b'\n'] => Some(MachineCode::Dex),
        [b'B', b'C', 0xc0, 0xde] | [0xde, 0xc0, 0x17, 0x0b] => Some(MachineCode::LlvmBitcode),
        [0x1b, b'L', b'u', b'a'] | [0x1b, b'L', b'J', _] => Some(MachineCode::LuaBytecode),
        [b'G', b'O', b'O', b'F'] => Some(MachineCode::GuileBytecode),
        [_, 0x0d | 0x0c, 0x0d, 0x0a] => Some(MachineCode::PythonBytecode),
        [b'M', b'Z', ..] => Some(MachineCode::Pe),
        _ => None,
    }
}

/// Guile's compiled files are ELF with a system ABI of their own and no machine.
fn elf_or_guile(bytes: &[u8]) -> MachineCode {
    match (bytes.get(7), bytes.get(18..20)) {
        (Some(0xff), Some([0, 0])) => MachineCode::GuileBytecode,
        _ => MachineCode::Elf,
    }
}

/// Fat Mach-O and Java share a magic number; the next word is a small count of architectures or a version of
/// at least 45.
fn fat_or_class(bytes: &[u8]) -> MachineCode {
    match bytes.get(4..8) {
        Some([0, 0, 0, count]) if *count < 45 => MachineCode::MachO,
        _ if bytes.first() == Some(&0xca) && bytes.get(3) == Some(&0xbe) => MachineCode::JavaClass,
        _ => MachineCode::MachO,
    }
}

/// Whether an ELF header (magic, a class and an order that exist) begins anywhere in bytes that arrive in
/// pieces.
#[derive(Default)]
pub(super) struct ElfSearch {
    found: bool,
    /// The last bytes of what came before, fewer than a header's.
    tail: Vec<u8>,
}

const HEADER: usize = 6;

impl ElfSearch {
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.found {
            return;
        }
        let start = piece.get(..piece.len().min(HEADER - 1)).unwrap_or_default();
        self.tail.extend_from_slice(start);
        self.found = contains_elf(&self.tail) || contains_elf(piece);
        if piece.len() >= HEADER - 1 {
            self.tail = piece
                .get(piece.len() - (HEADER - 1)..)
                .unwrap_or_default()
                .into();
        } else {
            let surplus = self.tail.len().saturating_sub(HEADER - 1);
            self.tail.drain(..surplus);
        }
    }

    pub(super) const fn found(&self) -> bool {
        self.found
    }
}

fn contains_elf(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, b"\x7fELF")
        .any(|at| matches!(bytes.get(at + 4..at + HEADER), Some([1 | 2, 1 | 2])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_elf_across_pieces() {
        let mut bytes = vec![7; 40];
        bytes[17..23].copy_from_slice(b"\x7fELF\x02\x01");
        for step in 1..=bytes.len() {
            let mut search = ElfSearch::default();
            bytes.chunks(step).for_each(|piece| search.push(piece));
            assert!(search.found(), "{step}");
        }
        bytes[21] = 9;
        let mut search = ElfSearch::default();
        search.push(&bytes);
        assert!(!search.found());
    }

    #[test]
    fn tells_guile_from_elf() {
        let mut bytes = vec![0; 64];
        bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\xff");
        assert_eq!(machine_code(&bytes), Some(MachineCode::GuileBytecode));
        bytes[18] = 62;
        assert_eq!(machine_code(&bytes), Some(MachineCode::Elf));
    }
}
