use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, Bytes};
use seed_primitives::ReleaseId;

use crate::{
    ChainError, Mined, Wallet,
    bindings::{IReleaseLedger, ReleaseLedger},
};

/// What one signature says, in full: everything the ledger needs to recover who made it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The digest of the signer's evidence manifest.
    pub evidence: B256,
    /// The rules it was signed for.
    pub rules: Address,
    /// Every system it was signed for, strictly ascending, with its image digest.
    pub images: Vec<(String, B256)>,
    /// The first half of the EIP-2098 signature.
    pub r: B256,
    /// The second half, with the parity in its highest bit.
    pub vs: B256,
}

impl Claim {
    fn to_abi(&self) -> IReleaseLedger::Claim {
        IReleaseLedger::Claim {
            evidence: self.evidence,
            rules: self.rules,
            systems: self.images.iter().map(|(name, _)| name.clone()).collect(),
            digests: self.images.iter().map(|(_, digest)| *digest).collect(),
            r: self.r,
            vs: self.vs,
        }
    }
}

impl Wallet {
    /// Tries `proveEquivocation` without sending it.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the contract's named reason, or the endpoint's fault.
    pub async fn simulate_equivocation(
        &self,
        ledger: Address,
        release: &ReleaseId,
        first: &Claim,
        second: &Claim,
    ) -> Result<(), ChainError> {
        self.simulate(ledger, equivocation_call(release, first, second))
            .await
    }

    /// Proves an equivocation and waits until the transaction is mined.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn prove_equivocation(
        &self,
        ledger: Address,
        release: &ReleaseId,
        first: &Claim,
        second: &Claim,
    ) -> Result<Mined, ChainError> {
        self.send(Some(ledger), equivocation_call(release, first, second))
            .await
    }

    /// Logs the signature of a claim, `root` being over its images, and waits until the transaction is mined.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn post(
        &self,
        ledger: Address,
        release: &ReleaseId,
        root: B256,
        claim: &Claim,
    ) -> Result<Mined, ChainError> {
        let call = ReleaseLedger::postCall {
            release: release.word(),
            root,
            evidence: claim.evidence,
            rules: claim.rules,
            r: claim.r,
            vs: claim.vs,
        };
        self.send(Some(ledger), call.abi_encode().into()).await
    }
}

fn equivocation_call(release: &ReleaseId, first: &Claim, second: &Claim) -> Bytes {
    let call = ReleaseLedger::proveEquivocationCall {
        release: release.word(),
        first: first.to_abi(),
        second: second.to_abi(),
    };
    call.abi_encode().into()
}
