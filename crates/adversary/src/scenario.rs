use std::{collections::BTreeSet, time::Duration};

use eyre::Result;

use crate::{
    Seed, Subject, World,
    bundle_case::{BundleCase, From, Held},
    oracle::{self, Words},
    registry_lie::{self, Effect, RegistryLie},
    voice::{self, COSTLY_OPERATOR_LIES, OPERATOR_LIES, OperatorLie, Voice},
};

/// How a mirror behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mirror {
    /// None is named.
    None,
    /// It tells the truth.
    Honest,
    /// It has nothing.
    Empty,
    /// It has other bytes for everything.
    Corrupt,
}

/// One run: what is asked, and who lies about it how. Made from a seed and a number alone.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The number of the run.
    pub number: u64,
    /// What is asked.
    pub subject: Subject,
    /// The three operators' lies.
    pub operators: [Option<&'static OperatorLie>; 3],
    /// The registry's lies.
    pub registry: Vec<RegistryLie>,
    /// The mirror.
    pub mirror: Mirror,
}

impl Scenario {
    /// Run `number` under `seed`.
    #[must_use]
    pub fn new(seed: u64, number: u64, world: &World, canary: &str) -> Self {
        let mut seed = Seed::of_run(seed, number);
        if seed.one_in(9, 20) {
            return Self::of_a_bundle(&mut seed, number, world, canary);
        }
        let kind = seed.below(100);
        let subject = match kind {
            0..=54 => Subject::honest(&mut seed),
            _ => Subject::dishonest(&mut seed),
        };
        let mut scenario = Self {
            number,
            subject,
            operators: [None; 3],
            registry: Vec::new(),
            mirror: Mirror::None,
        };
        if scenario.subject.is_left_alone() {
            return scenario;
        }
        // Honest controls; and what must not be verified is also tried without any lie.
        if kind < 13 || (kind >= 55 && seed.one_in(1, 6)) {
            return scenario;
        }
        scenario.choose_operators(&mut seed);
        if seed.one_in(1, 2) {
            for _ in 0..=seed.below(2) {
                let lie = registry_lie::choose(&mut seed, world, &scenario.subject, canary);
                scenario.registry.extend(lie);
            }
        }
        if seed.one_in(1, 4) {
            scenario.mirror = *seed.choose(&[
                Mirror::Honest,
                Mirror::Honest,
                Mirror::Empty,
                Mirror::Corrupt,
            ]);
        }
        scenario
    }

    /// A bundle or an archive; where endpoints and registries are asked, they may lie as well.
    fn of_a_bundle(seed: &mut Seed, number: u64, world: &World, canary: &str) -> Self {
        let good = seed.one_in(3, 10);
        let case = BundleCase::choose(seed, good);
        let by_two = case.online && case.bundle == Held::File && case.lies().is_empty();
        let (online, served) = (case.online, case.from == From::Registry);
        let mut scenario = Self {
            number,
            subject: Subject::Bundle(Box::new(case)),
            operators: [None; 3],
            registry: Vec::new(),
            mirror: Mirror::None,
        };
        if good && by_two && seed.one_in(1, 4) {
            // Too few are left, whatever is pinned.
            let silent = OPERATOR_LIES.iter().find(|one| one.lies == "rpc-error");
            let first = seed.below(3);
            scenario.operators[first] = silent;
            scenario.operators[(first + 1) % 3] = silent;
            return scenario;
        }
        if !online || seed.one_in(1, 4) {
            return scenario;
        }
        scenario.choose_operators(seed);
        if served && seed.one_in(1, 3) {
            let lie = registry_lie::choose(seed, world, &scenario.subject, canary);
            scenario.registry.extend(lie);
        }
        scenario
    }

