use std::collections::{BTreeMap, BTreeSet};

use nix_derivation::{CAHash, Derivation, InputDerivationHash, store_path};
use thiserror::Error;

use crate::{Impurity, StorePath, fixed, project, purity};

/// The most derivations a graph may have.
pub const MAX_DERIVATIONS: usize = 200_000;
/// The most bytes one derivation may have.
pub const MAX_DERIVATION_BYTES: usize = 16 << 20;
/// The most bytes all derivations of a graph may have.
const MAX_GRAPH_BYTES: usize = 1 << 30;

/// Why a set of `.drv` files is not the graph it claims to be. The store or whoever filled it is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum GraphError {
    /// A derivation that was never asked for, or was given twice.
    #[error("{0} was not asked for")]
    NotWanted(StorePath),
    /// More derivations than [`MAX_DERIVATIONS`], one longer than [`MAX_DERIVATION_BYTES`], or more than 1 GiB in
    /// all.
    #[error(
        "{path} goes beyond {MAX_DERIVATIONS} derivations of {MAX_DERIVATION_BYTES} bytes, {MAX_GRAPH_BYTES} in all"
    )]
    TooLarge {
        /// The derivation at which the bound was reached.
        path: StorePath,
    },
    /// The file is not a derivation in Nix's one spelling.
    #[error("{path} is not a derivation: {reason}")]
    Malformed {
        /// The file.
        path: StorePath,
        /// What is wrong with it.
        reason: String,
    },
    /// The file's bytes belong to another path.
    #[error("{path} holds the derivation of {actual}")]
    WrongPath {
        /// Where it was found.
        path: StorePath,
        /// The path its bytes hash to.
        actual: StorePath,
    },
    /// An output path does not follow from the derivation and its inputs.
    #[error("an output of {path} is not where its inputs put it: {reason}")]
    WrongOutput {
        /// The derivation.
        path: StorePath,
        /// What was expected and found.
        reason: String,
    },
    /// Not every input was given.
    #[error("{0} is missing from the graph")]
    Missing(StorePath),
    /// A derivation depends on itself.
    #[error("{0} depends on itself")]
    Cycle(StorePath),
    /// An input asks for an output that its derivation does not have.
    #[error("{user} uses output `{output}` of {path}, which has none of that name")]
    UnknownOutput {
        /// The derivation that asks.
        user: StorePath,
        /// The one that is asked.
        path: StorePath,
        /// The output's name.
        output: String,
    },
}

/// One derivation whose path and output paths were recomputed.
#[derive(Clone, Debug)]
pub struct Step {
    /// The `.drv` file.
    pub path: StorePath,
    /// Its outputs by name, where they must be.
    pub outputs: BTreeMap<String, StorePath>,
    /// The content address its one output must have, for a fixed output.
    pub fixed: Option<CAHash>,
    /// The derivations whose outputs it uses.
    pub input_derivations: BTreeSet<StorePath>,
    /// The outputs of those that it uses.
    pub input_outputs: BTreeSet<StorePath>,
    /// The sources it uses.
    pub input_sources: BTreeSet<StorePath>,
    /// Where it says its fixed output can be had.
    pub urls: Vec<String>,
    /// The output path of the derivation that lists its mirrors, where it names one (`mirrorsFile`).
    pub mirrors_file: Option<String>,
    /// The lists of mirrors it is made of, by name: empty unless it is called `mirrors-list`.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// The program that makes it: a path, or a `builtin:` that runs inside Nix.
    pub builder: String,
    /// Whether its builder is one that fetches.
    pub fetches: bool,
    /// The output paths it names in `seedProject`: whose inputs the seed is to hold (see [`crate::Project`]).
    pub project: Option<String>,
    /// The system it is built on.
    pub system: String,
    /// What of it lets the outside in.
    pub impurities: Vec<Impurity>,
}

/// Collects a derivation graph from its root, then recomputes every path in it.
///
/// It performs no I/O: ask [`wanted`](Self::wanted) for the next file to read, give it to
/// [`add`](Self::add), and [`finish`](Self::finish) when nothing is wanted.
#[derive(Debug)]
pub struct GraphLoader {
    wanted: BTreeSet<StorePath>,
    loaded: BTreeMap<StorePath, Derivation>,
    bytes: usize,
}

