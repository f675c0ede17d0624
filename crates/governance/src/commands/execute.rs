use std::path::PathBuf;

use clap::Args;
use seed_primitives::{write_address, write_bytes32};
use seed_proof::{ControlWord, slots};
use serde_json::json;

use super::{
    chain::{ChainArguments, PayerArguments, ask, belongs, deployment, operation},
    decode::{answer, wait},
    queue::{Standing, rules_code, standing},
    sign::review,
};
use crate::{
    Fault,
    decode::{Names, ReviewFault},
    operation::ActFault,
    output::Output,
    simulate::{Machine, State},
};

/// Execute an operation whose delay is over; anybody may
///
/// Looks at the code of new rules once more before, and at the ledger after. Exit codes: 0 executed, now or before, 1
/// refused, 2 malformed, 3 could not be found out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The operation file
    #[arg(value_name = "OPERATION")]
    file: PathBuf,
    /// The deployment it must belong to
    #[arg(long, value_name = "FILE")]
    deployment: PathBuf,
    #[command(flatten)]
    chain: ChainArguments,
    #[command(flatten)]
    payer: PayerArguments,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    wait(execute(arguments))?
}

async fn execute(arguments: &Arguments) -> Result<(), Fault> {
    let operation = operation(&arguments.file)?;
    let of = deployment(&arguments.deployment)?;
    belongs(&operation, &of)?;
    let names = Names::of_deployment(&of);
    let mut lines = review(&operation, &names, true)?;
    let (Some(call), Some(id)) = (operation.execution(), operation.hashes().operation_id) else {
        return Err(ActFault::NothingToExecute.into());
    };
    let live = arguments.chain.live(&of).await?;
    let mut state = live.state().map_err(ReviewFault::Live)?;
    let before = standing(&operation, &live, &mut state).await?;
    let mut transaction = None;
    match before {
        Standing::Absent => return Err(ActFault::NotQueued(id.to_string()).into()),
        Standing::Done => lines.push("was executed before".to_owned()),
        Standing::Waiting(ready) => {
            let now = state.header().timestamp();
            if ready > now {
                let id = id.to_string();
                return Err(ActFault::NotReady { id, ready, now }.into());
            }
            rules_code(&operation, &names, &live, &mut state).await?;
            let wallet = arguments
                .payer
                .required(&arguments.chain, of.chain_id)
                .await?;
            let mined = wallet.send(Some(call.target), call.data).await?;
            transaction = Some(mined.hash);
            lines.push("executed".to_owned());
            lines.push(format!("transaction {}", mined.hash));
        }
    }
    let live = arguments.chain.live(&of).await?;
    let mut state = live.state().map_err(ReviewFault::Live)?;
    let after = standing(&operation, &live, &mut state).await?;
    if !matches!(after, Standing::Done) {
        return Err(ActFault::NotSeen {
            transaction: transaction.map_or_else(String::new, |hash| hash.to_string()),
            what: "the operation is done".to_owned(),
        }
        .into());
    }
    let question = |state: &State| Ok(Machine::new(state).slot(of.ledger, slots::CONTROL.into())?);
    let control = ControlWord::from_word(ask(&live, &mut state, question).await?);
    lines.push(format!(
        "rules in force {}, {} releases recorded",
        write_address(&control.rules),
        control.sequence
    ));
    let value = json!({
        "code": if transaction.is_some() { "executed" } else { "already-executed" },
        "id": write_bytes32(&id),
        "transaction": transaction.map(|hash| write_bytes32(&hash)),
        "rules": write_address(&control.rules),
        "sequence": control.sequence,
    });
    answer(arguments.output, &(lines.join("\n") + "\n"), &value)
}
