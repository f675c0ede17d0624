//! A real chain with real Safes, the timelock, rules and the ledger, and everything done to them for real.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "each test file uses a part"
)]

use alloy::{
    signers::{SignerSync as _, local::PrivateKeySigner},
    sol,
    sol_types::{SolCall as _, SolValue as _},
};
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use seed_chain::{Bytecode, Endpoint, RulesConfiguration, Wallet, ledger_code_hash};
use seed_governance::{
    decode::{Call, Names, Role, SafeFacts, SafeTransaction, Subject},
    simulate::{BlockChoice, Halt, Live, Outcome, Plan, State},
};
use seed_testkit::{
    chain::{CHAIN_ID, LocalChain},
    deployment::Federation,
    keys,
};
use serde_json::{Value, json};

sol! {
    function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver) external;
    function setRules(address rules, bytes32 codeHash) external;
    function revoke(address subject) external;
    function revokeRetroactively(address subject, uint32 fromSequence) external;
    function confirmRevocation(address subject) external;
    function pause(uint32 duration) external;
    function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay) external;
    function scheduleBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt, uint256 delay) external;
    function execute(address target, uint256 value, bytes payload, bytes32 predecessor, bytes32 salt) external payable;
    function executeBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt) external payable;
    function cancel(bytes32 id) external;
    function updateDelay(uint256 newDelay) external;
    function grantRole(bytes32 role, address account) external;
    function revokeRole(bytes32 role, address account) external;
    function renounceRole(bytes32 role, address account) external;
    function addOwnerWithThreshold(address owner, uint256 threshold) external;
    function removeOwner(address previous, address owner, uint256 threshold) external;
    function swapOwner(address previous, address oldOwner, address newOwner) external;
    function changeThreshold(uint256 threshold) external;
    function enableModule(address module) external;
    function setGuard(address guard) external;
    function multiSend(bytes transactions) external payable;
    function execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) external payable returns (bool);
    function getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) external view returns (bytes32);
    function nonce() external view returns (uint256);
}

/// One day: what the timelock of these tests demands.
pub const DELAY: u64 = 86_400;

pub struct Scene {
    pub chain: LocalChain,
    pub wallet: Wallet,
    pub endpoint: Endpoint,
    pub singleton: Address,
    pub proposer: Address,
    pub guardian: Address,
    pub timelock: Address,
    pub ledger: Address,
    pub rules: Address,
    pub names: Names,
}

/// The federation of these tests with this threshold; `extra` is one more builder.
pub fn federation(threshold: u8, extra: bool) -> (String, RulesConfiguration) {
    let mut names = vec!["alpha", "beta", "gamma"];
    if extra {
        names.push("delta");
    }
    let mut text =
        format!("threshold = {threshold}\nsystems = [\"aarch64-linux\", \"x86_64-linux\"]\n");
    for name in names {
        text.push_str(&format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{}\"\ndomains = [\"parent {name}\"]\n",
            hex::encode_prefixed(keys::signer(name).address())
        ));
    }
    let (_, configuration) = Federation::configuration(&text).unwrap();
    (text, configuration)
}

/// The owners of a Safe of these tests, in the order of their addresses.
pub fn owners(safe: &str) -> Vec<PrivateKeySigner> {
    let mut keys: Vec<_> = (1..=3)
        .map(|number| keys::signer(&format!("{safe} owner {number}")))
        .collect();
    keys.sort_by_key(PrivateKeySigner::address);
    keys
}

