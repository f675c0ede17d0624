//! Releases that the ledger's storage has although no ledger of ours would have written them there, or that builders
//! signed although nobody could run them: what stands in the chain is one word of several.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use eyre::{OptionExt as _, Result, ensure};
use seed_attestation::{Entry, Locator, Record};
use seed_merkle::Leaves;
use seed_primitives::{Digest, Source, write_bytes32};
use seed_proof::{RawHeader, slots};
use seed_testkit::{deployment::Federation, keys};
use serde_json::json;

use crate::{
    Images, SYSTEMS, Word,
    images::Oddity,
    release::{Author, Published, Scene, source},
    words::Words,
};

/// Every builder of the stricter rules. Three build under each of them: `ada`, `cy` and one of the last three. `dan`
/// shares a domain with `ada` there, `eve` is for the second system only, and `fay` was revoked for what comes later.
pub(crate) const STRICT: [&str; 5] = ["ada", "cy", "dan", "eve", "fay"];
/// The number of such a release in the ledger: before anybody was revoked.
const SEQUENCE: u64 = 2;

/// What is wrong with a release.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the text of each says what it is")]
pub enum Flaw {
    Counter,
    Later,
    OtherRoot,
    OtherIndex,
    Ineligible,
    RulesRevoked,
    OtherRules,
    NotForThem,
    OtherSource,
    OtherImages,
    RevokedEndorser,
    TooFewEntries,
    Dependent,
    EventUnsigned,
    Reissued,
    Exchanged,
    MoreLayers,
    ConfigSize,
    DiffId,
}

impl Flaw {
    /// Every flaw, the rows of the threat model it is about, and what it is.
    pub const ALL: [(Self, &'static [&'static str], &'static str); 19] = [
        (
            Self::Counter,
            &["RPC-05"],
            "a record ahead of the ledger's counter",
        ),
        (
            Self::Later,
            &["RPC-05"],
            "a record later than the block it is in",
        ),
        (
            Self::OtherRoot,
            &["RPC-05"],
            "a record whose root is over other images",
        ),
        (
            Self::OtherIndex,
            &["PAR-12"],
            "builders at each other's places",
        ),
        (
            Self::Ineligible,
            &["PAR-12"],
            "a builder for a system that it does not build",
        ),
        (Self::RulesRevoked, &["PAR-12"], "rules that were revoked"),
        (
            Self::OtherRules,
            &["PAR-12"],
            "signatures under other rules",
        ),
        (
            Self::NotForThem,
            &["PAR-12"],
            "an endorsement for a system that the builder does not build",
        ),
        (
            Self::OtherSource,
            &["REG-15"],
            "signatures for another source",
        ),
        (
            Self::OtherImages,
            &["REG-15"],
            "signatures for other images",
        ),
        (
            Self::RevokedEndorser,
            &["PAR-12"],
            "an endorsement by a builder that was revoked later",
        ),
        (
            Self::TooFewEntries,
            &["RPC-05"],
            "a record of one builder, endorsed by another",
        ),
        (
            Self::Dependent,
            &["PAR-12"],
            "two builders who are one by the rules",
        ),
        (
            Self::EventUnsigned,
            &["PAR-05"],
            "an event with a signature of somebody else",
        ),
        (
            Self::Reissued,
            &["REG-20"],
            "a release that was issued again",
        ),
        (
            Self::Exchanged,
            &["REG-08"],
            "images recorded for each other's system",
        ),
        (
            Self::MoreLayers,
            &["REG-19"],
            "a manifest with a layer more than its config",
        ),
        (
            Self::ConfigSize,
            &["REG-19"],
            "a manifest with another size of its config",
        ),
        (
            Self::DiffId,
            &["REG-19"],
            "a config that lists what no layer holds",
        ),
    ];

