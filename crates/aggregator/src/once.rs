use std::time::Instant;

use seed_chain::{Options as ChainOptions, Wallet};
use seed_oci::Options as PlaceOptions;

use crate::{
    Documents, Fault, GenesisError, Ledger, LedgerState, Names, Outcome, Places, Recorded, Release,
    ReleaseReport, Report, Settings, Submission, Vote, Wanted, first_release, group, locator,
    places, quorum, report::TransactionReport,
};

/// One run: collect, choose, submit what is ready, and report.
///
/// # Errors
/// [`Fault`] when nothing could be decided about any release.
pub async fn once(settings: &Settings, names: &Names) -> Result<Report, Fault> {
    let deadline = Instant::now() + settings.timeout;
    let late = Fault::Deadline(settings.timeout.as_secs());
    let prepared = tokio::time::timeout_at(deadline.into(), Run::prepare(settings, deadline));
    let (run, releases, mut report) = prepared.await.map_err(|_| late.clone())??;
    for mut release in releases {
        let looked = async {
            let recorded = run.ledger.commitment(&release.id).await?.is_some();
            if !recorded {
                release.settle(&settings.domain, &run.places).await;
            }
            Ok((recorded, run.ledger.state().await?))
        };
        let one = match tokio::time::timeout_at(deadline.into(), looked).await {
            Ok(Ok((true, _))) => run.recorded(&release, names).await,
            Ok(Ok((false, state))) => run.release(&release, &state, names).await,
            Ok(Err(fault)) => run.failed(&release, fault, names),
            Err(_) => run.failed(&release, late.clone(), names),
        };
        report.releases.push(one);
    }
    report.conclude();
    Ok(report)
}

struct Run<'a> {
    settings: &'a Settings,
    ledger: Ledger,
    wallet: Wallet,
    places: Places,
    options: PlaceOptions,
    /// What governed at the start.
    state: LedgerState,
    troubles: Vec<String>,
    deadline: Instant,
}

impl<'a> Run<'a> {
    async fn prepare(
        settings: &'a Settings,
        deadline: Instant,
    ) -> Result<(Self, Vec<Release>, Report), Fault> {
        let places = Places::open(&settings.from)?;
        let signer = match &settings.key {
            Some(source) => source.open()?,
            // A dry run only asks what would happen, and it does not matter who asks.
            None => alloy::signers::local::PrivateKeySigner::random(),
        };
        let ledger = Ledger::open(&settings.rpc, settings.domain).await?;
        let state = ledger.state().await?;
        let wanted = Wanted {
            releases: settings.releases.clone(),
            builders: state
                .rules
                .builders()
                .iter()
                .map(|one| one.builder)
                .collect(),
        };
        let documents =
            Documents::collect(&places, &wanted, &settings.attestations, &settings.genesis).await?;
        let troubles = documents.troubles.clone();
        let notes = [ledger.notes(), &documents.notes].concat();
        let (releases, refused) = group(documents, &settings.domain, &state, &wanted);
        let wallet = Wallet::new(
            &ledger.url(),
            &ChainOptions::default(),
            settings.domain.chain_id,
            signer,
            settings.max_fee,
            deadline.saturating_duration_since(Instant::now()),
        )?;
        let report = Report {
            schema_version: 1,
            result: "",
            code: "",
            release: None,
            chain_id: settings.domain.chain_id,
            ledger: settings.domain.ledger,
            rules: state.rules_address,
            rules_code_hash: state.rules.code_hash(),
            threshold: state.rules.threshold(),
            dry_run: settings.dry_run,
            releases: Vec::new(),
            refused,
            troubles: troubles.clone(),
            notes,
        };
        let run = Self {
            settings,
            ledger,
            wallet,
            places,
            options: places::options()?,
            state,
            troubles,
            deadline,
        };
        Ok((run, releases, report))
    }

    fn failed(&self, release: &Release, fault: Fault, names: &Names) -> ReleaseReport {
        ReleaseReport::new(release, &self.state, names).with(fault.into())
    }

