//! One sentence for everything governance can do, and a warning for everything it should not.

use alloy::{sol, sol_types::SolCall};
use alloy_primitives::{Address, B256, Bytes, U256, address, b256, keccak256};
use seed_governance::decode::{
    Action, Allowed, Call, Decoded, Names, Operation, Role, SafeFacts, SafeTransaction, Subject,
    Warning, report,
};

sol! {
    function finalise(bytes32 release, bytes submission) external;
    function setRules(address rules, bytes32 codeHash) external;
    function confirmRevocation(address subject) external;
    function revoke(address subject) external;
    function revokeRetroactively(address subject, uint32 fromSequence) external;
    function pause(uint32 duration) external;
    function schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay) external;
    function scheduleBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt, uint256 delay) external;
    function execute(address target, uint256 value, bytes payload, bytes32 predecessor, bytes32 salt) external payable;
    function cancel(bytes32 id) external;
    function updateDelay(uint256 newDelay) external;
    function grantRole(bytes32 role, address account) external;
    function revokeRole(bytes32 role, address account) external;
    function renounceRole(bytes32 role, address account) external;
    function addOwnerWithThreshold(address owner, uint256 threshold) external;
    function removeOwner(address previous, address owner, uint256 threshold) external;
    function swapOwner(address previous, address oldOwner, address newOwner) external;
    function changeThreshold(uint256 threshold) external;
    function setGuard(address guard) external;
    function setModuleGuard(address guard) external;
    function enableModule(address module) external;
    function disableModule(address previous, address module) external;
    function setFallbackHandler(address handler) external;
    function approveHash(bytes32 hash) external;
    function multiSend(bytes transactions) external payable;
}

const LEDGER: Address = address!("1111111111111111111111111111111111111111");
const TIMELOCK: Address = address!("2222222222222222222222222222222222222222");
const PROPOSER: Address = address!("3333333333333333333333333333333333333333");
const GUARDIAN: Address = address!("4444444444444444444444444444444444444444");
const BUILDER: Address = address!("5555555555555555555555555555555555555555");
const HANDLER: Address = address!("6666666666666666666666666666666666666666");
const OWNER: Address = address!("7777777777777777777777777777777777777777");
const STRANGER: Address = address!("9999999999999999999999999999999999999999");
const HASH: B256 = b256!("abababababababababababababababababababababababababababababababab");
const WEEK: u64 = 7 * 86_400;

const ALL: Allowed = Allowed {
    unknown: true,
    weaker: true,
};

fn names() -> Names {
    let facts = || SafeFacts {
        owners: vec![OWNER],
        threshold: Some(3),
    };
    let mut names = Names::none();
    names.set_ledger(LEDGER);
    names.set_timelock(TIMELOCK, Some(U256::from(WEEK)));
    names.set_proposer(PROPOSER, facts());
    names.set_guardian(GUARDIAN, facts());
    names.set_handler(HANDLER);
    names.builder(BUILDER, "alpha");
    names
}

fn decode(target: Address, caller: Address, call: &impl SolCall) -> Decoded {
    let call = Call::to(target, call.abi_encode().into());
    Decoded::new(call, Some(caller), &names())
}

/// The code of the refusal by default.
fn refused(decoded: &Decoded) -> Option<&'static str> {
    decoded.refusal(Allowed::default()).map(Warning::code)
}

#[test]
fn says_what_the_ledger_is_to_do() {
    let said = |caller, call: &dyn Fn() -> Decoded| {
        let decoded = call();
        assert_eq!(decoded.caller, Some(caller));
        assert_eq!(refused(&decoded), None, "{decoded:?}");
        decoded.sentence
    };
    let set = setRulesCall {
        rules: STRANGER,
        codeHash: HASH,
    };
    assert_eq!(
        said(TIMELOCK, &|| decode(LEDGER, TIMELOCK, &set)),
        format!(
            "On ledger {LEDGER:?}, put the rules at unknown address {STRANGER:?} with code hash {HASH} in force for future releases."
        )
    );
    let confirm = confirmRevocationCall { subject: BUILDER };
    assert!(
        said(TIMELOCK, &|| decode(LEDGER, TIMELOCK, &confirm))
            .contains("confirm the dispute about builder alpha 0x5555")
    );
    let revoke = revokeCall { subject: BUILDER };
    assert!(
        said(GUARDIAN, &|| decode(LEDGER, GUARDIAN, &revoke))
            .contains("revoke builder alpha 0x5555")
    );
    let dispute = revokeRetroactivelyCall {
        subject: BUILDER,
        fromSequence: 12,
    };
    assert!(
        said(GUARDIAN, &|| decode(LEDGER, GUARDIAN, &dispute))
            .contains("from release number 12 on")
    );
    let pause = pauseCall { duration: 90_061 };
    assert!(
        said(GUARDIAN, &|| decode(LEDGER, GUARDIAN, &pause))
            .contains("stop new releases for 90061 s (1 day 1 hour 1 minute 1 s)")
    );
}

