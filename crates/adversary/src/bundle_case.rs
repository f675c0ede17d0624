//! Bundles and archives as they are asked about: what somebody has in hand, and under which policy.

use std::fmt;

use seed_primitives::Digest;

use crate::{
    Blemish, Seed, Word, World,
    archive_lie::{ARCHIVE_LIES, ArchiveLie},
    bundle_lie::{BUNDLE_LIES, BundleLie, POINTED, WITHOUT_ENDORSEMENT},
    bundles::{At, Odd, Part, Which},
    release::Published,
    words::Words,
};

/// One question about a bundle, or about a layout or an archive of one.
#[derive(Clone)]
pub struct BundleCase {
    /// Whose bundle, captured at which state of the chain, for which images.
    pub(crate) which: Which,
    pub(crate) at: At,
    pub(crate) part: Part,
    /// What is asked about.
    pub(crate) asked: Asked,
    /// Where the image is.
    pub(crate) from: From,
    /// Where the bundle is.
    pub(crate) bundle: Held,
    /// Whether endpoints are asked.
    pub(crate) online: bool,
    /// Under which policy.
    pub(crate) terms: Terms,
    pub(crate) lie: Option<&'static BundleLie>,
    pub(crate) archive: Option<&'static ArchiveLie>,
    /// From which lies take their places.
    pub(crate) dice: u64,
}

/// Which image is asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// The bundle's own, one or all.
    Own(Part),
    /// One of another release.
    Other,
    /// One that nobody signed.
    Strange,
}

/// Where the image comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum From {
    /// From nowhere but the bundle.
    Bundle,
    Layout,
    Archive,
    Registry,
}

/// Where the bundle is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Held {
    /// There is none: the endpoints say everything.
    Nowhere,
    File,
    /// Beside the image in its layout.
    Beside,
}

/// What the policy wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Terms {
    /// The final block is pinned.
    Pinned,
    /// And nothing before the second release.
    Newer,
    /// Signatures are enough, and nothing is pinned.
    Signatures,
    Unpinned,
    OtherHash,
    OtherHeight,
    Stale,
    OtherCode,
    OtherLedger,
    OtherChain,
    OtherSource,
    OtherCommit,
    TooOld,
    BelowMark,
    NoMark,
    OtherPacker,
    OtherRules,
    Three,
    /// Two of the three builders are said to be one.
    TwoAreOne,
    /// Three known builders must have signed.
    ThreeKnown,
    SignaturesOfTwoAreOne,
    SignaturesOfThree,
    SignaturesNewer,
    SignaturesOtherSource,
    SignaturesOtherCommit,
    SignaturesOtherPacker,
    /// The anchor is from a signed network file that still counts.
    Networked,
    /// And from one that counts no more.
    NetworkExpired,
    /// What is pinned is no block, or one of a time to come.
    Odd(Odd),
    /// Signatures are enough, the block is pinned, and what it says of the ledger is not what the policy says.
    SignaturesOtherCode,
}

const NO: Words = Words::only(Word::Rejected)
    .or(Words::only(Word::Undecidable))
    .or(Words::only(Word::Revoked));
const YES: Words = Words::only(Word::Verified);
const REJECTED: Words = Words::only(Word::Rejected);
const UNDECIDABLE: Words = Words::only(Word::Undecidable);

/// Policies that want something else than the honest bundle is.
const ODD_TERMS: [Terms; 28] = [
    Terms::NetworkExpired,
    Terms::NetworkExpired,
    Terms::Odd(Odd::Tomorrow),
    Terms::Odd(Odd::Trailing),
    Terms::Odd(Odd::FewFields),
    Terms::Odd(Odd::ManyFields),
    Terms::Odd(Odd::TooLarge),
    Terms::Newer,
    Terms::Unpinned,
    Terms::OtherHash,
    Terms::OtherHeight,
    Terms::Stale,
    Terms::OtherCode,
    Terms::OtherLedger,
    Terms::OtherChain,
    Terms::OtherSource,
    Terms::OtherCommit,
    Terms::TooOld,
    Terms::BelowMark,
    Terms::NoMark,
    Terms::OtherPacker,
    Terms::OtherRules,
    Terms::Three,
    Terms::SignaturesNewer,
    Terms::SignaturesOtherSource,
    Terms::SignaturesOtherCommit,
    Terms::SignaturesOtherPacker,
    Terms::SignaturesOtherCode,
];

