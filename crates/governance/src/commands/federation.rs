use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use seed_primitives::{Deployment, write_address, write_bytes32};
use seed_proof::{ControlWord, Rules, slots};
use serde_json::{Value, json};

use super::{
    chain::{ChainArguments, ask, deployment},
    decode::{answer, read, wait},
};
use crate::{
    Fault,
    decode::ReviewFault,
    federation::{
        Compiled, Federation, Finding, MAX_FEDERATION_BYTES, OwnerPlan, Plan, Severity, check,
        difference, hostile_swap,
    },
    output::{Output, complain, shown},
    providers::{Providers, outdated},
    simulate::{Machine, State},
};

/// What to do with a federation file.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that stands against it; exit 1 if anything forbids it
    Check(CheckArguments),
    /// Say which builders can carry a release, how few owners could forge or stop one, and what a change changes
    Plan(PlanArguments),
    /// Compile it into the code of its rules: configuration, code hash, address, and what each bit means
    Build(FileArguments),
}

/// One federation file.
#[derive(Args, Debug)]
pub(crate) struct FileArguments {
    /// The federation file (TOML)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// A federation file, and when its facts are too old.
#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    file: FileArguments,
    /// What day it is (YYYY-MM-DD); the clock's without it
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
    /// How many days a fact about a provider stands before it is to be read again
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..))]
    max_age_days: u16,
}

/// A federation file, and what it replaces.
#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    /// The federation file (TOML)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The federation file it replaces
    #[arg(long, visible_alias = "before", value_name = "FILE")]
    against: Option<PathBuf>,
    /// The deployment, for its delay; with --rpc, to make sure that --against is in force
    #[arg(long, value_name = "FILE")]
    deployment: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArguments,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<(), Fault> {
    match command {
        Command::Check(arguments) => run_check(arguments),
        Command::Plan(arguments) => run_plan(arguments),
        Command::Build(arguments) => run_build(arguments),
    }
}

/// Reads a federation file.
pub(crate) fn load(file: &Path) -> Result<Federation, Fault> {
    let what = "the federation file";
    let text = String::from_utf8(read(what, file, MAX_FEDERATION_BYTES)?);
    let text = text.map_err(|_| Fault::file(what, file, "not UTF-8"))?;
    Federation::read(&text).map_err(|error| Fault::file(what, file, error))
}

/// Compiles a federation, or says which check of the rules refuses it.
pub(crate) fn compile(federation: &Federation) -> Result<Compiled, Fault> {
    federation.compile().map_err(|error| Fault::Federation {
        code: "federation-refused",
        what: error.to_string(),
    })
}

fn run_check(arguments: &CheckArguments) -> Result<(), Fault> {
    let federation = load(&arguments.file.file)?;
    let mut findings = check(&federation);
    let today = arguments.today;
    let today = today.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
    if let Ok(providers) = Providers::embedded() {
        let days = i32::from(arguments.max_age_days);
        findings.extend(outdated(&federation, &providers, today, days));
    }
    if let Err(error) = federation.compile() {
        findings.insert(0, Finding::error("federation-refused", error.to_string()));
    }
    let mut text = String::new();
    for one in &findings {
        let word = match one.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "warning",
        };
        text.push_str(&format!("{word}[{}]: {}\n", one.code, shown(&one.what)));
    }
    let first = findings.iter().find(|one| one.severity == Severity::Error);
    if first.is_none() {
        text.push_str(&format!(
            "{} builders, {} systems, threshold {}: nothing forbids it\n",
            federation.builders.len(),
            federation.systems.len(),
            federation.threshold
        ));
    }
    let list: Vec<_> = findings.iter().map(finding).collect();
    let value = json!({ "findings": list, "refused": first.map(|one| one.code) });
    answer(arguments.file.output, &text, &value)?;
    first.map_or(Ok(()), |one| {
        Err(Fault::Federation {
            code: one.code,
            what: one.what.clone(),
        })
    })
}

fn finding(one: &Finding) -> Value {
    let severity = match one.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({ "severity": severity, "code": one.code, "message": one.what })
}

fn run_build(arguments: &FileArguments) -> Result<(), Fault> {
    let federation = load(&arguments.file)?;
    let compiled = compile(&federation)?;
    for one in check(&federation) {
        if one.severity == Severity::Error {
            return Err(Fault::Federation {
                code: one.code,
                what: one.what,
            });
        }
        complain(&format!("warning[{}]: {}", one.code, shown(&one.what)));
    }
    let bytes = alloy_primitives::hex::encode_prefixed(compiled.configuration.to_bytes());
    let bits = compiled.domains.iter().enumerate();
    let bits: Vec<(usize, &String)> = bits.map(|(place, name)| (32 + place, name)).collect();
    let mut text = format!(
        "rules          {}\ncode hash      {}\nlogic hash     {}\nfederation     {}\nconfiguration  {bytes}\n",
        write_address(&compiled.address()),
        write_bytes32(&compiled.code_hash()),
        write_bytes32(&compiled.rules.logic_hash()),
        write_bytes32(&federation.digest()),
    );
    for (index, builder) in federation.builders.iter().enumerate() {
        text.push_str(&format!("bit {index:<3} builder {}\n", builder.name));
    }
    for (bit, name) in &bits {
        text.push_str(&format!("bit {bit:<3} {name}\n"));
    }
    let value = json!({
        "rules": write_address(&compiled.address()),
        "codeHash": write_bytes32(&compiled.code_hash()),
        "logicHash": write_bytes32(&compiled.rules.logic_hash()),
        "federation": write_bytes32(&federation.digest()),
        "configuration": bytes,
        "initCode": compiled.init_code(),
        "domains": bits.iter().map(|(bit, name)| json!({ "bit": bit, "name": name })).collect::<Vec<_>>(),
    });
    answer(arguments.output, &text, &value)
}

