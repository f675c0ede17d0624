use seed_image::{Descriptor, media};
use seed_primitives::Digest;
use serde_json::{Value, json};

use crate::{
    Blemish, Copy, Flaw, Images, Seed, Word, World, bundle_case::BundleCase, release::Published,
    words::Words, world::REPOSITORY,
};

/// What is asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// An image of the second release, by digest.
    Image(usize),
    /// The same with every layer read.
    Deep(usize),
    /// Its index, by digest.
    Index,
    /// Its tag, which from the n-th request on points to the first release; 0 for never.
    Tag(usize),
    /// An image of the genesis release.
    Genesis(usize),
    /// The second release's image under a policy that is content with agreed values.
    Agreed(usize),
    /// A tag under a policy without a rule against old releases.
    BareTag,
    /// The genesis release under a policy that wants a later one.
    Old,
    /// The genesis release after the second one was accepted.
    BelowMark,
    /// The second release where nothing is remembered and should be.
    NoMark,
    /// Everything but a record.
    Unrecorded(usize),
    /// Recorded, not final.
    Pending(usize),
    /// Recorded by a builder that was revoked for it.
    Tainted(usize),
    /// An image nobody signed.
    Strange,
    /// An image nobody signed, with the locator of a good release.
    StrangeBorrowed,
    /// An image nobody signed, with a locator that lists it.
    StrangeForged,
    /// A release with something wrong in the evidence of one of its two signers.
    Blemished(Blemish),
    /// A document made up by the registry, served under its own digest.
    Document(Fake),
    /// A good image with a locator given beside it that is not in its form.
    Locator(Twist),
    /// A reference that is none.
    Reference(&'static str),
    /// A policy that is none.
    Policy(Fault),
    /// A policy for another ledger.
    OtherLedger,
    /// A policy that wants another source.
    OtherSource,
    /// A policy that finds the head too old.
    Stale,
    /// A policy whose endpoints are said to speak TLS and do not: this many of three.
    NoTls(usize),
    /// A release that stands in the ledger and must not count.
    Flawed(Flaw),
    /// A copy of an image, with every layer read or without; its release is named, or must be found.
    Copied {
        /// Which.
        copy: Copy,
        /// Of the image for this system.
        at: usize,
        /// Whether every layer is to be read.
        deep: bool,
        /// Whether its release must be found.
        search: bool,
    },
    /// A policy that is content with agreed values, where nobody proves anything.
    Values(Values),
    /// Every layer is to be read, and the registry gives none.
    Withheld(usize),
    /// A bundle, or a layout, or an archive of one.
    Bundle(Box<BundleCase>),
}

/// What operators say of values where none of them proves any.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Values {
    /// All the same.
    Agreed(usize),
    /// The policy is for a ledger with other code.
    OtherCode,
    /// The first says that the release was recorded.
    Conflict,
    /// The first says that the release was recorded, and the others say nothing.
    OneSays,
    /// The first tells the truth, and the others say nothing.
    OneKnows,
}

const VALUES: [Values; 4] = [
    Values::OtherCode,
    Values::Conflict,
    Values::OneSays,
    Values::OneKnows,
];

/// A document that a registry makes up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fake {
    StrangeChild,
    ChildSize,
    SwappedPlatforms,
    OnePlatformTwice,
    TurnedAround,
    NestedIndex,
    BothKinds,
    NoType,
    OtherType,
    ForeignLayer,
    SchemaOne,
    DockerType,
    Chart,
    WebAssembly,
    TableOfContents,
    DeepNesting,
    DuplicateKey,
    Bomb,
}

/// What is wrong with a locator that was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Twist {
    DuplicateKey,
    UnknownField,
    OtherCase,
    EscapedKey,
    Trailing,
    Mark,
    LoneSurrogate,
    Depth,
    Climbing,
    Empty,
    Earlier,
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    UnknownField,
    Misspelt,
    SameOperator,
    TooFewAgree,
    PlainHttp,
    NoSources,
    DuplicateKey,
}

