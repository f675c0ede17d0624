//! An encoder of the x86-64 subset that the chain uses, written from the instruction set
//! reference. It knows nothing of the listings it checks.

/// A register: its number and how many bytes of it are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reg {
    number: u8,
    size: u8,
}

/// A constant, or the place of one that is not part of the encoding (`i8`, `i32`, `m32`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Constant {
    None,
    Value(i64),
    Hole(u8),
}

/// `[base+index*scale+displacement]`, and how many bytes of memory, when said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mem {
    size: Option<u8>,
    base: Option<u8>,
    index: Option<(u8, u8)>,
    displacement: Constant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    Reg(Reg),
    Mem(Mem),
    Const(Constant),
}

const NAMES: [[&str; 16]; 3] = [
    [
        "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b",
        "r13b", "r14b", "r15b",
    ],
    [
        "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d",
        "r12d", "r13d", "r14d", "r15d",
    ],
    [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ],
];

/// Encodes one instruction in Intel syntax, such as `mov eax, [r8+4]`. Where a constant is
/// written as `i8`, `i32`, `i64` or `m32`, its bytes are left out; they must come last. A
/// jump's or call's distance is left out too: only the opcode of its near form is returned.
/// `None` for anything outside the subset.
pub fn encode(instruction: &str) -> Option<Vec<u8>> {
    let (mnemonic, rest) = instruction
        .trim()
        .split_once(' ')
        .unwrap_or((instruction.trim(), ""));
    if rest.is_empty() || mnemonic == "repe" {
        return fixed(instruction.trim());
    }
    let operands: Option<Vec<Operand>> = rest.split(',').map(|text| operand(text.trim())).collect();
    match operands?.as_slice() {
        [one] => unary(mnemonic, *one),
        [to, from] => binary(mnemonic, *to, *from),
        [Operand::Reg(to), Operand::Reg(from), Operand::Const(by)] if mnemonic == "imul" => {
            let bytes = modrm(&[0x6B], to.number, Operand::Reg(*from), to.size)?;
            append(bytes, *by, 1)
        }
        _ => None,
    }
}

fn fixed(instruction: &str) -> Option<Vec<u8>> {
    Some(match instruction {
        "syscall" => vec![0x0F, 0x05],
        "ret" => vec![0xC3],
        "leave" => vec![0xC9],
        "cqo" => vec![0x48, 0x99],
        "repe cmpsb" => vec![0xF3, 0xA6],
        "jmp" => vec![0xE9],
        "call" => vec![0xE8],
        _ => vec![0x0F, 0x80 | condition(instruction.strip_prefix('j')?)?],
    })
}

/// The number of a condition, as jumps and `set` instructions encode it.
fn condition(name: &str) -> Option<u8> {
    Some(match name {
        "b" | "c" => 2,
        "ae" | "nc" => 3,
        "e" | "z" => 4,
        "ne" | "nz" => 5,
        "be" => 6,
        "a" => 7,
        "s" => 8,
        "l" => 12,
        "ge" => 13,
        "le" => 14,
        "g" => 15,
        _ => return None,
    })
}

fn unary(mnemonic: &str, operand: Operand) -> Option<Vec<u8>> {
    match (mnemonic, operand) {
        ("push", Operand::Reg(reg)) if reg.size == 8 => Some(short(0x50, reg.number)),
        ("pop", Operand::Reg(reg)) if reg.size == 8 => Some(short(0x58, reg.number)),
        ("push", Operand::Const(value)) => append(vec![0x6A], value, 1),
        ("inc", _) => modrm(&[0xFF], 0, operand, width(operand)?),
        ("dec", _) => modrm(&[0xFF], 1, operand, width(operand)?),
        ("not", _) => modrm(&[0xF7], 2, operand, width(operand)?),
        ("neg", _) => modrm(&[0xF7], 3, operand, width(operand)?),
        ("div", _) => modrm(&[0xF7], 6, operand, width(operand)?),
        ("idiv", _) => modrm(&[0xF7], 7, operand, width(operand)?),
        _ => {
            let code = condition(mnemonic.strip_prefix("set")?)?;
            modrm(&[0x0F, 0x90 | code], 0, operand, 1)
        }
    }
}

