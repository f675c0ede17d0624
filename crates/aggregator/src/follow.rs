use std::time::{Duration, Instant};

use seed_chain::Mined;
use seed_primitives::write_bytes32;

use crate::{
    Outcome, Recorded, Release, ReleaseReport, locator, once::Run, report::TransactionReport,
};

/// The least time for publishing locators.
const PATIENCE: Duration = Duration::from_secs(30);

impl Run<'_> {
    /// Reads the record of a recorded release back, waits for finality and publishes the locator, as far as that
    /// was asked for.
    pub(crate) async fn follow(
        &self,
        release: &Release,
        mined: Option<&Mined>,
        report: &mut ReleaseReport,
    ) -> Result<Outcome, Outcome> {
        let asked = self.settings.wait_finalised || !self.settings.publish.is_empty();
        if mined.is_none() && (self.settings.dry_run || !asked) {
            return Ok(Outcome::AlreadyFinalised);
        }
        // Whatever goes wrong from here on, what was paid for is shown.
        report.transaction = mined.map(|mined| TransactionReport {
            hash: mined.hash,
            block: mined.block,
            gas_used: Some(mined.gas_used),
            sequence: None,
            commitment: None,
            finalised: None,
        });
        let commitment = self.ledger.commitment(&release.id).await?;
        let commitment = commitment.ok_or(Outcome::Vanished)?;
        let from = mined.map_or(0, |mined| mined.block);
        let recorded = self.ledger.recorded(&release.id, commitment, from).await?;
        let sequence = recorded.record.sequence;
        report.transaction = Some(TransactionReport {
            hash: recorded.transaction,
            block: recorded.block,
            gas_used: mined.map(|mined| mined.gas_used),
            sequence: Some(sequence),
            commitment: Some(write_bytes32(&commitment)),
            finalised: None,
        });
        if self.settings.wait_finalised {
            let ledger = &self.ledger;
            let finalised = ledger
                .wait_finalised(&release.id, commitment, self.deadline)
                .await;
            if let Some(transaction) = &mut report.transaction {
                transaction.finalised = Some(finalised);
            }
            if !finalised {
                return Err(Outcome::FinalityNotReached { sequence });
            }
        }
        self.publish(release, &recorded, report).await?;
        Ok(match mined {
            Some(_) => Outcome::Finalised { sequence },
            None => Outcome::AlreadyFinalised,
        })
    }

    async fn publish(
        &self,
        release: &Release,
        recorded: &Recorded,
        report: &mut ReleaseReport,
    ) -> Result<(), Outcome> {
        let Some(source) = &release.source else {
            return Ok(());
        };
        // The record stands; a locator gets its time even where waiting for the chain took all of it.
        let until = self.deadline.max(Instant::now() + PATIENCE);
        for place in &self.settings.publish {
            let record = &recorded.record;
            let published = locator::publish(place, &self.options, source, record, &self.places);
            match tokio::time::timeout_at(until.into(), published).await {
                Ok(published) => report.locators.extend(published),
                Err(_) => {
                    return Err(Outcome::LocatorNotPublished {
                        sequence: recorded.record.sequence,
                        why: format!("{place} is too slow"),
                    });
                }
            }
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