const FAKES: [Fake; 18] = [
    Fake::ChildSize,
    Fake::StrangeChild,
    Fake::SwappedPlatforms,
    Fake::OnePlatformTwice,
    Fake::TurnedAround,
    Fake::NestedIndex,
    Fake::BothKinds,
    Fake::NoType,
    Fake::OtherType,
    Fake::ForeignLayer,
    Fake::SchemaOne,
    Fake::DockerType,
    Fake::Chart,
    Fake::WebAssembly,
    Fake::TableOfContents,
    Fake::DeepNesting,
    Fake::DuplicateKey,
    Fake::Bomb,
];

const TWISTS: [Twist; 12] = [
    Twist::Earlier,
    Twist::Earlier,
    Twist::DuplicateKey,
    Twist::UnknownField,
    Twist::OtherCase,
    Twist::EscapedKey,
    Twist::Trailing,
    Twist::Mark,
    Twist::LoneSurrogate,
    Twist::Depth,
    Twist::Climbing,
    Twist::Empty,
];

const FAULTS: [Fault; 7] = [
    Fault::UnknownField,
    Fault::Misspelt,
    Fault::SameOperator,
    Fault::TooFewAgree,
    Fault::PlainHttp,
    Fault::NoSources,
    Fault::DuplicateKey,
];

/// Anything but a yes.
const NO: Words = Words::only(Word::Rejected)
    .or(Words::only(Word::Undecidable))
    .or(Words::only(Word::Revoked));

/// References that must be refused before anything is asked. `H` stands for the registry, `X` for 64 digits.
const REFERENCES: [&str; 16] = [
    "H@sha512:X",
    "H@SHA256:X",
    "H@sha256:X0",
    "H@sha256:",
    "H@sha256:../../../../etc/passwd",
    "H@sha256+b64:X",
    "H@md5:00112233445566778899aabbccddeeff",
    "H@sha256:X@sha256:X",
    "H:tag@",
    "H/../x@sha256:X",
    "H//x@sha256:X",
    "H/UPPER@sha256:X",
    "H@sha256:X\n",
    "H@sha256:X\u{1b}[2J",
    "oci:",
    "",
];

impl Subject {
    /// A subject that ought to be verified.
    pub fn honest(seed: &mut Seed) -> Self {
        let at = seed.below(2);
        match seed.below(14) {
            0..=4 => Self::Image(at),
            5 => Self::Deep(at),
            6 => Self::Index,
            7 => Self::Tag(0),
            8 => Self::Tag(2 + seed.below(8)),
            9 => Self::Genesis(at),
            10 => Self::Agreed(at),
            11 => Self::Copied {
                copy: *seed.choose(&Copy::HONEST),
                at,
                deep: true,
                search: seed.one_in(1, 10),
            },
            12 if seed.one_in(1, 4) => Self::Values(Values::Agreed(at)),
            _ => Self::NoTls(1),
        }
    }

    /// A subject that must not be verified, whoever says what.
    pub fn dishonest(seed: &mut Seed) -> Self {
        let at = seed.below(2);
        match seed.below(72) {
            0..=4 => Self::Unrecorded(at),
            5..=7 => Self::Pending(at),
            8..=10 => Self::Tainted(at),
            11 => Self::BareTag,
            12 => Self::Old,
            13 => Self::BelowMark,
            14 => Self::NoMark,
            15 => Self::Strange,
            16 => Self::StrangeBorrowed,
            17 => Self::StrangeForged,
            18..=21 => Self::Blemished(seed.choose(&Blemish::ALL).0),
            22..=24 => Self::Document(*seed.choose(&FAKES)),
            25 => Self::Locator(*seed.choose(&TWISTS)),
            26 => Self::Reference(REFERENCES[seed.below(REFERENCES.len())]),
            27 => Self::Policy(*seed.choose(&FAULTS)),
            28 => Self::OtherLedger,
            29 => match seed.below(2) {
                0 => Self::OtherSource,
                _ => Self::Tag(1),
            },
            30 => Self::Stale,
            31 | 32 => Self::Policy(*seed.choose(&[Fault::SameOperator, Fault::PlainHttp])),
            33 => Self::Document(*seed.choose(&FAKES)),
            34..=36 => Self::Blemished(seed.choose(&Blemish::ALL).0),
            37 => Self::NoTls(2 + seed.below(2)),
            38..=57 => Self::Flawed(seed.choose(&Flaw::ALL).0),
            58..=61 => Self::Copied {
                copy: *seed.choose(&Copy::LIES),
                at,
                deep: seed.one_in(4, 5),
                search: false,
            },
            62 => Self::Copied {
                copy: *seed.choose(&Copy::HONEST),
                at,
                deep: false,
                search: false,
            },
            63..=65 => Self::Values(*seed.choose(&VALUES)),
            66 => Self::Withheld(at),
            67 => Self::Document(Fake::ChildSize),
            68..=69 => Self::Blemished(Blemish::OtherCopy),
            // What is hit too seldom by the draws above.
            70 => Self::Document(Fake::ForeignLayer),
            71 => Self::Blemished(Blemish::Unreadable),
            // Those that are nearest to what is good.
            _ => Self::Blemished(seed.choose(&Blemish::ALL[25..]).0),
        }
    }

