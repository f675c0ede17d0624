use std::{fs, path::Path};

use eyre::{Result, WrapErr as _};

/// A check that can be switched off in a scratch copy of the sources.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ablation {
    /// Its name, for people and for the switch.
    pub name: &'static str,
    /// The file, from the top of the checkout.
    pub file: &'static str,
    /// What stands there, exactly once.
    pub old: &'static str,
    /// What is put there; `OFF` is true where the check is switched off.
    pub new: &'static str,
}

const fn off(
    name: &'static str,
    file: &'static str,
    old: &'static str,
    new: &'static str,
) -> Ablation {
    Ablation {
        name,
        file,
        old,
        new,
    }
}

const IMAGE: &str = "crates/verdict/src/image.rs";
const ROLLBACK: &str = "crates/verdict/src/rollback.rs";
const HEAD: &str = "crates/verdict/src/head.rs";
const STATE: &str = "crates/verdict/src/state.rs";
const RECORD: &str = "crates/verdict/src/record.rs";
const ORIGINAL: &str = "crates/verdict/src/original.rs";
const RULES: &str = "crates/verdict/src/rules.rs";
const REVOCATION: &str = "crates/verdict/src/revocation.rs";
const VOTES: &str = "crates/verdict/src/votes.rs";
const COUNT: &str = "crates/verdict/src/count.rs";
const STATEMENT: &str = "crates/verdict/src/statement.rs";
const BUNDLE: &str = "crates/verdict/src/bundle/mod.rs";
const CHECK: &str = "crates/verdict/src/bundle/check.rs";
const WIRE: &str = "crates/verdict/src/bundle/wire.rs";
const SIGNATURES: &str = "crates/verdict/src/signatures.rs";
const DECIDE: &str = "crates/verdict/src/decide.rs";
const WALK: &str = "crates/proof/src/walk.rs";
const ACCOUNT: &str = "crates/proof/src/account.rs";
const HEADER: &str = "crates/proof/src/header.rs";

