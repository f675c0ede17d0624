use seed_proof::Rules;

use crate::{CountedBuilder, Grade, Policy, Vouched, head::Head};

/// Who is still trusted after everything was checked, one sentence each.
pub(crate) fn who(
    policy: &Policy,
    head: &Head<'_>,
    grade: Grade,
    rules: &Rules,
    builders: &[CountedBuilder],
) -> Vec<String> {
    let operators: Vec<String> = head
        .voters
        .iter()
        .map(|voter| {
            format!(
                "{} ({})",
                voter.endpoint.operator, voter.endpoint.jurisdiction
            )
        })
        .collect();
    let what = match grade {
        Grade::Proof => "the hash of the finalised block",
        Grade::Quorum | Grade::Signatures => {
            "the hash of the finalised block and every value read at it"
        }
    };
    let names: Vec<String> = builders
        .iter()
        .map(|one| one.name.clone().unwrap_or_else(|| one.builder.to_string()))
        .collect();
    let head_from = match head.vouched() {
        Vouched::Operators => format!(
            "that fewer than {} of these {} operators lie about {what}: {}",
            policy.agree(),
            policy.endpoints().len(),
            operators.join(", ")
        ),
        Vouched::Policy => format!(
            "that whoever wrote the policy pinned a final block: {} {}",
            head.header.number(),
            head.header.hash()
        ),
    };
    vec![
        head_from,
        format!(
            "that fewer than {} independent builders conspire; these vouch: {}",
            rules.threshold(),
            names.join(", ")
        ),
        "the chain's own finality and the pinned ledger code".to_owned(),
        "the sources and the hardware they were built on: outputs are bound to them, they are not audited"
            .to_owned(),
    ]
}

/// Who is still trusted where only signatures were checked.
pub(crate) fn signers(policy: &Policy, builders: &[CountedBuilder]) -> Vec<String> {
    let names: Vec<String> = builders
        .iter()
        .map(|one| one.name.clone().unwrap_or_else(|| one.builder.to_string()))
        .collect();
    let rules = policy.rules();
    let need = rules.minimum_known_signers.max(rules.minimum_threshold);
    vec![
        format!(
            "that fewer than {need} independent builders conspire; these vouch: {}",
            names.join(", ")
        ),
        "whoever gave the evidence not to hide that the release was never recorded, or that it or a builder was revoked, \
         disputed, tainted or replaced since: nothing was asked of the chain"
            .to_owned(),
    ]
}
