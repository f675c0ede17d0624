use std::fmt;

use serde::{Serialize, Serializer};

/// The three ways of not being verified, and the exit code of each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExitClass {
    /// It does not match, is forged, or is below quorum: exit 1.
    Rejected,
    /// It could not be found out: exit 3.
    Undecidable,
    /// It was good once, and what made it so is revoked, disputed or tainted: exit 4.
    Revoked,
}

impl ExitClass {
    /// The process exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Rejected => 1,
            Self::Undecidable => 3,
            Self::Revoked => 4,
        }
    }

    /// The word in JSON: `rejected`, `undecidable` or `revoked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Undecidable => "undecidable",
            Self::Revoked => "revoked",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $why:literal])+ $variant:ident $text:literal $class:ident $help:literal;)+) => {
        /// Why an image was not verified. Names are stable; each belongs to one class.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum RejectionCode {
            $($(#[doc = $why])+ $variant,)+
        }

        impl RejectionCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable kebab-case name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The class, which is the exit code.
            #[must_use]
            pub const fn class(self) -> ExitClass {
                match self { $(Self::$variant => ExitClass::$class,)+ }
            }

            /// What the code means, in one line.
            #[must_use]
            pub const fn why(self) -> &'static str {
                match self { $(Self::$variant => concat!($($why),+),)+ }
            }

            /// What to do about it, in one line.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)+ }
            }
        }
    };
}