    /// The rows of the threat model it is about.
    #[must_use]
    pub fn rows(self) -> &'static [&'static str] {
        let found = Self::ALL.iter().find(|(one, ..)| *one == self);
        found.map_or(&[], |(_, rows, _)| rows)
    }

    /// What is right to say where nobody lies.
    #[must_use]
    pub const fn truth(self) -> Words {
        Words::only(match self {
            Self::RulesRevoked => Word::Revoked,
            // Only what the builders did not publish is missing.
            Self::OtherRules
            | Self::NotForThem
            | Self::OtherSource
            | Self::OtherImages
            | Self::RevokedEndorser
            | Self::Dependent => Word::Undecidable,
            _ => Word::Rejected,
        })
    }

    /// The system whose image is asked about.
    #[must_use]
    pub const fn at(self) -> usize {
        match self {
            Self::NotForThem => 0,
            _ => 1,
        }
    }

    const fn oddity(self) -> Oddity {
        match self {
            Self::MoreLayers => Oddity::MoreLayers,
            Self::ConfigSize => Oddity::ConfigSize,
            Self::DiffId => Oddity::DiffId,
            _ => Oddity::None,
        }
    }

    /// Who builds beside `ada` and `cy` under its rules.
    const fn third(self) -> &'static str {
        match self {
            Self::Dependent => "dan",
            Self::RevokedEndorser => "fay",
            _ => "eve",
        }
    }

    /// Who stands in the record.
    const fn recorded(self) -> &'static [&'static str] {
        match self {
            Self::TooFewEntries => &["ada"],
            Self::Ineligible => &["ada", "cy", "eve"],
            _ => &["ada", "cy"],
        }
    }

    /// Whose attestations are published.
    const fn voters(self) -> &'static [&'static str] {
        match self {
            Self::NotForThem => &["ada", "eve"],
            Self::RevokedEndorser => &["ada", "fay"],
            Self::Dependent => &["ada", "dan"],
            Self::EventUnsigned => &["ada"],
            _ => &["ada", "cy"],
        }
    }
}

/// Rules with other builders, by the third of them, and rules that were revoked.
#[derive(Clone, Debug)]
pub(crate) struct Strict {
    rules: BTreeMap<&'static str, (Address, B256)>,
    lapsed: Address,
}

impl Strict {
    /// Deploys them, and revokes one more and `fay`.
    ///
    /// # Errors
    /// When the chain refuses.
    pub(crate) async fn deploy(scene: &Scene<'_>) -> Result<Self> {
        let mut rules = BTreeMap::new();
        for third in ["dan", "eve", "fay"] {
            rules.insert(third, deploy(scene, third).await?);
        }
        let (lapsed, _) = deploy(scene, "eve").await?;
        revoke(scene, lapsed, 1).await?;
        revoke(scene, keys::builder("fay").address(), 1_000_000).await?;
        Ok(Self { rules, lapsed })
    }

    /// The hashes of their codes.
    pub(crate) fn code_hashes(&self) -> impl Iterator<Item = B256> {
        self.rules.values().map(|(_, hash)| *hash)
    }

    /// Address and code hash of those under which a release is recorded.
    fn of(&self, flaw: Flaw) -> (Address, B256) {
        let (address, hash) = self.rules[flaw.third()];
        match flaw {
            Flaw::RulesRevoked => (self.lapsed, hash),
            _ => (address, hash),
        }
    }
}

async fn deploy(scene: &Scene<'_>, third: &str) -> Result<(Address, B256)> {
    let (_, configuration) = Federation::configuration(&federation(third))?;
    let (wallet, endpoint) = (scene.chain.wallet()?, scene.chain.endpoint()?);
    let mined = wallet.deploy_rules(&configuration).await?;
    let address = mined.contract.ok_or_eyre("no rules were made")?;
    let head = endpoint.latest_header().await?.hash;
    Ok((address, keccak256(endpoint.code(address, head).await?)))
}

/// Revokes an address from a number on, and taints everything from there.
///
/// # Errors
/// When the chain refuses.
pub(crate) async fn revoke(scene: &Scene<'_>, address: Address, from: u64) -> Result<()> {
    let (since, tainted) = (1_700_000_000_u64, 3_u64);
    let word = U256::from(since) << 40 | U256::from(from) << 8 | U256::from(tainted);
    store(scene, slots::revocation(address), B256::from(word)).await
}

