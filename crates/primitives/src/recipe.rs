use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Digest, ParseError, canonical_json, text::serde_as_text};

/// How the layers of an image are encoded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Compression {
    /// Plain tar layers.
    #[serde(rename = "tar")]
    Tar,
    /// Tar layers compressed by the packer's pinned zstd encoder.
    #[serde(rename = "tar+zstd")]
    TarZstd,
}

/// A name in a recipe: 1 to 64 bytes of `[a-z0-9./:-]`, such as `nix-seed/1` or `single:1`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecipeName(String);

impl RecipeName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecipeName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let good = (1..=64).contains(&text.len())
            && text.bytes().all(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || matches!(b, b'.' | b'/' | b':' | b'-')
            });
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| ParseError::new("a recipe name", "1 to 64 bytes of [a-z0-9./:-]", text))
    }
}

impl fmt::Display for RecipeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(RecipeName);

/// Everything besides the source that determines an image's bytes (`docs/protocol.md`, "Source").
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The encoding of the layers.
    pub compression: Compression,
    /// The rule that groups store paths into layers, with its parameters.
    pub layering: RecipeName,
    /// The packer and its version; any change of its output is a new version.
    pub packer: RecipeName,
    /// The image whose layers were kept stable, or `None` (JSON `null`).
    pub previous: Option<Digest>,
    /// How often this source was issued again after a tainted or squatted release; 0 at first.
    pub reissue: u32,
}

impl Recipe {
    /// The canonical JSON bytes: sorted keys, no spaces.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of strings, an integer and an option always has a JSON form.
        canonical_json(self).unwrap_or_default()
    }

    /// Reads canonical JSON and refuses any other spelling of the same recipe.
    ///
    /// # Errors
    /// When the bytes are not a recipe, or not its canonical form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        let refuse = || {
            ParseError::new(
                "a recipe",
                "canonical JSON {\"compression\",\"layering\",\"packer\",\"previous\",\"reissue\"}",
                &String::from_utf8_lossy(bytes),
            )
        };
        let recipe: Self = serde_json::from_slice(bytes).map_err(|_| refuse())?;
        if recipe.to_bytes() == bytes {
            Ok(recipe)
        } else {
            Err(refuse())
        }
    }

    /// SHA-256 of the canonical JSON: the `recipe` word of a [`Source`](crate::Source).
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            compression: Compression::TarZstd,
            layering: "repull:100".parse().unwrap(),
            packer: "nix-seed/1".parse().unwrap(),
            previous: None,
            reissue: 0,
        }
    }

    #[test]
    fn canonical_form_is_exact_and_the_only_one_read() {
        let bytes = br#"{"compression":"tar+zstd","layering":"repull:100","packer":"nix-seed/1","previous":null,"reissue":0}"#;
        assert_eq!(recipe().to_bytes(), bytes);
        assert_eq!(Recipe::from_bytes(bytes).unwrap(), recipe());
        let spaced = String::from_utf8_lossy(bytes).replace(':', ": ");
        assert!(Recipe::from_bytes(spaced.as_bytes()).is_err());
        assert!(Recipe::from_bytes(b"{}").is_err());
    }

    #[test]
    fn every_field_changes_the_digest() {
        let base = recipe().digest();
        let others = [
            Recipe {
                compression: Compression::Tar,
                ..recipe()
            },
            Recipe {
                layering: "single:1".parse().unwrap(),
                ..recipe()
            },
            Recipe {
                packer: "nix-seed/2".parse().unwrap(),
                ..recipe()
            },
            Recipe {
                previous: Some(Digest::of(b"x")),
                ..recipe()
            },
            Recipe {
                reissue: 1,
                ..recipe()
            },
        ];
        assert!(others.iter().all(|other| other.digest() != base));
    }
}
