use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use seed_chain::{Options, TransactionSigner as _, Wallet};
use seed_primitives::{Deployment, MAX_DEPLOYMENT_BYTES, SafeContracts};

use super::{
    DeployFault, Difference, FACTORY, Parameters, Plan, Published, Rehearsal, SafeSource, Sight,
    bytecode::FACTORY_CODE, in_force, inspect, origin::origin, unsafe_parameters,
};
use crate::{Fault, commands::decode::read, signer::Signer};

/// How often the endpoints are asked for a block that they do not show yet.
const POLL: Duration = Duration::from_millis(200);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to deploy.
    pub parameters: Parameters,
    /// The endpoints; transactions go to the first, and all must agree on what is read.
    pub urls: Vec<String>,
    /// The deployment file; without one nothing is written.
    pub out: Option<PathBuf>,
    /// Who pays, and at most how many wei per gas; nothing is sent without.
    pub payer: Option<(Signer, u128)>,
    /// The most transactions to send.
    pub at_most: usize,
    /// The block before the deployment, where it cannot be found out.
    pub block: Option<u64>,
    /// The most time for a transaction to be mined and to be seen.
    pub patience: Duration,
}

/// One contract of a deployment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepReport {
    /// What it is.
    pub what: &'static str,
    /// Where it stands.
    pub address: Address,
    /// The gas of its transaction, from the rehearsal.
    pub gas: u64,
    /// Its transaction's bytes of data, which chains on top of others charge for.
    pub data: usize,
    /// Whether it stood there before.
    pub found: bool,
    /// The transaction that made it now.
    pub transaction: Option<B256>,
}

/// What was found and done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The plan.
    pub plan: Plan,
    /// Contract by contract.
    pub steps: Vec<StepReport>,
    /// What a unit of gas costs, in wei.
    pub gas_price: u128,
    /// What the account that pays has, where there is one.
    pub balance: Option<(Address, U256)>,
    /// The deployment, complete and verified; nothing in a dry run of what is not complete.
    pub deployment: Option<Deployment>,
}

impl Outcome {
    /// The gas of what is not there.
    #[must_use]
    pub fn gas_left(&self) -> u64 {
        let left = self.steps.iter().filter(|step| !step.found);
        left.map(|step| step.gas).sum()
    }
}

/// Deploys what is not there yet, verifies everything, and writes the deployment file last.
///
/// Run again it finds what stands and sends nothing for it; whatever was interrupted is continued.
///
/// # Errors
/// [`DeployFault`] for parameters or findings that must not be deployed, and whatever the chain or the disk refuses.
pub async fn deploy(request: &Request, progress: &mut dyn FnMut(&str)) -> Result<Outcome, Fault> {
    let parameters = &request.parameters;
    let violations = unsafe_parameters(parameters);
    if !violations.is_empty() {
        return Err(DeployFault::Unsafe(violations).into());
    }
    let existing = request.out.as_deref().map(existing).transpose()?.flatten();
    let genesis = existing.as_ref().map(|one| one.genesis_hash);
    let mut sight = Sight::newest(&request.urls, parameters.chain_id, genesis).await?;
    factory(&mut sight, parameters.chain_id).await?;
    let source = source(&mut sight, parameters, existing.as_ref()).await?;
    let plan = Plan::new(parameters, source);
    if let (Some(existing), Some(file)) = (&existing, &request.out) {
        same_file(
            file,
            existing,
            &plan.deployment(parameters, sight.genesis(), existing.block),
        )?;
    }
    let rehearsal = Rehearsal::of(&plan, parameters.chain_id)?;
    let mut steps = survey(&mut sight, &plan, &rehearsal).await?;
    let (gas_price, balance) = prices(&sight, request).await?;

    let mut began = None;
    if let Some((signer, max_fee)) = &request.payer {
        let wallet = Wallet::new(
            request.urls.first().map(String::as_str).unwrap_or_default(),
            &Options::default(),
            parameters.chain_id,
            signer.clone(),
            *max_fee,
            request.patience,
        )?;
        let sent = send(&wallet, &plan, &mut steps, request.at_most, progress).await?;
        began = sent.proposer;
        if let Some(block) = sent.last {
            sight = seen(request, &sight, block).await?;
            survey(&mut sight, &plan, &rehearsal).await?;
        }
        let left = steps
            .iter()
            .filter(|step| !step.found && step.transaction.is_none());
        let left = left.count();
        if left != 0 {
            let sent = steps
                .iter()
                .filter(|step| step.transaction.is_some())
                .count();
            return Err(DeployFault::Stopped { sent, left }.into());
        }
    }
    let mut outcome = Outcome {
        plan,
        steps,
        gas_price,
        balance,
        deployment: None,
    };
    let complete = outcome
        .steps
        .iter()
        .all(|step| step.found || step.transaction.is_some());
    if complete {
        if !sight.proven() {
            return Err(DeployFault::Unproven.into());
        }
        let proposer = outcome.plan.proposer;
        let block = match existing
            .as_ref()
            .map(|one| one.block)
            .or(request.block)
            .or(began)
        {
            Some(block) => block,
            None => first_block(&sight, proposer).await?,
        };
        let deployment = outcome.plan.deployment(parameters, sight.genesis(), block);
        let mut differences = inspect(&mut sight, &deployment).await?;
        let rules = in_force(&mut sight, deployment.ledger).await?;
        if rules != deployment.rules {
            differences.push(Difference {
                what: "the ledger's rules in force".to_owned(),
                expected: seed_primitives::write_address(&deployment.rules),
                found: seed_primitives::write_address(&rules),
            });
        }
        if !differences.is_empty() {
            return Err(DeployFault::Differs(differences).into());
        }
        if let (Some(out), Some(_), None) = (&request.out, &request.payer, &existing) {
            write(out, deployment.to_json().as_bytes())?;
        }
        outcome.deployment = Some(deployment);
    }
    Ok(outcome)
}