/// Every check of `crates/verdict` and `crates/proof`, in the order of the decision. Two entries of one name are one
/// check in two places.
pub const ABLATIONS: &[Ablation] = &[
    off(
        "image-digest",
        IMAGE,
        "if found == *expected {",
        "if OFF || found == *expected {",
    ),
    off(
        "config-digest",
        IMAGE,
        "if found != expected {",
        "if !OFF && found != expected {",
    ),
    off(
        "stated-size",
        IMAGE,
        "if descriptor.size == size as u64 {",
        "if OFF || descriptor.size == size as u64 {",
    ),
    off(
        "layer-count",
        IMAGE,
        "if config.diff_ids.len() != manifest.layers.len() {",
        "if !OFF && config.diff_ids.len() != manifest.layers.len() {",
    ),
    off(
        "layers-read",
        IMAGE,
        "        if deep {",
        "        if !OFF && deep {",
    ),
    off(
        "every-layer-read",
        IMAGE,
        "if layers.len() != manifest.layers.len() {",
        "if !OFF && layers.len() != manifest.layers.len() {",
    ),
    off(
        "layer-bytes",
        IMAGE,
        "if found.digest != descriptor.digest || found.size != descriptor.size {",
        "if !OFF && (found.digest != descriptor.digest || found.size != descriptor.size) {",
    ),
    off(
        "diff-id",
        IMAGE,
        "if found.diff_id != *diff_id {",
        "if !OFF && found.diff_id != *diff_id {",
    ),
    off(
        "index-platform",
        IMAGE,
        "if child.system().as_ref() == Some(&checked.system) {",
        "if OFF || child.system().as_ref() == Some(&checked.system) {",
    ),
    off(
        "network-expired",
        DECIDE,
        "if context.now < network.expires {",
        "if OFF || context.now < network.expires {",
    ),
    off(
        "tag-needs-a-rule",
        ROLLBACK,
        "Some(tag) if policy",
        "Some(tag) if !OFF && policy",
    ),
    off(
        "exact-commit",
        ROLLBACK,
        "if recorded.source.commit != *commit {",
        "if !OFF && recorded.source.commit != *commit {",
    ),
    off(
        "minimum-sequence",
        ROLLBACK,
        "if sequence >= minimum {",
        "if OFF || sequence >= minimum {",
    ),
    off(
        "maximum-age",
        ROLLBACK,
        "if age > maximum {",
        "if !OFF && age > maximum {",
    ),
    off(
        "mark-was-read",
        ROLLBACK,
        "HighWater::NotRead => Err(",
        "HighWater::NotRead if !OFF => Err(",
    ),
    off(
        "mark-was-read",
        ROLLBACK,
        "HighWater::FirstUse => Ok(None),",
        "HighWater::FirstUse | HighWater::NotRead => Ok(None),",
    ),
    off(
        "same-chain",
        HEAD,
        "if said.chain_id == anchor.chain_id && said.genesis == anchor.genesis {",
        "if OFF || (said.chain_id == anchor.chain_id && said.genesis == anchor.genesis) {",
    ),
    off(
        "no-conflict",
        HEAD,
        "if hash != header.hash() {",
        "if !OFF && hash != header.hash() {",
    ),
    off(
        "finalised",
        HEAD,
        "answer.observation.finalized >= header.number()",
        "OFF || answer.observation.finalized >= header.number()",
    ),
    off(
        "agree",
        HEAD,
        "if voters.len() >= policy.agree() {",
        "if OFF || voters.len() >= policy.agree() {",
    ),
    off(
        "head-in-future",
        HEAD,
        "if header.timestamp() > context.now.saturating_add(CLOCK_TOLERANCE) {",
        "if !OFF && header.timestamp() > context.now.saturating_add(CLOCK_TOLERANCE) {",
    ),
    off(
        "ledger-code",
        STATE,
        "if account.code_hash != policy.anchor().ledger_code_hash {",
        "if !OFF && account.code_hash != policy.anchor().ledger_code_hash {",
    ),
    off(
        "floor",
        STATE,
        "if state.grade < policy.require() =>",
        "if !OFF && state.grade < policy.require() =>",
    ),
    off(
        "floor",
        STATE,
        "if state.grade >= policy.require() =>",
        "if OFF || state.grade >= policy.require() =>",
    ),
    off(
        "values-of-this-block",
        STATE,
        "(values.block == head.header.hash())",
        "(OFF || values.block == head.header.hash())",
    ),
    off(
        "agreed-ledger-code",
        STATE,
        "if code != policy.anchor().ledger_code_hash {",
        "if !OFF && code != policy.anchor().ledger_code_hash {",
    ),
    off(
        "values-conflict",
        STATE,
        "if other != value {",
        "if !OFF && other != value {",
    ),
    off(
        "values-agree",
        STATE,
        "Ok((count >= agree).then_some(value))",
        "Ok((OFF || count >= agree).then_some(value))",
    ),
    off(
        "image-in-record",
        ORIGINAL,
        "let listed = digests.contains(&image.digest);",
        "let listed = OFF || digests.contains(&image.digest);",
    ),
    off(
        "attestable-form",
        ORIGINAL,
        "if image.attestable && listed {",
        "if (OFF || image.attestable) && listed {",
    ),
    off(
        "copy-form-read-deep",
        IMAGE,
        "if !read.attestable && !deep {",
        "if !OFF && !read.attestable && !deep {",
    ),
    off(
        "copy-read-deep",
        ORIGINAL,
        "    if !deep {",
        "    if !OFF && !deep {",
    ),
    off(
        "copy-config",
        ORIGINAL,
        "if original.config.digest == image.config.digest =>",
        "if OFF || original.config.digest == image.config.digest =>",
    ),
    off(
        "original-config-size",
        ORIGINAL,
        "if original.config.size != image.config.size {",
        "if !OFF && original.config.size != image.config.size {",
    ),
    off(
        "original-layer-count",
        ORIGINAL,
        "if original.layers.len() != image.layers {",
        "if !OFF && original.layers.len() != image.layers {",
    ),
    off(
        "release-recorded",
        RECORD,
        "if found.is_zero() {",
        "if OFF { return Ok(()); }\n    if found.is_zero() {",
    ),
    off(
        "commitment",
        RECORD,
        "if found != commitment {",
        "if !OFF && found != commitment {",
    ),
    off(
        "source-expected",
        RECORD,
        "if !policy.expects(&source) {",
        "if !OFF && !policy.expects(&source) {",
    ),
    off(
        "counter",
        RECORD,
        "if record.sequence > u64::from(control.sequence) {",
        "if !OFF && record.sequence > u64::from(control.sequence) {",
    ),
    off(
        "record-time",
        RECORD,
        "if record.timestamp > header.timestamp() {",
        "if !OFF && record.timestamp > header.timestamp() {",
    ),
    off(
        "record-root",
        RECORD,
        "if leaves.root() != record.root {",
        "if !OFF && leaves.root() != record.root {",
    ),
    off(
        "builder-at-index",
        RECORD,
        "named.filter(|one| one.builder == entry.builder)",
        "named.filter(|one| OFF || one.builder == entry.builder)",
    ),
    off(
        "builder-eligible",
        RECORD,
        "if entry.systems & !named.systems != 0 {",
        "if !OFF && entry.systems & !named.systems != 0 {",
    ),
    off(
        "placed",
        RECORD,
        "if attested != Some(&image.digest) {",
        "if !OFF && attested != Some(&image.digest) {",
    ),
    off(
        "rules-code",
        RULES,
        "codes.find(|code| keccak256(code) == hash)",
        "codes.find(|code| OFF || keccak256(code) == hash)",
    ),
    off(
        "rules-known",
        RULES,
        "if !pinned && !known {",
        "if !OFF && !pinned && !known {",
    ),
    off(
        "rules-threshold",
        RULES,
        "if rules.threshold() < policy.rules().minimum_threshold {",
        "if !OFF && rules.threshold() < policy.rules().minimum_threshold {",
    ),
    off(
        "rules-standing",
        RULES,
        "Standing::Clear | Standing::Revoked(Effect::None) => Ok(()),",
        "_ if OFF => Ok(()),\n        Standing::Clear | Standing::Revoked(Effect::None) => Ok(()),",
    ),
    off(
        "event-of-this-record",
        VOTES,
        "&& data.record == recorded.record",
        "&& (OFF || data.record == recorded.record)",
    ),
    off(
        "event-signature",
        VOTES,
        "    signature\n        .expect_signer(&digest, entry.builder)\n        .map_err(|error| error.to_string())?;",
        "    if !OFF {\n        signature.expect_signer(&digest, entry.builder).map_err(|error| error.to_string())?;\n    }",
    ),
    off(
        "attested-source",
        VOTES,
        "attestation.source == recorded.source",
        "(OFF || attestation.source == recorded.source)",
    ),
    off(
        "attested-rules",
        VOTES,
        "attestation.rules == recorded.record.rules",
        "(OFF || attestation.rules == recorded.record.rules)",
    ),
    off(
        "attested-systems",
        VOTES,
        "systems & !eligible == 0",
        "(OFF || systems & !eligible == 0)",
    ),
    off(
        "attested-digests",
        VOTES,
        "(record.digests.get(at) == Some(&one.digest))",
        "(OFF || record.digests.get(at) == Some(&one.digest))",
    ),
    off(
        "attestation-signature",
        VOTES,
        "    Some((\n        index,\n        attestation.builder,",
        "    let vote = if OFF { Ok(Vote { systems, evidence: attestation.evidence }) } else { vote };\n    Some((\n        index,\n        attestation.builder,",
    ),
    off(
        "revoked-endorsement",
        VOTES,
        "if revoked && self.recorded != Some(*vote) {",
        "if !OFF && revoked && self.recorded != Some(*vote) {",
    ),
    off(
        "builder-standing",
        VOTES,
        "Standing::Clear => Ok(false),",
        "_ if OFF => Ok(false),\n            Standing::Clear => Ok(false),",
    ),
    off(
        "revocation-known",
        REVOCATION,
        "return Standing::Unknown(\"its revocation slot is in no proof\".to_owned());",
        "if OFF {\n            return Standing::Clear;\n        }\n        return Standing::Unknown(\"its revocation slot is in no proof\".to_owned());",
    ),
    off(
        "record-quorum",
        COUNT,
        "if count < usize::from(rules.threshold()) {",
        "if !OFF && count < usize::from(rules.threshold()) {",
    ),
    off(
        "independence",
        COUNT,
        "!(domains(a.signer.index) & domains(b.signer.index)).is_zero()",
        "!OFF && !(domains(a.signer.index) & domains(b.signer.index)).is_zero()",
    ),
    off(
        "enough",
        COUNT,
        "if count >= usize::from(need) {",
        "if OFF || count >= usize::from(need) {",
    ),
    off(
        "known-signers",
        COUNT,
        ".filter(|one| known(one).is_some()).collect();",
        ".filter(|one| OFF || known(one).is_some()).collect();",
    ),
    off(
        "independence-by-policy",
        COUNT,
        ".is_some_and(|(a, b)| share_domain(a, b))",
        ".is_some_and(|(a, b)| !OFF && share_domain(a, b))",
    ),
    off(
        "attested-copy",
        STATEMENT,
        "if copy.digest != image.digest || copy.size != image.size {",
        "if !OFF && (copy.digest != image.digest || copy.size != image.size) {",
    ),
    off(
        "audit-and-sbom",
        STATEMENT,
        "if layer(&manifest, image, kind)?.digest != said {",
        "if !OFF && layer(&manifest, image, kind)?.digest != said {",
    ),
    off(
        "settings",
        STATEMENT,
        "Some(value) => value == expected,",
        "Some(value) => OFF || value == expected,",
    ),
    off(
        "settings-stated",
        STATEMENT,
        "None => !STATED.contains(&name),",
        "None => OFF || !STATED.contains(&name),",
    ),
    off(
        "statement-size",
        STATEMENT,
        "if bytes.len() as u64 != named.size {",
        "if !OFF && bytes.len() as u64 != named.size {",
    ),
    off(
        "statement-image",
        STATEMENT,
        "(statement.image != image.digest, \"image\")",
        "(!OFF && statement.image != image.digest, \"image\")",
    ),
    off(
        "statement-source",
        STATEMENT,
        "(statement.source != ",
        "(!OFF && statement.source != ",
    ),
    off(
        "statement-recipe",
        STATEMENT,
        "statement.recipe.digest() != ",
        "!OFF && statement.recipe.digest() != ",
    ),
    off(
        "statement-system",
        STATEMENT,
        "(statement.system != image.system, \"system\")",
        "(!OFF && statement.system != image.system, \"system\")",
    ),
    off(
        "statement-closure",
        STATEMENT,
        "(statement.closure != closure, \"closure\")",
        "(!OFF && statement.closure != closure, \"closure\")",
    ),
    off(
        "statement-chain",
        STATEMENT,
        "(statement.chain_id != domain.chain_id, \"chain\")",
        "(!OFF && statement.chain_id != domain.chain_id, \"chain\")",
    ),
    off(
        "statement-builder",
        STATEMENT,
        "(statement.builder != builder, \"builder\")",
        "(!OFF && statement.builder != builder, \"builder\")",
    ),
    off(
        "packer",
        DECIDE,
        "if !policy.packers().contains(&recipe.packer) {",
        "if !OFF && !policy.packers().contains(&recipe.packer) {",
    ),
    off(
        "reissue",
        DECIDE,
        "if recipe.reissue > policy.maximum_reissue() {",
        "if !OFF && recipe.reissue > policy.maximum_reissue() {",
    ),
    off(
        "proof-node-count",
        WALK,
        "if nodes.len() > MAX_NODES {",
        "if !OFF && nodes.len() > MAX_NODES {",
    ),
    off(
        "proof-node-size",
        WALK,
        ".find(|(_, node)| node.len() > MAX_NODE_BYTES);",
        ".find(|(_, node)| !OFF && node.len() > MAX_NODE_BYTES);",
    ),
    off(
        "proof-link",
        WALK,
        "if keccak256(bytes) != hash {",
        "if !OFF && keccak256(bytes) != hash {",
    ),
    off(
        "proof-small-node",
        WALK,
        "if index > 0 && bytes.len() < 32 {",
        "if !OFF && index > 0 && bytes.len() < 32 {",
    ),
    off(
        "proof-canonical",
        WALK,
        "if !rest.is_empty() || alloy_rlp::encode(&node) != bytes {",
        "if !OFF && (!rest.is_empty() || alloy_rlp::encode(&node) != bytes) {",
    ),
    off(
        "proof-leaf-depth",
        WALK,
        "if leaf.key.len() != left {",
        "if !OFF && leaf.key.len() != left {",
    ),
    off(
        "proof-extension",
        WALK,
        "if taken == 0 || taken >= left {",
        "if !OFF && (taken == 0 || taken >= left) {",
    ),
    off(
        "proof-branch",
        WALK,
        "if branch.state_mask.count_bits() < 2 {",
        "if !OFF && branch.state_mask.count_bits() < 2 {",
    ),
    off(
        "proof-unused",
        WALK,
        "        0 => Ok(value),\n        unused",
        "        _ if OFF => Ok(value),\n        0 => Ok(value),\n        unused",
    ),
    off(
        "proof-second-judge",
        WALK,
        "    verify_proof(root, key, value.clone(), nodes)\n        .map_err(|error| ProofError::Library(error.to_string()))?;",
        "    if !OFF {\n        verify_proof(root, key, value.clone(), nodes).map_err(|error| ProofError::Library(error.to_string()))?;\n    }",
    ),
    off(
        "proof-both-judges",
        WALK,
        "    let value = find(root, &key, nodes)?;",
        "    if OFF {\n        let last = nodes.last().and_then(|node| TrieNode::decode(&mut node.as_ref()).ok());\n        return Ok(match last { Some(TrieNode::Leaf(leaf)) => Some(leaf.value), _ => None });\n    }\n    let value = find(root, &key, nodes)?;",
    ),
    off(
        "account-canonical",
        ACCOUNT,
        "if !rest.is_empty() || alloy_rlp::encode(account) != leaf {",
        "if !OFF && (!rest.is_empty() || alloy_rlp::encode(account) != leaf) {",
    ),
    off(
        "slot-trailing",
        ACCOUNT,
        "    if !rest.is_empty() {\n        return Err(ProofError::Value(\n            \"a stored",
        "    if !OFF && !rest.is_empty() {\n        return Err(ProofError::Value(\n            \"a stored",
    ),
    off(
        "header-size",
        HEADER,
        "if rlp.len() > MAX_HEADER_BYTES {",
        "if !OFF && rlp.len() > MAX_HEADER_BYTES {",
    ),
    off(
        "header-trailing",
        HEADER,
        "    if !rest.is_empty() {\n        return Err(HeaderError::TrailingBytes",
        "    if !OFF && !rest.is_empty() {\n        return Err(HeaderError::TrailingBytes",
    ),
    off(
        "header-fields",
        HEADER,
        "if fields.len() < FEWEST_FIELDS {",
        "if !OFF && fields.len() < FEWEST_FIELDS {",
    ),
    off(
        "header-many-fields",
        HEADER,
        "if fields.len() > MOST_FIELDS {",
        "if !OFF && fields.len() > MOST_FIELDS {",
    ),
    off(
        "header-item-trailing",
        HEADER,
        "    if !item.is_empty() {",
        "    if !OFF && !item.is_empty() {",
    ),
    off(
        "header-of-block-zero",
        HEADER,
        "    pub const fn state_root(",
        "    pub fn state_root(",
    ),
    off(
        "header-of-block-zero",
        HEADER,
        "if self.number == 0 {",
        "if !OFF && self.number == 0 {",
    ),
    // Bundles, and how old the head may be.
    off(
        "bundle-size",
        WIRE,
        "if bytes.len() > MAX_BUNDLE_BYTES {",
        "if !OFF && bytes.len() > MAX_BUNDLE_BYTES {",
    ),
    off(
        "bundle-type",
        WIRE,
        "if wire.media_type != media::BUNDLE {",
        "if !OFF && wire.media_type != media::BUNDLE {",
    ),
    off(
        "bundle-nodes",
        WIRE,
        "if wire.nodes.len() > MAX_NODES {",
        "if !OFF && wire.nodes.len() > MAX_NODES {",
    ),
    off(
        "bundle-path",
        WIRE,
        "if path.len() > 65 {",
        "if !OFF && path.len() > 65 {",
    ),
    off(
        "bundle-canonical",
        BUNDLE,
        "if wire::write(&bundle)? != bytes {",
        "if !OFF && wire::write(&bundle)? != bytes {",
    ),
    off(
        "bundle-slots",
        CHECK,
        "if slots != bundle.required_slots() {",
        "if !OFF && slots != bundle.required_slots() {",
    ),
    off(
        "bundle-rules",
        CHECK,
        "if code.len() > MAX_CODE_BYTES || keccak256(code) != bundle.record.rules_code_hash {",
        "if !OFF && (code.len() > MAX_CODE_BYTES || keccak256(code) != bundle.record.rules_code_hash) {",
    ),
    off(
        "bundle-image-in-record",
        CHECK,
        "digests.find(|(_, one)| **one == digest);",
        "digests.find(|(_, one)| OFF || **one == digest);",
    ),
    off(
        "bundle-image-order",
        CHECK,
        ".enumerate().skip(after);",
        ".enumerate().skip(if OFF { 0 } else { after });",
    ),
    off(
        "bundle-one-system",
        CHECK,
        "if !systems.insert(system) {",
        "if !systems.insert(system) && !OFF {",
    ),
    off(
        "bundle-config",
        CHECK,
        "if Digest::of(&image.config) != manifest.config.digest {",
        "if !OFF && Digest::of(&image.config) != manifest.config.digest {",
    ),
    off(
        "bundle-attested-source",
        CHECK,
        "if attestation.source != bundle.source || attestation.rules != bundle.record.rules {",
        "if !OFF && (attestation.source != bundle.source || attestation.rules != bundle.record.rules) {",
    ),
    off(
        "bundle-attested-images",
        CHECK,
        "if strange {",
        "if !OFF && strange {",
    ),
    off(
        "bundle-document-missing",
        CHECK,
        ".find(|digest| !found.contains(digest))",
        ".find(|digest| !OFF && !found.contains(digest))",
    ),
    off(
        "bundle-documents",
        CHECK,
        "if found.iter().copied().ne(named) {",
        "if !OFF && found.iter().copied().ne(named) {",
    ),
    off(
        "bundle-order",
        CHECK,
        "if keys.is_sorted_by(|a, b| a < b) {",
        "if OFF || keys.is_sorted_by(|a, b| a < b) {",
    ),
    off(
        "bundle-counts",
        CHECK,
        "if (1..=most).contains(&count) {",
        "if OFF || (1..=most).contains(&count) {",
    ),
    off(
        "bundle-pinned",
        HEAD,
        "if known.any(|one| one.block == number && one.hash == hash) {",
        "if OFF || known.any(|one| one.block == number && one.hash == hash) {",
    ),
    off(
        "bundle-pin-is-no-operator",
        HEAD,
        "if chain.captured && chain.endpoints.is_empty() {",
        "if chain.captured && (OFF || chain.endpoints.is_empty()) {",
    ),
    off("fresh", HEAD, "if age > most {", "if !OFF && age > most {"),
    off(
        "bundle-attestation-unused",
        DECIDE,
        "if let Some(why) = unused {",
        "if let Some(why) = unused.filter(|_| !OFF) {",
    ),
    off(
        "bundle-vote-dropped",
        DECIDE,
        "dropped.find(|one| one.code.class() != ExitClass::Revoked);",
        "dropped.find(|one| !OFF && one.code.class() != ExitClass::Revoked);",
    ),
    // Grade `signatures`.
    off(
        "signatures-only-where-asked",
        DECIDE,
        "if policy.require() == Grade::Signatures &&",
        "if (OFF || policy.require() == Grade::Signatures) &&",
    ),
    off(
        "signatures-excuse",
        DECIDE,
        "&& signatures::excuses(complaint.code) =>",
        "&& (OFF || signatures::excuses(complaint.code)) =>",
    ),
    off(
        "signatures-rollback",
        SIGNATURES,
        "if needs_chain {",
        "if !OFF && needs_chain {",
    ),
    off(
        "signatures-unreadable",
        SIGNATURES,
        "Err(why) if evidence.chain.captured => {",
        "Err(why) if !OFF && evidence.chain.captured => {",
    ),
    off(
        "signatures-source",
        SIGNATURES,
        "policy.expects(source)",
        "(OFF || policy.expects(source))",
    ),
    off(
        "signatures-commit",
        SIGNATURES,
        "commit.is_none_or(|commit| source.commit == *commit)",
        "commit.is_none_or(|commit| OFF || source.commit == *commit)",
    ),
    off(
        "signatures-known",
        SIGNATURES,
        "&& policy\n                .rules()\n                .builder(",
        "&& (OFF || policy\n                .rules()\n                .builder(",
    ),
    off(
        "signatures-known",
        SIGNATURES,
        "                .is_some()\n    });",
        "                .is_some())\n    });",
    ),
    off(
        "signatures-image",
        SIGNATURES,
        "systems.any(|one| one.system == image.system && one.digest == image.digest)",
        "systems.any(|one| OFF || (one.system == image.system && one.digest == image.digest))",
    ),
    off(
        "signatures-vote-dropped",
        SIGNATURES,
        "        if evidence.chain.captured\n",
        "        if !OFF && evidence.chain.captured\n",
    ),
    off(
        "signatures-independence",
        SIGNATURES,
        "|a, b| share_domain(a, b)",
        "|a, b| !OFF && share_domain(a, b)",
    ),
    off(
        "signatures-enough",
        SIGNATURES,
        "if count >= usize::from(need) {",
        "if OFF || count >= usize::from(need) {",
    ),
    off(
        "signatures-recipe",
        SIGNATURES,
        "    allowed(policy, &recipe)?;",
        "    if !OFF {\n        allowed(policy, &recipe)?;\n    }",
    ),
];

