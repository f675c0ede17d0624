use alloy_primitives::Address;
use seed_attestation::{
    Attestation, AttestationError, Domain, SignatureError, VerifiedAttestation,
};
use seed_primitives::{BuilderId, Digest, ReleaseId, System};
use serde::Serialize;

use crate::{Found, LedgerState, RefusedDocument, quorum::Candidate};

/// One builder's valid signature over one release, and whether it may be submitted.
#[derive(Clone, Debug)]
pub struct Vote {
    /// The signature, recovered.
    pub attestation: VerifiedAttestation,
    /// The files, or places and tags, it was found in.
    pub origins: Vec<String>,
    /// Why it may not be submitted, if so.
    pub refusal: Option<Refusal>,
}

/// Why a vote may not be submitted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Refusal {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub why: String,
    /// Whether this is only what could not be found out.
    #[serde(skip)]
    pub unknown: bool,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self {
            code,
            why: why.into(),
            unknown: false,
        }
    }

    pub(crate) fn unknown(code: &'static str, why: impl Into<String>) -> Self {
        Self {
            unknown: true,
            ..Self::new(code, why)
        }
    }
}

impl Vote {
    /// Recovers the signer, in this domain, and judges the vote against the rules in force.
    ///
    /// # Errors
    /// When nobody of the rules signed it: it is no vote at all.
    pub fn admit(
        found: Found<Attestation>,
        domain: &Domain,
        state: &LedgerState,
    ) -> Result<Self, RefusedDocument> {
        let refused = |code, why: String| RefusedDocument {
            origin: found.origin.clone(),
            code,
            why,
        };
        let attestation = found.document.verify(domain).map_err(|error| {
            let code = match error {
                AttestationError::Signature(SignatureError::WrongDomain { .. }) => "wrong-domain",
                _ => "signature-invalid",
            };
            refused(code, error.to_string())
        })?;
        let builder = attestation.builder();
        let Some(index) = state.rules.index_of(&builder) else {
            return Err(refused(
                "unknown-builder",
                format!("{builder} is no builder of the rules in force"),
            ));
        };
        let refusal = judge(&attestation, index, state).err();
        Ok(Self {
            attestation,
            origins: vec![found.origin],
            refusal,
        })
    }

    /// The builder.
    #[must_use]
    pub const fn builder(&self) -> BuilderId {
        self.attestation.builder()
    }

    /// The release.
    #[must_use]
    pub const fn release(&self) -> ReleaseId {
        self.attestation.release()
    }

    /// What it vouches for.
    #[must_use]
    pub fn images(&self) -> &[(System, Digest)] {
        self.attestation.leaves().as_slice()
    }

    /// Whether it may be submitted.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.refusal.is_none()
    }

    /// The vote as the search sees it; `None` for one by a stranger to the rules or over unknown systems.
    #[must_use]
    pub fn candidate(&self, state: &LedgerState) -> Option<Candidate> {
        let index = state.rules.index_of(&self.builder())?;
        let domains = state.rules.builders().get(index)?.domains;
        let images = self.images().iter();
        let images =
            images.map(|(system, digest)| Some((state.rules.position_of(system)?, *digest)));
        Some(Candidate {
            domains,
            images: images.collect::<Option<_>>()?,
        })
    }
}

fn judge(
    attestation: &VerifiedAttestation,
    index: usize,
    state: &LedgerState,
) -> Result<(), Refusal> {
    expect_rules(attestation.attestation().rules, state.rules_address)?;
    if state.revoked >> index & 1 == 1 {
        let why = "its key was revoked; it signs no new release";
        return Err(Refusal::new("builder-revoked", why));
    }
    let eligible = state
        .rules
        .builders()
        .get(index)
        .map_or(0, |one| one.systems);
    for (system, _) in attestation.leaves().as_slice() {
        let Some(position) = state.rules.position_of(system) else {
            let why = format!("{system} is no system of the rules; sign again without it");
            return Err(Refusal::new("unknown-system", why));
        };
        if eligible >> position & 1 == 0 {
            let why = format!("it is not eligible for {system}; sign again without it");
            return Err(Refusal::new("ineligible-system", why));
        }
    }
    Ok(())
}

fn expect_rules(signed: Address, current: Address) -> Result<(), Refusal> {
    if signed == current {
        return Ok(());
    }
    Err(Refusal::new(
        "other-rules",
        format!(
            "signed for the rules {}, which are not in force; sign again for {}",
            seed_primitives::write_address(&signed),
            seed_primitives::write_address(&current)
        ),
    ))
}
