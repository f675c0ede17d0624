//! The NAR hash of a tree that somebody else walks, held against a serialisation written down here once more.

use std::io;

use proptest::prelude::*;
use seed_nix::{NarHash, NarHasher, Node, nar_hash, write_nar};
use seed_primitives::Digest;

type Tree = Node<Vec<u8>>;

/// Trees with empty directories and files, executable files, links, names of any bytes, and files around the
/// sizes at which padding, hash blocks and pieces end.
fn trees() -> impl Strategy<Value = Tree> {
    let size = prop_oneof![0usize..300, 4090usize..4100, 131_060usize..131_080];
    let file = (any::<bool>(), size, any::<u8>()).prop_map(|(executable, size, fill)| {
        let contents: Vec<u8> = (0..size).map(|at| fill.wrapping_add(at as u8)).collect();
        Node::file(executable, contents)
    });
    let target = prop::collection::vec(1u8..=255, 1..150).prop_map(Node::Symlink);
    let name = prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![3 => file, 1 => target].prop_recursive(4, 24, 6, move |inner| {
        prop::collection::btree_map(name.clone(), inner, 0..6).prop_map(|mut entries| {
            entries.retain(|name, _| Tree::is_entry_name(name));
            Node::Directory(entries)
        })
    })
}

/// The serialisation as its description has it, word by word.
fn plain(node: &Tree, out: &mut Vec<u8>) {
    word(b"(", out);
    word(b"type", out);
    match node {
        Node::Directory(entries) => {
            word(b"directory", out);
            for (name, child) in entries {
                for one in [b"entry".as_slice(), b"(", b"name", name, b"node"] {
                    word(one, out);
                }
                plain(child, out);
                word(b")", out);
            }
        }
        Node::File {
            executable,
            contents,
            ..
        } => {
            word(b"regular", out);
            if *executable {
                word(b"executable", out);
                word(b"", out);
            }
            word(b"contents", out);
            word(contents, out);
        }
        Node::Symlink(target) => {
            word(b"symlink", out);
            word(b"target", out);
            word(target, out);
        }
    }
    word(b")", out);
}

fn word(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(8), 0);
}

/// Walks as whoever packs the tree does.
fn walk(node: &Tree, hasher: &mut NarHasher) -> io::Result<()> {
    match node {
        Node::Directory(entries) => {
            hasher.directory();
            for (name, child) in entries {
                hasher.entry(name)?;
                walk(child, hasher)?;
                hasher.end();
            }
            hasher.end();
            Ok(())
        }
        Node::File {
            executable,
            size,
            contents,
        } => {
            let stream = hasher.file(*executable, *size);
            contents.chunks(1000).for_each(|piece| stream.update(piece));
            hasher.end_file()
        }
        Node::Symlink(target) => {
            hasher.symlink(target);
            Ok(())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn all_ways_to_hash_a_tree_agree(tree in trees()) {
        let mut expected = Vec::new();
        word(b"nix-archive-1", &mut expected);
        plain(&tree, &mut expected);
        let mut written = Vec::new();
        write_nar(&tree, &mut |bytes| {
            written.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        prop_assert!(written == expected);
        let expected = NarHash { digest: Digest::of(&expected), size: expected.len() as u64 };
        prop_assert_eq!(nar_hash(&tree).unwrap(), expected);
        let mut hasher = NarHasher::new();
        walk(&tree, &mut hasher).unwrap();
        prop_assert_eq!(hasher.finish().unwrap(), expected);
    }
}

#[test]
fn a_directory_of_a_hundred_thousand_links_is_not_gathered_as_a_whole() {
    let names: Vec<String> = (0..100_000).map(|at| format!("{at:06}")).collect();
    let links = names
        .iter()
        .map(|name| (name.as_str(), Node::Symlink(b"to".to_vec())));
    let tree = Node::directory(links);
    let mut largest = 0;
    write_nar(&tree, &mut |bytes| {
        largest = largest.max(bytes.len());
        Ok(())
    })
    .unwrap();
    assert!(largest < 20 << 10, "{largest}");
    let mut hasher = NarHasher::new();
    walk(&tree, &mut hasher).unwrap();
    assert_eq!(hasher.finish().unwrap(), nar_hash(&tree).unwrap());
}
