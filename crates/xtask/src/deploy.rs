use std::{fs, path::PathBuf, time::Duration};

use alloy::{sol, sol_types::SolCall as _};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use clap::Args;
use eyre::{WrapErr as _, eyre};
use seed_chain::{Bytecode, Endpoint, Options, Wallet};
use seed_primitives::Deployment;
use seed_testkit::{
    chain::LocalChain,
    deployment::{Federation, deploy},
};

sol! {
    function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay);
    function execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt);
    function setRules(address rules, bytes32 codeHash);
}

/// A development deployment on a local chain, paid by the account anvil funds.
#[derive(Args, Debug)]
pub(crate) struct DeployArguments {
    /// The chain.
    #[arg(long)]
    rpc: String,
    /// The federation: builders, domains, systems, threshold.
    #[arg(long)]
    federation: PathBuf,
    /// The timelock's delay in seconds; 604800 or more where it matters.
    #[arg(long, default_value_t = 604_800)]
    delay: u64,
    /// Where to write the deployment.
    #[arg(long)]
    out: PathBuf,
}

/// Deploys and writes the deployment file.
pub(crate) async fn run(arguments: &DeployArguments) -> eyre::Result<()> {
    let path = &arguments.federation;
    let text = fs::read_to_string(path).wrap_err_with(|| format!("reading {}", path.display()))?;
    let (federation, configuration) = Federation::configuration(&text)?;
    let (wallet, endpoint) = connect(&arguments.rpc).await?;
    let guardian = wallet.account();
    let made = deploy(
        &wallet,
        &endpoint,
        guardian,
        arguments.delay,
        &federation,
        &configuration,
    )
    .await?;
    fs::write(&arguments.out, serde_json::to_string_pretty(&made)? + "\n")?;
    println!("ledger {} rules {}", made.ledger, made.rules);
    Ok(())
}

/// A change of rules through the timelock, to rules of a logic nobody knows: the same contract with one byte
/// between its logic and its configuration. What a captured governance could do.
#[derive(Args, Debug)]
pub(crate) struct SwapArguments {
    /// The chain.
    #[arg(long)]
    rpc: String,
    /// The deployment whose rules are swapped.
    #[arg(long)]
    deployment: PathBuf,
    /// The federation of the new rules.
    #[arg(long)]
    federation: PathBuf,
    /// The timelock's delay in seconds; the command waits for it, so only a short one makes sense.
    #[arg(long, default_value_t = 1)]
    delay: u64,
    /// Where to write the deployment with its new rules.
    #[arg(long)]
    out: PathBuf,
}

/// Schedules, waits for the delay on the chain's own clock, executes.
pub(crate) async fn swap(arguments: &SwapArguments) -> eyre::Result<()> {
    let mut deployment: Deployment = serde_json::from_slice(&fs::read(&arguments.deployment)?)?;
    let (_, configuration) =
        Federation::configuration(&fs::read_to_string(&arguments.federation)?)?;
    let (wallet, endpoint) = connect(&arguments.rpc).await?;
    let code = unknown_code(&endpoint, &configuration.to_bytes(), deployment.rules).await?;
    let rules = wallet
        .send(None, init_code(&code))
        .await?
        .contract
        .ok_or_else(|| eyre!("no rules"))?;
    let code_hash = keccak256(&code);
    let call = Bytes::from(
        setRulesCall {
            rules,
            codeHash: code_hash,
        }
        .abi_encode(),
    );
    let (target, delay) = (
        deployment.ledger,
        alloy_primitives::U256::from(arguments.delay),
    );
    let scheduled = scheduleCall {
        target,
        value: Default::default(),
        data: call.clone(),
        predecessor: B256::ZERO,
        salt: B256::ZERO,
        delay,
    };
    wallet
        .send(Some(deployment.timelock), scheduled.abi_encode().into())
        .await?;
    let execute = executeCall {
        target,
        value: Default::default(),
        data: call,
        predecessor: B256::ZERO,
        salt: B256::ZERO,
    };
    execute_when_ready(&wallet, deployment.timelock, execute.abi_encode().into()).await?;
    (deployment.rules, deployment.rules_code_hash) = (rules, code_hash);
    fs::write(
        &arguments.out,
        serde_json::to_string_pretty(&deployment)? + "\n",
    )?;
    println!("rules {rules}");
    Ok(())
}

/// The timelock refuses until its delay is over; its refusal costs nothing.
async fn execute_when_ready(wallet: &Wallet, timelock: Address, call: Bytes) -> eyre::Result<()> {
    let mut refused = None;
    for _ in 0..100 {
        match wallet.send(Some(timelock), call.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) => refused = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(refused.map_or_else(|| eyre!("never tried"), Into::into))
}

/// The logic of the rules in force, one byte that does nothing, and `configuration`.
async fn unknown_code(
    endpoint: &Endpoint,
    configuration: &[u8],
    rules: Address,
) -> eyre::Result<Vec<u8>> {
    let head = endpoint.latest_header().await?;
    let code = endpoint.code(rules, head.hash).await?;
    let logic = Bytecode::rules().logic_code();
    eyre::ensure!(
        code.starts_with(&logic),
        "the rules in force are of another logic"
    );
    Ok([logic.as_ref(), &[0xfe], configuration].concat())
}

/// Creation code that returns `code` as it is: `PUSH3 len; DUP1; PUSH1 11; PUSH0; CODECOPY; PUSH0; RETURN`.
fn init_code(code: &[u8]) -> Bytes {
    let length = u32::try_from(code.len()).unwrap_or(u32::MAX).to_be_bytes();
    let prefix = [
        0x62, length[1], length[2], length[3], 0x80, 0x60, 11, 0x5f, 0x39, 0x5f, 0xf3,
    ];
    [&prefix[..], code].concat().into()
}

async fn connect(rpc: &str) -> eyre::Result<(Wallet, Endpoint)> {
    let options = Options::default();
    let endpoint = Endpoint::new(rpc, &options)?;
    let chain_id = endpoint.chain_id().await?;
    let patience = Duration::from_secs(60);
    let wallet = Wallet::new(
        rpc,
        &options,
        chain_id,
        LocalChain::funded(),
        u128::MAX,
        patience,
    )?;
    Ok((wallet, endpoint))
}
