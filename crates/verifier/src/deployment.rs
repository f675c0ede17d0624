use std::{fs::File, io::Read as _, path::Path};

use alloy_primitives::{Address, B256};
use seed_primitives::{BuilderId, address_text, bytes32_text};
use seed_verdict::{Anchor, KnownBuilder};
use serde::Deserialize;

use crate::Fault;

const MAX_BYTES: u64 = 1 << 20;

/// What a deployment of the contracts says about itself: where a first policy gets its values from.
///
/// Read from the JSON file that the deployment writes; fields that a policy does not need are read over. It is
/// believed because the caller names it, once, when the policy is written, and never again.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The chain id.
    pub chain_id: u64,
    /// The hash of block 0.
    #[serde(with = "bytes32_text")]
    pub genesis_hash: B256,
    /// The ledger.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// Keccak-256 of its runtime code.
    #[serde(with = "bytes32_text")]
    pub ledger_code_hash: B256,
    /// Keccak-256 of the code of the first rules.
    #[serde(with = "bytes32_text")]
    pub rules_code_hash: B256,
    /// Who the builders are.
    #[serde(default)]
    federation: Federation,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Federation {
    #[serde(default)]
    builders: Vec<Builder>,
}

#[derive(Clone, Debug, Deserialize)]
struct Builder {
    address: BuilderId,
    name: String,
    #[serde(default)]
    domains: Vec<String>,
}

impl Deployment {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Fault::File`].
    pub fn load(path: &Path) -> Result<Self, Fault> {
        let fault = |why: String| Fault::file("the deployment", path, why);
        let mut bytes = Vec::new();
        if !path
            .metadata()
            .map_err(|error| fault(error.to_string()))?
            .is_file()
        {
            return Err(fault("not a file".to_owned()));
        }
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
            .map_err(|error| fault(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| fault(error.to_string()))
    }

    /// The anchor of a policy.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        Anchor {
            chain_id: self.chain_id,
            genesis: self.genesis_hash,
            ledger: self.ledger,
            ledger_code_hash: self.ledger_code_hash,
        }
    }

    /// The builders, by name. One without a domain is a domain of its own.
    #[must_use]
    pub fn builders(&self) -> Vec<KnownBuilder> {
        let builders = self.federation.builders.iter();
        builders
            .map(|builder| KnownBuilder {
                address: builder.address,
                name: builder.name.clone(),
                domains: match builder.domains.is_empty() {
                    true => vec![builder.name.clone()],
                    false => builder.domains.clone(),
                },
            })
            .collect()
    }
}
