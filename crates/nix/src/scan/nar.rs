use std::io::{self, BufRead};

use super::{
    Finding, Format, Kind,
    stream::Stream,
    walk::{Walk, member},
};
use crate::nar_reader::{NarError, NarVisitor, read_nar};

/// The files of a NAR; one that breaks a rule of the format is a finding as a whole.
pub(super) fn walk(walk: &mut Walk<'_>, place: &str, mut input: Stream<'_>) -> io::Result<()> {
    match read_nar(&mut input, &mut Files { walk, place }) {
        Ok(()) => walk.rest(place, input),
        Err(NarError::Read(error)) => Err(error),
        Err(_) => {
            if let Some((digest, size)) = input.drain()? {
                walk.report(Finding {
                    location: place.to_owned(),
                    kind: Kind::Damaged(Format::Nar),
                    digest,
                    size,
                })?;
            }
            Ok(())
        }
    }
}

struct Files<'w, 'a> {
    walk: &'w mut Walk<'a>,
    place: &'w str,
}

impl Files<'_, '_> {
    fn place(&self, path: &[Vec<u8>]) -> String {
        member(self.place, &path.join(&b'/'))
    }

    /// A name that is no text could carry something.
    fn name(&mut self, path: &[Vec<u8>]) -> io::Result<()> {
        match path.last() {
            Some(name) => self.walk.aside(&self.place(path), "name", name),
            None => Ok(()),
        }
    }
}

impl NarVisitor for Files<'_, '_> {
    fn file(
        &mut self,
        path: &[Vec<u8>],
        _executable: bool,
        _size: u64,
        contents: &mut dyn BufRead,
    ) -> io::Result<()> {
        self.name(path)?;
        let place = self.place(path);
        self.walk.piece(&place, contents)
    }

    fn directory(&mut self, path: &[Vec<u8>]) -> io::Result<()> {
        self.name(path)
    }

    fn symlink(&mut self, path: &[Vec<u8>], target: &[u8]) -> io::Result<()> {
        self.name(path)?;
        let place = self.place(path);
        self.walk.aside(&place, "target", target)
    }
}
