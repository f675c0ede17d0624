//! Bundles: captured while nodes still prove, confirmed when the block is final, renewed, looked into.

use std::{path::Path, time::Duration};

use seed_oci::{Options, Pointer, Reference, Repository};
use seed_primitives::{shown, write_address, write_bytes32};
use seed_verdict::{
    Bundle, CaptureError, Context, Grade, HighWater, Policy, RejectionCode, Requested, decide,
};
use serde_json::json;

use super::{
    arguments::{
        AskArguments, BundleArguments, BundleCommand, ConfirmArguments, CreateArguments,
        FetchArguments, InspectArguments, Output, RefreshArguments,
    },
    block_on, colour, complain,
    new_file::write_new,
    record, registries, say, verify,
};
use crate::{
    Answer, Fault, Gatherer, Height, Notes, Outcome, PolicyFile, Request,
    gather::bundle as beside,
    load_bundle,
    moment::{date, now},
    report::{Page, SCHEMA_VERSION, Tone},
};

pub(super) fn run(arguments: &BundleArguments) -> Result<u8, Fault> {
    match &arguments.command {
        BundleCommand::Create(arguments) => create(arguments),
        BundleCommand::Confirm(arguments) => confirm(arguments),
        BundleCommand::Refresh(arguments) => refresh(arguments),
        BundleCommand::Fetch(arguments) => fetch(arguments),
        BundleCommand::Inspect(arguments) => inspect(arguments),
    }
}

const fn height(finalised: bool) -> Height {
    if finalised {
        Height::Finalised
    } else {
        Height::Latest
    }
}

fn create(arguments: &CreateArguments) -> Result<u8, Fault> {
    let reference: Reference = arguments.image.parse().map_err(Fault::Reference)?;
    let locator = match &arguments.record {
        Some(file) => Some(verify::read(file)?),
        None => None,
    };
    let file = PolicyFile::load(arguments.ask.policy.as_deref())?;
    let options = registries::options(&arguments.token_service)?;
    let gatherer = Gatherer::new(&file.policy, options.clone(), &arguments.mirror);
    let request = Request {
        reference: &reference,
        deep: false,
        locator: locator.as_deref(),
    };
    let height = height(arguments.finalised);
    let gathered = asked(&arguments.ask, async |notes: &Notes| {
        gatherer.gather(&request, height, notes).await
    })?;
    let captured = gathered.map_err(Answer::from).and_then(|evidence| {
        Bundle::capture(&file.policy, &evidence, now())
            .map_err(|error| not_captured(error, &arguments.out))
    });
    let attached = captured.as_ref().ok().cloned();
    let code = finish(&arguments.image, captured, &arguments.out)?;
    match attached {
        Some(bundle) if arguments.attach => publish(arguments, &reference, &options, &bundle),
        _ => Ok(code),
    }
}

/// Publishes what was captured beside the image it is about.
fn publish(
    arguments: &CreateArguments,
    reference: &Reference,
    options: &Options,
    bundle: &Bundle,
) -> Result<u8, Fault> {
    let failed = |error: seed_oci::Error| Fault::BundleNotPublished(error.to_string());
    let (Some(digest), Ok(bytes)) = (bundle.digest(), bundle.to_json()) else {
        return Err(Fault::Internal("a bundle without a form".to_owned()));
    };
    let repository = Repository::create(&reference.place, options).map_err(failed)?;
    let pushed = asked(&arguments.ask, async |_: &Notes| {
        let image = repository.manifest(&digest).await?;
        beside::attach(&repository, &image, bytes).await
    })?;
    let digest = pushed.map_err(failed)?;
    if !arguments.ask.quiet {
        complain(&format!("published as {digest} beside the image"));
    }
    Ok(0)
}

fn fetch(arguments: &FetchArguments) -> Result<u8, Fault> {
    let reference: Reference = arguments.image.parse().map_err(Fault::Reference)?;
    let Pointer::Digest(digest) = reference.pointer else {
        return Err(Fault::Usage("name the image by digest".to_owned()));
    };
    let options = registries::options(&arguments.token_service)?;
    let repository = Repository::open(&reference.place, &options)
        .map_err(|error| Fault::Usage(error.to_string()))?;
    let notes = Notes::default();
    let time = Duration::from_secs(arguments.timeout);
    let found = block_on(false, async {
        tokio::time::timeout(time, beside::find(&repository, &digest, &notes)).await
    })?;
    let found = found.map_err(|_| Fault::Deadline(arguments.timeout))?;
    let bundle = found.ok_or_else(|| Fault::missing_bundle(digest, notes))?;
    finish(&arguments.image, Ok(bundle), &arguments.out)
}