/// The deployment file, if there is one.
fn existing(path: &Path) -> Result<Option<Deployment>, Fault> {
    if !path.exists() {
        return Ok(None);
    }
    let what = "the deployment";
    let bytes = read(what, path, MAX_DEPLOYMENT_BYTES)?;
    let read = Deployment::from_json(&bytes);
    Ok(Some(read.map_err(|error| Fault::file(what, path, error))?))
}

fn same_file(file: &Path, existing: &Deployment, planned: &Deployment) -> Result<(), DeployFault> {
    if existing == planned {
        return Ok(());
    }
    let fields = |one: &Deployment| serde_json::to_value(one).unwrap_or_default();
    let (one, other) = (fields(existing), fields(planned));
    let names = other.as_object().into_iter().flatten();
    let differs = names
        .map(|(name, _)| name)
        .find(|name| one.get(*name) != other.get(*name));
    Err(DeployFault::OtherFile {
        file: file.to_owned(),
        field: differs.cloned().unwrap_or_default(),
    })
}

/// The factory is there, and is the factory.
async fn factory(sight: &mut Sight, chain_id: u64) -> Result<(), Fault> {
    let code = sight.code(FACTORY).await?;
    if code.is_empty() {
        return Err(DeployFault::NoFactory { chain_id }.into());
    }
    if code.as_ref() != FACTORY_CODE {
        return Err(occupied("deterministic factory", FACTORY));
    }
    Ok(())
}

/// Which Safe contracts to use: those of the file; those of a deployment that was begun; the canonical ones where all
/// of them are there; else our own.
async fn source(
    sight: &mut Sight,
    parameters: &Parameters,
    existing: Option<&Deployment>,
) -> Result<SafeSource, Fault> {
    let canonical = Plan::new(parameters, SafeSource::Canonical);
    let own = Plan::new(parameters, SafeSource::Own);
    match existing.and_then(|one| one.safe_contracts) {
        Some(contracts) if contracts == own.contracts => return Ok(SafeSource::Own),
        Some(contracts) if contracts == canonical.contracts => {}
        _ => {
            if !stand(sight, canonical.contracts).await? {
                return Ok(SafeSource::Own);
            }
            let begun = sight.code(canonical.proposer).await?;
            let own_begun = sight.code(own.proposer).await?;
            if begun.is_empty() && !own_begun.is_empty() {
                return Ok(SafeSource::Own);
            }
        }
    }
    Ok(SafeSource::Canonical)
}

