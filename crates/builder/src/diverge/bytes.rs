use std::{
    collections::BTreeSet,
    fmt,
    io::{self, BufRead, BufReader, Read},
};

use seed_nix::{Contents, Limits, Node, unpacked};
use serde::Serialize;

use crate::{Error, disk::DiskFile};

/// How many files are listed.
const MAX_FILES: usize = 10_000;
/// How many bytes are shown where two files part.
const EXCERPT: usize = 16;

/// One file that differs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FileChange {
    /// Its path inside the output, escaped; empty when the output is one file.
    pub path: String,
    /// How it differs.
    #[serde(flatten)]
    pub change: Change,
}

/// How a file differs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "change"
)]
pub enum Change {
    /// It is only on the first side.
    OnlyFirst,
    /// It is only on the second side.
    OnlySecond,
    /// It is another kind of thing: file, directory or link.
    Kind {
        /// What it is on the first side.
        first: &'static str,
        /// What it is on the second.
        second: &'static str,
    },
    /// Only one side's may be executed.
    Executable,
    /// A link leads elsewhere.
    Target {
        /// Where it leads on the first side.
        first: String,
        /// Where on the second.
        second: String,
    },
    /// The bytes differ.
    Bytes {
        /// Size on the first side.
        first_size: u64,
        /// Size on the second.
        second_size: u64,
        /// The first byte that differs, from 0.
        offset: u64,
        /// How many bytes differ, of those that both have.
        differing: u64,
        /// The bytes from there on the first side, hexadecimal.
        first: String,
        /// The same on the second.
        second: String,
        /// Whether both are compressed and unpack to the same bytes.
        compression_only: bool,
    },
}

impl FileChange {
    /// Whether the contents are the same under another compression.
    #[must_use]
    pub const fn is_compression_only(&self) -> bool {
        matches!(
            self.change,
            Change::Bytes {
                compression_only: true,
                ..
            }
        )
    }
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "."
        } else {
            &self.path
        };
        match &self.change {
            Change::OnlyFirst => write!(f, "{path}: only in the first"),
            Change::OnlySecond => write!(f, "{path}: only in the second"),
            Change::Kind { first, second } => write!(f, "{path}: a {first}, and a {second}"),
            Change::Executable => write!(f, "{path}: only one may be executed"),
            Change::Target { first, second } => {
                write!(f, "{path}: leads to {first}, and to {second}")
            }
            Change::Bytes {
                first_size,
                second_size,
                offset,
                differing,
                first,
                second,
                compression_only,
            } => {
                write!(
                    f,
                    "{path}: {first_size} and {second_size} bytes, {differing} differ, first at {offset}: {first} | {second}"
                )?;
                if *compression_only {
                    f.write_str("; both unpack to the same")?;
                }
                Ok(())
            }
        }
    }
}

/// Every file that differs, in order of names.
pub(super) fn compare(
    first: &Node<DiskFile>,
    second: &Node<DiskFile>,
) -> Result<Vec<FileChange>, Error> {
    let mut changes = Vec::new();
    node("", first, second, &mut changes)?;
    Ok(changes)
}

fn node(
    path: &str,
    first: &Node<DiskFile>,
    second: &Node<DiskFile>,
    changes: &mut Vec<FileChange>,
) -> Result<(), Error> {
    if changes.len() >= MAX_FILES {
        return Ok(());
    }
    let mut note = |change| {
        changes.push(FileChange {
            path: path.to_owned(),
            change,
        });
    };
    match (first, second) {
        (Node::Directory(one), Node::Directory(two)) => {
            let names: BTreeSet<&Vec<u8>> = one.keys().chain(two.keys()).collect();
            for name in names {
                let inside = join(path, name);
                let change = match (one.get(name), two.get(name)) {
                    (Some(a), Some(b)) => {
                        node(&inside, a, b, changes)?;
                        continue;
                    }
                    (Some(_), None) => Change::OnlyFirst,
                    _ => Change::OnlySecond,
                };
                changes.push(FileChange {
                    path: inside,
                    change,
                });
            }
        }
        (Node::Symlink(one), Node::Symlink(two)) if one != two => note(Change::Target {
            first: shown(one),
            second: shown(two),
        }),
        (Node::Symlink(_), Node::Symlink(_)) => {}
        (
            Node::File {
                executable: one_runs,
                size: one_size,
                contents: one,
            },
            Node::File {
                executable: two_runs,
                size: two_size,
                contents: two,
            },
        ) => {
            if one_runs != two_runs {
                note(Change::Executable);
            }
            let failed = Error::file("compare", one.path());
            let found = contents(one, two, [*one_size, *two_size]).map_err(failed)?;
            if let Some(change) = found {
                note(change);
            }
        }
        (one, two) => note(Change::Kind {
            first: kind(one),
            second: kind(two),
        }),
    }
    Ok(())
}

