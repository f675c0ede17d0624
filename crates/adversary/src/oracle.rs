//! What ought to be said, from the lies alone. It knows the promises of the protocol and nothing of the verifier:
//!
//! * What nobody attested, or is not final, revoked, too old or not a question at all, is never verified, whoever lies.
//!   Without a lie there is exactly one right word for it.
//! * For what is good there are four parts, and all must be had: the chain, the image, what leads to its release, and
//!   the votes of two of three builders. Each part says which words it allows; a yes needs a yes from each.
//! * Two of three operators must be heard on one head. One that is silent, or proves nothing, changes nothing. One that
//!   calls another block final, or speaks for another chain, may stop the verdict, never turn it.

use crate::{
    Subject, Word,
    bundle_case::{BundleCase, Held},
    registry_lie::{Effect, RegistryLie, Shelf},
    scenario::{Mirror, Scenario},
    voice::Voice,
};

pub(crate) use crate::words::Words;

const YES: Words = Words::only(Word::Verified);
const UNDECIDABLE: Words = Words::only(Word::Undecidable);
const REJECTED: Words = Words::only(Word::Rejected);

/// The right words for a scenario.
pub(crate) fn expected(scenario: &Scenario) -> Words {
    let truth = scenario.subject.truth();
    let unmoved = scenario.operators.iter().all(Option::is_none)
        && scenario.registry.is_empty()
        && scenario.mirror == Mirror::None;
    if truth == Words::only(Word::Usage) || unmoved {
        return truth;
    }
    match &scenario.subject {
        Subject::Bundle(case) if truth == YES => with_a_bundle(scenario, case),
        _ if truth == YES => chain(scenario)
            .and(image(scenario))
            .and(locator(scenario))
            .and(votes(scenario)),
        // A lie may hide why, and may not make it a yes.
        _ => Words::of(&[Word::Rejected, Word::Undecidable, Word::Revoked]),
    }
}

/// Where there is a bundle, endpoints say nothing but whether its block is final, and registries have nothing but the
/// image.
fn with_a_bundle(scenario: &Scenario, case: &BundleCase) -> Words {
    if case.bundle == Held::Nowhere {
        return chain(scenario);
    }
    let voices = scenario.voices();
    let count = |wanted: &[Voice]| voices.iter().filter(|voice| wanted.contains(voice)).count();
    let (vague, loud) = (
        count(&[Voice::Vague]),
        count(&[Voice::Fork, Voice::OtherChain]),
    );
    let final_for = voices.len() - vague - loud - count(&[Voice::Mute, Voice::Behind]);
    let head = match final_for {
        2.. if loud + vague == 0 => YES,
        2.. => YES.or(UNDECIDABLE),
        _ if final_for + vague >= 2 => YES.or(UNDECIDABLE),
        _ => UNDECIDABLE,
    };
    head.and(image(scenario))
}

fn chain(scenario: &Scenario) -> Words {
    let mut voices = scenario.voices();
    if scenario.subject == Subject::NoTls(1) {
        voices[0] = Voice::Mute;
    }
    let count = |wanted: &[Voice]| voices.iter().filter(|voice| wanted.contains(voice)).count();
    let vague = count(&[Voice::Vague]);
    let loud = count(&[Voice::Fork, Voice::OtherChain]);
    let behind = count(&[Voice::Behind]);
    let heard = voices.len() - count(&[Voice::Mute]) - vague - loud - behind;
    // Enough operators speak of the newest final block.
    let head = match heard {
        2.. => YES,
        _ if behind > 0 => Words::of(&[Word::Verified, Word::Rejected, Word::Undecidable]),
        _ if heard + vague >= 2 => YES.or(UNDECIDABLE),
        _ => UNDECIDABLE,
    };
    let head = if loud + vague > 0 {
        head.or(UNDECIDABLE)
    } else {
        head
    };
    let one_of = |bad: &[Voice]| {
        let able = voices.len()
            - count(&[Voice::Mute, Voice::Fork, Voice::OtherChain])
            - vague
            - count(bad);
        match able {
            1.. => YES,
            0 if vague > 0 => YES.or(UNDECIDABLE),
            _ => UNDECIDABLE,
        }
    };
    let proof = match (one_of(&[Voice::NoProof]), &scenario.subject) {
        // This policy is content with values that two give.
        (UNDECIDABLE, Subject::Agreed(_)) => YES.or(UNDECIDABLE),
        (words, _) => words,
    };
    head.and(proof).and(one_of(&[Voice::NoCode]))
}