    /// Mostly one liar, sometimes two or three. Those who could agree on a lie are at most one fewer than must agree,
    /// or two against an honest third: more are believed, which is what `agree` says.
    fn choose_operators(&mut self, seed: &mut Seed) {
        let liars = match seed.below(20) {
            0..=2 => 0,
            3..=14 => 1,
            15..=17 => 2,
            _ => 3,
        };
        let first = seed.below(3);
        // One of the three is silent already.
        let liars = if matches!(self.subject, Subject::NoTls(_)) {
            liars.min(1)
        } else {
            liars
        };
        if liars > 1 && seed.one_in(1, 4) {
            // Two who tell the same forged story; the third is honest.
            let forged = &OPERATOR_LIES[0];
            self.operators[first] = Some(forged);
            self.operators[(first + 1) % 3] = Some(forged);
            return;
        }
        for at in 0..liars {
            let lie = if seed.one_in(1, 150) {
                voice::choose(seed, COSTLY_OPERATOR_LIES)
            } else {
                voice::choose(seed, OPERATOR_LIES)
            };
            if self.would_agree_with_another(lie.voice) {
                continue;
            }
            self.operators[(first + at) % 3] = Some(lie);
        }
    }

    fn would_agree_with_another(&self, voice: Voice) -> bool {
        let collusive = |voice: Voice| matches!(voice, Voice::Fork | Voice::Ahead | Voice::Behind);
        collusive(voice)
            && self
                .operators
                .iter()
                .flatten()
                .any(|other| collusive(other.voice))
    }

    /// What each operator's word amounts to.
    #[must_use]
    pub fn voices(&self) -> [Voice; 3] {
        self.operators
            .map(|lie| lie.map_or(Voice::Honest, |lie| lie.voice))
    }

    /// Whether nobody lies.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.operators.iter().all(Option::is_none)
            && self.registry.is_empty()
            && matches!(self.mirror, Mirror::None | Mirror::Honest)
            && self.subject.lies().is_empty()
    }

    /// Whether a lie takes time by itself.
    #[must_use]
    pub fn registry_timeout(&self) -> Duration {
        match self.registry.iter().any(|lie| lie.costly) {
            true => Duration::from_secs(2),
            false => Duration::from_secs(30),
        }
    }

    /// How often a request to a registry is tried.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        let passing = self
            .registry
            .iter()
            .any(|lie| lie.effect == Effect::Passing);
        if passing { 2 } else { 1 }
    }

    /// The rows of the threat model that the run is about.
    #[must_use]
    pub fn rows(&self) -> BTreeSet<&'static str> {
        let mut rows: BTreeSet<_> = self.subject.rows().into_iter().collect();
        rows.extend(self.operators.iter().flatten().flat_map(|lie| lie.rows));
        rows.extend(
            self.registry
                .iter()
                .flat_map(|lie| lie.rows.iter().copied()),
        );
        let forged = self
            .voices()
            .iter()
            .filter(|voice| **voice == Voice::Fork)
            .count();
        if forged > 1 {
            rows.insert("RPC-02");
        }
        if self.mirror == Mirror::Corrupt {
            rows.insert("REG-19");
        }
        if self.mirror != Mirror::None && !self.registry.is_empty() {
            rows.insert("REG-16");
        }
        if self.is_control() && self.expected() == Words::only(crate::Word::Verified) {
            // The chain stands still while the runs go on: a halted sequencer within the age limit.
            rows.insert("RPC-17");
        }
        rows
    }

    /// Every lie as text.
    #[must_use]
    pub fn lies(&self) -> Vec<String> {
        let operators = self.operators.iter().enumerate();
        let mut lies: Vec<_> = operators
            .filter_map(|(at, lie)| Some(format!("rpc{at}:{}", (*lie)?.lies)))
            .collect();
        lies.extend(self.subject.lies());
        lies.extend(
            self.registry
                .iter()
                .map(|lie| format!("registry:{:?}:{}", lie.shelf, lie.lie)),
        );
        if self.mirror != Mirror::None {
            lies.push(format!("mirror:{:?}", self.mirror).to_lowercase());
        }
        lies
    }

    /// The answers that would be right.
    #[must_use]
    pub fn expected(&self) -> Words {
        oracle::expected(self)
    }

    /// The lies of the operators, as the proxies take them.
    ///
    /// # Errors
    /// When a text of the tables is no lie.
    pub fn operator_lies(
        &self,
        at: usize,
        world: &World,
        canary: &str,
    ) -> Result<Vec<seed_testkit::liar::Told>> {
        self.operators[at].map_or_else(|| Ok(Vec::new()), |lie| lie.told(world, canary))
    }
}
