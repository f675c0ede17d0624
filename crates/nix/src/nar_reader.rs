use std::io::{self, BufRead, Read};

use thiserror::Error;

use crate::Node;

/// The most directories a NAR may have inside each other.
const MAX_DEPTH: usize = 512;
/// The longest name of an entry, as every file system in use has it.
const MAX_NAME: u64 = 255;
/// The longest target of a symbolic link.
const MAX_TARGET: u64 = 4096;

/// Why bytes are not a NAR, or not one in its single form. Whoever made them is at fault.
#[derive(Debug, Error)]
pub enum NarError {
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// They end inside the archive.
    #[error("the archive ends too early")]
    Short,
    /// Another word stands where the format has its own.
    #[error("`{expected}` must stand where `{found}` stands")]
    Word {
        /// What the format has there.
        expected: &'static str,
        /// What is there, escaped.
        found: String,
    },
    /// A name or a target is longer than any can be.
    #[error("{what} has {length} bytes, more than {limit}")]
    TooLong {
        /// `name`, `target` or `word`.
        what: &'static str,
        /// Its length.
        length: u64,
        /// The most it may have.
        limit: u64,
    },
    /// A name that would leave its directory or cannot be one: empty, `.`, `..`, with `/` or NUL.
    #[error("`{0}` cannot be the name of an entry")]
    Name(String),
    /// Two entries have one name.
    #[error("`{0}` is there twice")]
    Duplicate(String),
    /// Names are not in ascending order of bytes.
    #[error("`{name}` comes after `{before}`, which sorts after it")]
    Order {
        /// The entry before.
        before: String,
        /// The entry that should have come first.
        name: String,
    },
    /// A symbolic link that leads nowhere.
    #[error("the target of `{0}` is empty or holds a zero byte")]
    Target(String),
    /// Padding that is not zero.
    #[error("padding is not zero")]
    Padding,
    /// Directories inside each other without an end.
    #[error("more than {MAX_DEPTH} directories inside each other")]
    TooDeep,
}

/// Takes what is in a NAR, in its order. Nothing is written anywhere: that is the visitor's choice.
pub trait NarVisitor {
    /// A file: its path inside the archive, and its contents, of which no more than `size` bytes follow.
    ///
    /// # Errors
    /// Whatever stops the reading.
    fn file(
        &mut self,
        path: &[Vec<u8>],
        executable: bool,
        size: u64,
        contents: &mut dyn BufRead,
    ) -> io::Result<()>;

    /// A symbolic link and its target, uninterpreted.
    ///
    /// # Errors
    /// Whatever stops the reading.
    fn symlink(&mut self, path: &[Vec<u8>], target: &[u8]) -> io::Result<()>;

    /// A directory, before its entries.
    ///
    /// # Errors
    /// Whatever stops the reading.
    fn directory(&mut self, _path: &[Vec<u8>]) -> io::Result<()> {
        Ok(())
    }
}

/// Reads one NAR (Nix's archive format, version 1) from `input`, which is left right behind it.
///
/// Names must be plain, unique and in order, words exact and padding zero, so that one tree has one archive.
/// Memory is bounded by the depth and not by the files.
///
/// # Errors
/// [`NarError`] for the first thing that is not so.
pub fn read_nar(input: &mut dyn BufRead, visitor: &mut dyn NarVisitor) -> Result<(), NarError> {
    let mut reader = Reader {
        input,
        visitor,
        path: Vec::new(),
    };
    reader.expect("nix-archive-1")?;
    reader.object()
}

struct Reader<'a> {
    input: &'a mut dyn BufRead,
    visitor: &'a mut dyn NarVisitor,
    path: Vec<Vec<u8>>,
}

impl Reader<'_> {
    fn object(&mut self) -> Result<(), NarError> {
        if self.path.len() > MAX_DEPTH {
            return Err(NarError::TooDeep);
        }
        self.expect("(")?;
        self.expect("type")?;
        match self.word()?.as_slice() {
            b"regular" => self.file(),
            b"symlink" => self.symlink(),
            b"directory" => self.directory(),
            other => Err(NarError::Word {
                expected: "regular, symlink or directory",
                found: shown(other),
            }),
        }
    }

    fn file(&mut self) -> Result<(), NarError> {
        let mut word = self.word()?;
        let executable = word == b"executable";
        if executable {
            self.expect("")?;
            word = self.word()?;
        }
        // Nix leaves the word out for no file, not even an empty one.
        is("contents", &word)?;
        let size = self.number()?;
        let mut contents = (&mut *self.input).take(size);
        self.visitor
            .file(&self.path, executable, size, &mut contents)?;
        skip(&mut contents)?;
        if contents.limit() > 0 {
            return Err(NarError::Short);
        }
        self.padding(size)?;
        self.expect(")")
    }

    fn symlink(&mut self) -> Result<(), NarError> {
        self.expect("target")?;
        let target = self.string("target", MAX_TARGET)?;
        if target.is_empty() || target.contains(&0) {
            let name = self.path.last().map(|name| shown(name));
            return Err(NarError::Target(name.unwrap_or_default()));
        }
        self.visitor.symlink(&self.path, &target)?;
        self.expect(")")
    }

    fn directory(&mut self) -> Result<(), NarError> {
        self.visitor.directory(&self.path)?;
        let mut before: Option<Vec<u8>> = None;
        loop {
            let word = self.word()?;
            if word == b")" {
                return Ok(());
            }
            is("entry", &word)?;
            self.expect("(")?;
            self.expect("name")?;
            let name = self.string("name", MAX_NAME)?;
            check_name(&name, before.as_deref())?;
            self.expect("node")?;
            self.path.push(name);
            self.object()?;
            before = self.path.pop();
            self.expect(")")?;
        }
    }

    fn expect(&mut self, expected: &'static str) -> Result<(), NarError> {
        let found = self.word()?;
        is(expected, &found)
    }

    fn word(&mut self) -> Result<Vec<u8>, NarError> {
        self.string("word", 32)
    }

    fn string(&mut self, what: &'static str, limit: u64) -> Result<Vec<u8>, NarError> {
        let length = self.number()?;
        if length > limit {
            return Err(NarError::TooLong {
                what,
                length,
                limit,
            });
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        self.padding(length)?;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, NarError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn padding(&mut self, length: u64) -> Result<(), NarError> {
        let mut bytes = vec![0; (length.wrapping_neg() % 8) as usize];
        self.fill(&mut bytes)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(NarError::Padding);
        }
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), NarError> {
        match self.input.read_exact(bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(NarError::Short),
            done => Ok(done?),
        }
    }
}

fn check_name(name: &[u8], before: Option<&[u8]>) -> Result<(), NarError> {
    if !Node::<()>::is_entry_name(name) {
        return Err(NarError::Name(shown(name)));
    }
    match before {
        Some(before) if before == name => Err(NarError::Duplicate(shown(name))),
        Some(before) if before > name => Err(NarError::Order {
            before: shown(before),
            name: shown(name),
        }),
        _ => Ok(()),
    }
}

fn is(expected: &'static str, found: &[u8]) -> Result<(), NarError> {
    if found == expected.as_bytes() {
        return Ok(());
    }
    Err(NarError::Word {
        expected,
        found: shown(found),
    })
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

fn skip(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let length = input.fill_buf()?.len();
        if length == 0 {
            return Ok(());
        }
        input.consume(length);
    }
}
