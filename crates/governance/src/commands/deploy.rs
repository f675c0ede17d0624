use std::{fmt::Write as _, path::PathBuf, time::Duration};

use clap::Args;
use seed_primitives::{Environment, write_address};
use serde_json::{Value, json};

use super::{
    decode::{answer, wait},
    signer::SignerArguments,
};
use crate::{
    Fault,
    deployment::{Outcome, Parameters, Request, SafeSource, deploy},
    output::{Output, complain},
    signer::{Signer, SignerSource},
};

const GWEI: u128 = 1_000_000_000;

/// Deploy Safes, timelock, rules and ledger, verify them, and write the deployment file
///
/// The addresses follow from the configuration. Run again it finds what stands and sends nothing for it. Exit codes: 0
/// everything stands and is as configured, 1 refused, 2 malformed, 3 not complete or could not be found out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The configuration: environment, chain-id, salt, delay, federation, [proposer] and [guardian]
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A JSON-RPC endpoint, https or loopback; transactions go to the first, all must agree (repeatable)
    #[arg(long, value_name = "URL", required = true)]
    rpc: Vec<String>,
    /// Where to write the deployment file
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Say what would be sent, where everything would stand and what it would cost, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signer: SignerArguments,
    /// Send at most this many transactions, then stop
    #[arg(long, value_name = "N")]
    at_most: Option<usize>,
    /// A block before the deployment [default: found out]
    #[arg(long, value_name = "NUMBER")]
    block: Option<u64>,
    /// The most gwei per gas that is ever paid
    #[arg(long, value_name = "GWEI", default_value_t = 100)]
    max_fee: u64,
    /// The most seconds for one transaction to be mined
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let source = source(arguments)?;
    let parameters = Parameters::load(&arguments.config)?;
    let development = source.as_ref().is_some_and(SignerSource::is_development);
    if parameters.environment == Environment::Production && development {
        return Err(Fault::Usage(
            "--dev-key-file is for development; production takes --signer or --keystore".to_owned(),
        ));
    }
    let outcome = wait(async {
        let payer = match source {
            Some(_) => arguments.signer.payer().await?,
            None => None,
        };
        deploy(&request(arguments, parameters, payer), &mut |line| {
            complain(line);
        })
        .await
    })??;
    answer(arguments.output, &text(&outcome), &value(&outcome))
}

fn request(arguments: &Arguments, parameters: Parameters, payer: Option<Signer>) -> Request {
    Request {
        parameters,
        urls: arguments.rpc.clone(),
        out: arguments.out.clone(),
        payer: payer.map(|signer| (signer, u128::from(arguments.max_fee) * GWEI)),
        at_most: arguments.at_most.unwrap_or(usize::MAX),
        block: arguments.block,
        patience: Duration::from_secs(arguments.timeout),
    }
}

/// Who pays, named before anything else is looked at; nobody in a dry run.
fn source(arguments: &Arguments) -> Result<Option<SignerSource>, Fault> {
    if arguments.dry_run {
        return Ok(None);
    }
    match arguments.signer.source()? {
        Some(source) => Ok(Some(source)),
        None => Err(Fault::Usage(
            "nobody pays for gas: --signer SIGNER, --keystore FILE, --dev-key-file FILE or --dry-run is missing"
                .to_owned(),
        )),
    }
}

fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for step in &outcome.steps {
        let state = match (step.found, step.transaction) {
            (true, _) => "was there".to_owned(),
            (false, Some(hash)) => format!("made by {hash}"),
            (false, None) => format!("missing: {} gas, {} bytes", step.gas, step.data),
        };
        let _ = writeln!(
            text,
            "{:22} {}  {state}",
            step.what,
            write_address(&step.address)
        );
    }
    if outcome.plan.source == SafeSource::Canonical {
        let _ = writeln!(text, "The Safe contracts are the canonical ones.");
    }
    if let Some(deployment) = &outcome.deployment {
        let _ = writeln!(
            text,
            "deployed and verified: ledger {} on chain {}, environment {}, since block {}",
            write_address(&deployment.ledger),
            deployment.chain_id,
            deployment.environment.as_str(),
            deployment.block
        );
        return text;
    }
    let gas = outcome.gas_left();
    let _ = writeln!(
        text,
        "missing: {gas} gas, {} ether at the present price of {} gwei; a chain on top of another charges for the bytes as well",
        ether(u128::from(gas).saturating_mul(outcome.gas_price)),
        decimal(outcome.gas_price, 9)
    );
    text
}

fn value(outcome: &Outcome) -> Value {
    let steps = outcome.steps.iter();
    let steps: Vec<_> = steps
        .map(|step| {
            json!({
                "what": step.what,
                "address": write_address(&step.address),
                "gas": step.gas,
                "dataBytes": step.data,
                "found": step.found,
                "transaction": step.transaction,
            })
        })
        .collect();
    json!({
        "contracts": steps,
        "canonicalSafe": outcome.plan.source == SafeSource::Canonical,
        "gasLeft": outcome.gas_left(),
        "gasPrice": outcome.gas_price.to_string(),
        "deployment": outcome.deployment,
    })
}

fn ether(wei: u128) -> String {
    decimal(wei, 18)
}

/// `value` / 10^`places`, without trailing zeros.
fn decimal(value: u128, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    match part.is_empty() {
        true => whole.to_owned(),
        false => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_decimals() {
        assert_eq!(decimal(0, 18), "0");
        assert_eq!(decimal(1_500_000_000, 9), "1.5");
        assert_eq!(decimal(7, 9), "0.000000007");
    }
}
