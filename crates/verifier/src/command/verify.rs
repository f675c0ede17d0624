use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::{Duration, Instant},
};

use seed_oci::Reference;
use seed_primitives::{Digest, shown};
use seed_verdict::Bundle;

use super::{
    arguments::VerifyArguments,
    block_on, colour, complain,
    new_file::{NewFile, must_be_new},
    not_written, registries,
};
use crate::{
    Answer, BundlePlace, Fault, Format, Memory, Outcome, PolicyFile, Question, Report, Unplugged,
    Verifier, load_bundle, moment::now, report::Summary, threads::layers_at_once,
    unplugged::named_digest,
};

const SECONDS: u64 = 60;
const SECONDS_DEEP: u64 = 3600;
const MAX_LOCATOR: u64 = 64 * 1024;
/// The most images of one call.
const MAX_IMAGES: usize = 256;

/// Verifies every image and returns the exit code of the worst.
pub(super) fn run(arguments: &VerifyArguments) -> Result<u8, Fault> {
    let format = Format::from(arguments.output);
    let prepared = Prepared::new(arguments);
    let outcomes = prepared
        .as_ref()
        .map_err(Fault::clone)
        .and_then(|prepared| prepared.ask(arguments));
    let time = now();
    // Everything about the summary that can fail does so before anybody is told of a verdict.
    let answered = outcomes.and_then(|outcomes| {
        let summary = match &prepared {
            Ok(prepared) => prepared.summary(arguments, time, &outcomes)?,
            Err(_) => None,
        };
        Ok((outcomes, summary))
    });
    let (outcomes, summary, fault) = match answered {
        Ok((outcomes, summary)) => (outcomes, summary, None),
        Err(fault) => (vec![], None, Some(fault)),
    };
    if format == Format::Text
        && let Some(fault) = fault
    {
        return Err(fault);
    }
    let report = Report {
        policy: prepared.as_ref().ok().map(|prepared| &prepared.policy),
        time,
        outcomes: &outcomes,
        fault: fault.as_ref(),
    };
    explain_to_people(arguments, &report);
    let written = report.write(format, colour(), &mut io::stdout().lock());
    let code = report.exit_code();
    let last = written
        .map_err(|error| not_written(&error))
        .and_then(|()| summary.map_or(Ok(()), NewFile::keep));
    match last {
        Ok(()) => Ok(code),
        Err(fault) => {
            complain(&fault.line());
            Ok(if code == 0 { fault.exit_code() } else { code })
        }
    }
}

/// Errors, and unless it is to be quiet what went wrong on the way, on standard error.
fn explain_to_people(arguments: &VerifyArguments, report: &Report<'_>) {
    if let Some(fault) = report.fault {
        complain(&fault.line());
    }
    for outcome in report.outcomes {
        if !arguments.quiet {
            for note in &outcome.notes {
                complain(&format!("note: {}", shown(note)));
            }
        }
        if let Some(line) = outcome.error_line() {
            complain(&line);
        }
    }
}

/// Everything that is read before anything is asked.
struct Prepared {
    policy: PolicyFile,
    locator: Option<Vec<u8>>,
    /// None, one for all images, or one for each.
    bundles: Vec<Bundle>,
}

impl Prepared {
    fn new(arguments: &VerifyArguments) -> Result<Self, Fault> {
        if !arguments.chain && arguments.bundle.is_none() {
            return Err(Fault::Usage(
                "say against what: --chain, or --bundle FILE, or both".to_owned(),
            ));
        }
        if arguments.bundle.is_some() {
            beside_a_bundle(arguments)?;
        }
        if arguments.images.is_empty() || arguments.images.len() > MAX_IMAGES {
            let count = arguments.images.len();
            return Err(Fault::Usage(format!(
                "{count} images were named, expected 1 to {MAX_IMAGES}"
            )));
        }
        let unplugged = !arguments.chain;
        if let Some(file) = &arguments.vsa {
            if arguments.images.len() > 1 {
                let why = "--vsa is about one image: name one, or an index";
                return Err(Fault::Usage(why.to_owned()));
            }
            must_be_new(file)?;
        }
        for image in &arguments.images {
            if !(unplugged && image.parse::<Digest>().is_ok()) {
                image.parse::<Reference>().map_err(Fault::Reference)?;
            }
        }
        let mut policy = PolicyFile::load(arguments.policy.as_deref())?;
        if let Some(grade) = arguments.require {
            let floor = grade.max(policy.policy.require());
            policy.policy = policy.policy.requiring(floor);
        }
        let locator = match &arguments.record {
            Some(file) => Some(read(file)?),
            None => None,
        };
        Ok(Self {
            bundles: bundles(arguments)?,
            policy,
            locator,
        })
    }

