//! Layouts in tar archives, honest ones and every kind of archive that readers could disagree about.

mod common;

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    process::Command,
};

use common::{layout, push_image};
use proptest::prelude::*;
use seed_oci::{ArchiveFault, ArchiveIndex, Error, Fault, Options, Place, Pointer, Repository};
use seed_primitives::Digest;
use tar::{Builder, EntryType, Header};

/// A member of an archive under construction: kind, name as it is written, contents.
type Item = (EntryType, String, Vec<u8>);

fn file(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Item {
    (EntryType::Regular, name.into(), bytes.into())
}

/// An archive of exactly these members, whatever they are called.
fn archive(items: &[Item]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, bytes) in items {
        builder
            .append(&header(*kind, name, bytes.len() as u64), &bytes[..])
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    // Past the checks of the library: names are what is tried here.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.as_mut_bytes()[157..157 + 9].copy_from_slice(b"oci-layou");
    }
    header.set_cksum();
    header
}

fn fault(bytes: &[u8]) -> ArchiveFault {
    ArchiveIndex::read(&mut Cursor::new(bytes))
        .unwrap()
        .unwrap_err()
}

fn open(file: &Path) -> Result<Repository, Error> {
    Repository::open(&Place::Archive(file.to_owned()), &Options::default())
}

/// A layout with one tagged image, and its members.
struct Stage {
    folder: tempfile::TempDir,
    image: Digest,
    layer: Vec<u8>,
    items: Vec<Item>,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (image, layer) = push_image(&layout(&folder.path().join("a")), "a", &["v1"]).await;
        let mut items = vec![];
        collect(&folder.path().join("a"), "", &mut items);
        items.sort_by(|one, other| one.1.cmp(&other.1));
        Self {
            folder,
            image,
            layer,
            items,
        }
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("a.tar");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn refused(&self, bytes: &[u8]) -> Error {
        open(&self.write(bytes)).unwrap_err()
    }

    /// The members, with one more.
    fn and(&self, item: Item) -> Vec<u8> {
        let mut items = self.items.clone();
        items.push(item);
        archive(&items)
    }
}

fn collect(folder: &Path, prefix: &str, items: &mut Vec<Item>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            items.push((EntryType::Directory, format!("{name}/"), vec![]));
            collect(&entry.path(), &format!("{name}/"), items);
        } else {
            items.push(file(name, fs::read(entry.path()).unwrap()));
        }
    }
}

#[tokio::test]
async fn reads_what_a_layout_holds_without_unpacking_it() {
    let stage = Stage::new().await;
    let made_here = stage.write(&archive(&stage.items));
    // The way everybody makes one, with `./` before every name and padding behind the end.
    let made_by_tar = stage.folder.path().join("b.tar");
    let tar = Command::new("tar")
        .arg("-C")
        .arg(stage.folder.path().join("a"))
        .arg("-cf")
        .arg(&made_by_tar)
        .arg(".")
        .status();
    assert!(tar.unwrap().success());
    for path in [made_here, made_by_tar] {
        let images = open(&path).unwrap();
        assert_eq!(images.place(), format!("oci-archive:{}", path.display()));
        for pointer in [
            Pointer::Only,
            Pointer::Tag("v1".parse().unwrap()),
            Pointer::Digest(stage.image),
        ] {
            assert_eq!(
                images.resolve(&pointer).await.unwrap().digest(),
                stage.image
            );
        }
        let blob = Digest::of(&stage.layer);
        assert_eq!(images.blob(&blob, 1 << 20).await.unwrap(), stage.layer);
        let mut written = Vec::new();
        let size = stage.layer.len() as u64;
        images
            .blob_to_writer(&blob, size, &mut written)
            .await
            .unwrap();
        assert_eq!(written, stage.layer);
        assert!(images.has_blob(&blob).await.unwrap());
        assert_eq!(images.tags("", 9).await.unwrap().tags.len(), 1);
        let none = images.referrers(&stage.image, None, 9).await.unwrap();
        assert!(none.descriptors.is_empty());

        let error = images.blob(&blob, 10).await.unwrap_err();
        assert_eq!(error.code(), "registry-too-large");
        let error = images
            .blob_to_writer(&blob, size + 1, &mut written)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "registry-wrong-size");
        let error = images.blob(&Digest::of(b"x"), 10).await.unwrap_err();
        assert_eq!(error.code(), "registry-not-found");
    }
}

