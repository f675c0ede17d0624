use std::collections::{BTreeMap, BTreeSet};

use seed_primitives::System;
use seed_proof::largest_independent;
use serde::Serialize;

use super::{Builder, Federation};

/// The most sets, pairs or owners that are listed of one kind.
const MAX_LISTED: usize = 12;
/// The most owners acting together that are looked for when a system is stopped.
const MAX_TOGETHER: usize = 3;

/// What a federation allows, system by system.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// How many independent builders each system needs.
    pub threshold: u8,
    /// Each system.
    pub systems: Vec<SystemPlan>,
}

/// What a federation allows for one system.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemPlan {
    /// The system.
    pub system: System,
    /// M: its eligible builders, by name.
    pub eligible: Vec<String>,
    /// How many of them can count at once.
    pub independent: usize,
    /// Sets of builders that can count at once and are as large as any; the first ones.
    pub sets: Vec<Vec<String>>,
    /// Builders that never count beside each other, and why.
    pub dependent: Vec<Dependence>,
    /// Why a policy cannot be met; empty where it can.
    pub problems: Vec<String>,
    /// Why these cannot be the first rules of a ledger, though they may follow others; absent where they can.
    pub no_genesis: Option<String>,
    /// How few owners, kind by kind, could forge a release or stop one.
    pub owners: Vec<OwnerPlan>,
}

/// Two builders that are one where it matters.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Dependence {
    /// One.
    pub first: String,
    /// The other.
    pub second: String,
    /// The domains they share.
    pub shared: Vec<String>,
}

/// What owners of one kind (parents, jurisdictions, clouds) can do together.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OwnerPlan {
    /// The kind: the first word of the domains' names.
    pub kind: String,
    /// How few of them could forge a release: the effective N. Builders of which no owner of this kind is named are
    /// counted as if one owner were behind all of them.
    pub forge: usize,
    /// Builders of which no owner of this kind is named.
    pub unnamed: Vec<String>,
    /// How few of them could stop every release, and who; absent where three are not enough.
    pub stop: Option<Vec<String>>,
}

impl Plan {
    /// Looks at every system of a federation.
    #[must_use]
    pub fn new(federation: &Federation) -> Self {
        let systems = federation.systems.iter();
        Self {
            threshold: federation.threshold,
            systems: systems
                .map(|system| SystemPlan::new(federation, system))
                .collect(),
        }
    }

    /// Whether every system can have releases.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.systems.iter().all(|system| system.problems.is_empty())
    }
}

/// A builder and the domains it is in.
struct Member<'a> {
    name: &'a str,
    domains: BTreeSet<String>,
}

impl Member<'_> {
    fn shares(&self, other: &Self) -> bool {
        !self.domains.is_disjoint(&other.domains)
    }

    /// Its owners of a kind.
    fn owners(&self, kind: &str) -> impl Iterator<Item = &str> {
        let all = self.domains.iter();
        all.filter_map(move |name| name.strip_prefix(kind)?.strip_prefix(' '))
    }
}

impl SystemPlan {
    fn new(federation: &Federation, system: &System) -> Self {
        let eligible = |builder: &&Builder| match &builder.systems {
            Some(some) => some.contains(system),
            None => true,
        };
        let members: Vec<Member<'_>> = federation
            .builders
            .iter()
            .filter(eligible)
            .map(|builder| Member {
                name: &builder.name,
                domains: builder.domain_names().into_iter().collect(),
            })
            .collect();
        let need = usize::from(federation.threshold);
        let all: Vec<usize> = (0..members.len()).collect();
        let independent = largest(&members, &all).len();
        let dependent = dependent(&members);
        Self {
            system: system.clone(),
            eligible: members.iter().map(|one| one.name.to_owned()).collect(),
            independent,
            sets: sets(&members, independent),
            problems: problems(need, members.len(), independent),
            no_genesis: (!dependent.is_empty()).then(|| {
                format!(
                    "at a genesis all {} builders must be independent, and {} pairs are not",
                    members.len(),
                    dependent.len()
                )
            }),
            dependent: dependent.into_iter().take(MAX_LISTED).collect(),
            owners: kinds(&members)
                .into_iter()
                .map(|kind| OwnerPlan::new(&members, kind, need))
                .collect(),
        }
    }
}

fn problems(need: usize, eligible: usize, independent: usize) -> Vec<String> {
    let mut problems = Vec::new();
    if need < 2 {
        problems.push(format!(
            "the threshold is {need}; one builder alone is no agreement"
        ));
    }
    if need > eligible {
        problems.push(format!(
            "{need} must agree, and only {eligible} builders are eligible"
        ));
    } else if 2 * need <= eligible {
        problems.push(format!(
            "{need} of {eligible} is no majority: two halves could agree on two different images"
        ));
    }
    if independent < need && need <= eligible {
        problems.push(format!(
            "{need} must agree, and of {eligible} builders at most {independent} are independent of one another"
        ));
    }
    problems
}

