use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// What is wrong with the statements of one builder: a member of the quorum that lies, or whose key was stolen, and
/// signs documents that readers might take for something else.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the text of each says what it is")]
pub enum Blemish {
    DuplicateKey,
    UnknownField,
    OtherCase,
    EscapedKey,
    Homoglyph,
    Trailing,
    Mark,
    NotANumber,
    HugeNumber,
    LoneSurrogate,
    Depth,
    PayloadType,
    OpenBase64,
    SpacedBase64,
    NoSignature,
    TwoSignatures,
    Stranger,
    KeyInside,
    OtherPredicate,
    NoPredicate,
    Unreadable,
    Empty,
    Indented,
    NoSubject,
    TwoSubjects,
    OtherSubject,
    ClimbingTarget,
    OtherBuilder,
    OtherChain,
    OtherSystem,
    Substituter,
    EmptyEvidence,
    ForeignEvidence,
    OtherCopy,
    OtherCommit,
    OtherClosure,
    OtherAudit,
    NoSandbox,
}

impl Blemish {
    /// Every blemish, the rows of the threat model it is about, and what it is.
    pub const ALL: [(Self, &'static [&'static str], &'static str); 38] = [
        (
            Self::DuplicateKey,
            &["PAR-01"],
            "a key twice in a signed statement",
        ),
        (
            Self::UnknownField,
            &["PAR-02"],
            "a field nobody knows in a signed statement",
        ),
        (Self::OtherCase, &["PAR-02"], "a key in capitals"),
        (Self::EscapedKey, &["PAR-02"], "a key spelt with an escape"),
        (
            Self::Homoglyph,
            &["PAR-02"],
            "a key with a letter of another alphabet",
        ),
        (
            Self::Trailing,
            &["PAR-03"],
            "something after a signed statement",
        ),
        (
            Self::Mark,
            &["PAR-03"],
            "a byte order mark before a signed statement",
        ),
        (Self::NotANumber, &["PAR-03"], "NaN for a number"),
        (Self::HugeNumber, &["PAR-03"], "1e400 for a number"),
        (
            Self::LoneSurrogate,
            &["PAR-03"],
            "half a surrogate pair in a text",
        ),
        (Self::Depth, &["PAR-03"], "a value nested ten thousand deep"),
        (Self::PayloadType, &["PAR-04"], "another payload type"),
        (Self::OpenBase64, &["PAR-04"], "base64 without its padding"),
        (Self::SpacedBase64, &["PAR-04"], "base64 with a line break"),
        (
            Self::NoSignature,
            &["PAR-05"],
            "an envelope without a signature",
        ),
        (Self::TwoSignatures, &["PAR-05"], "the one signature twice"),
        (
            Self::Stranger,
            &["PAR-05"],
            "the signature of somebody else",
        ),
        (
            Self::KeyInside,
            &["PAR-11"],
            "a signature that brings its own key",
        ),
        (Self::OtherPredicate, &["PAR-06"], "another predicate type"),
        (Self::NoPredicate, &["PAR-06"], "no predicate type"),
        (
            Self::Unreadable,
            &["PAR-07"],
            "a good signature over what is no JSON",
        ),
        (Self::Empty, &["PAR-08"], "a good signature over {}"),
        (
            Self::Indented,
            &["PAR-10"],
            "the statement written anew with the old signature",
        ),
        (Self::NoSubject, &["PAR-13"], "no subject"),
        (Self::TwoSubjects, &["PAR-13"], "two subjects"),
        (
            Self::OtherSubject,
            &["REG-15"],
            "a statement about another image",
        ),
        (
            Self::ClimbingTarget,
            &["PAR-14"],
            "a target that climbs out of its folder",
        ),
        (
            Self::OtherBuilder,
            &["PAR-12"],
            "a statement that names another builder",
        ),
        (
            Self::OtherChain,
            &["PAR-12"],
            "a statement of an identity on another chain",
        ),
        (
            Self::OtherSystem,
            &["REG-08"],
            "a statement about another system",
        ),
        (
            Self::Substituter,
            &["PAR-06"],
            "a build that took outputs from a cache",
        ),
        (
            Self::EmptyEvidence,
            &["PAR-08"],
            "an evidence manifest that lists nothing",
        ),
        (
            Self::ForeignEvidence,
            &["REG-15"],
            "the evidence of another release",
        ),
        (
            Self::OtherCopy,
            &["REG-15"],
            "evidence that attests the manifest of another image",
        ),
        (
            Self::OtherCommit,
            &["REG-15"],
            "a statement about another commit",
        ),
        (
            Self::OtherClosure,
            &["REG-15"],
            "a statement about another closure",
        ),
        (
            Self::OtherAudit,
            &["REG-15"],
            "a statement that names another audit",
        ),
        (
            Self::NoSandbox,
            &["PAR-06"],
            "a build that does not say whether it had a sandbox",
        ),
    ];

