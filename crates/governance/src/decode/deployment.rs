use alloy_primitives::{Address, B256, U256};
use seed_primitives::BuilderId;
use serde::Deserialize;

use super::{Names, SafeFacts};

/// What decoding and simulating need of a deployment file; the other fields are other programs'.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentFacts {
    /// The chain id.
    pub chain_id: u64,
    /// The hash of block 0.
    pub genesis_hash: B256,
    /// The block before the first transaction of the deployment.
    #[serde(default)]
    pub block: u64,
    /// The hash of the ledger's code.
    pub ledger_code_hash: B256,
    ledger: Address,
    rules: Address,
    timelock: Address,
    #[serde(default)]
    timelock_delay: Option<u64>,
    #[serde(default)]
    proposer: Option<Address>,
    guardian: Address,
    #[serde(default)]
    safes: Safes,
    #[serde(default)]
    safe_contracts: Option<SafeContracts>,
    federation: Federation,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Safes {
    #[serde(default)]
    proposer: Option<Safe>,
    #[serde(default)]
    guardian: Option<Safe>,
}

#[derive(Clone, Debug, Deserialize)]
struct Safe {
    owners: Vec<Address>,
    threshold: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SafeContracts {
    singleton: Address,
    proxy_factory: Address,
    fallback_handler: Address,
}

#[derive(Clone, Debug, Deserialize)]
struct Federation {
    builders: Vec<Builder>,
}

#[derive(Clone, Debug, Deserialize)]
struct Builder {
    name: String,
    address: BuilderId,
}

impl DeploymentFacts {
    /// Reads the JSON of a deployment file.
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| error.to_string())
    }

    /// The contract whose code the Safes run.
    #[must_use]
    pub fn singleton(&self) -> Option<Address> {
        self.safe_contracts.as_ref().map(|one| one.singleton)
    }

    /// The timelock.
    #[must_use]
    pub const fn timelock(&self) -> Address {
        self.timelock
    }

    /// Who is who.
    #[must_use]
    pub fn names(&self) -> Names {
        let mut names = Names::none();
        names.set_chain_id(self.chain_id);
        names.set_ledger(self.ledger);
        names.set_timelock(self.timelock, self.timelock_delay.map(U256::from));
        if let Some(proposer) = self.proposer {
            names.set_proposer(proposer, facts(self.safes.proposer.as_ref()));
        }
        names.set_guardian(self.guardian, facts(self.safes.guardian.as_ref()));
        names.name(self.rules, "first rules");
        if let Some(contracts) = &self.safe_contracts {
            names.name(contracts.singleton, "Safe singleton");
            names.name(contracts.proxy_factory, "Safe proxy factory");
            names.set_handler(contracts.fallback_handler);
        }
        for builder in &self.federation.builders {
            names.builder(builder.address.address(), &builder.name);
        }
        names
    }
}

fn facts(safe: Option<&Safe>) -> SafeFacts {
    safe.map_or_else(SafeFacts::default, |safe| SafeFacts {
        owners: safe.owners.clone(),
        threshold: Some(safe.threshold),
    })
}
