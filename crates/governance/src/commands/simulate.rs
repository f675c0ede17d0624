use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, Bytes};
use clap::Args;
use seed_primitives::Deployment;

use super::decode::{Context, ContextArguments, SubjectArguments, answer, read, wait};
use crate::{
    Fault,
    decode::{ReviewFault, Subject, report as calls, same_chain},
    operation::ActFault,
    output::{Output, complain},
    safe::{MAX_SIGNATURE_BYTES, SafeHashes, SafeState, SignatureFile, Signatures},
    simulate::{BlockChoice, Live, Outcome, Plan, State, report},
};

/// The most bytes of a snapshot file.
const MAX_SNAPSHOT: u64 = 32 << 20;

/// Run a change on a local EVM over proven state and print everything it would change
///
/// The Safe's own code runs the transaction; what it schedules is executed when its delay is over. Exit codes: 0 it
/// changes what it says and nothing else, 1 it would fail or is refused, 2 malformed, 3 could not be found out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
    #[command(flatten)]
    context: ContextArguments,
    /// A JSON-RPC endpoint, https or loopback; all must agree on the block, every value is proven (repeatable)
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "snapshot",
        required_unless_present = "snapshot"
    )]
    rpc: Vec<String>,
    /// The block whose state is used: latest, finalized, or a number
    #[arg(
        long,
        value_name = "BLOCK",
        default_value = "latest",
        conflicts_with = "snapshot"
    )]
    block: BlockChoice,
    /// Run on the state in this file, with the network off
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// The hash of the block that the state must be of
    #[arg(long, value_name = "HASH")]
    expect_block: Option<B256>,
    /// Write the state that was used to this file, with its proofs
    #[arg(long, value_name = "FILE", conflicts_with = "snapshot")]
    save: Option<PathBuf>,
    /// A signature file of an owner of the Safe (repeatable) [default: approvals are pretended]
    #[arg(long, value_name = "FILE", conflicts_with = "signatures")]
    signature: Vec<PathBuf>,
    /// The Safe's signatures as execTransaction takes them, 0x and hex
    #[arg(long, value_name = "HEX")]
    signatures: Option<Bytes>,
    /// Who sends the transactions [default: an account that nobody has]
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<Address>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let context = arguments.context.read()?;
    let Some(deployment) = &context.deployment else {
        return Err(Fault::Usage("simulate needs --deployment".to_owned()));
    };
    let mut subjects = arguments.subject.read(&context.names)?;
    let (Some(subject), true) = (subjects.pop(), subjects.is_empty()) else {
        return Err(Fault::Usage("simulate takes one transaction".to_owned()));
    };
    if arguments.save.as_ref().is_some_and(|file| file.exists()) {
        return Err(Fault::OutputExists(
            arguments.save.clone().unwrap_or_default(),
        ));
    }
    let mut plan = Plan {
        subject,
        names: context.names.clone(),
        signatures: arguments.signatures.clone(),
        sender: arguments.sender,
        ledger_code_hash: Some(deployment.ledger_code_hash),
        singleton: deployment.safe_contracts.map(|one| one.singleton),
        federations: context.federations.clone(),
    };
    let (outcome, state) = match &arguments.snapshot {
        Some(file) => offline(file, &mut plan, arguments, &context)?,
        None => online(arguments, &mut plan, deployment)?,
    };
    if let Some(file) = &arguments.save {
        save(file, &state)?;
    }
    if arguments.rpc.len() == 1 {
        complain("note: one endpoint was asked; that its block is on the chain rests on it alone");
    }
    show(arguments, &context, &outcome)
}

fn show(arguments: &Arguments, context: &Context, outcome: &Outcome) -> Result<(), Fault> {
    for line in calls::shouts(&outcome.decoded, "1") {
        complain(&line);
    }
    for objection in &outcome.objections {
        complain(&format!("WARNING[{}]: {objection}", objection.code()));
    }
    let text = report::text(outcome, &context.names);
    let value = report::json(outcome, &context.names, context.allowed);
    answer(arguments.output, &text, &value)?;
    match outcome.refusal(context.allowed) {
        Some(fault) => Err(fault.into()),
        None => Ok(()),
    }
}

