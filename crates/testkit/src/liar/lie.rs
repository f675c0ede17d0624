use std::{str::FromStr, time::Duration};

use thiserror::Error;

use super::{Forgery, Game};

/// One way not to tell the truth.
///
/// As text `NAME` or `NAME=ARGUMENT`; [`Lie::HELP`] lists them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lie {
    /// One byte of the body is another one.
    WrongBytes,
    /// The body is this text.
    Body(String),
    /// Wherever the body has the first text, it has the second one.
    Replace(String, String),
    /// Every manifest is the one that the upstream has under this tag or digest.
    SwappedManifest(String),
    /// Every blob is the one that the upstream has under this digest.
    SwappedBlob(String),
    /// This status, and nothing behind it.
    Status(u16),
    /// The head of an answer, and the connection is cut before the first byte of its body.
    Reset,
    /// Half of the body, then the connection is cut.
    Truncated,
    /// Half of the body, said to be all.
    Short,
    /// The whole body, said to be one byte longer.
    LongLength,
    /// A body without end.
    Endless,
    /// The true body, one byte per this time.
    Drip(Duration),
    /// The true answer, this much later.
    Delay(Duration),
    /// No answer at all.
    Stall,
    /// Another `Content-Type`.
    ContentType(String),
    /// Another `Docker-Content-Digest`.
    DigestHeader(String),
    /// A redirect to this address.
    Redirect(String),
    /// A redirect to itself.
    RedirectLoop,
    /// A bearer challenge with this realm.
    Challenge(String),
    /// Wants a bearer token for everything, and gives one at `/token` to whoever asks.
    WantsToken,
    /// A `Link` to itself as the next page.
    LinkLoop,
    /// An index with this many made-up entries instead of the answer.
    Flood(usize),
    /// Another chain id.
    ChainId(u64),
    /// Another hash of block 0.
    Genesis,
    /// Another hash in every block.
    BlockHash,
    /// Another value of this field of every block header.
    Header(String),
    /// A finalised block that is another one, and hashes to what it says.
    ForkedHead,
    /// The newest block, which is not final, passed off as the finalised one.
    LatestAsFinal,
    /// The block of this number passed off as the finalised one.
    HeadAt(u64),
    /// The head stays where it was when first asked for.
    FrozenHead,
    /// A changed node in every proof.
    Proof,
    /// The last node of every proof is left out.
    ProofCut,
    /// A node that proves nothing at the end of every proof.
    ProofExtra,
    /// Every node of a proof in the opposite order.
    ProofReversed,
    /// Every proof is of another slot.
    ProofOfOtherSlot,
    /// Every proof is of another account.
    ProofOfOtherAccount,
    /// Every proof is against another block.
    ProofOfOtherBlock,
    /// The lists of nodes of account and slots are exchanged.
    ProofMixed,
    /// No slot is proven.
    NoSlots,
    /// Another value of every storage slot, in proofs too.
    Storage,
    /// Other code of every account.
    Code,
    /// Other results of every call.
    Call,
    /// No logs.
    NoLogs,
    /// Other data in every log.
    Logs,
    /// A whole other state, consistent in itself: header, account, slots, proofs and events fit together.
    Forged(Box<Forgery>),
    /// An error instead of a result.
    RpcError,
    /// `null` instead of a result.
    RpcNull,
    /// An answer that JSON-RPC does not allow.
    Envelope(Game),
}

/// Why a text is no lie.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no lie that can be told; known are: {names}", names = Lie::HELP)]
pub struct LieError(pub String);

