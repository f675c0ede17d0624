//! The listings say what the bytes are: both columns agree, and so do the macros.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use seed_bootstrap_tests::{Line, Listing, Meaning, encode, folder};

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect(name)
}

/// What the line must hold, going by its comment alone; `None` for data.
fn expected(line: &Line, listing: &Listing) -> Option<Vec<u8>> {
    let end = (line.offset + line.bytes.len()) as i64;
    Some(match &line.meaning {
        Meaning::Data => return None,
        Meaning::Address(label) => (0x40_0000 + listing.label(label) as u32)
            .to_le_bytes()
            .to_vec(),
        Meaning::Offset(label) => (listing.label(label) as u32).to_le_bytes().to_vec(),
        Meaning::Jump(mnemonic, label) => {
            let distance = listing.label(label) as i64 - end;
            let near =
                encode(mnemonic).unwrap_or_else(|| panic!("line {}: {mnemonic}", line.number));
            if line.bytes.len() > 2 {
                let distance = i32::try_from(distance).expect("a near jump");
                [near, distance.to_le_bytes().to_vec()].concat()
            } else {
                let opcode = if mnemonic == "jmp" {
                    0xEB
                } else {
                    near[1] - 0x10
                };
                vec![opcode, i8::try_from(distance).expect("a short jump") as u8]
            }
        }
        Meaning::Instruction(text) => {
            encode(text).unwrap_or_else(|| panic!("line {}: {text}", line.number))
        }
    })
}

fn check(name: &str) -> Listing {
    let listing = Listing::parse(&read(name));
    for line in &listing.lines {
        if let Some(bytes) = expected(line, &listing) {
            assert_eq!(
                line.bytes, bytes,
                "{name}:{}: {:?}",
                line.number, line.meaning
            );
        }
    }
    listing
}

/// ELF header and program headers as the specification lays them out.
fn header(entry: usize, size: usize, memory: Option<u64>) -> Vec<u8> {
    let half = |value: u16| value.to_le_bytes().to_vec();
    let word = |value: u32| value.to_le_bytes().to_vec();
    let long = |value: u64| value.to_le_bytes().to_vec();
    let segments = 1 + u16::from(memory.is_some());
    let mut bytes = [
        b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(),
        [
            half(2),
            half(62),
            word(1),
            long(entry as u64 + 0x40_0000),
            long(64),
            long(0),
            word(0),
        ]
        .concat(),
        [
            half(64),
            half(56),
            half(segments),
            half(0),
            half(0),
            half(0),
        ]
        .concat(),
        [word(1), word(5), long(0), long(0x40_0000), long(0x40_0000)].concat(),
        [long(size as u64), long(size as u64), long(0x1000)].concat(),
    ]
    .concat();
    if let Some(memory) = memory {
        bytes.extend(
            [
                word(1),
                word(6),
                long(0),
                long(0x1000_0000),
                long(0x1000_0000),
            ]
            .concat(),
        );
        bytes.extend([long(0), long(memory), long(0x1000)].concat());
    }
    bytes
}

#[test]
fn the_seed_is_what_its_listing_says() {
    let listing = check("seed.hex0");
    let seed = fs::read(folder().join("seed")).expect("seed");
    assert_eq!(listing.bytes(), seed);
    assert!(seed.len() <= 300, "{} bytes", seed.len());
    let header = header(listing.label("start"), seed.len(), None);
    assert_eq!(seed[..header.len()], header);
    assert_eq!(
        listing.label("start"),
        header.len(),
        "code follows the headers"
    );
}

#[test]
fn every_byte_of_the_seeds_code_is_an_annotated_instruction() {
    let listing = check("seed.hex0");
    for line in listing
        .lines
        .iter()
        .filter(|line| line.offset >= listing.label("start"))
    {
        assert!(
            matches!(line.meaning, Meaning::Instruction(_) | Meaning::Jump(..)),
            "line {}",
            line.number
        );
    }
}

#[test]
fn the_seed_is_one_line_of_other_tools_away_from_its_listing() {
    let text = read("seed.hex0");
    let digits: String = text
        .lines()
        .flat_map(|line| line.split('#').next())
        .collect();
    let digits: String = digits.split_whitespace().collect();
    assert_eq!(
        hex::decode(digits).expect("hex"),
        fs::read(folder().join("seed")).expect("seed")
    );
}

