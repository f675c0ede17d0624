use std::path::PathBuf;

use alloy_primitives::B256;
use clap::Args;
use seed_attestation::VerifiedAttestation;
use seed_chain::{Claim, Mined};
use seed_primitives::{BuilderId, Digest, ReleaseId, System, write_bytes32};
use seed_proof::{RevocationWord, slots};
use serde_json::{Value, json};

use crate::{
    Fault, Output,
    sender::{SendArguments, Sender, attestation},
};

/// The flag of a revocation that was made by proof.
const PROVEN: u8 = 4;

/// Two attestations of one builder that contradict each other.
#[derive(Args, Clone, Debug)]
pub(crate) struct EquivocationArguments {
    /// One attestation
    #[arg(value_name = "ATTESTATION")]
    first: PathBuf,
    /// Another one, by the same builder for the same release
    #[arg(value_name = "ATTESTATION")]
    second: PathBuf,
    #[command(flatten)]
    pub(crate) send: SendArguments,
}

/// One attestation that no registry takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct PostArguments {
    /// The attestation
    #[arg(value_name = "ATTESTATION")]
    attestation: PathBuf,
    #[command(flatten)]
    pub(crate) send: SendArguments,
}

/// A builder's two signatures over different images for one system of one release: what makes its key worthless.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Equivocation {
    builder: BuilderId,
    release: ReleaseId,
    system: System,
    digests: [Digest; 2],
}

impl Equivocation {
    /// Finds the first system on which two recovered attestations contradict each other.
    fn find(first: &VerifiedAttestation, second: &VerifiedAttestation) -> Result<Self, Fault> {
        if first.builder() != second.builder() {
            return Err(Fault::NoEquivocation(format!(
                "they are by two builders, {} and {}, who may disagree",
                first.builder(),
                second.builder()
            )));
        }
        if first.release() != second.release() {
            return Err(Fault::NoEquivocation(format!(
                "they are for two releases, {} and {}",
                first.release(),
                second.release()
            )));
        }
        let others = second.leaves().as_slice();
        let contradiction = first.leaves().as_slice().iter().find_map(|(system, one)| {
            let (_, other) = others.iter().find(|(name, _)| name == system)?;
            (one != other).then(|| (system.clone(), [*one, *other]))
        });
        let Some((system, digests)) = contradiction else {
            return Err(Fault::NoEquivocation(
                "they name the same image for every system that both name".to_owned(),
            ));
        };
        Ok(Self {
            builder: first.builder(),
            release: first.release(),
            system,
            digests,
        })
    }
}

/// What happened, as it is told.
#[derive(Debug)]
pub(crate) struct Told {
    code: &'static str,
    sentence: String,
    builder: BuilderId,
    release: ReleaseId,
    mined: Option<Mined>,
}

impl Told {
    /// In the form asked for, with its line end.
    pub(crate) fn render(&self, output: Output) -> String {
        match output {
            Output::Text => match &self.mined {
                Some(mined) => format!(
                    "{}\ntransaction {} in block {}, {} gas\n",
                    self.sentence, mined.hash, mined.block, mined.gas_used
                ),
                None => format!("{}\n", self.sentence),
            },
            Output::Json => self.json().to_string() + "\n",
        }
    }

    fn json(&self) -> Value {
        json!({
            "schemaVersion": 1,
            "result": "done",
            "code": self.code,
            "message": self.sentence,
            "builder": self.builder,
            "release": self.release,
            "transaction": self.mined.as_ref().map(|mined| json!({
                "hash": write_bytes32(&mined.hash),
                "block": mined.block,
                "gasUsed": mined.gas_used,
            })),
        })
    }
}

/// Proves to the ledger that a builder signed two images for one system, which revokes its key from the next
/// sequence number on.
pub(crate) async fn prove(arguments: &EquivocationArguments) -> Result<Told, Fault> {
    let domain = arguments.send.domain()?;
    let first = attestation(&arguments.first, &domain)?;
    let second = attestation(&arguments.second, &domain)?;
    let found = Equivocation::find(&first, &second)?;
    let accused = arguments.send.names()?.describe(&found.builder);
    let sender = arguments.send.open().await?;
    let told = |code, end: String, mined| Told {
        code,
        sentence: format!(
            "{accused} signed both {} and {} for {} of release {}: {end}",
            found.digests[0], found.digests[1], found.system, found.release
        ),
        builder: found.builder,
        release: found.release,
        mined,
    };
    let before = revocation(&sender, found.builder).await?;
    if let Some(word) = before.filter(|word| word.flags & PROVEN != 0) {
        let end = format!("proven before, at {}", word.since);
        return Ok(told("already-proven", end, None));
    }
    let claims = [claim(&first), claim(&second)];
    let ledger = sender.domain.ledger;
    let [one, two] = &claims;
    sender
        .wallet
        .simulate_equivocation(ledger, &found.release, one, two)
        .await?;
    if sender.dry_run {
        let end = "the ledger would accept the proof; nothing was sent".to_owned();
        return Ok(told("ready", end, None));
    }
    let mined = sender
        .wallet
        .prove_equivocation(ledger, &found.release, one, two)
        .await?;
    // Believed when the ledger says so, not when a receipt does.
    match revocation(&sender, found.builder).await? {
        Some(word) if word.flags & PROVEN != 0 => {
            let end = format!(
                "proven; it counts for no release from number {} on",
                word.from_sequence
            );
            Ok(told("proven", end, Some(mined)))
        }
        _ => Err(Fault::NotRecorded(format!(
            "the proof against {} in transaction {}",
            found.builder, mined.hash
        ))),
    }
}

/// Logs a signature on the chain, where every aggregator can find it and nobody can refuse it.
pub(crate) async fn post(arguments: &PostArguments) -> Result<Told, Fault> {
    let domain = arguments.send.domain()?;
    let vote = attestation(&arguments.attestation, &domain)?;
    let signer = arguments.send.names()?.describe(&vote.builder());
    let sender = arguments.send.open().await?;
    let told = |code, end: &str, mined| Told {
        code,
        sentence: format!(
            "the signature of {signer} for release {} {end}",
            vote.release()
        ),
        builder: vote.builder(),
        release: vote.release(),
        mined,
    };
    if sender.dry_run {
        return Ok(told("ready", "would be logged; nothing was sent", None));
    }
    let mined = sender
        .wallet
        .post(
            sender.domain.ledger,
            &vote.release(),
            vote.root().word(),
            &claim(&vote),
        )
        .await?;
    Ok(told("posted", "is logged on the chain", Some(mined)))
}

async fn revocation(sender: &Sender, builder: BuilderId) -> Result<Option<RevocationWord>, Fault> {
    let slot = slots::revocation(builder.address());
    let word = sender.ledger.word("a revocation", slot).await?;
    RevocationWord::from_word(word).map_err(|error| Fault::Machine(error.to_string()))
}

fn claim(vote: &VerifiedAttestation) -> Claim {
    let attestation = vote.attestation();
    let (r, vs) = attestation.signature.as_bytes().split_at(32);
    let leaves = vote.leaves().as_slice().iter();
    Claim {
        evidence: B256::new(*attestation.evidence.as_bytes()),
        rules: attestation.rules,
        images: leaves
            .map(|(system, digest)| (system.to_string(), B256::new(*digest.as_bytes())))
            .collect(),
        r: B256::from_slice(r),
        vs: B256::from_slice(vs),
    }
}