/// Whether the Safe contracts stand at these addresses with exactly the published code.
async fn stand(sight: &mut Sight, contracts: SafeContracts) -> Result<bool, Fault> {
    let published = [
        (contracts.singleton, Published::safe()),
        (contracts.proxy_factory, Published::proxy_factory()),
        (contracts.fallback_handler, Published::fallback_handler()),
    ];
    for (address, contract) in published {
        if sight.code(address).await? != contract.runtime_code {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What stands already; anything else than what belongs there is refused.
async fn survey(
    sight: &mut Sight,
    plan: &Plan,
    rehearsal: &Rehearsal,
) -> Result<Vec<StepReport>, Fault> {
    if plan.source == SafeSource::Canonical && !stand(sight, plan.contracts).await? {
        return Err(occupied("Safe contracts", plan.contracts.singleton));
    }
    let mut reports = Vec::new();
    for (step, rehearsed) in plan.steps.iter().zip(rehearsal.steps()) {
        let code: Bytes = sight.code(step.address).await?;
        if !code.is_empty() && keccak256(&code) != keccak256(&rehearsed.code) {
            return Err(occupied(step.what, step.address));
        }
        reports.push(StepReport {
            what: step.what,
            address: step.address,
            gas: rehearsed.gas,
            data: step.data.len(),
            found: !code.is_empty(),
            transaction: None,
        });
    }
    Ok(reports)
}

fn occupied(what: &str, address: Address) -> Fault {
    DeployFault::Occupied {
        what: what.to_owned(),
        address,
    }
    .into()
}

async fn prices(
    sight: &Sight,
    request: &Request,
) -> Result<(u128, Option<(Address, U256)>), Fault> {
    let Some(endpoint) = sight.endpoints().first() else {
        return Err(Fault::Usage("name an endpoint with --rpc".to_owned()));
    };
    let price = endpoint.gas_price().await?;
    let balance = match &request.payer {
        Some((signer, _)) => {
            let account = signer.account();
            Some((account, endpoint.balance(account).await?))
        }
        None => None,
    };
    Ok((price, balance))
}

/// The blocks that matter of what was sent.
struct Sent {
    /// The one before the block in which the proposer Safe was made.
    proposer: Option<u64>,
    /// That of the last transaction.
    last: Option<u64>,
}

async fn send(
    wallet: &Wallet,
    plan: &Plan,
    steps: &mut [StepReport],
    at_most: usize,
    progress: &mut dyn FnMut(&str),
) -> Result<Sent, Fault> {
    let mut sent = Sent {
        proposer: None,
        last: None,
    };
    let missing = plan
        .steps
        .iter()
        .zip(steps)
        .filter(|(_, report)| !report.found);
    for (step, report) in missing.take(at_most) {
        let mined = wallet.send(Some(step.to), step.data.clone()).await?;
        report.transaction = Some(mined.hash);
        sent.last = Some(mined.block);
        if step.address == plan.proposer {
            sent.proposer = Some(mined.block.saturating_sub(1));
        }
        let address = seed_primitives::write_address(&step.address);
        let (what, hash, gas) = (step.what, mined.hash, mined.gas_used);
        progress(&format!(
            "{what} at {address}: transaction {hash}, {gas} gas"
        ));
    }
    Ok(sent)
}

/// The chain at a block not older than `block`.
async fn seen(request: &Request, before: &Sight, block: u64) -> Result<Sight, Fault> {
    let began = Instant::now();
    loop {
        let chain_id = request.parameters.chain_id;
        let sight = Sight::newest(&request.urls, chain_id, Some(before.genesis())).await?;
        if sight.block() >= block {
            return Ok(sight);
        }
        if began.elapsed() > request.patience {
            let seconds = request.patience.as_secs();
            return Err(DeployFault::Behind { block, seconds }.into());
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn first_block(sight: &Sight, proposer: Address) -> Result<u64, Fault> {
    let Some(endpoint) = sight.endpoints().first() else {
        return Err(Fault::Usage("name an endpoint with --rpc".to_owned()));
    };
    Ok(origin(endpoint, proposer, sight.block()).await?)
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::file("the deployment", path, error);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(fault)
}