fn about(scenario: &Scenario, shelf: impl Fn(Shelf) -> bool) -> impl Iterator<Item = &RegistryLie> {
    scenario.registry.iter().filter(move |lie| shelf(lie.shelf))
}

fn image(scenario: &Scenario) -> Words {
    let deep = matches!(scenario.subject, Subject::Deep(_));
    let needed = move |shelf| {
        matches!(shelf, Shelf::Image | Shelf::Config) || (deep && shelf == Shelf::Layer)
    };
    let tag = matches!(scenario.subject, Subject::Tag(_));
    let words = |lie: &RegistryLie| match lie.effect {
        Effect::Gone => UNDECIDABLE,
        // A tag says nothing about what is behind it: another index is good if all its children are.
        Effect::Corrupt if tag && lie.shelf == Shelf::Image => YES.or(REJECTED).or(UNDECIDABLE),
        Effect::Corrupt => REJECTED,
        Effect::Odd => REJECTED.or(UNDECIDABLE),
        // Where the tag has moved by the second request, to a release that is too old.
        Effect::Passing if matches!(scenario.subject, Subject::Tag(2..)) => YES.or(REJECTED),
        Effect::Harmless | Effect::Passing => YES,
    };
    let lies: Vec<_> = about(scenario, needed).map(words).collect();
    let bad = lies.iter().filter(|words| **words != YES).count();
    let all = lies.into_iter().fold(YES, Words::and);
    // Of two lies about one document the worse may hide the other.
    if bad > 1 {
        all.or(REJECTED).or(UNDECIDABLE)
    } else {
        all
    }
}

fn spoils(lie: &RegistryLie) -> bool {
    !matches!(lie.effect, Effect::Harmless | Effect::Passing)
}

/// Under the tag, among the referrers, or either in a mirror.
fn locator(scenario: &Scenario) -> Words {
    let mut tag = about(scenario, |shelf| shelf == Shelf::Locator).filter(|lie| spoils(lie));
    let list = about(scenario, |shelf| shelf == Shelf::Referrers).any(spoils);
    // Who reads every layer also finds the release by the config, because a copy needs that.
    let by_config = scenario.subject.is_deep();
    let mirrored = scenario.mirror == Mirror::Honest;
    match (tag.next(), list) {
        (None, _) | (_, false) => YES,
        // A changed byte may be one that does not matter, or one after which it still seems to lead somewhere.
        (Some(lie), true) if lie.effect == Effect::Corrupt => YES.or(UNDECIDABLE),
        (Some(_), true) if mirrored => YES,
        (Some(_), true) if by_config => YES.or(UNDECIDABLE),
        (Some(_), true) => UNDECIDABLE,
    }
}

/// Signatures from the events or the attestations, and of two builders everything that they published.
fn votes(scenario: &Scenario) -> Words {
    let mirrored = scenario.mirror == Mirror::Honest;
    let attested = mirrored || !about(scenario, |shelf| shelf == Shelf::Attestations).any(spoils);
    let lost = |at: usize| {
        let theirs =
            |shelf| matches!(shelf, Shelf::Evidence(of) | Shelf::Statements(of) if of == at);
        !mirrored && about(scenario, theirs).any(spoils)
    };
    let gone = (0..3).filter(|at| lost(*at)).count();
    // The third builder only endorses the second release, and nothing but its attestation says so.
    let endorsed = attested || matches!(scenario.subject, Subject::Genesis(_));
    let voices = scenario.voices();
    let logged = voices.iter().any(|voice| {
        matches!(
            voice,
            Voice::Honest | Voice::Ahead | Voice::NoProof | Voice::NoCode
        )
    });
    let builders = match gone {
        2.. => UNDECIDABLE,
        // A changed byte of an attestation may be one that does not matter.
        1 if !endorsed && !lost(2) => YES.or(UNDECIDABLE),
        _ => YES,
    };
    let signatures = if logged || attested {
        YES
    } else {
        YES.or(UNDECIDABLE)
    };
    builders.and(signatures)
}
