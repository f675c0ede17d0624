use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, B256, U256, keccak256};
use clap::{Args, Subcommand, ValueEnum};
use seed_primitives::{Deployment, write_address};
use serde_json::json;

use super::{
    chain::{ChainArguments, PayerArguments, ask, deployment},
    decode::{answer, wait},
    federation, hash,
    sign::review,
    write::write_new,
};
use crate::{
    Fault,
    decode::{
        Call, Names, ReviewFault,
        abi::{Ledger, Safe as SafeCalls, Timelock},
    },
    federation::{Compiled, Severity, check},
    operation::{ActFault, Operation, Timelocked},
    output::{Output, complain, shown},
    safe::{SafeState, SignatureError, transaction_builder},
    simulate::{Machine, SENTINEL, State},
};

/// Write an act of governance down, as a file that can be reviewed, hashed and signed.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put other rules in force, through the timelock
    Rules(RulesArguments),
    /// Confirm an open dispute before it lapses, through the timelock
    Confirm(SubjectArguments),
    /// Change the timelock's delay, through the timelock
    Delay(DelayArguments),
    /// Cancel what is queued, as a proposer, at once
    Cancel(CancelArguments),
    /// Revoke a builder or rules, as the guardian, at once and for ever
    Revoke(SubjectArguments),
    /// Revoke, and dispute what it signed from a sequence number on, as the guardian, at once
    Dispute(DisputeArguments),
    /// Pause finalising, as the guardian, at once
    Pause(PauseArguments),
    /// Cancel what is queued, as the guardian, at once
    GuardianCancel(CancelArguments),
    /// Have a Safe replace one of its owners, by its own signatures, at once
    Owner(OwnerArguments),
}

/// One of the two Safes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Whose {
    /// The proposers' Safe.
    Proposer,
    /// The guardian's Safe.
    Guardian,
}

/// An owner whose key is lost, or who leaves.
#[derive(Args, Debug)]
pub(crate) struct OwnerArguments {
    /// Whose owner
    #[arg(long, value_enum, value_name = "SAFE")]
    safe: Whose,
    /// Who goes
    #[arg(long, value_name = "ADDRESS")]
    old: Address,
    /// Who comes
    #[arg(long, value_name = "ADDRESS")]
    new: Address,
    #[command(flatten)]
    common: Common,
}

/// What every proposal needs.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// The deployment it is for
    #[arg(long, value_name = "FILE")]
    pub(crate) deployment: PathBuf,
    #[command(flatten)]
    pub(crate) chain: ChainArguments,
    #[command(flatten)]
    pub(crate) payer: PayerArguments,
    /// Which transaction of the Safe it will be [default: the next one, asked with --rpc]
    #[arg(long, value_name = "N")]
    nonce: Option<u64>,
    /// Seconds between queueing and executing [default: the deployment's delay]
    #[arg(long, value_name = "SECONDS")]
    delay: Option<u64>,
    /// What tells it from another with the same calls [default: follows from Safe and number]
    #[arg(long, value_name = "WORD")]
    salt: Option<B256>,
    /// An operation that must be done before
    #[arg(long, value_name = "ID", default_value_t = B256::ZERO)]
    predecessor: B256,
    /// Why, in your words
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Where to write the operation file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Where to write it for Safe's Transaction Builder as well
    #[arg(long, value_name = "FILE")]
    builder_out: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// New rules.
