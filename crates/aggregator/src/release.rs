use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use seed_attestation::{Domain, VerifiedGenesis};
use seed_primitives::{BuilderId, Digest, ReleaseId, Source};
use tokio::time::{Instant, timeout_at};

use crate::{
    Documents, LedgerState, Places, Refusal, RefusedDocument, Vote, Wanted, check_evidence,
    divergence::{Divergence, divergence},
};

/// How many votes of one builder for one release have their evidence looked at.
const MAX_TRIES: usize = 8;

/// Everything that was found about one release.
#[derive(Clone, Debug)]
pub struct Release {
    /// The release.
    pub id: ReleaseId,
    /// What was built; `None` where nobody attested it.
    pub source: Option<Source>,
    /// The votes, in the order of the rules' builders.
    pub votes: Vec<Vote>,
    /// Consents to make it the first release.
    pub genesis: Vec<VerifiedGenesis>,
}

/// Puts documents in order by release; what nobody of the rules signed in this domain is refused.
#[must_use]
pub fn group(
    documents: Documents,
    domain: &Domain,
    state: &LedgerState,
    wanted: &Wanted,
) -> (Vec<Release>, Vec<RefusedDocument>) {
    let mut refused = documents.refused;
    let mut releases: BTreeMap<ReleaseId, Release> = BTreeMap::new();
    let entry = |id| Release {
        id,
        source: None,
        votes: Vec::new(),
        genesis: Vec::new(),
    };
    for id in &wanted.releases {
        releases.insert(*id, entry(*id));
    }
    for found in documents.attestations {
        if !wanted.wants(&found.document.source.release()) {
            continue;
        }
        match Vote::admit(found, domain, state) {
            Ok(vote) => {
                let id = vote.release();
                releases.entry(id).or_insert_with(|| entry(id)).add(vote);
            }
            Err(refusal) => refused.push(refusal),
        }
    }
    for found in documents.genesis {
        let id = found.document.release;
        if !wanted.wants(&id) {
            continue;
        }
        let verified = found.document.verify(domain);
        let known = state.rules.index_of(&found.document.builder).is_some();
        match verified {
            Ok(verified) if known => {
                let release = releases.entry(id).or_insert_with(|| entry(id));
                release.genesis.push(verified);
            }
            Ok(_) => refused.push(RefusedDocument {
                origin: found.origin,
                code: "unknown-builder",
                why: format!(
                    "{} is no builder of the rules in force",
                    found.document.builder
                ),
            }),
            Err(error) => refused.push(RefusedDocument {
                origin: found.origin,
                code: "signature-invalid",
                why: error.to_string(),
            }),
        }
    }
    let mut releases: Vec<Release> = releases.into_values().collect();
    for release in &mut releases {
        release.sort(state);
        release.refuse_equivocators();
    }
    // The first release comes first, so that the others can follow in the same run.
    releases.sort_by_key(|release| release.genesis.is_empty());
    (releases, refused)
}

impl Release {
    fn add(&mut self, vote: Vote) {
        self.source
            .get_or_insert_with(|| vote.attestation.attestation().source.clone());
        let same = self.votes.iter_mut().find(|known| {
            known.builder() == vote.builder()
                && known.attestation.digest() == vote.attestation.digest()
        });
        match same {
            Some(known) => known.origins.extend(vote.origins),
            None => self.votes.push(vote),
        }
    }

    /// By builder, and the largest set of each first.
    fn sort(&mut self, state: &LedgerState) {
        self.votes.sort_by_key(|vote| {
            (
                state.rules.index_of(&vote.builder()),
                std::cmp::Reverse(vote.images().len()),
                *vote.attestation.attestation().evidence.as_bytes(),
            )
        });
    }

    /// Who disagrees with whom, system by system; every valid signature is heard, also one that does not count.
    #[must_use]
    pub fn divergence(&self) -> Vec<Divergence> {
        divergence(&self.votes)
    }

