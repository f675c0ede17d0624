use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, Bytes};
use seed_primitives::ReleaseId;

use crate::{
    ChainError, Mined, Wallet,
    bindings::{IReleaseLedger, ReleaseLedger},
};

impl Wallet {
    /// Submits several releases in one transaction and waits until it is mined. Those that are recorded already
    /// are passed over by the ledger; one that is refused takes all others with it.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn finalise_batch(
        &self,
        ledger: Address,
        releases: &[(ReleaseId, Vec<u8>)],
    ) -> Result<Mined, ChainError> {
        let batch = releases
            .iter()
            .map(|(release, submission)| IReleaseLedger::Submission {
                release: release.word(),
                submission: Bytes::copy_from_slice(submission),
            })
            .collect();
        let call = ReleaseLedger::finaliseBatchCall { batch };
        self.send(Some(ledger), call.abi_encode().into()).await
    }
}
