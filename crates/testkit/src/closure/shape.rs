use std::collections::BTreeSet;

use clap::ValueEnum;

use super::{ClosureError, MAX_PATHS, MAX_REFERENCES, MAX_SIZE, Part};

/// How the paths of a closure refer to each other.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Shape {
    /// Each refers to the one before it.
    Chain,
    /// All refer to the first one, and to nothing else.
    FanOut,
    /// Diamonds on top of each other: one path, two that refer to it, one that refers to both.
    Diamond,
    /// Up to eight earlier ones, near and popular ones more often: the shape of a package collection.
    #[default]
    Random,
}

/// What a synthetic closure is to look like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// How the paths refer to each other.
    pub shape: Shape,
    /// How many there are.
    pub paths: usize,
    /// What everything else follows from.
    pub seed: u64,
    /// The most bytes of a path that is not among the large ones; sizes are spread evenly over the powers of
    /// two below.
    pub largest: u64,
    /// The sizes of the large paths; which ones these are follows from the seed.
    pub large: Vec<u64>,
}

impl Default for Plan {
    /// 300 paths of up to 64 KiB.
    fn default() -> Self {
        Self {
            shape: Shape::Random,
            paths: 300,
            seed: 0,
            largest: 64 << 10,
            large: Vec::new(),
        }
    }
}

pub(super) fn parts(plan: &Plan) -> Result<Vec<Part>, ClosureError> {
    let paths = plan.paths;
    if paths == 0 || paths > MAX_PATHS {
        return Err(ClosureError::Paths(paths));
    }
    let large = plan.large.len();
    if large > paths {
        return Err(ClosureError::Large { large, paths });
    }
    let sizes = plan.large.iter().chain([&plan.largest]);
    if let Some(size) = sizes.copied().find(|size| *size > MAX_SIZE) {
        return Err(ClosureError::Size(size));
    }
    let mut dice = Dice(plan.seed);
    let mut unused = BTreeSet::new();
    let mut parts = Vec::with_capacity(paths);
    // Apart from each other, so that a touched path does not become another one; below 10^18.
    let first = dice.below(1 << 40) << 19;
    for position in 0..paths {
        let last = position + 1 == paths;
        let mut references = references(plan.shape, position, &mut dice);
        if last {
            references.append(&mut unused);
        }
        unused.retain(|other| !references.contains(other));
        unused.insert(position);
        parts.push(Part {
            name: if last {
                "application".to_owned()
            } else {
                format!("part-{position}")
            },
            number: first + ((position as u64) << 4),
            size: dice.size(plan.largest),
            references,
        });
    }
    // The application is small in practice; it is large only if all are.
    let mut free: Vec<usize> = (0..paths.saturating_sub(1)).collect();
    for size in &plan.large {
        let position = match free.len() {
            0 => paths - 1,
            count => free.swap_remove(dice.below(count as u64) as usize),
        };
        parts[position].size = *size;
    }
    Ok(parts)
}

fn references(shape: Shape, position: usize, dice: &mut Dice) -> BTreeSet<usize> {
    if position == 0 {
        return BTreeSet::new();
    }
    match shape {
        Shape::Chain => BTreeSet::from([position - 1]),
        Shape::FanOut => BTreeSet::from([0]),
        Shape::Diamond if position.is_multiple_of(3) => {
            BTreeSet::from([position - 1, position - 2])
        }
        Shape::Diamond => BTreeSet::from([position - position % 3]),
        Shape::Random => {
            let count = dice.below(MAX_REFERENCES as u64 + 1);
            (0..count).map(|_| dice.earlier(position)).collect()
        }
    }
}

/// SplitMix64: one number after another from a seed, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// A path before `position`: one of the last sixteen, or of the first few, or any.
    fn earlier(&mut self, position: usize) -> usize {
        let any = self.below(position as u64) as usize;
        match self.below(4) {
            0 | 1 => position - 1 - any % position.min(16),
            2 => any % position.min(12),
            _ => any,
        }
    }

    /// Up to `largest` bytes, every power of two as likely as another.
    fn size(&mut self, largest: u64) -> u64 {
        let limit = 1 << self.below(u64::from(64 - largest.leading_zeros()) + 1);
        self.below(limit).min(largest)
    }
}
