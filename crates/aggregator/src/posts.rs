use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use seed_attestation::{Attestation, Domain, Signature, SystemDigest};
use seed_chain::Posted;
use seed_merkle::Leaves;
use seed_primitives::{Digest, Source, System};

use crate::{Found, LedgerState};

/// The most systems of which every part is tried.
const ALL_PARTS: usize = 8;

/// What is known of one release from published attestations: its source, and every list of images somebody vouched
/// for. A signature on the chain has a root only; it says something once the list behind the root is known.
#[derive(Default)]
struct Known<'a> {
    source: Option<&'a Source>,
    lists: BTreeSet<Vec<(System, Digest)>>,
}

/// The attestations behind signatures that were logged on the chain, as far as others published what they are about.
///
/// Nothing is believed here: the result is judged like any document that was found in a registry.
#[must_use]
pub(crate) fn attestations(
    posts: &[Posted],
    published: &[Found<Attestation>],
    domain: &Domain,
    state: &LedgerState,
) -> Vec<Found<Attestation>> {
    let wanted: BTreeSet<B256> = posts.iter().map(|post| post.release).collect();
    let mut known: BTreeMap<B256, Known<'_>> = BTreeMap::new();
    for found in published {
        let release = found.document.source.release().word();
        if !wanted.contains(&release) {
            continue;
        }
        let one = known.entry(release).or_default();
        one.source.get_or_insert(&found.document.source);
        let images = found.document.systems.iter();
        let images: Vec<_> = images
            .map(|entry| (entry.system.clone(), entry.digest))
            .collect();
        one.lists.extend(parts(&images, state));
    }
    let mut roots: BTreeMap<(B256, B256), Leaves> = BTreeMap::new();
    for (release, one) in &mut known {
        for list in std::mem::take(&mut one.lists) {
            if let Ok(leaves) = Leaves::new(list) {
                roots.insert((*release, leaves.root().word()), leaves);
            }
        }
    }
    let attestation = |post: &Posted| {
        let leaves = roots.get(&(post.release, post.root))?;
        Some(Found {
            document: document(post, known.get(&post.release)?.source?, leaves, domain)?,
            origin: format!("posted in block {}", post.block),
        })
    };
    posts.iter().filter_map(attestation).collect()
}

/// The lists a signature may stand for when `images` is what somebody else built: every part of it, or, of a list
/// too long for that, the whole and what each builder of the rules is eligible for.
fn parts(images: &[(System, Digest)], state: &LedgerState) -> Vec<Vec<(System, Digest)>> {
    let part = |keep: &dyn Fn(usize, &System) -> bool| -> Vec<_> {
        let all = images.iter().enumerate();
        all.filter(|(place, (system, _))| keep(*place, system))
            .map(|(_, image)| image.clone())
            .collect()
    };
    if images.len() <= ALL_PARTS {
        let masks = 1..1_u32 << images.len();
        return masks
            .map(|mask| part(&|place, _| mask >> place & 1 == 1))
            .collect();
    }
    let eligible = state.rules.builders().iter().map(|builder| {
        part(&|_, system| {
            let place = state.rules.position_of(system);
            place.is_some_and(|place| builder.systems >> place & 1 == 1)
        })
    });
    eligible.chain([images.to_vec()]).collect()
}

fn document(
    post: &Posted,
    source: &Source,
    leaves: &Leaves,
    domain: &Domain,
) -> Option<Attestation> {
    let evidence = Digest::from_bytes(post.evidence.0)?;
    let release = source.release();
    let digest = domain.attestation_digest(&release, &leaves.root(), &evidence, post.rules);
    let signature = Signature::from_bytes(&[post.r.0, post.vs.0].concat()).ok()?;
    let pairs = leaves.as_slice().iter();
    Some(Attestation {
        source: source.clone(),
        systems: pairs
            .map(|(system, digest)| SystemDigest {
                system: system.clone(),
                digest: *digest,
            })
            .collect(),
        evidence,
        rules: post.rules,
        chain_id: domain.chain_id,
        ledger: domain.ledger,
        builder: signature.recover(&digest).ok()?,
        signature,
    })
}
