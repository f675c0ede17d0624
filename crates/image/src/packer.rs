use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use seed_nix::{ClosureEntry, ClosureError, Contents, Node, StorePath, closure_digest};
use seed_primitives::{Compression, Digest, Recipe, System};
use thiserror::Error;

use crate::{
    Descriptor, FACTS_FILE, Facts, ImageConfig, ImageManifest, Layer, LayerError, Layout,
    RunConfig,
    layer::{ZSTD_VERSION, write_layer},
    layering::{Weight, group},
    media::CONFIG,
    registration,
    runner::Glue,
    tar::Entry,
};

/// The name of this packer in a recipe. Any change of its output is a new name.
pub const PACKER: &str = "nix-seed/2";
/// The name of the same packer with the runner's glue on top: a policy allows either by name.
pub const PACKER_RUNNER: &str = "nix-seed/2:runner";
/// The layering used where nothing else is asked for: expected re-pull cost, at most 40 layers.
pub const LAYERING: &str = "repull:40";
/// The most layers a recipe may ask for; the rest of what runtimes can mount is left to users.
const MAX_ASKED: usize = 100;

/// One store path to be packed.
#[derive(Clone, Debug)]
pub struct PackedPath<C> {
    /// The path with the NAR hash and size on record for it. No layer is finished with a path that turns out to be
    /// another while it is packed.
    pub entry: ClosureEntry,
    /// The store paths it refers to; itself may be among them.
    pub references: BTreeSet<StorePath>,
    /// Its file tree.
    pub node: Node<C>,
}

/// Why a closure cannot be packed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PackError {
    /// The closure is empty or holds a path twice.
    #[error(transparent)]
    Closure(#[from] ClosureError),
    /// A path refers to one that is not there: the closure is not closed.
    #[error("{path} refers to {missing}, which is not in the closure")]
    NotClosed {
        /// The path.
        path: StorePath,
        /// What it refers to.
        missing: StorePath,
    },
    /// An application path is not in the closure, or there is none.
    #[error("the application {0} is not in the closure")]
    NoApplication(String),
    /// The recipe asks for something this packer does not do.
    #[error("packer {PACKER} cannot do `{field}` {value}: {expected}")]
    Recipe {
        /// The field of the recipe.
        field: &'static str,
        /// What it asks for.
        value: String,
        /// What can be asked for.
        expected: &'static str,
    },
    /// What a target's path says of the closure cannot be used.
    #[error("{FACTS_FILE} of {path} cannot be used: {reason}")]
    Facts {
        /// The target's path.
        path: StorePath,
        /// What is wrong with it, escaped.
        reason: String,
    },
    /// A path may not be passed on.
    #[error(
        "{path} may not be put into an image: {why}; let the seed refer to it, and whoever builds bring it"
    )]
    NotRedistributable {
        /// The path.
        path: StorePath,
        /// How that is known.
        why: String,
    },
    /// A layout given by hand is not one of the closure.
    #[error("the layout does not hold every path of the closure, and nothing else")]
    Layout,
    /// The system has no OCI platform.
    #[error("{0} has no OCI platform; systems with one are x86_64 and aarch64 on linux and darwin")]
    Platform(System),
    /// The program was built with another zstd than the pinned one, so its layers would be others.
    #[error(
        "built with zstd {0}, but {PACKER} means zstd {ZSTD_VERSION}; rebuild without a system zstd"
    )]
    ForeignEncoder(u32),
}

/// The bytes that make an image, besides its layers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PackedImage {
    /// The image config's bytes.
    pub config: Vec<u8>,
    /// The image manifest's bytes; their SHA-256 is the image digest.
    pub manifest: Vec<u8>,
    /// The image digest.
    pub digest: Digest,
    /// The closure digest.
    pub closure: Digest,
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
}

/// Packs one closure: the same closure and recipe give the same bytes on every machine
/// (`docs/protocol.md`, "Image digest").
///
/// Layers, lowest first: the dependencies in groups, the application's own paths, and last the database
/// layer (registration text at `/nix/.reginfo` as `nix-store --load-db` reads it, `/etc/passwd`,
/// `/etc/group`, `/tmp`). The variant [`PACKER_RUNNER`] puts the links a CI runner needs on top.
#[derive(Debug)]
pub struct Packer<'a, C> {
    paths: Vec<&'a PackedPath<C>>,
    groups: Vec<Vec<usize>>,
    compression: Compression,
    platform: (&'static str, &'static str),
    closure: Digest,
    registration: Vec<u8>,
    run: RunConfig,
    facts: Facts,
    /// The glue layer, in a recipe that asks for one.
    glue: Option<Vec<Glue>>,
}