pub fn artifact(path: &str) -> Bytes {
    let file = format!(
        "{}/../../contracts/node_modules/@safe-global/safe-smart-account/build/artifacts/contracts/{path}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    json["bytecode"].as_str().unwrap().parse().unwrap()
}

impl Scene {
    pub async fn new() -> Self {
        let chain = LocalChain::start().unwrap();
        let wallet = chain.wallet().unwrap();
        let endpoint = chain.endpoint().unwrap();
        let singleton = deploy(&wallet, artifact("Safe.sol/Safe")).await;
        let proposer = safe(&wallet, singleton, "proposer").await;
        let guardian = safe(&wallet, singleton, "guardian").await;
        let timelock = timelock(&wallet, proposer, guardian).await;
        let (_, configuration) = federation(2, false);
        let rules = wallet.deploy_rules(&configuration).await.unwrap();
        let rules = rules.contract.unwrap();
        let head = endpoint.latest_header().await.unwrap();
        let code_hash = keccak256(endpoint.code(rules, head.hash).await.unwrap());
        let ledger = wallet
            .deploy_ledger(timelock, guardian, rules, code_hash)
            .await
            .unwrap();
        let mut scene = Self {
            chain,
            wallet,
            endpoint,
            singleton,
            proposer,
            guardian,
            timelock,
            ledger: ledger.contract.unwrap(),
            rules,
            names: Names::none(),
        };
        scene.names = scene.all_names();
        scene
    }

    fn all_names(&self) -> Names {
        let facts = |safe| SafeFacts {
            owners: owners(safe).iter().map(PrivateKeySigner::address).collect(),
            threshold: Some(2),
        };
        let mut names = Names::none();
        names.set_ledger(self.ledger);
        names.set_timelock(self.timelock, Some(U256::from(DELAY)));
        names.set_proposer(self.proposer, facts("proposer"));
        names.set_guardian(self.guardian, facts("guardian"));
        for name in ["alpha", "beta", "gamma"] {
            names.builder(keys::signer(name).address(), name);
        }
        names.name(self.rules, "first rules");
        names
    }

    /// Deploys rules and returns the call that puts them in force.
    pub async fn new_rules(&self, threshold: u8, extra: bool) -> (Address, Call) {
        let (_, configuration) = federation(threshold, extra);
        let mined = self.wallet.deploy_rules(&configuration).await.unwrap();
        let rules = mined.contract.unwrap();
        let call = setRulesCall {
            rules,
            codeHash: self.code_hash(rules).await,
        };
        (rules, Call::to(self.ledger, call.abi_encode().into()))
    }

    pub async fn code_hash(&self, contract: Address) -> B256 {
        let head = self.endpoint.latest_header().await.unwrap();
        keccak256(self.endpoint.code(contract, head.hash).await.unwrap())
    }

    /// The call that schedules one call.
    pub fn schedule(&self, inner: &Call, delay: u64) -> Call {
        let call = scheduleCall {
            target: inner.target,
            value: inner.value,
            data: inner.data.clone(),
            predecessor: B256::ZERO,
            salt: B256::repeat_byte(7),
            delay: U256::from(delay),
        };
        Call::to(self.timelock, call.abi_encode().into())
    }

    /// The call that schedules several.
    pub fn schedule_batch(&self, inner: &[Call], delay: u64) -> Call {
        let call = scheduleBatchCall {
            targets: inner.iter().map(|one| one.target).collect(),
            values: inner.iter().map(|one| one.value).collect(),
            payloads: inner.iter().map(|one| one.data.clone()).collect(),
            predecessor: B256::ZERO,
            salt: B256::ZERO,
            delay: U256::from(delay),
        };
        Call::to(self.timelock, call.abi_encode().into())
    }

    pub fn plan(&self, subject: Subject) -> Plan {
        Plan {
            subject,
            names: self.names.clone(),
            signatures: None,
            sender: None,
            ledger_code_hash: Some(ledger_code_hash(self.timelock, self.guardian)),
            singleton: Some(self.singleton),
            federations: Vec::new(),
        }
    }

    pub async fn live(&self) -> Live {
        Live::connect(&[self.chain.url()], CHAIN_ID, None, BlockChoice::Latest)
            .await
            .unwrap()
    }

    /// Simulates on the newest block; the state that was used comes along.
    pub async fn simulate(&self, plan: &Plan) -> (Result<Outcome, Halt>, State) {
        let live = self.live().await;
        let mut state = live.state().unwrap();
        (live.run(plan, &mut state).await.unwrap(), state)
    }

    /// A Safe transaction with real signatures.
    pub async fn signed(&self, name: &str, safe: Address, call: &Call) -> Bytes {
        let question = getTransactionHashCall {
            to: call.target,
            value: call.value,
            data: call.data.clone(),
            operation: call.operation,
            safeTxGas: U256::ZERO,
            baseGas: U256::ZERO,
            gasPrice: U256::ZERO,
            gasToken: Address::ZERO,
            refundReceiver: Address::ZERO,
            nonce: U256::from_be_slice(&self.call(safe, nonceCall {}.abi_encode()).await),
        };
        let hash = B256::from_slice(&self.call(safe, question.abi_encode()).await);
        let mut signatures = Vec::new();
        for key in owners(name).iter().take(2) {
            signatures.extend_from_slice(&key.sign_hash_sync(&hash).unwrap().as_bytes());
        }
        signatures.into()
    }

    /// Really does what a Safe transaction says, at `time`.
    pub async fn really(&self, name: &str, safe: Address, call: &Call, time: u64) -> B256 {
        let signatures = self.signed(name, safe, call).await;
        let exec = SafeTransaction::new(safe, call.clone(), None).exec(signatures);
        self.at(time).await;
        self.send(exec.target, exec.data).await
    }

    pub async fn send(&self, to: Address, data: Bytes) -> B256 {
        self.wallet.send(Some(to), data).await.unwrap().hash
    }

    /// The time of the newest block.
    pub async fn now(&self) -> u64 {
        let head = self.endpoint.latest_header().await.unwrap();
        let state = State::new(CHAIN_ID, &head.rlp).unwrap();
        state.header().timestamp()
    }

    /// The next block is of this time.
    pub async fn at(&self, time: u64) {
        let answer = self
            .chain
            .ask("evm_setNextBlockTimestamp", json!([time]))
            .await
            .unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
    }

    async fn call(&self, to: Address, data: Vec<u8>) -> Vec<u8> {
        let question = json!([{ "to": to, "input": hex::encode_prefixed(data) }, "latest"]);
        let answer = self.chain.ask("eth_call", question).await.unwrap();
        hex::decode(answer["result"].as_str().unwrap()).unwrap()
    }

    /// Every slot that a mined transaction changed, with its word before and after, as the node traces it.
    pub async fn changed(&self, transaction: B256) -> Vec<(Address, U256, U256, U256)> {
        let tracer = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
        let answer = self
            .chain
            .ask("debug_traceTransaction", json!([transaction, tracer]))
            .await
            .unwrap();
        let (pre, post) = (&answer["result"]["pre"], &answer["result"]["post"]);
        assert!(post.is_object(), "{answer}");
        let word = |side: &Value, account: &str, slot: &str| {
            let text = side[account]["storage"][slot].as_str().unwrap_or("0x0");
            text.parse::<U256>().unwrap()
        };
        let mut changes = Vec::new();
        for side in [pre, post] {
            for (account, fields) in side.as_object().unwrap() {
                let slots = fields["storage"].as_object().into_iter().flatten();
                for (slot, _) in slots {
                    let change = (
                        account.parse().unwrap(),
                        slot.parse().unwrap(),
                        word(pre, account, slot),
                        word(post, account, slot),
                    );
                    if change.2 != change.3 {
                        changes.push(change);
                    }
                }
            }
        }
        changes.sort_unstable();
        changes.dedup();
        changes
    }
}

/// What a step of a simulation changes, in the form of [`Scene::changed`].
pub fn simulated(outcome: &Outcome, step: usize) -> Vec<(Address, U256, U256, U256)> {
    let mut changes: Vec<_> = outcome.steps[step]
        .changes
        .iter()
        .map(|change| (change.contract, change.slot, change.before, change.after))
        .collect();
    changes.sort_unstable();
    changes
}

async fn deploy(wallet: &Wallet, code: Bytes) -> Address {
    wallet.send(None, code).await.unwrap().contract.unwrap()
}

async fn safe(wallet: &Wallet, singleton: Address, name: &str) -> Address {
    let code = [
        artifact("proxies/SafeProxy.sol/SafeProxy").to_vec(),
        singleton.abi_encode(),
    ];
    let safe = deploy(wallet, code.concat().into()).await;
    let setup = setupCall {
        owners: owners(name).iter().map(PrivateKeySigner::address).collect(),
        threshold: U256::from(2),
        to: Address::ZERO,
        data: Bytes::new(),
        fallbackHandler: Address::ZERO,
        paymentToken: Address::ZERO,
        payment: U256::ZERO,
        paymentReceiver: Address::ZERO,
    };
    wallet
        .send(Some(safe), setup.abi_encode().into())
        .await
        .unwrap();
    safe
}

async fn timelock(wallet: &Wallet, proposer: Address, guardian: Address) -> Address {
    let arguments = (
        U256::from(DELAY),
        vec![proposer],
        vec![Address::ZERO],
        wallet.account(),
    );
    let code = [
        Bytecode::timelock().creation_code.to_vec(),
        arguments.abi_encode_params(),
    ];
    let timelock = deploy(wallet, code.concat().into()).await;
    let grant = grantRoleCall {
        role: Role::Canceller.id(),
        account: guardian,
    };
    let renounce = renounceRoleCall {
        role: Role::Admin.id(),
        account: wallet.account(),
    };
    for data in [grant.abi_encode(), renounce.abi_encode()] {
        wallet.send(Some(timelock), data.into()).await.unwrap();
    }
    timelock
}

impl Scene {
    /// The deployment file.
    pub async fn deployment(&self) -> Value {
        let hex = |address: Address| hex::encode_prefixed(address);
        let facts = |safe| {
            let keys = owners(safe);
            json!({
                "owners": keys.iter().map(|key| hex(key.address())).collect::<Vec<_>>(),
                "threshold": 2,
            })
        };
        let (text, _) = federation(2, false);
        let (file, _) = Federation::configuration(&text).unwrap();
        json!({
            "schemaVersion": 1,
            "environment": "development",
            "chainId": CHAIN_ID,
            "genesisHash": self.chain.genesis_hash().await.unwrap(),
            "block": 0,
            "ledger": hex(self.ledger),
            "ledgerCodeHash": ledger_code_hash(self.timelock, self.guardian),
            "rules": hex(self.rules),
            "rulesCodeHash": self.code_hash(self.rules).await,
            "rulesLogicHash": seed_chain::logic_hash(),
            "timelock": hex(self.timelock),
            "timelockDelay": DELAY,
            "proposer": hex(self.proposer),
            "guardian": hex(self.guardian),
            "safes": { "proposer": facts("proposer"), "guardian": facts("guardian") },
            "safeContracts": {
                "singleton": hex(self.singleton),
                "proxyFactory": hex(keys::signer("factory").address()),
                "fallbackHandler": hex(keys::signer("handler").address()),
            },
            "federation": serde_json::to_value(&file).unwrap(),
        })
    }
}

/// What a run of `seed-gov` gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `seed-gov`.
pub fn gov(arguments: &[&str]) -> Ran {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_seed-gov"))
        .args(arguments)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
