use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use seed_nix::{FixedSource, content_matches};
use tempfile::TempDir;

use crate::{Error, disk::read_tree, state};

/// The most files, folders and links of one source.
const MAX_ENTRIES: usize = 2_000_000;

/// A copy of a source under its store name, with the promised contents.
pub(super) struct Staged {
    folder: TempDir,
    name: String,
}

impl Staged {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A copied folder that may not be written in would stay behind.
        let _ = state::remove_tree(&self.path());
    }
}

/// Copies what lies at `place` and hashes the copy, so that what is hashed is what is added. `None` when it is
/// something else than `source`, or larger than `max_bytes`. The copy is made below `work`.
pub(super) fn stage(
    source: &FixedSource,
    place: &Path,
    max_bytes: u64,
    work: &Path,
) -> Result<Option<Staged>, Error> {
    let folder = tempfile::tempdir_in(work).map_err(Error::file("create", work))?;
    let staged = Staged {
        folder,
        name: source.path.name().to_owned(),
    };
    // A folder of sources may be one of links; inside a tree a link is contents.
    let place = place.canonicalize().map_err(Error::file("read", place))?;
    let mut budget = Budget {
        bytes: max_bytes,
        entries: MAX_ENTRIES,
    };
    if !copy(&place, &staged.path(), &mut budget).map_err(Error::file("copy", &place))? {
        return Ok(None);
    }
    if !source.address.is_recursive() && !make_plain(&staged.path())? {
        return Ok(None);
    }
    if matches(source, &staged)? {
        return Ok(Some(staged));
    }
    // One downloaded file may stand for a tree that is one executable file.
    if source.address.is_recursive() && staged.path().is_file() {
        set_mode(&staged.path(), 0o755)?;
        if matches(source, &staged)? {
            return Ok(Some(staged));
        }
    }
    Ok(None)
}

fn matches(source: &FixedSource, staged: &Staged) -> Result<bool, Error> {
    let path = staged.path();
    content_matches(source.address.as_ca(), &read_tree(&path)?).map_err(Error::file("hash", &path))
}

/// A flat hash is over a file's bytes alone: whether it was executable is forgotten.
fn make_plain(path: &Path) -> Result<bool, Error> {
    let metadata = path.symlink_metadata().map_err(Error::file("read", path))?;
    if !metadata.is_file() {
        return Ok(false);
    }
    set_mode(path, 0o644)?;
    Ok(true)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::file("write", path))
}

struct Budget {
    bytes: u64,
    entries: usize,
}

/// Copies a file, folder or link; false when it is none of these, or more than the budget.
fn copy(from: &Path, to: &Path, budget: &mut Budget) -> io::Result<bool> {
    let mut todo = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = todo.pop() {
        let Some(left) = budget.entries.checked_sub(1) else {
            return Ok(false);
        };
        budget.entries = left;
        let metadata = from.symlink_metadata()?;
        if metadata.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if metadata.is_dir() {
            fs::create_dir(&to)?;
            for entry in fs::read_dir(&from)? {
                let name = entry?.file_name();
                todo.push((from.join(&name), to.join(&name)));
            }
        } else if metadata.is_file() {
            if !copy_file(&from, &to, &mut budget.bytes)? {
                return Ok(false);
            }
            let executable = metadata.permissions().mode() & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
        } else {
            return Ok(false);
        }
    }
    Ok(true)
}

fn copy_file(from: &Path, to: &Path, left: &mut u64) -> io::Result<bool> {
    let mut reader = File::open(from)?.take(left.saturating_add(1));
    let copied = io::copy(&mut reader, &mut File::create_new(to)?)?;
    let enough = copied <= *left;
    *left = left.saturating_sub(copied);
    Ok(enough)
}

#[cfg(test)]
mod tests {
    use seed_nix::{CAHash, NixHash, Node, SourceOrigin, nar_hash};
    use seed_primitives::Digest;

    use super::*;

    fn source(address: &CAHash) -> FixedSource {
        FixedSource::new(SourceOrigin::FlakeInput("x".to_owned()), "x", address).unwrap()
    }

    fn flat(bytes: &[u8]) -> FixedSource {
        source(&CAHash::Flat(NixHash::Sha256(
            *Digest::of(bytes).as_bytes(),
        )))
    }

    fn tree(node: &Node<Vec<u8>>) -> FixedSource {
        let digest = nar_hash(node).unwrap().digest;
        source(&CAHash::Nar(NixHash::Sha256(*digest.as_bytes())))
    }

    fn taken(source: &FixedSource, place: &Path) -> bool {
        let work = tempfile::tempdir().unwrap();
        stage(source, place, 1000, work.path()).unwrap().is_some()
    }

    #[test]
    fn takes_a_file_by_its_bytes_and_nothing_else() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("file");
        fs::write(&file, "hello").unwrap();
        set_mode(&file, 0o755).unwrap();
        assert!(taken(&flat(b"hello"), &file));
        assert!(!taken(&flat(b"hellO"), &file));
        assert!(!taken(&flat(b"hello"), work.path()));
        let link = work.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(taken(&flat(b"hello"), &link));
    }

    #[test]
    fn takes_a_tree_by_its_nar_hash() {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().join("folder");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a"), "1").unwrap();
        symlink("/etc/passwd", folder.join("b")).unwrap();
        let node = |text: &str| {
            Node::directory([
                ("a", Node::file(false, text)),
                ("b", Node::Symlink(b"/etc/passwd".to_vec())),
            ])
        };
        assert!(taken(&tree(&node("1")), &folder));
        assert!(!taken(&tree(&node("2")), &folder));
        // One file, executable or not, as a download leaves it.
        let file = folder.join("a");
        assert!(taken(&tree(&Node::file(false, "1")), &file));
        assert!(taken(&tree(&Node::file(true, "1")), &file));
    }

    #[test]
    fn takes_nothing_larger_than_allowed_and_no_device() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("file");
        fs::write(&file, vec![b'x'; 1001]).unwrap();
        assert!(!taken(&flat(&[b'x'; 1001]), &file));
        fs::write(&file, vec![b'x'; 1000]).unwrap();
        assert!(taken(&flat(&[b'x'; 1000]), &file));
        assert!(!taken(&flat(b""), Path::new("/dev/zero")));
    }
}