fn run_plan(arguments: &PlanArguments) -> Result<(), Fault> {
    let federation = load(&arguments.file)?;
    let old = match &arguments.against {
        Some(file) => Some(load(file)?),
        None => None,
    };
    let of = match &arguments.deployment {
        Some(file) => Some(deployment(file)?),
        None => None,
    };
    if !arguments.chain.rpc.is_empty() {
        let (Some(of), Some(old)) = (&of, &old) else {
            return Err(Fault::Usage(
                "--rpc needs --deployment and --against, which is looked for on the chain"
                    .to_owned(),
            ));
        };
        wait(in_force(&arguments.chain, of, old))??;
    }
    let plan = Plan::new(&federation);
    let changes = old.as_ref().map(|old| difference(old, &federation));
    let swap = hostile_swap(&federation, of.as_ref().and_then(|of| of.timelock_delay));
    let text = plan_text(&plan, changes.as_deref(), &swap);
    let value = json!({
        "plan": plan,
        "before": old.as_ref().map(Plan::new),
        "changes": changes,
        "hostileSwap": swap,
        "met": plan.is_met(),
    });
    answer(arguments.output, &text, &value)?;
    let first = plan
        .systems
        .iter()
        .find_map(|one| Some(format!("{}: {}", one.system, one.problems.first()?)));
    first.map_or(Ok(()), |what| {
        Err(Fault::Federation {
            code: "policy-unmet",
            what,
        })
    })
}

/// Refuses an old file that is not the one the rules in force carry.
async fn in_force(chain: &ChainArguments, of: &Deployment, old: &Federation) -> Result<(), Fault> {
    let live = chain.live(of).await?;
    let mut state = live.state().map_err(ReviewFault::Live)?;
    let question = |state: &State| {
        let mut machine = Machine::new(state);
        let control = ControlWord::from_word(machine.slot(of.ledger, slots::CONTROL.into())?);
        Ok(machine.code(control.rules)?)
    };
    let code = ask(&live, &mut state, question).await?;
    let found = match Rules::parse(&code) {
        Ok(rules) if rules.federation() == old.digest() => return Ok(()),
        Ok(rules) => rules.federation().to_string(),
        Err(error) => format!("no federation: {error}"),
    };
    Err(Fault::Federation {
        code: "not-in-force",
        what: format!(
            "the rules in force carry {found}, and the file given with --against is {}",
            old.digest()
        ),
    })
}

fn plan_text(plan: &Plan, changes: Option<&[String]>, swap: &[String]) -> String {
    let mut text = String::new();
    for one in &plan.systems {
        text.push_str(&format!(
            "{}: {} must agree; {} builders, {} of whom can count at once\n",
            one.system,
            plan.threshold,
            one.eligible.len(),
            one.independent
        ));
        for set in &one.sets {
            text.push_str(&format!("  together   {}\n", set.join(", ")));
        }
        for pair in &one.dependent {
            text.push_str(&format!(
                "  never both {} and {}: {}\n",
                pair.first,
                pair.second,
                pair.shared.join(", ")
            ));
        }
        for owner in &one.owners {
            text.push_str(&owner_line(owner));
        }
        if let Some(why) = &one.no_genesis {
            text.push_str(&format!("  as first rules of a ledger: no, {why}\n"));
        }
        for problem in &one.problems {
            text.push_str(&format!("  PROBLEM    {problem}\n"));
        }
    }
    if let Some(changes) = changes {
        text.push_str("what changes\n");
        for line in changes {
            text.push_str(&format!("  {line}\n"));
        }
        if changes.is_empty() {
            text.push_str("  nothing\n");
        }
    }
    text.push_str("if governance is captured\n");
    for line in swap {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn owner_line(owner: &OwnerPlan) -> String {
    let forge = match owner.unnamed.is_empty() {
        true => format!("forging takes {}", owner.forge),
        false => format!(
            "forging may take only {}, since none is named for {}",
            owner.forge,
            owner.unnamed.join(", ")
        ),
    };
    let stop = match &owner.stop {
        Some(owners) => format!("stopping takes {} ({})", owners.len(), owners.join(", ")),
        None => "stopping takes more than 3".to_owned(),
    };
    format!("  {:<14} {forge}; {stop}\n", owner.kind)
}