impl GraphLoader {
    /// A loader for everything that `root` needs.
    #[must_use]
    pub fn new(root: StorePath) -> Self {
        Self {
            wanted: BTreeSet::from([root]),
            loaded: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// A derivation that still has to be read, `None` when all are there.
    #[must_use]
    pub fn wanted(&self) -> Option<StorePath> {
        self.wanted.first().cloned()
    }

    /// Takes the bytes of the wanted file `path` and recomputes its path from them.
    ///
    /// # Errors
    /// [`GraphError`] when it was not wanted, is too long, is no derivation, or belongs to another path.
    pub fn add(&mut self, path: &StorePath, bytes: &[u8]) -> Result<(), GraphError> {
        if !self.wanted.remove(path) {
            return Err(GraphError::NotWanted(path.clone()));
        }
        let all = self.bytes.saturating_add(bytes.len());
        if bytes.len() > MAX_DERIVATION_BYTES
            || self.loaded.len() >= MAX_DERIVATIONS
            || all > MAX_GRAPH_BYTES
        {
            return Err(GraphError::TooLarge { path: path.clone() });
        }
        self.bytes = all;
        let derivation = read(path, bytes)?;
        let inputs = derivation.input_derivations().keys();
        self.wanted.extend(
            inputs
                .filter(|input| !self.loaded.contains_key(*input))
                .cloned(),
        );
        self.wanted.remove(path);
        self.loaded.insert(path.clone(), derivation);
        Ok(())
    }

    /// Recomputes every output path, inputs before users, and returns the steps in that order.
    ///
    /// # Errors
    /// [`GraphError`] when a file is still wanted, an output path is not the one that follows from the
    /// derivation and its inputs, or the graph is not one.
    pub fn finish(self) -> Result<Vec<Step>, GraphError> {
        if let Some(path) = self.wanted.first() {
            return Err(GraphError::Missing(path.clone()));
        }
        let mut hashes: BTreeMap<StorePath, InputDerivationHash> = BTreeMap::new();
        let mut outputs: BTreeMap<StorePath, BTreeMap<String, StorePath>> = BTreeMap::new();
        let mut steps = Vec::with_capacity(self.loaded.len());
        for path in in_build_order(&self.loaded)? {
            let derivation = self
                .loaded
                .get(&path)
                .ok_or_else(|| GraphError::Missing(path.clone()))?;
            let input_outputs = input_outputs(&path, derivation, &outputs)?;
            let resolve =
                |input: &StorePath| hashes.get(input).copied().ok_or_else(|| input.clone());
            let wrong = |reason: String| GraphError::WrongOutput {
                path: path.clone(),
                reason,
            };
            derivation
                .try_validate_with_input_hashes(resolve)
                .map_err(|error| wrong(error.to_string()))?;
            let hash = derivation
                .try_hash_input_derivation_modulo(resolve)
                .map_err(|error| wrong(error.to_string()))?;
            let step = step(&path, derivation, input_outputs)?;
            outputs.insert(path.clone(), step.outputs.clone());
            steps.push(step);
            hashes.insert(path, hash);
        }
        Ok(steps)
    }
}

fn read(path: &StorePath, bytes: &[u8]) -> Result<Derivation, GraphError> {
    let malformed = |reason: String| GraphError::Malformed {
        path: path.clone(),
        reason,
    };
    let name = path
        .name()
        .strip_suffix(".drv")
        .ok_or_else(|| malformed("its name does not end in .drv".to_owned()))?;
    let derivation =
        Derivation::from_aterm_bytes(bytes, name).map_err(|error| malformed(error.to_string()))?;
    if derivation.to_aterm_bytes() != bytes {
        return Err(malformed("it is not in canonical form".to_owned()));
    }
    let references = derivation
        .input_derivations()
        .keys()
        .chain(derivation.input_sources());
    let actual = store_path::build_text_path(path.name(), bytes, references)
        .map_err(|error| malformed(error.to_string()))?;
    if actual != *path {
        return Err(GraphError::WrongPath {
            path: path.clone(),
            actual,
        });
    }
    Ok(derivation)
}

/// The output paths that `derivation` uses; every one of its inputs is in `known` already.
fn input_outputs(
    path: &StorePath,
    derivation: &Derivation,
    known: &BTreeMap<StorePath, BTreeMap<String, StorePath>>,
) -> Result<BTreeSet<StorePath>, GraphError> {
    let mut used = BTreeSet::new();
    for (input, requested) in derivation.input_derivations() {
        let outputs = known.get(input);
        for name in requested.outputs() {
            let output = outputs.and_then(|outputs| outputs.get(name));
            let unknown = || GraphError::UnknownOutput {
                user: path.clone(),
                path: input.clone(),
                output: name.clone(),
            };
            used.insert(output.ok_or_else(unknown)?.clone());
        }
    }
    Ok(used)
}

fn step(
    path: &StorePath,
    derivation: &Derivation,
    input_outputs: BTreeSet<StorePath>,
) -> Result<Step, GraphError> {
    let wrong = |reason: String| GraphError::WrongOutput {
        path: path.clone(),
        reason,
    };
    let outputs = derivation
        .resolved_outputs()
        .map_err(|error| wrong(error.to_string()))?
        .into_iter()
        .map(|(name, output)| match output.path {
            Some(path) => Ok((name, path)),
            None => Err(wrong(format!(
                "output `{name}` has no path before it is built"
            ))),
        })
        .collect::<Result<_, _>>()?;
    Ok(Step {
        path: path.clone(),
        outputs,
        fixed: derivation
            .outputs()
            .values()
            .find_map(|output| output.fixed_content_address().cloned()),
        input_derivations: derivation.input_derivations().keys().cloned().collect(),
        input_outputs,
        input_sources: derivation.input_sources().clone(),
        urls: fixed::urls(derivation),
        mirrors_file: fixed::mirrors_file(derivation),
        mirrors: fixed::mirrors(path, derivation),
        builder: derivation.builder().to_owned(),
        fetches: fixed::fetches(derivation),
        project: project::named(derivation),
        system: derivation.system().to_owned(),
        impurities: purity::impurities(derivation),
    })
}

/// All paths, each after its inputs. Iterative: the depth of a graph is the outsider's choice.
fn in_build_order(loaded: &BTreeMap<StorePath, Derivation>) -> Result<Vec<StorePath>, GraphError> {
    let mut waiting: BTreeMap<&StorePath, usize> = BTreeMap::new();
    let mut users: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    for (path, derivation) in loaded {
        waiting.insert(path, derivation.input_derivations().len());
        for input in derivation.input_derivations().keys() {
            users.entry(input).or_default().push(path);
        }
    }
    let mut ready: BTreeSet<&StorePath> = waiting
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(path, _)| *path)
        .collect();
    let mut order = Vec::with_capacity(loaded.len());
    while let Some(path) = ready.pop_first() {
        waiting.remove(path);
        order.push(path.clone());
        for user in users.get(path).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(*user) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(user);
                }
            }
        }
    }
    match waiting.keys().next() {
        Some(path) => Err(GraphError::Cycle((*path).clone())),
        None => Ok(order),
    }
}
