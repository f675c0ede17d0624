//! The exact search for signers who can stand together in one submission.

use alloy_primitives::U256;
use seed_primitives::Digest;
use seed_proof::largest_disjoint;

/// The most candidates that are considered: what the rules allow.
const MAX_CANDIDATES: usize = 32;

/// One builder's vote as the search sees it: taken whole or not at all, because its signature covers all of
/// its systems.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// The builder's failure domains, its own index bit among them.
    pub domains: U256,
    /// What it vouches for: position of the system in the rules (0 to 63), and image digest.
    pub images: Vec<(usize, Digest)>,
}

impl Candidate {
    /// Bit i: it vouches for system i.
    #[must_use]
    pub fn mask(&self) -> u64 {
        self.images
            .iter()
            .filter(|(system, _)| *system < 64)
            .fold(0, |mask, (system, _)| mask | 1 << system)
    }

    fn digest_of(&self, system: usize) -> Option<&Digest> {
        let image = self.images.iter().find(|(at, _)| *at == system);
        image.map(|(_, digest)| digest)
    }

    /// Whether the two cannot stand in one submission: on a system that both name they have other digests, or
    /// a domain in common.
    fn conflicts_with(&self, other: &Self) -> bool {
        let dependent = !(self.domains & other.domains).is_zero();
        self.images.iter().any(|(system, digest)| {
            let theirs = other.digest_of(*system);
            theirs.is_some_and(|theirs| dependent || theirs != digest)
        })
    }
}

/// Chooses signers for one submission: no two in conflict, and at least `need` for each of `systems` systems.
///
/// Returns positions in `candidates`, ascending, or `None` where there is no such choice. Exact, for up to 32
/// candidates (later ones are never chosen). Nobody is in the choice who could be left out of it; where there is
/// a choice whom to leave out, it falls on those with the fewest systems and then on the last.
#[must_use]
pub fn choose(candidates: &[Candidate], systems: usize, need: usize) -> Option<Vec<usize>> {
    let candidates: Vec<&Candidate> = candidates.iter().take(MAX_CANDIDATES).collect();
    let conflicts = candidates.iter().enumerate().map(|(at, one)| {
        let others = candidates.iter().enumerate();
        let against = others.filter(|(other, with)| *other != at && one.conflicts_with(with));
        against.fold(0, |set, (other, _)| set | 1_u32 << other)
    });
    let supporters = (0..systems).map(|system| {
        let all = candidates.iter().enumerate();
        let for_it = all.filter(|(_, one)| one.digest_of(system).is_some());
        for_it.fold(0, |set, (at, _)| set | 1_u32 << at)
    });
    let search = Search {
        conflicts: conflicts.collect(),
        supporters: supporters.collect(),
        need: u32::try_from(need).ok()?,
    };
    let all = (0..candidates.len()).fold(0, |set, at| set | 1_u32 << at);
    let chosen = search.extend(0, all)?;
    let mut order: Vec<usize> = members(chosen).collect();
    order.sort_by_key(|at| (candidates[*at].images.len(), std::cmp::Reverse(*at)));
    Some(members(search.thin(chosen, &order)).collect())
}

/// How many independent builders `system` has behind its best supported digest.
#[must_use]
pub fn support(candidates: &[Candidate], system: usize) -> usize {
    let digests = candidates.iter().filter_map(|one| one.digest_of(system));
    let counts = digests.map(|digest| {
        let same = candidates
            .iter()
            .filter(|one| one.digest_of(system) == Some(digest));
        let domains: Vec<U256> = same.map(|one| one.domains).collect();
        largest_disjoint(&domains).len()
    });
    counts.max().unwrap_or(0)
}

struct Search {
    /// Per candidate, those it cannot stand with.
    conflicts: Vec<u32>,
    /// Per system, those who vouch for it.
    supporters: Vec<u32>,
    need: u32,
}

impl Search {
    fn suffices(&self, set: u32) -> bool {
        self.supporters
            .iter()
            .all(|them| (them & set).count_ones() >= self.need)
    }

    /// Extends `chosen` by some of `left`, none of which conflicts with it, until it suffices.
    ///
    /// Every branch leaves somebody out, and a system can spare fewer than half of its builders (2N > M): that
    /// bounds the depth.
    fn extend(&self, chosen: u32, left: u32) -> Option<u32> {
        if !self.suffices(chosen | left) {
            return None;
        }
        let worst = members(left).max_by_key(|at| (self.conflicts[*at] & left).count_ones());
        let Some(pivot) = worst.filter(|at| self.conflicts[*at] & left != 0) else {
            return Some(chosen | left);
        };
        let bit = 1 << pivot;
        self.extend(chosen | bit, left & !bit & !self.conflicts[pivot])
            .or_else(|| self.extend(chosen, left & !bit))
    }

    /// Leaves out of `chosen` whoever is not needed, asking in `order`.
    fn thin(&self, chosen: u32, order: &[usize]) -> u32 {
        order.iter().fold(chosen, |set, at| {
            let without = set & !(1 << at);
            if self.suffices(without) { without } else { set }
        })
    }
}

