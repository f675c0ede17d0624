// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

contract PauseTest is BaseTest {
    function setUp() public override {
        super.setUp();
        completeGenesis();
    }

    function _pause(uint32 duration) private {
        vm.prank(GUARDIAN);
        ledger.pause(duration);
    }

    function test_only_the_guardian_may() external {
        address[3] memory callers = [TIMELOCK, STRANGER, address(this)];
        for (uint256 i = 0; i < callers.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerNotGuardian.selector, callers[i]));
            vm.prank(callers[i]);
            ledger.pause(1 days);
        }
    }

    function test_stops_finalise_until_it_ends() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        vm.recordLogs();
        _pause(1 days);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[0], keccak256("Paused(uint32)"), "event");
        assertEq(logs[0].data, abi.encode(START + 1 days), "until");

        vm.warp(START + 1 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerPaused.selector, START + 1 days));
        ledger.finalise(SECOND, submission);
        vm.warp(START + 1 days);
        ledger.finalise(SECOND, submission);
    }

    function test_stops_nothing_else() external {
        _pause(30 days);
        vm.prank(GUARDIAN);
        ledger.revoke(builder(0));
        address other = address(deployRules(fed));
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        assertEq(sequence(), 1, "sequence kept");
        assertEq(ledger.control() >> 224, START + 30 days, "pause kept");
    }

    function test_rejects_no_time_and_more_than_thirty_days() external {
        uint32[3] memory wrong = [0, 30 days + 1, type(uint32).max];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(
                abi.encodeWithSelector(IReleaseLedger.LedgerInvalidPause.selector, wrong[i], uint32(30 days))
            );
            _pause(wrong[i]);
        }
        _pause(30 days);
    }

    function test_rejects_a_new_pause_until_thirty_days_after_the_last_ended() external {
        _pause(10 days);
        uint256 earliest = START + 40 days;
        uint256[4] memory times = [START, START + 9 days, START + 10 days, earliest - 1];
        for (uint256 i = 0; i < times.length; i++) {
            vm.warp(times[i]);
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerPauseTooSoon.selector, earliest));
            _pause(1);
        }
        vm.warp(earliest);
        _pause(1);
        assertEq(ledger.control() >> 224, earliest + 1, "the new end, and nothing of the last");
    }

    function test_fails_closed_when_its_end_no_longer_fits() external {
        vm.warp(type(uint32).max);
        vm.expectRevert();
        _pause(1 days);
    }

    function testFuzz_CON_30_at_most_half_of_any_time_is_lost(uint32[12] memory durations, uint32[12] memory waits)
        external
    {
        uint256 lost;
        // Kept by hand: the compiler reads block.timestamp once for the whole of a function.
        uint256 time = START;
        for (uint256 i = 0; i < 12; i++) {
            time += waits[i] % 45 days;
            vm.warp(time);
            uint32 duration = durations[i] % 40 days;
            vm.prank(GUARDIAN);
            try ledger.pause(duration) {
                lost += duration;
            } catch {}
        }
        assertTrue(2 * lost <= time - START + 60 days, "half, and one pause that has just begun");
    }
}
