use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_primitives::{
    BuilderId, Digest, Environment, address_text, bytes32_text, canonical_json, write_bytes32,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{FormatError, NetworkError, NetworkKeys, Signature, SignatureError};

const WHAT: &str = "a network file";
/// The most bytes of a network file.
pub const MAX_NETWORK_BYTES: usize = 256 * 1024;
/// The EIP-712 domain type of network files, which belong to no ledger.
pub const NETWORK_DOMAIN_TYPE: &str = "EIP712Domain(string name,string version)";
/// The EIP-712 type of a network file.
pub const NETWORK_TYPE: &str =
    "Network(string name,uint64 sequence,uint64 issued,uint64 expires,bytes32 digest)";

const VERSION: u8 = 1;
/// What every reader of JSON can hold exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;
/// Two years: nobody vouches for ever.
const MAX_LIFETIME: u64 = 2 * 366 * 24 * 3600;
const MAX_DEPLOYMENTS: usize = 16;
const MAX_LIST: usize = 64;
const MAX_SIGNATURES: usize = 32;

/// Which deployments a project published, vouched for by k of n keys that a policy pins: the wire format
/// `application/vnd.nix-seed.network.v1+json` (`docs/protocol.md`, §16).
///
/// Canonical in every byte, so that what is signed is what is read. What it says counts only as a
/// [`VerifiedNetwork`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// What is signed.
    pub network: Network,
    /// The signatures, strictly ascending by key.
    pub signatures: Vec<NetworkSignature>,
}

/// What a network file says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Network {
    /// The deployments, strictly ascending by name.
    pub deployments: Vec<NetworkDeployment>,
    /// From when on it is no longer used, Unix seconds.
    pub expires: u64,
    /// When it was made, Unix seconds.
    pub issued: u64,
    /// The network, such as `nix-seed.dev`.
    pub name: String,
    /// Counts its files, from 1: one that was seen is never followed by a lower one.
    pub sequence: u64,
    /// The version of this form: 1.
    pub version: u8,
}

/// One deployment of the contracts: the anchor of a policy, and which rules it has had.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkDeployment {
    /// A block before its first transaction.
    pub block: u64,
    /// Who builds for it, strictly ascending by address.
    pub builders: Vec<NetworkBuilder>,
    /// The chain id.
    pub chain_id: u64,
    /// How strict its parameters were judged.
    pub environment: Environment,
    /// The hash of block 0.
    #[serde(with = "bytes32_text")]
    pub genesis: B256,
    /// The ledger.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// Keccak-256 of its runtime code: which generation of the contracts it is.
    #[serde(with = "bytes32_text")]
    pub ledger_code_hash: B256,
    /// Its name in this file, such as `base`.
    pub name: String,
    /// The rules whose releases are good, strictly ascending by code hash.
    pub rules: Vec<NetworkRules>,
}

/// Rules of a deployment.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkRules {
    /// Keccak-256 of their runtime code, configuration included.
    #[serde(with = "bytes32_text")]
    pub code_hash: B256,
    /// Keccak-256 of their runtime code before the configuration.
    #[serde(with = "bytes32_text")]
    pub logic_hash: B256,
}

/// A builder of a deployment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkBuilder {
    /// Its key's address.
    pub address: BuilderId,
    /// Its failure domains, strictly ascending.
    pub domains: Vec<String>,
    /// Its name.
    pub name: String,
}

/// One signature over [`Network::signing_digest`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSignature {
    /// The address of the key it claims to be of.
    pub key: BuilderId,
    /// The signature.
    pub signature: Signature,
}

/// What enough of the pinned keys signed, at a time when it was good; only [`NetworkFile::verify`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedNetwork {
    network: Network,
    digest: Digest,
}

impl VerifiedNetwork {
    /// What was signed.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// SHA-256 of what was signed.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Refuses to follow on the file with this name, number and digest with another network, an older file, or another
    /// file of the same number.
    ///
    /// # Errors
    /// [`NetworkError::OtherName`], [`NetworkError::Older`] or [`NetworkError::Forked`].
    pub fn follows(&self, name: &str, sequence: u64, digest: &Digest) -> Result<(), NetworkError> {
        let found = &self.network;
        if found.name != name {
            return Err(NetworkError::OtherName {
                found: found.name.clone(),
                expected: name.to_owned(),
            });
        }
        if found.sequence < sequence {
            return Err(NetworkError::Older {
                found: found.sequence,
                known: sequence,
            });
        }
        if found.sequence == sequence && self.digest != *digest {
            return Err(NetworkError::Forked {
                sequence,
                found: self.digest,
                known: *digest,
            });
        }
        Ok(())
    }
}