    /// A release that was recorded before: its votes are shown, and its evidence is the verifiers' business.
    async fn recorded(&self, release: &Release, names: &Names) -> ReleaseReport {
        let mut report = ReleaseReport::new(release, &self.state, names);
        let outcome = match self.follow(release, None, &mut report).await {
            Ok(()) => Outcome::AlreadyFinalised,
            Err(outcome) => outcome,
        };
        report.with(outcome)
    }

    async fn release(
        &self,
        release: &Release,
        state: &LedgerState,
        names: &Names,
    ) -> ReleaseReport {
        let mut report = ReleaseReport::new(release, &self.state, names);
        let outcome = match self.submit(release, state, &mut report).await {
            Ok(outcome) => outcome,
            Err(outcome) => outcome,
        };
        report.with(outcome)
    }

    /// Everything up to the record; what happened on the way is left in `report`.
    async fn submit(
        &self,
        release: &Release,
        state: &LedgerState,
        report: &mut ReleaseReport,
    ) -> Result<Outcome, Outcome> {
        if state.rules.code_hash() != self.state.rules.code_hash()
            || state.revoked != self.state.revoked
        {
            return Err(Fault::EndpointsDisagree {
                first: self.ledger.url(),
                second: "itself a moment ago".to_owned(),
                what: "the rules in force",
            }
            .into());
        }
        let submission = match state.sequence {
            0 => self.first(release, state, report)?,
            _ => self.choose(release, state)?,
        };
        report.show(&submission);
        if let Err(error) = self.simulate(release, &submission).await {
            return self.lost_race(release, error.into(), report).await;
        }
        if self.settings.dry_run {
            return Ok(Outcome::Ready);
        }
        let mined = match self.send(release, &submission).await {
            Ok(mined) => mined,
            Err(error) => return self.lost_race(release, error.into(), report).await,
        };
        self.follow(release, Some(&mined), report).await?;
        let sequence = report.transaction.as_ref().map_or(0, |one| one.sequence);
        Ok(Outcome::Finalised { sequence })
    }

    fn first(
        &self,
        release: &Release,
        state: &LedgerState,
        report: &mut ReleaseReport,
    ) -> Result<Submission, Outcome> {
        first_release(release, state).map_err(|error| {
            if let GenesisError::Incomplete(lacks) = &error {
                report.lacking.clone_from(lacks);
                if let Some(trouble) = self.trouble(release) {
                    return Outcome::PlaceUnreachable(trouble);
                }
                if release.genesis.is_empty() {
                    return if release.votes.is_empty() {
                        Outcome::NothingFound
                    } else {
                        Outcome::Genesis(error)
                    };
                }
            }
            Outcome::Genesis(error)
        })
    }

    fn choose(&self, release: &Release, state: &LedgerState) -> Result<Submission, Outcome> {
        let votes = release.counting();
        let candidates: Vec<_> = votes
            .iter()
            .filter_map(|vote| vote.candidate(state))
            .collect();
        let (systems, need) = (
            state.rules.systems().len(),
            usize::from(state.rules.threshold()),
        );
        let chosen = quorum::choose(&candidates, systems, need);
        let submission = chosen.and_then(|chosen| {
            let signers: Vec<&Vote> = chosen
                .iter()
                .filter_map(|at| votes.get(*at).copied())
                .collect();
            Submission::new(&signers, state)
        });
        if let Some(submission) = submission {
            return Ok(submission);
        }
        if let Some(trouble) = self.trouble(release) {
            return Err(Outcome::PlaceUnreachable(trouble));
        }
        if release.votes.is_empty() {
            return Err(Outcome::NothingFound);
        }
        let short: Vec<String> = state
            .rules
            .systems()
            .iter()
            .enumerate()
            .map(|(at, system)| (system, quorum::support(&candidates, at)))
            .filter(|(_, have)| *have < need)
            .map(|(system, have)| format!("{system} has {have} of {need} independent builders"))
            .collect();
        Err(Outcome::QuorumUnmet(match short.is_empty() {
            false => short.join(", "),
            true => "each system alone has enough builders, but no one choice of signers is independent on all"
                .to_owned(),
        }))
    }

