use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use eyre::eyre;
use seed_image::{Layout, PACKER, PackedPath, Packer};
use seed_nix::StorePath;
use seed_primitives::{Compression, Digest, Recipe, System};

use crate::closure::Filling;

/// A way to arrange store paths in layers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rule {
    /// Expected re-pull cost, in at most so many layers.
    Repull(usize),
    /// The same, with the layers of the last image kept where they can be.
    RepullAfter(usize),
    /// The most used paths alone, all others in one layer.
    Popularity(usize),
    /// Each path in a layer of its own: the least that can be pulled, and more layers than can be mounted.
    Single,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repull(limit) => write!(f, "repull:{limit}"),
            Self::RepullAfter(limit) => write!(f, "repull:{limit} --previous"),
            Self::Popularity(limit) => write!(f, "popularity, {limit}"),
            Self::Single => f.write_str("one path per layer"),
        }
    }
}

type Closure = [PackedPath<Filling>];

impl Rule {
    /// A packer that arranges `closure` so, after an image with layout `last`.
    pub(crate) fn packer<'a>(
        self,
        closure: &'a Closure,
        applications: &BTreeSet<StorePath>,
        last: Option<&Layout>,
    ) -> eyre::Result<Packer<'a, Filling>> {
        let system: System = "x86_64-linux".parse()?;
        let (limit, last) = match self {
            Self::Repull(limit) => (limit, None),
            Self::RepullAfter(limit) => (limit, last),
            Self::Popularity(limit) => {
                // One layer is the database's.
                let layout = popularity(closure, limit - 1)?;
                let packer =
                    Packer::with_layout(closure, applications, Compression::Tar, &system, &layout);
                return Ok(packer?);
            }
            Self::Single => {
                let layers = closure.iter().map(|path| [path.entry.path.clone()].into());
                let layout = Layout::new(layers).ok_or_else(|| eyre!("a path twice"))?;
                let packer =
                    Packer::with_layout(closure, applications, Compression::Tar, &system, &layout);
                return Ok(packer?);
            }
        };
        let recipe = Recipe {
            compression: Compression::Tar,
            layering: format!("repull:{limit}").parse()?,
            packer: PACKER.parse()?,
            // Which image it was does not matter here, only its layout.
            previous: last.map(|_| Digest::of(b"the last image")),
            reissue: 0,
        };
        Ok(Packer::new(closure, applications, &recipe, &system, last)?)
    }
}

/// The paths that are reached in the most ways, each alone, and the rest together: how images of Nix closures
/// are commonly layered.
fn popularity(closure: &Closure, limit: usize) -> eyre::Result<Layout> {
    let mut users: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    for path in closure {
        for used in path
            .references
            .iter()
            .filter(|used| **used != path.entry.path)
        {
            users.entry(used).or_default().push(&path.entry.path);
        }
    }
    // A closure lists what is needed before what needs it, so users come before in reverse.
    let mut ways: BTreeMap<&StorePath, u128> = BTreeMap::new();
    for path in closure.iter().rev() {
        let over = users.get(&path.entry.path).into_iter().flatten();
        let sum = over.fold(1u128, |sum, user| {
            sum.saturating_add(ways.get(user).copied().unwrap_or(0))
        });
        ways.insert(&path.entry.path, sum);
    }
    let mut order: Vec<(&StorePath, u128)> = ways.into_iter().collect();
    order.sort_by_key(|(path, ways)| (std::cmp::Reverse(*ways), *path));
    let (alone, rest) = order.split_at(order.len().min(limit - 1));
    let mut layers: Vec<BTreeSet<StorePath>> = alone
        .iter()
        .map(|(path, _)| [(*path).clone()].into())
        .collect();
    layers.push(rest.iter().map(|(path, _)| (*path).clone()).collect());
    Layout::new(layers).ok_or_else(|| eyre!("a path twice"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closure::{Blueprint, Hashes};

    #[test]
    fn every_rule_holds_its_limit_and_every_path() {
        let (closure, applications) = Blueprint::new(60, 1 << 20)
            .build(&mut Hashes::new())
            .unwrap();
        for (rule, most) in [
            (Rule::Repull(20), 20),
            (Rule::Popularity(20), 20),
            (Rule::Single, 61),
        ] {
            let packer = rule.packer(&closure, &applications, None).unwrap();
            assert!(packer.layers() <= most, "{rule}");
            let paths: usize = packer.layout().layers().iter().map(BTreeSet::len).sum();
            assert_eq!(paths, 60, "{rule}");
        }
    }
}
