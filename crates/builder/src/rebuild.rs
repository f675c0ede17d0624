use std::path::Path;

use seed_nix::{StorePath, nar_hash};

use crate::{
    Difference, Error,
    audit::{load_graph, needed},
    disk::read_tree,
    nix::on_disk,
};

/// Compares every output that `derivation` needed in two stores that built it independently, inputs before
/// users. Returns how many outputs were compared.
///
/// # Errors
/// [`Error::NotReproducible`] names the first derivation in build order whose outputs differ: everything it
/// was built from is still the same.
pub fn compare_builds(first: &Path, second: &Path, derivation: &StorePath) -> Result<usize, Error> {
    let steps = load_graph(first, derivation)?;
    let mut compared = 0;
    for step in needed(&steps) {
        for output in step.outputs.values() {
            let one = hash(first, output)?;
            let other = if on_disk(second, output).symlink_metadata().is_ok() {
                hash(second, output)?.to_string()
            } else {
                "nothing".to_owned()
            };
            if one.to_string() != other {
                return Err(Error::NotReproducible(Box::new(Difference {
                    derivation: step.path.clone(),
                    path: output.clone(),
                    first: one,
                    second: other,
                })));
            }
            compared += 1;
        }
    }
    Ok(compared)
}

fn hash(store: &Path, path: &StorePath) -> Result<seed_primitives::Digest, Error> {
    let place = on_disk(store, path);
    let nar = nar_hash(&read_tree(&place)?).map_err(Error::file("hash", &place))?;
    Ok(nar.digest)
}
