//! Random trees through the packer: the NAR hash that it takes on its way is the one of `seed-nix`, the layer holds the
//! tree, and both encodings hold the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use proptest::prelude::*;
use seed_image::{LAYERING, Layer, LayerError, PACKER, PackedPath, Packer};
use seed_nix::{ClosureEntry, NarHash, Node, StorePath, nar_hash};
use seed_primitives::{Compression, Digest, Recipe};

type Tree = Node<Vec<u8>>;
/// Whether it may be executed, and its bytes; a target stands for a link.
type Found = BTreeMap<Vec<u8>, (u32, Vec<u8>)>;

/// No zero byte, which no name has, and no newline, at which the reader of this test takes a long name for two.
fn byte() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![1u8..b'\n', b'\n' + 1..=255]
}

/// Empty directories and files, executable files, links, names of any bytes, long ones too, and files around the sizes at
/// which blocks and pieces end.
fn trees() -> impl Strategy<Value = Tree> {
    let size = prop_oneof![0usize..600, 65_000usize..66_100, 130_000usize..132_000];
    let file = (any::<bool>(), size, any::<u8>()).prop_map(|(executable, size, fill)| {
        let contents: Vec<u8> = (0..size).map(|at| fill.wrapping_add(at as u8)).collect();
        Node::file(executable, contents)
    });
    let target = prop::collection::vec(byte(), 1..150).prop_map(Node::Symlink);
    let name = prop::collection::vec(byte(), 1..60);
    prop_oneof![3 => file, 1 => target].prop_recursive(4, 20, 5, move |inner| {
        prop::collection::btree_map(name.clone(), inner, 0..5).prop_map(|mut entries| {
            entries.retain(|name, _| Tree::is_entry_name(name));
            Node::Directory(entries)
        })
    })
}

fn path(name: &str) -> StorePath {
    format!("/nix/store/{}-{name}", "0".repeat(32))
        .parse()
        .unwrap()
}

/// The layer with the tree alone, with `nar` on record for it; the target is another path.
fn pack(
    tree: &Tree,
    nar: NarHash,
    compression: Compression,
) -> Result<(Layer, Vec<u8>), LayerError> {
    let target = Node::directory([]);
    let own = nar_hash(&target).unwrap();
    let closure =
        [("tree", nar, tree.clone()), ("target", own, target)].map(|(name, nar, node)| {
            let path = path(name);
            PackedPath {
                entry: ClosureEntry { path, nar },
                references: BTreeSet::new(),
                node,
            }
        });
    let recipe = Recipe {
        compression,
        layering: LAYERING.parse().unwrap(),
        packer: PACKER.parse().unwrap(),
        previous: None,
        reissue: 0,
    };
    let system = "x86_64-linux".parse().unwrap();
    let targets = BTreeSet::from([path("target")]);
    let packer = Packer::new(&closure, &targets, &recipe, &system, None).unwrap();
    let mut blob = Vec::new();
    let layer = packer.write_layer(0, &mut blob)?;
    Ok((layer, blob))
}

/// What lies below the store path, as the tree says.
fn expected(node: &Tree, name: &[u8], all: &mut Found) {
    match node {
        Node::Directory(entries) => {
            all.insert([name, b"/"].concat(), (0o555, Vec::new()));
            for (child, node) in entries {
                expected(node, &[name, b"/", child].concat(), all);
            }
        }
        Node::File {
            executable,
            contents,
            ..
        } => {
            let mode = if *executable { 0o555 } else { 0o444 };
            all.insert(name.to_vec(), (mode, contents.clone()));
        }
        Node::Symlink(target) => {
            all.insert(name.to_vec(), (0o777, target.clone()));
        }
    }
}

/// The same as another reader finds it in the archive.
fn found(tar: &[u8]) -> Found {
    let mut all = Found::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path_bytes().into_owned();
        let mode = entry.header().mode().unwrap();
        let mut bytes = entry.link_name_bytes().unwrap_or_default().into_owned();
        entry.read_to_end(&mut bytes).unwrap();
        all.insert(name, (mode, bytes));
    }
    all.retain(|name, _| name.starts_with(b"nix/store/0"));
    all
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(48)
    })]

    #[test]
    fn one_reading_gives_every_digest_and_the_whole_tree(tree in trees()) {
        let nar = nar_hash(&tree).unwrap();
        let (plain, tar) = pack(&tree, nar, Compression::Tar).unwrap();
        prop_assert_eq!(plain.diff_id, Digest::of(&tar));
        prop_assert_eq!(plain.descriptor.digest, plain.diff_id);
        let (packed, blob) = pack(&tree, nar, Compression::TarZstd).unwrap();
        prop_assert_eq!(packed.diff_id, plain.diff_id);
        prop_assert_eq!(packed.descriptor.digest, Digest::of(&blob));
        prop_assert!(zstd::decode_all(blob.as_slice()).unwrap() == tar);
        let mut all = Found::new();
        expected(&tree, format!("nix/store/{}", path("tree").to_basename()).as_bytes(), &mut all);
        prop_assert!(found(&tar) == all);
    }

    #[test]
    fn any_other_hash_or_size_on_record_is_refused(tree in trees(), size in any::<bool>()) {
        let mut nar = nar_hash(&tree).unwrap();
        if size {
            nar.size += 8;
        } else {
            nar.digest = Digest::of(nar.digest.as_bytes());
        }
        for compression in [Compression::Tar, Compression::TarZstd] {
            let refused = pack(&tree, nar, compression);
            let same = matches!(&refused, Err(LayerError::Contents { recorded, .. }) if *recorded == nar);
            prop_assert!(same, "{:?}", refused.map(|(layer, _)| layer));
        }
    }
}
