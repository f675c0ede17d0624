use super::MachineCode;

/// The kind of machine code that `bytes` (already known not to be text) begin with.
pub(super) fn machine_code(bytes: &[u8]) -> Option<MachineCode> {
    let four: [u8; 4] = bytes.first_chunk().copied()?;
    match four {
        [0x7f, b'E', b'L', b'F'] => Some(MachineCode::Elf),
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
        [_, 0x0d | 0x0c, 0x0d, 0x0a] => Some(MachineCode::PythonBytecode),
        [b'M', b'Z', ..] => Some(MachineCode::Pe),
        _ => None,
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

/// Whether an ELF header (magic, a class and an order that exist) begins anywhere in `bytes`.
pub(super) fn contains_elf(bytes: &[u8]) -> bool {
    bytes
        .windows(6)
        .any(|window| matches!(window, [0x7f, b'E', b'L', b'F', 1 | 2, 1 | 2]))
}