    /// The rows of the threat model it is about.
    #[must_use]
    pub fn rows(self) -> &'static [&'static str] {
        let found = Self::ALL.iter().find(|(one, ..)| *one == self);
        found.map_or(&[], |(_, rows, _)| rows)
    }

    /// The statement as it is signed; `stranger` is the image of another release.
    #[must_use]
    pub fn statement(self, text: &str, stranger: &str) -> Vec<u8> {
        let insert = |what: &str| text.replacen('{', &format!("{{{what},"), 1);
        let edit = |change: &dyn Fn(&mut Value)| {
            let mut value: Value = serde_json::from_str(text).unwrap_or_default();
            change(&mut value);
            value.to_string()
        };
        let new = match self {
            Self::DuplicateKey => insert("\"_type\":\"https://in-toto.io/Statement/v1\""),
            Self::UnknownField => insert("\"approved\":true"),
            Self::OtherCase => text.replacen("\"subject\"", "\"Subject\"", 1),
            Self::EscapedKey => text.replacen("\"subject\"", "\"\\u0073ubject\"", 1),
            Self::Homoglyph => text.replacen("\"subject\"", "\"ѕubject\"", 1),
            Self::Trailing => format!("{text} {{}}"),
            Self::Mark => format!("\u{feff}{text}"),
            Self::NotANumber => insert("\"n\":NaN"),
            Self::HugeNumber => insert("\"n\":1e400"),
            Self::LoneSurrogate => insert("\"n\":\"\\ud800\""),
            Self::Depth => insert(&format!(
                "\"n\":{}{}",
                "[".repeat(10_000),
                "]".repeat(10_000)
            )),
            Self::OtherPredicate => text.replacen(
                "https://slsa.dev/provenance/v1",
                "https://slsa.dev/provenance/v0.2",
                1,
            ),
            Self::NoPredicate => edit(&|value| {
                drop(
                    value
                        .as_object_mut()
                        .and_then(|all| all.remove("predicateType")),
                )
            }),
            Self::Unreadable => "not JSON at all".to_owned(),
            Self::Empty => "{}".to_owned(),
            Self::NoSubject => edit(&|value| value["subject"] = json!([])),
            Self::TwoSubjects => edit(&|value| {
                let one = value["subject"][0].clone();
                value["subject"] = json!([one, one]);
            }),
            Self::OtherSubject => {
                edit(&|value| value["subject"][0]["digest"]["sha256"] = json!(stranger))
            }
            Self::ClimbingTarget => text.replace("\"seed\"", "\"../../seed\""),
            Self::OtherSystem => text
                .replace("x86_64-linux", "riscv64-linux")
                .replace("aarch64-linux", "riscv64-linux"),
            Self::Substituter => text.replace(
                "\"substituters\":\"\"",
                "\"substituters\":\"https://cache.example\"",
            ),
            _ => text.to_owned(),
        };
        new.into_bytes()
    }

    /// The envelope as it is published.
    #[must_use]
    pub fn envelope(self, text: &str) -> Vec<u8> {
        let mut value: Value = serde_json::from_str(text).unwrap_or_default();
        let payload = value["payload"].as_str().unwrap_or_default().to_owned();
        match self {
            Self::PayloadType => value["payloadType"] = json!("application/json"),
            Self::OpenBase64 => {
                let bare = payload.trim_end_matches('=');
                let padding = if bare == payload { "=" } else { "" };
                value["payload"] = json!(format!("{bare}{padding}"));
            }
            Self::SpacedBase64 => value["payload"] = json!(format!("{payload}\n")),
            Self::NoSignature => value["signatures"] = json!([]),
            Self::TwoSignatures => {
                let one = value["signatures"][0].clone();
                value["signatures"] = json!([one, one]);
            }
            Self::KeyInside => {
                value["signatures"][0]["key"] = json!("0x1111111111111111111111111111111111111111")
            }
            Self::Indented => {
                let bytes = STANDARD.decode(&payload).unwrap_or_default();
                let statement: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                let indented = serde_json::to_vec_pretty(&statement).unwrap_or_default();
                value["payload"] = json!(STANDARD.encode(indented));
            }
            _ => return text.as_bytes().to_vec(),
        }
        value.to_string().into_bytes()
    }

    /// The name of the builder whose key signs the statement of `builder`.
    #[must_use]
    pub const fn signer(self, builder: &str) -> &str {
        match self {
            Self::Stranger => "mallory",
            _ => builder,
        }
    }
}