    /// What is right to say when nobody lies.
    #[must_use]
    pub fn truth(&self) -> Words {
        Words::only(match self {
            Self::Bundle(case) => return case.truth(),
            Self::Flawed(flaw) => return flaw.truth(),
            Self::Copied { copy, deep, .. } => return copy.truth(*deep),
            Self::Values(Values::Conflict) => return NO,
            Self::Values(Values::Agreed(_)) => Word::Verified,
            Self::Values(_) | Self::Withheld(_) => Word::Undecidable,
            Self::Image(_) | Self::Deep(_) | Self::Index | Self::Genesis(_) | Self::Agreed(_) => {
                Word::Verified
            }
            Self::Tag(1) => Word::Rejected,
            Self::Tag(_) | Self::NoTls(0 | 1) => Word::Verified,
            Self::Document(Fake::TurnedAround) => Word::Verified,
            Self::BareTag
            | Self::NoMark
            | Self::Strange
            | Self::Locator(
                Twist::DuplicateKey
                | Twist::UnknownField
                | Twist::OtherCase
                | Twist::EscapedKey
                | Twist::Trailing
                | Twist::Mark
                | Twist::LoneSurrogate
                | Twist::Depth
                | Twist::Climbing
                | Twist::Empty,
            )
            | Self::OtherLedger
            | Self::Stale
            | Self::NoTls(_) => Word::Undecidable,
            Self::Reference(_) | Self::Policy(_) => Word::Usage,
            Self::Tainted(_) => Word::Revoked,
            Self::Old
            | Self::BelowMark
            | Self::Unrecorded(_)
            | Self::Pending(_)
            | Self::StrangeBorrowed
            | Self::StrangeForged
            | Self::Blemished(_)
            | Self::Document(_)
            | Self::Locator(Twist::Earlier)
            | Self::OtherSource => Word::Rejected,
        })
    }

