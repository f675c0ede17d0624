use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    sync::Arc,
};

use eyre::eyre;
use seed_image::PackedPath;
use seed_nix::{ClosureEntry, Contents, NarHash, Node, StorePath, nar_hash, nixbase32};
use sha2::{Digest as _, Sha256};

/// What is repeated to fill a file; each path has its own.
const BLOCK: usize = 64 << 10;

/// One recipe: what it needs, how large its output is, and which version it is at.
#[derive(Clone)]
struct Part {
    needs: BTreeSet<usize>,
    size: u64,
    version: u64,
}

/// A made-up closure in which a change rebuilds every user, as Nix does: the application is the last part.
#[derive(Clone)]
pub(crate) struct Blueprint {
    parts: Vec<Part>,
}

/// File contents that are made while they are read.
#[derive(Clone, Debug)]
pub(crate) struct Filling {
    head: Arc<[u8]>,
    block: Arc<[u8]>,
    size: u64,
}

struct Pouring<'a> {
    from: &'a Filling,
    at: u64,
}

/// NAR hashes by path: a path says all about its contents, so each is computed once.
pub(crate) type Hashes = BTreeMap<StorePath, NarHash>;

impl Blueprint {
    /// `count` paths of `bytes` in all. Sizes fall off as one over the rank; every part needs a few earlier
    /// ones, half of them among the first ten, as a closure leans on its C library; the application has a
    /// five-hundredth of the bytes and reaches everything.
    pub(crate) fn new(count: usize, bytes: u64) -> Self {
        let mut chance = Chance(7);
        let application = bytes / 500;
        let weight: f64 = (1..count).map(|rank| 1.0 / rank as f64).sum();
        let mut sizes: Vec<u64> = (1..count)
            .map(|rank| ((bytes - application) as f64 / rank as f64 / weight) as u64)
            .collect();
        for at in (1..sizes.len()).rev() {
            sizes.swap(at, chance.below(at + 1));
        }
        let mut parts: Vec<Part> = sizes
            .into_iter()
            .enumerate()
            .map(|(at, size)| Part {
                needs: needs(at, &mut chance),
                size,
                version: 0,
            })
            .collect();
        let used: BTreeSet<usize> = parts.iter().flat_map(|part| part.needs.clone()).collect();
        let needs = (0..parts.len()).filter(|at| !used.contains(at)).collect();
        parts.push(Part {
            needs,
            size: application,
            version: 0,
        });
        Self { parts }
    }

    /// The same with a new version of the application only.
    pub(crate) fn new_application(&self) -> Self {
        self.changed([self.parts.len() - 1])
    }

    /// The same with new versions of `recipes` recipes and of the application, chosen by `round`.
    pub(crate) fn new_recipes(&self, recipes: usize, round: u64) -> Self {
        let mut chance = Chance(0x5eed + round * 1_000 + recipes as u64);
        let mut chosen = BTreeSet::from([self.parts.len() - 1]);
        while chosen.len() <= recipes.min(self.parts.len() - 1) {
            chosen.insert(chance.below(self.parts.len() - 1));
        }
        self.changed(chosen)
    }

    /// A new version is up to a tenth larger or smaller.
    fn changed(&self, which: impl IntoIterator<Item = usize>) -> Self {
        let mut changed = self.clone();
        for at in which {
            let part = &mut changed.parts[at];
            part.version += 1;
            let tenth = part.size / 10;
            let grown = Chance(at as u64 + part.version).below(tenth as usize * 2 + 1) as u64;
            part.size = part.size - tenth + grown;
        }
        changed
    }

    /// The store paths, and the one of the application.
    pub(crate) fn build(
        &self,
        hashes: &mut Hashes,
    ) -> eyre::Result<(Vec<PackedPath<Filling>>, BTreeSet<StorePath>)> {
        let mut built: Vec<PackedPath<Filling>> = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let references: BTreeSet<StorePath> = part
                .needs
                .iter()
                .map(|need| built[*need].entry.path.clone())
                .collect();
            let path = part.path(at, &references)?;
            let node = part.node(&path, &references);
            let nar = match hashes.get(&path) {
                Some(nar) => *nar,
                None => nar_hash(&node)?,
            };
            hashes.insert(path.clone(), nar);
            built.push(PackedPath {
                entry: ClosureEntry { path, nar },
                references,
                node,
            });
        }
        let application = built.last().map(|path| path.entry.path.clone());
        let application = application.ok_or_else(|| eyre!("a closure of nothing"))?;
        Ok((built, BTreeSet::from([application])))
    }
}

