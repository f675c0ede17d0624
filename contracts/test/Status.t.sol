// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// A recorded release, judged again. Revocation words are written into storage as their frozen format says, also those
/// that no entry point writes.
contract StatusTest is BaseTest {
    uint8 private constant RETROACTIVE = 1;
    uint8 private constant CONFIRMED = 2;
    uint8 private constant EQUIVOCATION = 4;

    bytes private record;

    function setUp() public override {
        vm.warp(START);
        Federation memory f = Federations.uniform(4, 2, 2);
        f.builders[2].systems = 1;
        f.builders[3].systems = 2;
        useFederation(f);
        completeGenesis();
        // System 0: builders 0, 1, 2. System 1: builders 0, 1, 3.
        bytes memory submission = submissionByAll(SECOND);
        (record,) = expectedRecord(SECOND, submission, 2);
        ledger.finalise(SECOND, submission);
        vm.warp(START + 1 days);
    }

    function _write(address subject, uint256 since, uint32 fromSequence, uint8 flags) private {
        bytes32 slot = keccak256(abi.encode(subject, REVOCATIONS_SLOT));
        vm.store(address(ledger), slot, bytes32(since << 40 | uint256(fromSequence) << 8 | flags));
    }

    function _standings(IReleaseLedger.Standing first, IReleaseLedger.Standing second) private view {
        (IReleaseLedger.Standing worst, IReleaseLedger.Standing[] memory systems,) = ledger.status(SECOND, record);
        assertEq(systems.length, 2, "systems");
        assertEq(uint256(systems[0]), uint256(first), "system 0");
        assertEq(uint256(systems[1]), uint256(second), "system 1");
        assertEq(uint256(worst), uint256(first > second ? first : second), "the worst");
    }

    function test_CON_04_unknown_where_nothing_is_recorded() external view {
        (IReleaseLedger.Standing standing, IReleaseLedger.Standing[] memory systems,) = ledger.status("other", record);
        assertEq(uint256(standing), uint256(IReleaseLedger.Standing.Unknown), "unknown");
        assertEq(systems.length, 0, "no systems");
    }

    function test_rejects_another_record() external {
        bytes memory altered = bytes.concat(record);
        altered[40] ^= 0x01;
        vm.expectRevert(
            abi.encodeWithSelector(
                IReleaseLedger.LedgerRecordMismatch.selector, SECOND, keccak256(record), keccak256(altered)
            )
        );
        ledger.status(SECOND, altered);
    }

    function test_final_where_nobody_was_revoked() external view {
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Final);
    }

    function test_a_revocation_for_later_releases_changes_nothing() external {
        vm.prank(GUARDIAN);
        ledger.revoke(builder(0));
        vm.prank(GUARDIAN);
        ledger.revoke(builder(1));
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Final);
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record);
        assertEq(withdrawals.length, 0, "nobody withdrawn");
    }

    function test_CON_14_one_withdrawn_signer_of_three_leaves_it_final_and_is_named() external {
        _write(builder(0), START + 5, 2, RETROACTIVE | CONFIRMED);
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Final);
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record);
        assertEq(withdrawals.length, 1, "one");
        assertEq(withdrawals[0].subject, builder(0), "who");
        assertEq(withdrawals[0].since, START + 5, "since when");
        assertEq(uint256(withdrawals[0].effect), uint256(IReleaseLedger.Standing.Tainted), "how");
        assertEq(withdrawals[0].systems, 3, "for which systems");
    }

    function test_judges_each_system_by_itself() external {
        _write(builder(0), START, 1, RETROACTIVE | CONFIRMED);
        _write(builder(2), START, 1, RETROACTIVE | CONFIRMED);
        _standings(IReleaseLedger.Standing.Tainted, IReleaseLedger.Standing.Final);
    }

    function test_an_open_dispute_is_not_a_taint_and_lapses() external {
        _write(builder(0), START, 1, RETROACTIVE | CONFIRMED);
        _write(builder(3), START + 1 days, 2, RETROACTIVE);
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Disputed);
        vm.warp(START + 31 days - 1);
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Disputed);
        vm.warp(START + 31 days);
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Final);
    }

    function test_disputes_of_several_builders_count_together() external {
        _write(builder(0), START + 1 days, 2, RETROACTIVE);
        _write(builder(2), START + 1 days, 2, RETROACTIVE);
        _standings(IReleaseLedger.Standing.Disputed, IReleaseLedger.Standing.Final);
    }

    function test_a_confirmed_dispute_never_lapses() external {
        _write(builder(0), START, 1, RETROACTIVE | CONFIRMED);
        _write(builder(1), START, 1, RETROACTIVE | CONFIRMED);
        vm.warp(START + 10_000 days);
        _standings(IReleaseLedger.Standing.Tainted, IReleaseLedger.Standing.Tainted);
    }

    function test_counts_from_the_sequence_it_names() external {
        _write(builder(0), START, 3, RETROACTIVE | CONFIRMED);
        _write(builder(1), START, 3, EQUIVOCATION);
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Final);
        _write(builder(0), START, 2, RETROACTIVE | CONFIRMED);
        _write(builder(1), START, 2, EQUIVOCATION);
        _standings(IReleaseLedger.Standing.Tainted, IReleaseLedger.Standing.Tainted);
    }

    function test_flags_nobody_knows_never_lapse() external {
        for (uint256 flags = 0; flags < 256; flags++) {
            if (flags & 3 == RETROACTIVE) continue;
            _write(builder(0), START, 1, uint8(flags));
            _write(builder(1), START, 1, uint8(flags));
            vm.warp(START + 1000 days);
            _standings(IReleaseLedger.Standing.Tainted, IReleaseLedger.Standing.Tainted);
        }
    }

    function test_withdrawn_rules_withdraw_everybody() external {
        _write(address(rules), START + 1 days, 2, RETROACTIVE);
        _standings(IReleaseLedger.Standing.Disputed, IReleaseLedger.Standing.Disputed);
        _write(address(rules), START + 1 days, 2, RETROACTIVE | CONFIRMED);
        _standings(IReleaseLedger.Standing.Tainted, IReleaseLedger.Standing.Tainted);
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record);
        assertEq(withdrawals[0].subject, address(rules), "who");
        assertEq(withdrawals[0].systems, 3, "all systems");
    }

    function test_names_everybody_where_everybody_is_withdrawn() external {
        for (uint256 i = 0; i < 4; i++) {
            _write(builder(i), START, 1, RETROACTIVE | CONFIRMED);
        }
        _write(address(rules), START, 1, RETROACTIVE | CONFIRMED);
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record);
        assertEq(withdrawals.length, 5, "all builders and the rules");
        for (uint256 i = 0; i < 4; i++) {
            assertEq(withdrawals[i].subject, builder(i), "a builder");
        }
        assertEq(withdrawals[4].subject, address(rules), "the rules");
    }

    function test_is_judged_by_the_rules_of_its_record_after_a_swap() external {
        Federation memory f = Federations.uniform(5, 2, 5);
        address other = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        _standings(IReleaseLedger.Standing.Final, IReleaseLedger.Standing.Final);
    }

    function test_rejects_to_judge_when_the_rules_are_gone() external {
        vm.etch(address(rules), hex"00");
        vm.expectPartialRevert(IReleaseLedger.LedgerRulesCodeMismatch.selector);
        ledger.status(SECOND, record);
    }

    function test_rejects_to_judge_by_rules_without_a_threshold_or_builders() external {
        HostileRules hostile = new HostileRules("", HostileRules.Description.Honest);
        vm.prank(TIMELOCK);
        ledger.setRules(address(hostile), address(hostile).codehash);
        bytes memory answer = abi.encodePacked(
            uint8(0),
            uint8(1),
            uint8(1),
            new bytes(29),
            keccak256("root"),
            new bytes(64),
            bytes32(uint256(0xb0b) << 64 | 1),
            keccak256("evidence"),
            keccak256("digest"),
            new bytes(64)
        );
        hostile.answer(abi.encode(answer));
        ledger.finalise("third", "");
        bytes memory third = bytes.concat(
            abi.encodePacked(uint8(1), uint8(1), uint8(1), new bytes(13), uint64(3), uint64(block.timestamp)),
            keccak256("root"),
            address(hostile).codehash,
            abi.encode(address(hostile), uint256(0xb0b) << 64 | 1, keccak256("evidence"), keccak256("digest"))
        );
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesUnreadable.selector, address(hostile)));
        ledger.status("third", third);
        // Nor by rules that have one, and count, and do not say whom.
        hostile.describe(HostileRules.Description.NoBuilders);
        uint256[] memory counts = new uint256[](1);
        counts[0] = 2;
        hostile.answer(abi.encode(counts));
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesUnreadable.selector, address(hostile)));
        ledger.status("third", third);
    }

    function test_the_largest_record_can_be_judged() external {
        useFederation(Federations.uniform(32, 64, 17));
        completeGenesis();
        (bytes memory largest,) = expectedRecord(FIRST, submissionByAll(FIRST), 1);
        (IReleaseLedger.Standing standing, IReleaseLedger.Standing[] memory systems,) = ledger.status(FIRST, largest);
        assertEq(uint256(standing), uint256(IReleaseLedger.Standing.Final), "final");
        assertEq(systems.length, 64, "systems");
    }
}
