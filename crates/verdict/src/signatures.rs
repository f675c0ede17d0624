//! Grade `signatures`: what the signatures of builders the policy knows say, where nothing could be learnt from the
//! chain and the policy asked for no more.

use std::collections::{BTreeMap, BTreeSet};

use seed_attestation::{Attestation, VerifiedAttestation};
use seed_primitives::{BuilderId, Digest, Recipe, ReleaseId, Source};
use seed_proof::largest_independent;

use crate::{
    Context, CountedBuilder, CountedEvidence, DroppedBuilder, Evidence, Grade, Policy, Rejection,
    RejectionCode as Code, Release, Supersession, VerifiedImage,
    count::share_domain,
    decide::allowed,
    image::{Checked, CheckedImage},
    original,
    statement::{self, Backing},
    trust,
    votes::{Fault, MAX_ATTESTATIONS},
};

/// Complaints about head and state that mean that the chain could not be read, and nothing worse. Contradictions are
/// none of these: where somebody lies about the chain, signatures are no way around it.
pub(crate) const fn excuses(code: Code) -> bool {
    matches!(
        code,
        Code::HeaderMissing
            | Code::HeaderNotPinned
            | Code::EndpointQuorum
            | Code::HeadNotFinal
            | Code::HeadStale
            | Code::BundleStale
            | Code::ProofInvalid
            | Code::StateMissing
            | Code::FloorNotReached
    )
}

/// Decides on signatures alone: enough independent builders, all known to the policy, signed for every image asked
/// for, under the same release and for the same rules.
pub(crate) fn decide(
    policy: &Policy,
    evidence: &Evidence,
    images: Checked,
    context: &Context,
) -> Result<Release, Rejection> {
    let supersession = rollback(policy)?;
    let votes = read(policy, evidence)?;
    let mut groups: BTreeMap<_, Vec<&VerifiedAttestation>> = BTreeMap::new();
    for vote in &votes {
        let key = (vote.release(), vote.attestation().rules);
        groups.entry(key).or_default().push(vote);
    }
    let mut complaint = None;
    for ((release, _), votes) in groups {
        let found = attested(&images, &votes, evidence, context).and_then(|attested| {
            let found = group(policy, evidence, &attested, &votes)?;
            Ok((attested, found))
        });
        match found {
            Ok((attested, found)) => {
                let images = images.attested(attested);
                return Ok(found.report(policy, images, release, supersession));
            }
            Err(rejection) => complaint = complaint.or(Some(rejection)),
        }
    }
    Err(complaint.unwrap_or_else(|| {
        Rejection::new(
            Code::SignatureMissing,
            "nobody's signature for a source of the policy was found",
        )
    }))
}

/// Which of the policy's demands against old releases hold without the ledger's numbers and times.
fn rollback(policy: &Policy) -> Result<Vec<Supersession>, Rejection> {
    let rules = policy.rollback();
    let needs_chain =
        rules.minimum_sequence.is_some() || rules.maximum_age.is_some() || rules.high_water;
    if needs_chain {
        return Err(Rejection::new(
            Code::RollbackNeedsChain,
            "signatures say neither when nor as which a release was recorded",
        ));
    }
    let commit = rules.commit.iter();
    Ok(commit
        .map(|commit| Supersession::ExactCommit(commit.to_string()))
        .collect())
}

/// The votes of builders the policy knows, for sources it lists. In a bundle every attestation must be a vote.
fn read(policy: &Policy, evidence: &Evidence) -> Result<Vec<VerifiedAttestation>, Rejection> {
    let domain = policy.domain();
    let mut votes = Vec::new();
    for bytes in evidence.attestations.iter().take(MAX_ATTESTATIONS) {
        let vote = Attestation::from_json(bytes)
            .map_err(|error| error.to_string())
            .and_then(|one| one.verify(&domain).map_err(|error| error.to_string()));
        match vote {
            Ok(vote) => votes.push(vote),
            Err(why) if evidence.chain.captured => {
                let what = format!("an attestation in the bundle: {why}");
                return Err(Rejection::new(Code::BundleUnused, what));
            }
            Err(_) => {}
        }
    }
    let commit = policy.rollback().commit.as_ref();
    votes.retain(|vote| {
        let source = &vote.attestation().source;
        policy.expects(source)
            && commit.is_none_or(|commit| source.commit == *commit)
            && policy
                .rules()
                .builder(&vote.attestation().builder)
                .is_some()
    });
    Ok(votes)
}

/// The images asked for, as those that the votes are for. One that no vote names stays what it is, and is short of
/// votes.
fn attested(
    images: &Checked,
    votes: &[&VerifiedAttestation],
    evidence: &Evidence,
    context: &Context,
) -> Result<Vec<CheckedImage>, Rejection> {
    let systems = votes.iter().flat_map(|vote| &vote.attestation().systems);
    let digests: BTreeSet<Digest> = systems.map(|one| one.digest).collect();
    let digests: Vec<Digest> = digests.into_iter().collect();
    let images = images.images.iter();
    let found = images.map(|image| {
        match original::attested(image, &digests, &evidence.blobs, context.deep) {
            Err(rejection) if image.attestable && rejection.code == Code::ImageNotInRecord => {
                Ok(image.clone())
            }
            found => found,
        }
    });
    found.collect()
}

/// Who counts of those who signed one release.
struct Found {
    source: Source,
    recipe: Recipe,
    builders: BTreeMap<BuilderId, CountedBuilder>,
    dropped: Vec<DroppedBuilder>,
}

