use std::collections::{BTreeMap, BTreeSet};

use nix_derivation::Derivation;
use thiserror::Error;

use crate::{Step, StorePath};

/// The attribute by which a seed says whose inputs it is to hold: output paths, separated by blanks.
pub(crate) const PROJECT: &str = "seedProject";

/// A project's own derivations within the graph of its seed: those the seed names, and whatever depends on them.
///
/// What a project is built from, and all that can change without it, is the graph minus these.
#[derive(Clone, Debug)]
pub struct Project<'a> {
    own: Vec<&'a Step>,
}

/// Why a seed's project cannot be told. The author of the flake is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ProjectError {
    /// Something in the list is no store path.
    #[error("{seed} names `{found}` in {PROJECT}, which is no store path")]
    NotAPath {
        /// The seed's derivation.
        seed: StorePath,
        /// What it names.
        found: String,
    },
    /// The list is empty.
    #[error("{seed} names nothing in {PROJECT}")]
    Empty {
        /// The seed's derivation.
        seed: StorePath,
    },
    /// Nothing that the seed depends on makes this path.
    #[error("{seed} names {output} in {PROJECT}, which nothing in its graph makes")]
    NotMade {
        /// The seed's derivation.
        seed: StorePath,
        /// What it names.
        output: StorePath,
    },
}

impl<'a> Project<'a> {
    /// The project of the seed that is the last of `steps`, which are in build order; `None` when it names none,
    /// and so holds nothing but itself.
    ///
    /// The seed's own derivation is not the project's, unless it names itself.
    ///
    /// # Errors
    /// [`ProjectError`] when what it names is not in its graph.
    pub fn of(steps: &'a [Step]) -> Result<Option<Self>, ProjectError> {
        let Some((seed, others)) = steps.split_last() else {
            return Ok(None);
        };
        let Some(named) = &seed.project else {
            return Ok(None);
        };
        let makers: BTreeMap<&StorePath, &StorePath> = steps
            .iter()
            .flat_map(|step| step.outputs.values().map(|output| (output, &step.path)))
            .collect();
        let mut own = BTreeSet::new();
        for text in named.split_ascii_whitespace() {
            let output: StorePath = text.parse().map_err(|_| ProjectError::NotAPath {
                seed: seed.path.clone(),
                found: text.escape_debug().take(200).collect(),
            })?;
            let maker = makers.get(&output).ok_or_else(|| ProjectError::NotMade {
                seed: seed.path.clone(),
                output: output.clone(),
            })?;
            own.insert(*maker);
        }
        if own.is_empty() {
            return Err(ProjectError::Empty {
                seed: seed.path.clone(),
            });
        }
        // In build order: whatever a derivation depends on was seen before it.
        for step in others {
            if step
                .input_derivations
                .iter()
                .any(|input| own.contains(input))
            {
                own.insert(&step.path);
            }
        }
        let own = steps.iter().filter(|step| own.contains(&step.path));
        Ok(Some(Self { own: own.collect() }))
    }

    /// Its own derivations, in build order.
    #[must_use]
    pub fn derivations(&self) -> &[&'a Step] {
        &self.own
    }

    /// The sources that its derivations use directly.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<&'a StorePath> {
        self.own
            .iter()
            .flat_map(|step| &step.input_sources)
            .collect()
    }

    /// Everything its derivations use directly and that is not its own: the outputs of other derivations, and
    /// the sources but for `own_sources`, which come with every checkout. A store that holds these, closed under
    /// references, can build the project and need build nothing else.
    #[must_use]
    pub fn inputs(&self, own_sources: &BTreeSet<StorePath>) -> BTreeSet<StorePath> {
        let made: BTreeSet<&StorePath> = self
            .own
            .iter()
            .flat_map(|step| step.outputs.values())
            .collect();
        let outputs = self.own.iter().flat_map(|step| &step.input_outputs);
        let sources = self.sources();
        outputs
            .filter(|output| !made.contains(output))
            .chain(
                sources
                    .into_iter()
                    .filter(|source| !own_sources.contains(*source)),
            )
            .cloned()
            .collect()
    }
}