fn refresh(arguments: &RefreshArguments) -> Result<u8, Fault> {
    let bundle = load_bundle(&arguments.bundle)?;
    let file = PolicyFile::load(arguments.ask.policy.as_deref())?;
    let gatherer = Gatherer::new(&file.policy, Options::default(), &[]);
    let height = height(arguments.finalised);
    let renewed = asked(&arguments.ask, async |notes: &Notes| {
        gatherer.renew(&bundle, height, notes).await
    })?;
    let evidence = renewed.unwrap_or_default();
    let captured = Bundle::capture(&file.policy, &evidence, now())
        .map_err(|error| not_captured(error, &arguments.out));
    let reference = arguments.bundle.to_string_lossy();
    finish(&reference, captured, &arguments.out)
}

/// Runs `work` within its time and prints what went wrong on the way.
fn asked<T>(arguments: &AskArguments, work: impl AsyncFnOnce(&Notes) -> T) -> Result<T, Fault> {
    let notes = Notes::default();
    let time = Duration::from_secs(arguments.timeout);
    let result = block_on(false, async {
        tokio::time::timeout(time, work(&notes)).await
    })?;
    if !arguments.quiet {
        for note in notes.into_lines() {
            complain(&format!("note: {}", shown(&note)));
        }
    }
    result.map_err(|_| Fault::Deadline(arguments.timeout))
}

fn not_captured(error: CaptureError, file: &Path) -> Answer {
    match error {
        CaptureError::Rejected(rejection) => Answer::Rejected(rejection),
        CaptureError::Bundle(error) => Answer::Failed(Fault::BundleMalformed {
            file: file.to_owned(),
            error,
        }),
    }
}

/// Writes the bundle and says what it is not yet, or why there is none.
fn finish(what: &str, captured: Result<Bundle, Answer>, out: &Path) -> Result<u8, Fault> {
    let bundle = match captured {
        Ok(bundle) => bundle,
        Err(answer) => return refused(what, answer),
    };
    let malformed = |error| Fault::BundleMalformed {
        file: out.to_owned(),
        error,
    };
    let bytes = bundle.to_json().map_err(malformed)?;
    let header = bundle.header().map_err(malformed)?;
    write_new(out, &bytes)?;
    let mut page = Page::new(colour());
    page.line("bundle", &out.to_string_lossy());
    page.line("", &format!("{} bytes", bytes.len()));
    for (at, (system, digest)) in bundle.images().into_iter().enumerate() {
        page.line(
            if at == 0 { "image" } else { "" },
            &format!("{digest} {system}"),
        );
    }
    page.line(
        "captured",
        &format!("at block {}, {}", header.number(), date(header.timestamp())),
    );
    page.toned(
        "note",
        Tone::Doubtful,
        "nobody vouches for that block yet: `seed-verify bundle confirm` asks whether it is final",
    );
    say(&page.into_text())?;
    Ok(0)
}

fn refused(what: &str, answer: Answer) -> Result<u8, Fault> {
    let outcome = Outcome {
        reference: what.to_owned(),
        answer,
        notes: vec![],
    };
    if let Some(line) = outcome.error_line() {
        complain(&line);
    }
    Ok(outcome.exit_code())
}

/// Asks the endpoints about the bundle's block and has everything judged; only then is there a checkpoint to print.
fn confirm(arguments: &ConfirmArguments) -> Result<u8, Fault> {
    let bundle = load_bundle(&arguments.bundle)?;
    let file = PolicyFile::load(arguments.ask.policy.as_deref())?;
    let gatherer = Gatherer::new(&file.policy, Options::default(), &[]);
    let endpoints = asked(&arguments.ask, async |notes: &Notes| {
        gatherer.confirm(&bundle, notes).await
    })?;
    let reference = arguments.bundle.to_string_lossy();
    let Some(digest) = bundle.digest() else {
        return Err(Fault::Internal(
            "the bundle's images make no index".to_owned(),
        ));
    };
    let mut evidence = bundle.evidence(Requested::Digest(digest));
    evidence.chain.endpoints = endpoints;
    match checkpoint(&file.policy, &evidence) {
        Ok(text) => {
            say(&text)?;
            Ok(0)
        }
        Err(rejection) => refused(&reference, Answer::Rejected(rejection)),
    }
}

