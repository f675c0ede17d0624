//! RPC-06: games with the structure of the trie, against a second reader that is written from the specification and
//! shares nothing with the first but Keccak-256.
//!
//! `PROPTEST_CASES=100000 cargo test -p seed-proof --test structure` runs longer.

mod common;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use common::Trie;
use proptest::prelude::*;
use seed_proof::{ProofError, prove_slot};

/// An item of RLP in its one spelling.
enum Item<'a> {
    Text(&'a [u8]),
    List(&'a [u8]),
}

/// The first item of `bytes`, its own bytes, and the rest.
fn item(bytes: &[u8]) -> Option<(Item<'_>, &[u8], &[u8])> {
    let first = *bytes.first()?;
    let (base, list) = match first {
        0..0x80 => return Some((Item::Text(&bytes[..1]), &bytes[..1], &bytes[1..])),
        0x80..0xc0 => (0x80, false),
        _ => (0xc0, true),
    };
    let short = usize::from(first - base);
    let (head, length) = if short <= 55 {
        (1, short)
    } else {
        let digits = bytes.get(1..1 + short - 55)?;
        if digits[0] == 0 || digits.len() > 4 {
            return None;
        }
        let length = digits
            .iter()
            .fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit));
        if length <= 55 {
            return None;
        }
        (1 + digits.len(), length)
    };
    let content = bytes.get(head..head.checked_add(length)?)?;
    if !list && length == 1 && content[0] < 0x80 {
        return None;
    }
    let whole = &bytes[..head + length];
    let kind = if list {
        Item::List(content)
    } else {
        Item::Text(content)
    };
    Some((kind, whole, &bytes[head + length..]))
}

fn items(mut list: &[u8]) -> Option<Vec<(Item<'_>, &[u8])>> {
    let mut found = Vec::new();
    while !list.is_empty() {
        let (kind, whole, rest) = item(list)?;
        found.push((kind, whole));
        list = rest;
    }
    Some(found)
}

fn nibbles(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .collect()
}

/// A compact path: whether it is a leaf's, and its nibbles.
fn path(compact: &[u8]) -> Option<(bool, Vec<u8>)> {
    let all = nibbles(compact);
    let (flag, rest) = all.split_first()?;
    match flag {
        0 | 2 if rest.first() == Some(&0) => Some((*flag == 2, rest[1..].to_vec())),
        1 | 3 => Some((*flag == 3, rest.to_vec())),
        _ => None,
    }
}

/// The second reader: what the nodes prove about the slot, or `None` where they prove nothing.
fn second(root: B256, hashed: B256, nodes: &[Bytes]) -> Option<U256> {
    let key = nibbles(hashed.as_slice());
    if nodes.len() > 65 || nodes.iter().any(|node| node.len() > 1024) {
        return None;
    }
    if root == keccak256([0x80]) {
        let fine = nodes.is_empty() || (nodes.len() == 1 && nodes[0][..] == [0x80]);
        return fine.then_some(U256::ZERO);
    }
    let (mut at, mut used, mut depth) = (Bytes::copy_from_slice(root.as_slice()), 0, 0);
    let mut by_hash = true;
    let value: Option<Vec<u8>> = loop {
        let node: Bytes = if by_hash {
            let node = nodes.get(used)?.clone();
            if keccak256(&node)[..] != at[..] || (used > 0 && node.len() < 32) {
                return None;
            }
            used += 1;
            node
        } else {
            at.clone()
        };
        let (Item::List(content), _, []) = item(&node)? else {
            return None;
        };
        let parts = items(content)?;
        let child = match &parts[..] {
            [(Item::Text(compact), _), (second, whole)] => {
                let (leaf, steps) = path(compact)?;
                if leaf {
                    let Item::Text(value) = second else {
                        return None;
                    };
                    if steps.len() != 64 - depth || value.is_empty() {
                        return None;
                    }
                    break (steps == key[depth..]).then(|| value.to_vec());
                }
                if steps.is_empty() || steps.len() >= 64 - depth {
                    return None;
                }
                // What an extension leads to has to be a node even where nobody goes there.
                let child = reference(second, whole)??;
                if steps != key[depth..depth + steps.len()] {
                    break None;
                }
                depth += steps.len();
                child
            }
            parts if parts.len() == 17 => {
                let children: Option<Vec<_>> = parts[..16]
                    .iter()
                    .map(|(one, whole)| reference(one, whole))
                    .collect();
                let children = children?;
                let ends_here = matches!(parts[16].0, Item::Text(text) if text.is_empty());
                if !ends_here || children.iter().flatten().count() < 2 || depth >= 64 {
                    return None;
                }
                let Some(child) = children[usize::from(key[depth])].clone() else {
                    break None;
                };
                depth += 1;
                child
            }
            _ => return None,
        };
        (at, by_hash) = child;
    };
    if used != nodes.len() {
        return None;
    }
    let Some(value) = value else {
        return Some(U256::ZERO);
    };
    match item(&value)? {
        // Zero: docs/decisions/2026-11-21-leaves-of-zero.md
        (Item::Text([]), _, []) => Some(U256::ZERO),
        (Item::Text(number), _, []) if number.len() <= 32 && number[0] != 0 => {
            Some(U256::from_be_slice(number))
        }
        _ => None,
    }
}