/// What a derivation says its project is, as text.
pub(crate) fn named(derivation: &Derivation) -> Option<String> {
    if let Some(value) = derivation.environment().get(PROJECT) {
        return Some(String::from_utf8_lossy(value).into_owned());
    }
    match derivation.structured_attrs()?.get(PROJECT)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Array(list) => {
            let words: Vec<&str> = list.iter().filter_map(|word| word.as_str()).collect();
            Some(words.join(" "))
        }
        _ => Some(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `number` and `kind` in the hash part, so that every path is another one.
    fn path(kind: &str, number: usize) -> StorePath {
        format!("/nix/store/{number:032}-{kind}").parse().unwrap()
    }

    fn output(number: usize) -> StorePath {
        path("out", number)
    }

    fn step(number: usize, inputs: &[usize], sources: &[usize]) -> Step {
        Step {
            builder: "builtin:none".to_owned(),
            path: path("it.drv", number),
            outputs: [("out".to_owned(), output(number))].into(),
            fixed: None,
            input_derivations: inputs.iter().map(|input| path("it.drv", *input)).collect(),
            input_outputs: inputs.iter().map(|input| output(*input)).collect(),
            input_sources: sources
                .iter()
                .map(|source| path("source", *source))
                .collect(),
            mirrors_file: None,
            mirrors: BTreeMap::new(),
            urls: Vec::new(),
            fetches: false,
            project: None,
            system: "x86_64-linux".to_owned(),
            impurities: Vec::new(),
        }
    }

    /// A graph in build order; the seed at its end depends on all and names `project`.
    fn graph(edges: &[Vec<usize>], project: &[usize]) -> Vec<Step> {
        let mut steps: Vec<Step> = edges
            .iter()
            .enumerate()
            .map(|(at, inputs)| step(at, inputs, &[at, at / 2]))
            .collect();
        let all: Vec<usize> = (0..edges.len()).collect();
        let mut seed = step(edges.len(), &all, &[9999]);
        let named: Vec<String> = project.iter().map(|at| output(*at).to_string()).collect();
        seed.project = Some(named.join("\n "));
        steps.push(seed);
        steps
    }

    /// Whether `from` is `to` or depends on it, the slow way.
    fn depends(edges: &[Vec<usize>], from: usize, to: usize) -> bool {
        from == to || edges[from].iter().any(|next| depends(edges, *next, to))
    }

    fn edges() -> impl Strategy<Value = Vec<Vec<usize>>> {
        (1..14_usize).prop_flat_map(|count| {
            (0..count)
                .map(|at| {
                    prop::collection::btree_set(0..at.max(1), 0..4.min(at + 1)).prop_map(
                        move |set| {
                            set.into_iter()
                                .filter(|other| *other < at)
                                .collect::<Vec<_>>()
                        },
                    )
                })
                .collect::<Vec<_>>()
        })
    }

    proptest! {
        #[test]
        fn holds_the_direct_inputs_of_what_depends_on_the_project_and_nothing_else(
            edges in edges(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
            own_source in 0..14_usize,
        ) {
            let project: Vec<usize> = picks.iter().map(|pick| pick.index(edges.len())).collect();
            let steps = graph(&edges, &project);
            let found = Project::of(&steps).unwrap().unwrap();

            let is_own = |at: usize| project.iter().any(|own| depends(&edges, at, *own));
            let own: Vec<usize> = (0..edges.len()).filter(|at| is_own(*at)).collect();
            let paths: Vec<StorePath> = own.iter().map(|at| path("it.drv", *at)).collect();
            let derivations: Vec<StorePath> =
                found.derivations().iter().map(|step| step.path.clone()).collect();
            prop_assert_eq!(&derivations, &paths);

            let own_sources = BTreeSet::from([path("source", own_source)]);
            let mut expected = BTreeSet::new();
            for at in &own {
                expected.extend(edges[*at].iter().filter(|to| !is_own(**to)).map(|to| output(*to)));
                expected.extend([path("source", *at), path("source", at / 2)]);
            }
            expected.remove(&path("source", own_source));
            prop_assert_eq!(found.inputs(&own_sources), expected);
        }

        #[test]
        fn an_input_never_depends_on_the_project(
            edges in edges(), pick in any::<prop::sample::Index>(),
        ) {
            // So no change of the project's own derivations moves what the seed holds.
            let project = pick.index(edges.len());
            let steps = graph(&edges, &[project]);
            let inputs = Project::of(&steps).unwrap().unwrap().inputs(&BTreeSet::new());
            for at in 0..edges.len() {
                prop_assert!(!(inputs.contains(&output(at)) && depends(&edges, at, project)));
            }
        }
    }

    #[test]
    fn a_seed_that_names_no_project_has_none() {
        assert!(Project::of(&[]).unwrap().is_none());
        assert!(Project::of(&[step(0, &[], &[])]).unwrap().is_none());
    }

    #[test]
    fn the_seed_itself_is_not_the_project_but_may_be() {
        let mut steps = graph(&[vec![], vec![0]], &[1]);
        let inputs = |steps: &[Step]| {
            let project = Project::of(steps).unwrap().unwrap();
            project.inputs(&BTreeSet::new())
        };
        assert!(!inputs(&steps).contains(&path("source", 9999)));
        steps[2].project = Some(output(2).to_string());
        let whole = BTreeSet::from([output(0), output(1), path("source", 9999)]);
        assert_eq!(inputs(&steps), whole);
    }

    #[test]
    fn refuses_a_project_that_is_not_in_the_graph() {
        let mut steps = graph(&[vec![]], &[0]);
        let mut refuse = |text: &str| {
            steps[1].project = Some(text.to_owned());
            Project::of(&steps).unwrap_err()
        };
        assert!(matches!(refuse(" \n"), ProjectError::Empty { .. }));
        assert!(
            matches!(refuse("x\u{7}"), ProjectError::NotAPath { found, .. } if found == "x\\u{7}")
        );
        let output = output(7);
        let named = output.to_string();
        assert!(
            matches!(refuse(&named), ProjectError::NotMade { output: found, .. } if found == output)
        );
    }
}
