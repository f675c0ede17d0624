//! As much of RLP as it takes to change a header (Ethereum Yellow Paper, appendix B).

/// The encoded items of an encoded list.
pub(crate) fn items(list: &[u8]) -> Vec<Vec<u8>> {
    let (start, _) = sizes(list);
    let mut rest = list.get(start..).unwrap_or_default();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (head, payload) = sizes(rest);
        let (item, next) = rest.split_at((head + payload).min(rest.len()));
        items.push(item.to_vec());
        rest = next;
    }
    items
}

/// The list of these encoded items, one after the other.
pub(crate) fn list(items: &[u8]) -> Vec<u8> {
    encoded(0xc0, items)
}

/// A string of at least two bytes.
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    encoded(0x80, bytes)
}

fn encoded(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = payload.len();
    let digits = size.to_be_bytes();
    let digits = &digits[size.leading_zeros() as usize / 8..];
    let mut bytes = match size {
        0..=55 => vec![kind + size as u8],
        _ => vec![kind + 55 + digits.len() as u8],
    };
    if size > 55 {
        bytes.extend(digits);
    }
    bytes.extend(payload);
    bytes
}

/// How many bytes the head of an item has, and how many follow it.
fn sizes(item: &[u8]) -> (usize, usize) {
    let first = usize::from(item.first().copied().unwrap_or_default());
    let long = |digits: usize| {
        let size = item.get(1..=digits).unwrap_or_default().iter();
        let size = size.fold(0, |size, byte| size << 8 | usize::from(*byte));
        (1 + digits, size)
    };
    match first {
        0..=0x7f => (0, 1),
        0x80..=0xb7 => (1, first - 0x80),
        0xb8..=0xbf => long(first - 0xb7),
        0xc0..=0xf7 => (1, first - 0xc0),
        _ => long(first - 0xf7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_list_are_the_list() {
        let strings = [vec![1, 2, 3], vec![7; 55], vec![8; 56], vec![9; 300]];
        let strings: Vec<_> = strings.iter().map(|one| string(one)).collect();
        let all = list(&strings.concat());
        assert_eq!(items(&all), strings);
        assert_eq!(all[0], 0xf9);
    }
}
