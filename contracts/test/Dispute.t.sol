// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// A revocation that reaches back: opened by the guardian, confirmed by the timelock or lapsed.
contract DisputeTest is BaseTest {
    bytes private record;

    function setUp() public override {
        super.setUp();
        completeGenesis();
        bytes memory submission = submissionBy(SECOND, 0, 1);
        (record,) = expectedRecord(SECOND, submission, 2);
        ledger.finalise(SECOND, submission);
        bytes32 third = keccak256("third release");
        ledger.finalise(third, submissionByAll(third));
        vm.warp(START + 1 days);
    }

    function _dispute(address subject, uint32 fromSequence) private {
        vm.prank(GUARDIAN);
        ledger.revokeRetroactively(subject, fromSequence);
    }

    function _confirm(address subject) private {
        vm.prank(TIMELOCK);
        ledger.confirmRevocation(subject);
    }

    function _standing() private view returns (IReleaseLedger.Standing standing) {
        (standing,,) = ledger.status(SECOND, record);
    }

    // ------------------------------------------------------------------------------------------------- opening

    function test_only_the_guardian_may_open_one() external {
        address subject = builder(0);
        address[4] memory callers = [TIMELOCK, STRANGER, address(this), subject];
        for (uint256 i = 0; i < callers.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerNotGuardian.selector, callers[i]));
            vm.prank(callers[i]);
            ledger.revokeRetroactively(subject, 1);
        }
    }

    function test_writes_the_word_the_bit_and_the_event() external {
        vm.recordLogs();
        vm.record();
        _dispute(builder(1), 2);
        (, bytes32[] memory writes) = vm.accesses(address(ledger));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(ledger.revocations(builder(1)), (START + 1 days) << 40 | 2 << 8 | 1, "since, from 2, retroactive");
        assertEq(revokedBits(), 2, "bit");
        assertEq(sequence(), 3, "sequence kept");
        assertEq(writes.length, 2, "two writes");
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], IReleaseLedger.Revoked.selector, "event");
        assertEq(logs[0].topics[1], bytes32(uint256(uint160(builder(1)))), "subject");
        assertEq(logs[0].data, abi.encode(START + 1 days, 2, 1), "since, from, flags");
    }

    function test_disputes_releases_from_its_sequence_on_and_no_earlier_one() external {
        _dispute(builder(0), 3);
        assertTrue(_standing() == IReleaseLedger.Standing.Final, "an earlier one");
        _dispute(builder(1), 2);
        assertTrue(_standing() == IReleaseLedger.Standing.Disputed, "that one");
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record);
        assertEq(withdrawals.length, 1, "one reason");
        assertEq(withdrawals[0].subject, builder(1), "who");
        assertEq(withdrawals[0].since, START + 1 days, "since");
        assertTrue(withdrawals[0].effect == IReleaseLedger.Standing.Disputed, "how");
        assertEq(withdrawals[0].systems, 15, "for what");
    }

    function test_changes_no_record() external {
        bytes32 commitment = ledger.releases(SECOND);
        _dispute(builder(0), 1);
        _confirm(builder(0));
        assertEq(ledger.releases(SECOND), commitment, "commitment");
    }

    function test_the_key_is_lost_at_once_and_stays_lost_after_the_lapse() external {
        _dispute(builder(1), 1);
        bytes memory submission = submissionByAll("fourth");
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 1, builder(1)));
        ledger.finalise("fourth", submission);
        vm.warp(START + 1000 days);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 1, builder(1)));
        ledger.finalise("fourth", submission);

        Federation memory f = fed;
        f.names = keccak256("another federation file");
        address next = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(next, next.codehash);
        assertEq(revokedBits(), 2, "under other rules, too");
    }

    function test_rejects_sequences_that_are_no_release() external {
        address subject = builder(0);
        uint32[3] memory wrong = [0, 4, type(uint32).max];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerInvalidSequence.selector, wrong[i], 3));
            vm.prank(GUARDIAN);
            ledger.revokeRetroactively(subject, wrong[i]);
        }
        _dispute(builder(0), 3);
        _dispute(builder(1), 1);
    }

    function test_rejects_every_sequence_before_genesis() external {
        ledger = deployLedger(address(rules));
        address subject = builder(0);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerInvalidSequence.selector, 1, 0));
        vm.prank(GUARDIAN);
        ledger.revokeRetroactively(subject, 1);
    }

    function test_rejects_the_zero_address() external {
        vm.expectRevert(IReleaseLedger.LedgerZeroSubject.selector);
        vm.prank(GUARDIAN);
        ledger.revokeRetroactively(address(0), 1);
    }

    /// Else a guardian could keep a release disputed for ever.
    function test_rejects_a_second_dispute_open_lapsed_or_confirmed() external {
        address subject = builder(0);
        _dispute(subject, 2);
        bytes memory reason =
            abi.encodeWithSelector(IReleaseLedger.LedgerAlreadyDisputed.selector, subject, START + 1 days);
        uint256[3] memory times = [START + 1 days, START + 31 days, START + 400 days];
        for (uint256 i = 0; i < times.length; i++) {
            vm.warp(times[i]);
            vm.expectRevert(reason);
            vm.prank(GUARDIAN);
            ledger.revokeRetroactively(subject, 1);
        }
        _dispute(builder(1), 2);
        _confirm(builder(1));
        vm.expectPartialRevert(IReleaseLedger.LedgerAlreadyDisputed.selector);
        _disputeAs(GUARDIAN, builder(1));
    }

    function _disputeAs(address caller, address subject) private {
        vm.prank(caller);
        ledger.revokeRetroactively(subject, 1);
    }

    function test_a_revoked_subject_can_still_be_disputed_once() external {
        vm.prank(GUARDIAN);
        ledger.revoke(builder(0));
        assertTrue(_standing() == IReleaseLedger.Standing.Final, "for later releases only");
        vm.warp(START + 9 days);
        _dispute(builder(0), 2);
        assertEq(ledger.revocations(builder(0)), (START + 9 days) << 40 | 2 << 8 | 1, "the earlier sequence, now");
        assertTrue(_standing() == IReleaseLedger.Standing.Disputed, "disputed");
        vm.expectPartialRevert(IReleaseLedger.LedgerAlreadyRevoked.selector);
        _revokeAs(GUARDIAN, builder(0));
    }

    function _revokeAs(address caller, address subject) private {
        vm.prank(caller);
        ledger.revoke(subject);
    }

    function test_keeps_the_earlier_sequence_of_a_revocation() external {
        vm.prank(GUARDIAN);
        ledger.revoke(builder(2));
        ledger.finalise("fourth", submissionBy("fourth", 0, 1));
        ledger.finalise("fifth", submissionBy("fifth", 0, 1));
        _dispute(builder(2), 5);
        assertEq(ledger.revocations(builder(2)), (START + 1 days) << 40 | 4 << 8 | 1, "from 4, as before");
    }

    function test_keeps_the_flag_of_an_equivocation() external {
        uint256 word = (START << 40 | 4 << 8) | 4;
        vm.store(address(ledger), keccak256(abi.encode(builder(0), REVOCATIONS_SLOT)), bytes32(word));
        _dispute(builder(0), 1);
        assertEq(ledger.revocations(builder(0)), (START + 1 days) << 40 | 1 << 8 | 5, "flags 4 and 1");
        assertTrue(_standing() == IReleaseLedger.Standing.Disputed, "disputed");
        _confirm(builder(0));
        assertEq(ledger.revocations(builder(0)), (START + 1 days) << 40 | 1 << 8 | 7, "and 2");
        assertTrue(_standing() == IReleaseLedger.Standing.Tainted, "tainted");
    }

    function test_disputed_rules_dispute_all_they_judged_and_stop_at_once() external {
        _dispute(address(rules), 2);
        assertEq(revokedBits(), type(uint32).max, "nothing is finalised");
        (IReleaseLedger.Standing standing, IReleaseLedger.Standing[] memory systems,) = ledger.status(SECOND, record);
        assertTrue(standing == IReleaseLedger.Standing.Disputed, "disputed");
        for (uint256 i = 0; i < systems.length; i++) {
            assertTrue(systems[i] == IReleaseLedger.Standing.Disputed, "each system");
        }
        vm.warp(START + 31 days);
        assertTrue(_standing() == IReleaseLedger.Standing.Final, "lapsed");
        assertEq(revokedBits(), type(uint32).max, "still stopped");
    }

    function test_hostile_rules_cannot_keep_the_guardian_from_disputing() external {
        HostileRules hostile = new HostileRules("", HostileRules.Description.Honest);
        vm.prank(TIMELOCK);
        ledger.setRules(address(hostile), address(hostile).codehash);
        for (uint256 i = 1; i <= uint256(type(HostileRules.Description).max); i++) {
            hostile.describe(HostileRules.Description(i));
            _dispute(address(uint160(0x1000 + i)), 1);
            assertEq(revokedBits(), type(uint32).max, "all bits");
        }
    }

    // ------------------------------------------------------------------------------------ confirming and lapsing

    function test_only_the_timelock_may_confirm() external {
        address subject = builder(0);
        _dispute(subject, 1);
        address[4] memory callers = [GUARDIAN, STRANGER, address(this), subject];
        for (uint256 i = 0; i < callers.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerNotTimelock.selector, callers[i]));
            vm.prank(callers[i]);
            ledger.confirmRevocation(subject);
        }
    }

    function test_confirming_taints_for_ever() external {
        _dispute(builder(0), 2);
        uint256 before = ledger.control();
        vm.warp(START + 10 days);
        vm.recordLogs();
        vm.record();
        _confirm(builder(0));
        (, bytes32[] memory writes) = vm.accesses(address(ledger));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(writes.length, 1, "one write");
        assertEq(ledger.control(), before, "control");
        assertEq(ledger.revocations(builder(0)), (START + 1 days) << 40 | 2 << 8 | 3, "since and from as they were");
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], IReleaseLedger.Revoked.selector, "event");
        assertEq(logs[0].topics[1], bytes32(uint256(uint160(builder(0)))), "subject");
        assertEq(logs[0].data, abi.encode(START + 1 days, 2, 3), "the new flags");
        assertTrue(_standing() == IReleaseLedger.Standing.Tainted, "tainted");
        vm.warp(START + 4000 days);
        assertTrue(_standing() == IReleaseLedger.Standing.Tainted, "for ever");
    }

    function test_lapses_after_thirty_days_to_the_second() external {
        _dispute(builder(0), 2);
        vm.warp(START + 31 days - 1);
        assertTrue(_standing() == IReleaseLedger.Standing.Disputed, "open");
        uint256 open = vm.snapshotState();
        _confirm(builder(0));
        vm.revertToState(open);
        vm.warp(START + 31 days);
        assertTrue(_standing() == IReleaseLedger.Standing.Final, "lapsed");
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record);
        assertEq(withdrawals.length, 0, "no reason");
        _nothingToConfirm(builder(0));
    }

    function _nothingToConfirm(address subject) private {
        uint256 word = ledger.revocations(subject);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerNoOpenDispute.selector, subject, word));
        vm.prank(TIMELOCK);
        ledger.confirmRevocation(subject);
    }

    function test_rejects_to_confirm_what_is_no_open_dispute() external {
        _nothingToConfirm(builder(0));
        _nothingToConfirm(address(0));
        vm.prank(GUARDIAN);
        ledger.revoke(builder(0));
        _nothingToConfirm(builder(0));
        _dispute(builder(1), 1);
        _confirm(builder(1));
        _nothingToConfirm(builder(1));
        vm.store(address(ledger), keccak256(abi.encode(STRANGER, REVOCATIONS_SLOT)), bytes32(START << 40 | 1 << 8 | 4));
        _nothingToConfirm(STRANGER);
    }

    /// The guardian disputes every signer, one after the other, as late as it can: each can be disputed once.
    function test_a_hostile_guardian_disputes_a_release_for_a_bounded_time() external {
        _dispute(builder(0), 1);
        vm.warp(START + 31 days);
        _dispute(builder(1), 1);
        vm.warp(START + 61 days);
        _dispute(address(rules), 1);
        vm.warp(START + 91 days);
        assertTrue(_standing() == IReleaseLedger.Standing.Final, "outlasted");
        address[3] memory all = [builder(0), builder(1), address(rules)];
        for (uint256 i = 0; i < all.length; i++) {
            vm.expectPartialRevert(IReleaseLedger.LedgerAlreadyDisputed.selector);
            _disputeAs(GUARDIAN, all[i]);
        }
    }

    function test_a_new_release_after_a_dispute_is_not_disputed() external {
        _dispute(builder(0), 1);
        bytes memory submission = submissionBy("fourth", 1, 2);
        (bytes memory fourth,) = expectedRecord("fourth", submission, 4);
        ledger.finalise("fourth", submission);
        (IReleaseLedger.Standing standing,,) = ledger.status("fourth", fourth);
        assertTrue(standing == IReleaseLedger.Standing.Final, "final");
    }
}