#[tokio::test]
async fn an_archive_is_never_written() {
    let stage = Stage::new().await;
    let path = stage.write(&archive(&stage.items));
    let before = fs::read(&path).unwrap();
    let images = open(&path).unwrap();
    let errors = [
        Repository::create(&Place::Archive(path.clone()), &Options::default()).unwrap_err(),
        images.push_blob("x").await.unwrap_err(),
        images
            .push_manifest(
                images.manifest(&stage.image).await.unwrap().bytes().clone(),
                &[],
            )
            .await
            .unwrap_err(),
        images
            .push_file(&path, &Digest::of(&before), before.len() as u64)
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), "registry-usage", "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_blob_is_what_its_digest_says_and_not_its_name() {
    let stage = Stage::new().await;
    let blob = Digest::of(&stage.layer);
    for digest in [blob, stage.image] {
        let mut items = stage.items.clone();
        let found = items
            .iter_mut()
            .find(|item| item.1.ends_with(&digest.to_hex()))
            .unwrap();
        found.2[3] ^= 1;
        let images = open(&stage.write(&archive(&items))).unwrap();
        let error = match digest == blob {
            true => images.blob(&blob, 1 << 20).await.unwrap_err(),
            false => images.manifest(&digest).await.unwrap_err(),
        };
        assert_eq!(error.code(), "registry-wrong-digest", "{error}");
        if digest == blob {
            let size = stage.layer.len() as u64;
            let error = images
                .blob_to_writer(&blob, size, &mut Vec::new())
                .await
                .unwrap_err();
            assert_eq!(error.code(), "registry-wrong-digest", "{error}");
        }
    }
}

#[tokio::test]
async fn what_is_open_is_not_looked_up_by_name_again() {
    let stage = Stage::new().await;
    let path = stage.write(&archive(&stage.items));
    let images = open(&path).unwrap();
    let other = stage.folder.path().join("other");
    fs::write(&other, "something else").unwrap();
    fs::rename(other, &path).unwrap();
    assert_eq!(
        images.manifest(&stage.image).await.unwrap().digest(),
        stage.image
    );
}

