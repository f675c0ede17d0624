use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use seed_primitives::{write_address, write_bytes32};
use serde_json::{Value, json};

use super::decode::{answer, read};
use crate::{
    Fault,
    federation::{Compiled, Federation, Finding, MAX_FEDERATION_BYTES, Severity, check},
    output::{Output, complain, shown},
};

/// What to do with a federation file.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that stands against it; exit 1 if anything forbids it
    Check(FileArguments),
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

/// Runs the command.
pub(crate) fn run(command: &Command) -> Result<(), Fault> {
    match command {
        Command::Check(arguments) => run_check(arguments),
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

fn run_check(arguments: &FileArguments) -> Result<(), Fault> {
    let federation = load(&arguments.file)?;
    let mut findings = check(&federation);
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
    answer(arguments.output, &text, &value)?;
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
