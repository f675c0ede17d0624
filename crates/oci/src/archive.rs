mod fault;
mod header;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;

pub use fault::ArchiveFault;
use header::{BLOCK, Kind, Member};

use crate::{Error, text::causes};

/// The most members of one archive, folders counted.
const MAX_MEMBERS: usize = 65_536;
/// The most zeros that may follow the last member: some writers fill up their last record.
const MAX_PADDING: u64 = 1 << 20;

/// Where each file lies in a tar archive of an OCI image layout; nothing of it is unpacked.
///
/// Strict, so that no two readers see two layouts in one archive: plain files and folders only, each name once
/// and already in its normal form, no header that changes the meaning of another, two zero blocks at the end and
/// nothing behind them. What a file holds is not looked at: blobs are proven by their digest when they are read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ArchiveIndex {
    files: BTreeMap<String, Span>,
}

/// Offset and size of a file's bytes in the archive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Span {
    offset: u64,
    size: u64,
}

impl ArchiveIndex {
    /// Reads every header of a tar archive, from its first byte to its last, and none of its contents.
    ///
    /// Inside, an [`ArchiveFault`] is what is wrong with the archive.
    ///
    /// # Errors
    /// [`io::Error`] when `input` itself fails.
    pub fn read(input: &mut (impl Read + Seek)) -> io::Result<Result<Self, ArchiveFault>> {
        let length = input.seek(SeekFrom::End(0))?;
        let mut reader = Reader {
            input,
            length,
            at: 0,
            seen: BTreeMap::new(),
            link: None,
        };
        let outcome = reader.run()?.and_then(|()| reader.one_meaning());
        Ok(match reader.with_links(outcome) {
            Ok(()) => Ok(Self {
                files: reader
                    .seen
                    .into_iter()
                    .filter_map(|(name, span)| Some((name, span?)))
                    .collect(),
            }),
            Err(fault) => Err(fault),
        })
    }

    /// The names of all files, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Why these files are no image layout, if they are none.
    fn fault(&self) -> Option<ArchiveFault> {
        no_layout(|name| self.files.contains_key(name))
    }
}

/// Why files are no image layout, if they are none, by their names.
fn no_layout(has: impl Fn(&str) -> bool) -> Option<ArchiveFault> {
    match (has("oci-layout") && has("index.json"), has("manifest.json")) {
        (true, _) => None,
        (false, true) => Some(ArchiveFault::DockerArchive),
        (false, false) => Some(ArchiveFault::NoLayout),
    }
}

struct Reader<'a, R> {
    input: &'a mut R,
    length: u64,
    /// Where the next header is.
    at: u64,
    /// Files with where they lie; folders with nothing.
    seen: BTreeMap<String, Option<Span>>,
    /// The first link. Docker archives have one per layer, and are to be called what they are.
    link: Option<ArchiveFault>,
}

/// A failure of the input, or of what is in it.
type Step<T> = io::Result<Result<T, ArchiveFault>>;

macro_rules! pass {
    ($step:expr) => {
        match $step? {
            Ok(value) => value,
            Err(fault) => return Ok(Err(fault)),
        }
    };
}

