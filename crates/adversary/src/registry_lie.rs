use seed_primitives::Digest;
use seed_testkit::liar::Told;

use crate::{SYSTEMS, Seed, Subject, World, world::BUILDERS};

/// A document of the registry that a lie is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Shelf {
    /// The manifest or index that was asked for.
    Image,
    /// The config of one of its images.
    Config,
    /// The layer of one of its images; only `--deep` reads it.
    Layer,
    /// What leads from the image to its release, by the tag made of its digest.
    Locator,
    /// The list of what refers to the image.
    Referrers,
    /// The attestations.
    Attestations,
    /// The evidence manifest of this builder.
    Evidence(usize),
    /// The statements of this builder.
    Statements(usize),
}

/// What becomes of the document.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// It cannot be had.
    Gone,
    /// Other bytes come in its place.
    Corrupt,
    /// Something about it is not as it must be: refused or not to be had.
    Odd,
    /// Nothing that counts is changed.
    Harmless,
    /// The first answer fails and the next is good.
    Passing,
}

/// A lie of a registry about one document.
#[derive(Clone, Copy, Debug)]
struct ShelfLie {
    lie: &'static str,
    effect: Effect,
    rows: &'static [&'static str],
}

const fn lie(lie: &'static str, effect: Effect, rows: &'static [&'static str]) -> ShelfLie {
    ShelfLie { lie, effect, rows }
}

/// Lies about a document that is asked for by its digest.
const BY_DIGEST: &[ShelfLie] = &[
    lie("status=404", Effect::Gone, &["REG-16", "REG-21"]),
    lie("status=401", Effect::Gone, &["REG-21"]),
    lie("status=403", Effect::Gone, &["REG-21"]),
    lie("status=408", Effect::Gone, &["REG-21"]),
    lie("status=429", Effect::Gone, &["REG-21"]),
    lie("status=500", Effect::Gone, &["REG-21"]),
    lie("status=503", Effect::Gone, &["REG-21"]),
    lie("reset", Effect::Gone, &["REG-21"]),
    lie("truncated", Effect::Gone, &["REG-21"]),
    lie("long-length", Effect::Gone, &["REG-21"]),
    lie("redirect=http://192.0.2.1/x", Effect::Gone, &["REG-12"]),
    lie(
        "redirect=http://169.254.169.254/latest",
        Effect::Gone,
        &["REG-12"],
    ),
    lie("redirect=file:///etc/passwd", Effect::Odd, &["REG-12"]),
    lie("redirect={canary}/elsewhere", Effect::Gone, &["REG-12"]),
    lie("redirect-loop", Effect::Gone, &["REG-12"]),
    lie("challenge={canary}/token", Effect::Gone, &["REG-11"]),
    lie(
        "challenge=http://169.254.169.254/token",
        Effect::Gone,
        &["REG-11"],
    ),
    lie("wrong-bytes", Effect::Corrupt, &["REG-02"]),
    lie("short", Effect::Corrupt, &["REG-02", "REG-21"]),
    lie("body={}", Effect::Corrupt, &["REG-02", "REG-19"]),
    lie("digest-header=sha512:00", Effect::Harmless, &["REG-03"]),
    lie(
        "digest-header=sha256:0000000000000000000000000000000000000000000000000000000000000000",
        Effect::Harmless,
        &["REG-03"],
    ),
    lie(
        "digest-header=../../x",
        Effect::Harmless,
        &["REG-03", "REG-04"],
    ),
    lie("link-loop", Effect::Harmless, &["REG-14"]),
    lie("delay=20", Effect::Harmless, &["REG-21"]),
    lie("status=500#1-1", Effect::Passing, &["REG-21"]),
    lie("reset#1-1", Effect::Passing, &["REG-21"]),
];

/// Lies that cost time: told seldom, and with a deadline of their own.
const COSTLY: &[ShelfLie] = &[
    lie("stall", Effect::Gone, &["REG-13", "REG-21"]),
    lie("drip=1000", Effect::Gone, &["REG-13"]),
    lie("endless", Effect::Odd, &["REG-13"]),
];

/// Lies about a manifest in particular.
const MANIFEST: &[ShelfLie] = &[
    lie(
        "swapped-manifest=v1",
        Effect::Corrupt,
        &["REG-01", "REG-19"],
    ),
    lie("swapped-manifest=strange", Effect::Corrupt, &["REG-19"]),
    lie("content-type=application/json", Effect::Odd, &["REG-06"]),
    lie(
        "content-type=application/vnd.docker.distribution.manifest.v2+json",
        Effect::Odd,
        &["REG-06"],
    ),
];

/// Lies about a list of referrers.
const LIST: &[ShelfLie] = &[
    lie("flood=50", Effect::Corrupt, &["REG-14"]),
    lie("flood=2000", Effect::Corrupt, &["REG-14"]),
    lie("link-loop", Effect::Harmless, &["REG-14"]),
    lie("flood=0", Effect::Gone, &["REG-17"]),
    lie(
        "body={\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:../../x\"}]}",
        Effect::Corrupt,
        &["REG-04", "PAR-14"],
    ),
    lie("status=404", Effect::Gone, &["REG-17"]),
];

/// A lie with the document it is about.
#[derive(Clone, Debug)]
pub struct RegistryLie {
    /// The document.
    pub shelf: Shelf,
    /// What becomes of it.
    pub effect: Effect,
    /// The rows of the threat model.
    pub rows: Vec<&'static str>,
    /// The lie as text, without the paths.
    pub lie: &'static str,
    /// The lie as text, with its occasions.
    pub told: Vec<String>,
    /// Whether it needs a deadline of its own.
    pub costly: bool,
}

/// A lie of the registry about something that `subject` needs.
pub(crate) fn choose(
    seed: &mut Seed,
    world: &World,
    subject: &Subject,
    canary: &str,
) -> Option<RegistryLie> {
    let shelf = match seed.below(12) {
        0 | 1 => Shelf::Image,
        2 => Shelf::Config,
        3 => Shelf::Layer,
        4 => Shelf::Locator,
        5 => Shelf::Referrers,
        6 => Shelf::Attestations,
        7..=9 => Shelf::Evidence(seed.below(3)),
        _ => Shelf::Statements(seed.below(3)),
    };
    let paths = paths(world, subject, shelf)?;
    let costly =
        seed.one_in(1, 60) && matches!(shelf, Shelf::Image | Shelf::Config | Shelf::Evidence(_));
    let lie = match shelf {
        _ if costly => seed.choose(COSTLY),
        Shelf::Referrers => seed.choose(LIST),
        Shelf::Image | Shelf::Evidence(_) if seed.one_in(1, 5) => seed.choose(MANIFEST),
        _ => seed.choose(BY_DIGEST),
    };
    let mut rows = lie.rows.to_vec();
    if matches!(shelf, Shelf::Evidence(_) | Shelf::Statements(_)) && lie.effect == Effect::Gone {
        rows.push("REG-16");
    }
    let text = lie.lie.replace("{canary}", canary);
    let told = paths.iter().map(|path| match text.split_once('#') {
        Some((lie, numbers)) => format!("{lie}@{path}#{numbers}"),
        None => format!("{text}@{path}"),
    });
    Some(RegistryLie {
        shelf,
        effect: lie.effect,
        rows,
        lie: lie.lie,
        told: told.collect(),
        costly,
    })
}

/// Parts of the paths under which a document is asked for; `None` where the subject has no such document.
fn paths(world: &World, subject: &Subject, shelf: Shelf) -> Option<Vec<String>> {
    let images = subject.images(world)?;
    let blob = |bytes: &Vec<u8>| format!("/blobs/{}", Digest::of(bytes));
    let systems = 0..SYSTEMS.len();
    Some(match shelf {
        Shelf::Image => vec![format!("/manifests/{}", subject.pointer(world)?)],
        Shelf::Config => images.configs.iter().map(blob).collect(),
        Shelf::Layer => images.layers.iter().map(blob).collect(),
        Shelf::Locator => systems
            .map(|at| format!("/manifests/seed-{}", images.manifest(at).to_hex()))
            .collect(),
        Shelf::Referrers => systems
            .map(|at| format!("/manifests/sha256-{}", images.manifest(at).to_hex()))
            .collect(),
        Shelf::Attestations => vec!["/manifests/attestation-".to_owned()],
        Shelf::Evidence(at) => vec![format!(
            "/manifests/{}",
            subject.evidence(world, BUILDERS[at])?.0
        )],
        Shelf::Statements(at) => {
            let (_, statements) = subject.evidence(world, BUILDERS[at])?;
            statements
                .iter()
                .map(|digest| format!("/blobs/{digest}"))
                .collect()
        }
    })
}

impl RegistryLie {
    /// The lies as the proxy takes them.
    ///
    /// # Errors
    /// When a text of the tables above is no lie.
    pub fn lies(&self) -> eyre::Result<Vec<Told>> {
        Ok(self
            .told
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_can_be_told() {
        for lie in BY_DIGEST.iter().chain(COSTLY).chain(MANIFEST).chain(LIST) {
            let text = lie.lie.replace("{canary}", "http://127.0.0.1:1");
            assert!(text.parse::<Told>().is_ok(), "{text}");
            assert!(lie.rows.iter().all(|row| row.len() == 6), "{text}");
        }
    }
}
