/// One member of an archive, or what lies between and after them.
pub(super) struct Member<'a> {
    pub(super) name: String,
    pub(super) bytes: &'a [u8],
}

/// The members of `bytes` as a tar or ar archive; `None` when it is neither.
///
/// Every byte that is not a header or zero padding is part of some member, so nothing can hide from the scan
/// in a gap: what cannot be parsed is one last member called `rest`.
pub(super) fn members(bytes: &[u8]) -> Option<Vec<Member<'_>>> {
    if bytes.starts_with(b"!<arch>\n") {
        return Some(ar(bytes));
    }
    tar_header(bytes).map(|_| tar(bytes))
}

fn rest(bytes: &[u8]) -> Option<Member<'_>> {
    let zero = bytes.iter().all(|byte| *byte == 0);
    (!zero).then(|| Member {
        name: "rest".to_owned(),
        bytes,
    })
}

fn ar(bytes: &[u8]) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut left = bytes.get(8..).unwrap_or_default();
    while !left.is_empty() {
        let Some((name, size)) = ar_header(left) else {
            break;
        };
        let Some(content) = left.get(60..).and_then(|after| after.get(..size)) else {
            break;
        };
        members.push(Member {
            name,
            bytes: content,
        });
        left = left.get(60 + size + size % 2..).unwrap_or_default();
    }
    members.extend(rest(left));
    members
}

fn ar_header(bytes: &[u8]) -> Option<(String, usize)> {
    if bytes.get(58..60)? != b"`\n" {
        return None;
    }
    let size = std::str::from_utf8(bytes.get(48..58)?)
        .ok()?
        .trim_end()
        .parse()
        .ok()?;
    Some((printable(bytes.get(..16)?), size))
}

fn tar(bytes: &[u8]) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut left = bytes;
    while let Some((name, size)) = tar_header(left) {
        let Some(content) = left.get(512..).and_then(|after| after.get(..size)) else {
            break;
        };
        let Some(next) = size
            .checked_next_multiple_of(512)
            .and_then(|padded| padded.checked_add(512))
        else {
            break;
        };
        members.push(Member {
            name,
            bytes: content,
        });
        let padding = left.get(512 + size..next).unwrap_or_default();
        members.extend(rest(padding));
        left = left.get(next..).unwrap_or_default();
    }
    members.extend(rest(left));
    members
}

/// Name and size from a tar header whose checksum is right: old archives have no magic number.
fn tar_header(bytes: &[u8]) -> Option<(String, usize)> {
    let header = bytes.get(..512)?;
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    if octal(header.get(148..156)?)? != sum {
        return None;
    }
    let links = matches!(header.get(156)?, b'1'..=b'6');
    let size = if links {
        0
    } else {
        usize::try_from(octal(header.get(124..136)?)?).ok()?
    };
    Some((printable(header.get(..100)?), size))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(|c| c == ' ' || c == '\0');
    u64::from_str_radix(text, 8).ok()
}

fn printable(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    let name = String::from_utf8_lossy(field.get(..end).unwrap_or_default());
    name.trim_end()
        .chars()
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, MachineCode, scan};

    const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0";

    fn tar_of(magic: bool, files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, content) in files {
            let mut header = [0; 512];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            header[148..156].fill(b' ');
            if magic {
                header[257..262].copy_from_slice(b"ustar");
            }
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            archive.extend(header);
            archive.extend(*content);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        archive.resize(archive.len() + 1024, 0);
        archive
    }

    #[test]
    fn follows_tar_with_and_without_its_magic() {
        for magic in [true, false] {
            let inner = tar_of(magic, &[("bin/tool", ELF), ("readme", b"text")]);
            let outer = tar_of(magic, &[("a.c", b"int x;"), ("inner.tar", &inner)]);
            let scan = scan("src.tar", &outer);
            assert_eq!(scan.text_bytes, 10);
            let [finding] = &scan.findings[..] else {
                panic!("{:?}", scan.findings)
            };
            assert_eq!(finding.location, "src.tar!/inner.tar!/bin/tool");
            assert_eq!(finding.kind, Kind::Machine(MachineCode::Elf));
            assert_eq!(finding.size, ELF.len() as u64);
        }
    }

    #[test]
    fn follows_ar() {
        let mut archive = b"!<arch>\n".to_vec();
        for (name, content) in [("a.o/", ELF), ("b.txt/", b"odd".as_slice())] {
            archive.extend(
                format!(
                    "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                    0,
                    0,
                    0,
                    644,
                    content.len()
                )
                .bytes(),
            );
            archive.extend(content);
            archive.resize(archive.len().next_multiple_of(2), b'\n');
        }
        let scan = scan("lib.a", &archive);
        assert_eq!(scan.text_bytes, 3);
        assert_eq!(scan.findings.len(), 1);
        assert_eq!(scan.findings[0].location, "lib.a!/a.o/");
    }

    #[test]
    fn nothing_hides_behind_the_end_or_in_padding() {
        let mut after = tar_of(true, &[("a", b"text")]);
        after.extend(ELF);
        assert!(
            scan("x", &after)
                .findings
                .iter()
                .any(|f| f.kind == Kind::Machine(MachineCode::Elf))
        );
        let mut between = tar_of(true, &[("a", b"text")]);
        between[600..600 + ELF.len()].copy_from_slice(ELF);
        assert!(
            scan("x", &between)
                .findings
                .iter()
                .any(|f| f.kind == Kind::Machine(MachineCode::Elf))
        );
    }

    #[test]
    fn survives_headers_that_lie_about_sizes() {
        let mut archive = tar_of(true, &[("a", b"text")]);
        archive[124..135].copy_from_slice(b"77777777777");
        assert_eq!(scan("x", &archive).findings.len(), 1);
        assert_eq!(scan("x", b"!<arch>\n\x80").findings.len(), 1);
    }

    #[test]
    fn stops_at_a_fixed_depth() {
        let mut archive = ELF.to_vec();
        for _ in 0..12 {
            archive = tar_of(true, &[("t", &archive)]);
        }
        assert_eq!(scan("x", &archive).findings.len(), 1);
    }
}
