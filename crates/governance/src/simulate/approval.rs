use alloy::sol_types::{SolCall as _, SolValue as _};
use alloy_primitives::{Address, B256, Bytes, U256};

use super::{
    Halt,
    place::approved_hash,
    run::{Run, halted},
};
use crate::decode::{SafeTransaction, SafeView};

impl Run<'_> {
    /// The signatures given, or approvals that are pretended.
    pub(super) fn signatures(&mut self, transaction: &SafeTransaction) -> Result<Bytes, Halt> {
        let safe = transaction.safe;
        let nonce = self.machine.slot(safe, U256::from(5))?;
        if let Some(stated) = transaction.nonce.filter(|stated| *stated != nonce) {
            return Err(Halt::Nonce {
                stated,
                chain: nonce,
            });
        }
        if let Some(signatures) = &self.plan.signatures {
            return Ok(signatures.clone());
        }
        let threshold = self.machine.slot(safe, U256::from(4))?;
        let owners = self.ask(safe, SafeView::getOwnersCall {}.abi_encode())?;
        let mut owners = <Vec<Address>>::abi_decode(&owners)
            .map_err(|error| Halt::broken(&self.plan.names.of(safe), error))?;
        owners.sort_unstable();
        let hash = self.hash(transaction, nonce)?;
        let mut signatures = Vec::new();
        let count = usize::try_from(threshold).unwrap_or(usize::MAX);
        for owner in owners.into_iter().take(count) {
            self.machine
                .pretend(safe, approved_hash(owner, hash), U256::from(1))?;
            signatures.extend_from_slice(owner.into_word().as_slice());
            signatures.extend_from_slice(&[0; 32]);
            signatures.push(1);
        }
        Ok(signatures.into())
    }

    /// The hash that owners sign, as the Safe itself computes it.
    fn hash(&mut self, transaction: &SafeTransaction, nonce: U256) -> Result<B256, Halt> {
        let call = &transaction.call;
        let question = SafeView::getTransactionHashCall {
            to: call.target,
            value: call.value,
            data: call.data.clone(),
            operation: call.operation,
            safeTxGas: transaction.safe_tx_gas,
            baseGas: transaction.base_gas,
            gasPrice: transaction.gas_price,
            gasToken: transaction.gas_token,
            refundReceiver: transaction.refund_receiver,
            nonce,
        };
        let answer = self.ask(transaction.safe, question.abi_encode())?;
        B256::try_from(answer.as_ref())
            .map_err(|error| Halt::broken(&self.plan.names.of(transaction.safe), error))
    }

    fn ask(&mut self, contract: Address, question: Vec<u8>) -> Result<Bytes, Halt> {
        let asked = self.machine.ask(contract, question.into(), self.time);
        asked.map_err(|stop| {
            halted(
                stop,
                &format!("a question to {}", self.plan.names.of(contract)),
            )
        })
    }
}