/// A reference to a child: none, by hash, or the child itself where it is shorter than a hash.
fn reference(kind: &Item<'_>, whole: &[u8]) -> Option<Option<(Bytes, bool)>> {
    match kind {
        Item::Text([]) => Some(None),
        Item::Text(hash) if hash.len() == 32 => Some(Some((Bytes::copy_from_slice(hash), true))),
        Item::List(_) if whole.len() < 32 => Some(Some((Bytes::copy_from_slice(whole), false))),
        _ => None,
    }
}

/// What is done to a proof.
#[derive(Clone, Debug)]
enum Game {
    Nothing,
    Drop(usize),
    Repeat(usize),
    Exchange(usize, usize),
    Add(Vec<u8>),
    /// Another byte at a place of a node.
    Byte(usize, usize, u8),
    /// Bytes taken out of a node.
    Cut(usize, usize),
    /// A byte put into a node.
    Insert(usize, usize, u8),
    /// A node below 32 bytes, which stands in its parent, given its own place in the list.
    Unfold,
}

fn game() -> impl Strategy<Value = Game> {
    prop_oneof![
        Just(Game::Nothing),
        any::<usize>().prop_map(Game::Drop),
        any::<usize>().prop_map(Game::Repeat),
        any::<(usize, usize)>().prop_map(|(one, two)| Game::Exchange(one, two)),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Game::Add),
        any::<(usize, usize, u8)>().prop_map(|(node, at, byte)| Game::Byte(node, at, byte)),
        any::<(usize, usize)>().prop_map(|(node, at)| Game::Cut(node, at)),
        any::<(usize, usize, u8)>().prop_map(|(node, at, byte)| Game::Insert(node, at, byte)),
        Just(Game::Unfold),
    ]
}

/// Plays a game. A node that was changed gets its new hash in its parent, and so up to the root, so that what is wrong
/// with it has to be seen and not only its hash.
fn play(game: &Game, root: B256, mut nodes: Vec<Bytes>) -> (B256, Vec<Bytes>) {
    let count = nodes.len();
    if count == 0 {
        return (root, nodes);
    }
    let change = |nodes: &mut Vec<Bytes>, node: usize, edit: &dyn Fn(&mut Vec<u8>)| {
        let node = node % count;
        let mut bytes = nodes[node].to_vec();
        if !bytes.is_empty() {
            edit(&mut bytes);
        }
        relink(root, nodes, node, bytes)
    };
    let root = match game {
        Game::Nothing => root,
        Game::Drop(at) => {
            nodes.remove(at % count);
            root
        }
        Game::Repeat(at) => {
            nodes.insert(at % count, nodes[at % count].clone());
            root
        }
        Game::Exchange(one, two) => {
            nodes.swap(one % count, two % count);
            root
        }
        Game::Add(bytes) => {
            nodes.push(bytes.clone().into());
            root
        }
        Game::Byte(node, at, byte) => change(&mut nodes, *node, &|bytes| {
            let at = at % bytes.len();
            bytes[at] = *byte;
        }),
        Game::Cut(node, at) => change(&mut nodes, *node, &|bytes| {
            bytes.remove(at % bytes.len());
        }),
        Game::Insert(node, at, byte) => change(&mut nodes, *node, &|bytes| {
            bytes.insert(at % bytes.len(), *byte)
        }),
        Game::Unfold => {
            // The last node's last short list, if it has one: its bytes follow as a node of their own.
            let last = nodes[count - 1].clone();
            let inner = item(&last).and_then(|(kind, ..)| match kind {
                Item::List(content) => items(content),
                Item::Text(_) => None,
            });
            let short = inner
                .into_iter()
                .flatten()
                .find(|(kind, _)| matches!(kind, Item::List(_)));
            if let Some((_, whole)) = short {
                nodes.push(Bytes::copy_from_slice(whole));
            }
            root
        }
    };
    (root, nodes)
}