    /// Why it is not certain that there is not more.
    fn trouble(&self, release: &Release) -> Option<String> {
        let unknown = release.unknown().map(|refusal| refusal.why.clone());
        unknown.or_else(|| self.troubles.first().cloned())
    }

    async fn simulate(
        &self,
        release: &Release,
        submission: &Submission,
    ) -> Result<(), seed_chain::ChainError> {
        let (ledger, bytes) = (self.settings.domain.ledger, submission.to_bytes());
        match submission.genesis_bytes() {
            Some(signatures) => {
                let wallet = &self.wallet;
                wallet
                    .simulate_genesis(ledger, &release.id, &bytes, &signatures)
                    .await
            }
            None => {
                self.wallet
                    .simulate_finalise(ledger, &release.id, &bytes)
                    .await
            }
        }
    }

    async fn send(
        &self,
        release: &Release,
        submission: &Submission,
    ) -> Result<seed_chain::Mined, seed_chain::ChainError> {
        let (ledger, bytes) = (self.settings.domain.ledger, submission.to_bytes());
        match submission.genesis_bytes() {
            Some(signatures) => {
                self.wallet
                    .genesis(ledger, &release.id, &bytes, &signatures)
                    .await
            }
            None => self.wallet.finalise(ledger, &release.id, &bytes).await,
        }
    }

    /// Somebody else may have submitted the release in the meantime: then it is recorded, and that is all that
    /// was wanted.
    async fn lost_race(
        &self,
        release: &Release,
        outcome: Outcome,
        report: &mut ReleaseReport,
    ) -> Result<Outcome, Outcome> {
        if !matches!(outcome, Outcome::Reverted(_)) {
            return Err(outcome);
        }
        match self.ledger.commitment(&release.id).await {
            Ok(Some(_)) => {
                self.follow(release, None, report).await?;
                Ok(Outcome::AlreadyFinalised)
            }
            _ => Err(outcome),
        }
    }

    /// Reads the record back, waits for finality and publishes the locator, as far as that was asked for.
    async fn follow(
        &self,
        release: &Release,
        mined: Option<&seed_chain::Mined>,
        report: &mut ReleaseReport,
    ) -> Result<(), Outcome> {
        let wanted =
            mined.is_some() || self.settings.wait_finalised || !self.settings.publish.is_empty();
        if self.settings.dry_run || !wanted {
            return Ok(());
        }
        let commitment = self.ledger.commitment(&release.id).await?.ok_or_else(|| {
            Outcome::Reverted("the transaction was mined, and the ledger has no record".to_owned())
        })?;
        let from = mined.map_or(0, |mined| mined.block);
        let recorded = self.ledger.recorded(&release.id, commitment, from).await?;
        let sequence = recorded.record.sequence;
        let finalised = match self.settings.wait_finalised {
            true => Some(
                self.ledger
                    .wait_finalised(&release.id, commitment, self.deadline)
                    .await,
            ),
            false => None,
        };
        report.transaction = Some(TransactionReport {
            hash: recorded.transaction,
            block: recorded.block,
            gas_used: mined.map(|mined| mined.gas_used),
            sequence,
            commitment,
            finalised,
        });
        self.publish(release, &recorded, report).await?;
        match finalised {
            Some(false) => Err(Outcome::FinalityNotReached { sequence }),
            _ => Ok(()),
        }
    }

    async fn publish(
        &self,
        release: &Release,
        recorded: &Recorded,
        report: &mut ReleaseReport,
    ) -> Result<(), Outcome> {
        let Some(source) = release
            .source
            .as_ref()
            .filter(|_| !self.settings.publish.is_empty())
        else {
            return Ok(());
        };
        for place in &self.settings.publish {
            let published =
                locator::publish(place, &self.options, source, &recorded.record, &self.places)
                    .await;
            report.locators.extend(published);
        }
        match report.locators.iter().find_map(|one| one.error.clone()) {
            Some(why) => Err(Outcome::LocatorNotPublished {
                sequence: recorded.record.sequence,
                why,
            }),
            None => Ok(()),
        }
    }
}
