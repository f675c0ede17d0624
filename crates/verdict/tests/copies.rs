//! Re-packed copies: what they are accepted as, and that nothing of the copy itself is believed.

mod common;

use alloy_primitives::keccak256;
use common::{Case, NOW, Plan};
use seed_attestation::Locator;
use seed_image::{Descriptor, ImageIndex, ImageManifest, media};
use seed_primitives::Digest;
use seed_verdict::{
    Bundle, CaptureError, ChainEvidence, Document, Evidence, ImageEvidence, ManifestEvidence,
    Policy, RejectionCode as Code, decide,
};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn original(plan: &Plan) -> Digest {
    Digest::of(&plan.image(&plan.systems[1]).manifest)
}

/// A case whose attestations are published, with nothing of the chain and a policy that is content with signatures.
fn dark(plan: &Plan) -> Case {
    let mut case = plan.case();
    let policy = Policy::from_toml(&case.policy).unwrap();
    let bundle = Bundle::capture(&policy, &case.evidence, NOW).unwrap();
    let attestations = bundle.attestations().iter();
    case.evidence.attestations = attestations.map(|one| one.to_json().unwrap()).collect();
    case.evidence.chain = ChainEvidence::default();
    case.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
    case
}

fn served(case: &Case) -> Digest {
    *case.evidence.image.requested.as_ref().unwrap().digest()
}

#[test]
fn a_copy_is_verified_as_what_it_is_a_copy_of() {
    let plan = Plan::new();
    let plain = plan.case().decide().unwrap();
    assert_eq!(plain.images[0].copy_of, None);
    for kind in [media::LAYER_TAR, media::LAYER_TAR_ZSTD, GZIP] {
        let mut case = plan.case();
        case.serve_copy(&plan, kind);
        let release = case.decide().unwrap();
        assert_eq!(release.digest, served(&case));
        assert_eq!(release.images[0].digest, served(&case));
        assert_eq!(release.images[0].copy_of, Some(original(&plan)));
        assert!(release.layers_checked);
        assert_eq!(release.release, plain.release);
        assert_eq!(release.builders, plain.builders);
        let json = serde_json::to_value(&release).unwrap();
        assert_eq!(json["images"][0]["copyOf"], original(&plan).to_string());
    }
}

