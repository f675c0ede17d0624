//! A small closure packed in memory. The golden digests are the packer's promise: a change of any of them is
//! a new packer name, never an edit of this file alone.

use std::collections::{BTreeMap, BTreeSet};

use seed_image::{
    ImageConfig, ImageManifest, LAYERING, PACKER, PackError, PackedImage, PackedPath, Packer,
};
use seed_nix::{ClosureEntry, ClosureError, Node, StorePath, nar_hash};
use seed_primitives::{Compression, Digest, Recipe, System};

type Closure = Vec<PackedPath<Vec<u8>>>;

fn path(letter: char, name: &str) -> StorePath {
    format!("/nix/store/{}-{name}", letter.to_string().repeat(32))
        .parse()
        .unwrap()
}

fn packed(path: StorePath, node: Node<Vec<u8>>, references: &[StorePath]) -> PackedPath<Vec<u8>> {
    let entry = ClosureEntry {
        path,
        nar: nar_hash(&node).unwrap(),
    };
    PackedPath {
        entry,
        references: references.iter().cloned().collect(),
        node,
    }
}

fn closure() -> Closure {
    let (libc, zlib, app) = (path('c', "libc-1"), path('b', "zlib-2"), path('a', "app"));
    let long = "deep/".repeat(30);
    vec![
        packed(
            libc.clone(),
            Node::directory([("lib", Node::file(false, "libc".repeat(50_000)))]),
            &[],
        ),
        packed(
            zlib.clone(),
            Node::directory([
                ("link", Node::Symlink(format!("{libc}/{long}").into_bytes())),
                (
                    "a-name-that-does-not-fit-into-the-hundred-bytes-of-a-header-because-it-goes-on",
                    Node::file(false, ""),
                ),
            ]),
            &[libc.clone(), zlib.clone()],
        ),
        packed(
            app,
            Node::directory([(
                "bin",
                Node::directory([("tool", Node::file(true, "\u{7f}ELF"))]),
            )]),
            &[libc, zlib],
        ),
    ]
}

fn recipe(compression: Compression) -> Recipe {
    Recipe {
        compression,
        layering: LAYERING.parse().unwrap(),
        packer: PACKER.parse().unwrap(),
        previous: None,
        reissue: 0,
    }
}

fn system() -> System {
    "x86_64-linux".parse().unwrap()
}

fn applications() -> BTreeSet<StorePath> {
    BTreeSet::from([path('a', "app")])
}

fn pack(closure: &Closure, recipe: &Recipe) -> (PackedImage, Vec<Vec<u8>>) {
    let packer = Packer::new(closure, &applications(), recipe, &system(), None).unwrap();
    let mut blobs = Vec::new();
    let layers = (0..packer.layers())
        .map(|index| {
            let mut blob = Vec::new();
            let layer = packer.write_layer(index, &mut blob).unwrap();
            blobs.push(blob);
            layer
        })
        .collect();
    (packer.finish(layers), blobs)
}

#[test]
fn digests_are_golden() {
    let (image, _) = pack(&closure(), &recipe(Compression::TarZstd));
    let (plain, _) = pack(&closure(), &recipe(Compression::Tar));
    let config = ImageConfig::parse(&image.config).unwrap();
    let mut lines = vec![format!("closure {}", image.closure)];
    lines.extend(
        config
            .diff_ids
            .iter()
            .map(|diff_id| format!("diff-id {diff_id}")),
    );
    lines.push(format!("tar+zstd {}", image.digest));
    lines.push(format!("tar {}", plain.digest));
    assert_eq!(lines.join("\n"), include_str!("golden.txt").trim_end());
}

#[test]
fn the_order_of_paths_does_not_matter() {
    let mut reversed = closure();
    reversed.reverse();
    let recipe = recipe(Compression::TarZstd);
    assert_eq!(pack(&closure(), &recipe).0, pack(&reversed, &recipe).0);
}

#[test]
fn the_manifest_ties_everything_together() {
    let (image, blobs) = pack(&closure(), &recipe(Compression::TarZstd));
    let manifest = ImageManifest::parse(&image.manifest).unwrap();
    assert_eq!(manifest.digest(), image.digest);
    assert_eq!(manifest.closure, Some(image.closure));
    assert_eq!(manifest.config.digest, Digest::of(&image.config));
    let config = ImageConfig::parse(&image.config).unwrap();
    assert_eq!(config.system(), Some(system()));
    assert_eq!(config.run.env, [format!("PATH={}/bin", path('a', "app"))]);
    for ((descriptor, diff_id), blob) in manifest.layers.iter().zip(&config.diff_ids).zip(&blobs) {
        assert_eq!(descriptor.digest, Digest::of(blob));
        assert_eq!(
            *diff_id,
            Digest::of(&zstd::decode_all(blob.as_slice()).unwrap())
        );
    }
}

