//! RPC-05: a valid proof of something else. Five questions whose honest proofs all hold, and every proof given in answer
//! to every question.

mod common;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::TrieAccount;
use common::Trie;
use seed_proof::{prove_account, prove_slot};

/// What is asked, and the proof that answers it.
struct Case {
    name: &'static str,
    state_root: B256,
    address: Address,
    slot: B256,
    account_proof: Vec<Bytes>,
    slot_proof: Vec<Bytes>,
    value: U256,
}

/// The state of one block of one chain: two contracts with storage of their own, among people.
struct State {
    accounts: Trie,
    storages: [Trie; 2],
}

const ADDRESSES: [Address; 2] = [Address::repeat_byte(0xaa), Address::repeat_byte(0xbb)];

/// The slot of a release in the ledger's mapping.
fn slot(release: u8) -> B256 {
    keccak256([B256::repeat_byte(release), B256::ZERO].concat())
}

impl State {
    /// `moment` stands for a block or a chain: it changes every value.
    fn at(moment: u64) -> Self {
        let storage = |contract: u64| {
            let word = move |release: u8| {
                U256::from(moment * 1_000_000 + contract * 1_000) + U256::from(release)
            };
            Trie::storage((1..=40).map(|release| (slot(release), word(release))))
        };
        let storages = [storage(1), storage(2)];
        let contract = |at: usize| TrieAccount {
            storage_root: storages[at].root,
            code_hash: keccak256(b"one code for both"),
            ..TrieAccount::default()
        };
        let people = (1..60_u8).map(|at| {
            let person = TrieAccount {
                balance: U256::from(at) + U256::from(moment),
                ..TrieAccount::default()
            };
            (
                keccak256(Address::repeat_byte(at)),
                alloy_rlp::encode(person),
            )
        });
        let contracts =
            [0, 1].map(|at| (keccak256(ADDRESSES[at]), alloy_rlp::encode(contract(at))));
        Self {
            accounts: Trie::new(people.chain(contracts)),
            storages,
        }
    }

    fn case(&self, name: &'static str, contract: usize, release: u8) -> Case {
        let (address, slot) = (ADDRESSES[contract], slot(release));
        let slot_proof = self.storages[contract].proof(slot);
        let value = prove_slot(self.storages[contract].root, slot, &slot_proof).unwrap();
        Case {
            name,
            state_root: self.accounts.root,
            address,
            slot,
            account_proof: self.accounts.proof_of(keccak256(address)),
            slot_proof,
            value,
        }
    }
}

/// The value that a verifier reads when it asks `question` and gets these nodes.
fn read(question: &Case, account: &[Bytes], slot: &[Bytes]) -> Option<U256> {
    let account = prove_account(question.state_root, question.address, account).ok()??;
    prove_slot(account.storage_root, question.slot, slot).ok()
}

#[test]
fn rpc_05_a_valid_proof_answers_its_own_question_and_no_other() {
    let (now, before, elsewhere) = (State::at(7), State::at(6), State::at(900));
    let cases = [
        now.case("this", 0, 1),
        now.case("another contract with the same code", 1, 1),
        now.case("another release", 0, 2),
        before.case("an earlier block", 0, 1),
        elsewhere.case("another chain with the same addresses", 0, 1),
    ];
    let mut refused = 0;
    for question in &cases {
        for answer in &cases {
            let names = format!("{} for {}", answer.name, question.name);
            let whole = read(question, &answer.account_proof, &answer.slot_proof);
            if std::ptr::eq(question, answer) {
                assert_eq!(whole, Some(question.value), "{names}");
                continue;
            }
            assert_eq!(whole, None, "{names}");
            // The half that fits where it came from does not help the other half.
            let slot_alone = read(question, &question.account_proof, &answer.slot_proof);
            assert_eq!(slot_alone, None, "{names}: its slot");
            let account_alone = read(question, &answer.account_proof, &question.slot_proof);
            let same_account = answer.account_proof == question.account_proof;
            assert_eq!(
                account_alone.is_some(),
                same_account,
                "{names}: its account"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 20);
}

/// The lists of an answer exchanged, joined or doubled prove nothing either.
#[test]
fn rpc_05_account_and_slot_nodes_do_not_stand_for_each_other() {
    let case = State::at(7).case("this", 0, 1);
    let (account, slot) = (&case.account_proof[..], &case.slot_proof[..]);
    let (joined, doubled) = ([account, slot].concat(), [slot, slot].concat());
    for (account, slot) in [
        (slot, account),
        (&joined[..], slot),
        (account, &joined[..]),
        (account, &doubled[..]),
        (account, &[][..]),
        (&[][..], slot),
    ] {
        assert_eq!(read(&case, account, slot), None);
    }
}
