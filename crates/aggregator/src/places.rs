use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use seed_oci::{Credentials, Error, Fault as OciFault, Manifest, Options, Place, Repository};
use seed_primitives::Digest;

use crate::Fault;

/// The places builders publish to, opened for reading.
#[derive(Clone, Debug)]
pub struct Places(Vec<Repository>);

/// Why something could not be had from any place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Absent {
    /// Every place answered, and none has it.
    Missing(String),
    /// At least one place could not be asked: it may be there.
    Unknown(String),
}

impl Places {
    /// Opens every place, with the logins of the machine's container tools. Registries are not contacted yet;
    /// a layout must be there.
    ///
    /// # Errors
    /// When a layout is not there or is something else, or the logins cannot be read.
    pub fn open(places: &[Place]) -> Result<Self, Fault> {
        let options = options()?;
        let open = |place| Repository::open(place, &options).map_err(Fault::Place);
        Ok(Self(places.iter().map(open).collect::<Result<_, _>>()?))
    }

    /// The open places, in the order they were given.
    #[must_use]
    pub fn all(&self) -> &[Repository] {
        &self.0
    }

    pub(crate) async fn manifest(&self, digest: &Digest) -> Result<Manifest, Absent> {
        self.first(async |place| place.manifest(digest).await).await
    }

    pub(crate) async fn blob(&self, digest: &Digest, max: u64) -> Result<Bytes, Absent> {
        self.first(async |place| place.blob(digest, max).await)
            .await
    }

    /// Asks all places at once and takes the first that has it: content is by digest, so whoever gives it, it is
    /// the same, and one that stalls delays nobody.
    async fn first<T>(
        &self,
        ask: impl AsyncFn(&Repository) -> Result<T, Error>,
    ) -> Result<T, Absent> {
        let (mut missing, mut unknown) = (None, None);
        let mut answers: FuturesUnordered<_> =
            self.0.iter().map(async |place| ask(place).await).collect();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(found) => return Ok(found),
                Err(error) if is_silence(&error) => unknown = Some(error.to_string()),
                Err(error) => missing = Some(error.to_string()),
            }
        }
        Err(match (unknown, missing) {
            (Some(why), _) => Absent::Unknown(why),
            (None, why) => Absent::Missing(why.unwrap_or_else(|| "no place was given".to_owned())),
        })
    }
}

/// How places are spoken to.
pub(crate) fn options() -> Result<Options, Fault> {
    Ok(Options {
        credentials: Credentials::from_environment().map_err(Fault::Place)?,
        ..Options::default()
    })
}

/// Whether the error says nothing about what the place holds.
pub(crate) fn is_silence(error: &Error) -> bool {
    matches!(error.fault(), OciFault::Unavailable | OciFault::Denied)
}
