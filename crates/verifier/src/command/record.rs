use super::arguments::RecordArguments;
use crate::Fault;
pub(super) fn run(_arguments: &RecordArguments) -> Result<u8, Fault> {
    Err(Fault::Usage("later".into()))
}