/// The switch, put into the scratch copy: one check is off, at first the one named in `SEED_ABLATE`.
const SWITCH: &str = r#"
static OFF: std::sync::LazyLock<std::sync::RwLock<String>> =
    std::sync::LazyLock::new(|| std::sync::RwLock::new(std::env::var("SEED_ABLATE").unwrap_or_default()));

/// Whether a check is switched off.
#[must_use]
pub fn ablated(name: &str) -> bool {
    OFF.read().is_ok_and(|off| *off == name)
}

/// Switches a check off, and the one before on again.
pub fn take_off(name: &str) {
    if let Ok(mut off) = OFF.write() {
        name.clone_into(&mut off);
    }
}
"#;

/// `take_off` where there are switches.
const SWITCHED: &str = r"
/// Takes one check off.
#[must_use]
pub fn take_off(check: &str) -> bool {
    seed_primitives::take_off(check);
    true
}
";

/// The names, each once, in order.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = ABLATIONS.iter().map(|one| one.name).collect();
    names.dedup();
    names
}

/// Puts a switch at every check into the copy of the sources below `tree`; returns the names of the checks that do not
/// stand exactly once where the table says: the table must follow the code.
///
/// # Errors
/// When a file cannot be read or written.
pub fn switch(tree: &Path) -> Result<Vec<&'static str>> {
    let primitives = tree.join("crates/primitives/src/lib.rs");
    let text = fs::read_to_string(&primitives)?;
    fs::write(&primitives, text + SWITCH)?;
    fs::write(tree.join("crates/adversary/src/switched.rs"), SWITCHED)?;
    let mut moved = Vec::new();
    for one in ABLATIONS {
        let file = tree.join(one.file);
        let text = fs::read_to_string(&file).wrap_err_with(|| one.file.to_owned())?;
        if text.matches(one.old).count() != 1 {
            moved.push(one.name);
            continue;
        }
        let off = format!("seed_primitives::ablated(\"{}\")", one.name);
        fs::write(
            &file,
            text.replacen(one.old, &one.new.replace("OFF", &off), 1),
        )?;
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_switch_of_its_own() {
        let names = names();
        let once: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(
            once.len(),
            names.len(),
            "entries of one name stand together"
        );
        for name in names {
            let mut parts = ABLATIONS.iter().filter(|one| one.name == name);
            assert!(parts.any(|one| one.new.contains("OFF")), "{name}");
        }
    }
}
