use std::io::{self, Read};

use super::{
    stream::Stream,
    walk::{Walk, member},
};

const HEADER: usize = 110;
const LONGEST_NAME: u64 = 4096;

/// Whether `head` starts as cpio's later form does.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.get(..HEADER).and_then(header).is_some()
}

/// The members of a cpio archive; what cannot be understood is one last piece called `rest`.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, mut input: Stream<'_>) -> io::Result<()> {
    loop {
        let bytes = input.next(HEADER)?;
        let Some((size, length)) = header(&bytes) else {
            input.put_back(&bytes);
            return walk.rest(place, input);
        };
        let name = input.next(length)?;
        let shown = name.split(|byte| *byte == 0).next().unwrap_or_default();
        walk.aside(place, "name", name.get(shown.len()..).unwrap_or_default())?;
        pad(walk, place, &mut input)?;
        if shown == b"TRAILER!!!" {
            return walk.rest(place, input);
        }
        walk.piece(&member(place, shown), &mut (&mut input).take(size))?;
        pad(walk, place, &mut input)?;
    }
}

fn pad(walk: &mut Walk<'_>, place: &str, input: &mut Stream<'_>) -> io::Result<()> {
    let missing = input.position().wrapping_neg() % 4;
    let padding = input.next(missing as usize)?;
    walk.aside(place, "padding", &padding)
}

/// Size of the contents and length of the name with its end, from a header of hexadecimal digits.
fn header(bytes: &[u8]) -> Option<(u64, usize)> {
    if !matches!(bytes.get(..6)?, b"070701" | b"070702")
        || !bytes.get(6..HEADER)?.iter().all(u8::is_ascii_hexdigit)
    {
        return None;
    }
    let field = |at: usize| {
        let digits = std::str::from_utf8(bytes.get(at..at + 8)?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    let name = field(94)?;
    (1..=LONGEST_NAME)
        .contains(&name)
        .then_some((field(54)?, name as usize))
}
