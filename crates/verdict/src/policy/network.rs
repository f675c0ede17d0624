use std::fmt::Write as _;

use seed_attestation::{NetworkDeployment, NetworkError, NetworkKeys, VerifiedNetwork};
use seed_primitives::Digest;

use super::Policy;

/// From which signed network file a policy has its anchor: whose word that is, which file it was, and until when it
/// counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkPin {
    /// The network.
    pub name: String,
    /// Which of its deployments the anchor is.
    pub deployment: String,
    /// Who signs its files.
    pub keys: NetworkKeys,
    /// The number of the file.
    pub sequence: u64,
    /// SHA-256 of what was signed.
    pub digest: Digest,
    /// From when on nothing is verified under this policy, Unix seconds.
    pub expires: u64,
}

impl NetworkPin {
    /// The pin of `deployment` of a file that `keys` signed.
    #[must_use]
    pub fn of(
        network: &VerifiedNetwork,
        deployment: &NetworkDeployment,
        keys: NetworkKeys,
    ) -> Self {
        Self {
            name: network.network().name.clone(),
            deployment: deployment.name.clone(),
            keys,
            sequence: network.network().sequence,
            digest: *network.digest(),
            expires: network.network().expires,
        }
    }

    /// Refuses a file that may not take the place of the pinned one: of another network, older, or another of the same
    /// number.
    ///
    /// # Errors
    /// Those of [`VerifiedNetwork::follows`].
    pub fn accepts(&self, network: &VerifiedNetwork) -> Result<(), NetworkError> {
        network.follows(&self.name, self.sequence, &self.digest)
    }

    /// The `[network]` table of a policy, with a comment.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let keys: Vec<String> = self
            .keys
            .keys()
            .iter()
            .map(|key| format!("\"{key}\""))
            .collect();
        let mut text = String::from(COMMENT);
        // Writing to a String does not fail; names of networks and deployments have nothing to quote.
        let _ = write!(
            text,
            "[network]\nname = \"{}\"\ndeployment = \"{}\"\nkeys = [{}]\nthreshold = {}\nsequence = {}\n\
             digest = \"{}\"\nexpires = {}\n",
            self.name,
            self.deployment,
            keys.join(", "),
            self.keys.threshold(),
            self.sequence,
            self.digest,
            self.expires,
        );
        text
    }
}

const COMMENT: &str = "
# The signed network file that the anchor is from. `seed-verify policy update` takes a newer one, signed by these keys,
# and no older one. After `expires` (Unix seconds) nothing is verified until then.
";

impl Policy {
    /// From which network file the anchor is, where the policy says so.
    #[must_use]
    pub const fn network(&self) -> Option<&NetworkPin> {
        self.network.as_ref()
    }
}