impl NetworkFile {
    /// Reads a network file: at most [`MAX_NETWORK_BYTES`], canonical, every list bounded and in order.
    ///
    /// # Errors
    /// When the bytes are anything else. Signatures are not looked at yet.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::plain(WHAT, bytes, MAX_NETWORK_BYTES)?;
        let file: Self = serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))?;
        file.check()?;
        if file.to_json()? != bytes {
            return Err(FormatError::field(WHAT, "it is not canonical JSON"));
        }
        Ok(file)
    }

    /// Writes the canonical form.
    ///
    /// # Errors
    /// When [`Self::from_json`] would refuse it.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        self.check()?;
        let bytes = canonical_json(self).map_err(FormatError::json(WHAT))?;
        FormatError::plain(WHAT, &bytes, MAX_NETWORK_BYTES)?;
        Ok(bytes)
    }

    /// The keys that signed: every signature in the file is the named key's, or none counts.
    ///
    /// # Errors
    /// [`SignatureError`] of the first that is not.
    pub fn signers(&self) -> Result<BTreeSet<BuilderId>, SignatureError> {
        let digest = self.network.signing_digest();
        let signed = self.signatures.iter().map(|one| {
            one.signature.expect_signer(&digest, one.key)?;
            Ok(one.key)
        });
        signed.collect()
    }

    /// What it says, if enough of `keys` signed it and `now` (Unix seconds) is in its time. Keys come from the policy
    /// or the caller, never from the file; signatures of others are no fault and count for nothing.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub fn verify(&self, keys: &NetworkKeys, now: u64) -> Result<VerifiedNetwork, NetworkError> {
        let signers = self.signers()?;
        let counted = keys.keys().iter().filter(|key| signers.contains(*key));
        let counted = counted.count();
        if counted < keys.threshold() {
            return Err(NetworkError::TooFew {
                found: counted,
                threshold: keys.threshold(),
            });
        }
        if now < self.network.issued {
            return Err(NetworkError::NotYet(self.network.issued));
        }
        if now >= self.network.expires {
            return Err(NetworkError::Expired(self.network.expires));
        }
        Ok(VerifiedNetwork {
            network: self.network.clone(),
            digest: self.network.digest()?,
        })
    }

    /// The same with one more signature; whose it is is recovered from it.
    ///
    /// # Errors
    /// [`SignatureError::Unrecoverable`], or a [`FormatError`] where that key has signed already or too many have.
    pub fn signed(mut self, signature: Signature) -> Result<Self, NetworkError> {
        let key = signature.recover(&self.network.signing_digest())?;
        self.signatures.push(NetworkSignature { key, signature });
        self.signatures.sort_by_key(|one| one.key);
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), FormatError> {
        self.network.check()?;
        count("signatures", self.signatures.len(), 0, MAX_SIGNATURES)?;
        ascending("signatures", self.signatures.iter().map(|one| one.key))
    }
}

impl Network {
    /// SHA-256 of its canonical JSON: the name of the file, however many have signed it.
    ///
    /// # Errors
    /// When it has no JSON form, which nothing in it lacks.
    pub fn digest(&self) -> Result<Digest, FormatError> {
        Ok(Digest::of(
            &canonical_json(self).map_err(FormatError::json(WHAT))?,
        ))
    }

    /// What its keys sign: EIP-712 in the domain `{name: "NixSeedNetwork", version: "1"}`, which is no ledger's.
    #[must_use]
    pub fn signing_digest(&self) -> B256 {
        let words =
            |text: &str, words: &[B256]| keccak256([&[keccak256(text)], words].concat().concat());
        let number = |number: u64| B256::new(U256::from(number).to_be_bytes());
        let separator = words(
            NETWORK_DOMAIN_TYPE,
            &[keccak256("NixSeedNetwork"), keccak256("1")],
        );
        // Without a JSON form there is no digest, and the hash of nothing is nobody's file.
        let digest = self.digest().unwrap_or_else(|_| Digest::of(&[]));
        let message = words(
            NETWORK_TYPE,
            &[
                keccak256(&self.name),
                number(self.sequence),
                number(self.issued),
                number(self.expires),
                B256::new(*digest.as_bytes()),
            ],
        );
        keccak256([&[0x19, 0x01], separator.as_slice(), message.as_slice()].concat())
    }

    /// The request for a signature as wallets take it (`eth_signTypedData_v4`).
    ///
    /// # Errors
    /// Those of [`Self::digest`].
    pub fn typed_data(&self) -> Result<Value, FormatError> {
        let member = |name: &str, kind: &str| json!({"name": name, "type": kind});
        let digest = B256::new(*self.digest()?.as_bytes());
        Ok(json!({
            "types": {
                "EIP712Domain": [member("name", "string"), member("version", "string")],
                "Network": [
                    member("name", "string"),
                    member("sequence", "uint64"),
                    member("issued", "uint64"),
                    member("expires", "uint64"),
                    member("digest", "bytes32"),
                ],
            },
            "primaryType": "Network",
            "domain": {"name": "NixSeedNetwork", "version": "1"},
            "message": {
                "name": self.name,
                "sequence": self.sequence,
                "issued": self.issued,
                "expires": self.expires,
                "digest": write_bytes32(&digest),
            },
        }))
    }

