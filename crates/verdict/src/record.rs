//! Steps 4 and 6: the record of the release, recomputed, and consistent with its rules and the ledger.

use std::collections::BTreeSet;

use alloy_primitives::{B256, U256};
use seed_attestation::{Attestation, Locator, Record};
use seed_primitives::{BuilderId, Digest, ReleaseId, Source};
use seed_proof::{ControlWord, RawHeader, Rules, slots};

use crate::{
    Context, Evidence, MAX_LOCATORS, Policy, Rejection, RejectionCode as Code,
    image::{Checked, CheckedImage},
    original,
    state::State,
    votes::MAX_ATTESTATIONS,
};

/// A record that the ledger committed to.
pub(crate) struct Recorded {
    pub(crate) source: Source,
    pub(crate) release: ReleaseId,
    pub(crate) record: Record,
    pub(crate) commitment: B256,
    /// What was asked for, as the images it lists.
    pub(crate) images: Vec<CheckedImage>,
}

impl Recorded {
    /// Where it ranks among several: one that lists the images themselves before one of which they are copies, and
    /// then the newest.
    fn rank(&self) -> (bool, u64) {
        let itself = self.images.iter().all(|image| image.copy.is_none());
        (itself, self.record.sequence)
    }
}

/// The storage slots of the ledger that a verdict on `evidence` needs, ascending.
///
/// The control word; for every readable locator its release and the revocations of its rules and entries; and
/// the revocations of the builders of readable attestations. Locators and attestations are not believed here:
/// junk among them costs slots, at most one per builder it names.
#[must_use]
pub fn required_slots(evidence: &Evidence) -> Vec<B256> {
    let locators = evidence.locators.iter().take(MAX_LOCATORS);
    let locators = locators.filter_map(|bytes| Locator::from_json(bytes).ok());
    let locators: Vec<Locator> = locators.collect();
    let attestations = evidence.attestations.iter().take(MAX_ATTESTATIONS);
    let attestations = attestations.filter_map(|bytes| Attestation::from_json(bytes).ok());
    slots_of(
        locators.iter().map(|one| (&one.source, &one.record)),
        attestations.map(|one| one.builder),
    )
}

/// The slots needed for these releases and endorsing builders.
pub(crate) fn slots_of<'a>(
    releases: impl Iterator<Item = (&'a Source, &'a Record)>,
    builders: impl Iterator<Item = BuilderId>,
) -> Vec<B256> {
    let mut needed = BTreeSet::from([slots::CONTROL]);
    for (source, record) in releases {
        needed.insert(slots::release(&source.release()));
        needed.insert(slots::revocation(record.rules));
        let builders = record.entries.iter().map(|entry| entry.builder.address());
        needed.extend(builders.map(slots::revocation));
    }
    needed.extend(builders.map(|builder| slots::revocation(builder.address())));
    needed.into_iter().collect()
}

/// The newest expected release that the ledger recorded and that lists every image asked for, or with `deep` what it
/// is a copy of.
///
/// Where no locator leads to one, the complaint is about the locator that got furthest: junk in a registry can
/// hide a release, it cannot make a good one look forged.
pub(crate) fn find(
    policy: &Policy,
    evidence: &Evidence,
    images: &Checked,
    state: &State,
    context: &Context,
) -> Result<Recorded, Rejection> {
    let mut best: Option<Recorded> = None;
    let mut furthest = (
        0,
        Rejection::new(
            Code::LocatorMissing,
            format!("no locator leads from {} to a release", images.digest),
        ),
    );
    for bytes in evidence.locators.iter().take(MAX_LOCATORS) {
        let attested = |digests: &[Digest]| {
            let images = images.images.iter();
            images
                .map(|image| original::attested(image, digests, &evidence.blobs, context.deep))
                .collect()
        };
        match follow(policy, bytes, attested, state) {
            Ok(found) => {
                if best.as_ref().is_none_or(|best| found.rank() > best.rank()) {
                    best = Some(found);
                }
            }
            Err((stage, rejection)) if stage > furthest.0 => furthest = (stage, rejection),
            Err(_) => {}
        }
    }
    best.ok_or(furthest.1)
}

