// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// A signature that nobody else would carry, in the log of the chain.
contract PostTest is BaseTest {
    function testFuzz_logs_exactly_its_words_and_does_nothing_else(
        bytes32 release,
        bytes32 root,
        bytes32 evidence,
        address rules_,
        bytes32 r,
        bytes32 vs
    ) external {
        uint256 before = ledger.control();
        vm.recordLogs();
        vm.record();
        vm.prank(STRANGER);
        ledger.post(release, root, evidence, rules_, r, vs);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (bytes32[] memory reads, bytes32[] memory writes) = vm.accesses(address(ledger));
        assertEq(reads.length + writes.length, 0, "no storage");
        assertEq(ledger.control(), before, "control");
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].emitter, address(ledger), "emitter");
        assertEq(logs[0].topics.length, 2, "topics");
        assertEq(logs[0].topics[0], keccak256("Posted(bytes32,bytes32,bytes32,address,bytes32,bytes32)"), "event");
        assertEq(logs[0].topics[1], release, "release");
        assertEq(logs[0].data, abi.encodePacked(root, evidence, bytes32(uint256(uint160(rules_))), r, vs), "five words");
    }

    /// What a builder posted before genesis, while paused, or after its aggregators vanished, is enough to finalise.
    function test_posted_signatures_suffice_to_finalise() external {
        completeGenesis();
        vm.recordLogs();
        for (uint256 i = 0; i < 2; i++) {
            Vote memory vote = vote_(i, fed.allSystems());
            bytes32 root = Reference.rootOf(systemNames(), digestsOf(SECOND), vote.systems);
            bytes32 digest = attestationDigest(SECOND, digestsOf(SECOND), vote);
            (bytes32 r, bytes32 vs) = vm.signCompact(fed.builders[i].key, digest);
            ledger.post(SECOND, root, vote.evidence, address(rules), r, vs);
        }
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes memory submission = abi.encodePacked(digestsOf(SECOND));
        for (uint256 i = 0; i < 2; i++) {
            (, bytes32 evidence,, bytes32 r, bytes32 vs) =
                abi.decode(logs[i].data, (bytes32, bytes32, address, bytes32, bytes32));
            submission = bytes.concat(submission, abi.encodePacked(uint8(i), fed.allSystems(), evidence, r, vs));
        }
        ledger.finalise(SECOND, submission);
        assertEq(sequence(), 2, "recorded");
    }

    function test_rejects_an_address_of_more_than_twenty_bytes() external {
        bytes memory call_ = abi.encodeCall(ledger.post, (FIRST, FIRST, FIRST, address(rules), FIRST, FIRST));
        call_[4 + 96] = 0x01;
        (bool accepted,) = address(ledger).call(call_);
        assertTrue(!accepted, "not an address");
    }
}
