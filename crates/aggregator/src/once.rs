use std::time::{Duration, Instant};

use seed_chain::{Mined, Options as ChainOptions, Wallet};
use seed_oci::Options as PlaceOptions;

use crate::{
    Documents, Fault, Ledger, LedgerState, Names, Outcome, Places, Release, ReleaseReport, Report,
    Settings, Submission, Wanted, group, places, posts, sender::payer,
};

/// One run: collect, choose, submit what is ready, and report.
///
/// # Errors
/// [`Fault`] when nothing could be decided about any release.
pub async fn once(settings: &Settings, names: &Names) -> Result<Report, Fault> {
    let deadline = Instant::now() + settings.timeout;
    let late = Fault::Deadline(settings.timeout.as_secs());
    let prepared = tokio::time::timeout_at(deadline.into(), Run::prepare(settings, deadline));
    let (run, mut releases, mut report) = prepared.await.map_err(|_| late.clone())??;
    let mut steps = Vec::new();
    for release in &mut releases {
        let looked = tokio::time::timeout_at(deadline.into(), run.look(release)).await;
        let looked = looked.unwrap_or_else(|_| Err(late.clone()));
        let mut one = ReleaseReport::new(release, &run.state, names);
        steps.push(match looked {
            Ok(None) => Ok(Step::Recorded(None)),
            Ok(Some(state)) => run.submit(release, &state, &mut one).await,
            Err(fault) => Err(fault.into()),
        });
        report.releases.push(one);
    }
    run.send_waiting(&releases, &mut steps).await;
    // Only now is finality waited for: one wait for all.
    for ((release, step), one) in releases.iter().zip(steps).zip(&mut report.releases) {
        let outcome = match step {
            Ok(Step::Ready | Step::Waiting(_)) => Outcome::Ready,
            Ok(Step::Recorded(mined)) => match run.follow(release, mined.as_ref(), one).await {
                Ok(outcome) | Err(outcome) => outcome,
            },
            Err(outcome) => outcome,
        };
        one.conclude(outcome);
    }
    report.conclude();
    Ok(report)
}

/// How far a release has come.
pub(crate) enum Step {
    /// It would be accepted; this is a dry run.
    Ready,
    /// It would be accepted, and is sent together with the others that are.
    Waiting(Submission),
    /// It is recorded: by this transaction, or before.
    Recorded(Option<Mined>),
}

/// One run's means.
pub(crate) struct Run<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: Ledger,
    pub(crate) wallet: Wallet,
    pub(crate) places: Places,
    pub(crate) options: PlaceOptions,
    /// What governed at the start.
    pub(crate) state: LedgerState,
    pub(crate) troubles: Vec<String>,
    pub(crate) deadline: Instant,
}

impl<'a> Run<'a> {
    async fn prepare(
        settings: &'a Settings,
        deadline: Instant,
    ) -> Result<(Self, Vec<Release>, Report), Fault> {
        let places = Places::open(&settings.from)?;
        let signer = payer(settings.key.as_ref())?;
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
        let mut documents = Documents::collect(
            &places,
            &wanted,
            &settings.attestations,
            &settings.genesis,
            settings.timeout / 4,
        )
        .await?;
        let (posted, unknown) = ledger.posted(&wanted.releases).await;
        let found = posts::attestations(&posted, &documents.attestations, &settings.domain, &state);
        documents.attestations.extend(found);
        documents.troubles.extend(unknown);
        let troubles = documents.troubles.clone();
        let mut notes = [ledger.notes(), &documents.notes].concat();
        if state.rules.logic_hash() != seed_chain::logic_hash() {
            notes.push(
                "the logic of the rules in force is not the one this program knows; verifiers may not accept it"
                    .to_owned(),
            );
        }
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

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Settles the votes of a release and reads the state it will be judged in; `None` where it is recorded: then
    /// its evidence is the verifiers' business.
    async fn look(&self, release: &mut Release) -> Result<Option<LedgerState>, Fault> {
        if self.ledger.commitment(&release.id).await?.is_some() {
            return Ok(None);
        }
        let patience = self.left() / 2;
        release
            .settle(&self.settings.domain, &self.places, patience)
            .await;
        let state = self.ledger.state().await?;
        let same = state.rules.code_hash() == self.state.rules.code_hash()
            && state.rules_address == self.state.rules_address
            && state.revoked == self.state.revoked;
        match same {
            true => Ok(Some(state)),
            false => Err(Fault::RulesChanged),
        }
    }
}
