//! Step 7: who signed what, recovered from signatures, and who of them counts.

use seed_attestation::{Attestation, Domain, Entry, Record, ReleaseData, Signature};
use seed_primitives::{BuilderId, Digest};
use seed_proof::{Effect, RawHeader, Rules};

use crate::{
    Blobs, Evidence, RejectionCode as Code,
    image::CheckedImage,
    record::Recorded,
    revocation::{Standing, standing},
    state::State,
    statement::{self, Backing},
};

/// The most attestations that are looked at.
pub(crate) const MAX_ATTESTATIONS: usize = 256;
/// The most events that are looked at.
const MAX_EVENTS: usize = 16;

/// A signature that is its builder's, over exactly the recorded digests of `systems`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Vote {
    systems: u64,
    evidence: Digest,
}

/// A builder of the rules that signed, or is said to have signed.
pub(crate) struct Signer {
    /// Its index in the rules.
    pub(crate) index: usize,
    pub(crate) builder: BuilderId,
    /// Not in the record: it signed later, or was left out.
    pub(crate) endorsement: bool,
    /// What the record says it signed; `None` for an endorsement. The rules checked that signature.
    recorded: Option<Vote>,
    votes: Vec<Vote>,
    /// A signature in its name that is not its own.
    forged: Option<String>,
}

/// Why a signer does not count.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn new(code: Code, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }
}

/// Everything one signer's standing depends on.
pub(crate) struct Judge<'a> {
    pub(crate) domain: &'a Domain,
    pub(crate) recorded: &'a Recorded,
    pub(crate) state: &'a State,
    pub(crate) header: &'a RawHeader,
    pub(crate) blobs: &'a Blobs,
}

/// The signers of the recorded digests, in the order of the rules, and why the first attestation that is nobody's
/// vote for them is none.
pub(crate) fn signers(
    domain: &Domain,
    recorded: &Recorded,
    rules: &Rules,
    evidence: &Evidence,
) -> (Vec<Signer>, Option<String>) {
    let mut unused = None;
    let mut signers: Vec<Signer> = recorded.record.entries.iter().map(Signer::of).collect();
    for event in evidence.events.iter().take(MAX_EVENTS) {
        if let Ok(data) = ReleaseData::parse(event)
            && data.record == recorded.record
        {
            for (entry, signature) in data.record.entries.iter().zip(&data.signatures) {
                let found = recovered(domain, recorded, rules, entry, signature);
                if let Some(signer) = signers.iter_mut().find(|one| one.builder == entry.builder) {
                    signer.add(found);
                }
            }
        }
    }
    for bytes in evidence.attestations.iter().take(MAX_ATTESTATIONS) {
        let about_this = Attestation::from_json(bytes)
            .ok()
            .and_then(|attestation| attested(domain, recorded, rules, &attestation));
        let Some((index, builder, found)) = about_this else {
            unused.get_or_insert_with(|| "it is not about this release and its rules".to_owned());
            continue;
        };
        if let Err(why) = &found {
            unused.get_or_insert_with(|| why.clone());
        }
        match signers.iter_mut().find(|one| one.builder == builder) {
            Some(signer) => signer.add(found),
            None => {
                let mut signer = Signer::new(index, builder);
                signer.add(found);
                signers.push(signer);
            }
        }
    }
    // A stranger's forgery in the name of a builder that never signed is not a signer.
    signers.retain(|signer| !signer.endorsement || !signer.votes.is_empty());
    signers.sort_by_key(|signer| signer.index);
    (signers, unused)
}

/// The vote of a record entry, from the signature logged with it.
fn recovered(
    domain: &Domain,
    recorded: &Recorded,
    rules: &Rules,
    entry: &Entry,
    signature: &Signature,
) -> Result<Vote, String> {
    let leaves = recorded
        .record
        .leaves(rules.systems(), entry.systems)
        .map_err(|error| error.to_string())?;
    let digest = domain.attestation_digest(
        &recorded.release,
        &leaves.root(),
        &entry.evidence,
        recorded.record.rules,
    );
    signature
        .expect_signer(&digest, entry.builder)
        .map_err(|error| error.to_string())?;
    Ok(Vote {
        systems: entry.systems,
        evidence: entry.evidence,
    })
}

/// The vote of a published attestation; `None` where it is about something else or by nobody of the rules.
pub(crate) fn attested(
    domain: &Domain,
    recorded: &Recorded,
    rules: &Rules,
    attestation: &Attestation,
) -> Option<(usize, BuilderId, Result<Vote, String>)> {
    let index = rules.index_of(&attestation.builder)?;
    let eligible = rules.builders().get(index)?.systems;
    let systems = agreeing(attestation, &recorded.record, rules)?;
    let about_this = attestation.source == recorded.source
        && attestation.rules == recorded.record.rules
        && systems & !eligible == 0;
    if !about_this {
        return None;
    }
    let vote = attestation.verify(domain).map(|verified| Vote {
        systems,
        evidence: verified.attestation().evidence,
    });
    Some((
        index,
        attestation.builder,
        vote.map_err(|error| error.to_string()),
    ))
}

