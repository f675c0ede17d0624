//! A policy with a newer network file: the anchor, the rules and the pin change, and nothing else does.

use std::{fs, path::Path};

use seed_attestation::NetworkDeployment;
use seed_primitives::{Digest, shown, write_address, write_bytes32};
use seed_verdict::{Anchor, NetworkPin, Policy};
use toml_edit::{Array, DocumentMut, value};

use super::{arguments::UpdateArguments, complain, new_file::write_new, say};
use crate::{
    Fault, PolicyFile,
    moment::now,
    network_file::{anchor, deployment, load},
};

pub(super) fn run(arguments: &UpdateArguments) -> Result<(), Fault> {
    let old = PolicyFile::load(arguments.file.file.as_deref())?;
    let pin = old.policy.network().ok_or_else(|| {
        let why = "the policy has no [network] table, so nobody's network file can take its place: \
                   make one with `seed-verify policy init --network FILE`";
        Fault::Usage(why.to_owned())
    })?;
    let file = load(&arguments.network)?;
    let fault = |error| Fault::network(&arguments.network, error);
    let network = file.verify(&pin.keys, now()).map_err(fault)?;
    pin.accepts(&network).map_err(fault)?;
    let deployment = deployment(&network, Some(&pin.deployment))?;
    let new = NetworkPin::of(&network, deployment, pin.keys.clone());
    let text = rewritten(&old, deployment, &new)?;
    changes(&old.policy, deployment, &new);
    match &arguments.out {
        None => say(&text),
        Some(out) => {
            write_new(out, text.as_bytes())?;
            complain(&format!("wrote {}", shown(&out.to_string_lossy())));
            Ok(())
        }
    }
}

/// The policy's own text, comments and all, with other values; read back before anybody sees it.
fn rewritten(
    old: &PolicyFile,
    deployment: &NetworkDeployment,
    pin: &NetworkPin,
) -> Result<String, Fault> {
    let incomplete = |why: String| Fault::PolicyIncomplete(why);
    let text = text_of(old)?;
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| incomplete(error.to_string()))?;
    let number = |number: u64| i64::try_from(number).map_err(|error| incomplete(error.to_string()));
    let anchor = anchor(deployment);
    let table = &mut document["anchor"];
    table["chain_id"] = value(number(anchor.chain_id)?);
    table["genesis"] = value(write_bytes32(&anchor.genesis));
    table["ledger"] = value(write_address(&anchor.ledger));
    table["ledger_code_hash"] = value(write_bytes32(&anchor.ledger_code_hash));
    // What the policy never accepted, whole codes or a logic, no file makes it accept.
    let rules = deployment.rules.iter();
    if !old.policy.rules().pinned.is_empty() {
        let codes = rules.clone().map(|one| write_bytes32(&one.code_hash));
        document["rules"]["pinned"] = value(Array::from_iter(codes));
    }
    if !old.policy.rules().logic.is_empty() {
        let mut logics: Vec<String> = rules.map(|one| write_bytes32(&one.logic_hash)).collect();
        logics.sort();
        logics.dedup();
        document["rules"]["logic"] = value(Array::from_iter(logics));
    }
    let table = &mut document["network"];
    table["sequence"] = value(number(pin.sequence)?);
    table["digest"] = value(pin.digest.to_string());
    table["expires"] = value(number(pin.expires)?);
    let text = document.to_string();
    let new = Policy::from_toml(&text).map_err(|error| incomplete(error.to_string()))?;
    if *new.anchor() != anchor || new.network() != Some(pin) {
        return Err(Fault::Internal("the policy was not rewritten".to_owned()));
    }
    Ok(text)
}

/// The bytes that were read and judged a policy, and no others.
fn text_of(old: &PolicyFile) -> Result<String, Fault> {
    let unreadable = |why: String| Fault::PolicyUnreadable {
        file: old.path.clone(),
        why,
    };
    let text =
        fs::read_to_string(Path::new(&old.path)).map_err(|error| unreadable(error.to_string()))?;
    if Digest::of(text.as_bytes()) != old.digest {
        return Err(unreadable("it changes while it is read".to_owned()));
    }
    Ok(text)
}

/// Says what changes, for whoever puts the new policy in place of the old.
fn changes(old: &Policy, deployment: &NetworkDeployment, pin: &NetworkPin) {
    let before = old.network().map_or(0, |one| one.sequence);
    complain(&format!(
        "note: network file {} in place of {before}",
        pin.sequence
    ));
    let now: Anchor = anchor(deployment);
    if *old.anchor() != now {
        complain(&format!(
            "note: the anchor changes, from ledger {} on chain {} to ledger {} on chain {}",
            write_address(&old.anchor().ledger),
            old.anchor().chain_id,
            write_address(&now.ledger),
            now.chain_id
        ));
    }
    for rules in &deployment.rules {
        if !old.rules().pinned.is_empty() && !old.rules().pinned.contains(&rules.code_hash) {
            let code = write_bytes32(&rules.code_hash);
            complain(&format!("note: rules with code {code} are new"));
        }
    }
    for code in &old.rules().pinned {
        if !deployment.rules.iter().any(|one| one.code_hash == *code) {
            let code = write_bytes32(code);
            complain(&format!(
                "note: rules with code {code} are accepted no longer"
            ));
        }
    }
    for builder in &deployment.builders {
        if old.rules().builder(&builder.address).is_none() {
            complain(&format!(
                "note: builder {} {} is not in the policy; add it under [[rules.builders]] if you know it",
                shown(&builder.name),
                builder.address
            ));
        }
    }
}
