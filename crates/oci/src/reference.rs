use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use seed_primitives::{Digest, ParseError};

use crate::{Host, RepositoryName, Tag};

const EXPECTED: &str = "host[:port]/repository@sha256:…, host[:port]/repository:tag, oci:DIR, oci:DIR:tag, oci:DIR@sha256:…, or \
    the same with oci-archive:FILE";
const EXPECTED_PLACE: &str = "host[:port]/repository, oci:DIR or oci-archive:FILE";
/// What is said about `docker-archive:…`, the old form of `docker save`.
const EXPECTED_ATTESTED: &str = "oci-archive:FILE, for archives that hold an `index.json` (`docker save` since 25, `podman save \
    --format oci-archive`). Older docker archives hold unpacked layers and no manifest, and manifests are what was attested; \
    converting one writes another manifest and config. Verify the image where it was pulled from, by digest";

/// Where images are: a repository of a registry, or an OCI image layout on disk.
///
/// As text `host[:port]/repository`, `oci:DIR` or `oci-archive:FILE`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// A repository of a registry.
    Registry {
        /// The registry.
        host: Host,
        /// The repository in it.
        repository: RepositoryName,
    },
    /// The folder of an OCI image layout.
    Layout(PathBuf),
    /// The tar archive of an OCI image layout, which is only read.
    Archive(PathBuf),
}

impl FromStr for Place {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refused = || ParseError::new("a place of images", EXPECTED_PLACE, text);
        if let Some((kind, path)) = on_disk(text)? {
            return folder(path).map(kind).ok_or_else(refused);
        }
        let (host, repository) = text.split_once('/').ok_or_else(refused)?;
        Ok(Self::Registry {
            host: host.parse()?,
            repository: repository.parse()?,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry { host, repository } => write!(f, "{host}/{repository}"),
            Self::Layout(path) => write!(f, "oci:{}", escaped(path)),
            Self::Archive(path) => write!(f, "oci-archive:{}", escaped(path)),
        }
    }
}

/// Which of the images at a [`Place`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Pointer {
    /// The one with this digest.
    Digest(Digest),
    /// The one with this tag, to be resolved once and used by digest from then on.
    Tag(Tag),
    /// The only image of a layout.
    Only,
}

/// An image: where it is and which one.
///
/// Text forms: `host[:port]/repository@sha256:…`, `host[:port]/repository:tag`, `oci:DIR`, `oci:DIR:tag`,
/// `oci:DIR@sha256:…`, and the last three with `oci-archive:FILE`. Nothing is implied: no default registry, no
/// `latest`, and not both a tag and a digest. A folder may have spaces in its name; one whose last part has a colon
/// in it is written with a final `/`. An archive with a colon in its name is named by digest, or renamed.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reference {
    /// Where.
    pub place: Place,
    /// Which one.
    pub pointer: Pointer,
}

impl Reference {
    /// The same place, pointing at `digest`.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            place: self.place.clone(),
            pointer: Pointer::Digest(digest),
        }
    }
}

/// A place on disk by its path, and the rest of the text; `None` where a registry is meant.
type OnDisk<'a> = Option<(fn(PathBuf) -> Place, &'a str)>;

fn on_disk(text: &str) -> Result<OnDisk<'_>, ParseError> {
    if text.starts_with("docker-archive:") {
        let what = "an image that can have been attested";
        return Err(ParseError::new(what, EXPECTED_ATTESTED, text));
    }
    if let Some(rest) = text.strip_prefix("oci-archive:") {
        return Ok(Some((Place::Archive, rest)));
    }
    Ok(text
        .strip_prefix("oci:")
        .map(|rest| (Place::Layout as _, rest)))
}

