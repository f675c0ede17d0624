use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use eyre::{WrapErr as _, ensure};
use seed_builder::{DiskFile, read_tree};
use seed_image::{LAYERING, PACKER, PackedPath, Packer};
use seed_nix::{ClosureEntry, Contents, NarHash, Node, StorePath, nar_hash};
use seed_primitives::{Compression, Digest, Recipe, System};
use serde::{Deserialize, Serialize};

const LARGE: usize = 1 << 20;
const SMALL: usize = 4 << 10;
const SMALL_FILES: usize = 64;

/// What a store's database would say of one path.
#[derive(Deserialize, Serialize)]
struct Recorded {
    path: String,
    nar_hash: Digest,
    nar_size: u64,
}

/// Store paths, each with one large file and a folder of small ones; each refers to up to two earlier ones.
pub(crate) struct Closure<C>(pub(crate) Vec<PackedPath<C>>);

impl Closure<Vec<u8>> {
    /// Made up, in memory, of so many paths with 1.25 MiB each.
    pub(crate) fn make(paths: usize) -> eyre::Result<Self> {
        let paths = (0..paths).map(|index| {
            let node = tree(index);
            let nar = nar_hash(&node)?;
            packed(index, node, nar)
        });
        Ok(Self(paths.collect::<eyre::Result<_>>()?))
    }

    /// Writes it below `folder`: the file trees, and what a database would say of them.
    pub(crate) fn write(&self, folder: &Path) -> eyre::Result<()> {
        let mut records = Vec::new();
        for path in &self.0 {
            write_node(&path.node, &place(folder, &path.entry.path))?;
            records.push(Recorded {
                path: path.entry.path.to_string(),
                nar_hash: path.entry.nar.digest,
                nar_size: path.entry.nar.size,
            });
        }
        fs::write(records_file(folder), serde_json::to_vec(&records)?)?;
        Ok(())
    }
}

impl Closure<DiskFile> {
    /// The one below `folder`. No file is read.
    pub(crate) fn open(folder: &Path) -> eyre::Result<Self> {
        let records = fs::read(records_file(folder))
            .wrap_err_with(|| format!("{} was not prepared", folder.display()))?;
        let records: Vec<Recorded> = serde_json::from_slice(&records)?;
        let paths = records.into_iter().enumerate().map(|(index, record)| {
            let nar = NarHash {
                digest: record.nar_hash,
                size: record.nar_size,
            };
            let path = record.path.parse()?;
            let node = read_tree(&place(folder, &path))?;
            let packed = packed(index, node, nar)?;
            ensure!(packed.entry.path == path, "{path} is not of this closure");
            Ok(packed)
        });
        Ok(Self(paths.collect::<eyre::Result<_>>()?))
    }
}

impl<C: Contents> Closure<C> {
    pub(crate) fn packer(&self, compression: Compression) -> eyre::Result<Packer<'_, C>> {
        let packer = Packer::new(
            &self.0,
            &self.applications(),
            &recipe(compression)?,
            &system()?,
            None,
        )?;
        Ok(packer)
    }

    pub(crate) fn applications(&self) -> BTreeSet<StorePath> {
        let last = self.0.last().map(|path| path.entry.path.clone());
        last.into_iter().collect()
    }

    /// Bytes of all NAR serialisations: what has a NAR hash.
    pub(crate) fn nar_bytes(&self) -> u64 {
        self.0.iter().map(|path| path.entry.nar.size).sum()
    }
}

pub(crate) fn recipe(compression: Compression) -> eyre::Result<Recipe> {
    Ok(Recipe {
        compression,
        layering: LAYERING.parse()?,
        packer: PACKER.parse()?,
        previous: None,
        reissue: 0,
    })
}

pub(crate) fn system() -> eyre::Result<System> {
    Ok("x86_64-linux".parse()?)
}

fn records_file(folder: &Path) -> PathBuf {
    folder.join("records.json")
}

fn place(folder: &Path, path: &StorePath) -> PathBuf {
    folder.join("tree/nix/store").join(path.to_basename())
}

fn packed<C>(index: usize, node: Node<C>, nar: NarHash) -> eyre::Result<PackedPath<C>> {
    let needs = [index / 2, index / 3];
    let references = needs.into_iter().filter(|need| *need < index);
    Ok(PackedPath {
        entry: ClosureEntry {
            path: store_path(index)?,
            nar,
        },
        references: references.map(store_path).collect::<eyre::Result<_>>()?,
        node,
    })
}

fn store_path(index: usize) -> eyre::Result<StorePath> {
    Ok(format!("/nix/store/{index:032}-part").parse()?)
}

fn tree(index: usize) -> Node<Vec<u8>> {
    let names: Vec<String> = (0..SMALL_FILES).map(|at| format!("file-{at}")).collect();
    let small = names.iter().enumerate().map(|(at, name)| {
        let seed = index * SMALL_FILES + at;
        (name.as_str(), Node::file(false, words(seed, SMALL)))
    });
    // Half of the closure compresses as programs and texts do, half not at all.
    let large = if index.is_multiple_of(2) {
        noise
    } else {
        words
    };
    Node::directory([
        ("lib.so", Node::file(true, large(index, LARGE))),
        ("share", Node::directory(small)),
    ])
}

fn write_node(node: &Node<Vec<u8>>, place: &Path) -> eyre::Result<()> {
    match node {
        Node::Directory(entries) => {
            fs::create_dir_all(place)?;
            for (name, child) in entries {
                write_node(child, &place.join(std::str::from_utf8(name)?))?;
            }
        }
        Node::File {
            executable,
            contents,
            ..
        } => {
            use std::os::unix::fs::PermissionsExt as _;
            fs::write(place, contents)?;
            let mode = if *executable { 0o555 } else { 0o444 };
            fs::set_permissions(place, fs::Permissions::from_mode(mode))?;
        }
        Node::Symlink(target) => {
            std::os::unix::fs::symlink(std::str::from_utf8(target)?, place)?;
        }
    }
    Ok(())
}

/// Numbers that look random and are the same every time: Marsaglia's xorshift.
struct Chance(u64);

impl Chance {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn noise(seed: usize, size: usize) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    (0..size).map(|_| chance.next().to_le_bytes()[4]).collect()
}

/// Words of which few are frequent and many are rare.
fn words(seed: usize, size: usize) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let mut text = Vec::with_capacity(size + 32);
    while text.len() < size {
        let rank = (chance.next() % 4096) * (chance.next() % 4096) / 4096;
        let mut word = Chance::new(rank as usize + 1_000_000);
        for _ in 0..3 + word.next() % 8 {
            text.push(b'a' + (word.next() >> 32) as u8 % 26);
        }
        text.push(b' ');
    }
    text.truncate(size);
    text
}
