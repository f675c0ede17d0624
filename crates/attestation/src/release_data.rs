use crate::{FormatError, Record, Signature};

/// The payload of the ledger's `ReleaseFinalised` event: a record and the signatures of its entries, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseData {
    /// The record.
    pub record: Record,
    /// One signature per entry.
    pub signatures: Vec<Signature>,
}

impl ReleaseData {
    /// Reads `record ‖ 64 bytes per entry`, exactly.
    ///
    /// # Errors
    /// When the length does not fit the record's own head, the record is malformed, or a signature is not in
    /// its one accepted form.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let entries = bytes.get(2).map_or(0, |count| usize::from(*count));
        let split = bytes.len().checked_sub(64 * entries).ok_or_else(|| {
            FormatError::Record("the event is shorter than its signatures".into())
        })?;
        let (record, signatures) = bytes.split_at(split);
        let signatures = signatures
            .chunks(64)
            .map(Signature::from_bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| FormatError::Record(format!("signature in the event: {error}")))?;
        Ok(Self {
            record: Record::parse(record)?,
            signatures,
        })
    }

    /// The bytes of the event's `data` parameter.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.record.to_bytes();
        for signature in &self.signatures {
            bytes.extend_from_slice(signature.as_bytes());
        }
        bytes
    }
}
