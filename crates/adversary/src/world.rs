use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use eyre::{Result, ensure};
use seed_oci::{Options, Repository};
use seed_primitives::Deployment;
use seed_proof::slots;
use seed_testkit::{
    chain::LocalChain,
    deployment::{Federation, deploy},
    keys,
    liar::Forgery,
    registry::LocalRegistry,
};
use serde_json::json;

use crate::{
    Blemish, Copy, Flaw, Images, SYSTEMS,
    bundles::Bundles,
    flaw::{self, Strict},
    release::{Plan, Published, Scene},
};

/// The federation's builders. Two must agree.
pub(crate) const BUILDERS: [&str; 3] = ["ada", "bo", "cy"];
/// Where everything is published.
pub(crate) const REPOSITORY: &str = "acme/app";

/// The truth: a real chain with the real contracts, a real registry, and the releases in both. Nothing changes in
/// it once it stands, so that every run meets the same.
#[derive(Debug)]
pub struct World {
    /// The chain.
    pub chain: LocalChain,
    /// The registry.
    pub registry: LocalRegistry,
    /// The contracts.
    pub deployment: Deployment,
    /// The genesis release, signed by all.
    pub first: Published,
    /// The second, recorded by `ada` and `bo`; `cy` endorses it.
    pub second: Published,
    /// Releases one of whose two signers published something wrong.
    pub blemished: BTreeMap<Blemish, Published>,
    /// Releases that stand in the ledger and must not count.
    pub flawed: BTreeMap<Flaw, Published>,
    /// The rules under which those are recorded.
    pub(crate) strict: Strict,
    /// Signed by `ada` and `cy`, published, and never recorded.
    pub unrecorded: Published,
    /// Recorded by `ada` and `bo`; `bo` was revoked for it.
    pub tainted: Published,
    /// Recorded by `ada` and `cy` in a block that is not final.
    pub pending: Published,
    /// Images that nobody ever signed.
    pub strange: Images,
    /// A layer that unpacks to a thousand times its size.
    pub bomb: Vec<u8>,
    /// A block in which only the genesis release is recorded.
    pub early_block: u64,
    /// Bundles, honest and forged.
    pub bundles: Bundles,
    /// The ledger as a liar would have it: the unrecorded release is recorded, and nobody is revoked.
    pub forgery: Forgery,
}

impl World {
    /// Starts chain and registry and publishes every release.
    ///
    /// # Errors
    /// When a program is missing, or chain or registry refuse.
    pub async fn start() -> Result<Self> {
        let (chain, registry) = (LocalChain::start()?, LocalRegistry::start()?);
        let (federation, configuration) = Federation::configuration(&federation())?;
        let guardian = keys::signer("guardian").address();
        let (wallet, endpoint) = (chain.wallet()?, chain.endpoint()?);
        let deployment = deploy(
            &wallet,
            &endpoint,
            guardian,
            60,
            &federation,
            &configuration,
        )
        .await?;
        let place = format!("{}/{REPOSITORY}", registry.host()).parse()?;
        let repository = Repository::create(&place, &Options::default())?;
        let scene = Scene {
            deployment: &deployment,
            chain: &chain,
            repository: &repository,
            documents: Default::default(),
        };
        let honest = Plan {
            number: 1,
            signers: &BUILDERS,
            endorsers: &[],
            blemish: None,
            other: None,
        };
        let first = scene.publish(&honest).await?;
        let early_block = endpoint.latest_header().await?.number;
        let signers: &[&str] = &["ada", "bo"];
        let second = scene
            .publish(&Plan {
                number: 2,
                signers,
                endorsers: &["cy"],
                ..honest
            })
            .await?;
        let other = (first.images.manifest(0), first.evidence["bo"].0);
        let mut blemished = BTreeMap::new();
        for (number, (blemish, ..)) in (100..).zip(Blemish::ALL) {
            let plan = Plan {
                number,
                signers,
                blemish: Some(blemish),
                other: Some(other),
                ..honest
            };
            blemished.insert(blemish, scene.publish(&plan).await?);
        }
        let (unrecorded, forgery) = never_recorded(&scene, honest, [&first, &second]).await?;
        let tainted = scene
            .publish(&Plan {
                number: 4,
                signers,
                ..honest
            })
            .await?;
        let bo: Address = keys::builder("bo").address();
        flaw::revoke(&scene, bo, tainted.locator.record.sequence).await?;
        let strict = Strict::deploy(&scene).await?;
        let mut flawed = BTreeMap::new();
        for (number, (flaw, ..)) in (200..).zip(Flaw::ALL) {
            let published = flaw::publish(&scene, &strict, flaw, number).await?;
            flawed.insert(flaw, published);
        }
        chain.mine(3).await?;
        let pending = scene
            .publish(&Plan {
                number: 5,
                signers: &["ada", "cy"],
                ..honest
            })
            .await?;
        let strange = Images::new(b"nobody ever signed this")?;
        strange.push(&repository, "strange").await?;
        let bomb = zstd::bulk::compress(&vec![0; 32 << 20], 3)?;
        repository.push_blob(bomb.clone()).await?;
        let mut forgery = forgery;
        let release = tainted.source.release();
        forgery.words.insert(
            slots::release(&release),
            tainted.locator.record.commitment().into(),
        );
        let documents = scene.documents.take();
        let mut world = Self {
            chain,
            registry,
            first,
            second,
            blemished,
            flawed,
            strict,
            unrecorded,
            tainted,
            pending,
            strange,
            bomb,
            early_block,
            forgery,
            deployment,
            bundles: Bundles::default(),
        };
        Copy::push(&world, &repository).await?;
        world.bundles = Bundles::of(&world, &documents).await?;
        Ok(world)
    }
}

/// Publishes a release, records it, and takes the record back: everything exists but the record. The forgery is the
/// ledger as it was while the record stood, without a revocation.
async fn never_recorded(
    scene: &Scene<'_>,
    honest: Plan<'_>,
    before: [&Published; 2],
) -> Result<(Published, Forgery)> {
    let snapshot = scene.chain.ask("evm_snapshot", json!([])).await?;
    let plan = Plan {
        number: 3,
        signers: &["ada", "cy"],
        ..honest
    };
    let published = scene.publish(&plan).await?;
    let endpoint = scene.chain.endpoint()?;
    let head = endpoint.latest_header().await?.hash;
    let ledger = scene.deployment.ledger;
    let control = endpoint.storage(ledger, slots::CONTROL, head).await?;
    let mut words = BTreeMap::from([
        // The counter is far ahead, so that no later release is beyond it.
        (slots::CONTROL, control | (U256::from(0xffff) << 192)),
    ]);
    for release in before.iter().chain(&[&published]) {
        let slot = slots::release(&release.source.release());
        words.insert(slot, release.locator.record.commitment().into());
    }
    let reverted = scene
        .chain
        .ask("evm_revert", json!([snapshot["result"]]))
        .await?;
    ensure!(
        reverted["result"] == true,
        "the chain does not go back: {reverted}"
    );
    let release = published.source.release().word();
    let events = BTreeMap::from([(release, published.event.clone())]);
    Ok((
        published,
        Forgery {
            account: ledger,
            words,
            events,
        },
    ))
}

/// Three builders who share nothing, two systems, two of three.
fn federation() -> String {
    let mut text = format!("threshold = 2\nsystems = {SYSTEMS:?}\n");
    for name in BUILDERS {
        let address = keys::builder(name);
        text += &format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{address}\"\ndomains = [\"{name} Ltd\"]\n"
        );
    }
    text
}
