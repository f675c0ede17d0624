use std::io::{self, Read};

use super::{
    stream::Stream,
    text,
    walk::{Walk, member},
};

const HEADER: usize = 60;

/// The members of a Unix archive; what cannot be understood is one last piece called `rest`.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, mut input: Stream<'_>) -> io::Result<()> {
    input.next(8)?;
    loop {
        let bytes = input.next(HEADER)?;
        let Some((name, size)) = header(&bytes) else {
            input.put_back(&bytes);
            return walk.rest(place, input);
        };
        walk.piece(&member(place, &name), &mut (&mut input).take(size))?;
        if size % 2 == 1 {
            let padding = input.next(1)?;
            if padding != b"\n" {
                walk.aside(place, "padding", &padding)?;
            }
        }
    }
}

fn header(bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
    if bytes.get(58..HEADER)? != b"`\n" || !text::is_text(bytes) {
        return None;
    }
    let size = std::str::from_utf8(bytes.get(48..58)?).ok()?;
    let name = bytes.get(..16)?.trim_ascii_end();
    Some((name.to_vec(), size.trim_end().parse().ok()?))
}
