use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use seed_primitives::Digest;

use super::{
    Finding, Format, Kind,
    codec::Stop,
    packed,
    stream::Stream,
    walk::{Walk, member},
};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// The most members: more than any archive of sources has, and few enough to compare with the directory.
const MAX_MEMBERS: usize = 1_000_000;
/// The longest known extra field (times, owners, sizes); longer ones are judged.
const KNOWN_EXTRA: usize = 36;
/// Extra fields of zip64, NTFS times, Unix times and owners, and strong names of them.
const KNOWN_EXTRAS: [u16; 6] = [0x0001, 0x000a, 0x5455, 0x5855, 0x7855, 0x7875];

/// Judges every byte of a zip from its start, and then whether the directory at its end, which is all that
/// other programs look at, says the same.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, input: Stream<'_>) -> io::Result<()> {
    let mut zip = Zip {
        walk,
        place,
        input,
        members: BTreeMap::new(),
    };
    let good = zip.members()?;
    let Zip { walk, input, .. } = zip;
    if good == Good::Yes {
        return walk.rest(place, input);
    }
    let kind = match good {
        Good::Stopped(Stop::Beyond(limit)) => Kind::Beyond(limit),
        _ => Kind::Damaged(Format::Zip),
    };
    if let Some((digest, size)) = input.drain()? {
        walk.report(Finding {
            location: place.to_owned(),
            kind,
            digest,
            size,
        })?;
    }
    Ok(())
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Good {
    Yes,
    No,
    Stopped(Stop),
}

struct Zip<'w, 'l, 'a> {
    walk: &'w mut Walk<'l>,
    place: &'w str,
    input: Stream<'a>,
    /// By offset: the method, and the hash of the name.
    members: BTreeMap<u64, (u16, Digest)>,
}

impl Zip<'_, '_, '_> {
    fn members(&mut self) -> io::Result<Good> {
        while self.input.peek(4)? == LOCAL {
            let good = self.member()?;
            if good != Good::Yes {
                return Ok(good);
            }
            if self.members.len() > MAX_MEMBERS {
                return Ok(Good::No);
            }
        }
        self.directory()
    }

    fn member(&mut self) -> io::Result<Good> {
        let offset = self.input.position();
        let head = self.input.next(30)?;
        let (flags, method) = (short(&head, 6), short(&head, 8));
        let (mut packed, name) = (u64::from(long(&head, 18)), short(&head, 26));
        let (name, extra) = (
            self.input.next(name.into())?,
            self.input.next(short(&head, 28).into())?,
        );
        let place = member(self.place, &name);
        self.members.insert(offset, (method, Digest::of(&name)));
        if packed == u64::from(u32::MAX) {
            let Some(size) = size_64(&extra) else {
                return Ok(Good::No);
            };
            packed = size;
        }
        self.extra(&extra)?;
        // Encrypted, and lengths that only the directory knows: nothing can be said of what follows.
        let (encrypted, unknown) = (flags & 1 != 0, flags & 8 != 0 && packed == 0);
        if encrypted || (unknown && method != 8) {
            return Ok(Good::No);
        }
        if method != 8 {
            // Stored, or in a form that is not known and then judged as it is.
            self.walk
                .piece(&place, &mut (&mut self.input).take(packed))?;
        } else if unknown {
            if let Some(stop) =
                packed::contents(self.walk, Format::Deflate, &place, &mut self.input)?
            {
                return Ok(Good::Stopped(stop));
            }
        } else {
            let mut limited = (&mut self.input).take(packed);
            let mut inner = Stream::new(&mut limited);
            if let Some(stop) = packed::contents(self.walk, Format::Deflate, &place, &mut inner)? {
                return Ok(Good::Stopped(stop));
            }
            self.walk.rest(&place, inner)?;
        }
        if flags & 8 != 0 {
            self.descriptor()?;
        }
        Ok(Good::Yes)
    }

    /// Checksum and sizes behind the contents: with or without a magic number, of 32 or 64 bits.
    fn descriptor(&mut self) -> io::Result<()> {
        let magic = if self.input.peek(4)? == DESCRIPTOR {
            4
        } else {
            0
        };
        let bytes = self.input.peek(magic + 24)?;
        for length in [magic + 12, magic + 20] {
            if bytes.get(length..length + 2) == Some(b"PK") {
                self.input.next(length)?;
                return Ok(());
            }
        }
        Ok(())
    }

    fn directory(&mut self) -> io::Result<Good> {
        while self.input.peek(4)? == CENTRAL {
            let head = self.input.next(46)?;
            let method = short(&head, 10);
            let name = self.input.next(short(&head, 28).into())?;
            let extra = self.input.next(short(&head, 30).into())?;
            let comment = self.input.next(short(&head, 32).into())?;
            self.extra(&extra)?;
            self.walk.aside(self.place, "comment", &comment)?;
            let offset = match long(&head, 42) {
                u32::MAX => offset_64(&head, &extra),
                offset => Some(u64::from(offset)),
            };
            let listed = offset.and_then(|offset| self.members.remove(&offset));
            let same = listed == Some((method, Digest::of(&name)));
            if !same {
                return Ok(Good::No);
            }
        }
        if self.input.peek(4)? == END_64 {
            self.input.next(56)?;
        }
        if self.input.peek(4)? == LOCATOR_64 {
            self.input.next(20)?;
        }
        let end = self.input.next(22)?;
        if end.len() < 22 || !end.starts_with(END) || !self.members.is_empty() {
            return Ok(Good::No);
        }
        let comment = self.input.next(short(&end, 20).into())?;
        self.walk.aside(self.place, "comment", &comment)?;
        Ok(Good::Yes)
    }

    fn extra(&mut self, mut extra: &[u8]) -> io::Result<()> {
        while !extra.is_empty() {
            let (id, length) = (short(extra, 0), usize::from(short(extra, 2)));
            let Some((field, rest)) = extra.split_at_checked(4 + length) else {
                return self.walk.aside(self.place, "extra", extra);
            };
            if !KNOWN_EXTRAS.contains(&id) || length > KNOWN_EXTRA {
                self.walk
                    .aside(self.place, "extra", field.get(4..).unwrap_or_default())?;
            }
            extra = rest;
        }
        Ok(())
    }
}

/// The packed size in a zip64 field, where it follows the unpacked size.
fn size_64(extra: &[u8]) -> Option<u64> {
    if short(extra, 0) != 1 {
        return None;
    }
    extra
        .get(12..20)?
        .first_chunk()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

/// The offset in a zip64 field, where those of the two sizes stand before it that did not fit either.
fn offset_64(head: &[u8], extra: &[u8]) -> Option<u64> {
    if short(extra, 0) != 1 {
        return None;
    }
    let before = [24, 20].iter().filter(|at| long(head, **at) == u32::MAX);
    let at = 4 + 8 * before.count();
    extra
        .get(at..)?
        .first_chunk()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

fn short(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    two.map_or(0, |two| u16::from_le_bytes(*two))
}

fn long(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}
