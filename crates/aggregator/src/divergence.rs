use std::collections::BTreeMap;

use seed_primitives::{BuilderId, Digest, System};
use serde::Serialize;

use crate::Vote;

/// Two builders say different things about one system: at least one of them is wrong or lies.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Divergence {
    /// The system.
    pub system: System,
    /// Who says what, the best supported first.
    pub says: Vec<Saying>,
}

/// One digest and who vouches for it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Saying {
    /// The image digest.
    pub digest: Digest,
    /// The builders, each once.
    pub builders: Vec<BuilderId>,
}

/// The systems of one release on which valid signatures disagree, in order.
#[must_use]
pub fn divergence(votes: &[Vote]) -> Vec<Divergence> {
    let mut heard: BTreeMap<&System, Vec<Saying>> = BTreeMap::new();
    for vote in votes {
        for (system, digest) in vote.images() {
            let says = heard.entry(system).or_default();
            let builder = vote.builder();
            match says.iter_mut().find(|saying| saying.digest == *digest) {
                Some(saying) if saying.builders.contains(&builder) => {}
                Some(saying) => saying.builders.push(builder),
                None => says.push(Saying {
                    digest: *digest,
                    builders: vec![builder],
                }),
            }
        }
    }
    let disputed = heard.into_iter().filter(|(_, says)| says.len() > 1);
    disputed
        .map(|(system, mut says)| {
            says.sort_by_key(|saying| std::cmp::Reverse(saying.builders.len()));
            Divergence {
                system: system.clone(),
                says,
            }
        })
        .collect()
}
