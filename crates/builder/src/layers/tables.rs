use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use seed_nix::StorePath;
use seed_primitives::Digest;
use serde::Serialize;

use super::Subject;

/// How a closure is layered: by image layer, by depth, and its largest paths.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tables {
    /// The image, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Digest>,
    /// How many store paths there are.
    pub paths: usize,
    /// Bytes of all their NAR serialisations.
    pub size: u64,
    /// The image's layers, lowest first.
    pub layers: Vec<LayerRow>,
    /// The closure by depth, 0 first: a path needs something one less deep than itself, and nothing deeper.
    pub depths: Vec<DepthRow>,
    /// The largest paths.
    pub largest: Vec<PathRow>,
}

/// One layer of an image.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerRow {
    /// Digest of the blob.
    pub digest: Digest,
    /// Bytes of the blob: what a pull costs.
    pub blob: u64,
    /// How many store paths lie in it; the database's and the runner's have none.
    pub paths: usize,
    /// Bytes of their NAR serialisations.
    pub size: u64,
    /// Depth of its shallowest and deepest path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<(usize, usize)>,
    /// How many paths it needs: a change of any of them replaces the layer.
    pub needs: usize,
    /// Its largest path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<String>,
}

/// All paths of one depth.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DepthRow {
    /// The depth.
    pub depth: usize,
    /// How many paths have it.
    pub paths: usize,
    /// Bytes of their NAR serialisations.
    pub size: u64,
    /// Bytes up to and including this depth.
    pub total: u64,
}

/// One store path.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PathRow {
    /// The path.
    pub path: String,
    /// Bytes of its NAR serialisation.
    pub size: u64,
    /// Its depth.
    pub depth: usize,
    /// The layer it lies in, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

impl Tables {
    /// The tables of `subject`, naming at most `largest` paths.
    #[must_use]
    pub fn of(subject: &Subject, largest: usize) -> Self {
        let depths = depths(subject);
        let layers = match &subject.image {
            Some((_, blobs, layout)) => blobs
                .iter()
                .zip(layout.layers())
                .map(|(blob, paths)| layer_row(subject, &depths, blob, paths))
                .collect(),
            None => Vec::new(),
        };
        Self {
            image: subject.image.as_ref().map(|(digest, ..)| *digest),
            paths: subject.paths.len(),
            size: subject.paths.values().map(|path| path.size).sum(),
            layers,
            depths: depth_rows(subject, &depths),
            largest: path_rows(subject, &depths, largest),
        }
    }
}

/// The depth of every path: 0 where it needs nothing. A cycle, which no Nix store has, ends where it began.
fn depths(subject: &Subject) -> BTreeMap<&StorePath, usize> {
    let mut depths: BTreeMap<&StorePath, usize> = BTreeMap::new();
    let mut begun: BTreeSet<&StorePath> = BTreeSet::new();
    for start in subject.paths.keys() {
        let mut todo = vec![start];
        while let Some(path) = todo.last().copied() {
            let needs = subject.paths.get(path).map(|size| &size.references);
            let open = needs
                .into_iter()
                .flatten()
                .filter(|used| !begun.contains(used));
            let open: Vec<&StorePath> = open.collect();
            if begun.insert(path) && !open.is_empty() {
                todo.extend(open);
                continue;
            }
            todo.pop();
            let below = needs
                .into_iter()
                .flatten()
                .filter_map(|used| depths.get(used));
            let depth = below.max().map_or(0, |depth| depth + 1);
            depths.entry(path).or_insert(depth);
        }
    }
    depths
}

fn layer_row(
    subject: &Subject,
    depths: &BTreeMap<&StorePath, usize>,
    blob: &seed_image::Descriptor,
    paths: &BTreeSet<StorePath>,
) -> LayerRow {
    let size = |path: &StorePath| subject.paths.get(path).map_or(0, |found| found.size);
    let of = || paths.iter().filter_map(|path| depths.get(path).copied());
    LayerRow {
        digest: blob.digest,
        blob: blob.size,
        paths: paths.len(),
        size: paths.iter().map(size).sum(),
        depth: of().min().zip(of().max()),
        needs: needed(subject, paths).len(),
        largest: paths
            .iter()
            .max_by_key(|path| (size(path), Reverse(*path)))
            .map(|path| path.name().to_owned()),
    }
}

/// Everything that `paths` need, themselves among it.
fn needed<'a>(subject: &'a Subject, paths: &'a BTreeSet<StorePath>) -> BTreeSet<&'a StorePath> {
    let mut needed = BTreeSet::new();
    let mut todo: Vec<&StorePath> = paths.iter().collect();
    while let Some(path) = todo.pop() {
        if needed.insert(path) {
            let size = subject.paths.get(path);
            todo.extend(size.into_iter().flat_map(|size| &size.references));
        }
    }
    needed
}

fn depth_rows(subject: &Subject, depths: &BTreeMap<&StorePath, usize>) -> Vec<DepthRow> {
    let mut rows: BTreeMap<usize, (usize, u64)> = BTreeMap::new();
    for (path, size) in &subject.paths {
        let row = rows
            .entry(depths.get(path).copied().unwrap_or(0))
            .or_default();
        row.0 += 1;
        row.1 += size.size;
    }
    let mut total = 0;
    rows.into_iter()
        .map(|(depth, (paths, size))| {
            total += size;
            DepthRow {
                depth,
                paths,
                size,
                total,
            }
        })
        .collect()
}

