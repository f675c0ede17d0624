//! Every file of `tests/vectors`, made in memory.

mod configuration;
mod documents;
mod merkle;
mod negative;
mod network;
mod random;
mod records;
mod scene;
mod standing;
mod typed;

use std::collections::BTreeMap;

pub use random::random_digests;
pub use scene::Scene;

/// The vectors: path below `tests/vectors` to the file's text. Pure and the same on every machine.
#[must_use]
pub fn all() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (path, value) in [
        ("source.json", typed::sources()),
        ("merkle.json", merkle::trees()),
        ("typed-data.json", typed::digests()),
        ("record.json", records::golden()),
        ("configuration.json", configuration::golden()),
        ("documents.json", documents::golden()),
        ("random.json", random::digests()),
        ("standing.json", standing::cases()),
        ("network.json", network::golden()),
    ] {
        files.insert(path.to_owned(), pretty(&value));
    }
    for (path, value) in negative::all() {
        files.insert(path, pretty(&value));
    }
    files
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// `0x` and lower-case hex, as every byte string in the vectors is written.
fn hex0x(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}