impl BundleCase {
    /// One question; at least one thing is wrong about it, unless it is `good`.
    pub(crate) fn choose(seed: &mut Seed, good: bool) -> Self {
        let mut case = Self::honest(seed);
        if good {
            return case;
        }
        match seed.below(100) {
            0..=42 => case.told(seed),
            43..=59 => case.in_an_archive(seed),
            60..=76 => case.under_odd_terms(seed),
            77..=89 => case.of_a_bad_release(seed),
            90..=96 => case.pointed(seed),
            _ => case.about_another_image(seed),
        }
        case
    }

    fn honest(seed: &mut Seed) -> Self {
        let online = seed.one_in(1, 6);
        let from = match (online, seed.below(6)) {
            (true, 0..=2) => From::Registry,
            (false, 0..=2) => From::Bundle,
            (_, 3) => From::Layout,
            _ => From::Archive,
        };
        let file = from == From::Archive || from == From::Layout;
        let bundle = match seed.below(4) {
            0 if file && online => Held::Nowhere,
            0 if !online => Held::Beside,
            _ => Held::File,
        };
        let second = bundle != Held::File || seed.one_in(3, 4);
        let part = *seed.choose(&[Part::Image(0), Part::Image(1), Part::Index]);
        let asked = match part {
            Part::Index => *seed.choose(&[Part::Index, Part::Index, Part::Image(1)]),
            one => one,
        };
        let terms = match seed.below(6) {
            0 if second => Terms::Newer,
            1 if !online && bundle == Held::File => Terms::Signatures,
            2 if online => Terms::Unpinned,
            3 if !online => Terms::Networked,
            _ => Terms::Pinned,
        };
        Self {
            which: if second { Which::Second } else { Which::First },
            at: At::Final,
            part,
            asked: Asked::Own(asked),
            from,
            bundle,
            online,
            terms,
            lie: None,
            archive: None,
            dice: seed.next(),
        }
    }

    /// Somebody changed the bundle.
    fn told(&mut self, seed: &mut Seed) {
        self.bundle = Held::File;
        if seed.one_in(1, 12) {
            self.which = Which::Second;
            self.lie = Some(&WITHOUT_ENDORSEMENT);
            if seed.one_in(1, 2) {
                self.terms = *seed.choose(&[Terms::TwoAreOne, Terms::ThreeKnown]);
                if !self.online && seed.one_in(1, 2) {
                    let terms = [Terms::SignaturesOfTwoAreOne, Terms::SignaturesOfThree];
                    self.terms = *seed.choose(&terms);
                }
            }
            return;
        }
        let lies = BUNDLE_LIES
            .iter()
            .filter(|one| one.signed || self.terms != Terms::Signatures);
        let lies: Vec<_> = lies.collect();
        self.lie = Some(*seed.choose(&lies));
    }

    /// Somebody changed what one check alone looks at.
    fn pointed(&mut self, seed: &mut Seed) {
        self.bundle = Held::File;
        self.online = false;
        self.from = From::Bundle;
        self.part = Part::Image(seed.below(2));
        self.asked = Asked::Own(self.part);
        self.which = *seed.choose(&[Which::First, Which::Second]);
        let (lie, terms) = seed.choose(POINTED);
        self.lie = Some(lie);
        self.terms = *terms;
    }

    /// Somebody changed the layout or the archive in which the image is.
    fn in_an_archive(&mut self, seed: &mut Seed) {
        let lie = seed.choose(ARCHIVE_LIES);
        self.from = match lie.of_files() && seed.one_in(1, 2) {
            true => From::Layout,
            false => From::Archive,
        };
        if !self.online || self.bundle == Held::Beside {
            self.bundle = Held::File;
        }
        if self.bundle == Held::Nowhere {
            self.which = Which::Second;
        }
        self.archive = Some(lie);
    }

