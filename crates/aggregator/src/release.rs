use std::collections::BTreeMap;

use seed_attestation::{Domain, VerifiedGenesis};
use seed_primitives::{BuilderId, Digest, ReleaseId, Source};

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

    /// Keeps one vote per builder: the one over most systems whose evidence is there.
    pub async fn settle(&mut self, domain: &Domain, places: &Places) {
        let mut settled: Vec<BuilderId> = Vec::new();
        let mut tries: BTreeMap<BuilderId, usize> = BTreeMap::new();
        for vote in self.votes.iter_mut().filter(|vote| vote.counts()) {
            let tried = tries.entry(vote.builder()).or_default();
            if settled.contains(&vote.builder()) || *tried == MAX_TRIES {
                let why = "the builder signed again over a set at least as large";
                vote.refusal = Some(Refusal::new("superseded", why));
                continue;
            }
            *tried += 1;
            match check_evidence(vote, domain, places).await {
                Ok(()) => settled.push(vote.builder()),
                Err(refusal) => vote.refusal = Some(refusal),
            }
        }
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