#[test]
fn the_seed_is_executable() {
    let mode = fs::metadata(folder().join("seed"))
        .expect("seed")
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
}

#[test]
fn listings_of_hex1_agree_with_their_mnemonics_and_each_other() {
    let (plain, labelled) = (check("hex1.hex0"), check("hex1.hex1"));
    assert_eq!(plain.bytes(), labelled.bytes());
    let bytes = plain.bytes();
    let header = header(plain.label("start"), bytes.len(), Some(0x21_0000));
    assert_eq!(bytes[..header.len()], header);
}

#[test]
fn the_listing_of_asm_agrees_with_its_mnemonics() {
    let listing = check("asm.hex1");
    let bytes = listing.bytes();
    let header = header(listing.label("start"), bytes.len(), Some(0x22_0000));
    assert_eq!(bytes[..header.len()], header);
}

#[test]
fn a_wrong_byte_in_a_listing_would_be_found() {
    let good = read("seed.hex0");
    let line = good
        .lines()
        .find(|line| line.contains("# xor esi, esi"))
        .expect("an instruction");
    let listing = Listing::parse(&good.replace(line, &line.replacen("31 F6", "31 FF", 1)));
    let wrong = |line: &&Line| expected(line, &listing).is_some_and(|bytes| bytes != line.bytes);
    assert_eq!(listing.lines.iter().filter(wrong).count(), 1);
}

/// Macro names are mnemonics: `mov_eax,[r8+4]` is `mov eax, [r8+4]`.
fn mnemonic(name: &str) -> String {
    let text = name.replacen('_', " ", 1).replace(',', ", ");
    ["byte", "word", "dword"].iter().fold(text, |text, size| {
        text.replace(&format!(" {size}["), &format!(" {size} ["))
    })
}

#[test]
fn macros_are_the_instructions_they_are_named_after() {
    for (file, least) in [("asm.asm", 90), ("cc.asm", 180)] {
        let text = read(file);
        let mut checked = 0;
        for line in text.lines().filter(|line| line.starts_with("DEF ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let bytes = hex::decode(words[2]).expect("hex");
            match encode(&mnemonic(words[1])) {
                Some(expected) => assert_eq!(bytes, expected, "{file}: {line}"),
                None => assert!(
                    bytes.len() == 4 && !words[1].contains(','),
                    "{file}: {line} is no constant"
                ),
            }
            checked += 1;
        }
        assert!(checked > least, "{file}: {checked} macros");
    }
}

/// Pieces of code that compilers emit stand next to their mnemonics.
fn check_pieces(file: &str, comment: &str, bytes: impl Fn(&str) -> Option<Vec<u8>>) -> usize {
    let text = read(file);
    let mut checked = 0;
    for line in text.lines() {
        let Some((code, mnemonics)) = line.split_once(comment) else {
            continue;
        };
        let (Some(bytes), Some(expected)) = (
            bytes(code),
            mnemonics
                .trim()
                .split("; ")
                .map(encode)
                .collect::<Option<Vec<_>>>(),
        ) else {
            continue;
        };
        assert_eq!(
            hex::encode(bytes),
            hex::encode(expected.concat()),
            "{file}: {line}"
        );
        checked += 1;
    }
    checked
}

#[test]
fn pieces_of_code_in_the_compilers_agree_with_their_mnemonics() {
    let in_asm = |code: &str| {
        let words: Vec<&str> = code.split_whitespace().collect();
        let bytes = hex::decode(words.last()?.strip_prefix('$')?).ok()?;
        let count = words
            .iter()
            .rev()
            .nth(1)
            .and_then(|word| word.strip_prefix('!'));
        if let Some(count) = count {
            assert_eq!(count.parse(), Ok(bytes.len()), "{code}");
        }
        Some(bytes)
    };
    let in_bc = |code: &str| hex::decode(code.rsplit_once("hex(\"")?.1.split('"').next()?).ok();
    assert!(check_pieces("cc.asm", " # ", in_asm) >= 35);
    assert!(check_pieces("cc.bc", "// ", in_bc) >= 40);
}
