use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BuilderId, System, address_text, bytes32_text};

/// The most bytes of a deployment file.
pub const MAX_DEPLOYMENT_BYTES: u64 = 1 << 20;

/// What a deployment of the contracts says about itself: the one JSON file that every program reads.
///
/// `seed-gov deploy` writes it. It is believed because the caller names it; `seed-gov verify-code` compares it with
/// the chain. Unknown fields are read over, so that newer files serve older programs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The version of this form: 1.
    #[serde(default = "one")]
    pub schema_version: u8,
    /// How strict the deployment's parameters were judged; `development` where the file does not say.
    #[serde(default)]
    pub environment: Environment,
    /// The chain id.
    pub chain_id: u64,
    /// The hash of block 0.
    #[serde(with = "bytes32_text")]
    pub genesis_hash: B256,
    /// A block before the first transaction of the deployment: no event of these contracts is older.
    #[serde(default)]
    pub block: u64,
    /// The ledger.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// Keccak-256 of its runtime code.
    #[serde(with = "bytes32_text")]
    pub ledger_code_hash: B256,
    /// The first rules.
    #[serde(with = "address_text")]
    pub rules: Address,
    /// Keccak-256 of their runtime code, configuration included.
    #[serde(with = "bytes32_text")]
    pub rules_code_hash: B256,
    /// Keccak-256 of their runtime code before the configuration.
    #[serde(with = "bytes32_text")]
    pub rules_logic_hash: B256,
    /// The timelock, which alone may swap the rules.
    #[serde(with = "address_text")]
    pub timelock: Address,
    /// Its delay in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timelock_delay: Option<u64>,
    /// The Safe that proposes to the timelock.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_address"
    )]
    pub proposer: Option<Address>,
    /// The guardian, which may only remove power.
    #[serde(with = "address_text")]
    pub guardian: Address,
    /// Who owns the two Safes; absent where the roles are held by something else (development only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safes: Option<DeployedSafes>,
    /// The contracts whose code the two Safes run; absent together with `safes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_contracts: Option<SafeContracts>,
    /// Who builds.
    pub federation: DeployedFederation,
}

/// What a deployment is for, and so how strict its parameters must be.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Others rely on it.
    Production,
    /// Like production, with short delays, for rehearsals.
    Staging,
    /// Nobody relies on it.
    #[default]
    Development,
}

impl Environment {
    /// `production`, `staging` or `development`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
        }
    }
}

/// The owners of the two Safes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeployedSafes {
    /// Of the Safe that proposes.
    pub proposer: SafeOwners,
    /// Of the guardian.
    pub guardian: SafeOwners,
}

/// Who owns a Safe.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SafeOwners {
    /// The accounts, in the order of the Safe's own list.
    #[serde(with = "address_list")]
    pub owners: Vec<Address>,
    /// How many of them must sign.
    pub threshold: u64,
}

/// The Safe contracts that are shared by all Safes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SafeContracts {
    /// The code that every Safe runs.
    #[serde(with = "address_text")]
    pub singleton: Address,
    /// What made the Safes.
    #[serde(with = "address_text")]
    pub proxy_factory: Address,
    /// What answers calls that the Safe itself does not know.
    #[serde(with = "address_text")]
    pub fallback_handler: Address,
}

/// The federation as deployed: what the rules hold, with names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeployedFederation {
    /// SHA-256 of the federation file, as in the rules; absent in files of development tools.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_word"
    )]
    pub sha256: Option<B256>,
    /// How many independent builders each system needs.
    pub threshold: u8,
    /// The systems, strictly ascending.
    pub systems: Vec<System>,
    /// The builders in the order of their index.
    pub builders: Vec<DeployedBuilder>,
}

/// One builder of a deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeployedBuilder {
    /// Its name.
    pub name: String,
    /// Its signing address.
    pub address: BuilderId,
    /// Its failure domains by name.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The systems it builds; all where the field is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systems: Option<Vec<System>>,
}

/// Why bytes are no deployment file.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum DeploymentError {
    /// They are not the JSON they should be.
    #[error("{0}")]
    Form(String),
    /// They are of another version.
    #[error("schemaVersion is {0}, this program reads 1")]
    Version(u8),
    /// A value that no deployment has.
    #[error("`{field}` is zero")]
    Zero {
        /// The field.
        field: &'static str,
    },
}

