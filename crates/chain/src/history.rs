use alloy_primitives::{Address, Bytes, U128, U256};
use serde_json::json;

use crate::{ChainError, Endpoint};

impl Endpoint {
    /// Whether `account` had code after block `number`, as the endpoint claims.
    ///
    /// # Errors
    /// When it is not answered: many endpoints know only the newest blocks.
    pub async fn had_code(&self, account: Address, number: u64) -> Result<bool, ChainError> {
        let block = format!("{number:#x}");
        let code: Bytes = self.rpc.ask("eth_getCode", json!([account, block])).await?;
        Ok(!code.is_empty())
    }

    /// What the endpoint says a unit of gas costs now, in wei.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn gas_price(&self) -> Result<u128, ChainError> {
        Ok(self.rpc.ask::<U128>("eth_gasPrice", json!([])).await?.to())
    }

    /// What `account` has, in wei, as the endpoint claims.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.rpc
            .ask("eth_getBalance", json!([account, "latest"]))
            .await
    }
}