async fn store(scene: &Scene<'_>, slot: B256, word: B256) -> Result<()> {
    let params = json!([scene.deployment.ledger, slot, write_bytes32(&word)]);
    let answer = scene.chain.ask("anvil_setStorageAt", params).await?;
    ensure!(answer["result"] == true, "the slot was not set: {answer}");
    Ok(())
}

/// Publishes everything about release `number`, and writes its record into the ledger's storage.
///
/// # Errors
/// When chain or registry refuse.
pub(crate) async fn publish(
    scene: &Scene<'_>,
    strict: &Strict,
    flaw: Flaw,
    number: u64,
) -> Result<Published> {
    let content = format!("flawed release {number}").repeat(40);
    let images = Images::odd(content.as_bytes(), flaw.oddity())?;
    let source = source(number, u32::from(flaw == Flaw::Reissued))?;
    images.push(scene.repository, &format!("v{number}")).await?;
    let names: BTreeSet<&str> = flaw
        .recorded()
        .iter()
        .chain(flaw.voters())
        .copied()
        .collect();
    let mut evidence = BTreeMap::new();
    for name in names {
        let author = Author {
            name,
            blemish: None,
            other: None,
        };
        let published = scene.evidence(&author, &source, &images).await?;
        evidence.insert(name.to_owned(), published);
    }
    let digests = digests(&images, flaw == Flaw::Exchanged);
    let (rules, rules_code_hash) = strict.of(flaw);
    let mut attestations = BTreeMap::new();
    for name in flaw.voters() {
        let attestation = scene.signed(
            name,
            &signed_source(flaw, &source)?,
            &leaves(&signed_images(flaw, &digests))?,
            match flaw {
                Flaw::OtherRules => scene.deployment.rules,
                _ => rules,
            },
            evidence[*name].0,
        )?;
        scene.post(&source, &attestation).await?;
        attestations.insert((*name).to_owned(), attestation);
    }
    let entries = flaw
        .recorded()
        .iter()
        .map(|name| entry(flaw, name, evidence[*name].0));
    let head = scene.chain.endpoint()?.latest_header().await?;
    let now = RawHeader::parse(&head.rlp)?.timestamp();
    let mut record = Record {
        sequence: SEQUENCE,
        timestamp: now,
        root: leaves(&digests)?.root(),
        rules_code_hash,
        rules,
        entries: entries.collect(),
        digests,
    };
    distort(flaw, &mut record)?;
    let locator = Locator {
        source: source.clone(),
        record,
    };
    scene.lead(&images, &locator).await?;
    let release = source.release();
    store(scene, slots::release(&release), locator.record.commitment()).await?;
    let mut event = locator.record.to_bytes();
    if flaw == Flaw::EventUnsigned {
        for _ in &locator.record.entries {
            event.extend(attestations["ada"].signature.as_bytes());
        }
        log(scene, release.word(), &event).await?;
    }
    Ok(Published {
        images,
        source,
        locator,
        event,
        evidence,
        attestations,
    })
}

fn digests(images: &Images, exchanged: bool) -> Vec<Digest> {
    let mut digests: Vec<_> = (0..SYSTEMS.len()).map(|at| images.manifest(at)).collect();
    if exchanged {
        digests.reverse();
    }
    digests
}

fn leaves(digests: &[Digest]) -> Result<Leaves> {
    let pairs = SYSTEMS.iter().zip(digests);
    let pairs = pairs.map(|(system, digest)| Ok((system.parse()?, *digest)));
    Ok(Leaves::new(pairs.collect::<Result<_>>()?)?)
}

fn signed_source(flaw: Flaw, source: &Source) -> Result<Source> {
    let mut source = source.clone();
    if flaw == Flaw::OtherSource {
        source.commit = "d".repeat(40).parse()?;
    }
    Ok(source)
}