#[derive(Args, Debug)]
pub(crate) struct RulesArguments {
    /// The federation file of the new rules
    #[arg(long, value_name = "FILE")]
    federation: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// A builder or rules.
#[derive(Args, Debug)]
pub(crate) struct SubjectArguments {
    /// A builder's address, or that of rules
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) subject: Address,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A dispute.
#[derive(Args, Debug)]
pub(crate) struct DisputeArguments {
    /// A builder's address, or that of rules
    #[arg(long, value_name = "ADDRESS")]
    subject: Address,
    /// The first release that is in doubt, by its sequence number
    #[arg(long, value_name = "N")]
    from_sequence: u32,
    #[command(flatten)]
    common: Common,
}

/// A new delay.
#[derive(Args, Debug)]
pub(crate) struct DelayArguments {
    /// The new delay
    #[arg(long, value_name = "SECONDS")]
    seconds: u64,
    #[command(flatten)]
    common: Common,
}

/// A pause.
#[derive(Args, Debug)]
pub(crate) struct PauseArguments {
    /// How long, at most 30 days
    #[arg(long, value_name = "SECONDS")]
    seconds: u32,
    #[command(flatten)]
    common: Common,
}

/// A queued operation.
#[derive(Args, Debug)]
pub(crate) struct CancelArguments {
    /// Its id
    #[arg(long, value_name = "ID")]
    id: B256,
    #[command(flatten)]
    common: Common,
}

/// Who acts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Via {
    /// The proposers' Safe, through the timelock.
    Timelock,
    /// The proposers' Safe, at once.
    Proposer,
    /// The guardian's Safe, at once.
    Guardian,
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<(), Fault> {
    let common = command.common();
    let of = deployment(&common.deployment)?;
    let (via, call) = match command {
        Command::Rules(one) => (Via::Timelock, wait(rules(one, &of))??),
        Command::Confirm(one) => {
            let subject = one.subject;
            (
                Via::Timelock,
                to(of.ledger, &Ledger::confirmRevocationCall { subject }),
            )
        }
        Command::Delay(one) => {
            let call = Timelock::updateDelayCall {
                newDelay: U256::from(one.seconds),
            };
            (Via::Timelock, to(of.timelock, &call))
        }
        Command::Cancel(one) => (
            Via::Proposer,
            to(of.timelock, &Timelock::cancelCall { id: one.id }),
        ),
        Command::GuardianCancel(one) => (
            Via::Guardian,
            to(of.timelock, &Timelock::cancelCall { id: one.id }),
        ),
        Command::Owner(one) => wait(owner(one, &of))??,
        Command::Revoke(one) => (Via::Guardian, revocation(&of, one.subject, None)),
        Command::Dispute(one) => {
            let from = Some(one.from_sequence);
            (Via::Guardian, revocation(&of, one.subject, from))
        }
        Command::Pause(one) => {
            let duration = one.seconds;
            (
                Via::Guardian,
                to(of.ledger, &Ledger::pauseCall { duration }),
            )
        }
    };
    let operation = wait(common.operation(&of, via, call))??;
    common.write(&operation, &of)
}

impl Command {
    const fn common(&self) -> &Common {
        match self {
            Self::Rules(one) => &one.common,
            Self::Confirm(one) | Self::Revoke(one) => &one.common,
            Self::Delay(one) => &one.common,
            Self::Cancel(one) | Self::GuardianCancel(one) => &one.common,
            Self::Dispute(one) => &one.common,
            Self::Pause(one) => &one.common,
            Self::Owner(one) => &one.common,
        }
    }
}

/// The guardian's call against a builder or rules.
pub(crate) fn revocation(of: &Deployment, subject: Address, from_sequence: Option<u32>) -> Call {
    match from_sequence {
        None => to(of.ledger, &Ledger::revokeCall { subject }),
        Some(sequence) => {
            let call = Ledger::revokeRetroactivelyCall {
                subject,
                fromSequence: sequence,
            };
            to(of.ledger, &call)
        }
    }
}

fn to(target: Address, call: &impl SolCall) -> Call {
    Call::to(target, call.abi_encode().into())
}

/// A Safe's call to itself that replaces an owner. A Safe keeps its owners as a list and wants to be told who comes
/// before, so that its list is read first.
async fn owner(arguments: &OwnerArguments, of: &Deployment) -> Result<(Via, Call), Fault> {
    let (via, safe) = match arguments.safe {
        Whose::Guardian => (Via::Guardian, of.guardian),
        Whose::Proposer => (Via::Proposer, of.proposer.ok_or(ActFault::NoProposer)?),
    };
    let live = arguments.common.chain.live(of).await?;
    let mut state = live.state().map_err(ReviewFault::Live)?;
    let read = ask(&live, &mut state, |state| SafeState::read(state, safe)).await?;
    let place = read.owners.iter().position(|one| *one == arguments.old);
    let place = place.ok_or(SignatureError::NotAnOwner(arguments.old));
    let place = place.map_err(ActFault::from)?;
    let before = place.checked_sub(1).and_then(|at| read.owners.get(at));
    let call = SafeCalls::swapOwnerCall {
        previous: before.copied().unwrap_or(SENTINEL),
        oldOwner: arguments.old,
        newOwner: arguments.new,
    };
    Ok((via, to(safe, &call)))
}

/// The call that puts the rules of a federation file in force, once they stand on the chain.
async fn rules(arguments: &RulesArguments, of: &Deployment) -> Result<Call, Fault> {
    let file = federation::load(&arguments.federation)?;
    for one in check(&file) {
        if one.severity == Severity::Error {
            return Err(Fault::Federation {
                code: one.code,
                what: one.what,
            });
        }
        complain(&format!("warning[{}]: {}", one.code, shown(&one.what)));
    }
    let compiled = federation::compile(&file)?;
    let common = &arguments.common;
    if common.chain.rpc.is_empty() {
        complain("note: without --rpc nobody looked whether the rules stand on the chain");
    } else {
        stand(common, of, &compiled).await?;
    }
    let call = Ledger::setRulesCall {
        rules: compiled.address(),
        codeHash: compiled.code_hash(),
    };
    Ok(to(of.ledger, &call))
}

/// Makes sure that the rules stand on the chain, deploying them where a key is named.
async fn stand(common: &Common, of: &Deployment, compiled: &Compiled) -> Result<(), Fault> {
    let address = compiled.address();
    if code_at(common, of, address).await? == compiled.code {
        return Ok(());
    }
    if let Some(wallet) = common.payer.wallet(&common.chain, of.chain_id).await? {
        let (factory, data) = compiled.deployment();
        wallet.send(Some(factory), data).await?;
    }
    let found = code_at(common, of, address).await?;
    if found == compiled.code {
        return Ok(());
    }
    Err(ActFault::RulesCode {
        rules: address,
        found: match found.is_empty() {
            true => "none (name a key to deploy them)".to_owned(),
            false => keccak256(&found).to_string(),
        },
        expected: compiled.code_hash().to_string(),
    }
    .into())
}

async fn code_at(
    common: &Common,
    of: &Deployment,
    address: Address,
) -> Result<alloy_primitives::Bytes, Fault> {
    let live = common.chain.live(of).await?;
    let mut state = live.state().map_err(ReviewFault::Live)?;
    ask(&live, &mut state, |state: &State| {
        Ok(Machine::new(state).code(address)?)
    })
    .await
}

impl Common {
    /// The operation that makes a call.
    pub(crate) async fn operation(
        &self,
        of: &Deployment,
        via: Via,
        call: Call,
    ) -> Result<Operation, Fault> {
        let safe = match via {
            Via::Guardian => of.guardian,
            _ => of.proposer.ok_or(ActFault::NoProposer)?,
        };
        let nonce = match self.nonce {
            Some(nonce) => nonce,
            None => self.next_nonce(of, safe).await?,
        };
        let timelock = match via {
            Via::Timelock => Some(Timelocked {
                timelock: of.timelock,
                delay: self.delay(of)?,
                predecessor: self.predecessor,
                salt: self.salt.unwrap_or_else(|| salt(safe, nonce)),
            }),
            _ => None,
        };
        Ok(Operation {
            chain_id: of.chain_id,
            safe,
            nonce,
            timelock,
            calls: vec![call],
            description: self.description.clone(),
        })
    }

