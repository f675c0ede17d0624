use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use super::{
    Finding, Format, Kind, Limit, Limits, MachineCode, Scan, ar, cpio, magic, nar, packed,
    stream::{Stream, Sum},
    tar,
    text::{self, TextCheck},
    zip,
};
use crate::Contents;

/// Pieces up to this size are judged in memory, larger ones as they go past.
const WINDOW: usize = 4 << 20;
/// The most that is read at once from a file.
const BUFFER: usize = 64 << 10;
/// The longest name of a member that is shown.
const NAME: usize = 255;

/// One file on its way through the scan.
pub(super) struct Walk<'a> {
    pub(super) limits: &'a Limits,
    /// How many archives are around the current piece.
    pub(super) depth: usize,
    /// How many of them are compressed.
    pub(super) packings: usize,
    /// How many bytes this file has unpacked to.
    pub(super) unpacked: Rc<Cell<u64>>,
    scan: Scan,
    overflow: bool,
    spare: Vec<Vec<u8>>,
}

impl<'a> Walk<'a> {
    pub(super) fn file<C: Contents>(
        name: &str,
        contents: &C,
        size: u64,
        limits: &'a Limits,
    ) -> io::Result<Scan> {
        let mut walk = Self {
            limits,
            depth: 0,
            packings: 0,
            unpacked: Rc::default(),
            scan: Scan::default(),
            overflow: false,
            spare: Vec::new(),
        };
        let buffer = usize::try_from(size).unwrap_or(BUFFER).clamp(1, BUFFER);
        let mut input = BufReader::with_capacity(buffer, contents.open()?);
        match walk.piece(name, &mut input) {
            Err(_) if walk.overflow => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(walk.scan),
        }
        let mut input = BufReader::new(contents.open()?);
        let whole = Stream::summed(&mut input).drain()?;
        Ok(Scan {
            findings: whole
                .into_iter()
                .map(|(digest, size)| Finding {
                    location: name.to_owned(),
                    kind: Kind::Beyond(Limit::Findings),
                    digest,
                    size,
                })
                .collect(),
            ..Scan::default()
        })
    }

    /// Judges everything that `input` still has, and leaves it at its end.
    pub(super) fn piece(&mut self, place: &str, input: &mut dyn BufRead) -> io::Result<()> {
        let mut head = self.spare.pop().unwrap_or_default();
        head.clear();
        (&mut *input).take(WINDOW as u64).read_to_end(&mut head)?;
        let done = self.judge(place, &head, input);
        self.spare.push(head);
        done
    }

    /// Judges bytes beside the contents of an archive: names, comments, padding. Zeros and text are nothing, and
    /// not counted: they are no sources.
    pub(super) fn aside(&mut self, place: &str, what: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.iter().all(|byte| *byte == 0) || text::is_text(bytes) {
            return Ok(());
        }
        let place = member(place, what.as_bytes());
        self.plain(&place, bytes, &mut io::empty(), None)
    }

    fn judge(&mut self, place: &str, head: &[u8], input: &mut dyn BufRead) -> io::Result<()> {
        if head.is_empty() {
            return Ok(());
        }
        if head.len() < WINDOW && text::is_text(head) {
            self.scan.text_bytes += head.len() as u64;
            self.scan.encoded_bytes += text::encoded_bytes(head);
            return Ok(());
        }
        let mut check = TextCheck::default();
        check.push(head);
        if check.so_far() && head.len() == WINDOW {
            return self.plain(place, head, input, None);
        }
        if let Some(code) = magic::machine_code(head) {
            return self.plain(place, head, input, Some(Kind::Machine(code)));
        }
        let Some(format) = Format::of(head) else {
            return self.plain(place, head, input, None);
        };
        if self.depth >= self.limits.depth {
            return self.plain(place, head, input, Some(Kind::Beyond(Limit::Depth)));
        }
        self.depth += 1;
        let done = self.archive(format, place, &mut head.chain(input));
        self.depth -= 1;
        done
    }

    fn archive(&mut self, format: Format, place: &str, input: &mut dyn BufRead) -> io::Result<()> {
        match format {
            Format::Tar => tar::walk(self, place, Stream::new(input)),
            Format::Ar => ar::walk(self, place, Stream::new(input)),
            Format::Cpio => cpio::walk(self, place, Stream::new(input)),
            Format::Zip => zip::walk(self, place, Stream::summed(input)),
            Format::Nar => nar::walk(self, place, Stream::summed(input)),
            packing => packed::walk(self, packing, place, Stream::summed(input)),
        }
    }

    /// Reports `head` and the rest of `input` as one piece, unless it is text. `known` is its kind where that
    /// is known already.
    fn plain(
        &mut self,
        place: &str,
        head: &[u8],
        input: &mut dyn BufRead,
        known: Option<Kind>,
    ) -> io::Result<()> {
        let (mut sum, mut check) = (Sum::default(), TextCheck::default());
        let (mut elf, mut encoded) = (magic::ElfSearch::default(), 0);
        let mut look = |piece: &[u8]| {
            sum.push(piece);
            if known.is_none() {
                check.push(piece);
                elf.push(piece);
                if check.so_far() {
                    encoded += text::encoded_bytes(piece);
                }
            }
        };
        look(head);
        loop {
            let piece = input.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            look(piece);
            let length = piece.len();
            input.consume(length);
        }
        let (digest, size) = sum.finish()?;
        if known.is_none() && check.finish() {
            self.scan.text_bytes += size;
            self.scan.encoded_bytes += encoded;
            return Ok(());
        }
        let kind = known.unwrap_or(if elf.found() {
            Kind::Machine(MachineCode::Elf)
        } else {
            Kind::Opaque
        });
        self.report(Finding {
            location: place.to_owned(),
            kind,
            digest,
            size,
        })
    }

    /// Notes a finding; fails when there are too many, and then nothing else counts.
    pub(super) fn report(&mut self, finding: Finding) -> io::Result<()> {
        if self.scan.findings.len() >= self.limits.findings {
            self.overflow = true;
            return Err(io::Error::other("too many findings"));
        }
        self.scan.findings.push(finding);
        Ok(())
    }

    /// Judges what comes after the last thing an archive understands; zeros are nothing.
    pub(super) fn rest(&mut self, place: &str, mut input: Stream<'_>) -> io::Result<()> {
        skip_zeros(&mut input)?;
        self.piece(&member(place, b"rest"), &mut input)
    }
}

fn skip_zeros(input: &mut Stream<'_>) -> io::Result<()> {
    loop {
        let piece = input.fill_buf()?;
        let zeros = piece.iter().take_while(|byte| **byte == 0).count();
        let done = zeros < piece.len() || piece.is_empty();
        input.consume(zeros);
        if done {
            return Ok(());
        }
    }
}

/// The place of a member, its name cut at 255 characters and escaped.
pub(super) fn member(place: &str, name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let shown: String = text
        .chars()
        .flat_map(char::escape_debug)
        .take(NAME)
        .collect();
    format!("{place}!/{shown}")
}