#[tokio::test]
async fn each_kind_of_hostile_archive_is_refused_by_its_own_code() {
    let stage = Stage::new().await;
    let good = archive(&stage.items);
    let blob = format!("blobs/sha256/{}", Digest::of(b"other").to_hex());
    let index = || file("index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
    let of = |kind, name: &str| (kind, name.to_owned(), vec![]);
    let pax = |record: &str| {
        (
            EntryType::XHeader,
            "pax".to_owned(),
            record.as_bytes().to_vec(),
        )
    };
    let with = |first: Item, second: Item| {
        let mut items = stage.items.clone();
        items.extend([first, second]);
        archive(&items)
    };
    let claims = |size: u64| {
        let mut bytes = good[..good.len() - 1024].to_vec();
        bytes.extend(header(EntryType::Regular, &blob, size).as_bytes());
        bytes.extend([0; 1024]);
        bytes
    };
    let mut checksum = good.clone();
    checksum[0] ^= 1;
    let mut gzip = good.clone();
    gzip[..2].copy_from_slice(b"\x1f\x8b");
    let many = vec![file("a", ""); 3];
    let bare = stage
        .items
        .iter()
        .filter(|item| item.0 != EntryType::Directory);
    let bare: Vec<_> = bare.cloned().collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("archive-duplicate", stage.and(index())),
        ("archive-duplicate", stage.and(file("./index.json", "x"))),
        ("archive-duplicate", stage.and(file("blobs", "x"))),
        (
            "archive-duplicate",
            stage.and(of(EntryType::Directory, "oci-layout/")),
        ),
        ("archive-duplicate", archive(&many)),
        // A file that is the folder of others, where no folder is a member: before them and behind.
        (
            "archive-duplicate",
            archive(&[&[file("blobs", "x")], &bare[..]].concat()),
        ),
        (
            "archive-duplicate",
            archive(&[&bare[..], &[file("blobs/sha256", "x")]].concat()),
        ),
        ("archive-link", stage.and(of(EntryType::Symlink, &blob))),
        ("archive-link", stage.and(of(EntryType::Link, &blob))),
        ("archive-sparse", stage.and(of(EntryType::GNUSparse, &blob))),
        (
            "archive-sparse",
            with(pax("22 GNU.sparse.major=1\n"), file(&blob, "x")),
        ),
        ("archive-special", stage.and(of(EntryType::Fifo, &blob))),
        ("archive-special", stage.and(of(EntryType::Char, &blob))),
        ("archive-special", stage.and(of(EntryType::Block, &blob))),
        (
            "archive-special",
            stage.and(of(EntryType::new(b'Z'), &blob)),
        ),
        (
            "archive-override",
            with(
                (
                    EntryType::GNULongName,
                    "././@LongLink".into(),
                    b"x\0".to_vec(),
                ),
                file("x", "y"),
            ),
        ),
        (
            "archive-override",
            with(pax("20 path=index.json2\n"), file("x", "y")),
        ),
        ("archive-override", with(pax("9 size=9\n"), file("x", "y"))),
        (
            "archive-override",
            stage.and(of(EntryType::XGlobalHeader, "pax_global_header")),
        ),
        (
            "archive-malformed",
            with(pax("99 mtime=1\n"), file("x", "y")),
        ),
        ("archive-malformed", with(pax("mtime=1\n"), file("x", "y"))),
        (
            "archive-malformed",
            with(pax("11 mtime=1\n"), pax("11 mtime=1\n")),
        ),
        ("archive-malformed", stage.and(pax("11 mtime=1\n"))),
        ("archive-malformed", checksum),
        (
            "archive-malformed",
            stage.and((EntryType::Directory, "d/".into(), b"x".to_vec())),
        ),
        ("archive-name", stage.and(file("../index.json", "x"))),
        ("archive-name", stage.and(file("blobs/../index.json", "x"))),
        ("archive-name", stage.and(file("/index.json", "x"))),
        ("archive-name", stage.and(file("blobs//x", "x"))),
        ("archive-name", stage.and(file("blobs/./x", "x"))),
        ("archive-name", stage.and(file("blobs\\x", "x"))),
        ("archive-name", stage.and(file("x\n", "x"))),
        ("archive-name", stage.and(file("", "x"))),
        ("archive-name", stage.and(file("x/", "x"))),
        ("archive-too-large", claims(1 << 40)),
        ("archive-too-large", claims(u64::MAX)),
        (
            "archive-too-large",
            stage.and((EntryType::XHeader, "p".into(), vec![b'x'; 70_000])),
        ),
        ("archive-truncated", claims(1 << 30)),
        ("archive-truncated", good[..good.len() - 512].to_vec()),
        ("archive-truncated", good[..good.len() / 2].to_vec()),
        ("archive-truncated", vec![]),
        ("archive-trailing", [&good[..], &good[..]].concat()),
        (
            "archive-trailing",
            [&good[..], &[0; 512][..], b"x"].concat(),
        ),
        (
            "archive-trailing",
            [&good[..], &vec![0; 2 << 20][..]].concat(),
        ),
        ("archive-compressed", gzip),
        ("archive-no-layout", archive(&[file("x", "y")])),
        ("archive-no-layout", vec![0; 1024]),
        (
            "docker-archive",
            archive(&[file("manifest.json", "[]"), file("a.json", "{}")]),
        ),
    ];
    for (at, (code, bytes)) in cases.iter().enumerate() {
        let error = stage.refused(bytes);
        assert_eq!(error.code(), *code, "case {at}: {error}");
        assert_ne!(
            error.fault(),
            Fault::WrongBytes,
            "nothing is said about an image"
        );
    }
    assert!(open(&stage.write(&good)).is_ok());
}