impl<'a, C: Contents> Packer<'a, C> {
    /// Plans the layers of `closure` for `system` as `recipe` says; `applications` are the paths the target
    /// itself evaluates to, `previous` the layout of the image that the recipe names (an empty one where that
    /// image is of another system).
    ///
    /// # Errors
    /// [`PackError`] for an empty or open closure, an application outside it, a system without an OCI
    /// platform, a recipe this packer does not know, or one that names a previous image where none is given,
    /// or none where one is.
    pub fn new(
        closure: &'a [PackedPath<C>],
        applications: &BTreeSet<StorePath>,
        recipe: &Recipe,
        system: &System,
        previous: Option<&Layout>,
    ) -> Result<Self, PackError> {
        let limit = limit(recipe, previous)?;
        let glued = recipe.packer.as_str() == PACKER_RUNNER;
        let limit = limit - usize::from(glued);
        let mut packer = Self::plan(closure, applications, recipe.compression, system, |paths| {
            Some(groups(paths, applications, limit, previous))
        })?;
        if glued {
            packer.glue()?;
        }
        Ok(packer)
    }

    /// Puts the layer that the seed's facts describe on top.
    fn glue(&mut self) -> Result<(), PackError> {
        let Some(runner) = &self.facts.runner else {
            return Err(PackError::Recipe {
                field: "packer",
                value: PACKER_RUNNER.to_owned(),
                expected: "a target whose nix-support/nix-seed.json describes a `runner`",
            });
        };
        runner.extend(&mut self.run);
        self.glue = Some(runner.files(&self.paths, self.platform.1));
        Ok(())
    }

    /// Lays `closure` out as `layout` says, whatever any recipe would: for comparing ways to do it. No recipe
    /// stands for the image, so nobody can attest it.
    ///
    /// # Errors
    /// Those of [`Self::new`]; and [`PackError::Layout`] unless every path of the closure is in the layout,
    /// and no other.
    pub fn with_layout(
        closure: &'a [PackedPath<C>],
        applications: &BTreeSet<StorePath>,
        compression: Compression,
        system: &System,
        layout: &Layout,
    ) -> Result<Self, PackError> {
        Self::plan(closure, applications, compression, system, |paths| {
            given(paths, layout)
        })
    }

    fn plan(
        closure: &'a [PackedPath<C>],
        applications: &BTreeSet<StorePath>,
        compression: Compression,
        system: &System,
        arrange: impl FnOnce(&[&PackedPath<C>]) -> Option<Vec<Vec<usize>>>,
    ) -> Result<Self, PackError> {
        let linked = zstd::zstd_safe::version_number();
        if linked != ZSTD_VERSION {
            return Err(PackError::ForeignEncoder(linked));
        }
        let platform = system
            .oci_platform()
            .ok_or_else(|| PackError::Platform(system.clone()))?;
        let mut paths: Vec<_> = closure.iter().collect();
        paths.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
        let entries: Vec<ClosureEntry> = paths.iter().map(|path| path.entry.clone()).collect();
        let digest = closure_digest(&entries)?;
        check_closed(&paths, applications)?;
        let facts = Facts::read(&paths, applications)?;
        Ok(Self {
            facts,
            glue: None,
            groups: arrange(&paths).ok_or(PackError::Layout)?,
            compression,
            platform,
            closure: digest,
            registration: registration::text(&paths),
            run: run_config(&paths, applications),
            paths,
        })
    }