fn needs(at: usize, chance: &mut Chance) -> BTreeSet<usize> {
    if at == 0 {
        return BTreeSet::new();
    }
    let count = 1 + chance.below(5);
    (0..count)
        .map(|number| {
            let among = if number % 2 == 0 { at.min(10) } else { at };
            chance.below(among)
        })
        .collect()
}

impl Part {
    /// The hash stands for version and inputs, so it changes with either.
    fn path(&self, at: usize, references: &BTreeSet<StorePath>) -> eyre::Result<StorePath> {
        let name = format!("part-{at:03}-1.{}", self.version);
        let mut hasher = Sha256::new();
        hasher.update(&name);
        references
            .iter()
            .for_each(|path| hasher.update(path.to_string()));
        let hash = nixbase32::encode(&hasher.finalize()[..20]);
        Ok(format!("/nix/store/{hash}-{name}").parse()?)
    }

    fn node(&self, path: &StorePath, references: &BTreeSet<StorePath>) -> Node<Filling> {
        let mut head = format!("{path}\n");
        references
            .iter()
            .for_each(|used| head.push_str(&format!("{used}\n")));
        let digest = Sha256::digest(path.to_string());
        let seed = digest[..8]
            .iter()
            .fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        let mut chance = Chance(seed);
        let block: Vec<u8> = (0..BLOCK / 8)
            .flat_map(|_| chance.next().to_le_bytes())
            .collect();
        let contents = Filling {
            size: self.size.max(head.len() as u64),
            head: head.into_bytes().into(),
            block: block.into(),
        };
        let file = Node::File {
            executable: true,
            size: contents.size,
            contents,
        };
        let bin = Node::Directory(BTreeMap::from([(b"part".to_vec(), file)]));
        Node::Directory(BTreeMap::from([(b"bin".to_vec(), bin)]))
    }
}

impl Contents for Filling {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Pouring { from: self, at: 0 }))
    }
}

impl Read for Pouring<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let head = &self.from.head;
        let left = usize::try_from(self.from.size - self.at).unwrap_or(usize::MAX);
        let piece = match usize::try_from(self.at) {
            Ok(at) if at < head.len() => &head[at..],
            _ => &self.from.block[(self.at % BLOCK as u64) as usize..],
        };
        let length = piece.len().min(out.len()).min(left);
        out[..length].copy_from_slice(&piece[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

/// Numbers that look random and are the same every time (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_replaces_the_part_and_its_users_and_nothing_else() {
        let blueprint = Blueprint::new(60, 10 << 20);
        let mut hashes = Hashes::new();
        let (before, _) = blueprint.build(&mut hashes).unwrap();
        assert_eq!(before.len(), 60);
        let total: u64 = before.iter().map(|path| path.entry.nar.size).sum();
        assert!(((9 << 20)..(11 << 20)).contains(&total), "{total}");
        let names = |closure: &[PackedPath<Filling>]| -> BTreeSet<StorePath> {
            closure.iter().map(|path| path.entry.path.clone()).collect()
        };
        let (after, _) = blueprint.new_application().build(&mut hashes).unwrap();
        assert_eq!(names(&before).difference(&names(&after)).count(), 1);
        let changed = blueprint.new_recipes(1, 3);
        let (after, application) = changed.build(&mut hashes).unwrap();
        let gone: BTreeSet<StorePath> =
            names(&before).difference(&names(&after)).cloned().collect();
        assert!(gone.len() > 1);
        for path in &before {
            let hit = path.references.iter().any(|used| gone.contains(used));
            assert!(!hit || gone.contains(&path.entry.path));
        }
        assert!(names(&after).is_superset(&application));
    }

    #[test]
    fn everything_is_within_reach_of_the_application() {
        let (closure, application) = Blueprint::new(60, 1 << 20)
            .build(&mut Hashes::new())
            .unwrap();
        let by_path: BTreeMap<_, _> = closure
            .iter()
            .map(|path| (&path.entry.path, path))
            .collect();
        let mut todo: Vec<&StorePath> = application.iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(path) = todo.pop() {
            if seen.insert(path) {
                todo.extend(&by_path[path].references);
            }
        }
        assert_eq!(seen.len(), 60);
    }
}
