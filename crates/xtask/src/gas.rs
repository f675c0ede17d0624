use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{Address, B256, U256, keccak256};
use eyre::{ensure, eyre};
use seed_attestation::Domain;
use seed_chain::{BuilderEntry, RulesConfiguration};
use seed_merkle::Leaves;
use seed_primitives::{Digest, ReleaseId, System};
use seed_testkit::{chain::LocalChain, keys};

/// A shape that is measured: builders, systems, signers, and the most gas it may take (DESIGN figures).
const SHAPES: [Shape; 5] = [
    Shape {
        builders: 3,
        systems: 4,
        signers: 3,
        limit: 86_000,
    },
    Shape {
        builders: 3,
        systems: 4,
        signers: 2,
        limit: 78_000,
    },
    Shape {
        builders: 7,
        systems: 4,
        signers: 7,
        limit: 114_000,
    },
    Shape {
        builders: 3,
        systems: 16,
        signers: 3,
        limit: 102_000,
    },
    Shape {
        builders: 3,
        systems: 64,
        signers: 3,
        limit: 170_000,
    },
];

#[derive(Clone, Copy)]
struct Shape {
    builders: usize,
    systems: usize,
    signers: usize,
    limit: u64,
}

impl Shape {
    fn name(&self) -> String {
        format!("{}x{}/{}", self.builders, self.systems, self.signers)
    }
}

/// Measures whole releases as receipts of a real anvil, intrinsic gas and calldata included, on vectors that
/// look random and are the same every time. With `check`, compares with the committed figures in `snapshot`.
pub(crate) async fn run(json: bool, snapshot: &Path, write: bool, check: bool) -> eyre::Result<()> {
    let mut measured = BTreeMap::new();
    for shape in SHAPES {
        measured.insert(shape.name(), measure(shape).await?);
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&measured)?);
    if write {
        fs::write(snapshot, &text)?;
    }
    if json {
        println!("{}", serde_json::to_string(&measured)?);
    } else {
        println!("{:<10} {:>9} {:>9}", "release", "gas", "limit");
        for shape in SHAPES {
            println!(
                "{:<10} {:>9} {:>9}",
                shape.name(),
                measured[&shape.name()],
                shape.limit
            );
        }
    }
    for shape in SHAPES {
        let gas = measured[&shape.name()];
        ensure!(
            gas <= shape.limit,
            "{} takes {gas}, limit {}",
            shape.name(),
            shape.limit
        );
    }
    ensure!(
        !check || fs::read_to_string(snapshot)? == text,
        "the figures differ from {}: look at the difference, then run `scripts/gas --write`",
        snapshot.display()
    );
    Ok(())
}

/// The gas of the second release of a ledger with this shape; the first is the genesis.
async fn measure(shape: Shape) -> eyre::Result<u64> {
    let chain = LocalChain::start()?;
    let (wallet, endpoint) = (chain.wallet()?, chain.endpoint()?);
    let none = || eyre!("no contract was made");
    let rules = wallet
        .deploy_rules(&configuration(shape))
        .await?
        .contract
        .ok_or_else(none)?;
    let head = endpoint.latest_header().await?;
    let code_hash = keccak256(endpoint.code(rules, head.hash).await?);
    let (timelock, guardian) = (Address::repeat_byte(0xa1), Address::repeat_byte(0xb2));
    let mined = wallet
        .deploy_ledger(timelock, guardian, rules, code_hash)
        .await?;
    let ledger = mined.contract.ok_or_else(none)?;
    let domain = Domain {
        chain_id: endpoint.chain_id().await?,
        ledger,
    };
    let first = submission(shape, &domain, rules, shape.builders, "first")?;
    let signatures = genesis(shape, &domain, code_hash, &first)?;
    wallet
        .genesis(ledger, &first.release, &first.bytes, &signatures)
        .await?;
    let second = submission(shape, &domain, rules, shape.signers, "second")?;
    Ok(wallet
        .finalise(ledger, &second.release, &second.bytes)
        .await?
        .gas_used)
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