    /// How many layers the image has.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.groups.len() + 1 + usize::from(self.glue.is_some())
    }

    /// What the seed says of its own paths.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The closure digest.
    #[must_use]
    pub const fn closure(&self) -> Digest {
        self.closure
    }

    /// Which store paths lie in which layer; the database's and the runner's hold none.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let members = |group: &Vec<usize>| {
            let paths = group.iter().filter_map(|at| self.paths.get(*at));
            paths.map(|path| path.entry.path.clone()).collect()
        };
        let others = std::iter::repeat_n(BTreeSet::new(), self.layers() - self.groups.len());
        let layers = self.groups.iter().map(members).chain(others);
        // Groups are disjoint, because a planner yields each index once.
        Layout::new(layers).unwrap_or_default()
    }

    /// How layers are encoded.
    #[must_use]
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// The bytes of the store paths in layer `index` as on record: how much work writing it is.
    #[must_use]
    pub fn weight(&self, index: usize) -> u64 {
        let group = self.groups.get(index).into_iter().flatten();
        let paths = group.filter_map(|at| self.paths.get(*at));
        paths.fold(0, |sum, path| sum.saturating_add(path.entry.nar.size))
    }

    /// Writes layer `index` (0 is the lowest) to `out`, reading every file of it once: the NAR hash of each store
    /// path, the diffID and the digest of the blob come from the same bytes.
    ///
    /// # Errors
    /// [`LayerError::Read`] and [`LayerError::Write`] when contents cannot be had, changed while they were read,
    /// or `out` does not take them; [`LayerError::Contents`] for a path that is not what its entry says, noticed
    /// after it was written: a layer that ends in an error is thrown away; [`LayerError::NoLayer`].
    pub fn write_layer(&self, index: usize, out: &mut impl Write) -> Result<Layer, LayerError> {
        let mut entries = vec![Entry::Directory("nix", 0o755)];
        match self.groups.get(index) {
            Some(group) => {
                entries.push(Entry::Directory("nix/store", 0o755));
                for path in group.iter().filter_map(|at| self.paths.get(*at)) {
                    let name = format!("nix/store/{}", path.entry.path.to_basename());
                    entries.push(Entry::Object(name, &path.node, &path.entry));
                }
            }
            None if index == self.groups.len() => entries = self.database(),
            None => match self.glue.as_ref().filter(|_| index < self.layers()) {
                Some(glue) => entries = glue.iter().map(Glue::entry).collect(),
                None => return Err(LayerError::NoLayer(index)),
            },
        }
        write_layer(&entries, self.compression, out)
    }

    /// The config and manifest over the finished layers, all of them and in order.
    #[must_use]
    pub fn finish(&self, layers: Vec<Layer>) -> PackedImage {
        let (os, architecture) = self.platform;
        let config = ImageConfig {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            diff_ids: layers.iter().map(|layer| layer.diff_id).collect(),
            run: self.run.clone(),
        }
        .to_bytes_with(self.layout().history(PACKER));
        let manifest = ImageManifest {
            config: Descriptor::of(CONFIG, &config),
            layers: layers
                .iter()
                .map(|layer| layer.descriptor.clone())
                .collect(),
            closure: Some(self.closure),
        }
        .to_bytes();
        let digest = Digest::of(&manifest);
        PackedImage {
            config,
            manifest,
            digest,
            closure: self.closure,
            layers,
        }
    }

    fn database(&self) -> Vec<Entry<'_, C>> {
        vec![
            Entry::Directory("etc", 0o755),
            Entry::Generated("etc/group", b"root:x:0:\nnobody:x:65534:\n"),
            Entry::Generated(
                "etc/passwd",
                b"root:x:0:0:root:/:/noshell\nnobody:x:65534:65534:nobody:/:/noshell\n",
            ),
            Entry::Directory("nix", 0o755),
            Entry::Generated("nix/.reginfo", &self.registration),
            Entry::Directory("tmp", 0o1777),
        ]
    }
}

/// Whether this packer can follow `recipe` at all, whatever the closure: to be asked before anything is built.
/// `previous` says whether the layout of a previous image is at hand.
///
/// # Errors
/// [`PackError::Recipe`] for another packer, a layering that is not known, or a previous image that is named and not
/// given or given and not named.
pub fn check_recipe(recipe: &Recipe, previous: bool) -> Result<(), PackError> {
    let none = Layout::default();
    limit(recipe, previous.then_some(&none)).map(drop)
}

