use base64::{Engine as _, engine::general_purpose::STANDARD};
use seed_primitives::BuilderId;
use serde::{Deserialize, Serialize};

use crate::{Domain, FormatError, Signature, SignatureError, media};

const WHAT: &str = "a DSSE envelope";
const MAX_BYTES: usize = 1024 * 1024;

/// The DSSE v1 pre-authentication encoding of a payload and its type.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {} {} ",
        payload_type.len(),
        payload_type,
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// A DSSE envelope with exactly one signature, by the attesting builder (`docs/protocol.md`, "Statement").
///
/// The signature is over [`Domain::dsse_digest`]. `keyid` is a CAIP-10 hint and never trusted; an envelope is
/// never a vote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    payload: Vec<u8>,
    keyid: String,
    signature: Signature,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

/// An envelope whose signer was recovered; only [`Envelope::open`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenedEnvelope {
    builder: BuilderId,
    payload: Vec<u8>,
}

impl OpenedEnvelope {
    /// Who signed.
    #[must_use]
    pub const fn builder(&self) -> BuilderId {
        self.builder
    }

    /// The exact bytes that were signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl Envelope {
    /// What a builder signs over an in-toto payload in `domain`.
    #[must_use]
    pub fn digest(domain: &Domain, payload: &[u8]) -> alloy_primitives::B256 {
        domain.dsse_digest(&pae(media::IN_TOTO, payload))
    }

    /// An envelope around `payload`, signed by `builder` with `signature` over [`Self::digest`].
    #[must_use]
    pub fn new(
        domain: &Domain,
        payload: Vec<u8>,
        builder: BuilderId,
        signature: Signature,
    ) -> Self {
        Self {
            payload,
            keyid: domain.account(&builder.address()),
            signature,
        }
    }

    /// Reads an envelope: at most 1 MiB, canonical base64, in-toto payload, exactly one 64-byte signature.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::plain(WHAT, bytes, MAX_BYTES)?;
        let wire: Wire = serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))?;
        if wire.payload_type != media::IN_TOTO {
            let why = format!(
                "payloadType is {:?}, not {:?}",
                wire.payload_type,
                media::IN_TOTO
            );
            return Err(FormatError::field(WHAT, why));
        }
        let [only] = wire.signatures.as_slice() else {
            let why = format!(
                "has {} signatures, exactly one is allowed",
                wire.signatures.len()
            );
            return Err(FormatError::field(WHAT, why));
        };
        let signature = Signature::from_bytes(&decode(&only.sig)?)
            .map_err(|error| FormatError::field(WHAT, error.to_string()))?;
        Ok(Self {
            payload: decode(&wire.payload)?,
            keyid: only.keyid.clone(),
            signature,
        })
    }

    /// Writes the envelope.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        let wire = Wire {
            payload: STANDARD.encode(&self.payload),
            payload_type: media::IN_TOTO.to_owned(),
            signatures: vec![WireSignature {
                keyid: self.keyid.clone(),
                sig: STANDARD.encode(self.signature.as_bytes()),
            }],
        };
        serde_json::to_vec(&wire).map_err(FormatError::json(WHAT))
    }

    /// Recovers who signed the payload in `domain`; the key comes from the signature, never from `keyid`.
    ///
    /// # Errors
    /// When no key can be recovered.
    pub fn open(&self, domain: &Domain) -> Result<OpenedEnvelope, SignatureError> {
        let builder = self
            .signature
            .recover(&Self::digest(domain, &self.payload))?;
        Ok(OpenedEnvelope {
            builder,
            payload: self.payload.clone(),
        })
    }

    /// Like [`Self::open`], and refuses unless `builder` signed.
    ///
    /// # Errors
    /// When another key signed, or none can be recovered.
    pub fn open_as(
        &self,
        domain: &Domain,
        builder: BuilderId,
    ) -> Result<OpenedEnvelope, SignatureError> {
        let opened = self.open(domain)?;
        if opened.builder == builder {
            return Ok(opened);
        }
        Err(SignatureError::WrongSigner {
            claimed: builder,
            recovered: opened.builder,
        })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, FormatError> {
    STANDARD
        .decode(text)
        .map_err(|error| FormatError::field(WHAT, format!("base64: {error}")))
}
