use std::time::{Duration, Instant};

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    rpc::types::TransactionReceipt,
    sol_types::{SolCall as _, SolValue as _},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U128, U256};
use seed_primitives::ReleaseId;
use serde_json::{Value, json};

use crate::{
    Bytecode, ChainError, Options, RulesConfiguration, TransactionSigner,
    bindings::{ReleaseLedger, reason},
    json_rpc::JsonRpc,
    signer::check_signature,
};

/// How often a receipt is asked for while waiting.
const POLL: Duration = Duration::from_millis(200);

/// A transaction that was mined and succeeded.
#[derive(Clone, Debug)]
pub struct Mined {
    /// Its hash.
    pub hash: B256,
    /// The block it is in.
    pub block: u64,
    /// The gas it used, intrinsic and calldata included.
    pub gas_used: u64,
    /// The contract it deployed, if it did.
    pub contract: Option<Address>,
}

/// An account that pays for transactions on one chain, through one endpoint.
///
/// A lying endpoint can waste gas or withhold; it cannot make the contracts record anything, and what was
/// recorded is verified elsewhere.
#[derive(Debug)]
pub struct Wallet {
    rpc: JsonRpc,
    signer: Box<dyn TransactionSigner>,
    chain_id: u64,
    /// The most wei per gas that is ever paid.
    max_fee: u128,
    /// The most time a transaction may take to be mined.
    patience: Duration,
}

impl Wallet {
    /// A wallet on the chain `chain_id`; the endpoint is not contacted yet. It never pays more than `max_fee`
    /// wei per gas.
    ///
    /// # Errors
    /// [`ChainError::Url`].
    pub fn new(
        url: &str,
        options: &Options,
        chain_id: u64,
        signer: impl TransactionSigner + 'static,
        max_fee: u128,
        patience: Duration,
    ) -> Result<Self, ChainError> {
        Ok(Self {
            rpc: JsonRpc::new(url, options)?,
            signer: Box::new(signer),
            chain_id,
            max_fee,
            patience,
        })
    }

