use std::{str::FromStr, time::Duration};

use thiserror::Error;

/// One way not to tell the truth.
///
/// As text `NAME` or `NAME=ARGUMENT`; [`Lie::HELP`] lists them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lie {
    /// One byte of the body is another one.
    WrongBytes,
    /// Every manifest is the one that the upstream has under this tag or digest.
    SwappedManifest(String),
    /// This status, and nothing behind it.
    Status(u16),
    /// Half of the body, then the connection is cut.
    Truncated,
    /// Half of the body, said to be all.
    Short,
    /// A body without end.
    Endless,
    /// The true body, one byte per this time.
    Drip(Duration),
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
    /// Another chain id.
    ChainId(u64),
    /// Another hash in every block.
    BlockHash,
    /// Another value of this field of every block header.
    Header(String),
    /// A changed node in every proof.
    Proof,
    /// Another value of every storage slot, in proofs too.
    Storage,
    /// Other code of every account.
    Code,
    /// Other results of every call.
    Call,
    /// No logs.
    NoLogs,
    /// An error instead of a result.
    RpcError,
    /// `null` instead of a result.
    RpcNull,
    /// The head stays where it was when first asked for.
    FrozenHead,
}

/// Why a text is no lie.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no lie that can be told; known are: {names}", names = Lie::HELP)]
pub struct LieError(pub String);

impl Lie {
    /// The names, with the arguments they take.
    pub const HELP: &str = "wrong-bytes, swapped-manifest=REF, status=CODE, truncated, short, endless, drip=MILLISECONDS, \
        stall, content-type=TYPE, digest-header=TEXT, redirect=URL, redirect-loop, challenge=REALM, wants-token, link-loop, \
        chain-id=NUMBER, block-hash, header=FIELD, proof, storage, code, call, no-logs, rpc-error, rpc-null, frozen-head";
}

impl FromStr for Lie {
    type Err = LieError;

    fn from_str(text: &str) -> Result<Self, LieError> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let number = |text: &str| text.parse().ok();
        let lie = match (name, argument) {
            ("wrong-bytes", None) => Some(Self::WrongBytes),
            ("swapped-manifest", Some(name)) => Some(Self::SwappedManifest(name.to_owned())),
            ("status", Some(code)) => code
                .parse()
                .ok()
                .filter(|code| (200..600).contains(code))
                .map(Self::Status),
            ("truncated", None) => Some(Self::Truncated),
            ("short", None) => Some(Self::Short),
            ("endless", None) => Some(Self::Endless),
            ("drip", Some(time)) => number(time).map(Duration::from_millis).map(Self::Drip),
            ("stall", None) => Some(Self::Stall),
            ("content-type", Some(text)) => Some(Self::ContentType(text.to_owned())),
            ("digest-header", Some(text)) => Some(Self::DigestHeader(text.to_owned())),
            ("redirect", Some(url)) => Some(Self::Redirect(url.to_owned())),
            ("redirect-loop", None) => Some(Self::RedirectLoop),
            ("challenge", Some(realm)) => Some(Self::Challenge(realm.to_owned())),
            ("wants-token", None) => Some(Self::WantsToken),
            ("link-loop", None) => Some(Self::LinkLoop),
            ("chain-id", Some(id)) => number(id).map(Self::ChainId),
            ("block-hash", None) => Some(Self::BlockHash),
            ("header", Some(field)) => Some(Self::Header(field.to_owned())),
            ("proof", None) => Some(Self::Proof),
            ("storage", None) => Some(Self::Storage),
            ("code", None) => Some(Self::Code),
            ("call", None) => Some(Self::Call),
            ("no-logs", None) => Some(Self::NoLogs),
            ("rpc-error", None) => Some(Self::RpcError),
            ("rpc-null", None) => Some(Self::RpcNull),
            ("frozen-head", None) => Some(Self::FrozenHead),
            _ => None,
        };
        lie.ok_or_else(|| LieError(text.to_owned()))
    }
}

/// A lie with its occasion: `LIE`, `LIE@PART` (only where the path or JSON-RPC method has `PART` in it),
/// `LIE#3` (only from the third such request on), or `LIE@PART#3`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// What is told.
    pub lie: Lie,
    /// What the path, or the method of a JSON-RPC request, must have in it; empty for any.
    pub about: String,
    /// The first matching request that is lied to, from 1.
    pub from: usize,
}

impl Told {
    /// Only about requests that have `part` in their path or JSON-RPC method.
    #[must_use]
    pub fn about(self, part: &str) -> Self {
        Self {
            about: part.to_owned(),
            ..self
        }
    }

    /// Only from the `number`th matching request on, from 1.
    #[must_use]
    pub fn from_request(self, number: usize) -> Self {
        Self {
            from: number,
            ..self
        }
    }

    pub(super) fn is_about(&self, target: &str) -> bool {
        target.contains(&self.about)
    }
}

impl From<Lie> for Told {
    fn from(lie: Lie) -> Self {
        Self {
            lie,
            about: String::new(),
            from: 1,
        }
    }
}

impl FromStr for Told {
    type Err = LieError;

    fn from_str(text: &str) -> Result<Self, LieError> {
        let refused = || LieError(text.to_owned());
        let (rest, from) = match text.rsplit_once('#') {
            Some((rest, number)) => {
                let number: usize = number.parse().map_err(|_| refused())?;
                (rest, number.max(1))
            }
            None => (text, 1),
        };
        // An argument may have an @ in it, such as a URL; a part of a path comes after the last one.
        let (lie, about) = match rest.rsplit_once('@') {
            Some((lie, about)) => (lie, about),
            None => (rest, ""),
        };
        Ok(Self::from(lie.parse::<Lie>()?)
            .about(about)
            .from_request(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_occasions() {
        let told: Told = "status=404@/referrers/#3".parse().unwrap();
        assert_eq!(
            told,
            Told::from(Lie::Status(404))
                .about("/referrers/")
                .from_request(3)
        );
        assert!(told.is_about("/v2/a/referrers/sha256:00"));
        assert!(!told.is_about("/v2/a/manifests/x"));
    }

    #[test]
    fn refuses_what_is_no_lie() {
        for text in [
            "",
            "truth",
            "status",
            "status=9",
            "status=x",
            "wrong-bytes=1",
            "drip",
            "stall#x",
        ] {
            assert!(text.parse::<Told>().is_err(), "{text}");
        }
    }
}
