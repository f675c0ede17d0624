use alloy::rpc::types::Log as RpcLog;
use alloy_primitives::{Address, B256, Log};
use serde_json::json;

use crate::{ChainError, Endpoint};

impl Endpoint {
    /// The events of `contract` whose first topic is one of `kinds`, in the blocks `from` to `to`, in the order of the
    /// chain.
    ///
    /// What an endpoint leaves out cannot be seen here.
    ///
    /// # Errors
    /// When the endpoint does not answer, serves no range that wide, shows events that were not asked for, or more
    /// than `most` of them.
    pub async fn logs(
        &self,
        contract: Address,
        kinds: &[B256],
        (from, to): (u64, u64),
        most: usize,
    ) -> Result<Vec<Log>, ChainError> {
        let method = "eth_getLogs";
        let filter = json!([{
            "address": contract,
            "topics": [kinds],
            "fromBlock": format!("{from:#x}"),
            "toBlock": format!("{to:#x}"),
        }]);
        let logs: Vec<RpcLog> = self.rpc.ask(method, filter).await?;
        let refuse = |why: &str| self.rpc.malformed(method, why);
        if logs.len() > most {
            return Err(refuse(&format!("more than {most} events")));
        }
        let mut events = Vec::new();
        for log in logs {
            let kind = log.topic0();
            let asked = log.address() == contract && kind.is_some_and(|kind| kinds.contains(kind));
            let within = log.block_number.filter(|block| (from..=to).contains(block));
            match (asked, within, log.log_index) {
                (true, Some(block), Some(index)) => events.push((block, index, log.inner)),
                _ => return Err(refuse("an event that was not asked for, or is in no block")),
            }
        }
        events.sort_by_key(|(block, index, _)| (*block, *index));
        Ok(events.into_iter().map(|(_, _, log)| log).collect())
    }
}