#[test]
fn layers_hold_each_path_once_the_application_apart_and_the_database_last() {
    let (_, blobs) = pack(&closure(), &recipe(Compression::Tar));
    let mut seen = BTreeMap::new();
    let mut registration = String::new();
    for (index, blob) in blobs.iter().enumerate() {
        for entry in tar::Archive::new(blob.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            if name == "nix/.reginfo" {
                std::io::Read::read_to_string(&mut entry, &mut registration).unwrap();
            }
            if name != "nix/" && name != "nix/store/" {
                assert_eq!(seen.insert(name.clone(), index), None, "{name}");
            }
        }
    }
    let layer = |name: String| seen[&name];
    let tool = layer(format!(
        "nix/store/{}/bin/tool",
        path('a', "app").to_basename()
    ));
    assert_eq!(tool, blobs.len() - 2);
    assert!(
        layer(format!(
            "nix/store/{}/lib",
            path('c', "libc-1").to_basename()
        )) < tool
    );
    assert_eq!(layer("nix/.reginfo".to_owned()), blobs.len() - 1);
    let last = blobs.last().unwrap().as_slice();
    let read = seed_image::registration_of_layer(seed_image::media::LAYER_TAR, last).unwrap();
    assert_eq!(read.len(), 3);
    for path in closure() {
        let registered = &read[&path.entry.path];
        assert_eq!(registered.nar, path.entry.nar);
        assert_eq!(registered.references, path.references);
    }
    let first = registration.lines().next().unwrap();
    assert_eq!(first, path('a', "app").to_string());
    assert_eq!(registration.lines().count(), 3 * 5 + 4);
}

#[test]
fn an_application_change_leaves_the_other_layers_alone() {
    let (before, _) = pack(&closure(), &recipe(Compression::TarZstd));
    let mut changed = closure();
    changed[2] = packed(
        path('a', "app"),
        Node::directory([("bin", Node::directory([("tool", Node::file(true, "new"))]))]),
        &[path('c', "libc-1"), path('b', "zlib-2")],
    );
    let (after, _) = pack(&changed, &recipe(Compression::TarZstd));
    let kept = before
        .layers
        .iter()
        .filter(|layer| after.layers.contains(layer))
        .count();
    assert_eq!((before.layers.len(), kept), (4, 2));
    assert_ne!(before.digest, after.digest);
}

#[test]
fn refuses_what_it_cannot_pack() {
    let good = closure();
    let zstd = recipe(Compression::TarZstd);
    let new =
        |closure: &Closure, applications: &BTreeSet<StorePath>, recipe: &Recipe, system: &str| {
            Packer::new(
                closure,
                applications,
                recipe,
                &system.parse().unwrap(),
                None,
            )
            .map(|_| ())
        };
    assert_eq!(
        new(&vec![], &applications(), &zstd, "x86_64-linux"),
        Err(PackError::Closure(ClosureError::Empty))
    );
    let open = vec![good[2].clone()];
    assert!(matches!(
        new(&open, &applications(), &zstd, "x86_64-linux"),
        Err(PackError::NotClosed { .. })
    ));
    let twice = [good.clone(), vec![good[0].clone()]].concat();
    assert!(matches!(
        new(&twice, &applications(), &zstd, "x86_64-linux"),
        Err(PackError::Closure(_))
    ));
    assert!(matches!(
        new(&good, &BTreeSet::new(), &zstd, "x86_64-linux"),
        Err(PackError::NoApplication(_))
    ));
    let other = BTreeSet::from([path('d', "other")]);
    assert!(matches!(
        new(&good, &other, &zstd, "x86_64-linux"),
        Err(PackError::NoApplication(_))
    ));
    assert!(matches!(
        new(&good, &applications(), &zstd, "riscv64-linux"),
        Err(PackError::Platform(_))
    ));
    for layering in [
        "repull:2",
        "repull:101",
        "repull:",
        "repull:040",
        "single:1",
    ] {
        let recipe = Recipe {
            layering: layering.parse().unwrap(),
            ..zstd.clone()
        };
        assert!(
            matches!(
                new(&good, &applications(), &recipe, "x86_64-linux"),
                Err(PackError::Recipe { .. })
            ),
            "{layering}"
        );
    }
    let recipe = Recipe {
        previous: Some(Digest::of(b"x")),
        ..zstd.clone()
    };
    assert!(matches!(
        new(&good, &applications(), &recipe, "x86_64-linux"),
        Err(PackError::Recipe { .. })
    ));
    let recipe = Recipe {
        packer: "nix-seed/1".parse().unwrap(),
        ..zstd
    };
    assert!(matches!(
        new(&good, &applications(), &recipe, "x86_64-linux"),
        Err(PackError::Recipe { .. })
    ));
}

