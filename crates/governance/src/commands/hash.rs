use std::{fmt::Write as _, path::PathBuf};

use alloy_primitives::B256;
use clap::Args;
use seed_primitives::write_bytes32;
use serde_json::{Value, json};

use super::{chain::operation, decode::answer};
use crate::{
    Fault,
    operation::{ActFault, Expected, Hashes},
    output::Output,
};

/// Compute, offline, what the owners of the Safe sign
///
/// Domain, message and Safe transaction hash as a hardware wallet shows them, and the timelock's operation id, from the
/// operation file alone. Exit codes: 0 computed and as expected, 1 something is not as expected, 2 malformed.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The operation file
    #[arg(value_name = "OPERATION")]
    file: PathBuf,
    #[command(flatten)]
    expected: ExpectedArguments,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What somebody was told, or reads from a screen.
#[derive(Args, Debug)]
pub(crate) struct ExpectedArguments {
    /// Refuse unless this is the domain hash
    #[arg(long, value_name = "HASH")]
    expect_domain: Option<B256>,
    /// Refuse unless this is the message hash
    #[arg(long, value_name = "HASH")]
    expect_message: Option<B256>,
    /// Refuse unless this is the Safe transaction hash
    #[arg(long, value_name = "HASH")]
    expect_safe_tx: Option<B256>,
    /// Refuse unless this is the timelock's operation id
    #[arg(long, value_name = "HASH")]
    expect_operation: Option<B256>,
}

impl ExpectedArguments {
    /// As the library takes it.
    pub(crate) const fn expected(&self) -> Expected {
        Expected {
            domain: self.expect_domain,
            message: self.expect_message,
            safe_tx: self.expect_safe_tx,
            operation_id: self.expect_operation,
        }
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let hashes = operation(&arguments.file)?.hashes();
    answer(arguments.output, &text(&hashes), &value(&hashes))?;
    let expected = arguments.expected.expected();
    Ok(hashes.expect(&expected).map_err(ActFault::from)?)
}

/// The hashes, one per line.
pub(crate) fn text(hashes: &Hashes) -> String {
    let mut text = format!(
        "domain hash            {}\nmessage hash           {}\nSafe transaction hash  {}\n",
        write_bytes32(&hashes.safe.domain),
        write_bytes32(&hashes.safe.message),
        write_bytes32(&hashes.safe.safe_tx),
    );
    if let Some(id) = hashes.operation_id {
        let _ = writeln!(text, "operation id           {}", write_bytes32(&id));
    }
    text
}

/// The hashes as JSON.
pub(crate) fn value(hashes: &Hashes) -> Value {
    json!({
        "domainHash": write_bytes32(&hashes.safe.domain),
        "messageHash": write_bytes32(&hashes.safe.message),
        "safeTxHash": write_bytes32(&hashes.safe.safe_tx),
        "operationId": hashes.operation_id.map(|id| write_bytes32(&id)),
    })
}
