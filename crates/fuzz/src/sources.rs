//! What sources and people bring.

use std::io::{self, BufRead};

use seed_nix::{NarVisitor, locked_inputs, read_nar};
use seed_primitives::{
    Commit, Deployment, Digest, Recipe, RecipeName, SourceUri, System, Target, parse_address,
    parse_bytes32,
};

struct Count {
    bytes: u64,
}

impl NarVisitor for Count {
    fn file(
        &mut self,
        path: &[Vec<u8>],
        _: bool,
        size: u64,
        contents: &mut dyn BufRead,
    ) -> io::Result<()> {
        plain(path);
        let read = io::copy(contents, &mut io::sink())?;
        assert!(read <= size);
        self.bytes += read;
        Ok(())
    }

    fn symlink(&mut self, path: &[Vec<u8>], _: &[u8]) -> io::Result<()> {
        plain(path);
        Ok(())
    }
}

/// No name of an archive climbs out of its folder.
fn plain(path: &[Vec<u8>]) {
    for name in path {
        assert!(
            !name.is_empty()
                && name != b"."
                && name != b".."
                && !name.contains(&b'/')
                && !name.contains(&0)
        );
    }
}

pub(crate) fn nar(bytes: &[u8]) -> bool {
    let mut count = Count { bytes: 0 };
    let mut input = bytes;
    let read = read_nar(&mut input, &mut count);
    assert!(count.bytes <= bytes.len() as u64);
    read.is_ok()
}

pub(crate) fn lock(bytes: &[u8]) -> bool {
    locked_inputs(bytes).is_ok()
}

/// What is read of a deployment is written and read again as the same deployment.
pub(crate) fn deployment(bytes: &[u8]) -> bool {
    let Ok(read) = Deployment::from_json(bytes) else {
        return false;
    };
    let written = read.to_json();
    assert_eq!(Deployment::from_json(written.as_bytes()), Ok(read));
    true
}

/// Texts that are parsed into types: what is accepted is written as it was read.
pub(crate) fn texts(bytes: &[u8]) -> bool {
    let documents = Recipe::from_bytes(bytes).is_ok();
    let Ok(text) = std::str::from_utf8(bytes) else {
        return documents;
    };
    let _ = (parse_bytes32(text), parse_address(text));
    documents
        | same(text, text.parse::<System>().ok())
        | same(text, text.parse::<Digest>().ok())
        | same(text, text.parse::<SourceUri>().ok())
        | same(text, text.parse::<Commit>().ok())
        | same(text, text.parse::<Target>().ok())
        | same(text, text.parse::<RecipeName>().ok())
}

fn same(text: &str, read: Option<impl ToString>) -> bool {
    let written = read.map(|read| read.to_string());
    assert!(
        written.as_deref().is_none_or(|written| written == text),
        "{text}"
    );
    written.is_some()
}