    fn under_odd_terms(&mut self, seed: &mut Seed) {
        self.bundle = Held::File;
        self.terms = *seed.choose(&ODD_TERMS);
        let first = matches!(self.terms, Terms::Newer | Terms::BelowMark);
        self.which = if first { Which::First } else { Which::Second };
        let unplugged = self.terms.is_about_signatures()
            || matches!(
                self.terms,
                Terms::Unpinned | Terms::OtherHash | Terms::OtherHeight | Terms::Odd(_)
            );
        if unplugged && self.online {
            self.online = false;
            self.from = From::Bundle;
        }
    }

    fn of_a_bad_release(&mut self, seed: &mut Seed) {
        self.bundle = Held::File;
        self.from = if self.online {
            From::Registry
        } else {
            From::Bundle
        };
        self.terms = Terms::Pinned;
        (self.which, self.at) = match seed.below(16) {
            0 => (Which::Unrecorded, At::Final),
            1 | 2 => (Which::Unrecorded, At::Forged),
            3 => (Which::Tainted, At::Final),
            4 => (Which::Tainted, At::Forged),
            5 => (Which::Pending, At::Final),
            6 => (Which::Pending, At::Latest),
            7 => (Which::Second, At::Forged),
            _ => {
                let blemish = seed.choose(&Blemish::ALL).0;
                if !self.online && seed.one_in(1, 4) {
                    self.terms = Terms::Signatures;
                }
                (Which::Blemished(blemish), At::Final)
            }
        };
        self.part = Part::Index;
        self.asked = Asked::Own(Part::Image(1));
    }

    fn about_another_image(&mut self, seed: &mut Seed) {
        self.bundle = Held::File;
        self.terms = match self.online {
            true => Terms::Unpinned,
            // Where signatures are enough, they are for another image.
            false if seed.one_in(1, 2) => Terms::Signatures,
            false => Terms::Pinned,
        };
        self.asked = *seed.choose(&[Asked::Other, Asked::Strange]);
    }

    /// What may be said where neither endpoints nor registries lie.
    pub(crate) fn truth(&self) -> Words {
        if let Some(archive) = self.archive {
            return archive.words;
        }
        match (self.lie, self.terms) {
            (Some(_), terms) if terms.needs_all_three() => return REJECTED,
            (Some(lie), _) => return lie.words,
            _ => {}
        }
        match (self.asked, self.from) {
            (Asked::Own(_), _) => {}
            // The bundle has no such image, and nothing else was asked.
            (_, From::Bundle) => return UNDECIDABLE,
            _ => return REJECTED,
        }
        match (self.which, self.at) {
            (Which::Second | Which::First, At::Final) => self.under_terms(),
            (Which::Unrecorded | Which::Pending, At::Final) => REJECTED,
            (Which::Tainted, At::Final) => Words::only(Word::Revoked),
            (Which::Blemished(_), _) => REJECTED.or(UNDECIDABLE),
            // Nobody vouches for such a block.
            (_, At::Latest | At::Forged) => UNDECIDABLE,
        }
    }

    fn under_terms(&self) -> Words {
        match self.terms {
            Terms::Newer if self.which == Which::First => REJECTED,
            Terms::Pinned
            | Terms::Newer
            | Terms::Signatures
            | Terms::Networked
            | Terms::TwoAreOne
            | Terms::ThreeKnown
            | Terms::SignaturesOfTwoAreOne
            | Terms::SignaturesOfThree => YES,
            Terms::Unpinned | Terms::OtherHash | Terms::OtherHeight if self.online => YES,
            Terms::Unpinned
            | Terms::OtherHash
            | Terms::OtherHeight
            | Terms::Stale
            | Terms::OtherCode
            | Terms::OtherLedger
            | Terms::NetworkExpired
            | Terms::Odd(_)
            | Terms::NoMark
            | Terms::SignaturesNewer
            | Terms::SignaturesOtherSource
            | Terms::SignaturesOtherCommit
            | Terms::SignaturesOtherCode => UNDECIDABLE,
            Terms::OtherChain => NO,
            Terms::OtherSource
            | Terms::OtherCommit
            | Terms::TooOld
            | Terms::BelowMark
            | Terms::OtherPacker
            | Terms::SignaturesOtherPacker
            | Terms::OtherRules
            | Terms::Three => REJECTED,
        }
    }