fn path_rows(subject: &Subject, depths: &BTreeMap<&StorePath, usize>, most: usize) -> Vec<PathRow> {
    let layer = |path: &StorePath| {
        let (_, _, layout) = subject.image.as_ref()?;
        layout
            .layers()
            .iter()
            .position(|layer| layer.contains(path))
    };
    let mut order: Vec<_> = subject.paths.iter().collect();
    order.sort_by_key(|(path, size)| (Reverse(size.size), *path));
    order
        .into_iter()
        .take(most)
        .map(|(path, size)| PathRow {
            path: path.to_string(),
            size: size.size,
            depth: depths.get(path).copied().unwrap_or(0),
            layer: layer(path),
        })
        .collect()
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(image) = &self.image {
            writeln!(f, "image {image}")?;
        }
        writeln!(f, "{} store paths, {}", self.paths, bytes(self.size))?;
        if !self.layers.is_empty() {
            writeln!(
                f,
                "\n{:>5}  {:>10}  {:>5}  {:>10}  {:>7}  {:>5}  largest path",
                "layer", "blob", "paths", "contents", "depth", "needs"
            )?;
        }
        for (index, row) in self.layers.iter().enumerate() {
            let depth = match row.depth {
                Some((least, most)) if least == most => least.to_string(),
                Some((least, most)) => format!("{least}-{most}"),
                None => "-".to_owned(),
            };
            writeln!(
                f,
                "{index:>5}  {:>10}  {:>5}  {:>10}  {depth:>7}  {:>5}  {}",
                bytes(row.blob),
                row.paths,
                bytes(row.size),
                row.needs,
                row.largest.as_deref().unwrap_or("(no store path)")
            )?;
        }
        writeln!(
            f,
            "\n{:>5}  {:>5}  {:>10}  {:>10}",
            "depth", "paths", "size", "up to here"
        )?;
        for row in &self.depths {
            let (size, total) = (bytes(row.size), bytes(row.total));
            writeln!(
                f,
                "{:>5}  {:>5}  {size:>10}  {total:>10}",
                row.depth, row.paths
            )?;
        }
        write!(f, "\n{:>10}  {:>5}  {:>5}  path", "size", "depth", "layer")?;
        for row in &self.largest {
            let layer = row
                .layer
                .map_or_else(|| "-".to_owned(), |at| at.to_string());
            write!(
                f,
                "\n{:>10}  {:>5}  {layer:>5}  {}",
                bytes(row.size),
                row.depth,
                row.path
            )?;
        }
        Ok(())
    }
}

/// A size for people: `12.3 MB`, in powers of a thousand.
pub(super) fn bytes(size: u64) -> String {
    let mut value = size as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.95 || unit == "GB" {
            let digits = usize::from(unit != "B");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{size} B")
}

#[cfg(test)]
mod tests {
    use seed_image::{Descriptor, Layout, media::LAYER_TAR};

    use super::{
        super::{
            PathSize,
            testing::{path, size},
        },
        *,
    };

    /// c needs b and a, b needs a; d needs nothing.
    fn subject() -> Subject {
        let layers = [
            [path('a'), path('d')].into(),
            [path('b'), path('c')].into(),
            [].into(),
        ];
        let blobs = [b"one", b"two", b"db!"].map(|bytes| Descriptor::of(LAYER_TAR, bytes));
        Subject {
            paths: [
                (path('a'), size(1_000, &[])),
                (path('b'), size(200, &['a'])),
                (path('c'), size(30, &['a', 'b'])),
                (path('d'), size(4, &[])),
            ]
            .into(),
            image: Some((
                Digest::of(b"image"),
                blobs.to_vec(),
                Layout::new(layers).unwrap(),
            )),
        }
    }

    #[test]
    fn depth_is_the_longest_way_down() {
        let tables = Tables::of(&subject(), 2);
        let rows: Vec<_> = tables
            .depths
            .iter()
            .map(|row| (row.depth, row.paths, row.size, row.total))
            .collect();
        assert_eq!(
            rows,
            [(0, 2, 1_004, 1_004), (1, 1, 200, 1_204), (2, 1, 30, 1_234)]
        );
    }

    #[test]
    fn layers_say_what_they_hold_and_what_replaces_them() {
        let tables = Tables::of(&subject(), 2);
        let rows: Vec<_> = tables
            .layers
            .iter()
            .map(|row| {
                (
                    row.paths,
                    row.size,
                    row.depth,
                    row.needs,
                    row.largest.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                (2, 1_004, Some((0, 0)), 2, Some("name-a")),
                (2, 230, Some((1, 2)), 3, Some("name-b")),
                (0, 0, None, 0, None)
            ]
        );
        assert_eq!(tables.largest.len(), 2);
        assert_eq!(tables.largest[0].layer, Some(0));
        let text = tables.to_string();
        assert!(
            text.contains("(no store path)") && text.contains("1.0 kB"),
            "{text}"
        );
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_paths_does_not_exhaust_the_stack() {
        let name = |at: usize| -> StorePath { format!("/nix/store/{at:0>32}-p").parse().unwrap() };
        let paths = (0..100_000).map(|at| {
            let references = if at == 0 {
                [].into()
            } else {
                [name(at - 1)].into()
            };
            (
                name(at),
                PathSize {
                    size: 1,
                    references,
                },
            )
        });
        let subject = Subject {
            paths: paths.collect(),
            image: None,
        };
        assert_eq!(Tables::of(&subject, 0).depths.len(), 100_000);
    }

    #[test]
    fn sizes_are_readable() {
        let shown = [
            0,
            999,
            1_000,
            999_949,
            999_950,
            12_345_678,
            5_000_000_000_000,
        ]
        .map(bytes);
        let expected = [
            "0 B",
            "999 B",
            "1.0 kB",
            "999.9 kB",
            "1.0 MB",
            "12.3 MB",
            "5000.0 GB",
        ];
        assert_eq!(shown, expected);
    }
}
