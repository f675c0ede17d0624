//! What the commands that talk to a chain have in common.

use std::{path::Path, time::Duration};

use clap::Args;
use seed_chain::{Options, Wallet};
use seed_primitives::Deployment;

use super::{decode::read, signer::SignerArguments};
use crate::{
    Fault,
    decode::ReviewFault,
    operation::{ActFault, Operation},
    simulate::{BlockChoice, Halt, Live, State},
};

const GWEI: u128 = 1_000_000_000;

/// Endpoints of a chain.
#[derive(Args, Debug)]
pub(crate) struct ChainArguments {
    /// A JSON-RPC endpoint, https or loopback; all must agree, every value is proven (repeatable)
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: Vec<String>,
}

/// The account that pays for gas; it gets no power.
#[derive(Args, Debug)]
pub(crate) struct PayerArguments {
    #[command(flatten)]
    signer: SignerArguments,
    /// The most gwei per gas that is ever paid
    #[arg(long, value_name = "GWEI", default_value_t = 100)]
    max_fee: u64,
    /// The most seconds for a transaction to be mined
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

impl PayerArguments {
    /// The wallet of whoever pays, if somebody was named; transactions go through the first endpoint.
    pub(crate) async fn wallet(
        &self,
        chain: &ChainArguments,
        chain_id: u64,
    ) -> Result<Option<Wallet>, Fault> {
        let Some(signer) = self.signer.payer().await? else {
            return Ok(None);
        };
        Ok(Some(Wallet::new(
            chain.first()?,
            &Options::default(),
            chain_id,
            signer,
            u128::from(self.max_fee) * GWEI,
            Duration::from_secs(self.timeout),
        )?))
    }

    /// As [`Self::wallet`], where somebody must pay.
    pub(crate) async fn required(
        &self,
        chain: &ChainArguments,
        chain_id: u64,
    ) -> Result<Wallet, Fault> {
        self.wallet(chain, chain_id).await?.ok_or_else(|| {
            Fault::Usage(
                "nobody pays for gas: --signer SIGNER, --keystore FILE or --dev-key-file FILE is missing"
                    .to_owned(),
            )
        })
    }
}

impl ChainArguments {
    fn first(&self) -> Result<&str, Fault> {
        let first = self.rpc.first().map(String::as_str);
        first.ok_or_else(|| Fault::Usage("--rpc URL is missing".to_owned()))
    }

    /// The newest block that all endpoints have, on the deployment's chain.
    pub(crate) async fn live(&self, deployment: &Deployment) -> Result<Live, Fault> {
        self.first()?;
        let (chain, genesis) = (deployment.chain_id, Some(deployment.genesis_hash));
        let live = Live::connect(&self.rpc, chain, genesis, BlockChoice::Latest);
        Ok(live.await.map_err(ReviewFault::Live)?)
    }
}

/// Asks proven state.
pub(crate) async fn ask<T>(
    live: &Live,
    state: &mut State,
    question: impl Fn(&State) -> Result<T, Halt>,
) -> Result<T, Fault> {
    let answer = live.complete(state, question).await;
    let answer = answer.map_err(ReviewFault::Live)?;
    Ok(answer.map_err(ReviewFault::Halt)?)
}

/// Reads a deployment file.
pub(crate) fn deployment(file: &Path) -> Result<Deployment, Fault> {
    let what = "the deployment";
    let bytes = read(what, file, seed_primitives::MAX_DEPLOYMENT_BYTES)?;
    Deployment::from_json(&bytes).map_err(|error| Fault::file(what, file, error))
}

/// Reads an operation file.
pub(crate) fn operation(file: &Path) -> Result<Operation, Fault> {
    let bytes = read("the operation", file, crate::operation::MAX_OPERATION_BYTES)?;
    Ok(Operation::from_json(&bytes).map_err(ActFault::from)?)
}

/// Refuses an operation that is not one of this deployment's chain, Safes and timelock.
pub(crate) fn belongs(operation: &Operation, deployment: &Deployment) -> Result<(), ActFault> {
    let other = |what, found: String, expected: String| {
        Err(ActFault::OtherDeployment {
            what,
            found,
            expected,
        })
    };
    let text = |address| seed_primitives::write_address(&address);
    if operation.chain_id != deployment.chain_id {
        let (found, expected) = (operation.chain_id, deployment.chain_id);
        return other("chain", found.to_string(), expected.to_string());
    }
    let Some(timelocked) = operation.timelock else {
        let known = [Some(deployment.guardian), deployment.proposer];
        return match known.contains(&Some(operation.safe)) {
            true => Ok(()),
            false => other("Safe", text(operation.safe), text(deployment.guardian)),
        };
    };
    if timelocked.timelock != deployment.timelock {
        return other(
            "timelock",
            text(timelocked.timelock),
            text(deployment.timelock),
        );
    }
    match deployment.proposer {
        None => Err(ActFault::NoProposer),
        Some(proposer) if proposer != operation.safe => {
            other("Safe", text(operation.safe), text(proposer))
        }
        Some(_) => Ok(()),
    }
}