#[test]
fn a_safe_transaction_that_schedules_a_batch_prints_every_inner_call() {
    let inner = scheduleBatchCall {
        targets: vec![LEDGER, TIMELOCK],
        values: vec![U256::ZERO; 2],
        payloads: vec![
            setRulesCall {
                rules: STRANGER,
                codeHash: HASH,
            }
            .abi_encode()
            .into(),
            updateDelayCall {
                newDelay: U256::from(2 * WEEK),
            }
            .abi_encode()
            .into(),
        ],
        predecessor: HASH,
        salt: B256::ZERO,
        delay: U256::from(WEEK),
    };
    let call = Call::to(TIMELOCK, inner.abi_encode().into());
    let decoded = Subject::Safe(SafeTransaction::new(PROPOSER, call, None)).decode(&names());
    assert_eq!(refused(&decoded), None);
    let lines = report::lines(&decoded, "1");
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[0].starts_with("1 As proposer Safe 0x3333"));
    assert!(lines[1].starts_with("  1.1 On timelock 0x2222"));
    assert!(lines[1].contains(
        "(2 calls) to be executed no sooner than 604800 s (7 days) later, after operation 0xabab"
    ));
    assert!(lines[2].starts_with("    1.1.1 On ledger 0x1111"));
    assert!(lines[3].starts_with("    1.1.2 On timelock 0x2222"));
    let Some(Action::Schedule { operation, .. }) = &decoded.inner[0].action else {
        panic!("{decoded:?}");
    };
    // As the timelock computes it; checked against the real one in simulate_live.
    assert!(lines[1].contains(&operation.id().to_string()));
    let json = report::json(&decoded, "1", &names());
    assert_eq!(json["calls"][0]["calls"][0]["action"], "setRules");
    assert_eq!(json["calls"][0]["calls"][1]["place"], "1.1.2");
}

