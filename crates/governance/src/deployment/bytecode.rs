use alloy_primitives::{Address, B256, Bytes, address, hex, keccak256};
use serde::Deserialize;

/// The contract that makes contracts at addresses which follow from their code alone; the same on every chain.
pub const FACTORY: Address = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
/// Its whole code: it takes `salt ‖ creation code`, calls CREATE2 and returns the address.
pub(crate) const FACTORY_CODE: [u8; 69] = hex!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
/// What the Safe project itself deploys its contracts with, salt zero; its addresses are the canonical ones.
const SAFE_FACTORY: Address = address!("914d7fec6aac8cd542e72bca78b30650d45643d7");

/// The address of what [`FACTORY`] makes of `code` under `salt`.
pub(crate) fn made_at(salt: B256, code: &[u8]) -> Address {
    FACTORY.create2(salt, keccak256(code))
}

/// The call of [`FACTORY`] that makes it.
pub(crate) fn make(salt: B256, code: &[u8]) -> Bytes {
    [salt.as_slice(), code].concat().into()
}

/// Bytecode of a contract that is taken as others published it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// What is deployed.
    pub creation_code: Bytes,
    /// What stands on the chain afterwards.
    #[serde(default)]
    pub runtime_code: Bytes,
    /// Keccak-256 of `runtime_code`.
    #[serde(default)]
    pub runtime_hash: B256,
}

macro_rules! committed {
    ($name:literal) => {
        Published::read(include_str!(concat!(
            "../../../../contracts/snapshots/bytecode/",
            $name,
            ".json"
        )))
    };
}

impl Published {
    /// Safe 1.5.0's singleton, in the variant that logs every transaction.
    ///
    /// # Panics
    /// Never: the snapshot is part of this crate and a test reads it.
    #[must_use]
    pub fn safe() -> Self {
        committed!("SafeL2")
    }

    /// Safe 1.5.0's factory of proxies.
    ///
    /// # Panics
    /// As [`Self::safe`].
    #[must_use]
    pub fn proxy_factory() -> Self {
        committed!("SafeProxyFactory")
    }

    /// Safe 1.5.0's proxy: what stands at the address of every Safe.
    ///
    /// # Panics
    /// As [`Self::safe`].
    #[must_use]
    pub fn proxy() -> Self {
        committed!("SafeProxy")
    }

    /// Safe 1.5.0's fallback handler.
    ///
    /// # Panics
    /// As [`Self::safe`].
    #[must_use]
    pub fn fallback_handler() -> Self {
        committed!("CompatibilityFallbackHandler")
    }

    /// The contract that makes the timelock; only what creates it is kept.
    pub(crate) fn timelock_deployer() -> Self {
        committed!("TimelockDeployer")
    }

    /// Where the Safe project deploys this on every chain.
    #[must_use]
    pub fn canonical(&self) -> Address {
        SAFE_FACTORY.create2(B256::ZERO, keccak256(&self.creation_code))
    }

    fn read(json: &str) -> Self {
        serde_json::from_str(json).expect("a committed bytecode snapshot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_addresses_that_the_safe_project_publishes() {
        let published = [
            (
                Published::safe(),
                address!("edd160febbd92e350d4d398fb636302fccd67c7e"),
            ),
            (
                Published::proxy_factory(),
                address!("14f2982d601c9458f93bd70b218933a6f8165e7b"),
            ),
            (
                Published::fallback_handler(),
                address!("3efcbb83a4a7afcb4f68d501e2c2203a38be77f4"),
            ),
        ];
        for (contract, canonical) in published {
            assert_eq!(contract.canonical(), canonical);
            assert_eq!(keccak256(&contract.runtime_code), contract.runtime_hash);
        }
        assert_eq!(
            keccak256(Published::proxy().runtime_code),
            Published::proxy().runtime_hash
        );
    }
}
