// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The protocol written out a second time, plainly
/// @notice Shares no code with `src`: arrays, loops and `abi.encodePacked` instead of offsets. What it costs does not
///         matter. The tests build what they sign with it, and compare every judgment with it.
library Reference {
    /// The parts of a submission.
    struct Signer {
        uint256 index;
        uint64 systems;
        bytes32 evidence;
        bytes32 r;
        bytes32 vs;
    }

    /// The parts of a configuration.
    struct Rules {
        bytes[] systems;
        address[] builders;
        uint256[] domains;
        uint64[] eligible;
        uint256 threshold;
    }

    // ------------------------------------------------------------------------------------------------ hashes

    function leaf(bytes memory system, bytes32 digest) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", bytes2(uint16(system.length)), system, digest));
    }

    function root(bytes32[] memory level) internal pure returns (bytes32) {
        if (level.length == 1) return level[0];
        bytes32[] memory next = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < next.length; i++) {
            bytes32 left = level[2 * i];
            bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : left;
            next[i] = keccak256(bytes.concat(hex"01", left, right));
        }
        return root(next);
    }

    /// The root over the systems in a mask.
    function rootOf(bytes[] memory systems, bytes32[] memory digests, uint64 mask) internal pure returns (bytes32) {
        uint256 count;
        for (uint256 i = 0; i < systems.length; i++) {
            if (has(mask, i)) count++;
        }
        bytes32[] memory leaves = new bytes32[](count);
        count = 0;
        for (uint256 i = 0; i < systems.length; i++) {
            if (has(mask, i)) leaves[count++] = leaf(systems[i], digests[i]);
        }
        return root(leaves);
    }

    function domainSeparator(uint256 chainId, address ledger) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("NixSeed"),
                keccak256("1"),
                chainId,
                ledger
            )
        );
    }

    function attestation(bytes32 domain, bytes32 release, bytes32 root_, bytes32 evidence, address rules)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256("Attestation(bytes32 release,bytes32 root,bytes32 evidence,address rules)");
        return typed(domain, keccak256(abi.encode(typeHash, release, root_, evidence, rules)));
    }

    function genesis(bytes32 domain, bytes32 rulesCodeHash, bytes32 release, bytes32 root_)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256("Genesis(bytes32 rulesCodeHash,bytes32 release,bytes32 root)");
        return typed(domain, keccak256(abi.encode(typeHash, rulesCodeHash, release, root_)));
    }

    function typed(bytes32 domain, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", domain, structHash));
    }

    // ---------------------------------------------------------------------------------------------- judgment

    /// Whether honest rules at `rules` accept, and their answer. Stops at the first reason to refuse.
    function judge(bytes memory config, address rules, bytes32 domain, bytes32 release, bytes memory submission)
        internal
        pure
        returns (bool accepted, bytes memory answer)
    {
        Rules memory r = parse(config);
        uint256 systems = r.systems.length;
        if (submission.length <= 32 * systems || (submission.length - 32 * systems) % 105 != 0) return (false, "");
        bytes32[] memory digests = new bytes32[](systems);
        for (uint256 i = 0; i < systems; i++) {
            digests[i] = bytes32(slice(submission, 32 * i, 32));
            if (digests[i] == 0) return (false, "");
        }
        Signer[] memory signers = parseSigners(submission, systems);
        for (uint256 k = 0; k < signers.length; k++) {
            if (!acceptable(r, signers, k)) return (false, "");
            bytes32 root_ = rootOf(r.systems, digests, signers[k].systems);
            bytes32 digest = attestation(domain, release, root_, signers[k].evidence, rules);
            if (recover(digest, signers[k].r, signers[k].vs) != r.builders[signers[k].index]) return (false, "");
        }
        for (uint256 s = 0; s < systems; s++) {
            if (!hasQuorum(r, signers, s)) return (false, "");
        }
        return (true, answerOf(r, digests, signers));
    }

    /// Whether signer k exists, comes in order, and may sign what it signed.
    function acceptable(Rules memory r, Signer[] memory signers, uint256 k) internal pure returns (bool) {
        Signer memory signer = signers[k];
        if (signer.index >= r.builders.length) return false;
        if (k > 0 && signer.index <= signers[k - 1].index) return false;
        if (signer.systems == 0) return false;
        for (uint256 s = 0; s < 64; s++) {
            if (has(signer.systems, s) && !has(r.eligible[signer.index], s)) return false;
        }
        return true;
    }

    /// Whether the signers of a system are enough and independent, pair by pair.
    function hasQuorum(Rules memory r, Signer[] memory signers, uint256 system) internal pure returns (bool) {
        uint256 count;
        for (uint256 a = 0; a < signers.length; a++) {
            if (!has(signers[a].systems, system)) continue;
            count++;
            for (uint256 b = 0; b < a; b++) {
                if (!has(signers[b].systems, system)) continue;
                if (r.domains[signers[a].index] & r.domains[signers[b].index] != 0) return false;
            }
        }
        return count >= r.threshold;
    }

    function answerOf(Rules memory r, bytes32[] memory digests, Signer[] memory signers)
        internal
        pure
        returns (bytes memory answer)
    {
        bytes32 root_ = rootOf(r.systems, digests, uint64((1 << digests.length) - 1));
        bytes1 count = bytes1(uint8(signers.length));
        answer = bytes.concat(hex"00", bytes1(uint8(digests.length)), count, new bytes(29), root_, new bytes(64));
        bytes memory signatures;
        for (uint256 k = 0; k < signers.length; k++) {
            Signer memory s = signers[k];
            answer = bytes.concat(
                answer, abi.encodePacked(uint8(s.index), new bytes(3), r.builders[s.index], s.systems, s.evidence)
            );
            signatures = bytes.concat(signatures, s.r, s.vs);
        }
        answer = bytes.concat(answer, abi.encodePacked(digests), signatures);
    }

    // --------------------------------------------------------------------------------------------- recounting

    /// Whether honest rules at `rules` take these endorsements, and how many builders count for each system.
    function recount(
        bytes memory config,
        address rules,
        bytes32 domain,
        bytes32 release,
        bytes memory record_,
        bytes memory endorsements,
        uint256 droppedEntries,
        uint256 droppedEndorsers
    ) internal pure returns (bool accepted, uint256[] memory counts) {
        Rules memory r = parse(config);
        uint64[] memory counted = new uint64[](r.builders.length);
        uint256 entries = uint8(record_[2]);
        for (uint256 i = 0; i < entries; i++) {
            bytes memory entry = slice(record_, 128 + 64 * i, 32);
            if (!isIn(droppedEntries, uint8(entry[0]))) {
                counted[uint8(entry[0])] |= uint64(bytes8(slice(entry, 24, 8)));
            }
        }
        if (endorsements.length % 105 != 0) return (false, counts);
        Signer[] memory signers = parseSigners(endorsements, 0);
        bytes32[] memory digests = new bytes32[](r.systems.length);
        for (uint256 i = 0; i < digests.length; i++) {
            digests[i] = bytes32(slice(record_, 128 + 64 * entries + 32 * i, 32));
        }
        for (uint256 k = 0; k < signers.length; k++) {
            if (!acceptable(r, signers, k)) return (false, counts);
            Signer memory one = signers[k];
            bytes32 root_ = rootOf(r.systems, digests, one.systems);
            bytes32 digest = attestation(domain, release, root_, one.evidence, rules);
            if (recover(digest, one.r, one.vs) != r.builders[one.index]) return (false, counts);
            if (!isIn(droppedEndorsers, one.index)) counted[one.index] |= one.systems;
        }
        counts = new uint256[](r.systems.length);
        for (uint256 s = 0; s < counts.length; s++) {
            counts[s] = largestSet(r, counted, s);
        }
        return (true, counts);
    }

    /// The largest set of builders that count for a system and are independent pair by pair: of all sets there are.
    function largestSet(Rules memory r, uint64[] memory counted, uint256 system) internal pure returns (uint256 most) {
        for (uint256 set = 0; set < 1 << counted.length; set++) {
            uint256 size;
            bool fits = true;
            for (uint256 a = 0; a < counted.length && fits; a++) {
                if (!isIn(set, a)) continue;
                size++;
                fits = has(counted[a], system);
                for (uint256 b = 0; b < a && fits; b++) {
                    if (isIn(set, b) && r.domains[a] & r.domains[b] != 0) fits = false;
                }
            }
            if (fits && size > most) most = size;
        }
    }

    function isIn(uint256 mask, uint256 index) internal pure returns (bool) {
        return (mask >> index) % 2 == 1;
    }

    /// The record that a ledger makes of an answer, without the signatures.
    function record(
        bytes memory answer,
        uint256 signers,
        uint64 sequence,
        uint64 timestamp,
        address rules,
        bytes32 codeHash
    ) internal pure returns (bytes memory) {
        return bytes.concat(
            abi.encodePacked(uint8(1), slice(answer, 1, 2), new bytes(13), sequence, timestamp),
            slice(answer, 32, 32),
            codeHash,
            abi.encode(rules),
            slice(answer, 128, answer.length - 128 - 64 * signers)
        );
    }

    // ----------------------------------------------------------------------------------------------- parsing

    function parse(bytes memory config) internal pure returns (Rules memory r) {
        bytes memory last = slice(config, config.length - 32, 32);
        (uint256 systems, uint256 builders) = (uint8(last[1]), uint8(last[2]));
        r.threshold = uint8(last[3]);
        r.systems = new bytes[](systems);
        for (uint256 i = 0; i < systems; i++) {
            r.systems[i] = slice(config, 32 * i + 1, uint8(config[32 * i]));
        }
        r.builders = new address[](builders);
        r.domains = new uint256[](builders);
        r.eligible = new uint64[](builders);
        for (uint256 i = 0; i < builders; i++) {
            uint256 start = 32 * systems + 60 * i;
            r.builders[i] = address(bytes20(slice(config, start, 20)));
            r.domains[i] = uint256(bytes32(slice(config, start + 20, 32)));
            r.eligible[i] = uint64(bytes8(slice(config, start + 52, 8)));
        }
    }

    function parseSigners(bytes memory submission, uint256 systems) internal pure returns (Signer[] memory signers) {
        signers = new Signer[]((submission.length - 32 * systems) / 105);
        for (uint256 k = 0; k < signers.length; k++) {
            uint256 start = 32 * systems + 105 * k;
            signers[k] = Signer({
                index: uint8(submission[start]),
                systems: uint64(bytes8(slice(submission, start + 1, 8))),
                evidence: bytes32(slice(submission, start + 9, 32)),
                r: bytes32(slice(submission, start + 41, 32)),
                vs: bytes32(slice(submission, start + 73, 32))
            });
        }
    }

    function recover(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (address) {
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        uint8 v = uint256(vs) >> 255 == 0 ? 27 : 28;
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        if (s > order / 2) return address(0);
        return ecrecover(digest, v, r, bytes32(s));
    }

    function has(uint64 mask, uint256 bit) internal pure returns (bool) {
        return bit < 64 && (mask >> bit) % 2 == 1;
    }

    function slice(bytes memory data, uint256 start, uint256 length) internal pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            part[i] = data[start + i];
        }
    }
}
