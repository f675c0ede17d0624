//! Every stage rebuilds itself; its code bytes matter and its comments do not.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use seed_bootstrap_tests::{Chain, folder};

/// Stage, its source, what builds it.
const SOURCES: [(&str, &str, &str); 7] = [
    ("hex0", "seed.hex0", "seed"),
    ("hex1-plain", "hex1.hex0", "hex0"),
    ("hex1", "hex1.hex1", "hex1-plain"),
    ("asm-plain", "asm.hex1", "hex1"),
    ("asm", "asm.asm", "asm-plain"),
    ("cc-plain", "cc.asm", "asm"),
    ("cc", "cc.bc", "cc-once"),
];

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect(name)
}

/// Where in a source its comments start: the place of the sign, line by line.
fn comments(source: &str, text: &str) -> Vec<usize> {
    let sign = if source.ends_with(".bc") { "//" } else { "#" };
    let quoting = source.ends_with(".bc") || source.ends_with(".asm");
    let mut places = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let mut quote = None;
        let mut at = 0;
        while let Some(c) = line[at..].chars().next() {
            match quote {
                None if line[at..].starts_with(sign) => {
                    places.push(offset + at);
                    break;
                }
                None if quoting && (c == '"' || c == '\'' && sign == "//") => quote = Some(c),
                Some(open) if c == open => quote = None,
                Some(_) if c == '\\' && sign == "//" => at += 1,
                _ => {}
            }
            at += c.len_utf8();
        }
        offset += line.len();
    }
    places
}

/// Places of all characters that are neither blank nor comment.
fn code(source: &str, text: &str) -> Vec<usize> {
    let comments = comments(source, text);
    let mut places = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let end = comments
            .iter()
            .find(|at| (offset..offset + line.len()).contains(*at));
        let end = end.copied().unwrap_or(offset + line.len());
        places.extend((offset..end).filter(|at| !text.as_bytes()[*at].is_ascii_whitespace()));
        offset += line.len();
    }
    places
}

#[test]
fn the_seed_rebuilds_itself() {
    let chain = Chain::build();
    assert_eq!(chain.bytes("seed"), chain.bytes("hex0"));
    assert_eq!(
        chain.translate("hex0", read("seed.hex0").as_bytes()),
        Ok(chain.bytes("seed"))
    );
}

#[test]
fn hex1_rebuilds_itself() {
    let chain = Chain::build();
    assert_eq!(chain.bytes("hex1-plain"), chain.bytes("hex1"));
    assert_eq!(
        chain.translate("hex1", read("hex1.hex1").as_bytes()),
        Ok(chain.bytes("hex1"))
    );
    assert_eq!(
        chain.translate("hex1", read("seed.hex0").as_bytes()),
        Ok(chain.bytes("seed")),
        "hex0 is hex1"
    );
}

#[test]
fn asm_rebuilds_itself() {
    let chain = Chain::build();
    assert_eq!(chain.bytes("asm-plain"), chain.bytes("asm"));
    assert_eq!(
        chain.translate("asm", read("asm.asm").as_bytes()),
        Ok(chain.bytes("asm"))
    );
}

#[test]
fn the_compiler_rebuilds_itself_from_an_unrelated_compiler() {
    let chain = Chain::build();
    assert_ne!(
        chain.bytes("cc-plain"),
        chain.bytes("cc"),
        "two different programs"
    );
    assert_eq!(chain.bytes("cc-once"), chain.bytes("cc"));
    assert_eq!(
        chain.translate("cc", read("cc.bc").as_bytes()),
        Ok(chain.bytes("cc"))
    );
}

#[test]
fn every_result_is_executable() {
    let chain = Chain::build();
    for (stage, ..) in SOURCES {
        let mode = fs::metadata(chain.program(stage))
            .expect(stage)
            .permissions()
            .mode();
        assert_eq!(mode & 0o700, 0o700, "{stage}");
    }
}

/// Changes single characters of a source; each must change the program or fail.
fn changes_matter(source: &str, builder: &str, stage: &str, step: usize) {
    let chain = Chain::build();
    let text = read(source);
    let good = chain.bytes(stage);
    for at in code(source, &text).into_iter().step_by(step) {
        let mut changed = text.clone().into_bytes();
        changed[at] = match changed[at] {
            b'9' | b'F' | b'f' => b'0',
            c @ (b'0'..=b'8' | b'A'..=b'E' | b'a'..=b'e') => c + 1,
            b'q' => b'z',
            b'g'..=b'z' => b'q',
            _ => b'7',
        };
        let line = text[..at].lines().count();
        assert_ne!(
            chain.translate(builder, &changed),
            Ok(good.clone()),
            "{source}:{line}, offset {at}"
        );
    }
}

#[test]
fn every_changed_digit_of_the_seed_changes_the_seed() {
    changes_matter("seed.hex0", "seed", "hex0", 1);
}

#[test]
fn every_changed_digit_of_hex1_changes_hex1() {
    changes_matter("hex1.hex0", "hex0", "hex1", 3);
    changes_matter("hex1.hex1", "hex1-plain", "hex1", 3);
}

#[test]
fn changed_code_of_asm_changes_asm() {
    changes_matter("asm.hex1", "hex1", "asm", 5);
    changes_matter("asm.asm", "asm-plain", "asm", 7);
}

#[test]
fn changed_code_of_the_compiler_changes_the_compiler() {
    changes_matter("cc.asm", "asm", "cc-plain", 29);
    changes_matter("cc.bc", "cc-once", "cc", 17);
}

#[test]
fn changed_comments_change_nothing() {
    let chain = Chain::build();
    for (stage, source, builder) in SOURCES {
        let text = read(source);
        let sign = if source.ends_with(".bc") { 2 } else { 1 };
        let places = comments(source, &text);
        assert!(places.len() > 40, "{source} is commented");
        let mut changed = text.clone();
        for at in places.into_iter().rev() {
            changed.insert_str(at + sign, " !\"'{ 00 :x");
        }
        changed.push_str(&format!(
            "{} the end",
            &text[comments(source, &text)[0]..][..sign]
        ));
        assert_eq!(
            chain.translate(builder, changed.as_bytes()),
            Ok(chain.bytes(stage)),
            "{source}"
        );
    }
}
