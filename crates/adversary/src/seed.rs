/// A stream of numbers from a seed (`SplitMix64`): the same on every machine.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The stream of run `number` under `seed`.
    #[must_use]
    pub fn of_run(seed: u64, number: u64) -> Self {
        let mut stream = Self(seed);
        let start = stream.next() ^ number.wrapping_mul(0xd134_2543_de82_ef95);
        Self(start)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    /// Whether something that happens `part` times in `whole` happens now.
    pub fn one_in(&mut self, part: usize, whole: usize) -> bool {
        self.below(whole) < part
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none.
    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
