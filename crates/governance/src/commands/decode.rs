use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, Bytes, U256};
use clap::Args;
use seed_primitives::{Deployment, MAX_DEPLOYMENT_BYTES};
use serde_json::{Value, json};

use crate::{
    Fault,
    decode::{
        Allowed, Call, Decoded, Document, FederationNames, MAX_FILE, Names, Queue, ReviewFault,
        Subject, Warning, queue_report, report, same_chain, subject,
    },
    output::{Output, complain, say},
    simulate::{BlockChoice, Live},
};

/// Say in one sentence each what calls would do, and refuse what nobody should sign unseen
///
/// Reads an operation file, a Safe Transaction Builder file, a Safe transaction (plain or EIP-712 typed data) or call
/// data; or lists what waits in the timelock. Exit codes: 0 understood and nothing against it, 1 refused, 2 malformed, 3 could not be found
/// out.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
    #[command(flatten)]
    context: ContextArguments,
    /// List every operation that waits in the timelock
    #[arg(long, requires = "deployment", conflicts_with_all = ["file", "calldata"])]
    queue: bool,
    /// A JSON-RPC endpoint, https or loopback; all must agree on the block (repeatable)
    #[arg(long, value_name = "URL", requires = "queue")]
    rpc: Vec<String>,
    /// The first block whose events are read [default: the deployment's]
    #[arg(long, value_name = "N", requires = "queue")]
    from_block: Option<u64>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What is to be looked at.
#[derive(Args, Debug)]
pub(crate) struct SubjectArguments {
    /// An operation file, a Safe Transaction Builder file or a Safe transaction, JSON
    #[arg(value_name = "FILE", conflicts_with = "calldata")]
    file: Option<PathBuf>,
    /// Call data instead of a file, 0x and hex
    #[arg(long, value_name = "HEX", requires = "to")]
    calldata: Option<Bytes>,
    /// Who is called
    #[arg(long, value_name = "ADDRESS", requires = "calldata")]
    to: Option<Address>,
    /// Wei sent along
    #[arg(long, value_name = "WEI", default_value = "0", requires = "calldata")]
    value: U256,
    /// 0 for a call, 1 for a delegatecall
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1), requires = "calldata")]
    operation: u8,
    /// The Safe that makes the call
    #[arg(long, value_name = "ADDRESS", conflicts_with = "from")]
    safe: Option<Address>,
    /// The account that makes the call
    #[arg(long, value_name = "ADDRESS", requires = "calldata")]
    from: Option<Address>,
}

/// What is known beside it.
#[derive(Args, Debug)]
pub(crate) struct ContextArguments {
    /// The deployment file: the only source of names; without it every target is unknown
    #[arg(long, value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
    /// A federation file, to name the builders of the rules that carry its hash (repeatable)
    #[arg(long, value_name = "FILE")]
    federation: Vec<PathBuf>,
    /// Let unknown targets, unknown functions and money pass; never a delegatecall
    #[arg(long)]
    allow_unknown: bool,
    /// Let calls pass that weaken governance
    #[arg(long)]
    allow_weaker: bool,
}

/// The context, read.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) deployment: Option<Deployment>,
    pub(crate) names: Names,
    pub(crate) federations: Vec<FederationNames>,
    pub(crate) allowed: Allowed,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Fault> {
    let context = arguments.context.read()?;
    if arguments.queue {
        return queue(arguments, &context);
    }
    let subjects = arguments.subject.read(&context.names)?;
    let trees: Vec<Decoded> = subjects
        .iter()
        .map(|one| one.decode(&context.names))
        .collect();
    let refusal = trees.iter().find_map(|tree| tree.refusal(context.allowed));
    let mut text = String::new();
    let mut values = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        let place = (index + 1).to_string();
        report::shouts(tree, &place)
            .iter()
            .for_each(|line| complain(line));
        for line in report::lines(tree, &place) {
            text.push_str(&line);
            text.push('\n');
        }
        values.push(report::json(tree, &place, &context.names));
    }
    let value = json!({ "calls": values, "refused": refusal.map(Warning::code) });
    answer(arguments.output, &text, &value)?;
    refuse(refusal)
}

