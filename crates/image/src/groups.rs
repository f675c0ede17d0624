//! The cheapest way to put groups together, one pair at a time.

/// One in fixed point.
const ONE: u64 = 1 << 32;
/// What one request costs, in bytes that could have been sent instead.
const REQUEST: u128 = 64 << 10;

#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) members: Vec<usize>,
    pub(crate) size: u128,
    /// Bit set over all paths: everything whose change replaces this group.
    pub(crate) depends: Vec<u64>,
}

impl Group {
    /// How many paths this group needs, its own among them.
    pub(crate) fn count(&self) -> u32 {
        self.depends.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.members.extend(&other.members);
        self.size += other.size;
        self.depends
            .iter_mut()
            .zip(&other.depends)
            .for_each(|(a, b)| *a |= b);
    }
}

/// The chance that at least one of n things changes, each with a chance of one in fifty, in fixed point.
pub(crate) fn chances(most: usize) -> Vec<u64> {
    let mut unchanged = ONE;
    let mut chances = vec![0];
    for _ in 0..most {
        unchanged -= unchanged / 50;
        chances.push(ONE - unchanged);
    }
    chances
}

/// Expected cost of a group in fixed point; far below the largest number for any size a file can have.
fn cost(size: u128, depends: u32, chance: &[u64]) -> i128 {
    let chance = chance.get(depends as usize).copied().unwrap_or(ONE);
    i128::try_from((size + REQUEST).saturating_mul(u128::from(chance))).unwrap_or(i128::MAX / 4)
}

/// A group that may be merged, what it costs alone, and the cheapest later group to merge it with.
struct Candidate {
    group: Group,
    cost: i128,
    partner: Option<(i128, usize)>,
}

/// Merges the cheapest pair until at most `limit` groups are left and no union saves anything.
pub(crate) fn merged(groups: Vec<Group>, limit: usize, chance: &[u64]) -> Vec<Group> {
    let candidate = |group: Group| {
        let cost = cost(group.size, group.count(), chance);
        Some(Candidate {
            group,
            cost,
            partner: None,
        })
    };
    let mut left = groups.len();
    let mut table: Vec<Option<Candidate>> = groups.into_iter().map(candidate).collect();
    for at in 0..table.len() {
        seek(&mut table, at, chance);
    }
    while let Some((added, first, second)) = cheapest(&table) {
        if left <= limit && added >= 0 {
            break;
        }
        let gone = table.get_mut(second).and_then(Option::take);
        if let (Some(Some(kept)), Some(gone)) = (table.get_mut(first), gone) {
            kept.group.merge(&gone.group);
            kept.cost = cost(kept.group.size, kept.group.count(), chance);
        }
        left -= 1;
        repair(&mut table, first, second, chance);
    }
    table.into_iter().flatten().map(|one| one.group).collect()
}

/// Finds partners again where the union of `first` and `second` into `first` changed them.
fn repair(table: &mut [Option<Candidate>], first: usize, second: usize, chance: &[u64]) {
    for at in 0..second {
        let partner = match table.get(at) {
            Some(Some(one)) => one.partner.map(|(_, partner)| partner),
            _ => continue,
        };
        if at == first || partner == Some(first) || partner == Some(second) {
            seek(table, at, chance);
        } else if at < first {
            let offer = offer(table, at, first, chance).map(|added| (added, first));
            if let Some(Some(one)) = table.get_mut(at) {
                one.partner = one.partner.into_iter().chain(offer).min();
            }
        }
    }
}

/// Sets the cheapest partner of candidate `at` among the later ones; the earliest of equals.
fn seek(table: &mut [Option<Candidate>], at: usize, chance: &[u64]) {
    let best = (at + 1..table.len())
        .filter_map(|other| Some((offer(table, at, other, chance)?, other)))
        .min();
    if let Some(Some(one)) = table.get_mut(at) {
        one.partner = best;
    }
}

/// What the union of two candidates would add to the cost.
fn offer(table: &[Option<Candidate>], first: usize, second: usize, chance: &[u64]) -> Option<i128> {
    let (left, right) = (table.get(first)?.as_ref()?, table.get(second)?.as_ref()?);
    let depends = left
        .group
        .depends
        .iter()
        .zip(&right.group.depends)
        .map(|(a, b)| (a | b).count_ones())
        .sum();
    let size = left.group.size + right.group.size;
    Some(cost(size, depends, chance) - left.cost - right.cost)
}

fn cheapest(table: &[Option<Candidate>]) -> Option<(i128, usize, usize)> {
    let pairs = table.iter().enumerate().filter_map(|(first, one)| {
        let (added, second) = one.as_ref()?.partner?;
        Some((added, first, second))
    });
    pairs.min()
}
