//! The rules, read from their code.

mod error;
mod reader;

use alloy_primitives::{B256, U256, keccak256};
use seed_primitives::{BuilderId, System};

pub use error::RulesError;

use reader::Reader;

/// The most bytes of code that are read.
pub const MAX_CODE_BYTES: usize = 64 * 1024;
/// The most builders: the revoked bitmap has 32 bits.
pub const MAX_BUILDERS: usize = 32;
/// The most systems: masks have 64 bits.
pub const MAX_SYSTEMS: usize = 64;

/// A configuration of rules that passed every check of their constructor (DESIGN §4, `QuorumRules`).
///
/// Only [`Rules::parse`] makes one. It says what the configuration is, not that the logic before it is known:
/// compare `logic_hash`, or `code_hash` for both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    systems: Vec<System>,
    builders: Vec<RulesBuilder>,
    federation: B256,
    threshold: u8,
    logic_hash: B256,
    code_hash: B256,
}

/// A builder as the rules name it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RulesBuilder {
    /// The address of its key.
    pub builder: BuilderId,
    /// Bits 0 to 31: exactly its own index; bits 32 to 255: failure domains, named by the federation file.
    pub domains: U256,
    /// Bit i from the least significant: it is eligible for system i.
    pub systems: u64,
}

impl Rules {
    /// Reads the configuration at the end of `code` (the runtime code of rules) and repeats every check.
    ///
    /// # Errors
    /// [`RulesError`], one variant per check.
    pub fn parse(code: &[u8]) -> Result<Self, RulesError> {
        if code.len() > MAX_CODE_BYTES {
            return Err(RulesError::TooLong(code.len()));
        }
        if code.first() == Some(&0xef) {
            return Err(RulesError::Prefix);
        }
        let mut reader = Reader::new(code)?;
        let systems = reader.systems()?;
        let builders = reader.builders(systems.len())?;
        let rules = Self {
            federation: reader.word(),
            threshold: reader.threshold(),
            logic_hash: keccak256(reader.logic()),
            code_hash: keccak256(code),
            systems,
            builders,
        };
        rules.check_majority()?;
        Ok(rules)
    }

    /// The systems, strictly ascending; their positions are the bits of every mask.
    #[must_use]
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// The builders in the order of their indices.
    #[must_use]
    pub fn builders(&self) -> &[RulesBuilder] {
        &self.builders
    }

    /// The index of a builder, if the rules name it.
    #[must_use]
    pub fn index_of(&self, builder: &BuilderId) -> Option<usize> {
        self.builders.iter().position(|one| one.builder == *builder)
    }

    /// The position of a system, if the rules name it.
    #[must_use]
    pub fn position_of(&self, system: &System) -> Option<usize> {
        self.systems.iter().position(|one| one == system)
    }

    /// SHA-256 of the federation file that names every domain bit.
    #[must_use]
    pub const fn federation(&self) -> B256 {
        self.federation
    }

    /// N: how many independent builders each system needs; at least 2.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Keccak-256 of the code before the configuration.
    #[must_use]
    pub const fn logic_hash(&self) -> B256 {
        self.logic_hash
    }

    /// Keccak-256 of the whole code, as the ledger records it.
    #[must_use]
    pub const fn code_hash(&self) -> B256 {
        self.code_hash
    }

    /// The mask with a bit for every system.
    #[must_use]
    pub fn all_systems(&self) -> u64 {
        all_systems(self.systems.len())
    }

    fn check_majority(&self) -> Result<(), RulesError> {
        for index in 0..self.systems.len() {
            let eligible = self.builders.iter();
            let eligible = eligible.filter(|one| one.systems >> index & 1 == 1).count();
            let threshold = usize::from(self.threshold);
            if 2 * threshold <= eligible || threshold > eligible {
                return Err(RulesError::Majority {
                    index,
                    threshold: self.threshold,
                    eligible,
                });
            }
        }
        Ok(())
    }
}

/// What stands in `code` before a configuration of the length that its last four bytes state, whether or not that
/// configuration is good; `None` where there is no such length. For saying *which* logic has a bad configuration.
#[must_use]
pub fn logic_of(code: &[u8]) -> Option<&[u8]> {
    let (_, length) = code.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    code.get(..code.len().checked_sub(length)?)
}

/// The mask with a bit for each of `count` systems.
fn all_systems(count: usize) -> u64 {
    if count >= MAX_SYSTEMS {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}