fn relink(root: B256, nodes: &mut [Bytes], node: usize, bytes: Vec<u8>) -> B256 {
    let (mut old, mut new) = (keccak256(&nodes[node]), keccak256(&bytes));
    nodes[node] = bytes.into();
    for parent in nodes[..node].iter_mut().rev() {
        let before = keccak256(&*parent);
        let mut bytes = parent.to_vec();
        if let Some(at) = bytes
            .windows(32)
            .position(|window| window == old.as_slice())
        {
            bytes[at..at + 32].copy_from_slice(new.as_slice());
        }
        *parent = bytes.into();
        (old, new) = (before, keccak256(&*parent));
    }
    if old == root { new } else { root }
}

/// Keys that share a long beginning with the one that is asked for, so that the trie has extensions, and nodes that are
/// short enough to stand in their parents.
fn keys(asked: B256, tails: &[(u8, u8)]) -> Vec<B256> {
    let near = tails.iter().map(|(at, byte)| {
        let mut key = asked;
        let at = usize::from(*at) % 32;
        key[at] = *byte;
        key
    });
    near.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

    #[test]
    fn rpc_06_two_readers_agree_on_every_trie_and_every_game(
        number: u64,
        tails in prop::collection::vec((20_u8..32, any::<u8>()), 0..6),
        others in prop::collection::vec(any::<[u8; 32]>(), 0..12),
        present: bool,
        small: bool,
        games in prop::collection::vec(game(), 1..3),
    ) {
        let slot = B256::new(U256::from(number).to_be_bytes());
        let asked = keccak256(slot);
        let mut leaves: Vec<B256> = keys(asked, &tails);
        leaves.extend(others.into_iter().map(B256::new));
        leaves.retain(|key| *key != asked);
        let value = |at: usize| if small { U256::from(at + 1) } else { U256::MAX - U256::from(at) };
        let mut stored: Vec<_> = leaves.iter().enumerate().map(|(at, key)| (*key, alloy_rlp::encode(value(at)))).collect();
        if present {
            stored.push((asked, alloy_rlp::encode(U256::from(0x5eed))));
        }
        let trie = Trie::new(stored);
        // As nodes serve it: what stands in its parent is not in the list again.
        let mut honest = trie.proof_of(asked);
        let mut first = true;
        honest.retain(|node| std::mem::take(&mut first) || node.len() >= 32);
        let expected = if present { U256::from(0x5eed) } else { U256::ZERO };
        prop_assert_eq!(prove_slot(trie.root, slot, &honest), Ok(expected));
        prop_assert_eq!(second(trie.root, asked, &honest), Some(expected));

        let (mut root, mut nodes) = (trie.root, honest);
        for game in &games {
            (root, nodes) = play(game, root, nodes);
        }
        let first = prove_slot(root, slot, &nodes);
        // The trie library, which has a veto, also decodes what stands in a node and is not on the path.
        if !matches!(first, Err(ProofError::Library(_))) {
            prop_assert_eq!(first.clone().ok(), second(root, asked, &nodes), "{:?} of {:?}", first, nodes);
        }
        // Under the true root a game changes nothing or is refused.
        if root == trie.root {
            prop_assert!(first.is_err() || first == Ok(expected));
        }
    }
}