#[test]
fn shouts_about_everything_that_weakens_governance() {
    let zero = Address::ZERO;
    let grant = |role: Role, account| grantRoleCall {
        role: role.id(),
        account,
    };
    let take = |role: Role, account| revokeRoleCall {
        role: role.id(),
        account,
    };
    let threshold = |number: u64| U256::from(number);
    let weak: Vec<(&str, Decoded)> = vec![
        (
            "shorter delay",
            decode(
                TIMELOCK,
                TIMELOCK,
                &updateDelayCall {
                    newDelay: U256::from(WEEK - 1),
                },
            ),
        ),
        (
            "another proposer",
            decode(TIMELOCK, TIMELOCK, &grant(Role::Proposer, STRANGER)),
        ),
        (
            "another admin",
            decode(TIMELOCK, TIMELOCK, &grant(Role::Admin, STRANGER)),
        ),
        (
            "another executor",
            decode(TIMELOCK, TIMELOCK, &grant(Role::Executor, STRANGER)),
        ),
        (
            "another canceller",
            decode(TIMELOCK, TIMELOCK, &grant(Role::Canceller, STRANGER)),
        ),
        (
            "GOV-14 a role to zero",
            decode(TIMELOCK, TIMELOCK, &grant(Role::Canceller, zero)),
        ),
        (
            "an unknown role",
            decode(TIMELOCK, TIMELOCK, &grant(Role::Unknown(HASH), PROPOSER)),
        ),
        (
            "no proposer",
            decode(TIMELOCK, TIMELOCK, &take(Role::Proposer, PROPOSER)),
        ),
        (
            "no canceller",
            decode(TIMELOCK, TIMELOCK, &take(Role::Canceller, GUARDIAN)),
        ),
        (
            "no executor",
            decode(TIMELOCK, TIMELOCK, &take(Role::Executor, zero)),
        ),
        (
            "renounced",
            decode(
                TIMELOCK,
                GUARDIAN,
                &renounceRoleCall {
                    role: Role::Canceller.id(),
                    account: GUARDIAN,
                },
            ),
        ),
        (
            "lower threshold",
            decode(
                PROPOSER,
                PROPOSER,
                &changeThresholdCall {
                    threshold: threshold(2),
                },
            ),
        ),
        (
            "lower threshold by adding",
            decode(
                PROPOSER,
                PROPOSER,
                &addOwnerWithThresholdCall {
                    owner: STRANGER,
                    threshold: threshold(1),
                },
            ),
        ),
        (
            "lower threshold by removing",
            decode(
                PROPOSER,
                PROPOSER,
                &removeOwnerCall {
                    previous: STRANGER,
                    owner: OWNER,
                    threshold: threshold(2),
                },
            ),
        ),
        (
            "GOV-13 a builder as owner",
            decode(
                PROPOSER,
                PROPOSER,
                &addOwnerWithThresholdCall {
                    owner: BUILDER,
                    threshold: threshold(3),
                },
            ),
        ),
        (
            "GOV-13 a builder swapped in",
            decode(
                PROPOSER,
                PROPOSER,
                &swapOwnerCall {
                    previous: STRANGER,
                    oldOwner: OWNER,
                    newOwner: BUILDER,
                },
            ),
        ),
        (
            "no guard",
            decode(PROPOSER, PROPOSER, &setGuardCall { guard: zero }),
        ),
        (
            "a guard",
            decode(PROPOSER, PROPOSER, &setGuardCall { guard: STRANGER }),
        ),
        (
            "a module guard",
            decode(PROPOSER, PROPOSER, &setModuleGuardCall { guard: STRANGER }),
        ),
        (
            "a module",
            decode(PROPOSER, PROPOSER, &enableModuleCall { module: STRANGER }),
        ),
        (
            "another handler",
            decode(
                PROPOSER,
                PROPOSER,
                &setFallbackHandlerCall { handler: STRANGER },
            ),
        ),
        (
            "a blind signature",
            decode(PROPOSER, PROPOSER, &approveHashCall { hash: HASH }),
        ),
    ];
    for (case, decoded) in weak {
        assert_eq!(
            refused(&decoded),
            Some("weaker-refused"),
            "{case}: {decoded:?}"
        );
        assert!(
            decoded
                .sentence
                .starts_with("WARNING, WEAKENS GOVERNANCE: "),
            "{case}"
        );
        assert_eq!(decoded.refusal(ALL), None, "{case}");
    }
}

#[test]
fn lets_pass_what_keeps_or_adds_protection() {
    let fine: Vec<Decoded> = vec![
        decode(
            TIMELOCK,
            TIMELOCK,
            &updateDelayCall {
                newDelay: U256::from(WEEK),
            },
        ),
        decode(
            TIMELOCK,
            TIMELOCK,
            &grantRoleCall {
                role: Role::Canceller.id(),
                account: GUARDIAN,
            },
        ),
        decode(
            TIMELOCK,
            TIMELOCK,
            &revokeRoleCall {
                role: Role::Proposer.id(),
                account: STRANGER,
            },
        ),
        decode(TIMELOCK, GUARDIAN, &cancelCall { id: HASH }),
        decode(
            PROPOSER,
            PROPOSER,
            &changeThresholdCall {
                threshold: U256::from(4),
            },
        ),
        decode(
            PROPOSER,
            PROPOSER,
            &swapOwnerCall {
                previous: STRANGER,
                oldOwner: OWNER,
                newOwner: STRANGER,
            },
        ),
        decode(
            PROPOSER,
            PROPOSER,
            &disableModuleCall {
                previous: STRANGER,
                module: STRANGER,
            },
        ),
        decode(
            PROPOSER,
            PROPOSER,
            &setFallbackHandlerCall { handler: HANDLER },
        ),
        decode(
            LEDGER,
            STRANGER,
            &finaliseCall {
                release: HASH,
                submission: Bytes::new(),
            },
        ),
    ];
    for decoded in fine {
        assert_eq!(refused(&decoded), None, "{decoded:?}");
    }
}