/// The closure with a target that describes a runner.
fn runner_closure(facts: &str) -> Closure {
    let mut closure = closure();
    closure[0] = packed(
        path('c', "libc-1"),
        Node::directory([(
            "lib",
            Node::directory([
                ("ld-linux-x86-64.so.2", Node::file(true, "loader")),
                ("libc.so.6", Node::file(true, "libc")),
                ("notes.txt", Node::file(false, "")),
            ]),
        )]),
        &[],
    );
    let support = Node::directory([("nix-seed.json", Node::file(false, facts))]);
    closure[2] = packed(
        path('a', "app"),
        Node::directory([
            ("bin", Node::directory([("tool", Node::file(true, "x"))])),
            ("nix-support", support),
        ]),
        &[path('c', "libc-1"), path('b', "zlib-2")],
    );
    closure
}

fn runner_facts() -> String {
    let (libc, zlib) = (path('c', "libc-1"), path('b', "zlib-2"));
    format!(
        r#"{{"runner":{{"certificates":"{zlib}/ca.crt","libraries":["{libc}/lib"],"node":{{"node20":"{zlib}"}},"nixConfig":"sandbox = true","path":["{zlib}/bin"]}}}}"#
    )
}

#[test]
fn a_runner_is_links_on_top_and_a_name_of_its_own() {
    let closure = runner_closure(&runner_facts());
    let plain = recipe(Compression::Tar);
    let glued = Recipe {
        packer: seed_image::PACKER_RUNNER.parse().unwrap(),
        ..plain.clone()
    };
    assert_ne!(plain.digest(), glued.digest());
    let (without, _) = pack(&closure, &plain);
    let (with, blobs) = pack(&closure, &glued);
    assert_eq!(with.layers.split_last().unwrap().1, without.layers);
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(blobs.last().unwrap().as_slice())
        .entries()
        .unwrap()
    {
        let entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        assert_eq!(found.insert(name, String::from_utf8(target).unwrap()), None);
    }
    let (libc, zlib) = (path('c', "libc-1"), path('b', "zlib-2"));
    let links: Vec<(String, String)> = found.into_iter().filter(|(_, to)| !to.is_empty()).collect();
    let expected = [
        ("__e/node20", zlib.to_string()),
        (
            "etc/ssl/certs/ca-certificates.crt",
            format!("{zlib}/ca.crt"),
        ),
        (
            "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            format!("{libc}/lib/ld-linux-x86-64.so.2"),
        ),
        (
            "lib/x86_64-linux-gnu/libc.so.6",
            format!("{libc}/lib/libc.so.6"),
        ),
        (
            "lib64/ld-linux-x86-64.so.2",
            format!("{libc}/lib/ld-linux-x86-64.so.2"),
        ),
    ];
    assert_eq!(links, expected.map(|(name, to)| (name.to_owned(), to)));
    let run = ImageConfig::parse(&with.config).unwrap().run;
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    let expected = [
        "NIX_CONFIG=sandbox = true".to_owned(),
        format!("NIX_SSL_CERT_FILE={certificates}"),
        format!("PATH={zlib}/bin:{}/bin", path('a', "app")),
        format!("SSL_CERT_FILE={certificates}"),
    ];
    assert_eq!(run.env, expected);
}

#[test]
fn a_runner_needs_a_description_of_what_is_in_the_closure() {
    let glued = Recipe {
        packer: seed_image::PACKER_RUNNER.parse().unwrap(),
        ..recipe(Compression::Tar)
    };
    let new = |facts: &str| {
        let closure = runner_closure(facts);
        Packer::new(&closure, &applications(), &glued, &system(), None).map(|_| ())
    };
    assert!(matches!(new("{}"), Err(PackError::Recipe { .. })));
    for runner in [
        r#"{"certificates":"/etc/passwd"}"#.to_owned(),
        format!(r#"{{"certificates":"{}/../x"}}"#, path('b', "zlib-2")),
        format!(r#"{{"libraries":["{}/lib"]}}"#, path('d', "else")),
        format!(r#"{{"node":{{"../x":"{}"}}}}"#, path('b', "zlib-2")),
        r#"{"nixConfig":"\u0000"}"#.to_owned(),
        r#"{"shell":"/bin/sh"}"#.to_owned(),
    ] {
        let facts = format!(r#"{{"runner":{runner}}}"#);
        assert!(
            matches!(new(&facts), Err(PackError::Facts { .. })),
            "{runner}"
        );
    }
}
