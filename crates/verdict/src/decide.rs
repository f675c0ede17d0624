use seed_primitives::{Recipe, System};
use seed_proof::{ControlWord, Rules};

use crate::{
    Context, CountedBuilder, Currency, DroppedBuilder, Evidence, ExitClass, Grade, Inclusion,
    JudgedBy, Policy, Rejection, RejectionCode as Code, Release, Supersession, Verified,
    VerifiedImage,
    count::{self, Judged},
    head::{self, Head},
    image::{self, Checked},
    record::{self, Recorded},
    rollback,
    rules::{self, Accepted},
    signatures,
    state::{self, State},
    trust,
    votes::{self, Judge, Signer},
};

/// Decides whether what was asked for is a release of an expected source that enough independent builders made.
///
/// In this order, and the first complaint is the answer:
///
/// 1. *Image*: digest, manifest or index, every runnable child, config, platform, layers where they were read;
///    a tag needs a rule against old releases; the network file that the anchor is from, if it is, has not expired.
/// 2. *Head*: every endpoint on the anchored chain, no two finalised blocks of one height, `agree` operators for
///    the header, fresh.
/// 3. *State*: the ledger's account holds the pinned code; words proven (or agreed on); the floor is met.
/// 4. *Record*: a locator whose recomputed commitment is in the release's slot, listing every image asked for,
///    or, of a re-packed copy whose layers were read, the image with its config; of an expected source.
/// 5. *Rollback*: commit, sequence, age, remembered mark.
/// 6. *Rules*: recorded code, known to the policy, every constructor check, not revoked; record, rules and
///    ledger consistent; each image recorded for its own system.
/// 7. *Votes*: each signature recovered, each signer's standing, evidence and statement.
/// 8. *Count*: per system asked for, the largest independent set of those, by the rules and by the policy.
/// 9. *Recipe*: packer and reissue.
///
/// Where steps 2 and 3 fail because the chain could not be read, and the policy itself asks for no more than grade
/// `signatures`, the signatures of builders it knows decide, and both verdicts about the chain are left open.
///
/// Nothing is fetched, nothing is remembered, and no step is skipped by any option.
///
/// # Errors
/// A [`Rejection`] whose class says whether the image was rejected, could not be decided, or was revoked.
pub fn decide(
    policy: &Policy,
    evidence: &Evidence,
    context: &Context,
) -> Result<Verified<Release>, Rejection> {
    let images = image::check(&evidence.image, context.deep)?;
    in_time(policy, context)?;
    rollback::decidable(policy, images.tag.as_deref())?;
    match chain(policy, evidence, context) {
        Ok((head, state)) => {
            let report = weigh(policy, evidence, context, images, head, state)?;
            Ok(Verified::new(report.release()))
        }
        Err(complaint)
            if policy.require() == Grade::Signatures && signatures::excuses(complaint.code) =>
        {
            signatures::decide(policy, evidence, images, context).map(Verified::new)
        }
        Err(complaint) => Err(complaint),
    }
}

/// Refuses to use an anchor longer than those vouch for it from whom the policy has it.
fn in_time(policy: &Policy, context: &Context) -> Result<(), Rejection> {
    let Some(network) = policy.network() else {
        return Ok(());
    };
    if context.now < network.expires {
        return Ok(());
    }
    let what = format!(
        "the network file of `{}` that the anchor is from has expired",
        network.name
    );
    Err(Rejection::new(Code::NetworkExpired, what)
        .found(context.now)
        .expected(format!("before {}", network.expires)))
}

/// Steps 2 and 3.
fn chain<'a>(
    policy: &'a Policy,
    evidence: &'a Evidence,
    context: &Context,
) -> Result<(Head<'a>, State), Rejection> {
    let head = head::establish(policy, &evidence.chain, context)?;
    let state = state::establish(policy, &evidence.chain, &head)?;
    Ok((head, state))
}