#[tokio::test]
async fn every_prefix_is_refused() {
    let stage = Stage::new().await;
    let good = archive(&stage.items);
    for end in 0..good.len() {
        assert!(
            matches!(fault(&good[..end]), ArchiveFault::Truncated { .. }),
            "{end} of {}",
            good.len()
        );
    }
}

#[test]
fn too_many_members_are_refused() {
    let mut bytes = Vec::new();
    for number in 0..=65_536 {
        bytes.extend(header(EntryType::Regular, &format!("f{number}"), 0).as_bytes());
    }
    assert_eq!(fault(&bytes), ArchiveFault::TooManyMembers(65_536));
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&folder.path().join("none")).unwrap_err();
    assert_eq!(error.code(), "registry-not-found");
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.code(), "registry-usage", "{error}");
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(open(&pipe).unwrap_err().code(), "registry-usage");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_archives_never_panic_and_names_stay_inside(
        changes in prop::collection::vec((0_usize..6144, any::<u8>()), 1..6),
        fix in any::<bool>(),
    ) {
        let mut bytes = archive(&[
            file("oci-layout", "{}"),
            (EntryType::XHeader, "pax".into(), b"11 mtime=1\n".to_vec()),
            file("blobs/sha256/00", vec![7; 600]),
            file("index.json", "{}"),
        ]);
        for (place, byte) in changes {
            let length = bytes.len();
            bytes[place % length] = byte;
        }
        if fix {
            // Headers whose checksums are right again, so that more than the checksum is tried.
            for block in [0, 1024, 2048, 4096] {
                let mut header = Header::from_byte_slice(&bytes[block..block + 512]).clone();
                header.set_cksum();
                bytes[block..block + 512].copy_from_slice(header.as_bytes());
            }
        }
        if let Ok(index) = ArchiveIndex::read(&mut Cursor::new(&bytes)).unwrap() {
            for name in index.names() {
                prop_assert!(!name.starts_with('/') && !name.split('/').any(|part| matches!(part, "" | "." | "..")));
            }
        }
    }
}

/// What skopeo and podman write as a docker archive: each layer once more as a link, which has to be told from a layout
/// that holds one.
#[test]
fn a_docker_archive_is_called_one_although_it_is_full_of_links() {
    let folder = tempfile::tempdir().unwrap();
    let (layer, config) = ("1".repeat(64), "2".repeat(64));
    let mut items = vec![
        file(format!("{layer}.tar"), "layer"),
        file(format!("{config}.json"), "{}"),
        (
            EntryType::Symlink,
            format!("{}/layer.tar", "3".repeat(64)),
            vec![],
        ),
        file(format!("{}/VERSION", "3".repeat(64)), "1.0"),
        file("manifest.json", "[]"),
        file("repositories", "{}"),
    ];
    let refused = |items: &[Item]| {
        let path = folder.path().join("a.tar");
        fs::write(&path, archive(items)).unwrap();
        open(&path).unwrap_err().code()
    };
    assert_eq!(refused(&items), "docker-archive");
    items.extend([file("oci-layout", "{}"), file("index.json", "{}")]);
    assert_eq!(refused(&items), "archive-link");
    // Neither, and a link that is not where the docker archive has its manifest.
    assert_eq!(refused(&items[..4]), "archive-link");
    items[4].0 = EntryType::Symlink;
    assert_eq!(refused(&items[..6]), "archive-link");
}