    /// Drops builders who signed two digests for one system: their key will be revoked, and with it whatever
    /// it carried.
    fn refuse_equivocators(&mut self) {
        let mut said: BTreeMap<(BuilderId, String), Vec<Digest>> = BTreeMap::new();
        for vote in &self.votes {
            for (system, digest) in vote.images() {
                let digests = said
                    .entry((vote.builder(), system.to_string()))
                    .or_default();
                if !digests.contains(digest) {
                    digests.push(*digest);
                }
            }
        }
        for ((builder, system), digests) in said {
            if let [first, second, ..] = digests.as_slice() {
                let why = format!(
                    "signed both {first} and {second} for {system}; report it to the guardian"
                );
                for vote in self
                    .votes
                    .iter_mut()
                    .filter(|vote| vote.builder() == builder)
                {
                    vote.refusal = Some(Refusal::new("equivocation", why.clone()));
                }
            }
        }
    }

    /// Keeps one vote per builder: the one over most systems whose evidence is there. All builders are looked at
    /// at the same time, each for at most `patience`, so that none can use up the time of the others.
    pub async fn settle(&mut self, domain: &Domain, places: &Places, patience: Duration) {
        let mut builders: BTreeMap<BuilderId, Vec<&mut Vote>> = BTreeMap::new();
        for vote in self.votes.iter_mut().filter(|vote| vote.counts()) {
            builders.entry(vote.builder()).or_default().push(vote);
        }
        let each = builders
            .into_values()
            .map(|votes| settle_one(votes, domain, places, patience));
        join_all(each).await;
    }

    /// The votes that may be submitted.
    #[must_use]
    pub fn counting(&self) -> Vec<&Vote> {
        self.votes.iter().filter(|vote| vote.counts()).collect()
    }

    /// Why votes are out that might count if everything could be asked.
    #[must_use]
    pub fn unknown(&self) -> Option<&Refusal> {
        let refusals = self.votes.iter().filter_map(|vote| vote.refusal.as_ref());
        refusals.into_iter().find(|refusal| refusal.unknown)
    }
}

