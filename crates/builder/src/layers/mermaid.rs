use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use seed_nix::StorePath;

use super::{Subject, tables::bytes};

/// Fill colours from the smallest to the largest size class, light enough for dark text.
const COLOURS: [&str; 6] = [
    "#e8f4ea", "#c9e7cf", "#fdf3c0", "#fdd9a0", "#f9b48a", "#f28c8c",
];
/// Upper bounds of all classes but the last, in bytes.
const CLASSES: [u64; 5] = [100_000, 1_000_000, 10_000_000, 50_000_000, 200_000_000];

/// A Mermaid flowchart of the `most` largest paths of `subject` and of those nothing else refers to. Colour
/// tells the size; an arrow leads to what a path needs, directly or through paths that are not shown, and is
/// left out where another arrow already leads there.
///
/// The text is stable: the same closure gives the same graph.
#[must_use]
pub fn mermaid(subject: &Subject, most: usize) -> String {
    let shown = shown(subject, most);
    let number: BTreeMap<&StorePath, usize> = shown
        .iter()
        .enumerate()
        .map(|(at, path)| (*path, at))
        .collect();
    let below: BTreeMap<&StorePath, BTreeSet<&StorePath>> = shown
        .iter()
        .map(|path| (*path, reach(subject, path, &number)))
        .collect();
    let mut text = String::from("flowchart TD\n");
    for (path, at) in &number {
        let size = subject.paths.get(*path).map_or(0, |found| found.size);
        let class = CLASSES.iter().filter(|bound| size >= **bound).count();
        // Names of store paths hold nothing that Mermaid could take for markup.
        let _ = writeln!(
            text,
            "  p{at}[\"{}<br/>{}\"]:::size{class}",
            path.name(),
            bytes(size)
        );
    }
    for (path, needs) in &below {
        // What is needed by something else that is needed is reached through that.
        let through: BTreeSet<&StorePath> = needs
            .iter()
            .flat_map(|used| below.get(used).into_iter().flatten())
            .copied()
            .collect();
        for used in needs.difference(&through) {
            if let (Some(from), Some(to)) = (number.get(path), number.get(used)) {
                let _ = writeln!(text, "  p{from} --> p{to}");
            }
        }
    }
    for (class, colour) in COLOURS.iter().enumerate() {
        let _ = writeln!(
            text,
            "  classDef size{class} fill:{colour},stroke:#555,color:#111"
        );
    }
    let hidden = subject.paths.len() - shown.len();
    if hidden > 0 {
        let _ = writeln!(text, "  %% {hidden} smaller paths are not shown");
    }
    text
}

fn shown(subject: &Subject, most: usize) -> BTreeSet<&StorePath> {
    let used: BTreeSet<&StorePath> = subject
        .paths
        .values()
        .flat_map(|path| &path.references)
        .collect();
    let mut order: Vec<_> = subject.paths.iter().collect();
    order.sort_by_key(|(path, size)| (Reverse(size.size), *path));
    let largest = order.into_iter().map(|(path, _)| path).take(most);
    let roots = subject.paths.keys().filter(|path| !used.contains(path));
    largest.chain(roots).collect()
}

/// The shown paths that `start` needs in any way, itself left out.
fn reach<'a>(
    subject: &'a Subject,
    start: &StorePath,
    number: &BTreeMap<&'a StorePath, usize>,
) -> BTreeSet<&'a StorePath> {
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    let needs = |path: &StorePath| {
        let path = subject.paths.get(path);
        path.into_iter().flat_map(|path| &path.references)
    };
    let mut todo: Vec<&StorePath> = needs(start).collect();
    while let Some(path) = todo.pop() {
        if path == start || !seen.insert(path) {
            continue;
        }
        if number.contains_key(path) {
            found.insert(path);
        }
        todo.extend(needs(path));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{path, size},
        *,
    };

    /// app → b → a and app → a; b → tiny → a.
    fn subject() -> Subject {
        Subject {
            paths: [
                (path('a'), size(300_000_000, &[])),
                (path('b'), size(20_000_000, &['c', 'a'])),
                (path('c'), size(1, &['a'])),
                (path('d'), size(50, &['a', 'b'])),
            ]
            .into(),
            image: None,
        }
    }

    #[test]
    fn the_graph_is_exact() {
        let text = mermaid(&subject(), 2);
        let expected = "flowchart TD\n  \
            p0[\"name-a<br/>300.0 MB\"]:::size5\n  \
            p1[\"name-b<br/>20.0 MB\"]:::size3\n  \
            p2[\"name-d<br/>50 B\"]:::size0\n  \
            p1 --> p0\n  \
            p2 --> p1\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.ends_with("  %% 1 smaller paths are not shown\n"),
            "{text}"
        );
        assert_eq!(text.matches("classDef").count(), COLOURS.len());
    }

    #[test]
    fn the_whole_closure_shows_every_path_once() {
        let text = mermaid(&subject(), 99);
        assert_eq!(text.matches("<br/>").count(), 4);
        assert_eq!(text.matches("-->").count(), 3);
        assert!(!text.contains("%%"));
    }
}
