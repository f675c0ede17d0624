use std::{collections::BTreeMap, path::PathBuf};

use alloy_primitives::B256;
use clap::Args;
use seed_attestation::{Attestation, Domain, GenesisSignature, media};
use seed_chain::KeySource;
use seed_merkle::Leaves;
use seed_oci::Place;
use seed_primitives::{Digest, System, parse_bytes32};

use crate::{
    Error, Key,
    publish::{self, document_tag},
    state,
};

const MAX_ATTESTATION_BYTES: u64 = 64 * 1024;

/// What `sign-genesis` is told.
#[derive(Args, Clone, Debug)]
pub struct GenesisArgs {
    /// This builder's own attestation of the first release
    #[arg(long, value_name = "FILE")]
    pub attestation: PathBuf,
    /// Another builder's attestation of the same release, for systems this builder did not build
    #[arg(long, value_name = "FILE")]
    pub with: Vec<PathBuf>,
    /// Code hash of the rules in force
    #[arg(long, value_name = "0x…")]
    pub rules_code_hash: String,
    /// Encrypted keystore with the signing key
    #[arg(long, value_name = "FILE", required_unless_present = "dev_key_file")]
    pub keystore: Option<PathBuf>,
    /// File with the keystore's password [default: ask on the terminal]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Unencrypted signing key, for development only
    #[arg(long, value_name = "FILE", conflicts_with = "keystore")]
    pub dev_key_file: Option<PathBuf>,
    /// Where to publish it too: `HOST[:PORT]/REPOSITORY` or `oci:DIR`.
    #[arg(
        long,
        value_name = "PLACE",
        help = "Where to publish it too: HOST[:PORT]/REPOSITORY or oci:DIR; may be given several times"
    )]
    pub publish: Vec<String>,
    /// Where to write the genesis signature
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Signs consent to the first release, writes it to a file and publishes it where asked.
///
/// # Errors
/// When an attestation does not verify, is for another release, or contradicts another; when it is not this
/// key's; and those of writing and publishing.
pub async fn sign_genesis(args: &GenesisArgs) -> Result<GenesisSignature, Error> {
    let rules_code_hash: B256 =
        parse_bytes32(&args.rules_code_hash).map_err(|error| Error::Value {
            place: "--rules-code-hash".to_owned(),
            error,
        })?;
    if rules_code_hash.is_zero() {
        return Err(Error::Usage(
            "--rules-code-hash: zero is the hash of nothing".to_owned(),
        ));
    }
    let places = args
        .publish
        .iter()
        .map(|text| {
            text.parse::<Place>().map_err(|error| Error::Value {
                place: "--publish".to_owned(),
                error,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let own = Attestation::from_json(&state::read(&args.attestation, MAX_ATTESTATION_BYTES)?)?;
    let domain = Domain {
        chain_id: own.chain_id,
        ledger: own.ledger,
    };
    let verified = own.verify(&domain)?;
    let leaves = complete(&own, &domain, &args.with)?;
    let source = KeySource::named(
        args.keystore.as_deref(),
        args.password_file.as_deref(),
        args.dev_key_file.as_deref(),
    )?;
    let source = source.ok_or(Error::Missing("--keystore"))?;
    let key = Key::open(&source)?;
    if key.builder() != verified.builder() {
        let claimed = key.builder();
        let recovered = verified.builder();
        return Err(seed_attestation::SignatureError::WrongSigner { claimed, recovered }.into());
    }
    let (release, root) = (verified.release(), leaves.root());
    let signature = key.sign(&domain.genesis_digest(rules_code_hash, &release, &root))?;
    let genesis = GenesisSignature {
        rules_code_hash,
        release,
        root: root.word(),
        chain_id: domain.chain_id,
        ledger: domain.ledger,
        builder: key.builder(),
        signature,
    };
    genesis.verify(&domain)?;
    let bytes = genesis.to_json()?;
    for place in &places {
        let tag = document_tag("genesis", &release, &key.builder())?;
        publish::publish_document(&publish::open(place)?, media::GENESIS, &bytes, tag).await?;
    }
    state::write(&args.out, &bytes)?;
    Ok(genesis)
}

/// All systems of the release: those of `own` and those only others built, none twice with two digests.
fn complete(own: &Attestation, domain: &Domain, others: &[PathBuf]) -> Result<Leaves, Error> {
    let mut all: BTreeMap<System, Digest> = own
        .systems
        .iter()
        .map(|entry| (entry.system.clone(), entry.digest))
        .collect();
    for file in others {
        let other = Attestation::from_json(&state::read(file, MAX_ATTESTATION_BYTES)?)?;
        other.verify(domain)?;
        if other.source != own.source {
            return Err(Error::Usage(format!(
                "{} is about another release",
                file.display()
            )));
        }
        for entry in other.systems {
            let before = all.insert(entry.system.clone(), entry.digest);
            if before.is_some_and(|before| before != entry.digest) {
                let system = entry.system;
                return Err(Error::Usage(format!(
                    "{} disagrees about {system}",
                    file.display()
                )));
            }
        }
    }
    Ok(Leaves::new(all.into_iter().collect()).map_err(seed_attestation::FormatError::from)?)
}