codes! {
    #[doc = "no image was named, or nothing was served for it"]
    ImageMissing "image-missing" Undecidable
        "name an image, and check that the registry serves it";
    #[doc = "the bytes served for the image or an index child do not hash to its digest"]
    ManifestDigestMismatch "manifest-digest-mismatch" Rejected
        "the registry or something before it changed the manifest; fetch from another mirror and do not run this copy";
    #[doc = "a manifest, index or config is not in the strict form that is read"]
    ImageMalformed "image-malformed" Rejected
        "the publisher or the registry is at fault; seeds written by seed-builder are always in that form";
    #[doc = "a descriptor states another size than its content has"]
    SizeMismatch "size-mismatch" Rejected
        "the publisher or the registry is at fault; fetch from another mirror";
    #[doc = "a child of the index could not be fetched"]
    ChildMissing "child-missing" Undecidable
        "make every child of the index available, or ask for one image by its digest";
    #[doc = "the image config could not be fetched"]
    ConfigMissing "config-missing" Undecidable
        "make the config blob available in the registry, or use another mirror";
    #[doc = "the config's bytes do not hash to the digest in the manifest"]
    ConfigDigestMismatch "config-digest-mismatch" Rejected
        "the registry changed the config; fetch from another mirror and do not run this copy";
    #[doc = "config, index and record disagree about the system of the image"]
    PlatformMismatch "platform-mismatch" Rejected
        "the image is offered for a system it was not attested for; do not run it";
    #[doc = "manifest and config list different numbers of layers"]
    LayerCountMismatch "layer-count-mismatch" Rejected
        "the image is malformed; ask the publisher";
    #[doc = "--deep was asked for and a layer could not be read"]
    LayersMissing "layers-missing" Undecidable
        "make every layer available, or verify without --deep";
    #[doc = "a layer's bytes are not those the manifest names"]
    LayerMismatch "layer-mismatch" Rejected
        "the registry changed the layer; fetch from another mirror and do not run this copy";
    #[doc = "a decompressed layer is not the one the config names"]
    DiffIdMismatch "diff-id-mismatch" Rejected
        "the layer does not hold what was attested; do not run it";
    #[doc = "the signed network file that the policy's anchor is from has expired"]
    NetworkExpired "network-expired" Undecidable
        "take a newer one with `seed-verify policy update --network FILE`, or remove [network] and vouch for the anchor yourself";
    #[doc = "a tag was asked for and the policy has no rule against old releases"]
    TagWithoutRollbackRule "tag-without-rollback-rule" Undecidable
        "name the image by digest, or set minimum_sequence, commit, maximum_age or high_water under [rollback]";
    #[doc = "no header could be chosen, or it is not a header with a usable state root"]
    HeaderMissing "header-missing" Undecidable
        "check that the endpoints answer, and that the chain is past its genesis block";
    #[doc = "an endpoint answers for another chain id or genesis block"]
    WrongChain "wrong-chain" Undecidable
        "correct the endpoint or the anchor in the policy; nothing is decided while one endpoint is on another chain";
    #[doc = "two endpoints call different blocks of one height finalised"]
    HeadersConflict "headers-conflict" Undecidable
        "one of the operators is lying or on a fork; find out which before trusting any of them";
    #[doc = "fewer operators than the policy's `agree` vouch for the header"]
    EndpointQuorum "endpoint-quorum" Undecidable
        "bring the endpoints back; `agree` is never lowered";
    #[doc = "enough operators know the header, too few call it finalised"]
    HeadNotFinal "head-not-final" Undecidable
        "wait until the block is finalised";
    #[doc = "the finalised head is older than maximum_head_age"]
    HeadStale "head-stale" Undecidable
        "the chain or every endpoint is behind; wait, or raise maximum_head_age knowingly";
    #[doc = "the header of the bundle is not one that the policy pins"]
    HeaderNotPinned "header-not-pinned" Undecidable
        "let `seed-verify bundle confirm` ask the endpoints, and add the [[checkpoints]] it prints to the policy; or verify with --chain as well";
    #[doc = "the bundle was captured longer ago than maximum_bundle_age"]
    BundleStale "bundle-stale" Undecidable
        "let `seed-verify bundle refresh` renew it, or raise maximum_bundle_age under [freshness] knowingly";
    #[doc = "something in the bundle does not count: it is not as it was made"]
    BundleUnused "bundle-unused" Undecidable
        "fetch the bundle again from elsewhere, or create it anew; this says nothing about the image";
    #[doc = "the finalised head is later than this machine's clock"]
    HeadInFuture "head-in-future" Undecidable
        "set the clock";
    #[doc = "every proof that was given fails against the agreed header"]
    ProofInvalid "proof-invalid" Undecidable
        "the endpoint that served it is lying or broken; use another";
    #[doc = "neither a proof nor enough agreeing values cover what must be known"]
    StateMissing "state-missing" Undecidable
        "use endpoints that serve eth_getProof at the finalised block";
    #[doc = "operators that agree on the header give different values at it"]
    ValuesConflict "values-conflict" Undecidable
        "one of them is lying; require grade proof";
    #[doc = "the grade that was reached is below the required one"]
    FloorNotReached "floor-not-reached" Undecidable
        "use endpoints that serve eth_getProof at the finalised block; the floor is never lowered silently";
    #[doc = "the account at the ledger's address does not hold the pinned code"]
    LedgerUnknown "ledger-unknown" Undecidable
        "check the anchor in the policy; an unknown contract generation needs a newer policy";
    #[doc = "no locator leads from the image to a release"]
    LocatorMissing "locator-missing" Undecidable
        "publish the locator beside the image, name a repository that has it with --mirror, or give it with --record; a re-packed copy that kept its config is verified with --deep";
    #[doc = "none of the locators found can be read"]
    LocatorMalformed "locator-malformed" Undecidable
        "fetch the locator from another mirror, or give it with --record";
    #[doc = "the record lists other image digests"]
    ImageNotInRecord "image-not-in-record" Rejected
        "the image is not part of the release it is offered with; do not run it, unless --deep shows it to be a re-packed copy";
    #[doc = "the image is a re-packed copy of an attested one, or in a form that only copies have, and its layers were not read"]
    RepackedCopy "repacked-copy" Rejected
        "verify it with --deep, which unpacks and compares every layer, or use the attested image itself";
    #[doc = "the image may be a re-packed copy, and a manifest it could be a copy of was not found"]
    OriginalMissing "original-missing" Undecidable
        "name with --mirror a repository that has the original, or verify that one";
    #[doc = "the ledger holds nothing for this release as of the finalised head"]
    ReleaseNotRecorded "release-not-recorded" Rejected
        "the release never reached a quorum, or its block is not finalised yet; wait and try again if it was just posted";
    #[doc = "the ledger committed to another record for this release"]
    RecordMismatch "record-mismatch" Rejected
        "the locator is forged or from another ledger; fetch it elsewhere";
    #[doc = "the record contradicts itself, its rules or the ledger's counter"]
    RecordInconsistent "record-inconsistent" Rejected
        "the record could not have been written by honest rules; report it";
    #[doc = "the release is of a source or target the policy does not list"]
    SourceNotExpected "source-not-expected" Rejected
        "add the source to the policy if it is meant; otherwise the image is not what you asked for";
    #[doc = "the recipe names a packer the policy does not list"]
    PackerNotAllowed "packer-not-allowed" Rejected
        "add the packer to the policy if you trust it";
    #[doc = "the recipe's reissue is above the policy's maximum"]
    ReissueNotAllowed "reissue-not-allowed" Rejected
        "raise maximum_reissue if the re-issue is meant";
    #[doc = "the release is older than minimum_sequence"]
    BelowMinimumSequence "below-minimum-sequence" Rejected
        "pull a newer release";
    #[doc = "the release is of another commit than the policy names"]
    CommitNotExpected "commit-not-expected" Rejected
        "pull the image of that commit, or change the policy";
    #[doc = "the release was recorded longer ago than maximum_age"]
    OlderThanMaximumAge "older-than-maximum-age" Rejected
        "pull a newer release";
    #[doc = "a newer release of this source was already accepted here"]
    BelowHighWater "below-high-water" Rejected
        "somebody offers an old release; pull the newer one";
    #[doc = "the policy wants a remembered mark and none could be read"]
    HighWaterMissing "high-water-missing" Undecidable
        "restore the state directory, or say --first-use once";
    #[doc = "the code of the recorded rules could not be had"]
    RulesCodeMissing "rules-code-missing" Undecidable
        "use an endpoint that serves eth_getCode for the rules' address";
    #[doc = "the policy demands a sequence, an age or a mark, and nothing but signatures is known"]
    RollbackNeedsChain "rollback-needs-chain" Undecidable
        "verify with --chain or with a bundle whose block is pinned, or demand a commit under [rollback] instead";
    #[doc = "the rules that judged are neither pinned nor of a known logic"]
    RulesUnknown "rules-unknown" Rejected
        "the rules were replaced; find out by whom before adding them to the policy";
    #[doc = "the rules' configuration fails a check of their constructor"]
    RulesInvalid "rules-invalid" Rejected
        "the rules are hand-made and unsafe; report them";
    #[doc = "the rules ask for fewer builders than the policy"]
    ThresholdTooLow "threshold-too-low" Rejected
        "the rules were weakened; pull a release judged by stronger ones";
    #[doc = "the rules that judged were revoked"]
    RulesRevoked "rules-revoked" Revoked
        "do not run the image; wait for a release under other rules";
    #[doc = "the rules that judged are under dispute"]
    RulesDisputed "rules-disputed" Revoked
        "do not run the image until the dispute is settled";
    #[doc = "too few builders count because a signature was not found"]
    SignatureMissing "signature-missing" Undecidable
        "make the event or the attestations available";
    #[doc = "too few builders count because a signature is not the builder's"]
    SignatureBad "signature-bad" Rejected
        "the signature is forged or for something else; do not run the image";
    #[doc = "too few builders count because it is not known whether one is revoked"]
    RevocationUnknown "revocation-unknown" Undecidable
        "use an endpoint that proves the revocation slots";
    #[doc = "too few builders count because an evidence manifest was not found"]
    EvidenceMissing "evidence-missing" Undecidable
        "make the evidence available in a registry or mirror";
    #[doc = "too few builders count because an evidence manifest is bad"]
    EvidenceBad "evidence-bad" Rejected
        "the builder published evidence that does not fit its vote; report it";
    #[doc = "too few builders count because a statement was not found"]
    StatementMissing "statement-missing" Undecidable
        "make the statement available in a registry or mirror";
    #[doc = "too few builders count because a statement does not fit the release"]
    StatementBad "statement-bad" Rejected
        "the builder's statement contradicts its vote; report it";
    #[doc = "too few builders remain without the revoked ones"]
    BuilderRevoked "builder-revoked" Revoked
        "do not run the image; wait for a release by other builders";
    #[doc = "too few builders remain without the disputed ones"]
    BuilderDisputed "builder-disputed" Revoked
        "do not run the image until the dispute is settled";
    #[doc = "fewer independent builders vouch for a system than the rules demand"]
    BelowThreshold "below-threshold" Rejected
        "do not run the image";
    #[doc = "fewer builders known to the policy vouch for a system than minimum_known_signers"]
    KnownSignersTooFew "known-signers-too-few" Rejected
        "add builders to the policy only after checking who they are";
}

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RejectionCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_kebab_case_and_follow_the_variant() {
        let names: BTreeSet<_> = RejectionCode::ALL
            .iter()
            .map(|code| code.as_str())
            .collect();
        assert_eq!(names.len(), RejectionCode::ALL.len());
        for code in RejectionCode::ALL {
            let squashed = code.as_str().replace('-', "");
            assert_eq!(squashed, format!("{code:?}").to_lowercase());
            assert!(!code.why().is_empty() && !code.help().is_empty());
        }
    }

    #[test]
    fn each_class_has_its_word_and_an_exit_code_that_is_neither_zero_nor_the_one_for_usage() {
        for (class, word, exit) in [
            (ExitClass::Rejected, "rejected", 1),
            (ExitClass::Undecidable, "undecidable", 3),
            (ExitClass::Revoked, "revoked", 4),
        ] {
            assert_eq!((class.as_str(), class.exit_code()), (word, exit));
        }
    }
}