    /// The deployment with this name; without a name the only one there is.
    #[must_use]
    pub fn deployment(&self, name: Option<&str>) -> Option<&NetworkDeployment> {
        match (name, self.deployments.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(name), all) => all.iter().find(|one| one.name == name),
        }
    }

    fn check(&self) -> Result<(), FormatError> {
        if self.version != VERSION {
            return refuse(format!("version {}, expected {VERSION}", self.version));
        }
        label("name", &self.name)?;
        number("sequence", self.sequence, 1)?;
        number("issued", self.issued, 1)?;
        number("expires", self.expires, self.issued.saturating_add(1))?;
        if self.expires - self.issued > MAX_LIFETIME {
            return refuse("it is to be used for more than two years".to_owned());
        }
        let deployments = self.deployments.iter();
        count("deployments", deployments.len(), 1, MAX_DEPLOYMENTS)?;
        ascending("deployments", deployments.clone().map(|one| &one.name))?;
        let places: BTreeSet<_> = deployments
            .clone()
            .map(|one| (one.chain_id, one.ledger))
            .collect();
        if places.len() != self.deployments.len() {
            return refuse("two deployments have one ledger".to_owned());
        }
        deployments
            .into_iter()
            .try_for_each(NetworkDeployment::check)
    }
}

impl NetworkDeployment {
    fn check(&self) -> Result<(), FormatError> {
        label("deployments.name", &self.name)?;
        number("deployments.chainId", self.chain_id, 1)?;
        number("deployments.block", self.block, 0)?;
        let words = [self.genesis, self.ledger_code_hash, self.ledger.into_word()];
        let rules = self.rules.iter();
        let hashes = rules
            .clone()
            .flat_map(|one| [one.code_hash, one.logic_hash]);
        if words.into_iter().chain(hashes).any(|word| word.is_zero()) {
            return refuse(format!("a hash or address of `{}` is zero", self.name));
        }
        count("deployments.rules", rules.len(), 1, MAX_LIST)?;
        ascending("deployments.rules", rules.map(|one| one.code_hash))?;
        let builders = self.builders.iter();
        count("deployments.builders", builders.len(), 0, MAX_LIST)?;
        ascending(
            "deployments.builders",
            builders.clone().map(|one| one.address),
        )?;
        let names: BTreeSet<_> = builders
            .clone()
            .map(|one| one.name.to_lowercase())
            .collect();
        if names.len() != self.builders.len() {
            return refuse("two builders have one name".to_owned());
        }
        for builder in builders {
            text("deployments.builders.name", &builder.name)?;
            let domains = builder.domains.iter();
            count("deployments.builders.domains", domains.len(), 1, MAX_LIST)?;
            ascending("deployments.builders.domains", domains.clone())?;
            for domain in domains {
                text("deployments.builders.domains", domain)?;
            }
        }
        Ok(())
    }
}

/// Refuses anything but `[a-z0-9]` and then up to 62 of `[a-z0-9.-]`: people compare these by eye.
fn label(field: &str, value: &str) -> Result<(), FormatError> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = value.bytes();
    let first = bytes.next().is_some_and(known);
    if first && value.len() <= 63 && bytes.all(|byte| known(byte) || byte == b'.' || byte == b'-') {
        return Ok(());
    }
    refuse(format!("{field} is not 1 to 63 of [a-z0-9.-]"))
}

/// Refuses anything but 1 to 64 printable ASCII characters without quotation marks, escapes or space around.
fn text(field: &str, value: &str) -> Result<(), FormatError> {
    let fine = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if (1..=64).contains(&value.len()) && value.bytes().all(fine) && value.trim() == value {
        return Ok(());
    }
    refuse(format!("{field} is not 1 to 64 printable ASCII characters"))
}

fn number(field: &str, value: u64, least: u64) -> Result<(), FormatError> {
    if (least..=MAX_NUMBER).contains(&value) {
        return Ok(());
    }
    refuse(format!(
        "{field} is {value}, expected {least} to {MAX_NUMBER}"
    ))
}

fn count(field: &str, count: usize, least: usize, most: usize) -> Result<(), FormatError> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    refuse(format!("{count} {field}, expected {least} to {most}"))
}

fn ascending<K: Ord>(field: &str, keys: impl Iterator<Item = K>) -> Result<(), FormatError> {
    if keys.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    refuse(format!("{field} do not strictly ascend"))
}

fn refuse(why: String) -> Result<(), FormatError> {
    Err(FormatError::field(WHAT, why))
}
