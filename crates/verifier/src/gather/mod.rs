//! From a question to evidence: everything that is fetched, none of it believed.

mod artifact;
pub(crate) mod bundle;
mod chain;
mod evidence;
pub(crate) mod image;
mod layers;
mod locator;
mod notes;
mod original;
mod stop;

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Bytes};
use seed_attestation::Locator;
use seed_oci::{Options, Place, Reference, Repository};
use seed_primitives::{BuilderId, ReleaseId, System};
use seed_proof::Rules;
use seed_verdict::{
    Bundle, Document, EndpointEvidence, Evidence, Grade, ImageEvidence, MAX_LOCATORS, Policy,
    RejectionCode, Requested, required_slots,
};

pub use chain::Height;
pub(crate) use chain::{Chain, Head};
pub use stop::Stop;

use evidence::Places;
pub use notes::Notes;
use original::Originals;

/// What is to be gathered.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The image.
    pub reference: &'a Reference,
    /// Whether every layer is read.
    pub deep: bool,
    /// A locator that was given; where there is none, one is looked for beside the image.
    pub locator: Option<&'a [u8]>,
}

/// Fetches from registries and endpoints what a verdict needs.
#[derive(Debug)]
pub struct Gatherer<'a> {
    policy: &'a Policy,
    chain: Chain,
    options: Options,
    mirrors: &'a [Place],
}

impl<'a> Gatherer<'a> {
    /// A gatherer for the endpoints of `policy` that looks for evidence in the image's repository and `mirrors`.
    #[must_use]
    pub fn new(policy: &'a Policy, options: Options, mirrors: &'a [Place]) -> Self {
        Self {
            policy,
            chain: Chain::new(policy),
            options,
            mirrors,
        }
    }

    /// Gathers the evidence about one image.
    ///
    /// Whatever could not be had is left out of the evidence and noted.
    ///
    /// # Errors
    /// [`Stop`] when the image itself cannot be had: the answer is known then, and it is not yes.
    pub async fn gather(
        &self,
        request: &Request<'_>,
        height: Height,
        notes: &Notes,
    ) -> Result<Evidence, Stop> {
        let (head, beside) =
            tokio::join!(self.chain.head(height, notes), self.beside(request, notes));
        let (beside, repositories) = beside?;
        let mut evidence = Evidence {
            image: beside.image,
            locators: beside.locators,
            ..Evidence::default()
        };
        let candidates = candidates(self.policy, &evidence);
        let places = Places {
            repositories: &repositories,
            notes,
        };
        let codes = self.chain.codes(&head, &rules_of(&candidates), notes).await;
        for (release, builders) in voters(&candidates, &codes) {
            let (events, attestations) = tokio::join!(
                self.chain.events(&head, &release, notes),
                places.attestations(&release, &builders)
            );
            evidence.events.extend(events);
            evidence.attestations.extend(attestations);
        }
        let slots = required_slots(&evidence);
        let values = self.policy.require() <= Grade::Quorum;
        let manifests = evidence::named(&candidates, &evidence.attestations);
        let systems = systems(&evidence.image);
        let (state, blobs) = tokio::join!(
            self.chain.state(head, &slots, values, notes),
            places.evidence(&manifests, &systems)
        );
        evidence.blobs = blobs;
        for original in beside.originals {
            evidence.blobs.insert(original);
        }
        evidence.chain = state;
        evidence.chain.rules_codes = codes;
        Ok(evidence)
    }

    /// The image from where it is, everything else from `bundle`, and what the endpoints say about its header.
    ///
    /// # Errors
    /// [`Stop`] when the image itself cannot be had.
    pub async fn gather_beside(
        &self,
        bundle: &Bundle,
        request: &Request<'_>,
        notes: &Notes,
    ) -> Result<Evidence, Stop> {
        let place = &request.reference.place;
        let repository = Repository::open(place, &self.options)
            .map_err(|error| Stop::no_image(&error, RejectionCode::ManifestDigestMismatch))?;
        let (endpoints, served) = tokio::join!(
            self.confirm(bundle, notes),
            image::serve(&repository, request.reference, request.deep, notes)
        );
        let mut evidence = bundle.evidence_with(served?.evidence);
        evidence.chain.endpoints = endpoints;
        Ok(evidence)
    }

    /// What the endpoints say about the header of `bundle`.
    pub async fn confirm(&self, bundle: &Bundle, notes: &Notes) -> Vec<EndpointEvidence> {
        match bundle.header() {
            Ok(header) => self.chain.confirm(header.number(), notes).await,
            Err(_) => Vec::new(),
        }
    }

