mod report;

use std::{fs, path::Path};

use alloy_primitives::{Address, B256, U256, keccak256};
use eyre::{ensure, eyre};
use report::{Deployment, Figures};
use seed_attestation::Domain;
use seed_chain::{BuilderEntry, Claim, Endpoint, Mined, RulesConfiguration, Wallet};
use seed_merkle::Leaves;
use seed_primitives::{Digest, ReleaseId, System};
use seed_testkit::{chain::LocalChain, keys};

/// The five shapes: builders, systems, signers, and the most gas a release of each may take (DESIGN figures).
const SHAPES: [Shape; 5] = [
    Shape::new(3, 4, 3, 86_000),
    Shape::new(3, 4, 2, 78_000),
    Shape::new(7, 4, 7, 114_000),
    Shape::new(3, 16, 3, 102_000),
    Shape::new(3, 64, 3, 170_000),
];
/// The shape that is also measured in a batch, posted and deployed.
const USUAL: Shape = SHAPES[0];
/// How many releases the measured batch has.
const BATCH: usize = 10;
/// The most gas that one release of that batch may take.
const BATCH_LIMIT: u64 = 60_000;

/// A shape that is measured.
#[derive(Clone, Copy)]
struct Shape {
    builders: usize,
    systems: usize,
    signers: usize,
    limit: u64,
}

impl Shape {
    const fn new(builders: usize, systems: usize, signers: usize, limit: u64) -> Self {
        Self {
            builders,
            systems,
            signers,
            limit,
        }
    }

    fn name(&self) -> String {
        format!("{}x{}/{}", self.builders, self.systems, self.signers)
    }
}

/// Measures whole transactions as receipts of a real anvil, intrinsic gas and calldata included, on vectors that
/// look random and are the same every time. With `check`, compares with the committed figures in `snapshot`.
pub(crate) async fn run(json: bool, snapshot: &Path, write: bool, check: bool) -> eyre::Result<()> {
    let figures = measure_all().await?;
    let text = format!("{}\n", serde_json::to_string_pretty(&figures)?);
    if write {
        fs::write(snapshot, &text)?;
    }
    if json {
        println!("{}", figures.json()?);
    } else {
        print!("{}", figures.table());
    }
    for shape in SHAPES {
        let gas = figures.releases[&shape.name()];
        ensure!(
            gas <= shape.limit,
            "{} takes {gas}, limit {}",
            shape.name(),
            shape.limit
        );
    }
    ensure!(
        figures.batched <= BATCH_LIMIT,
        "a release of a batch takes {}, limit {BATCH_LIMIT}",
        figures.batched
    );
    ensure!(
        !check || fs::read_to_string(snapshot)? == text,
        "the figures differ from {}: look at the difference, then run `scripts/gas --write`",
        snapshot.display()
    );
    Ok(())
}

async fn measure_all() -> eyre::Result<Figures> {
    let mut figures = Figures::default();
    for shape in SHAPES {
        let ledger = Ledger::deploy(shape).await?;
        let second = ledger.submission("second", shape.signers)?;
        let mined = ledger
            .wallet
            .finalise(ledger.address, &second.release, &second.bytes)
            .await?;
        figures.releases.insert(shape.name(), mined.gas_used);
    }
    let ledger = Ledger::deploy(USUAL).await?;
    figures.batched = ledger.batch().await?;
    figures.post = ledger.post().await?;
    figures.deployment = ledger.deployment;
    Ok(figures)
}

/// A ledger after its genesis, on a chain of its own.
struct Ledger {
    shape: Shape,
    address: Address,
    rules: Address,
    domain: Domain,
    wallet: Wallet,
    deployment: Deployment,
    _chain: LocalChain,
}

impl Ledger {
    async fn deploy(shape: Shape) -> eyre::Result<Self> {
        let chain = LocalChain::start()?;
        let (wallet, endpoint) = (chain.wallet()?, chain.endpoint()?);
        let timelock = wallet.deploy_timelock(604_800, &[wallet.account()]).await?;
        let rules = wallet.deploy_rules(&configuration(shape)).await?;
        let code_hash = code_hash(&endpoint, contract(&rules)?).await?;
        let guardian = Address::repeat_byte(0xb2);
        let mined = wallet
            .deploy_ledger(contract(&timelock)?, guardian, contract(&rules)?, code_hash)
            .await?;
        let deployment = Deployment {
            ledger: mined.gas_used,
            rules: rules.gas_used,
            timelock: timelock.gas_used,
        };
        let (address, rules) = (contract(&mined)?, contract(&rules)?);
        let domain = Domain {
            chain_id: endpoint.chain_id().await?,
            ledger: address,
        };
        let ledger = Self {
            shape,
            address,
            rules,
            domain,
            wallet,
            deployment,
            _chain: chain,
        };
        let first = ledger.submission("first", shape.builders)?;
        let signatures = genesis(shape, &ledger.domain, code_hash, &first)?;
        ledger
            .wallet
            .genesis(address, &first.release, &first.bytes, &signatures)
            .await?;
        Ok(ledger)
    }

