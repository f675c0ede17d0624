use std::{collections::BTreeSet, hint::black_box, io};

use seed_image::{LAYERING, PACKER, PackedPath, Packer};
use seed_nix::{ClosureEntry, Node, StorePath, nar_hash};
use seed_primitives::{Compression, Recipe};
use sha2::{Digest as _, Sha256};

use crate::contest::{Comparison, Rounds};

const PATHS: usize = 32;
const LARGE: usize = 1 << 20;
const SMALL: usize = 4 << 10;
const SMALL_FILES: usize = 64;
const ROUNDS: Rounds = Rounds {
    rounds: 21,
    calls: 1,
    reference_calls: 1,
};

type Closure = Vec<PackedPath<Vec<u8>>>;

/// Packing, and hashing and packing, beside SHA-256 of as many bytes as must be hashed, on one core. For a
/// layer of plain tar that is each of its bytes once: blob digest and diffID are one digest.
pub(crate) fn compare() -> eyre::Result<Vec<Comparison>> {
    let closure = closure()?;
    let applications: BTreeSet<StorePath> = closure
        .last()
        .map(|path| path.entry.path.clone())
        .into_iter()
        .collect();
    let recipe = Recipe {
        compression: Compression::Tar,
        layering: LAYERING.parse()?,
        packer: PACKER.parse()?,
        previous: None,
        reissue: 0,
    };
    let system = "x86_64-linux".parse()?;
    let packer = Packer::new(&closure, &applications, &recipe, &system, None)?;
    let tar = pack(&packer)?;
    let nar: u64 = closure.iter().map(|path| path.entry.nar.size).sum();
    let bytes = vec![0x5a; usize::try_from(tar + nar)?];
    let (once, both) = (&bytes[..usize::try_from(tar)?], &bytes[..]);
    let name = |what: &str, size: usize| format!("{what} of {} MiB", size >> 20);
    Ok(vec![
        Comparison::run(
            [
                &name("packing tar layers", once.len()),
                &name("SHA-256", once.len()),
            ],
            ROUNDS,
            || pack(&packer).map(drop),
            || sha256(once),
        )?,
        Comparison::run(
            [
                &name("NAR hashes and packing", both.len()),
                &name("SHA-256", both.len()),
            ],
            ROUNDS,
            || {
                for path in &closure {
                    black_box(nar_hash(&path.node)?);
                }
                pack(&packer).map(drop)
            },
            || sha256(both),
        )?,
    ])
}

/// The bytes of all layers.
fn pack(packer: &Packer<'_, Vec<u8>>) -> eyre::Result<u64> {
    let layers = (0..packer.layers())
        .map(|index| packer.write_layer(index, &mut io::sink()))
        .collect::<io::Result<Vec<_>>>()?;
    let size = layers.iter().map(|layer| layer.descriptor.size).sum();
    black_box(packer.finish(layers));
    Ok(size)
}

// The fallible form only keeps one signature for all that is compared.
#[expect(clippy::unnecessary_wraps)]
fn sha256(bytes: &[u8]) -> eyre::Result<()> {
    black_box(Sha256::digest(black_box(bytes)));
    Ok(())
}

/// Store paths in memory, each with one large file and a folder of small ones; every path refers to the one
/// before it.
fn closure() -> eyre::Result<Closure> {
    let mut closure = Closure::new();
    for index in 0..PATHS {
        let path: StorePath = format!("/nix/store/{index:032}-part").parse()?;
        let names: Vec<String> = (0..SMALL_FILES).map(|at| format!("file-{at}")).collect();
        let small = names.iter().enumerate().map(|(at, name)| {
            let seed = index * SMALL_FILES + at;
            (name.as_str(), Node::file(false, noise(seed, SMALL)))
        });
        let node = Node::directory([
            ("lib.so", Node::file(true, noise(index, LARGE))),
            ("share", Node::directory(small)),
        ]);
        closure.push(PackedPath {
            entry: ClosureEntry {
                path,
                nar: nar_hash(&node)?,
            },
            references: closure
                .last()
                .map(|path| path.entry.path.clone())
                .into_iter()
                .collect(),
            node,
        });
    }
    Ok(closure)
}

/// `size` bytes that look random and are the same every time.
fn noise(seed: usize, size: usize) -> Vec<u8> {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..size)
        .map(|_| {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}