    /// The account that pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.signer.account()
    }

    /// Tries `finalise` without sending it.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the contract's named reason, or the endpoint's fault.
    pub async fn simulate_finalise(
        &self,
        ledger: Address,
        release: &ReleaseId,
        submission: &[u8],
    ) -> Result<(), ChainError> {
        self.simulate(ledger, finalise_call(release, submission))
            .await
    }

    /// Tries `genesis` without sending it.
    ///
    /// # Errors
    /// As [`Self::simulate_finalise`].
    pub async fn simulate_genesis(
        &self,
        ledger: Address,
        release: &ReleaseId,
        submission: &[u8],
        signatures: &[u8],
    ) -> Result<(), ChainError> {
        self.simulate(ledger, genesis_call(release, submission, signatures))
            .await
    }

    /// Submits a release and waits until it is mined.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn finalise(
        &self,
        ledger: Address,
        release: &ReleaseId,
        submission: &[u8],
    ) -> Result<Mined, ChainError> {
        self.send(Some(ledger), finalise_call(release, submission))
            .await
    }

    /// Submits the first release and waits until it is mined.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn genesis(
        &self,
        ledger: Address,
        release: &ReleaseId,
        submission: &[u8],
        signatures: &[u8],
    ) -> Result<Mined, ChainError> {
        self.send(Some(ledger), genesis_call(release, submission, signatures))
            .await
    }

    /// Deploys `QuorumRules` with `configuration`; the constructor refuses a wrong one by name.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn deploy_rules(
        &self,
        configuration: &RulesConfiguration,
    ) -> Result<Mined, ChainError> {
        let argument = Bytes::from(configuration.to_bytes());
        self.deploy(&Bytecode::rules(), &(argument,).abi_encode_params())
            .await
    }

    /// Deploys a `TimelockController` that is its own admin, with these proposers (who may cancel too) and
    /// open execution.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn deploy_timelock(
        &self,
        delay: u64,
        proposers: &[Address],
    ) -> Result<Mined, ChainError> {
        let arguments = (
            U256::from(delay),
            proposers.to_vec(),
            vec![Address::ZERO],
            Address::ZERO,
        );
        self.deploy(&Bytecode::timelock(), &arguments.abi_encode_params())
            .await
    }

    /// Deploys a `ReleaseLedger`.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn deploy_ledger(
        &self,
        timelock: Address,
        guardian: Address,
        rules: Address,
        rules_code_hash: B256,
    ) -> Result<Mined, ChainError> {
        let arguments = (timelock, guardian, rules, rules_code_hash);
        self.deploy(&Bytecode::ledger(), &arguments.abi_encode_params())
            .await
    }

    /// Sends `data` to `to`, or as a new contract's code, and waits until it is mined.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn send(&self, to: Option<Address>, data: Bytes) -> Result<Mined, ChainError> {
        let gas: U64 = self.answered(
            self.rpc
                .ask("eth_estimateGas", json!([self.request(to, &data)]))
                .await,
        )?;
        // The estimate is exact for our contracts; the margin covers a block in between.
        let gas_limit = gas.to::<u64>().saturating_add(gas.to::<u64>() / 5);
        let (tip, fee) = self.fees().await?;
        self.can_pay(gas_limit, fee).await?;
        let account = self.account();
        let nonce: U64 = self
            .rpc
            .ask("eth_getTransactionCount", json!([account, "pending"]))
            .await?;
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: nonce.to(),
            gas_limit,
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: tip,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value: U256::ZERO,
            access_list: Default::default(),
            input: data,
        };
        let signature = self.signer.sign(&transaction).await?;
        let digest = transaction.signature_hash();
        check_signature(self.signer.name(), &signature, &digest, account)?;
        let envelope = TxEnvelope::from(transaction.into_signed(signature));
        let raw = Bytes::from(envelope.encoded_2718());
        let sent: Result<Value, _> =
            self.answered(self.rpc.ask("eth_sendRawTransaction", json!([raw])).await);
        match sent {
            // The transaction may have arrived although its answer did not: only a receipt tells.
            Ok(_) | Err(ChainError::Unreachable { .. }) => self.receipt(*envelope.tx_hash()).await,
            Err(refused) => Err(refused),
        }
    }

    async fn deploy(&self, bytecode: &Bytecode, arguments: &[u8]) -> Result<Mined, ChainError> {
        self.send(
            None,
            [bytecode.creation_code.as_ref(), arguments].concat().into(),
        )
        .await
    }

    pub(crate) async fn simulate(&self, to: Address, data: Bytes) -> Result<(), ChainError> {
        let request = self.request(Some(to), &data);
        let _: Bytes = self.answered(self.rpc.ask("eth_call", json!([request, "latest"])).await)?;
        Ok(())
    }

    fn request(&self, to: Option<Address>, data: &Bytes) -> Value {
        match to {
            Some(to) => json!({ "from": self.account(), "to": to, "input": data }),
            None => json!({ "from": self.account(), "input": data }),
        }
    }

    /// Turns a refusal that carries revert data into the contract's own reason.
    fn answered<T>(&self, answer: Result<T, ChainError>) -> Result<T, ChainError> {
        answer.map_err(|error| match &error {
            ChainError::Refused {
                data: Some(data), ..
            } => match data.parse::<Bytes>() {
                Ok(bytes) if bytes.len() >= 4 => ChainError::Reverted {
                    reason: reason(&bytes),
                },
                _ => error,
            },
            _ => error,
        })
    }

    /// Tip and fee per gas: the tip the endpoint advises and twice its gas price, neither above the cap.
    async fn fees(&self) -> Result<(u128, u128), ChainError> {
        let price: U128 = self.rpc.ask("eth_gasPrice", json!([])).await?;
        let tip: U128 = self.rpc.ask("eth_maxPriorityFeePerGas", json!([])).await?;
        let fee = price.to::<u128>().saturating_mul(2).min(self.max_fee);
        Ok((tip.to::<u128>().min(fee), fee))
    }

    async fn can_pay(&self, gas: u64, fee: u128) -> Result<(), ChainError> {
        let balance: U256 = self
            .rpc
            .ask("eth_getBalance", json!([self.account(), "latest"]))
            .await?;
        let needed = U256::from(gas) * U256::from(fee);
        if balance >= needed {
            return Ok(());
        }
        Err(ChainError::EmptyWallet {
            account: seed_primitives::write_address(&self.account()),
            balance: balance.to_string(),
            needed: needed.to_string(),
        })
    }

    async fn receipt(&self, hash: B256) -> Result<Mined, ChainError> {
        let began = Instant::now();
        while began.elapsed() < self.patience {
            let found: Option<TransactionReceipt> = self
                .rpc
                .ask("eth_getTransactionReceipt", json!([hash]))
                .await?;
            if let Some(receipt) = found.filter(|receipt| receipt.block_number.is_some()) {
                return self.mined(&receipt);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(ChainError::NotMined {
            hash: hash.to_string(),
            seconds: self.patience.as_secs(),
        })
    }

    fn mined(&self, receipt: &TransactionReceipt) -> Result<Mined, ChainError> {
        if !receipt.status() {
            let reason = format!(
                "transaction {} was mined and failed",
                receipt.transaction_hash
            );
            return Err(ChainError::Reverted { reason });
        }
        Ok(Mined {
            hash: receipt.transaction_hash,
            block: receipt.block_number.unwrap_or_default(),
            gas_used: receipt.gas_used,
            contract: receipt.contract_address,
        })
    }
}

fn finalise_call(release: &ReleaseId, submission: &[u8]) -> Bytes {
    let submission = Bytes::copy_from_slice(submission);
    ReleaseLedger::finaliseCall {
        release: release.word(),
        submission,
    }
    .abi_encode()
    .into()
}

fn genesis_call(release: &ReleaseId, submission: &[u8], signatures: &[u8]) -> Bytes {
    ReleaseLedger::genesisCall {
        release: release.word(),
        submission: Bytes::copy_from_slice(submission),
        genesisSignatures: Bytes::copy_from_slice(signatures),
    }
    .abi_encode()
    .into()
}
