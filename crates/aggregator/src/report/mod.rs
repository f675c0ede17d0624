//! What a run says: one report, for people or as JSON.

mod text;

use alloy_primitives::{Address, B256};
use seed_primitives::{
    BuilderId, Digest, ReleaseId, Source, System, address_text, ascii_json, bytes32_text, shown,
};
use serde::Serialize;

use crate::{
    Lack, LedgerState, Names, Outcome, PublishedLocator, Refusal, RefusedDocument, Release,
    Submission, divergence::Divergence, quorum,
};

/// The outcome of one run, over every release it looked at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form: 1.
    pub schema_version: u32,
    /// `done`, `rejected`, `usage` or `undecidable`, as the exit code.
    pub result: &'static str,
    /// The code of the release that decides the exit code.
    pub code: &'static str,
    /// The release, where exactly one was looked at.
    pub release: Option<ReleaseId>,
    /// The chain.
    pub chain_id: u64,
    /// The ledger.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// The rules in force at the start.
    #[serde(with = "address_text")]
    pub rules: Address,
    /// Keccak-256 of their code.
    #[serde(with = "bytes32_text")]
    pub rules_code_hash: B256,
    /// How many independent builders each system needs.
    pub threshold: u8,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Every release looked at.
    pub releases: Vec<ReleaseReport>,
    /// What lay in the places and is no document of a builder.
    pub refused: Vec<RefusedDocument>,
    /// What could not be asked.
    pub troubles: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// The outcome for one release.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseReport {
    /// The release.
    pub release: ReleaseId,
    /// `done`, `rejected`, `usage` or `undecidable`.
    pub result: &'static str,
    /// The stable code.
    pub code: &'static str,
    /// What happened, in words.
    pub message: String,
    /// What was built.
    pub source: Option<Source>,
    /// Every valid signature of a builder of the rules.
    pub votes: Vec<VoteReport>,
    /// Per system of the rules, how many independent builders agree.
    pub systems: Vec<SystemReport>,
    /// Systems on which builders disagree, and who says what.
    pub divergence: Vec<Divergence>,
    /// What a first release lacks.
    pub lacking: Vec<Lack>,
    /// The chosen signers, in order.
    pub signers: Vec<BuilderId>,
    /// What is or would be submitted.
    pub submission: Option<SubmissionReport>,
    /// The transaction.
    pub transaction: Option<TransactionReport>,
    /// Where its locator was put.
    pub locators: Vec<PublishedLocator>,
    #[serde(skip)]
    pub(crate) outcome: Outcome,
}

/// One vote.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VoteReport {
    /// The builder.
    pub builder: BuilderId,
    /// Its name, where a names file has one.
    pub name: Option<String>,
    /// What it vouches for.
    pub images: Vec<ImageReport>,
    /// Its evidence.
    pub evidence: Digest,
    /// Where it was found.
    pub origins: Vec<String>,
    /// Whether it may be submitted; for a release that was recorded before, evidence was not looked at.
    pub counts: bool,
    /// Why not.
    pub refusal: Option<Refusal>,
}

/// One image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageReport {
    /// Its system.
    pub system: System,
    /// The digest of its manifest.
    pub digest: Digest,
}

/// One system of the rules.
#[derive(Clone, Debug, Serialize)]
pub struct SystemReport {
    /// The system.
    pub system: System,
    /// Independent builders behind its best supported digest.
    pub have: usize,
    /// How many it takes.
    pub need: u8,
}

/// The arguments of the call.
#[derive(Clone, Debug, Serialize)]
pub struct SubmissionReport {
    /// `genesis` or `finalise`.
    pub call: &'static str,
    /// The packed bytes, `0x` and hex.
    pub bytes: String,
    /// For `genesis`, the consents, `0x` and hex.
    pub signatures: Option<String>,
}