    fn ask(&self, arguments: &VerifyArguments) -> Result<Vec<Outcome>, Fault> {
        let memory = Memory::new(&arguments.state, arguments.first_use);
        if arguments.chain {
            return self.online(arguments, memory);
        }
        Ok(self.unplugged(arguments, &memory))
    }

    /// The summary of the one image, written and without its name; none of an image that is not verified.
    fn summary(
        &self,
        arguments: &VerifyArguments,
        time: u64,
        outcomes: &[Outcome],
    ) -> Result<Option<NewFile>, Fault> {
        let (Some(file), [outcome]) = (&arguments.vsa, outcomes) else {
            return Ok(None);
        };
        let Answer::Verified(release) = &outcome.answer else {
            return Ok(None);
        };
        let bundle = self.bundles.first().map(Bundle::to_json).transpose();
        let bundle = bundle.map_err(|error| Fault::Internal(error.to_string()))?;
        let summary = Summary {
            policy: &self.policy,
            time,
            reference: &outcome.reference,
            release,
            bundle: bundle.map(|bytes| Digest::of(&bytes)),
        };
        NewFile::prepare(file, summary.to_json().as_bytes()).map(Some)
    }

    /// Nothing below this takes an endpoint, a registry or a credential.
    fn unplugged(&self, arguments: &VerifyArguments, memory: &Memory) -> Vec<Outcome> {
        let images = arguments.images.iter().zip(self.bundles.iter().cycle());
        images
            .map(|(image, bundle)| {
                let verifier = Unplugged::new(&self.policy.policy, memory.clone(), bundle);
                verifier.ask(&self.question(image, arguments))
            })
            .collect()
    }

    fn question<'a>(&'a self, image: &'a str, arguments: &VerifyArguments) -> Question<'a> {
        Question {
            image,
            locator: self.locator.as_deref(),
            deep: arguments.deep,
        }
    }

    fn online(&self, arguments: &VerifyArguments, memory: Memory) -> Result<Vec<Outcome>, Fault> {
        let default = if arguments.deep {
            SECONDS_DEEP
        } else {
            SECONDS
        };
        let seconds = arguments.timeout.unwrap_or(default);
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut options = registries::options(&arguments.token_service)?;
        if arguments.deep {
            // Layers that come at the same time share the line.
            options.min_rate /= layers_at_once() as u64;
        }
        let policy = &self.policy.policy;
        let mut bundles = self.bundles.iter().cycle();
        block_on(arguments.deep, async {
            let mut outcomes = Vec::new();
            for image in &arguments.images {
                if !arguments.quiet && arguments.images.len() > 1 {
                    complain(&format!("checking {}", shown(image)));
                }
                let question = self.question(image, arguments);
                let mut verifier =
                    Verifier::new(policy, memory.clone(), options.clone(), &arguments.mirror);
                if let Some(bundle) = bundles.next() {
                    verifier = verifier.with_bundle(bundle);
                }
                let left = end.saturating_duration_since(Instant::now());
                outcomes.push(verifier.ask(&question, left).await);
            }
            outcomes
        })
    }
}

/// The bundle for all images where it is a file, and that of each where they are in a layout.
fn bundles(arguments: &VerifyArguments) -> Result<Vec<Bundle>, Fault> {
    match &arguments.bundle {
        None => Ok(Vec::new()),
        Some(BundlePlace::File(file)) => Ok(vec![load_bundle(file)?]),
        Some(place) => {
            let images = arguments.images.iter();
            images
                .map(|image| place.load(named_digest(image).as_ref()))
                .collect()
        }
    }
}

/// Refuses what would be ignored where a bundle is given.
fn beside_a_bundle(arguments: &VerifyArguments) -> Result<(), Fault> {
    let ignored = [
        (arguments.record.is_some(), "--record"),
        (!arguments.mirror.is_empty(), "--mirror"),
        (arguments.timeout.is_some() && !arguments.chain, "--timeout"),
    ];
    match ignored.into_iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(Fault::Usage(format!("{flag} means nothing with --bundle"))),
        None => Ok(()),
    }
}

/// The locator a caller gives: any bytes, judged later.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let fault = |why: String| Fault::file("the locator", file, why);
    let metadata = file.metadata().map_err(|error| fault(error.to_string()))?;
    if !metadata.is_file() {
        return Err(fault("not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_LOCATOR + 1).read_to_end(&mut bytes))
        .map_err(|error| fault(error.to_string()))?;
    Ok(bytes)
}