    fn delay(&self, of: &Deployment) -> Result<u64, Fault> {
        let least = of.timelock_delay;
        let delay = self.delay.or(least).ok_or_else(|| {
            Fault::Usage("the deployment does not say the delay: --delay is missing".to_owned())
        })?;
        if least.is_some_and(|least| delay < least) {
            return Err(Fault::Usage(format!(
                "--delay {delay} is less than the timelock allows, {}",
                least.unwrap_or_default()
            )));
        }
        Ok(delay)
    }

    async fn next_nonce(&self, of: &Deployment, safe: Address) -> Result<u64, Fault> {
        if self.chain.rpc.is_empty() {
            return Err(Fault::Usage("--nonce N or --rpc URL is missing".to_owned()));
        }
        let live = self.chain.live(of).await?;
        let mut state = live.state().map_err(ReviewFault::Live)?;
        let read = ask(&live, &mut state, |state| SafeState::read(state, safe)).await?;
        Ok(read.nonce)
    }

    /// Writes the files and says what is in them.
    pub(crate) fn write(&self, operation: &Operation, of: &Deployment) -> Result<(), Fault> {
        let lines = review(operation, &Names::of_deployment(of), true)?;
        if let Some(file) = &self.builder_out {
            let call = operation.safe_transaction().call;
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let created = now.map_or(0, |since| since.as_millis());
            let json = transaction_builder(
                operation.chain_id,
                operation.safe,
                "Nix Seed",
                &operation.description,
                u64::try_from(created).unwrap_or_default(),
                &[call],
            );
            write_new(file, &format!("{json:#}\n"))?;
        }
        write_new(&self.out, &operation.to_json())?;
        let hashes = operation.hashes();
        let text = format!(
            "{}{}Safe                   {}, transaction {}\n",
            lines
                .iter()
                .map(|line| line.clone() + "\n")
                .collect::<String>(),
            hash::text(&hashes),
            write_address(&operation.safe),
            operation.nonce
        );
        let value = json!({
            "does": lines,
            "hashes": hash::value(&hashes),
            "safe": write_address(&operation.safe),
            "nonce": operation.nonce,
        });
        answer(self.output, &text, &value)
    }
}

/// A salt that every co-signer can recompute, and that no other transaction of this Safe has.
fn salt(safe: Address, nonce: u64) -> B256 {
    keccak256(
        [
            b"nix-seed operation".as_slice(),
            safe.as_slice(),
            &nonce.to_be_bytes(),
        ]
        .concat(),
    )
}