    /// The rows of the threat model.
    pub(crate) fn rows(&self) -> Vec<&'static str> {
        let mut rows = Vec::new();
        rows.extend(self.lie.iter().flat_map(|lie| lie.rows));
        if self.archive.is_some() {
            rows.push("REG-23");
        }
        rows.extend(match self.terms {
            Terms::Unpinned | Terms::OtherHash | Terms::OtherHeight if self.online => &[][..],
            Terms::Unpinned | Terms::OtherHash | Terms::OtherHeight => &["PAR-22", "PAR-11"],
            Terms::Stale => &["PAR-22", "RPC-08"],
            Terms::NetworkExpired => &["PAR-22", "PAR-23"],
            Terms::Odd(Odd::Tomorrow) => &["PAR-22", "RPC-17"],
            Terms::Odd(_) => &["PAR-22", "PAR-03"],
            Terms::OtherCode | Terms::OtherLedger | Terms::OtherChain => &["PAR-22", "RPC-07"],
            Terms::BelowMark | Terms::NoMark => &["REG-20", "RPC-09"],
            Terms::Newer if self.which == Which::First => &["REG-20"],
            Terms::TooOld | Terms::OtherCommit | Terms::SignaturesNewer => &["REG-20"],
            _ => &[],
        });
        if !matches!(self.asked, Asked::Own(_)) {
            rows.extend(["REG-15", "REG-19"]);
        }
        rows.extend(match (self.which, self.at) {
            (Which::Blemished(blemish), _) => blemish.rows(),
            (_, At::Forged) => &["RPC-03", "PAR-11"],
            (_, At::Latest) => &["RPC-10", "RPC-11"],
            (Which::Tainted, _) => &["PAR-12"],
            (Which::Pending, _) => &["RPC-10"],
            (Which::Unrecorded, _) => &["RPC-01"],
            _ => &[],
        });
        rows
    }

    /// The release whose image is asked for; none where nobody signed it.
    pub(crate) fn release<'a>(&self, world: &'a World) -> Option<&'a Published> {
        match self.asked {
            Asked::Own(_) => Some(self.which.release(world)),
            Asked::Other => Some(self.other().release(world)),
            Asked::Strange => None,
        }
    }

    fn other(&self) -> Which {
        match self.which {
            Which::First => Which::Second,
            _ => Which::First,
        }
    }

    /// The digest that is asked for.
    pub(crate) fn digest(&self, world: &World) -> Digest {
        match self.asked {
            Asked::Own(part) => self.which.digest(world, part),
            Asked::Other => self.other().digest(world, Part::Image(1)),
            Asked::Strange => world.strange.manifest(1),
        }
    }

    /// What is wrong, as text.
    pub(crate) fn lies(&self) -> Vec<String> {
        let mut lies = Vec::new();
        lies.extend(self.lie.map(|lie| format!("bundle:{}", lie.name)));
        lies.extend(self.archive.map(|lie| format!("archive:{}", lie.name)));
        lies
    }
}

impl Terms {
    /// Whether signatures are enough under these terms.
    pub(crate) const fn is_about_signatures(self) -> bool {
        matches!(
            self,
            Self::Signatures
                | Self::SignaturesOfTwoAreOne
                | Self::SignaturesOfThree
                | Self::SignaturesNewer
                | Self::SignaturesOtherSource
                | Self::SignaturesOtherCommit
                | Self::SignaturesOtherPacker
                | Self::SignaturesOtherCode
        )
    }

    /// Whether no signature of the second release can be spared.
    const fn needs_all_three(self) -> bool {
        matches!(
            self,
            Self::TwoAreOne
                | Self::ThreeKnown
                | Self::SignaturesOfTwoAreOne
                | Self::SignaturesOfThree
        )
    }
}

impl fmt::Debug for BundleCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {:?} {:?}, {:?} from {:?}, bundle {:?}, {}, {:?}, {:x}",
            self.which,
            self.at,
            self.part,
            self.asked,
            self.from,
            self.bundle,
            if self.online {
                "endpoints"
            } else {
                "unplugged"
            },
            self.terms,
            self.dice
        )
    }
}

impl PartialEq for BundleCase {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}") && self.lies() == other.lies()
    }
}

impl Eq for BundleCase {}