fn largest(members: &[Member<'_>], some: &[usize]) -> Vec<usize> {
    let chosen: Vec<&Member<'_>> = some.iter().filter_map(|at| members.get(*at)).collect();
    let places = largest_independent(&chosen, |one, other| one.shares(other));
    places
        .iter()
        .filter_map(|place| some.get(*place).copied())
        .collect()
}

fn dependent(members: &[Member<'_>]) -> Vec<Dependence> {
    let mut found = Vec::new();
    for (at, one) in members.iter().enumerate() {
        for other in members
            .iter()
            .skip(at + 1)
            .filter(|other| one.shares(other))
        {
            found.push(Dependence {
                first: one.name.to_owned(),
                second: other.name.to_owned(),
                shared: one.domains.intersection(&other.domains).cloned().collect(),
            });
        }
    }
    found
}

/// The first sets of this size whose members are independent of one another, in the order of the builders.
fn sets(members: &[Member<'_>], size: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    extend(members, size, 0, &mut Vec::new(), &mut found);
    found
}

fn extend(
    members: &[Member<'_>],
    size: usize,
    from: usize,
    chosen: &mut Vec<usize>,
    found: &mut Vec<Vec<String>>,
) {
    if found.len() == MAX_LISTED {
        return;
    }
    if chosen.len() == size {
        let names = chosen.iter().filter_map(|at| members.get(*at));
        found.push(names.map(|one| one.name.to_owned()).collect());
        return;
    }
    // What is left cannot make up the size: nothing is found this way.
    let free: Vec<usize> = (from..members.len())
        .filter(|at| {
            let one = members.get(*at);
            chosen.iter().all(|other| match (one, members.get(*other)) {
                (Some(one), Some(other)) => !one.shares(other),
                _ => false,
            })
        })
        .collect();
    if chosen.len() + largest(members, &free).len() < size {
        return;
    }
    for at in free {
        chosen.push(at);
        extend(members, size, at + 1, chosen, found);
        chosen.pop();
    }
}

/// The kinds of owner that any member names, and those that always matter.
fn kinds(members: &[Member<'_>]) -> BTreeSet<&'static str> {
    const KINDS: [&str; 6] = [
        "parent",
        "jurisdiction",
        "bloc",
        "infrastructure",
        "issuer",
        "custody",
    ];
    KINDS
        .into_iter()
        .filter(|kind| members.iter().any(|one| one.owners(kind).next().is_some()))
        .collect()
}

impl OwnerPlan {
    fn new(members: &[Member<'_>], kind: &str, need: usize) -> Self {
        let unnamed: Vec<usize> = (0..members.len())
            .filter(|at| {
                let one = members.get(*at);
                one.is_some_and(|one| one.owners(kind).next().is_none())
            })
            .collect();
        // Builders of one quorum share no owner that is named, so each named one brings another owner. Those
        // without a name may all have the same.
        let hidden = largest(members, &unnamed).len().min(need);
        let names = unnamed.iter().filter_map(|at| members.get(*at));
        Self {
            kind: kind.to_owned(),
            // A bloc that a country is not in owns nothing.
            forge: match kind {
                "bloc" => need,
                _ => need - hidden + usize::from(hidden > 0),
            },
            unnamed: match kind {
                "bloc" => Vec::new(),
                _ => names.map(|one| one.name.to_owned()).collect(),
            },
            stop: stop(members, kind, need),
        }
    }
}

/// The fewest owners of a kind without whose builders no quorum is left.
fn stop(members: &[Member<'_>], kind: &str, need: usize) -> Option<Vec<String>> {
    let mut owned: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, one) in members.iter().enumerate() {
        for owner in one.owners(kind) {
            owned.entry(owner).or_default().push(at);
        }
    }
    // Whoever owns all that another owns, and more, does as well in its place.
    let outdone = |owner: &str, places: &[usize]| {
        owned.iter().any(|(other, theirs)| {
            let all = places.iter().all(|at| theirs.contains(at));
            all && (theirs.len() > places.len() || (theirs.len() == places.len() && *other < owner))
        })
    };
    let owners = owned
        .iter()
        .filter(|(owner, places)| !outdone(owner, places));
    let owners: Vec<&str> = owners.map(|(owner, _)| *owner).collect();
    (1..=MAX_TOGETHER.min(owners.len())).find_map(|count| {
        let mut chosen = Vec::new();
        together(members, &owned, &owners, need, count, 0, &mut chosen)
            .then(|| chosen.iter().map(|one| (*one).to_owned()).collect())
    })
}

/// Tries all ways to choose `count` more owners from `from` on.
fn together<'a>(
    members: &[Member<'_>],
    owned: &BTreeMap<&'a str, Vec<usize>>,
    owners: &[&'a str],
    need: usize,
    count: usize,
    from: usize,
    chosen: &mut Vec<&'a str>,
) -> bool {
    if count == 0 {
        let gone = |at: &usize| {
            let mut theirs = chosen.iter().filter_map(|owner| owned.get(owner));
            theirs.any(|places| places.contains(at))
        };
        let left: Vec<usize> = (0..members.len()).filter(|at| !gone(at)).collect();
        return largest(members, &left).len() < need;
    }
    for (at, owner) in owners.iter().enumerate().skip(from) {
        chosen.push(owner);
        if together(members, owned, owners, need, count - 1, at + 1, chosen) {
            return true;
        }
        chosen.pop();
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn federation(threshold: u8, builders: &[(&str, &str)]) -> Federation {
        let mut text = format!("threshold = {threshold}\nsystems = [\"x86_64-linux\"]\n");
        for (at, (name, facts)) in builders.iter().enumerate() {
            text += &format!(
                "[[builders]]\nname = \"{name}\"\naddress = \"0x{:040x}\"\n{facts}\n",
                at + 1
            );
        }
        Federation::read(&text).unwrap()
    }

    fn owner<'a>(plan: &'a SystemPlan, kind: &str) -> &'a OwnerPlan {
        plan.owners.iter().find(|one| one.kind == kind).unwrap()
    }

    #[test]
    fn builders_of_one_bloc_count_once() {
        let facts = |country: &str| format!("jurisdictions = [\"{country}\"]");
        let plan = Plan::new(&federation(
            2,
            &[
                ("a", &facts("us")),
                ("b", &facts("gb")),
                ("c", &facts("ch")),
            ],
        ));
        let system = &plan.systems[0];
        assert_eq!(system.independent, 2);
        assert_eq!(system.sets, [["a", "c"], ["b", "c"]]);
        assert_eq!(system.dependent[0].shared, ["bloc five-eyes"]);
        assert!(system.no_genesis.is_some());
        assert!(plan.is_met());
        // Without the one builder outside the bloc there is no quorum.
        let stopping = owner(system, "jurisdiction").stop.clone().unwrap();
        assert_eq!(stopping, ["ch"]);
    }

    #[test]
    fn unnamed_owners_may_all_be_one() {
        let plan = Plan::new(&federation(
            3,
            &[
                ("a", "parent = \"A\""),
                ("b", ""),
                ("c", ""),
                ("d", "parent = \"D\""),
            ],
        ));
        let parents = owner(&plan.systems[0], "parent");
        assert_eq!(parents.unnamed, ["b", "c"]);
        // One named owner and whoever is behind both others.
        assert_eq!(parents.forge, 2);
    }

    #[test]
    fn says_every_reason_why_not() {
        let same = "infrastructure = [\"cloud\"]";
        let plan = Plan::new(&federation(2, &[("a", same), ("b", same), ("c", same)]));
        assert!(!plan.is_met());
        assert!(plan.systems[0].problems[0].contains("at most 1 are independent"));
        let many: Vec<_> = ["a", "b", "c", "d"].map(|name| (name, "")).into();
        let plan = Plan::new(&federation(2, &many));
        assert!(plan.systems[0].problems[0].contains("no majority"));
        let plan = Plan::new(&federation(3, &many[..2]));
        assert!(plan.systems[0].problems[0].contains("only 2 builders"));
    }

    proptest! {
        /// The size is that of the largest set among all subsets, and every listed set is one.
        #[test]
        fn the_largest_set_is_the_largest(masks in prop::collection::vec(0_u8..16, 1..9)) {
            let members: Vec<Member<'_>> = masks
                .iter()
                .map(|mask| Member {
                    name: "x",
                    domains: (0..4).filter(|bit| mask >> bit & 1 == 1).map(|bit| bit.to_string()).collect(),
                })
                .collect();
            let all: Vec<usize> = (0..members.len()).collect();
            let independent = |subset: u32| {
                let chosen: Vec<_> = (0..members.len()).filter(|at| subset >> at & 1 == 1).collect();
                let mut pairs = chosen.iter().flat_map(|a| chosen.iter().map(move |b| (*a, *b)));
                pairs.all(|(a, b)| a == b || !members[a].shares(&members[b]))
            };
            let best = (0_u32..1 << members.len()).filter(|subset| independent(*subset));
            let best = best.map(u32::count_ones).max().unwrap() as usize;
            let found = largest(&members, &all);
            prop_assert_eq!(found.len(), best);
            for set in sets(&members, best) {
                prop_assert_eq!(set.len(), best);
            }
        }
    }
}