fn contents(one: &DiskFile, two: &DiskFile, sizes: [u64; 2]) -> io::Result<Option<Change>> {
    let mut found = Parts::default();
    let mut readers = (BufReader::new(one.open()?), BufReader::new(two.open()?));
    loop {
        let (a, b) = (readers.0.fill_buf()?, readers.1.fill_buf()?);
        let both = a.len().min(b.len());
        if both == 0 {
            if a.len() != b.len() {
                found.start();
            }
            break;
        }
        found.look(&a[..both], &b[..both]);
        readers.0.consume(both);
        readers.1.consume(both);
    }
    let Some(offset) = found.first else {
        return Ok(None);
    };
    let limits = Limits::default();
    let inside = (unpacked(one, &limits)?, unpacked(two, &limits)?);
    Ok(Some(Change::Bytes {
        first_size: sizes[0],
        second_size: sizes[1],
        offset,
        differing: found.differing,
        first: excerpt(one, offset)?,
        second: excerpt(two, offset)?,
        compression_only: inside.0.is_some() && inside.0 == inside.1,
    }))
}

#[derive(Default)]
struct Parts {
    position: u64,
    first: Option<u64>,
    differing: u64,
}

impl Parts {
    fn look(&mut self, one: &[u8], two: &[u8]) {
        if one != two {
            for (at, _) in one.iter().zip(two).enumerate().filter(|(_, (a, b))| a != b) {
                self.first.get_or_insert(self.position + at as u64);
                self.differing += 1;
            }
        }
        self.position += one.len() as u64;
    }

    /// One side ends here.
    fn start(&mut self) {
        self.first.get_or_insert(self.position);
    }
}

fn excerpt(file: &DiskFile, offset: u64) -> io::Result<String> {
    let mut reader = file.open()?;
    io::copy(&mut reader.by_ref().take(offset), &mut io::sink())?;
    let mut bytes = Vec::new();
    reader.take(EXCERPT as u64).read_to_end(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

const fn kind(node: &Node<DiskFile>) -> &'static str {
    match node {
        Node::Directory(_) => "directory",
        Node::File { .. } => "file",
        Node::Symlink(_) => "link",
    }
}

fn join(path: &str, name: &[u8]) -> String {
    if path.is_empty() {
        return shown(name);
    }
    format!("{path}/{}", shown(name))
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::*;
    use crate::disk::read_tree;

    fn changes(make: impl Fn(&Path, &Path)) -> Vec<FileChange> {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        make(&one, &two);
        compare(&read_tree(&one).unwrap(), &read_tree(&two).unwrap()).unwrap()
    }

    #[test]
    fn says_where_bytes_part_and_how_many_differ() {
        let found = changes(|one, two| {
            let mut bytes = vec![7; 100_000];
            fs::write(one.join("same"), &bytes).unwrap();
            fs::write(two.join("same"), &bytes).unwrap();
            fs::write(one.join("x\n"), &bytes).unwrap();
            bytes[70_000] = 8;
            bytes[90_000] = 8;
            bytes.extend(b"longer");
            fs::write(two.join("x\n"), &bytes).unwrap();
        });
        let [FileChange { path, change }] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(path, "x\\n");
        let Change::Bytes {
            first_size,
            second_size,
            offset,
            differing,
            first,
            second,
            compression_only,
        } = change
        else {
            panic!("{change:?}")
        };
        assert_eq!((*first_size, *second_size), (100_000, 100_006));
        assert_eq!((*offset, *differing), (70_000, 2));
        assert_eq!((&first[..4], &second[..4]), ("0707", "0807"));
        assert!(!compression_only);
    }

    #[test]
    fn tells_another_compression_from_other_contents() {
        let found = changes(|one, two| {
            let text = "a line that packs well\n".repeat(1000);
            for (side, level) in [(one, "-1"), (two, "-9")] {
                fs::write(side.join("same"), &text).unwrap();
                fs::write(side.join("other"), format!("{text}{level}")).unwrap();
                for name in ["same", "other"] {
                    let packed = std::process::Command::new("gzip")
                        .args(["-n", level])
                        .arg(side.join(name))
                        .status();
                    assert!(packed.unwrap().success());
                }
            }
        });
        let told: Vec<(&str, bool)> = found
            .iter()
            .map(|change| (change.path.as_str(), change.is_compression_only()))
            .collect();
        assert_eq!(told, [("other.gz", false), ("same.gz", true)]);
    }

    #[test]
    fn lists_what_only_one_side_has_and_other_kinds() {
        let found = changes(|one, two| {
            fs::write(one.join("a"), "").unwrap();
            fs::write(two.join("b"), "").unwrap();
            fs::write(one.join("c"), "").unwrap();
            symlink("x", two.join("c")).unwrap();
            symlink("x", one.join("d")).unwrap();
            symlink("../y", two.join("d")).unwrap();
        });
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "a: only in the first",
                "b: only in the second",
                "c: a file, and a link",
                "d: leads to x, and to ../y"
            ]
        );
    }
}