    /// The rows of the threat model that the subject alone is about.
    #[must_use]
    pub fn rows(&self) -> Vec<&'static str> {
        let rows: &[_] = match self {
            Self::Bundle(case) => return case.rows(),
            Self::Flawed(flaw) => flaw.rows(),
            Self::Copied { .. } => &["REG-19", "REG-15"],
            Self::Values(_) => &["RPC-01", "RPC-12"],
            Self::Withheld(_) => &["REG-16", "REG-21"],
            Self::Tag(0)
            | Self::Image(_)
            | Self::Index
            | Self::Deep(_)
            | Self::Genesis(_)
            | Self::Agreed(_) => &[],
            Self::Tag(_) => &["REG-01"],
            Self::BareTag | Self::Old => &["REG-20"],
            Self::BelowMark | Self::NoMark => &["REG-20", "RPC-09"],
            Self::Unrecorded(_) => &["RPC-01"],
            Self::Pending(_) => &["RPC-10"],
            Self::Tainted(_) => &["PAR-12"],
            Self::Strange => &["PAR-08"],
            Self::StrangeBorrowed => &["REG-15", "REG-19"],
            Self::StrangeForged => &["REG-15", "PAR-11"],
            Self::Blemished(blemish) => blemish.rows(),
            Self::Document(fake) => fake.rows(),
            Self::Locator(twist) => twist.rows(),
            Self::Reference(_) => &["REG-04", "PAR-15"],
            Self::Policy(fault) => match fault {
                Fault::SameOperator => &["RPC-16"],
                Fault::PlainHttp => &["RPC-15"],
                Fault::TooFewAgree => &["RPC-02", "PAR-21"],
                Fault::UnknownField | Fault::Misspelt | Fault::NoSources => &["PAR-21"],
                Fault::DuplicateKey => &["PAR-01", "PAR-21"],
            },
            Self::OtherLedger => &["RPC-07", "RPC-05"],
            Self::OtherSource => &["RPC-05"],
            Self::Stale => &["RPC-08", "RPC-17"],
            Self::NoTls(_) => &["RPC-15"],
        };
        rows.to_vec()
    }

    /// Whether every layer is to be read.
    #[must_use]
    pub const fn is_deep(&self) -> bool {
        matches!(
            self,
            Self::Deep(_)
                | Self::Document(Fake::Bomb)
                | Self::Copied { deep: true, .. }
                | Self::Flawed(Flaw::DiffId)
                | Self::Withheld(_)
        )
    }

    /// Whether its policy knows the stricter rules.
    pub(crate) const fn is_strict(&self) -> bool {
        match self {
            Self::Flawed(_) => true,
            Self::Copied { copy, .. } => copy.is_of_a_flawed(),
            _ => false,
        }
    }

    /// What the subject itself has told, as text.
    #[must_use]
    pub fn lies(&self) -> Vec<String> {
        match self {
            Self::Bundle(case) => case.lies(),
            Self::Values(_) => vec!["no proofs".to_owned()],
            _ => Vec::new(),
        }
    }

    /// Whether nobody is to lie beside it: it is good as it is.
    pub(crate) const fn is_left_alone(&self) -> bool {
        matches!(
            self,
            Self::Values(Values::Agreed(_)) | Self::Copied { deep: true, .. }
        )
    }

    /// Whether its policy wants something to be remembered.
    #[must_use]
    pub const fn remembers(&self) -> bool {
        matches!(self, Self::BelowMark | Self::NoMark)
    }

    /// The release whose image it is.
    #[must_use]
    pub fn release<'a>(&self, world: &'a World) -> Option<&'a Published> {
        Some(match self {
            Self::Genesis(_) | Self::Old | Self::BelowMark => &world.first,
            Self::Unrecorded(_) => &world.unrecorded,
            Self::Pending(_) => &world.pending,
            Self::Tainted(_) => &world.tainted,
            Self::Blemished(blemish) => world.blemished.get(blemish)?,
            Self::Bundle(case) => case.release(world)?,
            Self::Flawed(flaw) => world.flawed.get(flaw)?,
            Self::Copied { copy, .. } => copy.original(world),
            Self::Values(Values::Conflict | Values::OneSays) => &world.unrecorded,
            Self::Strange
            | Self::StrangeBorrowed
            | Self::StrangeForged
            | Self::Reference(_)
            | Self::Policy(_)
            | Self::Document(_) => return None,
            _ => &world.second,
        })
    }

    /// The images of its release.
    #[must_use]
    pub fn images<'a>(&self, world: &'a World) -> Option<&'a Images> {
        self.release(world).map(|release| &release.images)
    }

    /// The evidence of one builder about its release.
    #[must_use]
    pub fn evidence<'a>(
        &self,
        world: &'a World,
        builder: &str,
    ) -> Option<&'a (Digest, Vec<Digest>)> {
        self.release(world)?.evidence.get(builder)
    }

    /// The tag or digest that is asked for.
    #[must_use]
    pub fn pointer(&self, world: &World) -> Option<String> {
        let image = |images: &Images, at: usize| images.manifest(at).to_string();
        Some(match self {
            Self::Tag(_) | Self::BareTag => "v2".to_owned(),
            Self::Index => world.second.images.index().to_string(),
            Self::Image(at) | Self::Deep(at) | Self::Agreed(at) | Self::Genesis(at) => {
                image(self.images(world)?, *at)
            }
            Self::Unrecorded(at)
            | Self::Pending(at)
            | Self::Tainted(at)
            | Self::Withheld(at)
            | Self::Values(Values::Agreed(at)) => image(self.images(world)?, *at),
            Self::Flawed(flaw) => image(self.images(world)?, flaw.at()),
            Self::Copied { copy, at, .. } => Digest::of(&copy.document(world, *at).1).to_string(),
            Self::Strange | Self::StrangeBorrowed | Self::StrangeForged => image(&world.strange, 1),
            Self::Document(fake) => Digest::of(&fake.document(world).1).to_string(),
            Self::Bundle(case) => case.digest(world).to_string(),
            Self::Reference(_) => return None,
            _ => image(self.images(world).unwrap_or(&world.second.images), 1),
        })
    }

    /// The image as it is named to the verifier.
    #[must_use]
    pub fn reference(&self, world: &World, host: &str) -> String {
        let repository = format!("{host}/{REPOSITORY}");
        match (self, self.pointer(world)) {
            (Self::Reference(text), _) => text
                .replace('H', &repository)
                .replace('X', &"0a".repeat(32)),
            (Self::Tag(_) | Self::BareTag, _) => format!("{repository}:v2"),
            (_, Some(digest)) => format!("{repository}@{digest}"),
            (_, None) => repository,
        }
    }

    /// The locator that is given.
    #[must_use]
    pub fn locator(&self, world: &World) -> Option<Vec<u8>> {
        let good = world.second.locator.to_json().ok()?;
        match self {
            Self::StrangeBorrowed => Some(good),
            Self::StrangeForged => {
                let mut forged = world.second.locator.clone();
                forged.record.digests = (0..2).map(|at| world.strange.manifest(at)).collect();
                forged.to_json().ok()
            }
            Self::Locator(Twist::Earlier) => {
                let mut earlier = world.second.locator.clone();
                earlier.record.sequence -= 1;
                earlier.record.timestamp -= 1;
                earlier.to_json().ok()
            }
            Self::Locator(twist) => Some(twist.apply(&String::from_utf8(good).ok()?)),
            Self::Copied {
                copy,
                search: false,
                ..
            } => copy.original(world).locator.to_json().ok(),
            _ => None,
        }
    }
}

