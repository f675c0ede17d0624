//! Packing from disk: a path that is not what the store's database says leaves no image behind.

use std::{collections::BTreeSet, fs, path::Path};

use seed_builder::{DiskFile, Error, StoredImage, pack, read_tree};
use seed_image::{LAYERING, PACKER, PackedPath};
use seed_nix::{ClosureEntry, StorePath, nar_hash};
use seed_primitives::{Compression, Digest, Recipe};
use tempfile::TempDir;

const PATHS: usize = 12;

fn store_path(at: usize) -> StorePath {
    format!("/nix/store/{at:032}-part").parse().unwrap()
}

fn folder(store: &Path, at: usize) -> std::path::PathBuf {
    store.join(store_path(at).to_basename())
}

/// Twelve store paths of a file each, the last the target; hashes as they are now.
fn closure(store: &Path) -> Vec<PackedPath<DiskFile>> {
    (0..PATHS)
        .map(|at| {
            let place = folder(store, at);
            fs::create_dir(&place).unwrap();
            fs::write(place.join("file"), vec![at as u8; 200_000 + at]).unwrap();
            let node = read_tree(&place).unwrap();
            PackedPath {
                entry: ClosureEntry {
                    path: store_path(at),
                    nar: nar_hash(&node).unwrap(),
                },
                references: (0..at).map(store_path).collect(),
                node,
            }
        })
        .collect()
}

fn pack_to(
    closure: &[PackedPath<DiskFile>],
    compression: Compression,
    to: &Path,
) -> Result<StoredImage, Error> {
    let recipe = Recipe {
        compression,
        layering: LAYERING.parse().unwrap(),
        packer: PACKER.parse().unwrap(),
        previous: None,
        reissue: 0,
    };
    let applications = BTreeSet::from([store_path(PATHS - 1)]);
    pack(
        closure,
        &applications,
        &recipe,
        &"x86_64-linux".parse().unwrap(),
        None,
        to,
    )
}

#[test]
fn every_layer_lies_under_its_digest() {
    let place = TempDir::new().unwrap();
    let closure = closure(place.path());
    for (name, compression) in [("tar", Compression::Tar), ("zstd", Compression::TarZstd)] {
        let image = place.path().join(name);
        let packed = pack_to(&closure, compression, &image).unwrap();
        let again = pack_to(&closure, compression, &place.path().join("again")).unwrap();
        assert_eq!(packed.digest(), again.digest());
        let blobs: Vec<_> = fs::read_dir(image.join("blobs")).unwrap().collect();
        assert!(blobs.len() > 2);
        for blob in blobs {
            let blob = blob.unwrap();
            let digest = Digest::of(&fs::read(blob.path()).unwrap());
            assert!(
                blob.file_name()
                    .to_string_lossy()
                    .contains(&digest.to_hex()),
                "{blob:?}"
            );
        }
    }
}

#[test]
fn refuses_a_path_that_is_not_what_is_on_record() {
    for compression in [Compression::Tar, Compression::TarZstd] {
        let place = TempDir::new().unwrap();
        let closure = closure(place.path());
        // As long as before: only the hash tells.
        let file = folder(place.path(), 3).join("file");
        let mut bytes = fs::read(&file).unwrap();
        bytes[123_456] ^= 1;
        fs::write(&file, bytes).unwrap();
        let image = place.path().join("image");
        let refused = pack_to(&closure, compression, &image).unwrap_err();
        let said = refused.to_string();
        assert!(matches!(refused, Error::Audit(_)), "{said}");
        assert!(said.contains(&store_path(3).to_string()), "{said}");
        assert!(said.contains("is on record"), "{said}");
        assert!(!image.exists());
    }
}

#[test]
fn refuses_files_that_grew_shrank_vanished_or_became_links() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("changed while it was read", |file| {
            fs::write(file, vec![4; 200_005]).unwrap();
        }),
        ("changed while it was read", |file| {
            fs::write(file, "short").unwrap();
        }),
        ("No such file", |file| fs::remove_file(file).unwrap()),
        ("symbolic link", |file| {
            fs::rename(file, file.with_extension("away")).unwrap();
            std::os::unix::fs::symlink("file.away", file).unwrap();
        }),
    ];
    for (expected, change) in changes {
        let place = TempDir::new().unwrap();
        let closure = closure(place.path());
        change(&folder(place.path(), 4).join("file"));
        let image = place.path().join("image");
        let said = pack_to(&closure, Compression::Tar, &image)
            .unwrap_err()
            .to_string();
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("part/file"), "{said}");
        assert!(!image.exists());
    }
}