fn offline(
    file: &Path,
    plan: &mut Plan,
    arguments: &Arguments,
    context: &Context,
) -> Result<(Outcome, State), Fault> {
    let bytes = read("the snapshot", file, MAX_SNAPSHOT)?;
    let state = State::from_json(&bytes).map_err(ReviewFault::State)?;
    same_chain(state.chain_id(), &context.names)?;
    expected_block(arguments, &state)?;
    if let Some(safe) = signed_by(arguments, plan)? {
        let of = SafeState::read(&state, safe).map_err(ReviewFault::Halt)?;
        sign(arguments, plan, state.chain_id(), &of)?;
    }
    let outcome = plan.run(&state).map_err(ReviewFault::Halt)?;
    Ok((outcome, state))
}

fn online(
    arguments: &Arguments,
    plan: &mut Plan,
    deployment: &Deployment,
) -> Result<(Outcome, State), Fault> {
    let (chain, genesis) = (deployment.chain_id, Some(deployment.genesis_hash));
    wait(async {
        let live = Live::connect(&arguments.rpc, chain, genesis, arguments.block);
        let live = live.await.map_err(ReviewFault::Live)?;
        let mut state = live.state().map_err(ReviewFault::Live)?;
        expected_block(arguments, &state)?;
        if let Some(safe) = signed_by(arguments, plan)? {
            let ask = |state: &State| SafeState::read(state, safe);
            let of = live.complete(&mut state, ask).await;
            let of = of.map_err(ReviewFault::Live)?.map_err(ReviewFault::Halt)?;
            sign(arguments, plan, state.chain_id(), &of)?;
        }
        let ran = live
            .run(plan, &mut state)
            .await
            .map_err(ReviewFault::Live)?;
        let outcome = ran.map_err(ReviewFault::Halt)?;
        Ok((outcome, state))
    })?
}

/// The Safe whose owners' signature files are given, if any are.
fn signed_by(arguments: &Arguments, plan: &Plan) -> Result<Option<Address>, Fault> {
    match &plan.subject {
        _ if arguments.signature.is_empty() => Ok(None),
        Subject::Safe(transaction) => Ok(Some(transaction.safe)),
        Subject::Direct { .. } => Err(Fault::Usage(
            "--signature is for transactions of a Safe".to_owned(),
        )),
    }
}

/// Puts the signature files into the plan; each must be over this very transaction.
fn sign(
    arguments: &Arguments,
    plan: &mut Plan,
    chain_id: u64,
    of: &SafeState,
) -> Result<(), Fault> {
    let Subject::Safe(transaction) = &plan.subject else {
        return Ok(());
    };
    let stated = transaction
        .nonce
        .and_then(|nonce| u64::try_from(nonce).ok());
    let hash = SafeHashes::new(chain_id, transaction, stated.unwrap_or(of.nonce)).safe_tx;
    let mut files = Vec::new();
    for file in &arguments.signature {
        let bytes = read("the signature", file, MAX_SIGNATURE_BYTES)?;
        files.push(SignatureFile::read(&bytes, hash).map_err(ActFault::from)?);
    }
    let signatures = Signatures::collect(files, of).map_err(ActFault::from)?;
    plan.signatures = Some(signatures.packed().clone());
    Ok(())
}

fn expected_block(arguments: &Arguments, state: &State) -> Result<(), Fault> {
    let found = state.header().hash();
    match arguments.expect_block {
        Some(expected) if expected != found => Err(ReviewFault::OtherBlock {
            found: found.to_string(),
            expected: expected.to_string(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Writes the snapshot to a file that is not there yet.
fn save(file: &Path, state: &State) -> Result<(), Fault> {
    let json =
        serde_json::to_vec(&state.snapshot()).map_err(|error| Fault::Machine(error.to_string()))?;
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).open(file);
    opened
        .and_then(|mut out| out.write_all(&json))
        .map_err(|error| Fault::file("the snapshot", file, error))
}
