use seed_attestation::Signature;
use seed_merkle::Leaves;
use seed_primitives::BuilderId;
use serde::Serialize;
use thiserror::Error;

use crate::{LedgerState, Release, Submission, Vote};

/// What a first release still lacks, of one builder.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Lack {
    /// The builder.
    pub builder: BuilderId,
    /// What it still has to do.
    pub what: String,
}

/// Why a release cannot be the first.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum GenesisError {
    /// Somebody's signature is missing.
    #[error("the first release needs every builder of the rules; still missing: {}", list(.0))]
    Incomplete(Vec<Lack>),
    /// Two builders have a failure domain in common: these rules can have no first release at all.
    #[error(
        "builders {first} and {second} share failure domains {domains}; at genesis all builders of a system must be independent"
    )]
    Dependent {
        /// One of them.
        first: BuilderId,
        /// The other.
        second: BuilderId,
        /// The shared bits of `domains`, as named by the federation file.
        domains: String,
    },
}

fn list(lacks: &[Lack]) -> String {
    let each = lacks
        .iter()
        .map(|lack| format!("{} of {}", lack.what, lack.builder));
    each.collect::<Vec<_>>().join(", ")
}

/// The submission that makes `release` the first: every builder signs every system it is eligible for, all agree,
/// all builders of a system are independent, and each signs `Genesis` too.
///
/// # Errors
/// [`GenesisError`], naming everybody who is missing.
pub fn first_release(release: &Release, state: &LedgerState) -> Result<Submission, GenesisError> {
    refuse_dependent(state)?;
    let votes = release.counting();
    let mut lacks = Vec::new();
    let mut chosen = Vec::new();
    for builder in state.rules.builders() {
        let vote = votes.iter().find(|vote| vote.builder() == builder.builder);
        match vote {
            Some(vote) if mask(vote, state) == builder.systems => chosen.push(*vote),
            Some(_) => lacks.push(Lack {
                builder: builder.builder,
                what: "an attestation over every system it is eligible for".to_owned(),
            }),
            None => lacks.push(Lack {
                builder: builder.builder,
                what: "a valid attestation with its evidence".to_owned(),
            }),
        }
    }
    for divergence in release.divergence() {
        let minority = divergence
            .says
            .iter()
            .skip(1)
            .flat_map(|saying| &saying.builders);
        for builder in
            minority.filter(|builder| chosen.iter().any(|vote| vote.builder() == **builder))
        {
            lacks.push(Lack {
                builder: *builder,
                what: format!("the same image for {} as the others", divergence.system),
            });
        }
    }
    let leaves = leaves(&chosen, state).filter(|_| lacks.is_empty());
    let mut signatures = Vec::new();
    for builder in state.rules.builders() {
        match consent(release, state, leaves.as_ref(), builder.builder) {
            Some(signature) => signatures.push(signature),
            None => lacks.push(Lack {
                builder: builder.builder,
                what: "a genesis signature over exactly these images and rules".to_owned(),
            }),
        }
    }
    match Submission::new(&chosen, state) {
        Some(submission) if lacks.is_empty() => Ok(submission.with_genesis(signatures)),
        _ => Err(GenesisError::Incomplete(lacks)),
    }
}

fn mask(vote: &Vote, state: &LedgerState) -> u64 {
    vote.candidate(state)
        .map_or(0, |candidate| candidate.mask())
}

fn refuse_dependent(state: &LedgerState) -> Result<(), GenesisError> {
    let builders = state.rules.builders();
    for (at, first) in builders.iter().enumerate() {
        for second in builders.iter().skip(at + 1) {
            let shared = first.domains & second.domains;
            if first.systems & second.systems != 0 && !shared.is_zero() {
                return Err(GenesisError::Dependent {
                    first: first.builder,
                    second: second.builder,
                    domains: format!("{shared:#x}"),
                });
            }
        }
    }
    Ok(())
}

fn leaves(votes: &[&Vote], state: &LedgerState) -> Option<Leaves> {
    let systems = state.rules.systems().iter();
    let images = systems.map(|system| {
        let mut digests = votes
            .iter()
            .filter_map(|vote| vote.attestation.leaves().digest_of(system));
        Some((system.clone(), *digests.next()?))
    });
    Leaves::new(images.collect::<Option<_>>()?).ok()
}