fn group(
    policy: &Policy,
    evidence: &Evidence,
    images: &[CheckedImage],
    votes: &[&VerifiedAttestation],
) -> Result<Found, Rejection> {
    let mut recipe = None;
    let mut builders: BTreeMap<BuilderId, CountedBuilder> = BTreeMap::new();
    let mut dropped = Vec::new();
    for image in images {
        let mut counted = BTreeMap::new();
        let mut faults: Vec<(BuilderId, Fault)> = Vec::new();
        for vote in votes.iter().filter(|vote| names(vote, image)) {
            let builder = vote.attestation().builder;
            match judge(policy, evidence, vote, image) {
                Ok(found) => {
                    recipe = Some(found.recipe);
                    counted.entry(builder).or_insert(found.evidence);
                }
                Err(fault) => faults.push((builder, fault)),
            }
        }
        faults.retain(|(builder, _)| !counted.contains_key(builder));
        if evidence.chain.captured
            && let Some((builder, fault)) = faults.first()
        {
            let what = format!("builder {builder} [{}] {}", fault.code, fault.reason);
            return Err(Rejection::new(Code::BundleUnused, what));
        }
        enough(policy, image, &counted, &faults)?;
        for (builder, evidence) in counted {
            note(policy, builder, evidence, &mut builders);
        }
        dropped.extend(faults.into_iter().map(|(builder, fault)| DroppedBuilder {
            builder,
            name: policy.rules().builder(&builder).map(|one| one.name.clone()),
            code: fault.code,
            reason: format!("{}: {}", image.system, fault.reason),
        }));
    }
    let source = votes.first().map(|vote| vote.attestation().source.clone());
    let (Some(source), Some(recipe)) = (source, recipe) else {
        return Err(Rejection::new(
            Code::SignatureMissing,
            "nobody vouches for the image",
        ));
    };
    allowed(policy, &recipe)?;
    Ok(Found {
        source,
        recipe,
        builders,
        dropped,
    })
}

/// Whether a vote is for this very image of this system.
fn names(vote: &VerifiedAttestation, image: &CheckedImage) -> bool {
    let mut systems = vote.attestation().systems.iter();
    systems.any(|one| one.system == image.system && one.digest == image.digest)
}

fn judge(
    policy: &Policy,
    evidence: &Evidence,
    vote: &VerifiedAttestation,
    image: &CheckedImage,
) -> Result<Backing, Fault> {
    let attestation = vote.attestation();
    statement::check(
        &evidence.blobs,
        &policy.domain(),
        &attestation.source,
        attestation.builder,
        &attestation.evidence,
        image,
    )
}

/// Refuses unless as many independent builders count as the policy asks for of any rules and of those it knows.
fn enough(
    policy: &Policy,
    image: &CheckedImage,
    counted: &BTreeMap<BuilderId, CountedEvidence>,
    faults: &[(BuilderId, Fault)],
) -> Result<(), Rejection> {
    let rules = policy.rules();
    let need = rules
        .minimum_known_signers
        .max(rules.minimum_threshold)
        .max(2);
    let known: Vec<_> = counted
        .keys()
        .filter_map(|builder| rules.builder(builder))
        .collect();
    let count = largest_independent(&known, |a, b| share_domain(a, b)).len();
    if count >= usize::from(need) {
        return Ok(());
    }
    let undecided = |fault: &Fault| fault.code.class() == crate::ExitClass::Undecidable;
    let culprit = faults
        .iter()
        .find(|(_, fault)| undecided(fault))
        .or(faults.first());
    let short = format!(
        "{} is short of independent builders known to the policy",
        image.system
    );
    let rejection = match culprit {
        Some((builder, fault)) => Rejection::new(
            fault.code,
            format!("{short} without {builder}: {}", fault.reason),
        ),
        None => Rejection::new(Code::KnownSignersTooFew, short),
    };
    Err(rejection.found(count).expected(format!("at least {need}")))
}

fn note(
    policy: &Policy,
    builder: BuilderId,
    evidence: CountedEvidence,
    builders: &mut BTreeMap<BuilderId, CountedBuilder>,
) {
    let known = policy.rules().builder(&builder);
    let counted = builders.entry(builder).or_insert_with(|| CountedBuilder {
        builder,
        name: known.map(|one| one.name.clone()),
        domains: known.map(|one| one.domains.clone()).unwrap_or_default(),
        systems: Vec::new(),
        endorsement: false,
        evidence: Vec::new(),
    });
    counted.systems.push(evidence.system.clone());
    counted.evidence.push(evidence);
}

impl Found {
    fn report(
        self,
        policy: &Policy,
        images: Checked,
        release: ReleaseId,
        supersession: Vec<Supersession>,
    ) -> Release {
        let builders: Vec<CountedBuilder> = self.builders.into_values().collect();
        Release {
            grade: Grade::Signatures,
            digest: images.digest,
            tag: images.tag,
            canonical_index: images.canonical,
            left_out: Vec::new(),
            layers_checked: images.layers,
            release,
            source: self.source,
            recipe: self.recipe,
            inclusion: None,
            currency: None,
            supersession,
            rules: None,
            trusts: trust::signers(policy, &builders),
            builders,
            dropped: self.dropped,
            images: images.images.into_iter().map(VerifiedImage::from).collect(),
        }
    }
}