fn folder(path: &str) -> Option<PathBuf> {
    (!path.is_empty() && !path.contains('\0')).then(|| PathBuf::from(path))
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_debug().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// Splits `x@sha256:…`, `x:tag` (the colon after the last slash) or plain `x`.
fn split(text: &str) -> Result<(&str, Pointer), ParseError> {
    if let Some((rest, digest)) = text.rsplit_once('@')
        && !digest.contains('/')
    {
        return Ok((rest, Pointer::Digest(digest.parse()?)));
    }
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    match text[last..].split_once(':') {
        Some((name, tag)) => Ok((&text[..last + name.len()], Pointer::Tag(tag.parse()?))),
        None => Ok((text, Pointer::Only)),
    }
}

impl FromStr for Reference {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refused = || ParseError::new("an image", EXPECTED, text);
        if let Some((kind, rest)) = on_disk(text)? {
            let (path, pointer) = split(rest)?;
            let place = folder(path).map(kind).ok_or_else(refused)?;
            return Ok(Self { place, pointer });
        }
        // The host may have a port, so only what follows the first slash can end in a tag.
        let (host, rest) = text.split_once('/').ok_or_else(refused)?;
        let (repository, pointer) = split(rest)?;
        if pointer == Pointer::Only {
            return Err(refused());
        }
        Ok(Self {
            place: Place::Registry {
                host: host.parse()?,
                repository: repository.parse()?,
            },
            pointer,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pointer {
            Pointer::Digest(digest) => write!(f, "{}@{digest}", self.place),
            Pointer::Tag(tag) => write!(f, "{}:{tag}", self.place),
            Pointer::Only => self.place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn reads_every_documented_form() {
        let layout = |path: &str| Place::Layout(PathBuf::from(path));
        let tag = |text: &str| Pointer::Tag(text.parse().unwrap());
        let cases = [
            ("oci:out".to_owned(), layout("out"), Pointer::Only),
            (
                "oci:./my images/out".to_owned(),
                layout("./my images/out"),
                Pointer::Only,
            ),
            ("oci:/a b/c d:v1".to_owned(), layout("/a b/c d"), tag("v1")),
            ("oci:/a:b/c".to_owned(), layout("/a:b/c"), Pointer::Only),
            ("oci:/a/b:c/".to_owned(), layout("/a/b:c/"), Pointer::Only),
            ("oci:/a@b/c".to_owned(), layout("/a@b/c"), Pointer::Only),
            (
                format!("oci:/a b@{DIGEST}"),
                layout("/a b"),
                Pointer::Digest(DIGEST.parse().unwrap()),
            ),
        ];
        for (text, place, pointer) in cases {
            assert_eq!(
                text.parse::<Reference>().unwrap(),
                Reference { place, pointer },
                "{text}"
            );
        }
        let archive = |path: &str| Place::Archive(PathBuf::from(path));
        let cases = [
            ("oci-archive:a b.tar", archive("a b.tar"), Pointer::Only),
            ("oci-archive:/a/b.tar:v1", archive("/a/b.tar"), tag("v1")),
        ];
        for (text, place, pointer) in cases {
            assert_eq!(
                text.parse::<Reference>().unwrap(),
                Reference { place, pointer }
            );
        }
        for text in [
            format!("oci-archive:/a/b.tar@{DIGEST}"),
            format!("registry.example/a/b@{DIGEST}"),
            format!("localhost/a@{DIGEST}"),
            "[::1]:5000/a:latest".to_owned(),
            "127.0.0.1:5000/a/b:v1.2".to_owned(),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_malformed_references_before_any_use() {
        let hex = &DIGEST[7..];
        for text in [
            String::new(),
            "oci:".to_owned(),
            "oci::tag".to_owned(),
            "oci:a\0b".to_owned(),
            "oci:dir:bad tag".to_owned(),
            "oci-archive:".to_owned(),
            "oci-archive::tag".to_owned(),
            "docker-archive:a.tar".to_owned(),
            "docker-archive:a.tar:app:v1".to_owned(),
            "oci:dir@sha256:00".to_owned(),
            format!("oci:dir@sha512:{hex}{hex}"),
            "alpine".to_owned(),
            "alpine:3".to_owned(),
            "alpine/x:3".to_owned(),
            "registry.example/a".to_owned(),
            "registry.example/a:".to_owned(),
            "registry.example/:a".to_owned(),
            "https://registry.example/a:b".to_owned(),
            "registry.example/A:b".to_owned(),
            "registry.example/../a:b".to_owned(),
            "registry.example/a%2f:b".to_owned(),
            "user:pass@registry.example/a:b".to_owned(),
            format!("registry.example/a@{hex}"),
            format!("registry.example/a@sha256:{}", hex.to_uppercase()),
            format!("registry.example/a@sha256:{}", &hex[1..]),
            format!("registry.example/a@sha256:{hex}0"),
            format!("registry.example/a@sha256:{}", "0".repeat(64)),
            format!("registry.example/a@sha256:../{}", &hex[3..]),
            format!("registry.example/a@sha256+b64:{hex}"),
            format!("registry.example/a:tag@{DIGEST}"),
            format!("registry.example/a@{DIGEST}@{DIGEST}"),
            format!("registry.example/a@{DIGEST}\n"),
            format!("registry.example/a@ {DIGEST}"),
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_why_a_docker_archive_cannot_be_verified() {
        let error = "docker-archive:a.tar".parse::<Reference>().unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("oci-archive:FILE") && text.contains("by digest"),
            "{text}"
        );
    }

    #[test]
    fn escapes_hostile_text_in_errors() {
        let error = "registry.example/\u{1b}[31m:x"
            .parse::<Reference>()
            .unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn never_panics_and_what_is_accepted_prints_as_it_was(text in "\\PC{0,60}|oci(-archive)?:[a-z:@/ ]{0,20}|[a-z.:/@]{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
