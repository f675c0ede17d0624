use std::io::{self, Read};

use super::{
    stream::Stream,
    text,
    walk::{Walk, member},
};

const BLOCK: usize = 512;
/// The longest name a header of its own may give to the next member.
const LONG_NAME: u64 = 1 << 16;

struct Header {
    name: Vec<u8>,
    size: u64,
    /// Whether the contents are the name or the link target of the next member, with a zero at the end.
    long_name: bool,
}

/// Whether `head` starts with a tar header, whose only sure mark is that its checksum is right: old archives
/// have no magic number.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.get(..BLOCK).and_then(header).is_some()
}

/// The members of a tar archive; what cannot be understood is one last piece called `rest`.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, mut input: Stream<'_>) -> io::Result<()> {
    loop {
        let block = input.next(BLOCK)?;
        let Some(header) = header(&block) else {
            input.put_back(&block);
            return walk.rest(place, input);
        };
        if !is_plain(&block) {
            walk.aside(&member(place, &header.name), "header", &block)?;
        }
        let place_of = member(place, &header.name);
        if header.long_name && header.size <= LONG_NAME {
            let name = input.next(header.size as usize)?;
            walk.aside(&place_of, "name", name.strip_suffix(b"\0").unwrap_or(&name))?;
        } else {
            walk.piece(&place_of, &mut (&mut input).take(header.size))?;
        }
        let missing = header.size.wrapping_neg() % BLOCK as u64;
        let padding = input.next(missing as usize)?;
        walk.aside(&place_of, "padding", &padding)?;
    }
}

fn header(block: &[u8]) -> Option<Header> {
    let sum: u64 = block
        .get(..BLOCK)?
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
    if octal(block.get(148..156)?)? != sum {
        return None;
    }
    let kind = *block.get(156)?;
    let links = matches!(kind, b'1'..=b'6');
    let name = block.get(..100)?.split(|byte| *byte == 0).next()?;
    Some(Header {
        name: name.to_vec(),
        size: if links {
            0
        } else {
            number(block.get(124..136)?)?
        },
        long_name: matches!(kind, b'L' | b'K'),
    })
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(|c| c == ' ' || c == '\0');
    u64::from_str_radix(text, 8).ok()
}

/// Octal digits, or bytes where there are too few of those.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => {
            let (high, low) = rest.split_last_chunk::<8>()?;
            high.iter()
                .all(|byte| *byte == 0)
                .then(|| u64::from_be_bytes(*low))
        }
        _ => octal(field),
    }
}

/// Whether a header holds nothing but numbers and text: no room for code in the field of a name.
fn is_plain(block: &[u8]) -> bool {
    let numbers = [
        100..108,
        108..116,
        116..124,
        124..136,
        136..148,
        148..156,
        329..337,
        337..345,
    ];
    let mut rest = block.to_vec();
    for field in numbers {
        let binary = rest.get(field.start) == Some(&0x80) || rest.get(field.start) == Some(&0xff);
        if let Some(bytes) = rest.get_mut(field)
            && binary
        {
            bytes.fill(0);
        }
    }
    rest.split(|byte| *byte == 0).all(text::is_text)
}
