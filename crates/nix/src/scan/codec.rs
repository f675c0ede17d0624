use std::io;

use super::{Format, Limit};

/// Why unpacking stopped before the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    Damaged,
    Beyond(Limit),
}

/// What one step did.
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// The stream is at its end.
    pub(super) ended: bool,
    /// Bytes that were taken and lie behind the end.
    pub(super) unused: Vec<u8>,
}

/// A decoder of one compressed stream.
pub(super) trait Codec {
    /// Takes some of `input` and fills some of `output`; `last` when no more input will come.
    fn step(&mut self, input: &[u8], output: &mut [u8], last: bool) -> Result<Step, Stop>;
}

/// The decoder of `format` that asks for at most `memory` bytes.
pub(super) fn codec(format: Format, memory: u64) -> io::Result<Box<dyn Codec>> {
    let kilobytes = u32::try_from(memory >> 10).unwrap_or(u32::MAX - 1);
    Ok(match format {
        Format::Bzip2 => Box::new(bzip2::Decompress::new(false)),
        Format::Xz => Box::new(lzma_rust2::XzStream::new_mem_limit(false, kilobytes)),
        Format::Lzip => Box::new(lzma_rust2::LzipStream::new_mem_limit(false, kilobytes)),
        Format::Lzma => Box::new(lzma_rust2::LzmaStream::new_mem_limit(kilobytes, None)),
        Format::Zstd => {
            let mut decoder = zstd::stream::raw::Decoder::new()?;
            let window = memory.max(1).ilog2();
            decoder.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(window))?;
            Box::new(Zstd(decoder))
        }
        _ => Box::new(flate2::Decompress::new(false)),
    })
}

impl Codec for flate2::Decompress {
    fn step(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step, Stop> {
        let (before_in, before_out) = (self.total_in(), self.total_out());
        let status = self
            .decompress(input, output, flate2::FlushDecompress::None)
            .map_err(|_| Stop::Damaged)?;
        Ok(Step {
            consumed: (self.total_in() - before_in) as usize,
            produced: (self.total_out() - before_out) as usize,
            ended: status == flate2::Status::StreamEnd,
            unused: Vec::new(),
        })
    }
}

impl Codec for bzip2::Decompress {
    fn step(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step, Stop> {
        let (before_in, before_out) = (self.total_in(), self.total_out());
        let status = self.decompress(input, output).map_err(|_| Stop::Damaged)?;
        Ok(Step {
            consumed: (self.total_in() - before_in) as usize,
            produced: (self.total_out() - before_out) as usize,
            ended: status == bzip2::Status::StreamEnd,
            unused: Vec::new(),
        })
    }
}

struct Zstd(zstd::stream::raw::Decoder<'static>);

impl Codec for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step, Stop> {
        use zstd::stream::raw::Operation as _;
        let status = self.0.run_on_buffers(input, output).map_err(|error| {
            // The one limit the library knows is that of the window.
            if error.to_string().contains("memory") {
                Stop::Beyond(Limit::Memory)
            } else {
                Stop::Damaged
            }
        })?;
        Ok(Step {
            consumed: status.bytes_read,
            produced: status.bytes_written,
            ended: status.remaining == 0,
            unused: Vec::new(),
        })
    }
}

/// The three forms of lzma take and give alike.
macro_rules! lzma {
    ($stream:ty, $unused:expr) => {
        impl Codec for $stream {
            fn step(&mut self, input: &[u8], output: &mut [u8], last: bool) -> Result<Step, Stop> {
                let action = if last {
                    lzma_rust2::Action::Finish
                } else {
                    lzma_rust2::Action::Run
                };
                let done = self.process(input, output, action).map_err(|error| {
                    if error.kind() == io::ErrorKind::OutOfMemory {
                        Stop::Beyond(Limit::Memory)
                    } else {
                        Stop::Damaged
                    }
                })?;
                let ended = done.status == lzma_rust2::Status::StreamEnd;
                let unused: fn(&Self) -> Vec<u8> = $unused;
                Ok(Step {
                    consumed: done.bytes_consumed,
                    produced: done.bytes_produced,
                    ended,
                    unused: if ended { unused(self) } else { Vec::new() },
                })
            }
        }
    };
}
lzma!(lzma_rust2::XzStream, |_| Vec::new());
lzma!(lzma_rust2::LzipStream, |stream| stream
    .unused_input()
    .to_vec());
lzma!(lzma_rust2::LzmaStream, |stream| stream
    .unused_input()
    .to_vec());