impl Fake {
    const fn rows(self) -> &'static [&'static str] {
        match self {
            Self::StrangeChild | Self::ChildSize => &["REG-07"],
            Self::SwappedPlatforms | Self::OnePlatformTwice | Self::TurnedAround => &["REG-08"],
            Self::NestedIndex => &["REG-09"],
            Self::BothKinds => &["REG-05"],
            Self::NoType => &["REG-05", "REG-06"],
            Self::OtherType => &["REG-06"],
            Self::ForeignLayer => &["REG-10"],
            Self::SchemaOne | Self::DockerType | Self::Chart | Self::WebAssembly => &["REG-22"],
            Self::TableOfContents => &["REG-18", "REG-22"],
            Self::DeepNesting => &["PAR-03", "REG-09"],
            Self::DuplicateKey => &["PAR-01"],
            Self::Bomb => &["REG-18"],
        }
    }

    /// The document, with its content type.
    #[must_use]
    pub fn document(self, world: &World) -> (&'static str, Vec<u8>) {
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        let (mut index, mut manifest) = (
            read(&world.second.images.index),
            read(&world.second.images.manifests[1]),
        );
        let as_text = |value: &Value| value.to_string().into_bytes();
        match self {
            Self::StrangeChild => {
                let strange = read(&world.strange.index);
                index["manifests"][0] = strange["manifests"][0].clone();
            }
            Self::ChildSize => {
                let size = index["manifests"][0]["size"].as_u64().unwrap_or_default();
                index["manifests"][0]["size"] = json!(size + 1);
            }
            Self::SwappedPlatforms => {
                let first = index["manifests"][0]["platform"].take();
                index["manifests"][0]["platform"] = index["manifests"][1]["platform"].take();
                index["manifests"][1]["platform"] = first;
            }
            Self::OnePlatformTwice => {
                index["manifests"][0]["platform"] = index["manifests"][1]["platform"].clone();
            }
            Self::TurnedAround => {
                if let Some(children) = index["manifests"].as_array_mut() {
                    children.reverse();
                }
            }
            Self::NestedIndex => {
                let bytes = &world.second.images.index;
                index["manifests"][0]["mediaType"] = json!(media::INDEX);
                index["manifests"][0]["digest"] = json!(Digest::of(bytes));
                index["manifests"][0]["size"] = json!(bytes.len());
            }
            Self::BothKinds => {
                index["layers"] = manifest["layers"].clone();
                index["config"] = manifest["config"].clone();
            }
            _ => {
                let text = match self {
                    Self::DuplicateKey => {
                        let text = manifest.to_string();
                        text.replacen('{', "{\"schemaVersion\":2,", 1).into_bytes()
                    }
                    Self::DeepNesting => {
                        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
                        let text = manifest.to_string();
                        text.replacen('{', &format!("{{\"annotations\":{deep},"), 1)
                            .into_bytes()
                    }
                    _ => {
                        self.twist(&mut manifest, &world.bomb);
                        as_text(&manifest)
                    }
                };
                return (media::MANIFEST, text);
            }
        }
        (media::INDEX, as_text(&index))
    }

    fn twist(self, manifest: &mut Value, bomb: &[u8]) {
        match self {
            Self::NoType => {
                if let Some(fields) = manifest.as_object_mut() {
                    fields.remove("mediaType");
                }
            }
            Self::OtherType => manifest["mediaType"] = json!(media::INDEX),
            Self::ForeignLayer => manifest["layers"][0]["urls"] = json!(["http://192.0.2.1/layer"]),
            Self::SchemaOne => manifest["schemaVersion"] = json!(1),
            Self::DockerType => {
                manifest["mediaType"] =
                    json!("application/vnd.docker.distribution.manifest.v2+json");
            }
            Self::Chart => {
                manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json")
            }
            Self::WebAssembly => {
                manifest["artifactType"] = json!("application/vnd.wasm.config.v0+json")
            }
            Self::TableOfContents => {
                manifest["layers"][0]["annotations"] =
                    json!({ "io.containers.estargz.uncompressed-size": "1" });
            }
            Self::Bomb => manifest["layers"] = json!([Descriptor::of(media::LAYER_TAR_ZSTD, bomb)]),
            _ => {}
        }
    }
}