/// The builder's consent; while the images are not yet certain, any consent under these rules will do, so that
/// nobody is asked for one who gave it.
fn consent(
    release: &Release,
    state: &LedgerState,
    leaves: Option<&Leaves>,
    builder: BuilderId,
) -> Option<Signature> {
    let consents = release.genesis.iter().map(|verified| verified.signature());
    let mut fitting = consents.filter(|consent| {
        consent.builder == builder
            && consent.rules_code_hash == state.rules.code_hash()
            && leaves.is_none_or(|leaves| leaves.root().word() == consent.root)
    });
    fitting.next().map(|consent| consent.signature)
}

#[cfg(test)]
mod tests {
    use seed_attestation::GenesisSignature;
    use seed_testkit::keys;

    use super::*;
    use crate::{
        Documents, Wanted, group,
        testing::{NAMES, SYSTEMS, attestation, domain, found, source, state},
    };

    fn consent(name: &str, state: &LedgerState, contents: [&str; 2]) -> GenesisSignature {
        let images = SYSTEMS.iter().zip(contents).map(|(system, content)| {
            let digest = seed_primitives::Digest::of(content.as_bytes());
            (system.parse().unwrap(), digest)
        });
        let root = Leaves::new(images.collect()).unwrap().root();
        let (domain, code, release) = (domain(), state.rules.code_hash(), source().release());
        GenesisSignature {
            rules_code_hash: code,
            release,
            root: root.word(),
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: keys::builder(name),
            signature: keys::sign(name, &domain.genesis_digest(code, &release, &root)),
        }
    }

    fn release(
        last: &[(&str, &str)],
        consents: &[GenesisSignature],
        state: &LedgerState,
    ) -> Release {
        let both = SYSTEMS.map(|system| (system, "a"));
        let votes = [&both, &both, last];
        let votes = NAMES
            .iter()
            .zip(votes)
            .filter(|(_, images)| !images.is_empty());
        let documents = Documents {
            attestations: votes
                .map(|(name, images)| found(attestation(name, images), ""))
                .collect(),
            genesis: consents.iter().map(|one| found(one.clone(), "")).collect(),
            ..Documents::default()
        };
        let wanted = Wanted {
            releases: vec![],
            builders: vec![],
        };
        group(documents, &domain(), state, &wanted).0.remove(0)
    }

    fn lacks(result: Result<Submission, GenesisError>) -> Vec<BuilderId> {
        match result {
            Err(GenesisError::Incomplete(lacks)) => {
                lacks.into_iter().map(|one| one.builder).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn takes_everybody_or_names_who_is_missing() {
        let state = state(true);
        let narrow = [(SYSTEMS[1], "a")];
        let all = NAMES.map(|name| consent(name, &state, ["a", "a"]));
        let submission = first_release(&release(&narrow, &all, &state), &state).unwrap();
        assert_eq!(submission.signers().count(), 3);
        assert_eq!(submission.genesis_bytes().unwrap().len(), 3 * 64);

        let cy = [keys::builder("cy")];
        assert_eq!(
            lacks(first_release(&release(&[], &all, &state), &state)),
            cy
        );
        assert_eq!(
            lacks(first_release(&release(&narrow, &all[..2], &state), &state)),
            cy
        );
        assert_eq!(
            lacks(first_release(
                &release(&[(SYSTEMS[1], "x")], &all, &state),
                &state
            )),
            cy
        );
        let mut other = all.clone();
        other[2] = consent("cy", &state, ["a", "x"]);
        assert_eq!(
            lacks(first_release(&release(&narrow, &other, &state), &state)),
            cy
        );
    }

    #[test]
    fn asks_for_every_eligible_system() {
        let state = state(false);
        let all = NAMES.map(|name| consent(name, &state, ["a", "a"]));
        let narrow = release(&[(SYSTEMS[1], "a")], &all, &state);
        assert_eq!(lacks(first_release(&narrow, &state)), [keys::builder("cy")]);
    }
}