    /// The same bundle's evidence with everything that was read from the chain read again, at `height`.
    pub async fn renew(&self, bundle: &Bundle, height: Height, notes: &Notes) -> Option<Evidence> {
        let requested = Requested::Digest(bundle.digest()?);
        let mut evidence = bundle.evidence(requested);
        let head = self.chain.head(height, notes).await;
        let slots = bundle.required_slots();
        let state = self.chain.state(head, &slots, false, notes).await;
        let codes = std::mem::take(&mut evidence.chain.rules_codes);
        evidence.chain = state;
        evidence.chain.rules_codes = codes;
        Some(evidence)
    }

    /// The image and what lies beside it in its repository.
    async fn beside(
        &self,
        request: &Request<'_>,
        notes: &Notes,
    ) -> Result<(Beside, Vec<Repository>), Stop> {
        let place = &request.reference.place;
        let repository = Repository::open(place, &self.options)
            .map_err(|error| Stop::no_image(&error, RejectionCode::ManifestDigestMismatch))?;
        let served = image::serve(&repository, request.reference, request.deep, notes).await?;
        let mut repositories = vec![repository];
        for mirror in self.mirrors.iter().filter(|mirror| *mirror != place) {
            repositories.extend(notes.ok(Repository::open(mirror, &self.options)));
        }
        let mut locators = match request.locator {
            Some(locator) => vec![locator.to_vec()],
            None => locator::find(&repositories, &served.manifests, self.policy, notes).await,
        };
        let originals = Originals {
            repositories: &repositories,
            policy: self.policy,
            notes,
        };
        let search = request.deep && request.locator.is_none();
        let originals = originals.find(&served, &mut locators, search).await;
        let beside = Beside {
            image: served.evidence,
            locators,
            originals,
        };
        Ok((beside, repositories))
    }
}

/// The image, and what leads from it to a release.
struct Beside {
    image: ImageEvidence,
    locators: Vec<Vec<u8>>,
    /// Attested manifests of which the image may be a re-packed copy.
    originals: Vec<Vec<u8>>,
}

/// The readable locators of an expected source, at most [`MAX_LOCATORS`].
pub(crate) fn candidates(policy: &Policy, evidence: &Evidence) -> Vec<Locator> {
    let locators = evidence.locators.iter().take(MAX_LOCATORS);
    locators
        .filter_map(|bytes| Locator::from_json(bytes).ok())
        .filter(|locator| policy.expects(&locator.source))
        .collect()
}

/// Address and code hash of the rules that judged the candidates.
fn rules_of(candidates: &[Locator]) -> BTreeSet<(Address, B256)> {
    let records = candidates.iter().map(|locator| &locator.record);
    records
        .map(|record| (record.rules, record.rules_code_hash))
        .collect()
}

/// Whose votes are looked for, per release: the builders of the record and, from its rules, all others.
fn voters(candidates: &[Locator], codes: &[Bytes]) -> Vec<(ReleaseId, BTreeSet<BuilderId>)> {
    let rules: Vec<_> = codes
        .iter()
        .filter_map(|code| Rules::parse(code).ok())
        .collect();
    let mut voters: Vec<(ReleaseId, BTreeSet<BuilderId>)> = Vec::new();
    for locator in candidates {
        let release = locator.source.release();
        let judged = rules
            .iter()
            .filter(|rules| rules.code_hash() == locator.record.rules_code_hash);
        let builders = locator.record.entries.iter().map(|entry| entry.builder);
        let builders =
            builders.chain(judged.flat_map(|rules| rules.builders().iter().map(|one| one.builder)));
        match voters.iter_mut().find(|(known, _)| *known == release) {
            Some((_, known)) => known.extend(builders),
            None => voters.push((release, builders.collect())),
        }
    }
    voters
}

/// The systems that the image, or the children of the index, are for; only to fetch no more than is needed.
fn systems(image: &ImageEvidence) -> BTreeSet<System> {
    let manifests = match &image.document {
        Some(Document::Manifest(manifest)) => std::slice::from_ref(manifest),
        Some(Document::Index { children, .. }) => children.as_slice(),
        None => &[],
    };
    manifests
        .iter()
        .filter_map(|manifest| manifest.config.as_deref())
        .filter_map(|config| seed_image::ImageConfig::parse(config).ok()?.system())
        .collect()
}