impl<R: Read + Seek> Reader<'_, R> {
    fn run(&mut self) -> Step<()> {
        let mut extended = false;
        for _ in 0..=MAX_MEMBERS {
            let block = pass!(self.block());
            if block == [0; BLOCK] {
                if extended {
                    return Ok(Err(ArchiveFault::Header {
                        at: self.at,
                        why: "an extended header with no file behind it",
                    }));
                }
                return self.end();
            }
            let member = match Member::parse(&block, self.at) {
                Ok(member) => member,
                Err(link @ ArchiveFault::Link(_)) => {
                    self.link.get_or_insert(link);
                    self.at += BLOCK as u64;
                    extended = false;
                    continue;
                }
                Err(fault) => return Ok(Err(fault)),
            };
            extended = pass!(self.member(member, extended));
        }
        Ok(Err(ArchiveFault::TooManyMembers(MAX_MEMBERS)))
    }

    /// What an archive with a link in it is refused as; `outcome` for one without.
    fn with_links(&mut self, outcome: Result<(), ArchiveFault>) -> Result<(), ArchiveFault> {
        let Some(link) = self.link.take() else {
            return outcome;
        };
        let has = |name: &str| matches!(self.seen.get(name), Some(Some(_)));
        match outcome.is_ok().then(|| no_layout(has)).flatten() {
            Some(docker @ ArchiveFault::DockerArchive) => Err(docker),
            _ => Err(link),
        }
    }

    /// Refuses a file whose name is also the folder of another, whether that folder is a member or not: whoever
    /// unpacks such an archive keeps one or the other.
    fn one_meaning(&self) -> Result<(), ArchiveFault> {
        let folders = self.seen.keys().flat_map(|name| {
            let ends = name.match_indices('/');
            ends.filter_map(|(end, _)| name.get(..end))
        });
        for folder in folders {
            if let Some(Some(_)) = self.seen.get(folder) {
                return Err(ArchiveFault::Duplicate(folder.to_owned()));
            }
        }
        Ok(())
    }

    fn block(&mut self) -> Step<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        if self.length.saturating_sub(self.at) < BLOCK as u64 {
            return Ok(Err(ArchiveFault::Truncated { at: self.length }));
        }
        self.input.seek(SeekFrom::Start(self.at))?;
        self.input.read_exact(&mut block)?;
        Ok(Ok(block))
    }

    /// Takes one member, and says whether it was an extended header of the next one.
    fn member(&mut self, member: Member, extended: bool) -> Step<bool> {
        let offset = self.at + BLOCK as u64;
        let end = member
            .size
            .checked_next_multiple_of(BLOCK as u64)
            .and_then(|size| offset.checked_add(size));
        let Some(end) = end.filter(|end| *end <= self.length) else {
            return Ok(Err(ArchiveFault::Truncated { at: self.at }));
        };
        self.at = end;
        let span = match member.kind {
            Kind::Extended if extended => {
                return Ok(Err(ArchiveFault::Header {
                    at: offset,
                    why: "two extended headers for one file",
                }));
            }
            Kind::Extended => {
                self.input.seek(SeekFrom::Start(offset))?;
                let mut records = vec![0; usize::try_from(member.size).unwrap_or_default()];
                self.input.read_exact(&mut records)?;
                return Ok(header::check_extended(&records, offset).map(|()| true));
            }
            Kind::Folder => None,
            Kind::File => Some(Span {
                offset,
                size: member.size,
            }),
        };
        match self.seen.insert(member.name.clone(), span) {
            // A folder may be named again by tools that add to an archive; a file has one content.
            Some(None) if span.is_none() => Ok(Ok(false)),
            Some(_) => Ok(Err(ArchiveFault::Duplicate(member.name))),
            None => Ok(Ok(false)),
        }
    }

    /// Two zero blocks and nothing but zeros behind them.
    fn end(&mut self) -> Step<()> {
        let left = self.length - self.at;
        if left < 2 * BLOCK as u64 {
            return Ok(Err(ArchiveFault::Truncated { at: self.length }));
        }
        if left > MAX_PADDING {
            return Ok(Err(ArchiveFault::Trailing { at: self.at }));
        }
        let mut rest = Vec::new();
        self.input.seek(SeekFrom::Start(self.at))?;
        self.input.take(left).read_to_end(&mut rest)?;
        match rest.iter().position(|byte| *byte != 0) {
            Some(place) => Ok(Err(ArchiveFault::Trailing {
                at: self.at + place as u64,
            })),
            None => Ok(Ok(())),
        }
    }
}

/// A tar archive of an image layout, open for reading. Clones share the one open file.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    file: Arc<File>,
    index: Arc<ArchiveIndex>,
}

impl Archive {
    /// Opens the archive and finds its files. The file is opened once, and never by its name again.
    pub(crate) fn open(path: &Path, place: &str) -> Result<Self, Error> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound {
                place: place.to_owned(),
                what: "such file".to_owned(),
            },
            _ => Error::Storage {
                place: place.to_owned(),
                what: "read the archive".to_owned(),
                why: causes(&error),
            },
        };
        // Before it is opened: opening a pipe would wait for its other end.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(Error::Usage {
                place: place.to_owned(),
                what: "this is not a file".to_owned(),
                help: "give the tar archive of an OCI image layout; a folder is `oci:DIR`"
                    .to_owned(),
            });
        }
        let mut file = File::open(path).map_err(failed)?;
        let index = ArchiveIndex::read(&mut file).map_err(failed)?;
        let index = index.and_then(|index| index.fault().map_or(Ok(index), Err));
        Ok(Self {
            file: Arc::new(file),
            index: Arc::new(index.map_err(|fault| Error::Archive {
                place: place.to_owned(),
                fault,
            })?),
        })
    }

    /// The file called `name`, from its first byte; `None` where there is none.
    pub(crate) fn section(&self, name: &str) -> Option<Section> {
        let span = self.index.files.get(name)?;
        Some(Section {
            file: Arc::clone(&self.file),
            at: span.offset,
            left: span.size,
        })
    }
}

/// The rest of one file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Section {
    /// The next bytes, at most `most`, without holding up the runtime; nothing at the end.
    pub(crate) async fn next(&mut self, most: usize) -> io::Result<Option<Bytes>> {
        let mut section = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; most];
            let read = section.read(&mut buffer)?;
            buffer.truncate(read);
            Ok::<_, io::Error>((section, buffer))
        });
        let (section, buffer) = read.await.map_err(io::Error::other)??;
        *self = section;
        Ok((!buffer.is_empty()).then(|| Bytes::from(buffer)))
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let length = buffer.len().min(most);
        let Some(buffer) = buffer.get_mut(..length) else {
            return Ok(0);
        };
        let read = self.file.read_at(buffer, self.at)?;
        if read == 0 && length > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive was cut short while it was read",
            ));
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
