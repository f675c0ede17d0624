use seed_testkit::liar::{Lie, Told};

use crate::{Seed, World};

/// What the lie of one operator amounts to, in the words of the protocol and not of the verifier.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Voice {
    /// It tells the truth about everything that counts.
    Honest,
    /// It gives no usable answer about the head: it has no vote.
    Mute,
    /// It answers for another chain.
    OtherChain,
    /// It calls another block final, which hashes to what it says.
    Fork,
    /// It calls a block final that is not yet.
    Ahead,
    /// It calls an old block final.
    Behind,
    /// It votes, and proves nothing that holds.
    NoProof,
    /// It votes, and does not give the code of the rules.
    NoCode,
    /// It votes, and does not give the events.
    NoLogs,
    /// One byte somewhere is wrong: it may be any of the above.
    Vague,
}

/// A lie of one operator.
#[derive(Clone, Debug)]
pub struct OperatorLie {
    /// The lies to be told, as text; `{early}` is the early block's number.
    pub lies: &'static str,
    /// What they amount to.
    pub voice: Voice,
    /// The rows of the threat model.
    pub rows: &'static [&'static str],
    /// How often it is chosen, against the others.
    pub weight: usize,
}

const fn lie(
    weight: usize,
    lies: &'static str,
    voice: Voice,
    rows: &'static [&'static str],
) -> OperatorLie {
    OperatorLie {
        lies,
        voice,
        rows,
        weight,
    }
}

/// Every lie of an operator. `forged` is told with the world's forgery.
pub(crate) const OPERATOR_LIES: &[OperatorLie] = &[
    lie(6, "forged", Voice::Fork, &["RPC-01", "RPC-03"]),
    lie(2, "forged~application/json", Voice::Fork, &["RPC-03"]),
    lie(4, "forked-head", Voice::Fork, &["RPC-01", "RPC-07"]),
    lie(2, "chain-id=10", Voice::OtherChain, &["RPC-07"]),
    lie(2, "genesis", Voice::OtherChain, &["RPC-07"]),
    lie(4, "latest-as-final", Voice::Ahead, &["RPC-10", "RPC-11"]),
    lie(3, "head-at={early}", Voice::Behind, &["RPC-08", "RPC-09"]),
    lie(2, "head-at=1", Voice::Behind, &["RPC-08", "RPC-09"]),
    lie(2, "frozen-head", Voice::Honest, &["RPC-08"]),
    lie(2, "block-hash", Voice::Mute, &["RPC-01"]),
    lie(1, "header=stateRoot", Voice::Mute, &["RPC-01"]),
    lie(1, "header=number", Voice::Mute, &["RPC-01"]),
    lie(1, "header=timestamp", Voice::Mute, &["RPC-01", "RPC-08"]),
    lie(1, "header=parentHash", Voice::Mute, &["RPC-01"]),
    lie(1, "rpc-error", Voice::Mute, &["RPC-02"]),
    lie(1, "rpc-null", Voice::Mute, &["RPC-02", "RPC-13"]),
    lie(1, "status=500", Voice::Mute, &["RPC-02"]),
    lie(1, "status=429", Voice::Mute, &["RPC-02"]),
    lie(1, "status=403", Voice::Mute, &["RPC-02"]),
    lie(1, "reset", Voice::Mute, &["RPC-02"]),
    lie(1, "truncated", Voice::Mute, &["RPC-02"]),
    lie(1, "short", Voice::Mute, &["RPC-02", "RPC-13"]),
    lie(1, "long-length", Voice::Mute, &["RPC-02"]),
    lie(1, "redirect=http://192.0.2.1/", Voice::Mute, &["RPC-15"]),
    lie(1, "redirect={canary}", Voice::Mute, &["RPC-15"]),
    lie(1, "redirect-loop", Voice::Mute, &["RPC-15"]),
    lie(1, "content-type=text/html", Voice::Honest, &["RPC-13"]),
    lie(2, "delay=30", Voice::Honest, &["RPC-14"]),
    lie(1, "wrong-bytes", Voice::Vague, &["RPC-01", "RPC-13"]),
    lie(
        1,
        "wrong-bytes@eth_getBlockByNumber",
        Voice::Vague,
        &["RPC-01", "RPC-13"],
    ),
    lie(1, "wrong-bytes@eth_getProof", Voice::Vague, &["RPC-04"]),
    lie(3, "proof", Voice::NoProof, &["RPC-04"]),
    lie(2, "proof-cut", Voice::NoProof, &["RPC-06"]),
    lie(2, "proof-extra", Voice::NoProof, &["RPC-06"]),
    lie(2, "proof-reversed", Voice::NoProof, &["RPC-06"]),
    lie(2, "proof-mixed", Voice::NoProof, &["RPC-05", "RPC-06"]),
    lie(2, "no-slots", Voice::NoProof, &["RPC-06", "RPC-12"]),
    lie(2, "proof-of-other-slot", Voice::NoProof, &["RPC-05"]),
    lie(2, "proof-of-other-account", Voice::NoProof, &["RPC-05"]),
    lie(2, "proof-of-other-block", Voice::NoProof, &["RPC-05"]),
    lie(2, "rpc-error@eth_getProof", Voice::NoProof, &["RPC-12"]),
    lie(1, "rpc-null@eth_getProof", Voice::NoProof, &["RPC-12"]),
    lie(1, "status=500@eth_getProof", Voice::NoProof, &["RPC-12"]),
    lie(2, "storage", Voice::Honest, &["RPC-01", "RPC-03"]),
    lie(1, "call", Voice::Honest, &["RPC-01"]),
    lie(2, "code", Voice::NoCode, &["RPC-01"]),
    lie(1, "rpc-error@eth_getCode", Voice::NoCode, &["RPC-12"]),
    lie(2, "no-logs", Voice::NoLogs, &["RPC-01"]),
    lie(2, "logs", Voice::NoLogs, &["RPC-01"]),
    lie(1, "rpc-error@eth_getLogs", Voice::NoLogs, &["RPC-12"]),
    lie(1, "envelope=id", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=string-id", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=version", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=both", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=neither", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=array", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=duplicate", Voice::Mute, &["RPC-13", "PAR-01"]),
    lie(1, "envelope=trailing", Voice::Mute, &["RPC-13", "PAR-03"]),
    lie(1, "envelope=mark", Voice::Mute, &["RPC-13", "PAR-03"]),
    lie(1, "envelope=deep", Voice::Mute, &["RPC-13", "PAR-03"]),
    lie(1, "envelope=text", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=empty", Voice::Mute, &["RPC-13"]),
    lie(1, "envelope=both@eth_getProof", Voice::NoProof, &["RPC-13"]),
    lie(
        1,
        "envelope=duplicate@eth_getProof",
        Voice::NoProof,
        &["RPC-13"],
    ),
];

/// Lies that cost time or memory: told seldom.
pub(crate) const COSTLY_OPERATOR_LIES: &[OperatorLie] = &[
    lie(2, "stall", Voice::Mute, &["RPC-02"]),
    lie(
        1,
        "stall@eth_getProof",
        Voice::NoProof,
        &["RPC-02", "RPC-12"],
    ),
    lie(1, "envelope=huge", Voice::Mute, &["RPC-13"]),
    lie(1, "endless", Voice::Mute, &["RPC-13"]),
];

/// One of `lies`, by weight.
pub(crate) fn choose<'a>(seed: &mut Seed, lies: &'a [OperatorLie]) -> &'a OperatorLie {
    let mut at = seed.below(lies.iter().map(|one| one.weight).sum());
    for lie in lies {
        if at < lie.weight {
            return lie;
        }
        at -= lie.weight;
    }
    &lies[0]
}

