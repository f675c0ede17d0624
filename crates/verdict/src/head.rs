//! Step 2: one finalised header that enough operators vouch for.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use seed_proof::RawHeader;

use crate::{
    ChainEvidence, Context, Endpoint, Observation, Policy, Rejection, RejectionCode as Code,
    Vouched,
};

/// How far a block's time may lie ahead of this machine's clock, in seconds.
const CLOCK_TOLERANCE: u64 = 60;
/// The most headers of one endpoint that are looked at.
const MAX_HEADERS: usize = 16;

/// The header everything is read at, and who vouches for it.
pub(crate) struct Head<'a> {
    pub(crate) header: RawHeader,
    pub(crate) state_root: B256,
    pub(crate) voters: Vec<Voter<'a>>,
}

impl Head<'_> {
    /// Who says that it is final.
    pub(crate) fn vouched(&self) -> Vouched {
        if self.voters.is_empty() {
            return Vouched::Policy;
        }
        Vouched::Operators
    }
}

/// An operator that calls the header finalised, with what else it said.
pub(crate) struct Voter<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) observation: &'a Observation,
}

/// Chooses nothing: checks that the header that was chosen is finalised, agreed on by `agree` operators,
/// contradicted by none, and fresh.
pub(crate) fn establish<'a>(
    policy: &'a Policy,
    chain: &'a ChainEvidence,
    context: &Context,
) -> Result<Head<'a>, Rejection> {
    let answers = answers(policy, chain);
    for answer in &answers {
        same_chain(policy, answer)?;
    }
    no_conflict(&answers)?;
    let (header, state_root) = read(policy, chain)?;
    let voters = if chain.captured && chain.endpoints.is_empty() {
        pinned(policy, &header)?;
        Vec::new()
    } else {
        vote(policy, &header, answers)?
    };
    fresh(policy, chain, &header, context)?;
    Ok(Head {
        header,
        state_root,
        voters,
    })
}

/// The header as it is: fresh, and final by nobody's word. Only for making a bundle, never for a verdict.
///
/// Where endpoints were asked, enough of them must know it, or a single one could have bundles made of another chain.
pub(crate) fn unconfirmed<'a>(
    policy: &'a Policy,
    chain: &'a ChainEvidence,
    context: &Context,
) -> Result<Head<'a>, Rejection> {
    let answers = answers(policy, chain);
    for answer in &answers {
        same_chain(policy, answer)?;
    }
    no_conflict(&answers)?;
    let (header, state_root) = read(policy, chain)?;
    let known = answers.iter().filter(|answer| knows(answer, &header));
    let known = known.count();
    if !chain.endpoints.is_empty() && known < policy.agree() {
        return Err(too_few(policy, &header, operators(known)));
    }
    fresh(policy, chain, &header, context)?;
    Ok(Head {
        header,
        state_root,
        voters: Vec::new(),
    })
}

fn read(policy: &Policy, chain: &ChainEvidence) -> Result<(RawHeader, B256), Rejection> {
    let bytes = chain
        .header
        .as_deref()
        .ok_or_else(|| Rejection::new(Code::HeaderMissing, no_answers(policy, chain)))?;
    let unusable = |error: seed_proof::HeaderError| {
        Rejection::new(Code::HeaderMissing, format!("the chosen header: {error}"))
    };
    let header = RawHeader::parse(bytes).map_err(unusable)?;
    let state_root = header.state_root().map_err(unusable)?;
    Ok((header, state_root))
}

/// Refuses a header whose hash the policy does not name as final: the bundle that brings it vouches for nothing.
fn pinned(policy: &Policy, header: &RawHeader) -> Result<(), Rejection> {
    let (number, hash) = (header.number(), header.hash());
    let mut known = policy.checkpoints().iter();
    if known.any(|one| one.block == number && one.hash == hash) {
        return Ok(());
    }
    Err(Rejection::new(
        Code::HeaderNotPinned,
        format!("the policy does not pin block {number}, at which the bundle was captured"),
    )
    .found(hash))
}

fn no_answers(policy: &Policy, chain: &ChainEvidence) -> String {
    let faults: Vec<String> = policy
        .endpoints()
        .iter()
        .map(|endpoint| {
            let found = chain.endpoints.iter().find(|one| one.url == endpoint.url);
            let why = match found.map(|one| &one.outcome) {
                Some(Err(fault)) => fault.as_str(),
                Some(Ok(_)) => "answered",
                None => "not asked",
            };
            format!("{}: {why}", endpoint.operator)
        })
        .collect();
    format!("no header could be chosen ({})", faults.join("; "))
}

