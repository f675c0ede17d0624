use seed_chain::ChainError;

use crate::{
    GenesisError, LedgerState, Outcome, Release, ReleaseReport, Submission, Vote, first_release,
    once::{Run, Step},
    quorum,
};

/// The most releases in one transaction: far below what a block holds.
const MAX_BATCH: usize = 16;

impl Run<'_> {
    /// Chooses signers and tries the call. The first release is submitted at once, because all others wait for it;
    /// the others are left for [`Self::send_waiting`]. What happened on the way is left in `report`.
    pub(crate) async fn submit(
        &self,
        release: &Release,
        state: &LedgerState,
        report: &mut ReleaseReport,
    ) -> Result<Step, Outcome> {
        let submission = match state.sequence {
            0 => self.first(release, state, report)?,
            _ => self.choose(release, state)?,
        };
        report.show(&submission);
        if let Err(error) = self.simulate(release, &submission).await {
            return self.lost_race(release, error.into()).await;
        }
        if self.settings.dry_run {
            return Ok(Step::Ready);
        }
        match state.sequence {
            0 => self.send(release, &submission).await,
            _ => Ok(Step::Waiting(submission)),
        }
    }

    /// Sends what waits: one release by itself, several in batches.
    pub(crate) async fn send_waiting(
        &self,
        releases: &[Release],
        steps: &mut [Result<Step, Outcome>],
    ) {
        let waiting: Vec<usize> = (0..steps.len())
            .filter(|at| matches!(steps.get(*at), Some(Ok(Step::Waiting(_)))))
            .collect();
        for places in waiting.chunks(MAX_BATCH) {
            let mut batch = Vec::new();
            for at in places {
                if let (Some(release), Some(Ok(Step::Waiting(submission)))) =
                    (releases.get(*at), steps.get(*at))
                {
                    batch.push((release, submission.clone()));
                }
            }
            let sent = self.send_batch(&batch).await;
            for (at, step) in places.iter().zip(sent) {
                if let Some(place) = steps.get_mut(*at) {
                    *place = step;
                }
            }
        }
    }

    async fn send_batch(&self, batch: &[(&Release, Submission)]) -> Vec<Result<Step, Outcome>> {
        let mut steps = Vec::new();
        if batch.len() > 1 {
            let bytes: Vec<_> = batch
                .iter()
                .map(|(release, submission)| (release.id, submission.to_bytes()))
                .collect();
            let ledger = self.settings.domain.ledger;
            if let Ok(mined) = self.wallet.finalise_batch(ledger, &bytes).await {
                let recorded = |_| Ok(Step::Recorded(Some(mined.clone())));
                return batch.iter().map(recorded).collect();
            }
            // One that fails takes the others with it: each on its own shows whose fault it is, and lets the
            // others through. What the batch recorded after all is found recorded.
        }
        for (release, submission) in batch {
            steps.push(match self.recorded_meanwhile(release, batch.len()).await {
                true => Ok(Step::Recorded(None)),
                false => self.send(release, submission).await,
            });
        }
        steps
    }

    /// Whether a failed batch left a release recorded; a single submission has nothing before it.
    async fn recorded_meanwhile(&self, release: &Release, batch: usize) -> bool {
        batch > 1 && matches!(self.ledger.commitment(&release.id).await, Ok(Some(_)))
    }

    fn first(
        &self,
        release: &Release,
        state: &LedgerState,
        report: &mut ReleaseReport,
    ) -> Result<Submission, Outcome> {
        first_release(release, state).map_err(|error| {
            let GenesisError::Incomplete(lacks) = &error else {
                return Outcome::Genesis(error);
            };
            report.lacking.clone_from(lacks);
            match self.trouble(release) {
                Some(trouble) => Outcome::PlaceUnreachable(trouble),
                None if release.genesis.is_empty() && release.votes.is_empty() => {
                    Outcome::NothingFound
                }
                None => Outcome::Genesis(error),
            }
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

    async fn simulate(&self, release: &Release, submission: &Submission) -> Result<(), ChainError> {
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

    async fn send(&self, release: &Release, submission: &Submission) -> Result<Step, Outcome> {
        let (ledger, bytes) = (self.settings.domain.ledger, submission.to_bytes());
        let wallet = &self.wallet;
        let mined = match submission.genesis_bytes() {
            Some(signatures) => {
                wallet
                    .genesis(ledger, &release.id, &bytes, &signatures)
                    .await
            }
            None => wallet.finalise(ledger, &release.id, &bytes).await,
        };
        match mined {
            Ok(mined) => Ok(Step::Recorded(Some(mined))),
            Err(error) => self.lost_race(release, error.into()).await,
        }
    }

    /// Somebody else may have submitted the release in the meantime: then it is recorded, and that is all that
    /// was wanted.
    async fn lost_race(&self, release: &Release, outcome: Outcome) -> Result<Step, Outcome> {
        match self.ledger.commitment(&release.id).await {
            Ok(Some(_)) => Ok(Step::Recorded(None)),
            _ => Err(outcome),
        }
    }
}