fn binary(mnemonic: &str, to: Operand, from: Operand) -> Option<Vec<u8>> {
    if let Some(group) = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"]
        .iter()
        .position(|name| *name == mnemonic)
    {
        return arithmetic(group as u8, to, from);
    }
    match (mnemonic, to, from) {
        ("mov", _, _) => mov(to, from),
        ("movzx", Operand::Reg(reg), _) => {
            let opcode = if width(from)? == 2 { 0xB7 } else { 0xB6 };
            modrm(&[0x0F, opcode], reg.number, from, reg.size)
        }
        ("lea", Operand::Reg(reg), Operand::Mem(_)) => modrm(&[0x8D], reg.number, from, reg.size),
        ("test", _, Operand::Reg(reg)) => modrm(
            &[if reg.size == 1 { 0x84 } else { 0x85 }],
            reg.number,
            to,
            reg.size,
        ),
        ("test", Operand::Reg(reg), Operand::Const(value)) if reg.size == 1 => {
            append(modrm(&[0xF6], 0, to, 1)?, value, 1)
        }
        ("imul", Operand::Reg(reg), _) => modrm(&[0x0F, 0xAF], reg.number, from, reg.size),
        ("xchg", Operand::Reg(reg), Operand::Reg(Reg { number: 0, size: 4 })) if reg.size == 4 => {
            Some(short(0x90, reg.number))
        }
        ("bt", Operand::Reg(reg), Operand::Const(value)) => {
            append(modrm(&[0x0F, 0xBA], 4, to, reg.size)?, value, 1)
        }
        ("shl" | "shr", Operand::Reg(reg), _) => {
            let digit = if mnemonic == "shl" { 4 } else { 5 };
            match from {
                Operand::Const(value) => append(modrm(&[0xC1], digit, to, reg.size)?, value, 1),
                Operand::Reg(Reg { number: 1, size: 1 }) => modrm(&[0xD3], digit, to, reg.size),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The eight instructions that share one pattern of opcodes.
fn arithmetic(group: u8, to: Operand, from: Operand) -> Option<Vec<u8>> {
    let base = group * 8;
    match (to, from) {
        (_, Operand::Reg(reg)) => modrm(&[base + u8::from(reg.size > 1)], reg.number, to, reg.size),
        (Operand::Reg(reg), Operand::Mem(_)) => modrm(
            &[base + 2 + u8::from(reg.size > 1)],
            reg.number,
            from,
            reg.size,
        ),
        (_, Operand::Const(value)) => {
            let size = width(to)?;
            let accumulator = matches!(to, Operand::Reg(Reg { number: 0, .. }));
            let small = match value {
                Constant::Value(value) => i8::try_from(value).is_ok(),
                Constant::Hole(bytes) => bytes == 1,
                Constant::None => return None,
            };
            if size == 1 && accumulator {
                return append(vec![base + 4], value, 1);
            }
            if size == 1 {
                return append(modrm(&[0x80], group, to, 1)?, value, 1);
            }
            if small {
                return append(modrm(&[0x83], group, to, size)?, value, 1);
            }
            if accumulator {
                let mut bytes = if size == 8 { vec![0x48] } else { Vec::new() };
                bytes.push(base + 5);
                return append(bytes, value, 4);
            }
            append(modrm(&[0x81], group, to, size)?, value, 4)
        }
        (Operand::Mem(_) | Operand::Const(_), Operand::Mem(_)) => None,
    }
}

fn mov(to: Operand, from: Operand) -> Option<Vec<u8>> {
    match (to, from) {
        (_, Operand::Reg(reg)) => modrm(
            &[if reg.size == 1 { 0x88 } else { 0x89 }],
            reg.number,
            to,
            reg.size,
        ),
        (Operand::Reg(reg), Operand::Mem(_)) => modrm(
            &[if reg.size == 1 { 0x8A } else { 0x8B }],
            reg.number,
            from,
            reg.size,
        ),
        (Operand::Reg(reg), Operand::Const(value)) => {
            let opcode = if reg.size == 1 { 0xB0 } else { 0xB8 };
            let mut bytes = short(opcode, reg.number);
            if reg.size == 8 {
                bytes = vec![0x48 | (reg.number >> 3), opcode | (reg.number & 7)];
            }
            append(bytes, value, usize::from(reg.size))
        }
        (Operand::Mem(mem), Operand::Const(value)) => match mem.size? {
            1 => append(modrm(&[0xC6], 0, to, 1)?, value, 1),
            size => append(modrm(&[0xC7], 0, to, size)?, value, 4),
        },
        _ => None,
    }
}

/// Opcode with the register in its low three bits, and a prefix for the upper eight.
fn short(opcode: u8, number: u8) -> Vec<u8> {
    let mut bytes = if number > 7 { vec![0x41] } else { Vec::new() };
    bytes.push(opcode | (number & 7));
    bytes
}

/// Prefix, opcode, ModRM, SIB and displacement. `field` is a register or part of the opcode.
fn modrm(opcode: &[u8], field: u8, target: Operand, size: u8) -> Option<Vec<u8>> {
    let (base, index) = match target {
        Operand::Reg(reg) => (reg.number, 0),
        Operand::Mem(mem) => (
            mem.base.unwrap_or(0),
            mem.index.map_or(0, |(number, _)| number),
        ),
        Operand::Const(_) => return None,
    };
    let rex = u8::from(size == 8) << 3 | (field >> 3) << 2 | (index >> 3) << 1 | base >> 3;
    let mut bytes = if rex == 0 {
        Vec::new()
    } else {
        vec![0x40 | rex]
    };
    bytes.extend(opcode);
    let field = (field & 7) << 3;
    let mem = match target {
        Operand::Mem(mem) => mem,
        _ => {
            bytes.push(0xC0 | field | (base & 7));
            return Some(bytes);
        }
    };
    if mem.base.is_none() {
        bytes.extend([field | 4, 0x25]);
        return append(bytes, mem.displacement, 4);
    }
    let (mode, displacement) = match mem.displacement {
        Constant::None if base & 7 == 5 => (0x40, 1),
        Constant::None => (0, 0),
        Constant::Value(value) if i8::try_from(value).is_ok() => (0x40, 1),
        Constant::Value(_) | Constant::Hole(_) => (0x80, 4),
    };
    match mem.index {
        Some((index, scale)) => {
            let scale = u8::try_from(scale.trailing_zeros()).ok()?;
            bytes.extend([mode | field | 4, scale << 6 | (index & 7) << 3 | (base & 7)]);
        }
        None if base & 7 == 4 => bytes.extend([mode | field | 4, 0x24]),
        None => bytes.push(mode | field | (base & 7)),
    }
    let value = if mem.displacement == Constant::None {
        Constant::Value(0)
    } else {
        mem.displacement
    };
    append(bytes, value, displacement)
}

/// Adds a constant of so many bytes, low byte first; nothing where it is left out.
fn append(mut bytes: Vec<u8>, constant: Constant, size: usize) -> Option<Vec<u8>> {
    if let Constant::Value(value) = constant {
        bytes.extend(value.to_le_bytes().get(..size)?);
    }
    Some(bytes)
}

fn width(operand: Operand) -> Option<u8> {
    match operand {
        Operand::Reg(reg) => Some(reg.size),
        Operand::Mem(mem) => mem.size,
        Operand::Const(_) => None,
    }
}

fn operand(text: &str) -> Option<Operand> {
    if let Some(reg) = register(text) {
        return Some(Operand::Reg(reg));
    }
    let Some((size, inner)) = text.split_once('[') else {
        return constant(text).map(Operand::Const);
    };
    let size = match size.trim() {
        "" => None,
        "byte" => Some(1),
        "word" => Some(2),
        "dword" => Some(4),
        "qword" => Some(8),
        _ => return None,
    };
    let mut mem = Mem {
        size,
        base: None,
        index: None,
        displacement: Constant::None,
    };
    let inner = inner.strip_suffix(']')?.replace('-', "+-");
    for part in inner.split('+') {
        if let Some((name, scale)) = part.split_once('*') {
            mem.index = Some((register(name)?.number, scale.parse().ok()?));
        } else if let Some(reg) = register(part) {
            if mem.base.is_none() {
                mem.base = Some(reg.number);
            } else {
                mem.index = Some((reg.number, 1));
            }
        } else {
            mem.displacement = constant(part)?;
        }
    }
    Some(Operand::Mem(mem))
}

fn register(text: &str) -> Option<Reg> {
    for (names, size) in NAMES.iter().zip([1, 4, 8]) {
        if let Some(number) = names.iter().position(|name| *name == text) {
            return Some(Reg {
                number: u8::try_from(number).ok()?,
                size,
            });
        }
    }
    None
}

fn constant(text: &str) -> Option<Constant> {
    Some(match text {
        "i8" => Constant::Hole(1),
        "i32" | "m32" => Constant::Hole(4),
        "i64" => Constant::Hole(8),
        _ => Constant::Value(number(text)?),
    })
}

/// Decimal, hexadecimal with `0x`, or a character between apostrophes.
fn number(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    match text.as_bytes() {
        [b'\'', character, b'\''] => Some(i64::from(*character)),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn encodes_what_the_reference_lists() {
        for (instruction, bytes) in [
            ("mov rbp, rsp", &[0x48, 0x89, 0xE5][..]),
            ("mov eax, [rsp]", &[0x8B, 0x04, 0x24]),
            ("mov [r13], r9d", &[0x45, 0x89, 0x4D, 0x00]),
            ("lea rsi, [rsp-16]", &[0x48, 0x8D, 0x74, 0x24, 0xF0]),
            ("mov rax, [rcx+rax*8]", &[0x48, 0x8B, 0x04, 0xC1]),
            ("mov rax, [m32]", &[0x48, 0x8B, 0x04, 0x25]),
            ("cmp dword [r8+16], i8", &[0x41, 0x83, 0x78, 0x10]),
            ("xor eax, eax", &[0x31, 0xC0]),
            ("jne", &[0x0F, 0x85]),
        ] {
            assert_eq!(encode(instruction).as_deref(), Some(bytes), "{instruction}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for instruction in [
            "",
            "hlt",
            "mov eax",
            "mov eax, ebx, ecx",
            "add [rax], [rbx]",
            "jxx",
            "mov eax, [zzz]",
        ] {
            assert_eq!(encode(instruction), None, "{instruction}");
        }
    }
}
