use std::path::PathBuf;

use clap::Args;

use super::{
    chain::{deployment, operation},
    decode::{answer, wait},
    propose::{SubjectArguments, Via, revocation},
    queue::submit,
};
use crate::Fault;

/// The guardian's way out: revoke a builder or rules at once and for ever
///
/// Writes the operation file for the guardian's owners to sign, or, with their signatures, sends it. Exit codes: 0
/// written or revoked, 1 refused, 2 malformed, 3 could not be found out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// Dispute as well what it signed from this sequence number on
    #[arg(long, value_name = "N")]
    from_sequence: Option<u32>,
    /// A signature file of an owner over the operation in --out, written before (repeatable)
    #[arg(long, value_name = "FILE")]
    signature: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let common = &arguments.subject.common;
    let of = deployment(&common.deployment)?;
    let call = revocation(&of, arguments.subject.subject, arguments.from_sequence);
    if arguments.signature.is_empty() {
        let operation = wait(common.operation(&of, Via::Guardian, call))??;
        return common.write(&operation, &of);
    }
    let signed = operation(&common.out)?;
    if signed.calls != [call] || signed.safe != of.guardian {
        let why = "it is another operation than the command line asks for";
        return Err(Fault::file("the operation", &common.out, why));
    }
    let told = wait(submit(
        &signed,
        &of,
        &arguments.signature,
        &common.chain,
        &common.payer,
    ))??;
    answer(common.output, &told.text(), &told.value())
}
