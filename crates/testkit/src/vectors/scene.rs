use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, keccak256};
use seed_attestation::{
    Attestation, Domain, Entry, NixDriver, Record, ReleaseData, Run, Statement, SystemDigest,
};
use seed_merkle::Leaves;
use seed_primitives::{Compression, Digest, Recipe, Source, System};

use crate::keys;

/// One consistent story that all vectors tell parts of: two systems, three builders, one release.
#[derive(Clone, Copy, Debug)]
pub struct Scene;

impl Scene {
    /// The builders, in the order of the rules.
    pub const BUILDERS: [&'static str; 3] = ["ada", "bo", "cy"];

    /// The chain and ledger.
    #[must_use]
    pub fn domain() -> Domain {
        Domain {
            chain_id: 31337,
            ledger: Address::from_word(keccak256("nix-seed test ledger")),
        }
    }

    /// The address of the rules.
    #[must_use]
    pub fn rules() -> Address {
        Address::from_word(keccak256("nix-seed test rules"))
    }

    /// The code hash of the rules.
    #[must_use]
    pub fn rules_code_hash() -> B256 {
        keccak256("nix-seed test rules code")
    }

    /// The recipe.
    ///
    /// # Panics
    /// Never: the texts are fixed.
    #[must_use]
    pub fn recipe() -> Recipe {
        Recipe {
            compression: Compression::TarZstd,
            layering: "repull:40".parse().expect("fixed"),
            packer: "nix-seed/1".parse().expect("fixed"),
            previous: None,
            reissue: 0,
        }
    }

    /// The source.
    ///
    /// # Panics
    /// Never: the texts are fixed.
    #[must_use]
    pub fn source() -> Source {
        Source {
            uri: "https://example.org/acme/App".parse().expect("fixed"),
            commit: "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("fixed"),
            nar_hash: Digest::of(b"a raw git tree"),
            flake_lock: Digest::of(b""),
            target: "examples/bootstrap#seed".parse().expect("fixed"),
            recipe: Self::recipe().digest(),
        }
    }

    /// The systems with their image digests, ascending.
    ///
    /// # Panics
    /// Never: the texts are fixed.
    #[must_use]
    pub fn images() -> Vec<(System, Digest)> {
        ["aarch64-linux", "x86_64-linux"]
            .map(|name| {
                (
                    name.parse().expect("fixed"),
                    Digest::of(format!("image {name}").as_bytes()),
                )
            })
            .to_vec()
    }

    /// The leaves of the systems in `mask`.
    ///
    /// # Panics
    /// When `mask` selects nothing.
    #[must_use]
    pub fn leaves(mask: u64) -> Leaves {
        let images = Self::images().into_iter().enumerate();
        let chosen = images
            .filter(|(bit, _)| mask >> bit & 1 == 1)
            .map(|(_, leaf)| leaf);
        Leaves::new(chosen.collect()).expect("fixed")
    }

    /// The digest of the evidence of the builder called `name`.
    #[must_use]
    pub fn evidence(name: &str) -> Digest {
        Digest::of(format!("evidence of {name}").as_bytes())
    }

    /// The attestation of the builder called `name` over the systems in `mask`.
    #[must_use]
    pub fn attestation(name: &str, mask: u64) -> Attestation {
        let (domain, leaves) = (Self::domain(), Self::leaves(mask));
        let evidence = Self::evidence(name);
        let release = Self::source().release();
        let digest = domain.attestation_digest(&release, &leaves.root(), &evidence, Self::rules());
        let systems = leaves.as_slice().iter();
        Attestation {
            source: Self::source(),
            systems: systems
                .map(|(s, d)| SystemDigest {
                    system: s.clone(),
                    digest: *d,
                })
                .collect(),
            evidence,
            rules: Self::rules(),
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: keys::builder(name),
            signature: keys::sign(name, &digest),
        }
    }

    /// The record: `ada` built both systems, `cy` only `x86_64-linux`, `bo` both.
    #[must_use]
    pub fn record() -> Record {
        let masks = [0b11, 0b11, 0b10];
        let entries = Self::BUILDERS
            .iter()
            .zip(masks)
            .zip(0..)
            .map(|((name, systems), index)| Entry {
                index,
                builder: keys::builder(name),
                systems,
                evidence: Self::evidence(name),
            });
        Record {
            sequence: 7,
            timestamp: 1_790_000_000,
            root: Self::leaves(0b11).root(),
            rules_code_hash: Self::rules_code_hash(),
            rules: Self::rules(),
            entries: entries.collect(),
            digests: Self::images()
                .into_iter()
                .map(|(_, digest)| digest)
                .collect(),
        }
    }

    /// The event data of the record.
    #[must_use]
    pub fn release_data() -> ReleaseData {
        let record = Self::record();
        let entries = Self::BUILDERS.iter().zip(&record.entries);
        let signatures =
            entries.map(|(name, entry)| Self::attestation(name, entry.systems).signature);
        ReleaseData {
            signatures: signatures.collect(),
            record,
        }
    }

    /// The statement of the builder called `name` about the `x86_64-linux` image.
    ///
    /// # Panics
    /// Never: the texts are fixed.
    #[must_use]
    pub fn statement(name: &str) -> Statement {
        let settings = [
            ("sandbox", "true"),
            ("substituters", ""),
            ("trusted-substituters", ""),
        ];
        Statement {
            image: Digest::of(b"image x86_64-linux"),
            source: Self::source(),
            recipe: Self::recipe(),
            system: "x86_64-linux".parse().expect("fixed"),
            closure: Digest::of(b"closure"),
            audit: Digest::of(b"audit"),
            sbom: Digest::of(b"sbom"),
            chain_id: Self::domain().chain_id,
            builder: keys::builder(name),
            nix: NixDriver {
                version: "2.26.3".to_owned(),
                settings: settings
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            },
            run: Run {
                id: format!("{name}-1"),
                started: "2026-01-01T00:00:00Z".to_owned(),
                finished: "2026-01-01T00:01:00Z".to_owned(),
            },
        }
    }
}
