use std::path::PathBuf;

use alloy_primitives::Address;
use clap::Args;
use seed_chain::TransactionSigner as _;
use seed_primitives::{Deployment, write_address};
use serde_json::json;

use super::{
    chain::{belongs, deployment, operation},
    decode::{answer, wait},
    hash::{self, ExpectedArguments},
    signer::SignerArguments,
    write::write_new,
};
use crate::{
    Fault,
    decode::{Allowed, Names, ReviewFault, Subject, report},
    operation::{ActFault, Operation},
    output::{Output, complain},
    safe::SignatureFile,
    signer::{Ask, SignerSource},
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
    #[command(flatten)]
    signer: SignerArguments,
    /// The owner who signs: refuse any other account [default for devices and services: an owner the deployment names]
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
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
    let source = arguments.signer.source()?.ok_or_else(|| {
        let missing = "--signer SIGNER, --keystore FILE or --dev-key-file FILE";
        Fault::Usage(format!("no key is named: {missing} is missing"))
    })?;
    let ask = Ask::of(&operation);
    let (who, signature) = wait(async {
        let prompt = "Password of the owner's key: ";
        let signer = arguments.signer.open(&source, prompt).await?;
        if let Some(owners) = expected_owners(arguments, &source, &operation, &of) {
            signer.expect(&owners)?;
        }
        for line in lines.iter().chain(&ask.screen(&source)) {
            // Said before the device asks: who looks at its screen must know what belongs there.
            if !matches!(source, SignerSource::Key(_)) {
                complain(line);
            }
        }
        Ok::<_, Fault>((signer.account(), signer.sign_safe(&ask).await?))
    })??;
    let file = SignatureFile::new(hashes.safe.safe_tx, who, &signature);
    let json =
        serde_json::to_string_pretty(&file).map_err(|error| Fault::Machine(error.to_string()))?;
    write_new(&arguments.out, &(json + "\n"))?;
    let who = write_address(&who);
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

/// Whose signature it must be: the owner who was named, or else, of a device or service that says itself who it is, one
/// of the Safe's owners in the deployment file. A key in a file was chosen by its file.
fn expected_owners(
    arguments: &Arguments,
    source: &SignerSource,
    operation: &Operation,
    of: &Deployment,
) -> Option<Vec<Address>> {
    if let Some(owner) = arguments.owner {
        return Some(vec![owner]);
    }
    if matches!(source, SignerSource::Key(_)) {
        return None;
    }
    let safes = of.safes.as_ref();
    let owners = safes.map(|safes| match operation.safe == of.guardian {
        true => safes.guardian.owners.clone(),
        false => safes.proposer.owners.clone(),
    });
    Some(owners.unwrap_or_default())
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
