use std::path::PathBuf;

use alloy_primitives::{B256, U256, keccak256};
use clap::Args;
use seed_chain::Wallet;
use seed_primitives::{Deployment, write_address, write_bytes32};
use serde_json::{Value, json};

use super::{
    chain::{ChainArguments, PayerArguments, ask, belongs, deployment, operation},
    decode::{answer, read, wait},
    sign::review,
};
use crate::{
    Fault,
    decode::{Action, Decoded, Names, duration},
    operation::{ActFault, Operation},
    output::Output,
    safe::{MAX_SIGNATURE_BYTES, SafeState, SignatureFile, Signatures},
    simulate::{Halt, Live, Machine, State, timestamp},
};

/// Send an operation with its owners' signatures
///
/// The timelock then waits for its delay; an operation that acts at once is done. Run again, it finds what is queued
/// and sends nothing. Exit codes: 0 queued or done, 1 refused, 2 malformed, 3 could not be found out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The operation file
    #[arg(value_name = "OPERATION")]
    file: PathBuf,
    /// The deployment it must belong to
    #[arg(long, value_name = "FILE")]
    deployment: PathBuf,
    /// A signature file of an owner (repeatable)
    #[arg(long, value_name = "FILE")]
    signature: Vec<PathBuf>,
    #[command(flatten)]
    chain: ChainArguments,
    #[command(flatten)]
    payer: PayerArguments,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Where an operation stands.
pub(crate) enum Standing {
    /// Not there.
    Absent,
    /// Waiting until this time, Unix seconds.
    Waiting(u64),
    /// Done.
    Done,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let operation = operation(&arguments.file)?;
    let of = deployment(&arguments.deployment)?;
    let signatures = &arguments.signature;
    let told = wait(submit(
        &operation,
        &of,
        signatures,
        &arguments.chain,
        &arguments.payer,
    ))??;
    answer(arguments.output, &told.text(), &told.value())
}

/// What happened to an operation.
pub(crate) struct Told {
    lines: Vec<String>,
    code: &'static str,
    id: B256,
    ready: Option<u64>,
    signers: Vec<String>,
    transaction: Option<B256>,
}

impl Told {
    /// Lines for people.
    pub(crate) fn text(&self) -> String {
        let mut lines = self.lines.clone();
        if let Some(hash) = self.transaction {
            lines.push(format!("transaction {hash}"));
        }
        lines.join("\n") + "\n"
    }

    /// As JSON.
    pub(crate) fn value(&self) -> Value {
        json!({
            "code": self.code,
            "id": write_bytes32(&self.id),
            "ready": self.ready,
            "signers": self.signers,
            "transaction": self.transaction.map(|hash| write_bytes32(&hash)),
        })
    }
}

/// Checks signatures and state, sends the Safe's transaction, and looks at what it did.
pub(crate) async fn submit(
    operation: &Operation,
    of: &Deployment,
    files: &[PathBuf],
    chain: &ChainArguments,
    payer: &PayerArguments,
) -> Result<Told, Fault> {
    belongs(operation, of)?;
    let names = Names::of_deployment(of);
    // Whoever signed has accepted what weakens governance; everybody else still reads it here.
    let mut lines = review(operation, &names, true)?;
    let hash = operation.hashes().safe.safe_tx;
    let mut signed = Vec::new();
    for file in files {
        let bytes = read("the signature", file, MAX_SIGNATURE_BYTES)?;
        signed.push(SignatureFile::read(&bytes, hash).map_err(ActFault::from)?);
    }
    let live = chain.live(of).await?;
    let mut state = live.state().map_err(crate::decode::ReviewFault::Live)?;
    if let Some(told) = queued_before(operation, &live, &mut state, &lines).await? {
        return Ok(told);
    }
    let safe = ask(&live, &mut state, |state| {
        SafeState::read(state, operation.safe)
    })
    .await?;
    if safe.nonce != operation.nonce {
        let (stated, chain) = (operation.nonce, safe.nonce);
        return Err(ActFault::Nonce { stated, chain }.into());
    }
    rules_code(operation, &names, &live, &mut state).await?;
    let signatures = Signatures::collect(signed, &safe).map_err(ActFault::from)?;
    let wallet: Wallet = payer.required(chain, of.chain_id).await?;
    let call = operation
        .safe_transaction()
        .exec(signatures.packed().clone());
    let mined = wallet.send(Some(call.target), call.data).await?;
    let seen = look(operation, of, chain, mined.hash).await?;
    let ready = match seen {
        Standing::Waiting(ready) => Some(ready),
        _ => None,
    };
    lines.push(match ready {
        Some(ready) => format!(
            "queued; anybody may execute it from {ready} on, {} after its block",
            duration(U256::from(operation.timelock.map_or(0, |one| one.delay)))
        ),
        None => "done".to_owned(),
    });
    Ok(Told {
        lines,
        code: if ready.is_some() { "queued" } else { "done" },
        id: operation.hashes().operation_id.unwrap_or(hash),
        ready,
        signers: signatures.signers().iter().map(write_address).collect(),
        transaction: Some(mined.hash),
    })
}

