// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

contract FinaliseTest is BaseTest {
    function setUp() public override {
        super.setUp();
        completeGenesis();
    }

    function test_records_exactly_what_the_reference_says() external {
        vm.warp(START + 77);
        bytes memory submission = submissionByAll(SECOND);
        (bytes memory record, bytes memory data) = expectedRecord(SECOND, submission, 2);

        vm.recordLogs();
        ledger.finalise(SECOND, submission);

        assertEq(ledger.releases(SECOND), keccak256(record), "commitment");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].emitter, address(ledger), "emitter");
        assertEq(logs[0].topics.length, 2, "topics");
        assertEq(logs[0].topics[0], keccak256("ReleaseFinalised(bytes32,bytes)"), "event");
        assertEq(logs[0].topics[1], SECOND, "release");
        assertEq(logs[0].data, abi.encode(data), "standard ABI encoding");
    }

    function test_a_quorum_that_is_not_everybody_suffices() external {
        bytes memory submission = submissionBy(SECOND, 0, 2);
        (bytes memory record,) = expectedRecord(SECOND, submission, 2);
        ledger.finalise(SECOND, submission);
        assertEq(ledger.releases(SECOND), keccak256(record), "commitment");
    }

    function test_numbers_releases_without_gaps() external {
        for (uint32 i = 2; i < 10; i++) {
            bytes32 release = keccak256(abi.encode(i));
            ledger.finalise(release, submissionBy(release, 0, 1));
            assertEq(sequence(), i, "sequence");
        }
    }

    function test_writes_the_release_and_the_sequence_and_nothing_else() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        uint256 before = ledger.control();
        vm.record();
        ledger.finalise(SECOND, submission);
        (, bytes32[] memory writes) = vm.accesses(address(ledger));
        assertEq(writes.length, 2, "two writes");
        assertEq(writes[0], keccak256(abi.encode(SECOND, RELEASES_SLOT)), "the release's slot");
        assertEq(writes[1], CONTROL_SLOT, "the control slot");
        assertEq(ledger.control(), before + (1 << 192), "only the sequence moved");
    }

    function test_anybody_may_submit() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        vm.prank(STRANGER);
        ledger.finalise(SECOND, submission);
        assertEq(sequence(), 2, "sequence");
    }

    function test_rejects_the_same_submission_again() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        ledger.finalise(SECOND, submission);
        bytes32 commitment = ledger.releases(SECOND);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerAlreadyFinal.selector, SECOND, commitment));
        ledger.finalise(SECOND, submission);
    }

    function test_CON_17_rejects_better_signatures_for_a_recorded_release() external {
        ledger.finalise(SECOND, submissionBy(SECOND, 0, 1));
        bytes memory better = submissionByAll(SECOND);
        vm.expectPartialRevert(IReleaseLedger.LedgerAlreadyFinal.selector);
        ledger.finalise(SECOND, better);
    }

    function test_CON_04_rejects_the_zero_release() external {
        bytes memory submission = submissionBy(0, 0, 1);
        vm.expectRevert(IReleaseLedger.LedgerZeroRelease.selector);
        ledger.finalise(0, submission);
    }

    function test_CON_27_rejects_everything_before_genesis() external {
        ledger = deployLedger(address(rules));
        bytes memory submission = submissionByAll(SECOND);
        vm.expectRevert(IReleaseLedger.LedgerBeforeGenesis.selector);
        ledger.finalise(SECOND, submission);
    }

    function test_stops_at_the_largest_sequence_number() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        uint256 last = ledger.control() | uint256(type(uint32).max) << 192;
        vm.store(address(ledger), CONTROL_SLOT, bytes32(last));
        vm.expectRevert(IReleaseLedger.LedgerExhausted.selector);
        ledger.finalise(SECOND, submission);
    }

    function test_does_not_read_the_padding_of_its_argument() external {
        // The length of a submission is no multiple of 32; what fills its last word is nothing to anybody.
        bytes memory submission = submissionBy(SECOND, 0, 1);
        bytes memory call_ = abi.encodeCall(ledger.finalise, (SECOND, submission));
        call_[call_.length - 1] = 0xff;
        (bool accepted,) = address(ledger).call(call_);
        assertTrue(accepted, "padding is not read");
    }
}