#[test]
fn a_copy_in_dockers_form_is_one_too() {
    let plan = Plan::new();
    let mut case = plan.case();
    case.serve_copy(&plan, "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let text = String::from_utf8(case.image().manifest.clone()).unwrap();
    let text = text
        .replace(
            media::MANIFEST,
            "application/vnd.docker.distribution.manifest.v2+json",
        )
        .replace(
            media::CONFIG,
            "application/vnd.docker.container.image.v1+json",
        );
    case.image().manifest = text.into_bytes();
    case.ask_for_what_is_served();
    let release = case.decide().unwrap();
    assert_eq!(release.images[0].copy_of, Some(original(&plan)));
}

#[test]
fn an_index_may_mix_copies_with_attested_images_and_is_never_canonical() {
    let plan = Plan::new();
    let mut case = plan.case();
    let children: Vec<ManifestEvidence> = vec![
        plan.image(&plan.systems[0]),
        plan.copy(&plan.systems[1], GZIP),
    ];
    let descriptors = children
        .iter()
        .map(|child| Descriptor::of(media::MANIFEST, &child.manifest));
    let pairs = plan.systems.iter().cloned().zip(descriptors).collect();
    case.evidence.image.document = Some(Document::Index {
        bytes: ImageIndex::of_systems(pairs).unwrap().to_bytes(),
        children,
    });
    case.ask_for_what_is_served();
    assert_eq!(case.decide().unwrap_err().code, Code::RepackedCopy);
    case.context.deep = true;
    assert_eq!(case.decide().unwrap_err().code, Code::OriginalMissing);
    case.add_originals(&plan);
    let release = case.decide().unwrap();
    assert_eq!(release.canonical_index, Some(false));
    assert_eq!(release.images[0].copy_of, None);
    assert_eq!(release.images[1].copy_of, Some(original(&plan)));
}

#[test]
fn a_record_of_the_image_itself_goes_before_a_newer_one_of_its_like() {
    // One commit packed twice: two manifests, one config, two releases.
    let mut again = Plan {
        sequence: 8,
        manifest: Box::new(|manifest| manifest.layers[0].size += 7),
        ..Plan::new()
    };
    again.recipe.reissue = 1;
    again.source.recipe = again.recipe.digest();
    let plan = Plan::new();
    let commitment = alloy_primitives::U256::from_be_bytes(again.case().record.commitment().0);
    let both = Plan {
        extra: vec![(
            seed_proof::slots::release(&again.source.release()),
            commitment,
        )],
        ..Plan::new()
    };
    let mut case = both.case();
    let newer = again.case().evidence;
    case.evidence.locators.extend(newer.locators.clone());
    let record = case.record.clone();
    both.observe(&record, &mut case.evidence);
    case.add_originals(&plan);
    case.add_originals(&again);
    case.context.deep = true;
    let release = case.decide().unwrap();
    assert_eq!(release.inclusion.as_ref().unwrap().sequence, 7);
    assert_eq!(release.images[0].copy_of, None);

    case.evidence.locators.remove(0);
    case.demand("maximum_reissue = 0", "maximum_reissue = 1");
    case.evidence.events.extend(newer.events);
    for (_, bytes) in newer.blobs {
        case.evidence.blobs.insert(bytes);
    }
    let release = case.decide().unwrap();
    assert_eq!(release.inclusion.as_ref().unwrap().sequence, 8);
    assert_eq!(release.images[0].copy_of, Some(original(&again)));
}

#[test]
fn signatures_alone_vouch_for_a_copy_of_what_they_name() {
    let plan = Plan::new();
    let mut case = dark(&plan);
    case.serve_copy(&plan, GZIP);
    let release = case.decide().unwrap();
    assert_eq!(release.images[0].copy_of, Some(original(&plan)));

    case.context.deep = false;
    assert_eq!(case.decide().unwrap_err().code, Code::RepackedCopy);
    case.context.deep = true;
    case.lose(&original(&plan));
    assert_eq!(case.decide().unwrap_err().code, Code::OriginalMissing);
}

#[test]
fn a_bundle_brings_the_originals_of_its_images_and_is_made_of_no_copy() {
    let plan = Plan::new();
    let mut case = plan.case();
    let policy = Policy::from_toml(&case.policy).unwrap();
    let bundle = Bundle::capture(&policy, &case.evidence, NOW).unwrap();
    let hash = keccak256(case.evidence.chain.header.as_ref().unwrap());
    let pinning = format!(
        "{}[[checkpoints]]\nblock = 1000\nhash = \"{hash}\"\n",
        case.policy
    );
    case.serve_copy(&plan, GZIP);
    let Err(CaptureError::Rejected(refused)) = Bundle::capture(&policy, &case.evidence, NOW) else {
        panic!("a bundle was made of a copy");
    };
    assert_eq!(refused.code, Code::RepackedCopy);

    let policy = Policy::from_toml(&pinning).unwrap();
    let verify = |image: &ImageEvidence, deep: bool| {
        let evidence: Evidence = bundle.evidence_with(image.clone());
        let context = seed_verdict::Context {
            deep,
            ..case.context
        };
        decide(&policy, &evidence, &context)
    };
    let release = verify(&case.evidence.image, true).unwrap();
    assert_eq!(release.images[0].copy_of, Some(original(&plan)));
    let refused = verify(&case.evidence.image, false).unwrap_err();
    assert_eq!(refused.code, Code::RepackedCopy);
}

/// A locator like that of the case, over other images.
fn over(case: &Case, digests: Vec<Digest>) -> Vec<u8> {
    let mut locator = Locator::from_json(&case.evidence.locators[0]).unwrap();
    locator.record.digests = digests;
    locator.to_json().unwrap()
}

/// An image of another config, what was not found, and an original that is wrong: the complaint is about the last that
/// there is, wherever it stands.
#[test]
fn the_complaint_is_about_what_led_furthest() {
    let plan = Plan::new();
    let mut case = plan.case();
    case.serve_copy(&plan, GZIP);
    let mut wrong = ImageManifest::parse(&plan.image(&plan.systems[1]).manifest).unwrap();
    wrong.config.size += 1;
    let wrong = case.evidence.blobs.insert(wrong.to_bytes());
    let other = Digest::of(&plan.image(&plan.systems[0]).manifest);
    let third = plan.image(&"aarch64-darwin".parse().unwrap()).manifest;
    let third = case.evidence.blobs.insert(third);
    let nowhere = Digest::of(b"found nowhere");
    let led = [
        (b"no locator".to_vec(), Code::LocatorMalformed),
        (over(&case, vec![other, third]), Code::ImageNotInRecord),
        (over(&case, vec![other, nowhere]), Code::OriginalMissing),
        (over(&case, vec![other, wrong]), Code::SizeMismatch),
    ];
    for (at, (further, code)) in led.iter().enumerate() {
        for (less, _) in &led[..at] {
            for locators in [[less, further], [further, less]] {
                case.evidence.locators = locators.map(Clone::clone).to_vec();
                assert_eq!(case.decide().unwrap_err().code, *code);
            }
        }
    }
}

/// In a form that is only of copies, an image that no signature is about is nothing that signatures could be missing for.
#[test]
fn at_grade_signatures_a_strange_image_in_dockers_form_is_in_no_record() {
    let plan = Plan::new();
    let mut case = dark(&plan);
    case.context.deep = true;
    let strange = plan.image(&"aarch64-darwin".parse().unwrap());
    for (docker, code) in [
        (true, Code::ImageNotInRecord),
        (false, Code::KnownSignersTooFew),
    ] {
        let mut manifest = String::from_utf8(strange.manifest.clone()).unwrap();
        if docker {
            manifest = manifest.replace(
                media::MANIFEST,
                "application/vnd.docker.distribution.manifest.v2+json",
            );
            manifest = manifest.replace(
                media::CONFIG,
                "application/vnd.docker.container.image.v1+json",
            );
        }
        *case.image() = ManifestEvidence {
            manifest: manifest.into_bytes(),
            ..strange.clone()
        };
        case.ask_for_what_is_served();
        case.add_originals(&plan);
        assert_eq!(case.decide().unwrap_err().code, code);
    }
    // One that could be a copy of what was not found is not judged as itself either.
    case.lose(&original(&plan));
    assert_eq!(case.decide().unwrap_err().code, Code::OriginalMissing);
}
