use std::error::Error;

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_chain::{
    BuilderEntry, ChainError, Endpoint, RulesConfiguration, Wallet, ledger_code_hash, logic_hash,
};
use seed_primitives::{
    BuilderId, DeployedBuilder, DeployedFederation, Deployment, Digest, Environment, System,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{chain::LocalChain, keys};

/// The first bit of `domains` that stands for a named failure domain.
const FIRST_DOMAIN: usize = 32;

/// A federation: who builds, what they have in common, and how many must agree. A TOML file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// How many independent builders each system needs.
    pub threshold: u8,
    /// The systems, strictly ascending.
    pub systems: Vec<System>,
    /// The builders, in the order of their index.
    pub builders: Vec<FederationBuilder>,
}

/// One builder of a federation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FederationBuilder {
    /// Its name.
    pub name: String,
    /// Its signing address.
    pub address: BuilderId,
    /// What it may fail together with, by name: parent, jurisdiction, bloc, infrastructure, issuer, custody.
    pub domains: Vec<String>,
    /// The systems it builds; all of them where the field is absent.
    pub systems: Option<Vec<System>>,
}

/// Why a federation cannot be written as rules.
#[derive(Debug, Error)]
pub enum FederationError {
    /// The file is not in its form.
    #[error("the federation file: {0}")]
    Form(#[from] toml::de::Error),
    /// A builder names a system the federation does not have.
    #[error("builder {builder} is for {system}, which the federation does not list")]
    UnknownSystem {
        /// The builder.
        builder: String,
        /// The system.
        system: System,
    },
    /// There are more systems than a mask has bits.
    #[error("{0} systems are listed, 64 fit")]
    TooManySystems(usize),
    /// There are more named domains than bits.
    #[error("{0} failure domains are named, 224 fit")]
    TooManyDomains(usize),
}

impl Federation {
    /// The rules configuration of the federation file `text`; each named domain gets a bit in the order of
    /// first appearance.
    ///
    /// # Errors
    /// [`FederationError`].
    pub fn configuration(text: &str) -> Result<(Self, RulesConfiguration), FederationError> {
        let federation: Self = toml::from_str(text)?;
        if federation.systems.len() > 64 {
            return Err(FederationError::TooManySystems(federation.systems.len()));
        }
        let mut names: Vec<&str> = Vec::new();
        let mut builders = Vec::new();
        for (index, builder) in federation.builders.iter().enumerate() {
            let mut domains = U256::from(1) << index;
            for name in &builder.domains {
                let bit = names
                    .iter()
                    .position(|known| known == name)
                    .unwrap_or_else(|| {
                        names.push(name);
                        names.len() - 1
                    });
                domains |= U256::from(1) << (FIRST_DOMAIN + bit);
            }
            let systems = federation.mask(builder)?;
            builders.push(BuilderEntry {
                address: builder.address.address(),
                domains,
                systems,
            });
        }
        if names.len() > 256 - FIRST_DOMAIN {
            return Err(FederationError::TooManyDomains(names.len()));
        }
        let configuration = RulesConfiguration {
            systems: federation.systems.clone(),
            builders,
            federation: B256::new(*Digest::of(text.as_bytes()).as_bytes()),
            threshold: federation.threshold,
        };
        Ok((federation, configuration))
    }

    /// The federation as a deployment file has it; `sha256` is the digest of its own file.
    fn deployed(&self, sha256: B256) -> DeployedFederation {
        let builders = self.builders.iter();
        DeployedFederation {
            sha256: Some(sha256),
            threshold: self.threshold,
            systems: self.systems.clone(),
            builders: builders
                .map(|one| DeployedBuilder {
                    name: one.name.clone(),
                    address: one.address,
                    domains: one.domains.clone(),
                    systems: one.systems.clone(),
                })
                .collect(),
        }
    }

    fn mask(&self, builder: &FederationBuilder) -> Result<u64, FederationError> {
        let mut mask = 0;
        for system in builder.systems.as_ref().unwrap_or(&self.systems) {
            let bit = self
                .systems
                .iter()
                .position(|known| known == system)
                .ok_or_else(|| FederationError::UnknownSystem {
                    builder: builder.name.clone(),
                    system: system.clone(),
                })?;
            mask |= 1u64 << bit;
        }
        Ok(mask)
    }
}

/// The federation file of these builders, each with its name and whom it belongs to.
#[must_use]
pub fn federation_text(builders: &[(&str, &str)], systems: &[&str], threshold: u8) -> String {
    let mut text = format!("threshold = {threshold}\nsystems = {systems:?}\n");
    for (name, domain) in builders {
        let address = keys::builder(name);
        text += &format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{address}\"\ndomains = [\"{domain}\"]\n"
        );
    }
    text
}

/// Deploys the contracts of the federation file `text` on a local chain, with a timelock of a minute and the guardian
/// `keys::signer("guardian")`.
///
/// # Errors
/// When it is no federation, or the chain refuses.
pub async fn deploy_locally(
    chain: &LocalChain,
    text: &str,
) -> Result<Deployment, Box<dyn Error + Send + Sync>> {
    let (federation, configuration) = Federation::configuration(text)?;
    let (wallet, endpoint) = (chain.wallet()?, chain.endpoint()?);
    let guardian = keys::signer("guardian").address();
    Ok(deploy(
        &wallet,
        &endpoint,
        guardian,
        60,
        &federation,
        &configuration,
    )
    .await?)
}

/// Deploys a timelock, rules and a ledger from `wallet`, which becomes the proposer, with `guardian`.
///
/// For development: the delay is the caller's choice, one proposer is one key, and nothing is deterministic.
///
/// # Errors
/// Any [`ChainError`]; what was deployed before the failure stays and costs nothing but gas.
pub async fn deploy(
    wallet: &Wallet,
    endpoint: &Endpoint,
    guardian: Address,
    delay: u64,
    federation: &Federation,
    configuration: &RulesConfiguration,
) -> Result<Deployment, ChainError> {
    let timelock = deployed(wallet.deploy_timelock(delay, &[wallet.account()]).await?)?;
    let mined = wallet.deploy_rules(configuration).await?;
    let rules = deployed(mined)?;
    let head = endpoint.latest_header().await?;
    let rules_code_hash = keccak256(endpoint.code(rules, head.hash).await?);
    let ledger = wallet
        .deploy_ledger(timelock, guardian, rules, rules_code_hash)
        .await?;
    Ok(Deployment {
        schema_version: 1,
        environment: Environment::Development,
        block: 0,
        timelock_delay: Some(delay),
        proposer: Some(wallet.account()),
        safes: None,
        safe_contracts: None,
        chain_id: endpoint.chain_id().await?,
        genesis_hash: endpoint.genesis_hash().await?,
        ledger: deployed(ledger)?,
        ledger_code_hash: ledger_code_hash(timelock, guardian),
        rules,
        rules_code_hash,
        rules_logic_hash: logic_hash(),
        timelock,
        guardian,
        federation: federation.deployed(configuration.federation),
    })
}

fn deployed(mined: seed_chain::Mined) -> Result<Address, ChainError> {
    mined.contract.ok_or_else(|| ChainError::Reverted {
        reason: "no contract was made".to_owned(),
    })
}