    fn submission(&self, salt: &str, signers: usize) -> eyre::Result<Submission> {
        submission(self.shape, &self.domain, self.rules, signers, salt)
    }

    /// The gas of one release of a batch, rounded up.
    async fn batch(&self) -> eyre::Result<u64> {
        let mut batch = Vec::new();
        for index in 0..BATCH {
            let one = self.submission(&format!("batch {index}"), self.shape.signers)?;
            batch.push((one.release, one.bytes));
        }
        let mined = self.wallet.finalise_batch(self.address, &batch).await?;
        Ok(mined.gas_used.div_ceil(u64::try_from(BATCH)?))
    }

    /// The gas of posting one signature.
    async fn post(&self) -> eyre::Result<u64> {
        let one = self.submission("posted", 1)?;
        let evidence = Digest::of(b"posted 0");
        let digest =
            self.domain
                .attestation_digest(&one.release, &one.leaves.root(), &evidence, self.rules);
        let signature = keys::sign(&name(0), &digest);
        let (r, vs) = signature.as_bytes().split_at(32);
        let claim = Claim {
            evidence: B256::from(*evidence.as_bytes()),
            rules: self.rules,
            images: Vec::new(),
            r: B256::from_slice(r),
            vs: B256::from_slice(vs),
        };
        let root = B256::from(one.leaves.root().word());
        let mined = self
            .wallet
            .post(self.address, &one.release, root, &claim)
            .await?;
        Ok(mined.gas_used)
    }
}

fn contract(mined: &Mined) -> eyre::Result<Address> {
    mined.contract.ok_or_else(|| eyre!("no contract was made"))
}

async fn code_hash(endpoint: &Endpoint, contract: Address) -> eyre::Result<B256> {
    let head = endpoint.latest_header().await?;
    Ok(keccak256(endpoint.code(contract, head.hash).await?))
}

fn systems(shape: Shape) -> eyre::Result<Vec<System>> {
    Ok((0..shape.systems)
        .map(|i| format!("cpu{i:02}-linux").parse())
        .collect::<Result<_, _>>()?)
}

fn name(index: usize) -> String {
    format!("gas {index}")
}

fn configuration(shape: Shape) -> RulesConfiguration {
    let builder = |index: usize| BuilderEntry {
        address: keys::builder(&name(index)).address(),
        domains: U256::from(1) << index | U256::from(0b111) << (40 + 3 * index),
        systems: u64::MAX >> (64 - shape.systems),
    };
    let numbers = 0..shape.systems;
    RulesConfiguration {
        systems: numbers
            .filter_map(|i| format!("cpu{i:02}-linux").parse().ok())
            .collect(),
        builders: (0..shape.builders).map(builder).collect(),
        federation: keccak256("federation"),
        threshold: u8::try_from(shape.builders / 2 + 1).unwrap_or(u8::MAX),
    }
}

struct Submission {
    release: ReleaseId,
    leaves: Leaves,
    bytes: Vec<u8>,
}

fn submission(
    shape: Shape,
    domain: &Domain,
    rules: Address,
    signers: usize,
    salt: &str,
) -> eyre::Result<Submission> {
    let release = ReleaseId::from_word(keccak256(salt)).ok_or_else(|| eyre!("a zero release"))?;
    let systems = systems(shape)?.into_iter().map(|system| {
        let image = Digest::of(format!("{salt} {system}").as_bytes());
        (system, image)
    });
    let leaves = Leaves::new(systems.collect())?;
    let mut bytes: Vec<u8> = leaves
        .as_slice()
        .iter()
        .flat_map(|(_, image)| *image.as_bytes())
        .collect();
    for index in 0..signers {
        let evidence = Digest::of(format!("{salt} {index}").as_bytes());
        let digest = domain.attestation_digest(&release, &leaves.root(), &evidence, rules);
        bytes.push(u8::try_from(index)?);
        bytes.extend_from_slice(&(u64::MAX >> (64 - shape.systems)).to_be_bytes());
        bytes.extend_from_slice(evidence.as_bytes());
        bytes.extend_from_slice(keys::sign(&name(index), &digest).as_bytes());
    }
    Ok(Submission {
        release,
        leaves,
        bytes,
    })
}

fn genesis(shape: Shape, domain: &Domain, code: B256, first: &Submission) -> eyre::Result<Vec<u8>> {
    let digest = domain.genesis_digest(code, &first.release, &first.leaves.root());
    Ok((0..shape.builders)
        .flat_map(|index| *keys::sign(&name(index), &digest).as_bytes())
        .collect())
}
