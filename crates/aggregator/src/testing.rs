//! Votes and rules for the unit tests, without a chain or a place.

use alloy_primitives::{Address, B256, U256};
use seed_attestation::{Attestation, Domain};
use seed_chain::{BuilderEntry, RulesConfiguration};
use seed_merkle::Leaves;
use seed_primitives::{Digest, Source, System};
use seed_proof::Rules;
use seed_testkit::{attest, keys};

use crate::{Found, LedgerState};

pub(crate) const NAMES: [&str; 3] = ["ada", "bo", "cy"];
pub(crate) const SYSTEMS: [&str; 2] = ["aarch64-linux", "x86_64-linux"];

pub(crate) fn domain() -> Domain {
    Domain {
        chain_id: 1,
        ledger: Address::repeat_byte(1),
    }
}

/// Three independent builders, two of three; `cy` builds for the second system only where `narrow`.
pub(crate) fn state(narrow: bool) -> LedgerState {
    let builders = NAMES.iter().enumerate().map(|(at, name)| BuilderEntry {
        address: keys::builder(name).address(),
        domains: U256::from(1) << at,
        systems: if narrow && *name == "cy" { 2 } else { 3 },
    });
    let configuration = RulesConfiguration {
        systems: SYSTEMS.map(|name| name.parse().unwrap()).to_vec(),
        builders: builders.collect(),
        federation: B256::repeat_byte(7),
        threshold: 2,
    };
    LedgerState {
        rules_address: Address::repeat_byte(2),
        rules: Rules::parse(&[&[0], configuration.to_bytes().as_slice()].concat()).unwrap(),
        revoked: 0,
        sequence: 1,
    }
}

pub(crate) fn source() -> Source {
    Source {
        uri: "https://example.org/acme/app".parse().unwrap(),
        commit: "11".repeat(20).parse().unwrap(),
        nar_hash: Digest::of(b"tree"),
        flake_lock: Digest::of(b""),
        target: "seed".parse().unwrap(),
        recipe: Digest::of(b"recipe"),
    }
}

/// `name` vouches for each of these systems with an image of this content.
pub(crate) fn attestation(name: &str, images: &[(&str, &str)]) -> Attestation {
    let images = images.iter().map(|(system, content)| {
        let system: System = system.parse().unwrap();
        (system, Digest::of(content.as_bytes()))
    });
    let leaves = Leaves::new(images.collect()).unwrap();
    let (rules, evidence) = (Address::repeat_byte(2), Digest::of(b"evidence"));
    attest(name, &domain(), rules, &source(), &leaves, evidence)
}

pub(crate) fn found<T>(document: T, origin: &str) -> Found<T> {
    Found {
        document,
        origin: origin.to_owned(),
    }
}