#[test]
fn gov_10_what_the_caller_may_not_do_is_called_futile() {
    let futile: Vec<Decoded> = vec![
        decode(
            LEDGER,
            PROPOSER,
            &setRulesCall {
                rules: STRANGER,
                codeHash: HASH,
            },
        ),
        decode(LEDGER, TIMELOCK, &revokeCall { subject: BUILDER }),
        decode(
            LEDGER,
            GUARDIAN,
            &confirmRevocationCall { subject: BUILDER },
        ),
        decode(
            TIMELOCK,
            PROPOSER,
            &updateDelayCall {
                newDelay: U256::from(WEEK),
            },
        ),
        decode(
            GUARDIAN,
            PROPOSER,
            &changeThresholdCall {
                threshold: U256::from(3),
            },
        ),
    ];
    for decoded in futile {
        assert_eq!(
            refused(&decoded),
            Some("futile-call-refused"),
            "{decoded:?}"
        );
        assert!(decoded.refusal(ALL).is_some());
    }
}

#[test]
fn gov_16_unknown_targets_and_functions_are_shouted_about_wherever_they_are() {
    let hidden = scheduleCall {
        target: STRANGER,
        value: U256::ZERO,
        data: Bytes::from_static(&[1, 2, 3, 4]),
        predecessor: B256::ZERO,
        salt: B256::ZERO,
        delay: U256::from(WEEK),
    };
    let call = Call::to(TIMELOCK, hidden.abi_encode().into());
    let decoded = Subject::Safe(SafeTransaction::new(PROPOSER, call, None)).decode(&names());
    assert_eq!(refused(&decoded), Some("unknown-call-refused"));
    assert_eq!(decoded.refusal(ALL), None);
    let shouts = report::shouts(&decoded, "1");
    assert_eq!(shouts.len(), 2, "{shouts:#?}");
    assert!(shouts[0].starts_with("WARNING[unknown-call-refused] at 1.1.1: UNKNOWN TARGET: "));
    // A function of one contract means nothing on another.
    let misplaced = decode(TIMELOCK, GUARDIAN, &pauseCall { duration: 1 });
    assert_eq!(refused(&misplaced), Some("unknown-call-refused"));
    for short in [&[1][..], &[1, 2, 3]] {
        let call = Call::to(LEDGER, Bytes::copy_from_slice(short));
        let decoded = Decoded::new(call, None, &names());
        assert_eq!(refused(&decoded), Some("unknown-call-refused"));
    }
}

#[test]
fn gov_04_a_delegatecall_is_refused_whatever_is_allowed() {
    for target in [STRANGER, LEDGER, TIMELOCK, PROPOSER] {
        let call = Call {
            operation: 1,
            ..Call::to(target, pauseCall { duration: 1 }.abi_encode().into())
        };
        let decoded = Subject::Safe(SafeTransaction::new(GUARDIAN, call, None)).decode(&names());
        assert_eq!(refused(&decoded), Some("delegatecall-refused"));
        let still = decoded.refusal(ALL).map(Warning::code);
        assert_eq!(still, Some("delegatecall-refused"));
        // It would not do there what its function does on the target.
        let line = &report::lines(&decoded, "1")[1];
        assert!(
            line.contains("DELEGATECALL") && line.contains("as the caller itself"),
            "{line}"
        );
        assert!(!line.contains("stop new releases"), "{line}");
    }
    let neither = Call {
        operation: 2,
        ..Call::to(LEDGER, Bytes::new())
    };
    let decoded = Decoded::new(neither, None, &names());
    assert_eq!(refused(&decoded), Some("malformed-call-refused"));
}

