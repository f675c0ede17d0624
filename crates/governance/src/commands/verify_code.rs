use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use seed_primitives::{Deployment, MAX_DEPLOYMENT_BYTES, write_address};
use serde_json::{Value, json};

use super::decode::{answer, read, wait};
use crate::{
    Fault,
    code::{Sources, Verified, verify},
    output::Output,
};

/// Recompile the contracts and compare them, byte for byte, with what is deployed; then owners, roles and delay
///
/// Immutables and appended configuration are understood. Every value is proven against a block that all endpoints agree
/// on. Exit codes: 0 all is equal, 1 something differs, 2 malformed, 3 could not be found out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The deployment file
    #[arg(long, value_name = "FILE")]
    deployment: PathBuf,
    /// A JSON-RPC endpoint, https or loopback; all must agree (repeatable)
    #[arg(long, value_name = "URL", required = true)]
    rpc: Vec<String>,
    /// The folder with foundry.toml, src and node_modules
    #[arg(long, value_name = "DIR", default_value = "contracts")]
    sources: PathBuf,
    /// The Solidity compiler [default: the one that foundry.toml names]
    #[arg(long, value_name = "PROGRAM")]
    solc: Option<PathBuf>,
    /// The federation file of the rules in force, where they are no longer the first
    #[arg(long, value_name = "FILE")]
    federation: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let (what, file) = ("the deployment", &arguments.deployment);
    let bytes = read(what, file, MAX_DEPLOYMENT_BYTES)?;
    let deployment =
        Deployment::from_json(&bytes).map_err(|error| Fault::file(what, file, error))?;
    let sources = Sources::compile(&arguments.sources, arguments.solc.as_deref())?;
    let federation = arguments.federation.as_deref();
    let verified =
        wait(async { verify(&arguments.rpc, &deployment, &sources, federation).await })??;
    let (text, value) = (
        text(&verified, &deployment, &sources),
        value(&verified, &deployment, &sources),
    );
    answer(arguments.output, &text, &value)
}

fn text(verified: &Verified, deployment: &Deployment, sources: &Sources) -> String {
    let mut text = String::new();
    for one in &verified.contracts {
        let _ = writeln!(
            text,
            "{:22} {}  {} bytes equal",
            one.what,
            write_address(&one.address),
            one.bytes
        );
    }
    if !verified.same_logic {
        let _ = writeln!(
            text,
            "note: the sources give other rules than the ones this program was built with"
        );
    }
    let _ = writeln!(
        text,
        "verified at block {} of chain {}, compiler {}: code, immutables, configuration, owners, roles, delay",
        verified.block, deployment.chain_id, sources.compiler
    );
    text
}

fn value(verified: &Verified, deployment: &Deployment, sources: &Sources) -> Value {
    let contracts = verified.contracts.iter().map(|one| {
        json!({ "what": one.what, "address": write_address(&one.address), "bytes": one.bytes })
    });
    json!({
        "chainId": deployment.chain_id,
        "block": verified.block,
        "compiler": sources.compiler,
        "contracts": contracts.collect::<Vec<_>>(),
        "sameLogicAsThisProgram": verified.same_logic,
    })
}