/// The answers, one per endpoint of the policy. Errors are no answers, and strangers have no voice.
fn answers<'a>(policy: &'a Policy, chain: &'a ChainEvidence) -> Vec<Voter<'a>> {
    policy
        .endpoints()
        .iter()
        .filter_map(|endpoint| {
            let found = chain.endpoints.iter().find(|one| one.url == endpoint.url)?;
            let observation = found.outcome.as_ref().ok()?;
            Some(Voter {
                endpoint,
                observation,
            })
        })
        .collect()
}

fn same_chain(policy: &Policy, answer: &Voter<'_>) -> Result<(), Rejection> {
    let (anchor, said) = (policy.anchor(), answer.observation);
    if said.chain_id == anchor.chain_id && said.genesis == anchor.genesis {
        return Ok(());
    }
    Err(Rejection::new(
        Code::WrongChain,
        format!(
            "the endpoint of {} is on another chain",
            answer.endpoint.operator
        ),
    )
    .found(format!(
        "chain {} with genesis {}",
        said.chain_id, said.genesis
    ))
    .expected(format!(
        "chain {} with genesis {}",
        anchor.chain_id, anchor.genesis
    )))
}

/// The headers of an answer that can be read.
fn headers(answer: &Voter<'_>) -> impl Iterator<Item = RawHeader> {
    let headers = answer.observation.headers.iter().take(MAX_HEADERS);
    headers.filter_map(|bytes| RawHeader::parse(bytes).ok())
}

/// Two blocks of one height, both called finalised: somebody lies, whoever has the majority.
fn no_conflict(answers: &[Voter<'_>]) -> Result<(), Rejection> {
    let mut seen: BTreeMap<u64, (B256, &str)> = BTreeMap::new();
    for answer in answers {
        let operator = answer.endpoint.operator.as_str();
        for header in headers(answer) {
            if header.number() > answer.observation.finalized {
                continue;
            }
            let (hash, other) = *seen
                .entry(header.number())
                .or_insert((header.hash(), operator));
            if hash != header.hash() {
                return Err(Rejection::new(
                    Code::HeadersConflict,
                    format!(
                        "{other} and {operator} call different blocks {} finalised",
                        header.number()
                    ),
                )
                .found(header.hash())
                .expected(hash));
            }
        }
    }
    Ok(())
}

fn vote<'a>(
    policy: &Policy,
    header: &RawHeader,
    answers: Vec<Voter<'a>>,
) -> Result<Vec<Voter<'a>>, Rejection> {
    let knowing: Vec<Voter<'a>> = answers
        .into_iter()
        .filter(|answer| knows(answer, header))
        .collect();
    let known = knowing.len();
    let voters: Vec<Voter<'a>> = knowing
        .into_iter()
        .filter(|answer| answer.observation.finalized >= header.number())
        .collect();
    if voters.len() >= policy.agree() {
        return Ok(voters);
    }
    let mut rejection = too_few(policy, header, operators(known));
    if known >= policy.agree() {
        rejection.code = Code::HeadNotFinal;
        rejection = rejection.found(format!("final for {}", operators(voters.len())));
    }
    Err(rejection)
}

fn knows(answer: &Voter<'_>, header: &RawHeader) -> bool {
    headers(answer).any(|one| one.hash() == header.hash())
}

fn operators(count: usize) -> String {
    match count {
        1 => "1 operator".to_owned(),
        _ => format!("{count} operators"),
    }
}

fn too_few(policy: &Policy, header: &RawHeader, found: String) -> Rejection {
    let what = format!(
        "too few operators vouch for block {} ({})",
        header.number(),
        header.hash()
    );
    let expected = format!("{} of {}", policy.agree(), policy.endpoints().len());
    Rejection::new(Code::EndpointQuorum, what)
        .found(found)
        .expected(expected)
}

fn fresh(
    policy: &Policy,
    chain: &ChainEvidence,
    header: &RawHeader,
    context: &Context,
) -> Result<(), Rejection> {
    let (code, most) = match chain.captured {
        true => (Code::BundleStale, policy.maximum_bundle_age()),
        false => (Code::HeadStale, policy.maximum_head_age()),
    };
    let block = format!("the finalised block {}", header.number());
    if header.timestamp() > context.now.saturating_add(CLOCK_TOLERANCE) {
        return Err(Rejection::new(
            Code::HeadInFuture,
            format!("{block} is later than the clock"),
        )
        .found(header.timestamp())
        .expected(format!("at most {}", context.now)));
    }
    let age = context.now.saturating_sub(header.timestamp());
    if age > most {
        return Err(Rejection::new(code, format!("{block} is old"))
            .found(format!("{age} s"))
            .expected(format!("at most {most} s")));
    }
    Ok(())
}
