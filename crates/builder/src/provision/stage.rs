use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use seed_nix::{FixedSource, content_matches};
use tempfile::TempDir;

use super::archive::{self, Refusal};
use crate::{Error, disk::read_tree, state};

/// The most files, folders and links of one source.
const MAX_ENTRIES: usize = 2_000_000;

/// A copy of a source under its store name, with the promised contents.
pub(super) struct Staged {
    folder: TempDir,
    name: String,
}

/// What was found where a source may be.
pub(super) enum Found {
    /// The source.
    Right(Staged),
    /// Something else, of the kind that the hash is over.
    Other,
    /// A file where a tree is wanted, and no archive that unpacks to it, perhaps for a reason. Its builder may do
    /// more than unpack, so this is no sign of a change.
    NoTree(Option<Refusal>),
}

impl Staged {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("source").join(&self.name)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nothing is kept; what cannot be removed now is removed with the state directory.
        let _ = state::remove_tree(self.folder.path());
    }
}

/// Copies what lies at `place` and hashes the copy, so that what is hashed is what is added. At most `max_bytes`
/// are copied or unpacked, below `work`.
///
/// Where a tree is wanted and a file lies there, the file may be the tree (executable or not), or an archive of it,
/// with or without one directory around everything.
pub(super) fn stage(
    source: &FixedSource,
    place: &Path,
    max_bytes: u64,
    work: &Path,
) -> Result<Found, Error> {
    let folder = tempfile::tempdir_in(work).map_err(Error::file("create", work))?;
    let staged = Staged {
        folder,
        name: source.path.name().to_owned(),
    };
    let path = staged.path();
    state::create_directory(state::parent(&path))?;
    // A folder of sources may be one of links; inside a tree a link is contents.
    let place = place.canonicalize().map_err(Error::file("read", place))?;
    let mut budget = Budget {
        bytes: max_bytes,
        entries: MAX_ENTRIES,
    };
    if !copy(&place, &path, &mut budget).map_err(Error::file("copy", &place))? {
        return Ok(Found::Other);
    }
    let is_file = path.symlink_metadata().is_ok_and(|found| found.is_file());
    if !source.address.is_recursive() {
        if !is_file {
            return Ok(Found::Other);
        }
        // A flat hash is over a file's bytes alone: whether it was executable is forgotten.
        set_mode(&path, 0o644)?;
    }
    if matches(source, &path)? {
        return Ok(Found::Right(staged));
    }
    if !source.address.is_recursive() || !is_file {
        return Ok(Found::Other);
    }
    set_mode(&path, 0o755)?;
    if matches(source, &path)? {
        return Ok(Found::Right(staged));
    }
    Ok(match unpacks(source, &staged, max_bytes)? {
        Ok(true) => Found::Right(staged),
        Ok(false) => Found::NoTree(None),
        Err(why) => Found::NoTree(Some(why)),
    })
}

/// Puts what the staged archive unpacks to in its place, if that is the source.
fn unpacks(
    source: &FixedSource,
    staged: &Staged,
    max_bytes: u64,
) -> Result<Result<bool, Refusal>, Error> {
    let (path, tree) = (staged.path(), staged.folder.path().join("tree"));
    let budget = Budget {
        bytes: max_bytes,
        entries: MAX_ENTRIES,
    };
    if let Err(why) = archive::unpack(&path, &tree, budget)? {
        return Ok(Err(why));
    }
    let within = only_directory(&tree).map_err(Error::file("read", &tree))?;
    for candidate in within.into_iter().chain([tree]) {
        if matches(source, &candidate)? {
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
            fs::rename(&candidate, &path).map_err(Error::file("rename", &candidate))?;
            return Ok(Ok(true));
        }
    }
    Ok(Ok(false))
}

/// The one directory that is all there is in `tree`.
fn only_directory(tree: &Path) -> io::Result<Option<PathBuf>> {
    let mut entries = fs::read_dir(tree)?;
    let (first, second) = (entries.next().transpose()?, entries.next());
    match (first, second) {
        (Some(only), None) if only.file_type()?.is_dir() => Ok(Some(only.path())),
        _ => Ok(None),
    }
}

fn matches(source: &FixedSource, path: &Path) -> Result<bool, Error> {
    content_matches(source.address.as_ca(), &read_tree(path)?).map_err(Error::file("hash", path))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::file("write", path))
}

/// What is left of what a source may take.
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) entries: usize,
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
        let found = stage(source, place, 1000, work.path()).unwrap();
        matches!(found, Found::Right(_))
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
