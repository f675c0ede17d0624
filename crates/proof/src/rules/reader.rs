use alloy_primitives::{Address, B256, U256};
use seed_primitives::{BuilderId, System};

use super::{MAX_BUILDERS, MAX_SYSTEMS, RulesBuilder, RulesError, all_systems};

const WORD: usize = 32;
const BUILDER: usize = 60;
const VERSION: u8 = 1;

/// Reads a configuration front to back, after its final word gave the counts.
pub(super) struct Reader<'a> {
    logic: &'a [u8],
    rest: &'a [u8],
    systems: usize,
    builders: usize,
    threshold: u8,
}

impl<'a> Reader<'a> {
    /// Splits code into logic and configuration by the final word.
    pub(super) fn new(code: &'a [u8]) -> Result<Self, RulesError> {
        let Some((_, last)) = code.split_last_chunk::<WORD>() else {
            return Err(RulesError::Length {
                found: code.len(),
                expected: WORD,
            });
        };
        let [
            version,
            systems,
            builders,
            threshold,
            flags @ ..,
            a,
            b,
            c,
            d,
        ] = *last;
        let (systems, builders) = (usize::from(systems), usize::from(builders));
        if version != VERSION {
            return Err(RulesError::Version(version));
        }
        if flags != [0; 24] {
            return Err(RulesError::Flags);
        }
        if !(1..=MAX_SYSTEMS).contains(&systems) {
            return Err(RulesError::SystemCount(systems));
        }
        if !(1..=MAX_BUILDERS).contains(&builders) {
            return Err(RulesError::BuilderCount(builders));
        }
        let length = WORD * systems + BUILDER * builders + 2 * WORD;
        let written = u32::from_be_bytes([a, b, c, d]) as usize;
        if written != length {
            return Err(RulesError::Length {
                found: written,
                expected: length,
            });
        }
        let start = code.len().checked_sub(length).ok_or(RulesError::Length {
            found: code.len(),
            expected: length,
        })?;
        let (logic, rest) = code.split_at(start);
        if logic.is_empty() {
            return Err(RulesError::NoLogic);
        }
        if threshold < 2 {
            return Err(RulesError::Threshold(threshold));
        }
        Ok(Self {
            logic,
            rest,
            systems,
            builders,
            threshold,
        })
    }

    pub(super) const fn logic(&self) -> &'a [u8] {
        self.logic
    }

    pub(super) const fn threshold(&self) -> u8 {
        self.threshold
    }

    pub(super) fn word(&mut self) -> B256 {
        B256::new(self.take())
    }

    pub(super) fn systems(&mut self) -> Result<Vec<System>, RulesError> {
        let mut systems: Vec<System> = Vec::with_capacity(self.systems);
        for index in 0..self.systems {
            let word = self.word();
            let system = system(&word).ok_or(RulesError::SystemName { index, word })?;
            if systems.last().is_some_and(|before| *before >= system) {
                return Err(RulesError::SystemOrder { index });
            }
            systems.push(system);
        }
        Ok(systems)
    }

    pub(super) fn builders(&mut self, systems: usize) -> Result<Vec<RulesBuilder>, RulesError> {
        let mut builders: Vec<RulesBuilder> = Vec::with_capacity(self.builders);
        for index in 0..self.builders {
            let builder = self.builder(index, systems)?;
            let same = |one: &RulesBuilder| one.builder == builder.builder;
            if let Some(first) = builders.iter().position(same) {
                return Err(RulesError::DuplicateBuilder {
                    first,
                    second: index,
                });
            }
            builders.push(builder);
        }
        Ok(builders)
    }

    fn builder(&mut self, index: usize, count: usize) -> Result<RulesBuilder, RulesError> {
        let address = Address::new(self.take());
        let domains = U256::from_be_bytes(self.take::<32>());
        let mask = u64::from_be_bytes(self.take());
        let builder = BuilderId::from_address(address).ok_or(RulesError::ZeroBuilder { index })?;
        if domains & U256::from(u32::MAX) != U256::from(1) << index {
            return Err(RulesError::Domains { index, domains });
        }
        if mask == 0 || mask & !all_systems(count) != 0 {
            return Err(RulesError::Eligibility { index, mask, count });
        }
        Ok(RulesBuilder {
            builder,
            domains,
            systems: mask,
        })
    }

    /// The next bytes. The length was checked to be exactly what the counts demand.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.rest.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                *bytes
            }
            None => [0; N],
        }
    }
}

/// The system of `u8 length ‖ name ‖ zeros`.
fn system(word: &B256) -> Option<System> {
    let (length, rest) = word.split_first()?;
    let (name, zeros) = rest.split_at_checked(usize::from(*length))?;
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}
