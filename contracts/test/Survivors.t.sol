// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// Tests that tools/mutate asked for: each notices a change of the contracts that nothing else did.
contract SurvivorsTest is BaseTest {
    /// The words behind the signers are digests, which whoever submits them chooses.
    function test_a_digest_is_not_counted_as_a_signer() external {
        Vote[] memory votes = new Vote[](2);
        (votes[0], votes[1]) = (vote_(0, 15), vote_(1, 7));
        uint256 tried;
        for (uint256 seed = 0; tried < 8; seed++) {
            bytes32 release = keccak256(abi.encode("release", seed));
            // Read as a signer's, these would be systems that include the last one.
            if ((uint256(digestsOf(release)[0]) >> 3) & 1 == 0) continue;
            tried++;
            bytes memory submission = submissionOf(release, votes);
            bytes32 domain_ = domain();
            vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumBelowThreshold.selector, 3, 1, 2));
            rules.judge(release, domain_, submission);
        }
    }

    /// Companies that overlap without end: who is independent of whom is any graph, and no greedy choice is right.
    function test_counts_any_graph_of_failure_domains() external {
        for (uint256 seed = 0; seed < 24; seed++) {
            (Federation memory f, uint256[] memory conflicts) = _graph(seed);
            useFederation(f);
            bytes memory record = _recordOfAll();
            for (uint256 k = 0; k < 4; k++) {
                uint256 all = (1 << conflicts.length) - 1;
                uint256 dropped = k == 0 ? 0 : uint256(keccak256(abi.encode("dropped", seed, k))) & all;
                uint256[] memory counts = rules.recount(SECOND, domain(), record, "", dropped, 0);
                assertEq(counts.length, 1, "one system");
                assertEq(counts[0], _largest(conflicts, all & ~dropped), vm.toString(seed));
            }
        }
    }

    /// Eight builders or ten, of which two share a failure domain of their own where `_isEdge` says so.
    function _graph(uint256 seed) private pure returns (Federation memory f, uint256[] memory conflicts) {
        conflicts = new uint256[](seed == 2 ? 10 : 8);
        f = Federations.uniform(conflicts.length, 1, 6);
        uint256 edge = 80;
        for (uint256 i = 0; i < conflicts.length; i++) {
            for (uint256 j = 0; j < i; j++) {
                if (!_isEdge(seed, i, j)) continue;
                f.builders[i].domains |= 1 << edge;
                f.builders[j].domains |= 1 << edge;
                edge++;
                conflicts[i] |= 1 << j;
                conflicts[j] |= 1 << i;
            }
        }
    }

    /// Domains are all 256 bits, builders all 32: a circle of five among the last, one of four before it, with domains from
    /// the upper half, and others that need nobody.
    function test_counts_the_last_builders_and_domains_there_are() external {
        Federation memory f = Federations.uniform(32, 1, 17);
        for (uint256 k = 0; k < 5; k++) {
            f.builders[27 + k].domains |= 1 << (251 + k) | 1 << (251 + (k + 1) % 5);
        }
        for (uint256 k = 0; k < 4; k++) {
            f.builders[23 + k].domains |= 1 << (247 + k) | 1 << (247 + (k + 1) % 4);
        }
        // Bits that the words behind the builders have, too.
        for (uint256 i = 0; i < 27; i++) {
            f.builders[i].domains |= 1 << (128 + i);
        }
        useFederation(f);
        uint256[] memory counts = rules.recount(SECOND, domain(), _recordOfAll(), "", 0, 0);
        assertEq(counts[0], 27, "23, two of four and two of five");
    }

    /// A circle of five; one of seven; one of four beside one of six; a graph where whoever has most conflicts is in every
    /// largest set; and any, with a probability of two in five. `j` is less than `i`.
    function _isEdge(uint256 seed, uint256 i, uint256 j) private pure returns (bool) {
        if (seed < 2) return i < 5 + 2 * seed && (i == j + 1 || (j == 0 && i == 4 + 2 * seed));
        if (seed == 2) return i < 4 ? (i - j) % 2 == 1 : j >= 4 && (i == j + 1 || (j == 4 && i == 9));
        if (seed == 3) return uint8(bytes("\x00\x00\x03\x03\x09\x14\x00\x00")[i]) >> j & 1 == 1;
        return uint256(keccak256(abi.encode("edge", seed, i, j))) % 5 < 2;
    }

    /// A record as the ledger writes it, of one system that everybody signed.
    function _recordOfAll() private view returns (bytes memory record) {
        record = bytes.concat(
            abi.encodePacked(uint8(1), uint8(1), uint8(fed.builders.length), new bytes(13), uint64(2), uint64(START)),
            abi.encode(keccak256("root"), address(rules).codehash, address(rules))
        );
        for (uint256 i = 0; i < fed.builders.length; i++) {
            record =
                bytes.concat(record, abi.encodePacked(uint8(i), new bytes(3), builder(i), uint64(1), keccak256("e")));
        }
        record = bytes.concat(record, keccak256("digest"));
    }

    function _largest(uint256[] memory conflicts, uint256 candidates) private pure returns (uint256 most) {
        for (uint256 set = 0; set < 1 << conflicts.length; set++) {
            if (set & ~candidates != 0) continue;
            uint256 size;
            bool fits = true;
            for (uint256 i = 0; i < conflicts.length; i++) {
                if ((set >> i) & 1 == 0) continue;
                size++;
                if (conflicts[i] & set != 0) fits = false;
            }
            if (fits && size > most) most = size;
        }
    }

    /// What must be left is what a question may use, what a call keeps back, and what it costs: no more, no less.
    function test_asks_for_exactly_the_gas_that_a_question_needs() external {
        vm.prank(GUARDIAN);
        (bool accepted, bytes memory reason) =
            address(ledger).call{gas: 150_000}(abi.encodeCall(ledger.revoke, (builder(0))));
        assertTrue(!accepted, "too little gas");
        (bytes4 selector, uint256 left, uint256 need) =
            (bytes4(reason), uint256(_word(reason, 4)), uint256(_word(reason, 36)));
        assertEq(bytes32(selector), bytes32(IReleaseLedger.LedgerTooLittleGas.selector), "by name");
        assertEq(need, uint256(200_000) * 64 / 63 + 7000, "need");
        assertTrue(left < 150_000, "left");
    }

    function test_names_the_last_of_sixty_four_digests_that_is_zero() external {
        useFederation(Federations.uniform(3, 64, 2));
        bytes memory submission = submissionBy(SECOND, 0, 1);
        for (uint256 i = 63 * 32; i < 64 * 32; i++) {
            submission[i] = 0;
        }
        bytes32 domain_ = domain();
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumZeroDigest.selector, 63));
        rules.judge(SECOND, domain_, submission);
    }

    /// Rules are asked in exactly the encoding that they would decode, whatever the length of what they are asked about.
    function test_asks_in_the_exact_encoding() external {
        completeGenesis();
        // Refuses everything, and what it was asked is the reason.
        vm.etch(address(rules), hex"365f5f37365ffd");
        for (uint256 length = 0; length <= 97; length++) {
            bytes memory submission = new bytes(length);
            for (uint256 i = 0; i < length; i++) {
                submission[i] = 0xff;
            }
            try ledger.finalise(SECOND, submission) {
                revert Failed("finalised");
            } catch (bytes memory question) {
                assertEq(question, abi.encodeCall(rules.judge, (SECOND, domain(), submission)), vm.toString(length));
            }
        }
    }

    /// Of a signature and its negation one counts, and the border belongs to the lower half.
    function test_half_the_order_is_the_last_that_counts() external {
        uint256 half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
        Vote memory vote = vote_(0, fed.builders[0].systems);
        bytes32[] memory digests = digestsOf(SECOND);
        (bytes32 r,) = vm.signCompact(fed.builders[0].key, keccak256("any"));
        address someone = ecrecover(attestationDigest(SECOND, digests, vote), 27, r, bytes32(half));
        assertTrue(someone != address(0), "a signature of somebody");
        bytes32 domain_ = domain();
        for (uint256 more = 0; more < 2; more++) {
            bytes memory submission = abi.encodePacked(digests, uint8(0), vote.systems, vote.evidence, r, half + more);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IQuorumRules.QuorumBadSignature.selector, 0, builder(0), more == 0 ? someone : address(0)
                )
            );
            rules.judge(SECOND, domain_, submission);
        }
    }

    /// One builder that needs nobody is a majority of one, and still no quorum.
    function test_one_builder_alone_is_no_federation() external {
        try this.deploy(Federations.uniform(1, 1, 1)) {
            revert Failed("deployed");
        } catch (bytes memory reason) {
            assertTrue(bytes4(reason) != Failed.selector, "refused");
        }
    }

    function deploy(Federation calldata f) external {
        deployRules(f);
    }

    function _word(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }
}
