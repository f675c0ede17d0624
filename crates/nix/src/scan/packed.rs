use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use seed_primitives::Digest;

use super::{
    Finding, Format, Kind, Limit, Limits,
    codec::{Codec, Stop, codec},
    stream::{Stream, Sum},
    walk::Walk,
};
use crate::Contents;

/// How much is unpacked at once.
const OUTPUT: usize = 128 << 10;
/// The longest text or field in front of a stream that is kept.
const MAX_ASIDE: usize = 1 << 20;

/// Judges what a compressed stream unpacks to. What follows the stream is one last piece called `rest`; a
/// stream that is damaged or goes beyond a limit is a finding as a whole.
pub(super) fn walk(
    walk: &mut Walk<'_>,
    format: Format,
    place: &str,
    mut input: Stream<'_>,
) -> io::Result<()> {
    let stop = contents(walk, format, place, &mut input)?;
    let Some(stop) = stop else {
        return walk.rest(place, input);
    };
    let kind = match stop {
        Stop::Damaged => Kind::Damaged(format),
        Stop::Beyond(limit) => Kind::Beyond(limit),
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

/// Judges what the stream that `input` stands before unpacks to, and leaves `input` right behind it; or says
/// why it could not be unpacked to its end.
pub(super) fn contents(
    walk: &mut Walk<'_>,
    format: Format,
    place: &str,
    input: &mut Stream<'_>,
) -> io::Result<Option<Stop>> {
    if walk.packings >= walk.limits.packings {
        return Ok(Some(Stop::Beyond(Limit::Packings)));
    }
    let mut unpacked = Unpacked::new(input, format, walk.limits, Rc::clone(&walk.unpacked));
    walk.packings += 1;
    let done = walk.piece(place, &mut unpacked);
    walk.packings -= 1;
    let (stop, asides) = (unpacked.stop, unpacked.asides);
    if stop.is_none() {
        done?;
    }
    for bytes in asides {
        walk.aside(place, "header", &bytes)?;
    }
    Ok(stop)
}

/// The hash and length of what `contents` unpack to, where they are one compressed stream and nothing else;
/// `None` for anything that is not, is damaged, or goes beyond `limits`.
///
/// # Errors
/// Those of reading `contents`.
pub fn unpacked<C: Contents>(contents: &C, limits: &Limits) -> io::Result<Option<(Digest, u64)>> {
    let mut input = BufReader::new(contents.open()?);
    let mut stream = Stream::new(&mut input);
    let Some(format) = Format::of_packing(&stream.peek(18)?) else {
        return Ok(None);
    };
    let mut unpacked = Unpacked::new(&mut stream, format, limits, Rc::default());
    let mut sum = Sum::default();
    loop {
        if unpacked.at >= unpacked.filled
            && let Err(error) = unpacked.refill()
        {
            return if unpacked.stop.is_some() {
                Ok(None)
            } else {
                Err(error)
            };
        }
        let bytes = unpacked.fill_buf()?;
        sum.push(bytes);
        let length = bytes.len();
        if length == 0 {
            break;
        }
        unpacked.consume(length);
    }
    if !stream.peek(1)?.is_empty() {
        return Ok(None);
    }
    sum.finish().map(Some)
}

/// Gives `then` a reader of what the compressed stream `input`, in `format`, unpacks to. What is damaged, is no such
/// stream or goes beyond `limits` (bytes, growth, memory of the decoder) is an error of that reader,
/// [`io::ErrorKind::InvalidData`]. What stands behind the stream is not looked at.
pub fn read_packed<T>(
    format: Format,
    input: &mut dyn BufRead,
    limits: &Limits,
    then: impl FnOnce(&mut dyn Read) -> T,
) -> T {
    let mut stream = Stream::new(input);
    then(&mut Unpacked::new(
        &mut stream,
        format,
        limits,
        Rc::default(),
    ))
}

/// Reads what a stream, or several of one format behind each other, unpack to.
struct Unpacked<'s, 'a> {
    input: &'s mut Stream<'a>,
    format: Format,
    codec: Option<Box<dyn Codec>>,
    crc: flate2::Crc,
    output: Vec<u8>,
    filled: usize,
    at: usize,
    produced: u64,
    first: bool,
    ended: bool,
    stop: Option<Stop>,
    limits: Limits,
    total: Rc<Cell<u64>>,
    /// What stands in headers and frames that decoders skip.
    asides: Vec<Vec<u8>>,
}

impl<'s, 'a> Unpacked<'s, 'a> {
    fn new(
        input: &'s mut Stream<'a>,
        format: Format,
        limits: &Limits,
        total: Rc<Cell<u64>>,
    ) -> Self {
        Self {
            input,
            format,
            codec: None,
            crc: flate2::Crc::new(),
            output: vec![0; OUTPUT],
            filled: 0,
            at: 0,
            produced: 0,
            first: true,
            ended: false,
            stop: None,
            limits: *limits,
            total,
            asides: Vec::new(),
        }
    }

    fn fail(&mut self, stop: Stop) -> io::Error {
        self.stop = Some(stop);
        io::Error::new(
            io::ErrorKind::InvalidData,
            "an archive could not be unpacked",
        )
    }

    /// Unpacks until there is output or the end.
    fn refill(&mut self) -> io::Result<()> {
        (self.at, self.filled) = (0, 0);
        if self.stop.is_some() {
            return Err(self.fail(Stop::Damaged));
        }
        while self.filled == 0 && !self.ended {
            if self.codec.is_none() && !self.begin()? {
                self.ended = true;
                return Ok(());
            }
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> io::Result<()> {
        let Some(mut codec) = self.codec.take() else {
            return Ok(());
        };
        let bytes = self.input.fill_buf()?;
        let last = bytes.is_empty();
        let step = match codec.step(bytes, &mut self.output, last) {
            Ok(step) => step,
            Err(stop) => return Err(self.fail(stop)),
        };
        self.input.consume(step.consumed);
        let stuck = step.consumed == 0 && step.produced == 0 && !step.ended;
        if stuck && last {
            return Err(self.fail(Stop::Damaged));
        }
        self.filled = step.produced;
        self.count(step.produced as u64)?;
        if self.format == Format::Gzip {
            self.crc
                .update(self.output.get(..self.filled).unwrap_or_default());
        }
        if step.ended {
            self.input.put_back(&step.unused);
            return self.finish();
        }
        self.codec = Some(codec);
        Ok(())
    }

    fn count(&mut self, produced: u64) -> io::Result<()> {
        self.produced += produced;
        self.total.set(self.total.get().saturating_add(produced));
        if self.total.get() > self.limits.unpacked {
            return Err(self.fail(Stop::Beyond(Limit::Unpacked)));
        }
        let most = self.input.position().saturating_mul(self.limits.ratio);
        if self.produced > self.limits.ratio_from && self.produced > most {
            return Err(self.fail(Stop::Beyond(Limit::Ratio)));
        }
        Ok(())
    }

    /// Starts the next stream; false when there is none of this format.
    fn begin(&mut self) -> io::Result<bool> {
        if self.format == Format::Deflate {
            if !self.first {
                return Ok(false);
            }
        } else {
            let head = self.input.peek(18)?;
            // Only streams with a magic number are continued.
            let same = Format::of_packing(&head) == Some(self.format);
            if !self.first && (!same || self.format == Format::Lzma) {
                return Ok(false);
            }
            if self.format == Format::Zstd && matches!(head.get(..4), Some([0x50..=0x5f, ..])) {
                self.skip_frame()?;
                self.first = false;
                return self.begin();
            }
            if self.format == Format::Gzip {
                self.gzip_header()?;
            }
        }
        self.first = false;
        self.codec = Some(codec(self.format, self.limits.memory)?);
        Ok(true)
    }

    /// What stands behind a stream and belongs to it.
    fn finish(&mut self) -> io::Result<()> {
        if self.format == Format::Gzip {
            let trailer = self.input.next(8)?;
            let expected = [
                self.crc.sum().to_le_bytes(),
                self.crc.amount().to_le_bytes(),
            ]
            .concat();
            self.crc.reset();
            if trailer != expected {
                return Err(self.fail(Stop::Damaged));
            }
        }
        Ok(())
    }

    /// A frame that every decoder of zstd passes over, whatever is in it.
    fn skip_frame(&mut self) -> io::Result<()> {
        let head = self.input.next(8)?;
        let length = head
            .last_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes));
        let bytes = match length {
            Some(length) if length as usize <= MAX_ASIDE && head.len() == 8 => {
                self.input.next(length as usize)?
            }
            _ => return Err(self.fail(Stop::Damaged)),
        };
        self.keep(bytes)
    }

    fn keep(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let kept: usize = self.asides.iter().map(Vec::len).sum();
        if kept + bytes.len() > MAX_ASIDE || self.asides.len() >= 1000 {
            return Err(self.fail(Stop::Damaged));
        }
        if bytes.iter().any(|byte| *byte != 0) {
            self.asides.push(bytes);
        }
        Ok(())
    }

    /// RFC 1952, section 2.3.
    fn gzip_header(&mut self) -> io::Result<()> {
        let head = self.input.next(10)?;
        let flags = head.get(3).copied().unwrap_or(0xff);
        if head.len() < 10 || flags & 0xe0 != 0 {
            return Err(self.fail(Stop::Damaged));
        }
        if flags & 4 != 0 {
            let length = self.input.next(2)?;
            let length = length
                .first_chunk()
                .map_or(0, |two| u16::from_le_bytes(*two));
            let extra = self.input.next(length.into())?;
            self.keep(extra)?;
        }
        for present in [flags & 8 != 0, flags & 16 != 0] {
            if present {
                let mut text = Vec::new();
                (&mut *self.input)
                    .take(MAX_ASIDE as u64)
                    .read_until(0, &mut text)?;
                if text.pop() != Some(0) {
                    return Err(self.fail(Stop::Damaged));
                }
                self.keep(text)?;
            }
        }
        if flags & 2 != 0 {
            self.input.next(2)?;
        }
        Ok(())
    }
}

impl BufRead for Unpacked<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.filled {
            self.refill()?;
        }
        Ok(self.output.get(self.at..self.filled).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Read for Unpacked<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let length = bytes.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), bytes.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}
