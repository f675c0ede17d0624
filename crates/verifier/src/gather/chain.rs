use super::Notes;
use crate::Fault;
use alloy_primitives::{Address, B256, Bytes};
use seed_primitives::ReleaseId;
use seed_verdict::{ChainEvidence, Policy};
use std::collections::BTreeSet;

/// x
#[derive(Debug)]
pub struct Chain {}
pub(crate) struct Head {}
impl Chain {
    pub(crate) fn new(_policy: &Policy) -> Result<Self, Fault> {
        Ok(Self {})
    }
    pub(crate) async fn head(&self, _notes: &Notes) -> Option<Head> {
        None
    }
    pub(crate) fn silent(&self) -> ChainEvidence {
        ChainEvidence::default()
    }
    pub(crate) async fn codes(
        &self,
        _head: &Head,
        _rules: &BTreeSet<(Address, B256)>,
        _notes: &Notes,
    ) -> Vec<Bytes> {
        vec![]
    }
    pub(crate) async fn events(
        &self,
        _head: &Head,
        _release: &ReleaseId,
        _notes: &Notes,
    ) -> Vec<Vec<u8>> {
        vec![]
    }
    pub(crate) async fn state(
        &self,
        _head: Head,
        _slots: &[B256],
        _values: bool,
        _notes: &Notes,
    ) -> ChainEvidence {
        ChainEvidence::default()
    }
}