/// The lines that pin the block, once enough operators call it final and everything else holds.
fn checkpoint(
    policy: &Policy,
    evidence: &seed_verdict::Evidence,
) -> Result<String, seed_verdict::Rejection> {
    let context = Context {
        now: now(),
        deep: false,
        // A pin is about a block; whether the release is still wanted is asked when the bundle is used.
        high_water: HighWater::FirstUse,
    };
    // Signatures pin no block, whatever the policy is content with.
    let policy = policy.clone().requiring(Grade::Proof);
    let release = decide(&policy, evidence, &context)?;
    let (Some(inclusion), Some(currency)) = (&release.inclusion, &release.currency) else {
        return Err(seed_verdict::Rejection {
            code: RejectionCode::FloorNotReached,
            what: "nothing was established about the chain".to_owned(),
            found: Some(release.grade.to_string()),
            expected: Some(Grade::Proof.to_string()),
        });
    };
    let who = release.trusts.first().map_or("", String::as_str);
    Ok(format!(
        "\n# {}\n# {}\n[[checkpoints]]\nblock = {}\nhash = \"{}\"\n",
        date(currency.as_of),
        shown(who),
        inclusion.block,
        write_bytes32(&inclusion.block_hash)
    ))
}

fn inspect(arguments: &InspectArguments) -> Result<u8, Fault> {
    let bundle = load_bundle(&arguments.bundle)?;
    let header = bundle.header().map_err(|error| Fault::BundleMalformed {
        file: arguments.bundle.clone(),
        error,
    })?;
    say(&match arguments.output {
        Output::Text => text(&bundle, &header),
        Output::Json => json_text(&bundle, &header)?,
    })?;
    Ok(0)
}

const UNVERIFIED: &str = "this shows what the file says; nothing of it was verified";

fn text(bundle: &Bundle, header: &seed_proof::RawHeader) -> String {
    let (source, record) = (bundle.source(), bundle.record());
    let mut page = Page::new(colour());
    page.line("source", &format!("{}#{}", source.uri, source.target));
    page.line("commit", &source.commit.to_string());
    page.line("release", &source.release().to_string());
    for (at, (system, digest)) in bundle.images().into_iter().enumerate() {
        page.line(
            if at == 0 { "images" } else { "" },
            &format!("{digest} {system}"),
        );
    }
    page.line(
        "record",
        &format!("number {}, on {}", record.sequence, date(record.timestamp)),
    );
    page.line(
        "",
        &format!("commitment {}", write_bytes32(&record.commitment())),
    );
    page.line("rules", &write_address(&record.rules));
    page.line(
        "",
        &format!("code {}", write_bytes32(&record.rules_code_hash)),
    );
    for (at, attestation) in bundle.attestations().iter().enumerate() {
        page.line(
            if at == 0 { "signed by" } else { "" },
            &attestation.builder.to_string(),
        );
    }
    page.line(
        "captured",
        &format!("at block {}, {}", header.number(), date(header.timestamp())),
    );
    page.line("", &write_bytes32(&header.hash()));
    page.line(
        "",
        &format!("{} slots of the ledger", bundle.proven_slots()),
    );
    page.blank();
    page.toned("note", Tone::Doubtful, UNVERIFIED);
    page.into_text()
}

fn json_text(bundle: &Bundle, header: &seed_proof::RawHeader) -> Result<String, Fault> {
    let record = bundle.record();
    let images = bundle
        .images()
        .into_iter()
        .map(|(system, digest)| json!({"system": system, "digest": digest}));
    let builders = bundle.attestations().iter().map(|one| one.builder);
    let value = json!({
        "schemaVersion": SCHEMA_VERSION,
        "note": UNVERIFIED,
        "bundle": {
            "source": bundle.source(),
            "release": bundle.source().release(),
            "images": images.collect::<Vec<_>>(),
            "sequence": record.sequence,
            "recordedAt": record.timestamp,
            "commitment": write_bytes32(&record.commitment()),
            "rules": write_address(&record.rules),
            "rulesCodeHash": write_bytes32(&record.rules_code_hash),
            "builders": builders.collect::<Vec<_>>(),
            "block": header.number(),
            "blockHash": write_bytes32(&header.hash()),
            "blockTime": header.timestamp(),
            "slots": bundle.proven_slots(),
        },
    });
    record::json_text(&value)
}
