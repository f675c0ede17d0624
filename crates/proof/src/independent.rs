use alloy_primitives::U256;

/// The most builders that are considered: what the rules allow.
const MAX_BUILDERS: usize = 32;

/// A largest set of pairwise disjoint `domains`: positions in ascending order.
///
/// Exact (branch and bound), for up to 32 entries; entries past the 32nd are never chosen, so that too many
/// can only lower the count. The same input always gives the same set.
#[must_use]
pub fn largest_disjoint(domains: &[U256]) -> Vec<usize> {
    largest_independent(domains, |a, b| !(*a & *b).is_zero())
}

/// A largest set of `items` no two of which conflict: positions in ascending order.
///
/// `conflict` must be symmetric. Limits and exactness are those of [`largest_disjoint`].
#[must_use]
pub fn largest_independent<T>(items: &[T], conflict: impl Fn(&T, &T) -> bool) -> Vec<usize> {
    let items: Vec<&T> = items.iter().take(MAX_BUILDERS).collect();
    let conflicts: Vec<u32> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let others = items.iter().enumerate();
            others
                .filter(|(other, with)| *other != at && conflict(item, with))
                .fold(0, |mask, (other, _)| mask | 1_u32 << other)
        })
        .collect();
    let all = items
        .iter()
        .enumerate()
        .fold(0, |mask, (at, _)| mask | 1 << at);
    let mut best = 0;
    search(&conflicts, all, 0, &mut best);
    (0..items.len()).filter(|at| best >> at & 1 == 1).collect()
}

/// Extends `chosen` by entries of `left`, none of which conflicts with it, and keeps the largest in `best`.
fn search(conflicts: &[u32], left: u32, chosen: u32, best: &mut u32) {
    if chosen.count_ones() + left.count_ones() <= best.count_ones() {
        return;
    }
    let among = |at: usize| conflicts.get(at).copied().unwrap_or(0) & left;
    let entries = (0..conflicts.len()).filter(|at| left >> at & 1 == 1);
    // The entry with the most conflicts splits the rest best; where none has any, all of them are taken.
    let Some(pivot) = entries.min_by_key(|at| std::cmp::Reverse(among(*at).count_ones())) else {
        *best = chosen;
        return;
    };
    if among(pivot) == 0 {
        *best = chosen | left;
        return;
    }
    let bit = 1_u32 << pivot;
    search(conflicts, left & !bit & !among(pivot), chosen | bit, best);
    search(conflicts, left & !bit, chosen, best);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute(domains: &[U256]) -> usize {
        (0_u32..1 << domains.len())
            .filter(|set| {
                let mut seen = U256::ZERO;
                domains
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| set >> at & 1 == 1)
                    .all(|(_, domain)| {
                        let free = (seen & *domain).is_zero();
                        seen |= *domain;
                        free
                    })
            })
            .map(u32::count_ones)
            .max()
            .unwrap_or(0) as usize
    }

    #[test]
    fn counts_nobody_in_nothing_and_one_of_a_clique() {
        assert!(largest_disjoint(&[]).is_empty());
        let shared = U256::from(1) << 40;
        assert_eq!(largest_disjoint(&[shared; 32]).len(), 1);
        assert_eq!(largest_disjoint(&[shared; 40]).len(), 1);
    }

    #[test]
    fn never_chooses_past_the_thirty_second() {
        let apart: Vec<U256> = (0..40).map(|bit| U256::from(1) << bit).collect();
        assert_eq!(largest_disjoint(&apart), (0..32).collect::<Vec<_>>());
    }

    #[test]
    fn takes_the_ends_of_a_path_rather_than_its_middle() {
        let bit = |at: usize| U256::from(1) << at;
        let path = [bit(0), bit(0) | bit(1), bit(1)];
        assert_eq!(largest_disjoint(&path), [0, 2]);
    }

    #[test]
    fn keeps_what_was_chosen_when_it_chooses_again() {
        let bit = |at: usize| U256::from(1) << at;
        // A path of five, its two ends and its middle first.
        let path = [
            bit(0),
            bit(3),
            bit(1) | bit(2),
            bit(0) | bit(1),
            bit(2) | bit(3),
        ];
        assert_eq!(largest_disjoint(&path), [0, 1, 2]);
    }

    #[test]
    fn finishes_on_thirty_two_entries_in_a_ring_and_in_triangles() {
        let bit = |at: usize| U256::from(1) << at;
        let ring: Vec<U256> = (0..32).map(|at| bit(at) | bit((at + 1) % 32)).collect();
        assert_eq!(largest_disjoint(&ring).len(), 16);
        let triangles: Vec<U256> = (0..32).map(|at| bit(at / 3)).collect();
        assert_eq!(largest_disjoint(&triangles).len(), 11);
    }

    proptest! {
        #[test]
        fn is_disjoint_and_as_large_as_trying_every_subset(masks in prop::collection::vec(0_u16..1024, 0..11)) {
            let domains: Vec<U256> = masks.iter().map(|mask| U256::from(*mask)).collect();
            let chosen = largest_disjoint(&domains);
            let mut seen = U256::ZERO;
            for at in &chosen {
                prop_assert!((seen & domains[*at]).is_zero());
                seen |= domains[*at];
            }
            prop_assert_eq!(chosen.len(), brute(&domains));
        }
    }
}