impl Twist {
    const fn rows(self) -> &'static [&'static str] {
        match self {
            Self::DuplicateKey => &["PAR-01"],
            Self::UnknownField | Self::OtherCase | Self::EscapedKey => &["PAR-02"],
            Self::Trailing | Self::Mark | Self::LoneSurrogate | Self::Depth => &["PAR-03"],
            Self::Climbing => &["PAR-14"],
            Self::Empty => &["PAR-08"],
            Self::Earlier => &["REG-20", "RPC-05"],
        }
    }

    fn apply(self, text: &str) -> Vec<u8> {
        let insert = |what: &str| text.replacen('{', &format!("{{{what},"), 1);
        let twisted = match self {
            Self::DuplicateKey => insert("\"record\":\"0x00\""),
            Self::UnknownField => insert("\"approved\":true"),
            Self::OtherCase => text.replacen("\"record\"", "\"Record\"", 1),
            Self::EscapedKey => text.replacen("\"record\"", "\"\\u0072ecord\"", 1),
            Self::Trailing => format!("{text}{text}"),
            Self::Mark => format!("\u{feff}{text}"),
            Self::LoneSurrogate => insert("\"n\":\"\\udfff\""),
            Self::Depth => insert(&format!(
                "\"n\":{}{}",
                "[".repeat(10_000),
                "]".repeat(10_000)
            )),
            Self::Climbing => text.replace("\"seed\"", "\"../../seed\""),
            // Not a matter of spelling: the locator says it with another record.
            Self::Empty | Self::Earlier => "{}".to_owned(),
        };
        twisted.into_bytes()
    }
}