fn members(set: u32) -> impl Iterator<Item = usize> {
    (0..32).filter(move |at| set >> at & 1 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(domains: u64, images: &[(usize, u8)]) -> Candidate {
        Candidate {
            domains: U256::from(domains),
            images: images
                .iter()
                .map(|(system, image)| (*system, Digest::of(&[*image])))
                .collect(),
        }
    }

    #[test]
    fn chooses_no_more_than_are_needed_and_the_first_of_equals() {
        let all: Vec<_> = (0..3).map(|at| candidate(1 << at, &[(0, 1)])).collect();
        assert_eq!(choose(&all, 1, 2), Some(vec![0, 1]));
        assert_eq!(choose(&all, 1, 3), Some(vec![0, 1, 2]));
        assert_eq!(choose(&all, 1, 4), None);
        assert_eq!(choose(&[], 1, 2), None);
    }

    #[test]
    fn leaves_a_liar_and_a_dependent_builder_out() {
        let all = [
            candidate(0b0001, &[(0, 1)]),
            candidate(0b0010, &[(0, 2)]),
            candidate(0b1100, &[(0, 1)]),
            candidate(0b1010_0001, &[(0, 1)]),
        ];
        assert_eq!(choose(&all, 1, 2), Some(vec![2, 3]));
        assert_eq!(support(&all, 0), 2);
        assert_eq!(support(&all, 1), 0);
    }

    #[test]
    fn sees_that_each_system_alone_has_enough_and_all_together_do_not() {
        // System 0 needs the first two, system 1 the last two; first and last disagree about system 0.
        let all = [
            candidate(0b01, &[(0, 1)]),
            candidate(0b10, &[(0, 1), (1, 1)]),
            candidate(0b01, &[(1, 1), (0, 2)]),
        ];
        assert_eq!(support(&all, 0), 2);
        assert_eq!(support(&all, 1), 2);
        assert_eq!(choose(&all, 2, 2), None);
    }

    #[test]
    fn allows_a_shared_domain_where_no_system_is_shared() {
        let all = [
            candidate(0b001, &[(0, 1)]),
            candidate(0b010, &[(0, 1), (1, 1)]),
            candidate(0b001, &[(1, 1)]),
        ];
        assert_eq!(choose(&all, 2, 2), Some(vec![0, 1, 2]));
    }

    #[test]
    fn finishes_on_thirty_two_builders_in_pairs_in_a_ring_and_over_many_systems() {
        let bit = |at: usize| 1_u64 << (at % 32);
        let pairs: Vec<_> = (0..32)
            .map(|at| candidate(bit(at / 2), &[(0, 1)]))
            .collect();
        assert_eq!(choose(&pairs, 1, 17), None);
        assert_eq!(choose(&pairs, 1, 16).unwrap().len(), 16);
        let ring: Vec<_> = (0..32)
            .map(|at| candidate(bit(at) | bit(at + 1), &[(0, 1)]))
            .collect();
        assert_eq!(choose(&ring, 1, 17), None);
        assert_eq!(choose(&ring, 1, 16).unwrap().len(), 16);
        let spread: Vec<_> = (0..32)
            .map(|at| {
                let images: Vec<_> = (0..64)
                    .filter(|s| (s + at) % 4 != 0)
                    .map(|s| (s, 1))
                    .collect();
                candidate(bit(at / 2), &images)
            })
            .collect();
        assert_eq!(choose(&spread, 64, 17), None);
    }

    fn good(all: &[Candidate], set: u32, systems: usize, need: usize) -> bool {
        let chosen: Vec<&Candidate> = members(set).map(|at| &all[at]).collect();
        let apart = chosen.iter().enumerate().all(|(at, one)| {
            let rest = chosen.iter().skip(at + 1);
            rest.clone().all(|other| {
                (0..systems).all(
                    |system| match (one.digest_of(system), other.digest_of(system)) {
                        (Some(mine), Some(theirs)) => {
                            mine == theirs && (one.domains & other.domains).is_zero()
                        }
                        _ => true,
                    },
                )
            })
        });
        let enough = (0..systems).all(|system| {
            let signers = chosen.iter().filter(|one| one.digest_of(system).is_some());
            signers.count() >= need
        });
        apart && enough
    }

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let images = prop::collection::vec(0_u8..3, 3);
        let one = (0_u64..256, images).prop_map(|(domains, images)| {
            // 0 stands for "not built"; digest 2 is rare enough to be a liar's.
            let images = images.iter().enumerate().filter(|(_, image)| **image > 0);
            candidate(
                domains & domains >> 1,
                &images.map(|(at, image)| (at, *image)).collect::<Vec<_>>(),
            )
        });
        prop::collection::vec(one, 0..10)
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_subset(all in candidates(), need in 1_usize..4, systems in 1_usize..4) {
            let all: Vec<_> = all.into_iter().map(|mut one| {
                one.images.retain(|(system, _)| *system < systems);
                one
            }).collect();
            let exists = (0_u32..1 << all.len()).any(|set| good(&all, set, systems, need));
            let found = choose(&all, systems, need);
            prop_assert_eq!(found.is_some(), exists);
            if let Some(found) = found {
                let set = found.iter().fold(0, |set, at| set | 1 << at);
                prop_assert!(good(&all, set, systems, need));
                for at in found {
                    prop_assert!(!good(&all, set & !(1 << at), systems, need));
                }
            }
        }
    }
}