fn queue(arguments: &Arguments, context: &Context) -> Result<(), Fault> {
    let Some(deployment) = &context.deployment else {
        return Err(Fault::Usage("--queue needs --deployment".to_owned()));
    };
    if arguments.rpc.is_empty() {
        return Err(Fault::Usage("--queue needs --rpc".to_owned()));
    }
    let from = arguments.from_block.unwrap_or(deployment.block);
    let queue = wait(async {
        let (chain, genesis) = (deployment.chain_id, Some(deployment.genesis_hash));
        let live = Live::connect(&arguments.rpc, chain, genesis, BlockChoice::Latest);
        let live = live.await.map_err(ReviewFault::Live)?;
        let (timelock, names) = (deployment.timelock, &context.names);
        Queue::read(&live, timelock, from, names, &context.federations).await
    })??;
    if queue.endpoints == 1 {
        complain(
            "note: one endpoint was asked; it cannot invent operations, but it could hide some",
        );
    }
    queue_report::shouts(&queue)
        .iter()
        .for_each(|line| complain(line));
    let value = queue_report::json(&queue, &context.names, context.allowed);
    answer(arguments.output, &queue_report::text(&queue), &value)?;
    refuse(queue.refusal(context.allowed))
}

impl SubjectArguments {
    /// What the arguments ask to look at, checked against the deployment's chain.
    pub(crate) fn read(&self, names: &Names) -> Result<Vec<Subject>, Fault> {
        if let (Some(data), Some(to)) = (&self.calldata, self.to) {
            let call = Call {
                target: to,
                value: self.value,
                data: data.clone(),
                operation: self.operation,
            };
            return Ok(vec![match self.from {
                Some(from) => Subject::Direct {
                    from: Some(from),
                    call,
                },
                None => subject(self.safe, call),
            }]);
        }
        let Some(file) = &self.file else {
            return Err(Fault::Usage(
                "name a file, or --calldata and --to".to_owned(),
            ));
        };
        let what = "the transaction file";
        let bytes = read(what, file, MAX_FILE)?;
        let document = Document::read(&bytes, self.safe);
        let document = document.map_err(|why| Fault::file(what, file, why))??;
        for note in &document.notes {
            complain(&format!("note: {note}"));
        }
        if let Some(chain) = document.chain_id {
            same_chain(chain, names)?;
        }
        Ok(document.subjects)
    }
}

impl ContextArguments {
    /// Reads the files.
    pub(crate) fn read(&self) -> Result<Context, Fault> {
        let what = "the deployment";
        let deployment = match &self.deployment {
            Some(file) => {
                let bytes = read(what, file, MAX_DEPLOYMENT_BYTES)?;
                let facts = Deployment::from_json(&bytes);
                Some(facts.map_err(|why| Fault::file(what, file, why))?)
            }
            None => None,
        };
        let what = "the federation file";
        let of_deployment = deployment.as_ref();
        let of_deployment = of_deployment.and_then(FederationNames::of_deployment);
        let mut federations: Vec<_> = of_deployment.into_iter().collect();
        for file in &self.federation {
            let text = String::from_utf8(read(what, file, MAX_FILE)?);
            let text = text.map_err(|_| Fault::file(what, file, "not UTF-8"))?;
            let names = FederationNames::read(&text);
            federations.push(names.map_err(|why| Fault::file(what, file, why))?);
        }
        Ok(Context {
            names: deployment
                .as_ref()
                .map_or_else(Names::none, Names::of_deployment),
            deployment,
            federations,
            allowed: Allowed {
                unknown: self.allow_unknown,
                weaker: self.allow_weaker,
            },
        })
    }
}

/// Reads a regular file of at most `most` bytes.
pub(crate) fn read(what: &'static str, path: &Path, most: u64) -> Result<Vec<u8>, Fault> {
    let fault = |why: String| Fault::file(what, path, why);
    let metadata = path.metadata().map_err(|error| fault(error.to_string()))?;
    if !metadata.is_file() {
        return Err(fault("not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| fault(error.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(fault(format!("more than {most} bytes")));
    }
    Ok(bytes)
}

/// Writes an answer in the form asked for.
pub(crate) fn answer(output: Output, text: &str, value: &Value) -> Result<(), Fault> {
    match output {
        Output::Text => say(text),
        Output::Json => say(&format!("{value:#}\n")),
    }
}

fn refuse(warning: Option<&Warning>) -> Result<(), Fault> {
    warning.map_or(Ok(()), |warning| Err(ReviewFault::refused(warning).into()))
}

/// Waits for what talks to endpoints.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Fault::Machine(error.to_string()))?;
    Ok(runtime.block_on(work))
}
