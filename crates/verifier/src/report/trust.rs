use seed_verdict::{ExitClass, Grade, RejectionCode as Code};

use crate::{Answer, PolicyFile};

/// Who is still trusted for an answer, one sentence each. Of a verified release its verdict says so itself.
pub(super) fn trusts(policy: Option<&PolicyFile>, answer: &Answer) -> Vec<String> {
    let rejection = match answer {
        Answer::Verified(release) => return release.trusts.clone(),
        Answer::Failed(_) => return vec![NO_VERDICT.to_owned()],
        Answer::Rejected(rejection) => rejection,
    };
    if rejection.class() == ExitClass::Undecidable {
        return vec![NO_VERDICT.to_owned()];
    }
    if bytes_alone(rejection.code) {
        return vec![BYTES_ALONE.to_owned()];
    }
    let Some(policy) = policy.map(|file| &file.policy) else {
        return vec![NO_VERDICT.to_owned()];
    };
    let operators: Vec<_> = policy
        .endpoints()
        .iter()
        .map(|one| one.operator.as_str())
        .collect();
    let mut trusts = vec![
        format!(
            "for this refusal, that fewer than {} of these {} operators lie about the finalised block, or that whoever \
             wrote the policy pinned a final one: {}",
            policy.agree(),
            operators.len(),
            operators.join(", ")
        ),
        "the chain's own finality and the pinned ledger code".to_owned(),
    ];
    if policy.require() == Grade::Signatures {
        trusts.push(
            "where only signatures were read, whoever gave the evidence: what was left out of it is not seen"
                .to_owned(),
        );
    }
    trusts
}

const NO_VERDICT: &str = "nobody: no verdict was formed, and nothing was believed";
const BYTES_ALONE: &str = "nobody: the bytes that were served are not what their digests say, or not in their form; \
     another copy may be good";

/// Refusals for which nothing but the bytes of the image is looked at.
const fn bytes_alone(code: Code) -> bool {
    matches!(
        code,
        Code::ManifestDigestMismatch
            | Code::ImageMalformed
            | Code::SizeMismatch
            | Code::ConfigDigestMismatch
            | Code::LayerCountMismatch
            | Code::LayerMismatch
            | Code::DiffIdMismatch
    )
}
