use alloy_primitives::Address;
use seed_chain::Endpoint;

use super::DeployFault;

/// The number of the block before the one in which `account` got its code; `newest` is a block in which it has it.
///
/// Found by bisection, so that running a command again finds the same block. An endpoint without history cannot be
/// asked; then the caller must name the block.
pub(super) async fn origin(
    endpoint: &Endpoint,
    account: Address,
    newest: u64,
) -> Result<u64, DeployFault> {
    // It has none after `without`, and some after `with`.
    let (mut without, mut with) = (0, newest);
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        let answer = endpoint.had_code(account, middle).await;
        let there = answer.map_err(|error| DeployFault::NoOrigin {
            why: error.to_string(),
        })?;
        match there {
            true => with = middle,
            false => without = middle,
        }
    }
    Ok(without)
}