/// The transaction that recorded the release.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionReport {
    /// Its hash.
    #[serde(with = "bytes32_text")]
    pub hash: B256,
    /// Its block.
    pub block: u64,
    /// The gas it used, where this run sent it.
    pub gas_used: Option<u64>,
    /// The sequence number of the release, once its record was read.
    pub sequence: Option<u64>,
    /// The commitment in the ledger, once it was read; `0x` and hex.
    pub commitment: Option<String>,
    /// Whether the chain calls the block finalised; `null` where nobody waited.
    pub finalised: Option<bool>,
}

impl ReleaseReport {
    /// A report of what was found, before anything was decided.
    #[must_use]
    pub fn new(release: &Release, state: &LedgerState, names: &Names) -> Self {
        let votes = release.votes.iter().map(|vote| VoteReport {
            builder: vote.builder(),
            name: names.get(&vote.builder()).map(str::to_owned),
            images: vote
                .images()
                .iter()
                .map(|(system, digest)| ImageReport {
                    system: system.clone(),
                    digest: *digest,
                })
                .collect(),
            evidence: vote.attestation.attestation().evidence,
            origins: vote.origins.clone(),
            counts: vote.counts(),
            refusal: vote.refusal.clone(),
        });
        let counting = release.counting();
        let candidates: Vec<_> = counting
            .iter()
            .filter_map(|vote| vote.candidate(state))
            .collect();
        let systems = state.rules.systems().iter().enumerate();
        let systems = systems.map(|(at, system)| SystemReport {
            system: system.clone(),
            have: quorum::support(&candidates, at),
            need: state.rules.threshold(),
        });
        let mut report = Self {
            release: release.id,
            result: "",
            code: "",
            message: String::new(),
            source: release.source.clone(),
            votes: votes.collect(),
            systems: systems.collect(),
            divergence: release.divergence(),
            lacking: Vec::new(),
            signers: Vec::new(),
            submission: None,
            transaction: None,
            locators: Vec::new(),
            outcome: Outcome::NothingFound,
        };
        report.conclude(Outcome::NothingFound);
        report
    }

    pub(crate) fn conclude(&mut self, outcome: Outcome) {
        self.result = Outcome::class(outcome.exit_code());
        self.code = outcome.code();
        self.message = outcome.to_string();
        self.outcome = outcome;
    }

    pub(crate) fn show(&mut self, submission: &Submission) {
        let hex = |bytes: Vec<u8>| format!("0x{}", hex::encode(bytes));
        let signatures = submission.genesis_bytes().map(hex);
        self.signers = submission.signers().collect();
        self.submission = Some(SubmissionReport {
            call: if signatures.is_some() {
                "genesis"
            } else {
                "finalise"
            },
            bytes: hex(submission.to_bytes()),
            signatures,
        });
    }

    /// The one line for standard error, where something is wrong.
    #[must_use]
    pub fn error_line(&self) -> Option<String> {
        (self.outcome.exit_code() != 0).then(|| {
            format!(
                "error[{}]: release {}: {}; {}",
                self.code,
                self.release,
                shown(&self.message),
                self.outcome.help()
            )
        })
    }
}

impl Report {
    /// Takes the worst release as the outcome of the run: undecidable before rejected before done, and among
    /// what is done, something recorded before something that was.
    pub(crate) fn conclude(&mut self) {
        let rank = |one: &&ReleaseReport| (one.outcome.exit_code(), one.code == "finalised");
        let worst = self.releases.iter().max_by_key(rank);
        self.code = worst.map_or("nothing-found", |one| one.code);
        self.result = Outcome::class(self.exit_code());
        if let [only] = self.releases.as_slice() {
            self.release = Some(only.release);
        }
    }

    /// The exit code of the run.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let codes = self.releases.iter().map(|one| one.outcome.exit_code());
        match codes.max() {
            Some(code) => code,
            // Nothing at all was found: that is only certain where everything could be asked.
            None if self.troubles.is_empty() => 1,
            None => 3,
        }
    }

    /// The JSON form: one object and a line break, in ASCII.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and lists always have a JSON form.
        ascii_json(&serde_json::to_string_pretty(self).unwrap_or_default()) + "\n"
    }

    /// The form for people.
    #[must_use]
    pub fn to_text(&self, names: &Names) -> String {
        text::render(self, names)
    }
}