/// The mask of an attestation's systems, if each has its recorded digest.
fn agreeing(attestation: &Attestation, record: &Record, rules: &Rules) -> Option<u64> {
    attestation.systems.iter().try_fold(0, |mask, one| {
        let at = rules.position_of(&one.system)?;
        (record.digests.get(at) == Some(&one.digest)).then_some(mask | 1 << at)
    })
}

impl Signer {
    fn new(index: usize, builder: BuilderId) -> Self {
        Self {
            index,
            builder,
            endorsement: true,
            recorded: None,
            votes: Vec::new(),
            forged: None,
        }
    }

    fn of(entry: &Entry) -> Self {
        Self {
            endorsement: false,
            recorded: Some(Vote {
                systems: entry.systems,
                evidence: entry.evidence,
            }),
            ..Self::new(usize::from(entry.index), entry.builder)
        }
    }

    fn add(&mut self, found: Result<Vote, String>) {
        match found {
            Ok(vote) => self.votes.push(vote),
            Err(why) => self.forged = Some(why),
        }
    }

    /// Whether it is said to have signed for system `position` of the rules.
    pub(crate) fn claims(&self, position: usize) -> bool {
        let voted = self
            .votes
            .iter()
            .chain(&self.recorded)
            .fold(0, |mask, vote| mask | vote.systems);
        voted >> position & 1 == 1
    }

    /// Whether it counts for `image`, which is system `position` of the rules.
    ///
    /// Standing comes first: a revoked builder's evidence is not looked at. Of one that was revoked for later
    /// releases, or by a dispute that lapsed, only what the record says counts. A good vote outweighs a bad one, and
    /// what was not found might have been good.
    pub(crate) fn judge(
        &self,
        judge: &Judge<'_>,
        position: usize,
        image: &CheckedImage,
    ) -> Result<Backing, Fault> {
        let revoked = self.stands(judge)?;
        let mut worst: Option<Fault> = None;
        let votes = self
            .votes
            .iter()
            .filter(|vote| vote.systems >> position & 1 == 1);
        for vote in votes {
            if revoked && self.recorded != Some(*vote) {
                worst.get_or_insert_with(revoked_endorsement);
                continue;
            }
            match statement::check(
                judge.blobs,
                judge.domain,
                &judge.recorded.source,
                self.builder,
                &vote.evidence,
                image,
            ) {
                Ok(backing) => return Ok(backing),
                Err(fault) if worst.as_ref().is_none_or(|worst| fault.outweighs(worst)) => {
                    worst = Some(fault);
                }
                Err(_) => {}
            }
        }
        Err(worst.unwrap_or_else(|| self.unsigned()))
    }

    /// Whether it was revoked without losing what the record says it signed.
    fn stands(&self, judge: &Judge<'_>) -> Result<bool, Fault> {
        let sequence = judge.recorded.record.sequence;
        let time = judge.header.timestamp();
        match standing(judge.state, self.builder.address(), sequence, time) {
            Standing::Clear => Ok(false),
            Standing::Revoked(Effect::None) => Ok(true),
            Standing::Revoked(Effect::Disputed) => Err(Fault::new(
                Code::BuilderDisputed,
                "its revocation is disputed",
            )),
            Standing::Revoked(Effect::Tainted) => {
                Err(Fault::new(Code::BuilderRevoked, "it was revoked"))
            }
            Standing::Unknown(why) => Err(Fault::new(Code::RevocationUnknown, why)),
        }
    }

    fn unsigned(&self) -> Fault {
        self.forged.as_ref().map_or_else(
            || Fault::new(Code::SignatureMissing, "its signature was not found"),
            |why| Fault::new(Code::SignatureBad, format!("its signature: {why}")),
        )
    }
}

/// What is presented beside a record bears no time: whoever stole a revoked key must not heal a record with it.
fn revoked_endorsement() -> Fault {
    Fault::new(
        Code::BuilderRevoked,
        "it was revoked, and what it signed beside the record never counts",
    )
}

impl Fault {
    /// Undecidable outweighs rejected: what is missing might have been good.
    fn outweighs(&self, other: &Self) -> bool {
        self.code.class() == crate::ExitClass::Undecidable
            && other.code.class() != crate::ExitClass::Undecidable
    }
}
