use alloy::sol_types::SolValue as _;
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use seed_chain::{BuilderEntry, Bytecode, RulesConfiguration};
use seed_primitives::System;
use seed_proof::Rules;

use super::{Federation, FederationError};

/// The first bit of `domains` that stands for a named failure domain; below it are the builders' own.
const FIRST_DOMAIN: usize = 32;
/// The contract that deploys any code at an address that follows from the code (Arachnid's deterministic deployment
/// proxy, at the same address on every chain that has it).
const FACTORY: Address = address!("4e59b44847b379578588920ca78fbf26c0b4956c");

/// A federation as the rules hold it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What stands at the end of the rules' code.
    pub configuration: RulesConfiguration,
    /// What each bit of `domains` means, bit 32 first.
    pub domains: Vec<String>,
    /// The rules' runtime code: logic, then configuration.
    pub code: Bytes,
    /// The code as everybody else reads it.
    pub rules: Rules,
}

impl Compiled {
    pub(super) fn new(federation: &Federation) -> Result<Self, FederationError> {
        if federation.systems.len() > 64 {
            return Err(FederationError::TooManySystems(federation.systems.len()));
        }
        if federation.builders.len() > FIRST_DOMAIN {
            return Err(FederationError::TooManyBuilders(federation.builders.len()));
        }
        let mut domains: Vec<String> = Vec::new();
        let mut builders = Vec::new();
        for (index, builder) in federation.builders.iter().enumerate() {
            let mut bits = U256::ONE << index;
            for name in builder.domain_names() {
                let place = domains
                    .iter()
                    .position(|known| *known == name)
                    .unwrap_or(domains.len());
                if place == domains.len() {
                    domains.push(name);
                }
                // Too many are refused below; a shift past the word is zero, never a panic.
                bits |= U256::ONE << (FIRST_DOMAIN + place);
            }
            builders.push(BuilderEntry {
                address: builder.address.address(),
                domains: bits,
                systems: mask(&federation.systems, builder.systems.as_deref()),
            });
        }
        if domains.len() > 256 - FIRST_DOMAIN {
            return Err(FederationError::TooManyDomains(domains.len()));
        }
        let configuration = RulesConfiguration {
            systems: federation.systems.clone(),
            builders,
            federation: federation.digest(),
            threshold: federation.threshold,
        };
        let logic = Bytecode::rules().logic_code();
        let code = Bytes::from([logic.as_ref(), &configuration.to_bytes()].concat());
        Ok(Self {
            rules: Rules::parse(&code)?,
            configuration,
            domains,
            code,
        })
    }

    /// Keccak-256 of the rules' code.
    #[must_use]
    pub fn code_hash(&self) -> B256 {
        keccak256(&self.code)
    }

    /// What deploys the rules: their constructor and the configuration.
    #[must_use]
    pub fn init_code(&self) -> Bytes {
        let argument = Bytes::from(self.configuration.to_bytes());
        let creation = Bytecode::rules().creation_code;
        [creation.as_ref(), &(argument,).abi_encode_params()]
            .concat()
            .into()
    }

    /// Where the rules are once they are deployed, on any chain: their address follows from their code.
    #[must_use]
    pub fn address(&self) -> Address {
        FACTORY.create2(B256::ZERO, keccak256(self.init_code()))
    }

    /// The call that deploys them there, for anybody to send.
    #[must_use]
    pub fn deployment(&self) -> (Address, Bytes) {
        let data = [B256::ZERO.as_slice(), &self.init_code()].concat();
        (FACTORY, data.into())
    }

    /// What bit `bit` of `domains` means, 0 to 255.
    #[must_use]
    pub fn domain(&self, bit: usize) -> Option<&str> {
        let place = bit.checked_sub(FIRST_DOMAIN)?;
        self.domains.get(place).map(String::as_str)
    }

    /// The names of the domains in a mask, lowest bit first.
    #[must_use]
    pub fn names(&self, mask: U256) -> Vec<&str> {
        let all = self.domains.iter().enumerate();
        all.filter(|(place, _)| mask.bit(FIRST_DOMAIN + place))
            .map(|(_, name)| name.as_str())
            .collect()
    }
}

/// The systems as bits; all where none are named.
fn mask(all: &[System], some: Option<&[System]>) -> u64 {
    let named = all
        .iter()
        .enumerate()
        .filter(|(_, system)| some.is_none_or(|some| some.contains(system)));
    named.fold(0, |mask, (place, _)| mask | 1_u64 << place)
}
