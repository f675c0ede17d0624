use std::path::PathBuf;

use alloy::signers::SignerSync as _;
use clap::Args;
use seed_chain::KeySource;
use seed_primitives::write_address;
use serde_json::json;

use super::{
    chain::{belongs, deployment, operation},
    decode::answer,
    hash::{self, ExpectedArguments},
    write::write_new,
};
use crate::{
    Fault,
    decode::{Allowed, Names, ReviewFault, Subject, report},
    operation::{ActFault, Operation},
    output::{Output, complain},
    safe::SignatureFile,
};

/// Sign an operation as an owner of its Safe, into a file
///
/// Says what it does and computes its hashes first; what should not be signed unseen is refused. Nothing is sent
/// anywhere. Exit codes: 0 signed, 1 refused, 2 malformed.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The operation file
    #[arg(value_name = "OPERATION")]
    file: PathBuf,
    /// The deployment it must belong to
    #[arg(long, value_name = "FILE")]
    deployment: PathBuf,
    /// The owner's encrypted keystore (Web3, version 3)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "dev_key_file",
        required_unless_present = "dev_key_file"
    )]
    keystore: Option<PathBuf>,
    /// The file with its password [default: ask on the terminal]
    #[arg(long, value_name = "FILE", requires = "keystore")]
    password_file: Option<PathBuf>,
    /// For development only: an unencrypted key, 0x and 64 hex digits
    #[arg(long, value_name = "FILE")]
    dev_key_file: Option<PathBuf>,
    #[command(flatten)]
    expected: ExpectedArguments,
    /// Sign although governance becomes weaker by it
    #[arg(long)]
    allow_weaker: bool,
    /// Where to write the signature
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    if arguments.out.exists() {
        return Err(Fault::OutputExists(arguments.out.clone()));
    }
    let operation = operation(&arguments.file)?;
    let of = deployment(&arguments.deployment)?;
    belongs(&operation, &of)?;
    let names = Names::of_deployment(&of);
    let lines = review(&operation, &names, arguments.allow_weaker)?;
    let hashes = operation.hashes();
    let expected = arguments.expected.expected();
    hashes.expect(&expected).map_err(ActFault::from)?;
    let source = KeySource::named(
        arguments.keystore.as_deref(),
        arguments.password_file.as_deref(),
        arguments.dev_key_file.as_deref(),
    )?;
    let source = source.ok_or_else(|| Fault::Usage("no key is named".to_owned()))?;
    let signer = source.open("Password of the owner's key: ")?;
    let signature = signer
        .sign_hash_sync(&hashes.safe.safe_tx)
        .map_err(|error| Fault::Machine(error.to_string()))?;
    let file = SignatureFile::new(hashes.safe.safe_tx, signer.address(), &signature);
    let json =
        serde_json::to_string_pretty(&file).map_err(|error| Fault::Machine(error.to_string()))?;
    write_new(&arguments.out, &(json + "\n"))?;
    let who = write_address(&signer.address());
    let text = format!(
        "{}{}signed by              {who}\n",
        lines
            .iter()
            .map(|line| line.clone() + "\n")
            .collect::<String>(),
        hash::text(&hashes)
    );
    let value = json!({ "does": lines, "hashes": hash::value(&hashes), "signer": who });
    answer(arguments.output, &text, &value)
}

/// What an operation does, in sentences; refuses what nobody should sign.
pub(crate) fn review(
    operation: &Operation,
    names: &Names,
    weaker: bool,
) -> Result<Vec<String>, Fault> {
    let decoded = Subject::Safe(operation.safe_transaction()).decode(names);
    for line in report::shouts(&decoded, "1") {
        complain(&line);
    }
    // What is unknown is never let through here: there is no flag for it.
    let allowed = Allowed {
        unknown: false,
        weaker,
    };
    match decoded.refusal(allowed) {
        Some(warning) => Err(ReviewFault::refused(warning).into()),
        None => Ok(report::lines(&decoded, "1")),
    }
}
