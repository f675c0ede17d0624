use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use nix_derivation::{CAHash, Derivation, HashAlgorithm, store_path};
use thiserror::Error;

use crate::{Step, StorePath};

/// The most places of one source that are looked at.
const MAX_URLS: usize = 16;
/// The longest of them.
const MAX_URL_BYTES: usize = 2048;

/// A promise about contents that nobody can meet with other contents: SHA-256 or SHA-512, over the bytes of one
/// plain file or over the NAR serialisation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceAddress(CAHash);

/// Why a fixed output may not be brought in from outside. The author of the flake is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SourceRefusal {
    /// The hash can be forged, or is of a kind that is not known.
    #[error("{origin} is fixed by a {algorithm} hash, which proves nothing")]
    Algorithm {
        /// What asks for it.
        origin: SourceOrigin,
        /// The algorithm.
        algorithm: String,
    },
    /// The hash is not over a file's bytes or a NAR serialisation.
    #[error("{origin} is fixed by a hash over {method}, which is not a source's")]
    Method {
        /// What asks for it.
        origin: SourceOrigin,
        /// What the hash is over.
        method: &'static str,
    },
    /// The promised path does not follow from name and hash.
    #[error("{origin} promises contents that no store path follows from")]
    Path {
        /// What asks for it.
        origin: SourceOrigin,
    },
}

/// What asks for a source.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SourceOrigin {
    /// A fixed-output derivation.
    Derivation(StorePath),
    /// A node of the flake's lock file.
    FlakeInput(String),
}

impl fmt::Display for SourceOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Derivation(path) => write!(f, "{path}"),
            Self::FlakeInput(node) => write!(f, "flake input `{}`", node.escape_debug()),
        }
    }
}

/// Something that must be in the store before a build without network, and that only its hash vouches for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FixedSource {
    /// What asks for it.
    pub origin: SourceOrigin,
    /// Where it belongs.
    pub path: StorePath,
    /// What its contents must be.
    pub address: SourceAddress,
    /// Where its author says it can be had; hints, and nothing is believed of what is found there.
    pub urls: Vec<String>,
    /// Whether its own builder would go and fetch it, so that there is no use in running it without network.
    pub fetched: bool,
}

impl SourceAddress {
    /// `address` as asked for by `origin`.
    ///
    /// # Errors
    /// [`SourceRefusal`] unless it is a SHA-256 or SHA-512 over a file or a NAR serialisation.
    pub fn new(address: &CAHash, origin: &SourceOrigin) -> Result<Self, SourceRefusal> {
        let method = match address {
            CAHash::Flat(_) | CAHash::Nar(_) => None,
            CAHash::Text(_) => Some("text with references"),
            CAHash::Git(_) => Some("git objects"),
        };
        if let Some(method) = method {
            return Err(SourceRefusal::Method {
                origin: origin.clone(),
                method,
            });
        }
        match address.hash().algorithm() {
            HashAlgorithm::Sha256 | HashAlgorithm::Sha512 => Ok(Self(address.clone())),
            other => Err(SourceRefusal::Algorithm {
                origin: origin.clone(),
                algorithm: other.to_string(),
            }),
        }
    }

    /// The address as Nix knows it, to compare contents with.
    #[must_use]
    pub const fn as_ca(&self) -> &CAHash {
        &self.0
    }

    /// Whether the hash is over the NAR serialisation: then a directory or a link is possible too.
    #[must_use]
    pub const fn is_recursive(&self) -> bool {
        matches!(self.0, CAHash::Nar(_))
    }

    /// `sha256` or `sha512`.
    #[must_use]
    pub fn algorithm(&self) -> String {
        self.0.hash().algorithm().to_string()
    }

    /// The digest in lower-case hexadecimal: the name of a file in a folder of sources.
    #[must_use]
    pub fn hex(&self) -> String {
        let hash = self.0.hash();
        hash.digest_as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// The digest as `sha256-<base64>`, as flakes and lock files write it.
    #[must_use]
    pub fn sri(&self) -> String {
        self.0.hash().to_sri_string()
    }
}

impl FixedSource {
    /// The source that `origin` asks for under `name`.
    ///
    /// # Errors
    /// [`SourceRefusal`] for an address that cannot be relied on.
    pub fn new(origin: SourceOrigin, name: &str, address: &CAHash) -> Result<Self, SourceRefusal> {
        let address = SourceAddress::new(address, &origin)?;
        let Ok(path) = store_path::build_ca_path(name, address.as_ca(), [], false) else {
            return Err(SourceRefusal::Path { origin });
        };
        Ok(Self {
            origin,
            path,
            address,
            urls: Vec::new(),
            fetched: true,
        })
    }
}

impl Step {
    /// The source that this derivation stands for, `None` unless its output is fixed.
    ///
    /// # Errors
    /// [`SourceRefusal`] when its hash is not one that can be relied on, or not that of its path.
    pub fn source(&self) -> Result<Option<FixedSource>, SourceRefusal> {
        let Some(address) = &self.fixed else {
            return Ok(None);
        };
        let origin = SourceOrigin::Derivation(self.path.clone());
        let [path] = self.outputs.values().collect::<Vec<_>>()[..] else {
            return Err(SourceRefusal::Path { origin });
        };
        let mut source = FixedSource::new(origin, path.name(), address)?;
        if source.path != *path {
            return Err(SourceRefusal::Path {
                origin: source.origin,
            });
        }
        source.urls.clone_from(&self.urls);
        source.fetched = self.fetches;
        Ok(Some(source))
    }
}

/// The places a derivation names in `url` and `urls`, each once; what is no plain URL is left out.
pub(crate) fn urls(derivation: &Derivation) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["url", "urls"] {
        if let Some(value) = derivation.environment().get(name) {
            let text = String::from_utf8_lossy(value);
            found.extend(text.split_ascii_whitespace().map(str::to_owned));
        }
        let structured = derivation.structured_attrs().and_then(|all| all.get(name));
        match structured {
            Some(serde_json::Value::String(url)) => found.push(url.clone()),
            Some(serde_json::Value::Array(list)) => {
                found.extend(
                    list.iter()
                        .filter_map(|url| url.as_str().map(str::to_owned)),
                );
            }
            _ => {}
        }
    }
    plain_urls(found)
}