/// Follows one locator; an error says how far it led. `attested` finds the images asked for among digests.
fn follow(
    policy: &Policy,
    bytes: &[u8],
    attested: impl FnOnce(&[Digest]) -> Result<Vec<CheckedImage>, Rejection>,
    state: &State,
) -> Result<Recorded, (u8, Rejection)> {
    let locator = Locator::from_json(bytes)
        .map_err(|error| (1, Rejection::new(Code::LocatorMalformed, error.to_string())))?;
    let (source, record) = (locator.source, locator.record);
    let release = source.release();
    let images = attested(&record.digests).map_err(|rejection| match rejection.code {
        Code::ImageNotInRecord => (2, rejection),
        Code::OriginalMissing => (3, rejection),
        _ => (4, rejection),
    })?;
    let word = state
        .need(&slots::release(&release), &format!("release {release}"))
        .map_err(|rejection| (5, rejection))?;
    let commitment = record.commitment();
    recorded(release, commitment, word).map_err(|rejection| (6, rejection))?;
    if !policy.expects(&source) {
        let rejection = Rejection::new(
            Code::SourceNotExpected,
            "the release is of a source the policy does not list",
        )
        .found(format!("{} target {}", source.uri, source.target));
        return Err((7, rejection));
    }
    Ok(Recorded {
        source,
        release,
        record,
        commitment,
        images,
    })
}

fn recorded(release: ReleaseId, commitment: B256, word: U256) -> Result<(), Rejection> {
    let found = B256::new(word.to_be_bytes());
    if found.is_zero() {
        return Err(Rejection::new(
            Code::ReleaseNotRecorded,
            format!("the ledger holds nothing for release {release}"),
        ));
    }
    if found != commitment {
        return Err(Rejection::new(
            Code::RecordMismatch,
            format!("the ledger committed to another record for release {release}"),
        )
        .found(commitment)
        .expected(found));
    }
    Ok(())
}

/// Refuses a record that honest rules and an honest ledger cannot have written.
pub(crate) fn consistent(
    recorded: &Recorded,
    rules: &Rules,
    control: &ControlWord,
    header: &RawHeader,
) -> Result<(), Rejection> {
    let record = &recorded.record;
    let wrong = |what: String| Rejection::new(Code::RecordInconsistent, what);
    if record.sequence > u64::from(control.sequence) {
        return Err(wrong("the record is ahead of the ledger's counter".into())
            .found(record.sequence)
            .expected(format!("at most {}", control.sequence)));
    }
    if record.timestamp > header.timestamp() {
        return Err(wrong("the record is later than the block it is in".into())
            .found(record.timestamp)
            .expected(format!("at most {}", header.timestamp())));
    }
    let leaves = record
        .leaves(rules.systems(), rules.all_systems())
        .map_err(|error| wrong(format!("the systems of record and rules differ: {error}")))?;
    if leaves.root() != record.root {
        return Err(wrong("the record's root is not over its digests".into())
            .found(record.root)
            .expected(leaves.root()));
    }
    for entry in &record.entries {
        let named = rules.builders().get(usize::from(entry.index));
        let Some(named) = named.filter(|one| one.builder == entry.builder) else {
            return Err(wrong(format!(
                "the rules have no builder {} at index {}",
                entry.builder, entry.index
            )));
        };
        if entry.systems & !named.systems != 0 {
            return Err(wrong(format!("builder {} is not eligible", entry.builder))
                .found(format!("systems {:#x}", entry.systems))
                .expected(format!("within {:#x}", named.systems)));
        }
    }
    Ok(())
}

/// Refuses an image that the record lists for another system.
pub(crate) fn placed(
    images: &Checked,
    recorded: &Recorded,
    rules: &Rules,
) -> Result<(), Rejection> {
    for image in &images.images {
        let position = rules.position_of(&image.system);
        let attested = position.and_then(|at| recorded.record.digests.get(at));
        if attested != Some(&image.digest) {
            let rejection = Rejection::new(
                Code::PlatformMismatch,
                format!("the record has another image for {}", image.system),
            )
            .found(image.digest);
            return Err(match attested {
                Some(digest) => rejection.expected(digest),
                None => rejection.expected("no image at all"),
            });
        }
    }
    Ok(())
}