impl Deployment {
    /// Reads the bytes of a deployment file.
    ///
    /// # Errors
    /// [`DeploymentError`] when a field is missing, malformed, or zero where that cannot be.
    pub fn from_json(json: &[u8]) -> Result<Self, DeploymentError> {
        let read: Self = serde_json::from_slice(json)
            .map_err(|error| DeploymentError::Form(error.to_string()))?;
        if read.schema_version != 1 {
            return Err(DeploymentError::Version(read.schema_version));
        }
        let words = [
            ("genesisHash", read.genesis_hash),
            ("ledgerCodeHash", read.ledger_code_hash),
            ("rulesCodeHash", read.rules_code_hash),
            ("rulesLogicHash", read.rules_logic_hash),
            ("ledger", read.ledger.into_word()),
            ("rules", read.rules.into_word()),
            ("timelock", read.timelock.into_word()),
            ("guardian", read.guardian.into_word()),
        ];
        match words.iter().find(|(_, word)| word.is_zero()) {
            Some((field, _)) => Err(DeploymentError::Zero { field }),
            None if read.chain_id == 0 => Err(DeploymentError::Zero { field: "chainId" }),
            None => Ok(read),
        }
    }

    /// The file's text: indented JSON with a final line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in this type can fail to be written: all keys are texts.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What people call a builder.
    #[must_use]
    pub fn name_of(&self, builder: &BuilderId) -> Option<&str> {
        let mut builders = self.federation.builders.iter();
        builders
            .find(|one| one.address == *builder)
            .map(|one| one.name.as_str())
    }
}

const fn one() -> u8 {
    1
}

/// An address that may be absent.
mod optional_address {
    use alloy_primitives::Address;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        address: &Option<Address>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.serialize_some(&crate::write_address(address)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Address>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| crate::parse_address(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// A word that may be absent.
mod optional_word {
    use alloy_primitives::B256;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        word: &Option<B256>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match word {
            Some(word) => serializer.serialize_some(&crate::write_bytes32(word)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<B256>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| crate::parse_bytes32(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// Addresses, each in its one text form.
mod address_list {
    use alloy_primitives::Address;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        addresses: &[Address],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(addresses.iter().map(crate::write_address))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Address>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let addresses = texts.iter().map(|text| crate::parse_address(text));
        addresses
            .collect::<Result<_, _>>()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn example() -> Value {
        let word = |digit: char| format!("0x{}", digit.to_string().repeat(64));
        let address = |digit: char| format!("0x{}", digit.to_string().repeat(40));
        json!({
            "schemaVersion": 1, "environment": "production", "chainId": 1, "genesisHash": word('1'), "block": 7,
            "ledger": address('2'), "ledgerCodeHash": word('3'), "rules": address('4'), "rulesCodeHash": word('5'),
            "rulesLogicHash": word('6'), "timelock": address('7'), "timelockDelay": 604_800, "proposer": address('8'),
            "guardian": address('9'),
            "safes": {
                "proposer": { "owners": [address('a')], "threshold": 1 },
                "guardian": { "owners": [address('b')], "threshold": 1 }
            },
            "safeContracts": {
                "singleton": address('c'), "proxyFactory": address('d'), "fallbackHandler": address('e')
            },
            "federation": {
                "sha256": word('f'), "threshold": 2, "systems": ["x86_64-linux"],
                "builders": [{ "name": "one", "address": address('f'), "domains": ["a"] }]
            }
        })
    }

    fn read(value: &Value) -> Result<Deployment, DeploymentError> {
        Deployment::from_json(value.to_string().as_bytes())
    }

    #[test]
    fn writes_what_it_reads() {
        let read = read(&example()).unwrap();
        let written: Value = serde_json::from_str(&read.to_json()).unwrap();
        assert_eq!(written, example());
        let builder = format!("0x{}", "f".repeat(40)).parse().unwrap();
        assert_eq!(read.name_of(&builder), Some("one"));
    }

    #[test]
    fn reads_a_file_without_safes() {
        let mut value = example();
        for field in [
            "schemaVersion",
            "environment",
            "block",
            "timelockDelay",
            "proposer",
            "safes",
            "safeContracts",
        ] {
            value.as_object_mut().unwrap().remove(field);
        }
        let read = read(&value).unwrap();
        assert_eq!(read.environment, Environment::Development);
        assert_eq!((read.proposer, read.safes), (None, None));
    }

    #[test]
    fn refuses_zeros_other_versions_and_other_forms() {
        for field in ["ledger", "guardian", "timelock", "rules"] {
            let mut value = example();
            value[field] = json!(format!("0x{}", "0".repeat(40)));
            assert_eq!(read(&value), Err(DeploymentError::Zero { field }));
        }
        let mut value = example();
        value["chainId"] = json!(0);
        assert_eq!(
            read(&value),
            Err(DeploymentError::Zero { field: "chainId" })
        );
        value["schemaVersion"] = json!(2);
        assert_eq!(read(&value), Err(DeploymentError::Version(2)));
        for (pointer, bad) in [
            ("/proposer", json!("0xAA")),
            ("/environment", json!("test")),
            ("/safes/proposer/owners/0", json!(1)),
            ("/federation/sha256", json!("00")),
            ("/ledger", json!(format!("0x{}", "A".repeat(40)))),
        ] {
            let mut value = example();
            *value.pointer_mut(pointer).unwrap() = bad;
            assert!(
                matches!(read(&value), Err(DeploymentError::Form(_))),
                "{pointer}"
            );
        }
    }
}