/// The most lists of mirrors that are looked at.
const MAX_LISTS: usize = 1000;

/// Where `mirror://` URLs of this derivation are explained, as nixpkgs does it.
pub(crate) fn mirrors_file(derivation: &Derivation) -> Option<String> {
    let path = derivation.environment().get("mirrorsFile")?;
    Some(String::from_utf8_lossy(path).into_owned())
}

/// The lists of a derivation that only exists to hold them; of any other, none.
pub(crate) fn mirrors(path: &StorePath, derivation: &Derivation) -> BTreeMap<String, Vec<String>> {
    if path.name() != "mirrors-list.drv" {
        return BTreeMap::new();
    }
    let lists = derivation.environment().iter().filter_map(|(name, value)| {
        let text = String::from_utf8_lossy(value);
        let words = text.split_ascii_whitespace();
        let places =
            words.filter(|word| word.starts_with("http://") || word.starts_with("https://"));
        let places = plain_urls(places.map(str::to_owned));
        (!places.is_empty()).then(|| (name.to_string(), places))
    });
    lists.take(MAX_LISTS).collect()
}

/// At most sixteen, each once, of printable ASCII.
pub(crate) fn plain_urls(found: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    found
        .into_iter()
        .filter(|url| url.len() <= MAX_URL_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic()))
        .filter(|url| !url.is_empty() && known.insert(url.clone()))
        .take(MAX_URLS)
        .collect()
}

/// Whether the builder of a fixed output is one that goes out to fetch.
pub(crate) fn fetches(derivation: &Derivation) -> bool {
    let proxies = "impureEnvVars";
    derivation.builder() == "builtin:fetchurl"
        || derivation.environment().contains_key(proxies)
        || derivation
            .structured_attrs()
            .is_some_and(|all| all.get(proxies).is_some())
        || !urls(derivation).is_empty()
}

#[cfg(test)]
mod tests {
    use nix_derivation::{DerivationBuilder, NixHash, Output};

    use super::*;

    fn origin() -> SourceOrigin {
        SourceOrigin::FlakeInput("a\nb".to_owned())
    }

    fn derivation(env: &[(&str, &str)]) -> Derivation {
        let mut derivation = DerivationBuilder::new("x", "builtin", "builtin:other").output(
            "out",
            Output::Impure {
                method: nix_derivation::ContentAddressMethod::Flat,
                hash_algorithm: HashAlgorithm::Sha256,
            },
        );
        for (name, value) in env {
            derivation = derivation.environment(*name, value.as_bytes());
        }
        derivation.build().unwrap().into_derivation()
    }

    #[test]
    fn takes_only_hashes_that_prove_something() {
        for good in [
            CAHash::Flat(NixHash::Sha256([1; 32])),
            CAHash::Nar(NixHash::Sha256([1; 32])),
            CAHash::Flat(NixHash::Sha512(Box::new([1; 64]))),
            CAHash::Nar(NixHash::Sha512(Box::new([1; 64]))),
        ] {
            let address = SourceAddress::new(&good, &origin()).unwrap();
            assert_eq!(address.is_recursive(), matches!(good, CAHash::Nar(_)));
            assert!(address.hex().starts_with("0101"));
            assert!(
                address
                    .sri()
                    .starts_with(&format!("{}-", address.algorithm()))
            );
        }
        for weak in [
            CAHash::Flat(NixHash::Sha1([1; 20])),
            CAHash::Nar(NixHash::Sha1([1; 20])),
            CAHash::Flat(NixHash::Md5([1; 16])),
            CAHash::Flat(NixHash::Blake3([1; 32])),
        ] {
            let refused = SourceAddress::new(&weak, &origin());
            assert!(matches!(refused, Err(SourceRefusal::Algorithm { .. })));
        }
        for other in [CAHash::Text([1; 32]), CAHash::Git(NixHash::Sha256([1; 32]))] {
            let refused = SourceAddress::new(&other, &origin());
            assert!(matches!(refused, Err(SourceRefusal::Method { .. })));
        }
    }

    #[test]
    fn a_refusal_is_one_line() {
        let weak = CAHash::Flat(NixHash::Sha1([1; 20]));
        let text = SourceAddress::new(&weak, &origin())
            .unwrap_err()
            .to_string();
        assert!(text.contains("sha1") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn reads_urls_and_leaves_out_what_is_none() {
        let long = format!("http://x/{}", "y".repeat(MAX_URL_BYTES));
        let both = derivation(&[
            ("url", "https://a/b"),
            (
                "urls",
                &format!("https://a/b http://c/\u{1b}[31m {long}\nhttp://d"),
            ),
        ]);
        assert_eq!(urls(&both), ["https://a/b", "http://d"]);
        assert!(fetches(&both));
        let many: Vec<String> = (0..100).map(|at| format!("http://x/{at}")).collect();
        assert_eq!(
            urls(&derivation(&[("urls", &many.join(" "))])).len(),
            MAX_URLS
        );
        assert!(fetches(&derivation(&[("impureEnvVars", "http_proxy")])));
        assert!(!fetches(&derivation(&[("x", "http://a")])));
    }
}