/// The layer limit of `recipe`, after refusing whatever this packer does not know.
fn limit(recipe: &Recipe, previous: Option<&Layout>) -> Result<usize, PackError> {
    let refuse = |field, value: &dyn ToString, expected| {
        Err(PackError::Recipe {
            field,
            value: value.to_string(),
            expected,
        })
    };
    if ![PACKER, PACKER_RUNNER].contains(&recipe.packer.as_str()) {
        return refuse(
            "packer",
            &recipe.packer,
            "use the seed-builder of that packer",
        );
    }
    match (&recipe.previous, previous) {
        (Some(named), None) => return refuse("previous", named, "give the layout of that image"),
        (None, Some(_)) => {
            return refuse("previous", &"null", "name the image whose layout is given");
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let glued = recipe.packer.as_str() == PACKER_RUNNER;
    let layers = recipe
        .layering
        .as_str()
        .strip_prefix("repull:")
        .and_then(|n| n.parse().ok());
    match layers {
        Some(layers)
            if (3 + usize::from(glued)..=MAX_ASKED).contains(&layers)
                && !recipe.layering.as_str().contains(":0") =>
        {
            Ok(layers)
        }
        _ => refuse(
            "layering",
            &recipe.layering,
            "repull:N with N from 3 (with a runner 4) to 100",
        ),
    }
}

fn check_closed<C>(
    paths: &[&PackedPath<C>],
    applications: &BTreeSet<StorePath>,
) -> Result<(), PackError> {
    let known: BTreeSet<&StorePath> = paths.iter().map(|path| &path.entry.path).collect();
    for path in paths {
        if let Some(missing) = path
            .references
            .iter()
            .find(|reference| !known.contains(reference))
        {
            return Err(PackError::NotClosed {
                path: path.entry.path.clone(),
                missing: missing.clone(),
            });
        }
    }
    match applications.iter().find(|path| !known.contains(path)) {
        Some(path) => Err(PackError::NoApplication(path.to_string())),
        None if applications.is_empty() => Err(PackError::NoApplication("(none)".to_owned())),
        None => Ok(()),
    }
}

/// Indices into `paths`: the dependencies in groups, then the applications and whatever needs them.
fn groups<C>(
    paths: &[&PackedPath<C>],
    applications: &BTreeSet<StorePath>,
    limit: usize,
    previous: Option<&Layout>,
) -> Vec<Vec<usize>> {
    let own = own(paths, applications);
    let (own, mut others): (Vec<usize>, Vec<usize>) = (0..paths.len()).partition(|at| {
        paths
            .get(*at)
            .is_some_and(|path| own.contains(&path.entry.path))
    });
    // By name first: the hash in a path changes with every release and would shuffle what is equal.
    others.sort_by_key(|at| paths.get(*at).map(|path| (path.entry.path.name(), *at)));
    let weights: Vec<Weight<'_>> = others
        .iter()
        .filter_map(|at| paths.get(*at))
        .map(|path| Weight {
            path: &path.entry.path,
            size: path.entry.nar.size,
            references: &path.references,
        })
        .collect();
    let mut groups: Vec<Vec<usize>> = group(&weights, limit.saturating_sub(2), previous)
        .into_iter()
        .map(|members| {
            let mut group: Vec<usize> = members
                .iter()
                .filter_map(|at| others.get(*at).copied())
                .collect();
            group.sort_unstable();
            group
        })
        .collect();
    groups.push(own);
    groups
}

/// The applications and every path that needs one: all that a change of the application replaces.
fn own<C>(paths: &[&PackedPath<C>], applications: &BTreeSet<StorePath>) -> BTreeSet<StorePath> {
    let mut users: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    for path in paths {
        for used in &path.references {
            users.entry(used).or_default().push(&path.entry.path);
        }
    }
    let mut own = BTreeSet::new();
    let mut todo: Vec<&StorePath> = applications.iter().collect();
    while let Some(path) = todo.pop() {
        if own.insert(path.clone()) {
            todo.extend(users.get(path).into_iter().flatten().copied());
        }
    }
    own
}

/// Indices into `paths` as `layout` has them; `None` unless it holds each path and no other.
fn given<C>(paths: &[&PackedPath<C>], layout: &Layout) -> Option<Vec<Vec<usize>>> {
    let index: BTreeMap<&StorePath, usize> = paths
        .iter()
        .enumerate()
        .map(|(at, path)| (&path.entry.path, at))
        .collect();
    let layers = layout.layers().iter();
    let groups: Vec<Vec<usize>> = layers
        .map(|layer| layer.iter().map(|path| index.get(path).copied()).collect())
        .collect::<Option<_>>()?;
    (groups.iter().map(Vec::len).sum::<usize>() == paths.len()).then_some(groups)
}

/// `PATH` over the applications that have a `bin` directory; nothing else.
fn run_config<C>(paths: &[&PackedPath<C>], applications: &BTreeSet<StorePath>) -> RunConfig {
    let by_path: BTreeMap<_, _> = paths
        .iter()
        .map(|path| (&path.entry.path, &path.node))
        .collect();
    let bins: Vec<String> = applications
        .iter()
        .filter(|path| match by_path.get(path) {
            Some(Node::Directory(entries)) => {
                matches!(entries.get(b"bin".as_slice()), Some(Node::Directory(_)))
            }
            _ => false,
        })
        .map(|path| format!("{path}/bin"))
        .collect();
    let env = if bins.is_empty() {
        Vec::new()
    } else {
        vec![format!("PATH={}", bins.join(":"))]
    };
    RunConfig {
        cmd: Vec::new(),
        env,
    }
}