async fn queued_before(
    operation: &Operation,
    live: &Live,
    state: &mut State,
    lines: &[String],
) -> Result<Option<Told>, Fault> {
    let Some(id) = operation.hashes().operation_id else {
        return Ok(None);
    };
    let (code, line, ready) = match standing(operation, live, state).await? {
        Standing::Absent => return Ok(None),
        Standing::Waiting(ready) => (
            "already-queued",
            format!("was queued before; anybody may execute it from {ready} on"),
            Some(ready),
        ),
        Standing::Done => ("already-executed", "was executed before".to_owned(), None),
    };
    Ok(Some(Told {
        lines: [lines, &[line]].concat(),
        code,
        id,
        ready,
        signers: Vec::new(),
        transaction: None,
    }))
}

/// Where the timelock has an operation, proven.
pub(crate) async fn standing(
    operation: &Operation,
    live: &Live,
    state: &mut State,
) -> Result<Standing, Fault> {
    let (Some(timelocked), Some(id)) = (operation.timelock, operation.hashes().operation_id) else {
        return Ok(Standing::Absent);
    };
    let question = |state: &State| {
        let word = Machine::new(state).slot(timelocked.timelock, timestamp(id))?;
        u64::try_from(word).map_err(|_| Halt::Never)
    };
    Ok(match ask(live, state, question).await? {
        0 => Standing::Absent,
        1 => Standing::Done,
        ready => Standing::Waiting(ready),
    })
}

/// Refuses rules whose code on the chain is not the one the operation names: code at an address can change until it is
/// looked at.
pub(crate) async fn rules_code(
    operation: &Operation,
    names: &Names,
    live: &Live,
    state: &mut State,
) -> Result<(), Fault> {
    for call in &operation.calls {
        let decoded = Decoded::new(call.clone(), None, names);
        let Some(Action::SetRules { rules, code_hash }) = decoded.action else {
            continue;
        };
        let question = |state: &State| Ok(Machine::new(state).code(rules)?);
        let found = keccak256(ask(live, state, question).await?);
        if found != code_hash {
            return Err(ActFault::RulesCode {
                rules,
                found: found.to_string(),
                expected: code_hash.to_string(),
            }
            .into());
        }
    }
    Ok(())
}

/// Looks, at a new block, at what a transaction should have done.
async fn look(
    operation: &Operation,
    of: &Deployment,
    chain: &ChainArguments,
    transaction: B256,
) -> Result<Standing, Fault> {
    let live = chain.live(of).await?;
    let mut state = live.state().map_err(crate::decode::ReviewFault::Live)?;
    let not_seen = |what: &str| ActFault::NotSeen {
        transaction: transaction.to_string(),
        what: what.to_owned(),
    };
    if operation.timelock.is_some() {
        return match standing(operation, &live, &mut state).await? {
            Standing::Absent => Err(not_seen("the operation waits in the timelock").into()),
            there => Ok(there),
        };
    }
    let safe = ask(&live, &mut state, |state| {
        SafeState::read(state, operation.safe)
    })
    .await?;
    match safe.nonce > operation.nonce {
        true => Ok(Standing::Done),
        false => Err(not_seen("the Safe made its transaction").into()),
    }
}