/// Steps 4 to 9, at a header somebody else has to vouch for.
pub(crate) fn weigh<'a>(
    policy: &'a Policy,
    evidence: &'a Evidence,
    context: &'a Context,
    images: Checked,
    head: Head<'a>,
    state: State,
) -> Result<Report<'a>, Rejection> {
    let recorded = record::find(policy, evidence, &images, &state, context)?;
    let images = images.attested(recorded.images.clone());
    let supersession = rollback::check(policy, &recorded, context)?;
    let accepted = rules::accept(policy, &evidence.chain, &recorded)?;
    rules::not_revoked(&state, &recorded, &head.header)?;
    let control = rules::control(&state)?;
    record::consistent(&recorded, &accepted.rules, &control, &head.header)?;
    record::placed(&images, &recorded, &accepted.rules)?;
    count::record_quorum(&recorded, &accepted.rules)?;

    let domain = policy.domain();
    let (signers, unused) = votes::signers(&domain, &recorded, &accepted.rules, evidence);
    let judge = Judge {
        domain: &domain,
        recorded: &recorded,
        state: &state,
        header: &head.header,
        blobs: &evidence.blobs,
    };
    let tally = tally(policy, &judge, &accepted.rules, &images, &signers)?;
    if evidence.chain.captured {
        everything_counts(&tally, unused)?;
    }
    allowed(policy, &tally.recipe)?;
    Ok(Report {
        policy,
        context,
        images,
        head,
        state,
        recorded,
        supersession,
        accepted,
        control,
        tally,
    })
}

/// Refuses a bundle in which something does not count for any reason but a revocation: it was made of what counts,
/// so somebody has changed it since.
fn everything_counts(tally: &Tally, unused: Option<String>) -> Result<(), Rejection> {
    if let Some(why) = unused {
        return Err(Rejection::new(
            Code::BundleUnused,
            format!("an attestation in the bundle: {why}"),
        ));
    }
    let mut dropped = tally.dropped.iter();
    let changed = dropped.find(|one| one.code.class() != ExitClass::Revoked);
    changed.map_or(Ok(()), |one| {
        let what = format!("builder {} [{}] {}", one.builder, one.code, one.reason);
        Err(Rejection::new(Code::BundleUnused, what))
    })
}

/// Who counts, who does not, and the recipe they agree on.
pub(crate) struct Tally {
    recipe: Recipe,
    pub(crate) builders: Vec<CountedBuilder>,
    dropped: Vec<DroppedBuilder>,
}

fn tally(
    policy: &Policy,
    judge: &Judge<'_>,
    rules: &Rules,
    images: &Checked,
    signers: &[Signer],
) -> Result<Tally, Rejection> {
    let mut recipe = None;
    let mut builders: Vec<CountedBuilder> = Vec::new();
    let mut dropped: Vec<DroppedBuilder> = Vec::new();
    for image in &images.images {
        // `placed` found every image's system in the rules.
        let Some(position) = rules.position_of(&image.system) else {
            continue;
        };
        let mut judged = Vec::new();
        for signer in signers.iter().filter(|signer| signer.claims(position)) {
            let verdict = signer.judge(judge, position, image);
            let verdict = verdict.map(|found| {
                recipe = Some(found.recipe);
                found.evidence
            });
            judged.push(Judged { signer, verdict });
        }
        count::enough(policy, rules, &image.system, &judged)?;
        for one in judged {
            note(policy, one, &image.system, &mut builders, &mut dropped);
        }
    }
    builders.sort_by_key(|one| rules.index_of(&one.builder));
    let recipe = recipe
        .ok_or_else(|| Rejection::new(Code::BelowThreshold, "nobody vouches for the image"))?;
    Ok(Tally {
        recipe,
        builders,
        dropped,
    })
}