fn signed_images(flaw: Flaw, digests: &[Digest]) -> Vec<Digest> {
    let others = || digests.iter().map(|one| Digest::of(one.as_bytes()));
    match flaw {
        Flaw::OtherImages => others().collect(),
        _ => digests.to_vec(),
    }
}

fn entry(flaw: Flaw, name: &str, evidence: Digest) -> Entry {
    let builders = ["ada", "cy", flaw.third()];
    let index = builders.iter().position(|one| *one == name).unwrap_or(0);
    Entry {
        index: index as u8,
        builder: keys::builder(name),
        systems: 3,
        evidence,
    }
}

/// What no ledger would have written.
fn distort(flaw: Flaw, record: &mut Record) -> Result<()> {
    match flaw {
        Flaw::Counter => record.sequence = 1_000_000,
        Flaw::Later => record.timestamp += 1_000_000,
        Flaw::OtherRoot => {
            record.root = leaves(&signed_images(Flaw::OtherImages, &record.digests))?.root()
        }
        Flaw::OtherIndex => {
            let (first, last) = (record.entries[0].index, record.entries[1].index);
            record.entries.reverse();
            record.entries[0].index = first;
            record.entries[1].index = last;
        }
        _ => {}
    }
    Ok(())
}

/// Has the ledger's address log an event that its code never would: for one transaction there is other code, which
/// logs its input as `topic, topic, data`.
async fn log(scene: &Scene<'_>, release: B256, data: &[u8]) -> Result<()> {
    let ledger = scene.deployment.ledger;
    let first = source(1, 0)?.release().word();
    let filter = json!([{ "address": ledger, "topics": [null, first], "fromBlock": "0x0" }]);
    let logs = scene.chain.ask("eth_getLogs", filter).await?;
    let endpoint = scene.chain.endpoint()?;
    let head = endpoint.latest_header().await?.hash;
    let code = endpoint.code(ledger, head).await?;
    let kind: B256 = serde_json::from_value(
        logs["result"]
            .as_array()
            .and_then(|logs| logs.first())
            .map(|log| log["topics"][0].clone())
            .ok_or_eyre("the ledger logged no release")?,
    )?;
    let mut input = [kind.as_slice(), release.as_slice()].concat();
    input.extend(U256::from(32).to_be_bytes::<32>());
    input.extend(U256::from(data.len()).to_be_bytes::<32>());
    input.extend(data);
    input.resize(input.len().next_multiple_of(32), 0);
    let logger = Bytes::from_static(&[
        0x60, 0x20, 0x35, 0x5f, 0x35, 0x60, 0x40, 0x36, 0x03, 0x80, 0x60, 0x40, 0x5f, 0x37, 0x5f,
        0xa2, 0x00,
    ]);
    scene
        .chain
        .ask("anvil_setCode", json!([ledger, logger]))
        .await?;
    let from = scene.chain.wallet()?.account();
    let transaction =
        json!([{ "from": from, "to": ledger, "data": Bytes::from(input), "gas": "0x100000" }]);
    let sent = scene.chain.ask("eth_sendTransaction", transaction).await?;
    ensure!(sent["result"].is_string(), "nothing was logged: {sent}");
    scene
        .chain
        .ask("anvil_setCode", json!([ledger, code]))
        .await?;
    Ok(())
}

/// `ada`, `cy` and a third: see [`STRICT`].
fn federation(third: &str) -> String {
    let mut text = format!("threshold = 2\nsystems = {SYSTEMS:?}\n");
    for name in ["ada", "cy", third] {
        let address = keys::builder(name);
        let domains = match name {
            "dan" => "[\"dan Ltd\", \"ada Ltd\"]".to_owned(),
            _ => format!("[\"{name} Ltd\"]"),
        };
        text += &format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{address}\"\ndomains = {domains}\n"
        );
        if name == "eve" {
            text += &format!("systems = [\"{}\"]\n", SYSTEMS[1]);
        }
    }
    text
}