/// Settles the votes of one builder, the largest first.
async fn settle_one(
    mut votes: Vec<&mut Vote>,
    domain: &Domain,
    places: &Places,
    patience: Duration,
) {
    let deadline = Instant::now() + patience;
    let mut settled = false;
    for (tried, vote) in votes.iter_mut().enumerate() {
        if settled || tried == MAX_TRIES {
            let why = "the builder signed again over a set at least as large";
            vote.refusal = Some(Refusal::new("superseded", why));
            continue;
        }
        let checked = timeout_at(deadline, check_evidence(vote, domain, places)).await;
        let checked = checked.unwrap_or_else(|_| {
            let why = "its evidence could not be read in time";
            Err(Refusal::unknown("evidence-unreachable", why))
        });
        match checked {
            Ok(()) => settled = true,
            Err(refusal) => vote.refusal = Some(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use seed_testkit::keys;

    use super::*;
    use crate::testing::{SYSTEMS, attestation, domain, found, source, state};

    fn everything() -> Wanted {
        Wanted {
            releases: vec![],
            builders: vec![],
        }
    }

    fn grouped(
        documents: Vec<seed_attestation::Attestation>,
        state: &LedgerState,
    ) -> (Vec<Release>, Vec<RefusedDocument>) {
        let attestations = documents.into_iter().enumerate();
        let documents = Documents {
            attestations: attestations
                .map(|(at, document)| found(document, &at.to_string()))
                .collect(),
            ..Documents::default()
        };
        group(documents, &domain(), state, &everything())
    }

    fn code(vote: &Vote) -> &'static str {
        vote.refusal
            .as_ref()
            .map_or("counts", |refusal| refusal.code)
    }

    #[test]
    fn puts_votes_in_the_order_of_the_rules_and_knows_one_from_two_places() {
        let (bo, ada) = (
            attestation("bo", &[(SYSTEMS[0], "a")]),
            attestation("ada", &[(SYSTEMS[0], "a")]),
        );
        let (releases, refused) = grouped(vec![bo.clone(), ada, bo], &state(false));
        let [release] = releases.as_slice() else {
            panic!("{releases:?}")
        };
        assert!(refused.is_empty());
        assert_eq!(release.id, source().release());
        assert_eq!(release.source, Some(source()));
        let builders: Vec<_> = release.votes.iter().map(Vote::builder).collect();
        assert_eq!(builders, ["ada", "bo"].map(keys::builder));
        assert_eq!(release.votes[1].origins, ["0", "2"]);
        assert!(release.divergence().is_empty());
    }

    #[test]
    fn refuses_votes_that_cannot_be_submitted_each_for_its_reason() {
        let both: Vec<_> = SYSTEMS.map(|system| (system, "a")).to_vec();
        let mut other = attestation("ada", &both);
        other.rules = alloy_primitives::Address::repeat_byte(9);
        let digest = domain().attestation_digest(
            &source().release(),
            &other.leaves().unwrap().root(),
            &other.evidence,
            other.rules,
        );
        other.signature = keys::sign("ada", &digest);
        let revoked = LedgerState {
            revoked: 0b010,
            ..state(true)
        };
        let documents = vec![
            other,
            attestation("bo", &both),
            attestation("cy", &both),
            attestation("cy", &[("riscv64-linux", "a")]),
        ];
        let (releases, _) = grouped(documents, &revoked);
        let codes: Vec<_> = releases[0].votes.iter().map(code).collect();
        let wanted = [
            "other-rules",
            "builder-revoked",
            "ineligible-system",
            "unknown-system",
        ];
        assert_eq!(codes, wanted);
    }

    #[test]
    fn refuses_what_nobody_of_the_rules_signed_here() {
        let mut elsewhere = attestation("ada", &[(SYSTEMS[0], "a")]);
        elsewhere.chain_id = 2;
        let mut forged = attestation("ada", &[(SYSTEMS[0], "a")]);
        forged.builder = keys::builder("bo");
        let stranger = attestation("mallory", &[(SYSTEMS[0], "a")]);
        let (releases, refused) = grouped(vec![elsewhere, forged, stranger], &state(false));
        assert!(releases.is_empty());
        let codes: Vec<_> = refused.iter().map(|one| one.code).collect();
        assert_eq!(
            codes,
            ["wrong-domain", "signature-invalid", "unknown-builder"]
        );
    }

    #[test]
    fn shows_who_says_what_and_drops_who_says_both() {
        let documents = vec![
            attestation("ada", &[(SYSTEMS[0], "a"), (SYSTEMS[1], "a")]),
            attestation("bo", &[(SYSTEMS[0], "a"), (SYSTEMS[1], "b")]),
            attestation("cy", &[(SYSTEMS[1], "b")]),
            attestation("cy", &[(SYSTEMS[0], "c"), (SYSTEMS[1], "c")]),
        ];
        let (releases, _) = grouped(documents, &state(false));
        let release = &releases[0];
        let codes: Vec<_> = release.votes.iter().map(code).collect();
        assert_eq!(codes, ["counts", "counts", "equivocation", "equivocation"]);
        let divergence = release.divergence();
        let systems: Vec<_> = divergence.iter().map(|one| one.system.as_str()).collect();
        assert_eq!(systems, SYSTEMS);
        let says: Vec<_> = divergence[1]
            .says
            .iter()
            .map(|one| one.builders.len())
            .collect();
        assert_eq!(says, [2, 1, 1]);
        assert_eq!(divergence[1].says[0].digest, Digest::of(b"b"));
        let named: Vec<_> = divergence[1].says[0].builders.clone();
        assert_eq!(named, ["bo", "cy"].map(keys::builder));
    }

    #[test]
    fn looks_only_at_the_releases_that_were_named() {
        let documents = Documents {
            attestations: vec![found(attestation("ada", &[(SYSTEMS[0], "a")]), "0")],
            ..Documents::default()
        };
        let other: ReleaseId = format!("0x{}", "ab".repeat(32)).parse().unwrap();
        let wanted = Wanted {
            releases: vec![other],
            ..everything()
        };
        let (releases, refused) = group(documents, &domain(), &state(false), &wanted);
        assert!(refused.is_empty());
        assert_eq!(releases.len(), 1);
        assert_eq!(releases[0].id, other);
        assert!(releases[0].votes.is_empty());
    }
}