fn note(
    policy: &Policy,
    judged: Judged<'_>,
    system: &System,
    builders: &mut Vec<CountedBuilder>,
    dropped: &mut Vec<DroppedBuilder>,
) {
    let signer = judged.signer;
    let known = policy.rules().builder(&signer.builder);
    let name = known.map(|one| one.name.clone());
    let evidence = match judged.verdict {
        Ok(evidence) => evidence,
        Err(fault) => {
            dropped.push(DroppedBuilder {
                builder: signer.builder,
                name,
                code: fault.code,
                reason: format!("{system}: {}", fault.reason),
            });
            return;
        }
    };
    if let Some(counted) = builders
        .iter_mut()
        .find(|one| one.builder == signer.builder)
    {
        counted.systems.push(system.clone());
        counted.evidence.push(evidence);
        return;
    }
    builders.push(CountedBuilder {
        builder: signer.builder,
        name,
        domains: known.map(|one| one.domains.clone()).unwrap_or_default(),
        systems: vec![system.clone()],
        endorsement: signer.endorsement,
        evidence: vec![evidence],
    });
}

pub(crate) fn allowed(policy: &Policy, recipe: &Recipe) -> Result<(), Rejection> {
    if !policy.packers().contains(&recipe.packer) {
        let packers: Vec<String> = policy.packers().iter().map(ToString::to_string).collect();
        return Err(Rejection::new(
            Code::PackerNotAllowed,
            "the image was packed by another packer",
        )
        .found(&recipe.packer)
        .expected(packers.join(" or ")));
    }
    if recipe.reissue > policy.maximum_reissue() {
        return Err(
            Rejection::new(Code::ReissueNotAllowed, "the release is a re-issue")
                .found(recipe.reissue)
                .expected(format!("at most {}", policy.maximum_reissue())),
        );
    }
    Ok(())
}

/// Everything a verdict reports.
pub(crate) struct Report<'a> {
    pub(crate) policy: &'a Policy,
    context: &'a Context,
    pub(crate) images: Checked,
    pub(crate) head: Head<'a>,
    state: State,
    pub(crate) recorded: Recorded,
    supersession: Vec<Supersession>,
    pub(crate) accepted: Accepted,
    control: ControlWord,
    pub(crate) tally: Tally,
}

impl Report<'_> {
    fn release(self) -> Release {
        let trusts = trust::who(
            self.policy,
            &self.head,
            self.state.grade,
            &self.accepted.rules,
            &self.tally.builders,
        );
        let (inclusion, currency) = (self.inclusion(), self.currency());
        let rules = &self.accepted.rules;
        let asked: Vec<&System> = self.images.images.iter().map(|one| &one.system).collect();
        let left_out = match self.images.canonical {
            Some(_) => rules
                .systems()
                .iter()
                .filter(|one| !asked.contains(one))
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        Release {
            grade: self.state.grade,
            digest: self.images.digest,
            tag: self.images.tag,
            canonical_index: self.images.canonical,
            left_out,
            layers_checked: self.images.layers,
            release: self.recorded.release,
            source: self.recorded.source,
            recipe: self.tally.recipe,
            inclusion: Some(inclusion),
            currency: Some(currency),
            supersession: self.supersession,
            rules: Some(JudgedBy {
                address: self.recorded.record.rules,
                code_hash: rules.code_hash(),
                logic_hash: rules.logic_hash(),
                federation: rules.federation(),
                threshold: rules.threshold(),
                pinned: self.accepted.pinned,
            }),
            builders: self.tally.builders,
            dropped: self.tally.dropped,
            trusts,
            images: self
                .images
                .images
                .into_iter()
                .map(VerifiedImage::from)
                .collect(),
        }
    }

    fn inclusion(&self) -> Inclusion {
        let (header, record) = (&self.head.header, &self.recorded.record);
        Inclusion {
            grade: self.state.grade,
            chain_id: self.policy.anchor().chain_id,
            ledger: self.policy.anchor().ledger,
            block: header.number(),
            block_hash: header.hash(),
            vouched: self.head.vouched(),
            commitment: self.recorded.commitment,
            sequence: record.sequence,
            recorded_at: record.timestamp,
            age: self.context.now.saturating_sub(record.timestamp),
        }
    }

    fn currency(&self) -> Currency {
        let header = &self.head.header;
        Currency {
            grade: self.state.grade,
            block: header.number(),
            as_of: header.timestamp(),
            age: self.context.now.saturating_sub(header.timestamp()),
            ledger_sequence: u64::from(self.control.sequence),
            rules_in_force: self.control.rules == self.recorded.record.rules,
        }
    }
}
