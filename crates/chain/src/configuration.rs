use alloy_primitives::{Address, B256, U256};
use seed_primitives::System;

/// One builder of a rules configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BuilderEntry {
    /// Its signing address.
    pub address: Address,
    /// Its failure domains; bits 0 to 31 hold exactly its own index bit.
    pub domains: U256,
    /// The systems it is eligible for: bit i is system i.
    pub systems: u64,
}

/// What a `QuorumRules` contract carries at the end of its code (`docs/protocol.md`, "Rules").
///
/// Plain data to be encoded: the contract's constructor refuses what is wrong with it, and whoever reads it
/// back from code repeats every check (`seed-proof`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulesConfiguration {
    /// The systems, strictly ascending.
    pub systems: Vec<System>,
    /// The builders, in the order of their index.
    pub builders: Vec<BuilderEntry>,
    /// SHA-256 of the federation file.
    pub federation: B256,
    /// How many independent builders each system needs.
    pub threshold: u8,
}

impl RulesConfiguration {
    /// The bytes of the configuration.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for system in &self.systems {
            let name = system.as_str().as_bytes();
            let mut word = [0; 32];
            word[0] = name.len() as u8;
            word[1..=name.len()].copy_from_slice(name);
            bytes.extend_from_slice(&word);
        }
        for builder in &self.builders {
            bytes.extend_from_slice(builder.address.as_slice());
            bytes.extend_from_slice(&builder.domains.to_be_bytes::<32>());
            bytes.extend_from_slice(&builder.systems.to_be_bytes());
        }
        bytes.extend_from_slice(self.federation.as_slice());
        bytes.extend_from_slice(&[
            1,
            self.systems.len() as u8,
            self.builders.len() as u8,
            self.threshold,
        ]);
        bytes.extend_from_slice(&[0; 24]);
        let length = (bytes.len() + 4) as u32;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes
    }
}
