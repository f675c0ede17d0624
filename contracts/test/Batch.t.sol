// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// Several releases in one transaction are what the same releases one by one would be.
contract BatchTest is BaseTest {
    function setUp() public override {
        super.setUp();
        completeGenesis();
    }

    function _release(uint256 i) private pure returns (bytes32) {
        return keccak256(abi.encode("batch", i));
    }

    /// Releases 0 to count - 1, by two or three builders each.
    function _batch(uint256 count) private view returns (IReleaseLedger.Submission[] memory batch) {
        batch = new IReleaseLedger.Submission[](count);
        for (uint256 i = 0; i < count; i++) {
            bytes32 release = _release(i);
            bytes memory submission = i % 2 == 0 ? submissionByAll(release) : submissionBy(release, 0, 2);
            batch[i] = IReleaseLedger.Submission({release: release, submission: submission});
        }
    }

    function test_records_each_release_as_the_reference_says() external {
        IReleaseLedger.Submission[] memory batch = _batch(5);
        vm.recordLogs();
        ledger.finaliseBatch(batch);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 5, "one event for each");
        for (uint256 i = 0; i < batch.length; i++) {
            (bytes memory record, bytes memory data) =
                expectedRecord(batch[i].release, batch[i].submission, uint64(2 + i));
            assertEq(ledger.releases(batch[i].release), keccak256(record), "commitment");
            assertEq(logs[i].topics[0], IReleaseLedger.ReleaseFinalised.selector, "event");
            assertEq(logs[i].topics[1], batch[i].release, "release");
            assertEq(logs[i].data, abi.encode(data), "data");
        }
        assertEq(sequence(), 6, "sequence");
    }

    /// Also where one of them is recorded before, and one comes twice.
    function testFuzz_leaves_the_same_state_and_events_as_single_calls(uint8 size, uint8 done, uint8 twice) external {
        IReleaseLedger.Submission[] memory batch = _batch(1 + size % 8);
        done %= uint8(batch.length);
        twice %= uint8(batch.length);
        if (done != 0) ledger.finalise(batch[done].release, batch[done].submission);
        batch[twice] = batch[0];

        uint256 before = vm.snapshotState();
        vm.recordLogs();
        ledger.finaliseBatch(batch);
        Vm.Log[] memory together = vm.getRecordedLogs();
        (uint256 control, bytes32[] memory commitments) = _state(batch);

        vm.revertToState(before);
        vm.recordLogs();
        for (uint256 i = 0; i < batch.length; i++) {
            if (ledger.releases(batch[i].release) != 0) continue;
            ledger.finalise(batch[i].release, batch[i].submission);
        }
        Vm.Log[] memory alone = vm.getRecordedLogs();
        (uint256 control_, bytes32[] memory commitments_) = _state(batch);

        assertEq(control, control_, "control");
        assertEq(abi.encode(commitments), abi.encode(commitments_), "commitments");
        assertEq(abi.encode(together), abi.encode(alone), "events");
    }

    function _state(IReleaseLedger.Submission[] memory batch)
        private
        view
        returns (uint256 control, bytes32[] memory commitments)
    {
        control = ledger.control();
        commitments = new bytes32[](batch.length);
        for (uint256 i = 0; i < batch.length; i++) {
            commitments[i] = ledger.releases(batch[i].release);
        }
    }

    function test_writes_control_once_and_each_release_once() external {
        IReleaseLedger.Submission[] memory batch = _batch(3);
        uint256 before = ledger.control();
        vm.record();
        ledger.finaliseBatch(batch);
        (, bytes32[] memory writes) = vm.accesses(address(ledger));
        assertEq(writes.length, 4, "writes");
        for (uint256 i = 0; i < 3; i++) {
            assertEq(writes[i], keccak256(abi.encode(batch[i].release, RELEASES_SLOT)), "the release's slot");
        }
        assertEq(writes[3], CONTROL_SLOT, "control, once");
        assertEq(ledger.control(), before + (3 << 192), "only the sequence moved");
    }

    function test_passes_over_what_somebody_else_recorded_first() external {
        IReleaseLedger.Submission[] memory batch = _batch(3);
        ledger.finalise(batch[1].release, batch[1].submission);
        bytes32 kept = ledger.releases(batch[1].release);
        ledger.finaliseBatch(batch);
        assertEq(ledger.releases(batch[1].release), kept, "as it was");
        assertEq(sequence(), 4, "two more");
        assertTrue(ledger.releases(batch[2].release) != 0, "the one after it too");
    }

    function test_passes_over_a_release_that_comes_twice() external {
        IReleaseLedger.Submission[] memory batch = _batch(2);
        batch[1] = IReleaseLedger.Submission(batch[0].release, submissionBy(batch[0].release, 0, 1));
        ledger.finaliseBatch(batch);
        (bytes memory record,) = expectedRecord(batch[0].release, batch[0].submission, 2);
        assertEq(ledger.releases(batch[0].release), keccak256(record), "the first of them");
        assertEq(sequence(), 2, "once");
    }

    function test_rejects_an_empty_batch() external {
        IReleaseLedger.Submission[] memory none = new IReleaseLedger.Submission[](0);
        vm.expectRevert(IReleaseLedger.LedgerEmptyBatch.selector);
        ledger.finaliseBatch(none);
    }

    function test_rejects_a_batch_of_which_nothing_is_left() external {
        IReleaseLedger.Submission[] memory batch = _batch(2);
        ledger.finaliseBatch(batch);
        vm.expectRevert(IReleaseLedger.LedgerEmptyBatch.selector);
        ledger.finaliseBatch(batch);
        assertEq(sequence(), 3, "sequence");
    }

    function test_rejects_all_of_it_with_the_reason_of_the_first_that_is_refused() external {
        IReleaseLedger.Submission[] memory batch = _batch(4);
        batch[1].submission = submissionBy(batch[1].release, _only(1));
        batch[2].submission = "";
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumBelowThreshold.selector, 0, 1, 2));
        ledger.finaliseBatch(batch);
        assertEq(ledger.releases(batch[0].release), 0, "not the good one before it");
        assertEq(sequence(), 1, "sequence");
    }

    function _only(uint256 index) private pure returns (uint256[] memory indices) {
        indices = new uint256[](1);
        indices[0] = index;
    }

    function test_rejects_the_zero_release_in_a_batch() external {
        IReleaseLedger.Submission[] memory batch = _batch(2);
        batch[1] = IReleaseLedger.Submission(0, submissionByAll(0));
        vm.expectRevert(IReleaseLedger.LedgerZeroRelease.selector);
        ledger.finaliseBatch(batch);
    }

    function test_rejects_a_revoked_signer_in_a_batch() external {
        IReleaseLedger.Submission[] memory batch = _batch(2);
        address gone = builder(2);
        vm.prank(GUARDIAN);
        ledger.revoke(gone);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 2, gone));
        ledger.finaliseBatch(batch);
    }

    function test_rejects_a_batch_before_genesis() external {
        ledger = deployLedger(address(rules));
        IReleaseLedger.Submission[] memory batch = _batch(1);
        vm.expectRevert(IReleaseLedger.LedgerBeforeGenesis.selector);
        ledger.finaliseBatch(batch);
    }

    function test_rejects_a_batch_while_paused() external {
        IReleaseLedger.Submission[] memory batch = _batch(1);
        vm.prank(GUARDIAN);
        ledger.pause(1 days);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerPaused.selector, START + 1 days));
        ledger.finaliseBatch(batch);
        vm.warp(START + 1 days);
        ledger.finaliseBatch(batch);
        assertEq(sequence(), 2, "when it is over");
    }

    function test_stops_at_the_largest_sequence_number() external {
        IReleaseLedger.Submission[] memory batch = _batch(2);
        uint256 last = ledger.control() & ~(uint256(type(uint32).max) << 192) | uint256(type(uint32).max - 1) << 192;
        vm.store(address(ledger), CONTROL_SLOT, bytes32(last));
        vm.expectRevert(IReleaseLedger.LedgerExhausted.selector);
        ledger.finaliseBatch(batch);
    }

    function test_anybody_may_submit_a_batch() external {
        IReleaseLedger.Submission[] memory batch = _batch(2);
        vm.prank(STRANGER);
        ledger.finaliseBatch(batch);
        assertEq(sequence(), 3, "sequence");
    }
}