fn packed(calls: &[(u8, Address, u64, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (operation, target, value, data) in calls {
        bytes.push(*operation);
        bytes.extend_from_slice(target.as_slice());
        bytes.extend_from_slice(&U256::from(*value).to_be_bytes::<32>());
        bytes.extend_from_slice(&U256::from(data.len()).to_be_bytes::<32>());
        bytes.extend_from_slice(data);
    }
    bytes
}

fn bundle(transactions: Vec<u8>) -> Decoded {
    let call = multiSendCall {
        transactions: transactions.into(),
    };
    let call = Call {
        operation: 1,
        ..Call::to(STRANGER, call.abi_encode().into())
    };
    Subject::Safe(SafeTransaction::new(GUARDIAN, call, None)).decode(&names())
}

#[test]
fn a_bundle_of_calls_is_opened_and_stays_a_delegatecall() {
    let revoke = revokeCall { subject: BUILDER }.abi_encode();
    let threshold = changeThresholdCall {
        threshold: U256::from(1),
    }
    .abi_encode();
    let good = packed(&[(0, LEDGER, 0, &revoke), (0, Address::ZERO, 0, &threshold)]);
    let decoded = bundle(good.clone());
    assert_eq!(
        decoded.refusal(ALL).map(Warning::code),
        Some("delegatecall-refused")
    );
    let lines = report::lines(&decoded, "1");
    assert!(lines[2].contains("revoke builder alpha"), "{lines:#?}");
    // Target zero means the Safe itself.
    assert!(lines[3].contains("On guardian Safe 0x4444"), "{lines:#?}");
    assert!(lines[3].contains("WEAKENS GOVERNANCE"), "{lines:#?}");
    for cut in 1..good.len() {
        let whole = cut == 85 + revoke.len();
        let decoded = bundle(good[..cut].to_vec());
        let malformed = decoded.walk("1").iter().any(|(_, one)| {
            one.warnings
                .iter()
                .any(|warning| matches!(warning, Warning::Malformed { .. }))
        });
        assert_eq!(malformed, !whole, "{cut}");
    }
}

#[test]
fn money_is_shouted_about() {
    let mut call = Call::to(LEDGER, pauseCall { duration: 1 }.abi_encode().into());
    call.value = U256::from(1);
    let decoded = Decoded::new(call.clone(), Some(GUARDIAN), &names());
    assert_eq!(refused(&decoded), Some("value-refused"));
    call.value = U256::ZERO;
    let mut transaction = SafeTransaction::new(GUARDIAN, call, None);
    transaction.gas_price = U256::from(1);
    let decoded = Subject::Safe(transaction).decode(&names());
    assert_eq!(refused(&decoded), Some("value-refused"));
}

#[test]
fn refuses_every_encoding_but_the_plain_one() {
    let call = scheduleCall {
        target: LEDGER,
        value: U256::ZERO,
        data: setRulesCall {
            rules: STRANGER,
            codeHash: HASH,
        }
        .abi_encode()
        .into(),
        predecessor: B256::ZERO,
        salt: B256::repeat_byte(3),
        delay: U256::from(WEEK),
    };
    let good = call.abi_encode();
    let honest = decode(TIMELOCK, PROPOSER, &call);
    assert_eq!(refused(&honest), None);
    let read = |bytes: &[u8]| {
        let call = Call::to(TIMELOCK, Bytes::copy_from_slice(bytes));
        Decoded::new(call, Some(PROPOSER), &names())
    };
    for length in 4..good.len() {
        assert_eq!(
            refused(&read(&good[..length])),
            Some("malformed-call-refused"),
            "{length}"
        );
    }
    for extra in [1, 31, 32] {
        let long = [good.as_slice(), &vec![0; extra]].concat();
        assert_eq!(
            refused(&read(&long)),
            Some("malformed-call-refused"),
            "{extra}"
        );
    }
    // Every changed byte is refused or says something else.
    for place in 0..good.len() {
        for change in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[place] ^= change;
            let changed = read(&bytes);
            assert!(
                changed.action != honest.action || refused(&changed).is_some(),
                "byte {place}"
            );
            if let Some(Action::Schedule { operation, delay }) = &changed.action {
                let Some(Action::Schedule {
                    operation: old,
                    delay: was,
                }) = &honest.action
                else {
                    panic!("{honest:?}");
                };
                assert!(operation.id() != old.id() || delay != was, "byte {place}");
            }
        }
    }
    // A dirty upper byte of an address, which contracts of old ignore.
    let mut dirty = good.clone();
    dirty[4] = 1;
    assert_eq!(refused(&read(&dirty)), Some("malformed-call-refused"));
}

#[test]
fn bounds_depth_breadth_and_length() {
    // A timelock that executes itself, ever deeper.
    let mut call = Call::to(LEDGER, pauseCall { duration: 1 }.abi_encode().into());
    for _ in 0..40 {
        let execute = executeCall {
            target: call.target,
            value: U256::ZERO,
            payload: call.data,
            predecessor: B256::ZERO,
            salt: B256::ZERO,
        };
        call = Call::to(TIMELOCK, execute.abi_encode().into());
    }
    let decoded = Decoded::new(call, None, &names());
    assert_eq!(
        decoded.refusal(ALL).map(Warning::code),
        Some("too-complex-refused")
    );
    assert!(decoded.walk("1").len() <= 6);

    let wide = |count: usize, data: Bytes| {
        let call = scheduleBatchCall {
            targets: vec![LEDGER; count],
            values: vec![U256::ZERO; count],
            payloads: vec![data; count],
            predecessor: B256::ZERO,
            salt: B256::ZERO,
            delay: U256::from(WEEK),
        };
        decode(TIMELOCK, PROPOSER, &call)
    };
    let pause = Bytes::from(pauseCall { duration: 1 }.abi_encode());
    assert_eq!(wide(64, pause.clone()).inner.len(), 64);
    assert_eq!(refused(&wide(65, pause)), Some("too-complex-refused"));
    let long = Call::to(LEDGER, vec![0; 64 * 1024 + 1].into());
    assert_eq!(
        refused(&Decoded::new(long, None, &names())),
        Some("too-complex-refused")
    );

    // Batches of batches: more calls than anybody reads.
    let inner = |calls: &[Call]| {
        let call = scheduleBatchCall {
            targets: calls.iter().map(|one| one.target).collect(),
            values: vec![U256::ZERO; calls.len()],
            payloads: calls.iter().map(|one| one.data.clone()).collect(),
            predecessor: B256::ZERO,
            salt: B256::ZERO,
            delay: U256::from(WEEK),
        };
        Call::to(TIMELOCK, call.abi_encode().into())
    };
    let small = vec![Call::to(LEDGER, Bytes::new()); 14];
    let decoded = Decoded::new(inner(&vec![inner(&small); 14]), None, &names());
    assert!(decoded.walk("1").len() <= 129);
    assert!(decoded.walk("1").iter().any(|(_, one)| {
        one.warnings
            .iter()
            .any(|warning| matches!(warning, Warning::TooComplex { .. }))
    }));
}

#[test]
fn offsets_that_share_one_payload_cannot_exhaust_memory() {
    // Thousands of payloads, all of them the same bytes: small to send, large to read.
    let count = 1_000_u64;
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    let selector = scheduleBatchCall::SELECTOR;
    let mut data = selector.to_vec();
    let head = 6 * 32;
    let targets = head;
    let values = targets + 32;
    let payloads = values + 32;
    for word in [
        word(targets),
        word(values),
        word(payloads),
        [0; 32],
        [0; 32],
        word(WEEK),
    ] {
        data.extend_from_slice(&word);
    }
    data.extend_from_slice(&word(0));
    data.extend_from_slice(&word(0));
    data.extend_from_slice(&word(count));
    for _ in 0..count {
        data.extend_from_slice(&word(count * 32));
    }
    data.extend_from_slice(&word(30_000));
    data.extend_from_slice(&[7; 30_016]);
    let decoded = Decoded::new(Call::to(TIMELOCK, data.into()), None, &names());
    assert!(matches!(
        refused(&decoded),
        Some("malformed-call-refused" | "too-complex-refused")
    ));
}

#[test]
fn names_cannot_carry_control_characters() {
    let mut names = names();
    names.builder(STRANGER, "evil\u{1b}[2J\u{202e}\nWARNING");
    let call = Call::to(LEDGER, revokeCall { subject: STRANGER }.abi_encode().into());
    let decoded = Decoded::new(call, None, &names);
    assert!(decoded.sentence.is_ascii());
    assert!(
        decoded
            .sentence
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte)),
        "{}",
        decoded.sentence
    );
}

#[test]
fn identifiers_are_those_of_the_timelock() {
    // keccak256(abi.encode(target, value, data, predecessor, salt)), by hand.
    let operation = Operation {
        calls: vec![Call::to(LEDGER, Bytes::from_static(&[1, 2, 3, 4]))],
        predecessor: B256::ZERO,
        salt: HASH,
        batch: false,
    };
    let mut encoded = Vec::new();
    encoded.extend_from_slice(LEDGER.into_word().as_slice());
    encoded.extend_from_slice(&[0; 32]);
    encoded.extend_from_slice(&U256::from(160).to_be_bytes::<32>());
    encoded.extend_from_slice(&[0; 32]);
    encoded.extend_from_slice(HASH.as_slice());
    encoded.extend_from_slice(&U256::from(4).to_be_bytes::<32>());
    encoded.extend_from_slice(&[1, 2, 3, 4]);
    encoded.extend_from_slice(&[0; 28]);
    assert_eq!(operation.id(), keccak256(encoded));
    let batch = Operation {
        batch: true,
        ..operation.clone()
    };
    assert_ne!(batch.id(), operation.id());
}
