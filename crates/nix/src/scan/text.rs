/// Text is UTF-8 without control characters other than white space, form feed and escape.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !has_control(bytes) && std::str::from_utf8(bytes).is_ok()
}

fn has_control(bytes: &[u8]) -> bool {
    // Without an early exit inside a piece, so that it becomes vector code.
    bytes.chunks(4096).any(|piece| {
        piece
            .iter()
            .fold(false, |found, byte| found | is_control(*byte))
    })
}

const fn is_control(byte: u8) -> bool {
    let white = matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    (byte < 0x20) & !white | (byte == 0x7f)
}

/// Whether bytes that arrive in pieces are text; a character may lie across two pieces.
#[derive(Default)]
pub(super) struct TextCheck {
    broken: bool,
    /// The beginning of a character whose end has not come yet: at most three bytes.
    open: Vec<u8>,
}

impl TextCheck {
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.broken || has_control(piece) {
            self.broken = true;
            return;
        }
        let mut piece = piece;
        while !self.open.is_empty() {
            let Some((first, rest)) = piece.split_first() else {
                return;
            };
            self.open.push(*first);
            piece = rest;
            match std::str::from_utf8(&self.open) {
                Ok(_) => self.open.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
        if let Err(error) = std::str::from_utf8(piece) {
            match error.error_len() {
                None => self.open = piece.get(error.valid_up_to()..).unwrap_or_default().into(),
                Some(_) => self.broken = true,
            }
        }
    }

    /// Whether everything so far can be the beginning of a text.
    pub(super) const fn so_far(&self) -> bool {
        !self.broken
    }

    pub(super) fn finish(&self) -> bool {
        !self.broken && self.open.is_empty()
    }
}

/// The shortest run of digits that counts as encoded.
const RUN: usize = 64;

/// How many bytes of `text` stand in runs of at least [`RUN`] base64 or hexadecimal digits.
///
/// A run that long covers a multiple of its length, so only there is looked.
pub(super) fn encoded_bytes(text: &[u8]) -> u64 {
    let (mut total, mut end) = (0, 0);
    for at in (0..text.len()).step_by(RUN) {
        if at < end || !text.get(at).is_some_and(is_digit) {
            continue;
        }
        let before = text.get(end..at).unwrap_or_default();
        let start = at
            - before
                .iter()
                .rev()
                .take_while(|byte| is_digit(byte))
                .count();
        let after = text.get(at..).unwrap_or_default();
        end = at + after.iter().take_while(|byte| is_digit(byte)).count();
        if end - start >= RUN {
            total += (end - start) as u64;
        }
    }
    total
}

const fn is_digit(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_pieces_is_the_text_as_a_whole() {
        for (bytes, expected) in [
            ("grüße ☃ 𝄞\n".as_bytes(), true),
            (b"plain", true),
            (b"", true),
            (b"cut \xe2\x98", false),
            (b"bad \xff", false),
            (b"nul \0", false),
            (b"\xed\xa0\x80", false),
        ] {
            assert_eq!(is_text(bytes), expected);
            for step in 1..=bytes.len().max(1) {
                let mut check = TextCheck::default();
                bytes.chunks(step).for_each(|piece| check.push(piece));
                assert_eq!(check.finish(), expected, "{bytes:?} in pieces of {step}");
            }
        }
    }

    #[test]
    fn counts_long_runs_wherever_they_start() {
        for start in 0..130 {
            let mut text = " ".repeat(start);
            text.push_str(&"aF3+".repeat(16));
            text.push_str(" word ");
            assert_eq!(encoded_bytes(text.as_bytes()), 64, "{start}");
        }
        assert_eq!(encoded_bytes("a".repeat(63).as_bytes()), 0);
        assert_eq!(
            encoded_bytes("int main(void) { return 0; }\n".repeat(99).as_bytes()),
            0
        );
        assert_eq!(encoded_bytes("f".repeat(1000).as_bytes()), 1000);
    }
}