impl Lie {
    /// The names, with the arguments they take.
    pub const HELP: &str = "wrong-bytes, body=TEXT, replace=OLD=>NEW, swapped-manifest=REF, swapped-blob=DIGEST, status=CODE, \
        reset, truncated, short, long-length, endless, drip=MILLISECONDS, delay=MILLISECONDS, stall, content-type=TYPE, \
        digest-header=TEXT, redirect=URL, redirect-loop, challenge=REALM, wants-token, link-loop, flood=NUMBER, \
        chain-id=NUMBER, genesis, block-hash, header=FIELD, forked-head, latest-as-final, head-at=NUMBER, frozen-head, proof, \
        proof-cut, proof-extra, proof-reversed, proof-of-other-slot, proof-of-other-account, proof-of-other-block, proof-mixed, \
        no-slots, storage, code, call, no-logs, logs, forged=ADDRESS[,SLOT:WORD]…, rpc-error, rpc-null, envelope=GAME \
        (id, string-id, version, both, neither, array, duplicate, trailing, mark, deep, huge, text, empty)";

    /// Lies without an argument.
    const PLAIN: [(&str, Self); 31] = [
        ("wrong-bytes", Self::WrongBytes),
        ("reset", Self::Reset),
        ("truncated", Self::Truncated),
        ("short", Self::Short),
        ("long-length", Self::LongLength),
        ("endless", Self::Endless),
        ("stall", Self::Stall),
        ("redirect-loop", Self::RedirectLoop),
        ("wants-token", Self::WantsToken),
        ("link-loop", Self::LinkLoop),
        ("genesis", Self::Genesis),
        ("block-hash", Self::BlockHash),
        ("forked-head", Self::ForkedHead),
        ("latest-as-final", Self::LatestAsFinal),
        ("frozen-head", Self::FrozenHead),
        ("proof", Self::Proof),
        ("proof-cut", Self::ProofCut),
        ("proof-extra", Self::ProofExtra),
        ("proof-reversed", Self::ProofReversed),
        ("proof-of-other-slot", Self::ProofOfOtherSlot),
        ("proof-of-other-account", Self::ProofOfOtherAccount),
        ("proof-of-other-block", Self::ProofOfOtherBlock),
        ("proof-mixed", Self::ProofMixed),
        ("no-slots", Self::NoSlots),
        ("storage", Self::Storage),
        ("code", Self::Code),
        ("call", Self::Call),
        ("no-logs", Self::NoLogs),
        ("logs", Self::Logs),
        ("rpc-error", Self::RpcError),
        ("rpc-null", Self::RpcNull),
    ];

    fn plain(name: &str) -> Option<Self> {
        let found = Self::PLAIN.iter().find(|(known, _)| *known == name);
        found.map(|(_, lie)| lie.clone())
    }

    fn with(name: &str, argument: &str) -> Option<Self> {
        let text = || argument.to_owned();
        let time = || argument.parse().ok().map(Duration::from_millis);
        match name {
            "body" => Some(Self::Body(text())),
            "replace" => {
                let (old, new) = argument.split_once("=>")?;
                Some(Self::Replace(old.to_owned(), new.to_owned()))
            }
            "swapped-manifest" => Some(Self::SwappedManifest(text())),
            "swapped-blob" => Some(Self::SwappedBlob(text())),
            "status" => {
                let code = argument.parse().ok()?;
                (200..600).contains(&code).then_some(Self::Status(code))
            }
            "drip" => time().map(Self::Drip),
            "delay" => time().map(Self::Delay),
            "content-type" => Some(Self::ContentType(text())),
            "digest-header" => Some(Self::DigestHeader(text())),
            "redirect" => Some(Self::Redirect(text())),
            "challenge" => Some(Self::Challenge(text())),
            "flood" => argument.parse().ok().map(Self::Flood),
            "chain-id" => argument.parse().ok().map(Self::ChainId),
            "header" => Some(Self::Header(text())),
            "head-at" => argument.parse().ok().map(Self::HeadAt),
            "forged" => argument.parse().ok().map(Box::new).map(Self::Forged),
            "envelope" => argument.parse().ok().map(Self::Envelope),
            _ => None,
        }
    }
}

impl FromStr for Lie {
    type Err = LieError;

    fn from_str(text: &str) -> Result<Self, LieError> {
        let lie = match text.split_once('=') {
            Some((name, argument)) => Self::with(name, argument),
            None => Self::plain(text),
        };
        lie.ok_or_else(|| LieError(text.to_owned()))
    }
}