impl OperatorLie {
    /// The lies with the values of this world in them.
    ///
    /// # Errors
    /// When a text of the table above is no lie.
    pub fn told(&self, world: &World, canary: &str) -> eyre::Result<Vec<Told>> {
        if let Some(rest) = self.lies.strip_prefix("forged") {
            let forgery = Lie::Forged(Box::new(world.forgery.clone()));
            return Ok(vec![
                Told::from(forgery).only_to(rest.trim_start_matches('~')),
            ]);
        }
        let text = self.lies.replace("{early}", &world.early_block.to_string());
        Ok(vec![text.replace("{canary}", canary).parse()?])
    }
}

#[cfg(test)]
mod tests {
    use seed_testkit::liar::Game;

    use super::*;

    #[test]
    fn every_lie_can_be_told_and_every_game_is_played() {
        for lie in OPERATOR_LIES.iter().chain(COSTLY_OPERATOR_LIES) {
            if lie.lies.starts_with("forged") {
                continue;
            }
            let text = lie
                .lies
                .replace("{early}", "3")
                .replace("{canary}", "http://127.0.0.1:1");
            assert!(text.parse::<Told>().is_ok(), "{text}");
            assert!(
                lie.weight > 0 && lie.rows.iter().all(|row| row.len() == 6),
                "{text}"
            );
        }
        for (game, _) in Game::ALL {
            let name = format!("envelope={game}");
            let all = OPERATOR_LIES.iter().chain(COSTLY_OPERATOR_LIES);
            assert!(all.clone().any(|lie| lie.lies == name), "{name}");
        }
    }
}
