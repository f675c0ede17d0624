// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// Attestations presented beside a record: what they heal, and what they never do.
contract EndorsementTest is BaseTest {
    IReleaseLedger.Standing private constant FINAL = IReleaseLedger.Standing.Final;
    IReleaseLedger.Standing private constant DISPUTED = IReleaseLedger.Standing.Disputed;
    IReleaseLedger.Standing private constant TAINTED = IReleaseLedger.Standing.Tainted;

    bytes private record;

    /// Three of five builders for each of two systems; builders 3 and 4 share a domain.
    function setUp() public override {
        vm.warp(START);
        useFederation(Federations.uniform(5, 2, 3));
        completeGenesis();
        Federation memory f = fed;
        f.builders[4].domains |= 1 << 43;
        remember(f);
        rules = deployRules(f);
        vm.prank(TIMELOCK);
        ledger.setRules(address(rules), address(rules).codehash);
        uint256[] memory three = Federations.first(3);
        bytes memory submission = submissionBy(SECOND, three);
        (record,) = expectedRecord(SECOND, submission, 2);
        ledger.finalise(SECOND, submission);
        vm.warp(START + 1 days);
    }

    function _dispute(uint256 index) private {
        address subject = builder(index);
        vm.prank(GUARDIAN);
        ledger.revokeRetroactively(subject, 1);
    }

    function _taint(uint256 index) private {
        _dispute(index);
        address subject = builder(index);
        vm.prank(TIMELOCK);
        ledger.confirmRevocation(subject);
    }

    function _revoke(uint256 index) private {
        address subject = builder(index);
        vm.prank(GUARDIAN);
        ledger.revoke(subject);
    }

    function _endorsed(uint256 index, uint64 systems) private view returns (bytes memory) {
        return signed(SECOND, digestsOf(SECOND), vote_(index, systems));
    }

    function _stands(bytes memory endorsements, IReleaseLedger.Standing first, IReleaseLedger.Standing second)
        private
        view
    {
        (IReleaseLedger.Standing worst, IReleaseLedger.Standing[] memory systems,) =
            ledger.status(SECOND, record, endorsements);
        assertEq(systems.length, 2, "systems");
        assertEq(uint256(systems[0]), uint256(first), "system 0");
        assertEq(uint256(systems[1]), uint256(second), "system 1");
        assertEq(uint256(worst), uint256(first > second ? first : second), "the worst");
    }

    // ------------------------------------------------------------------------------------------------- healing

    function test_heals_a_tainted_release() external {
        _taint(0);
        _stands("", TAINTED, TAINTED);
        _stands(_endorsed(3, 3), FINAL, FINAL);
    }

    function test_heals_a_disputed_release() external {
        _dispute(0);
        _stands("", DISPUTED, DISPUTED);
        _stands(_endorsed(4, 3), FINAL, FINAL);
    }

    function test_heals_only_the_systems_that_it_is_for() external {
        _taint(0);
        _stands(_endorsed(3, 1), FINAL, TAINTED);
        _stands(_endorsed(3, 2), TAINTED, FINAL);
    }

    function test_what_one_endorser_heals_may_still_be_disputed_by_another_withdrawal() external {
        _taint(0);
        _dispute(1);
        _stands("", TAINTED, TAINTED);
        _stands(_endorsed(3, 3), DISPUTED, DISPUTED);
        _stands(bytes.concat(_endorsed(3, 3), _endorsed(4, 3)), DISPUTED, DISPUTED);
        vm.warp(START + 31 days);
        _stands(_endorsed(3, 3), FINAL, FINAL);
    }

    function test_the_withdrawals_are_named_all_the_same() external {
        _taint(0);
        (,, IReleaseLedger.Withdrawal[] memory withdrawals) = ledger.status(SECOND, record, _endorsed(3, 3));
        assertEq(withdrawals.length, 1, "one");
        assertEq(withdrawals[0].subject, builder(0), "who");
    }

    function test_without_endorsements_it_is_the_plain_status() external {
        for (uint256 i = 0; i < 3; i++) {
            if (i == 1) _dispute(0);
            if (i == 2) _taint(1);
            (IReleaseLedger.Standing a, IReleaseLedger.Standing[] memory b, IReleaseLedger.Withdrawal[] memory c) =
                ledger.status(SECOND, record);
            (IReleaseLedger.Standing d, IReleaseLedger.Standing[] memory e, IReleaseLedger.Withdrawal[] memory f) =
                ledger.status(SECOND, record, "");
            assertEq(abi.encode(a, b, c), abi.encode(d, e, f), "the same");
        }
    }

    function test_counts_under_the_rules_of_the_record_after_a_swap() external {
        _taint(0);
        bytes memory endorsement = _endorsed(3, 3);
        address next = address(deployRules(Federations.uniform(7, 2, 6)));
        vm.prank(TIMELOCK);
        ledger.setRules(next, next.codehash);
        _stands(endorsement, FINAL, FINAL);
    }

    // ------------------------------------------------------------------------------------------- what never counts

    function test_two_endorsers_of_one_domain_count_once() external {
        _taint(0);
        _taint(1);
        _stands(bytes.concat(_endorsed(3, 3), _endorsed(4, 3)), TAINTED, TAINTED);
    }

    function test_a_signer_of_the_record_does_not_count_twice() external {
        _taint(0);
        _stands(_endorsed(1, 3), TAINTED, TAINTED);
        _stands(bytes.concat(_endorsed(1, 3), _endorsed(2, 3)), TAINTED, TAINTED);
    }

    function test_a_withdrawn_signer_does_not_come_back_as_an_endorser() external {
        _taint(0);
        _stands(_endorsed(0, 3), TAINTED, TAINTED);
    }

    /// Whatever its flags, lapsed or not: the key may be in the hands of a thief, who must not heal a record.
    function test_CON_14_a_revoked_builder_never_endorses() external {
        _taint(0);
        _revoke(3);
        _stands(_endorsed(3, 3), TAINTED, TAINTED);
        _dispute(4);
        _stands(_endorsed(4, 3), TAINTED, TAINTED);
        vm.warp(START + 400 days);
        _stands(_endorsed(4, 3), TAINTED, TAINTED);
        bytes32 slot = keccak256(abi.encode(builder(3), REVOCATIONS_SLOT));
        for (uint256 flags = 0; flags < 8; flags++) {
            vm.store(address(ledger), slot, bytes32(uint256(1) << 40 | uint256(type(uint32).max) << 8 | flags));
            _stands(_endorsed(3, 3), TAINTED, TAINTED);
        }
    }

    function test_endorsements_under_withdrawn_rules_do_not_count() external {
        vm.prank(GUARDIAN);
        ledger.revokeRetroactively(address(rules), 2);
        _stands(bytes.concat(_endorsed(3, 3)), DISPUTED, DISPUTED);
        vm.prank(TIMELOCK);
        ledger.confirmRevocation(address(rules));
        _stands(bytes.concat(_endorsed(3, 3)), TAINTED, TAINTED);
    }

    // ------------------------------------------------------------------------------------------------- refused

    function _refused(bytes memory reason, bytes memory endorsements) private {
        vm.expectRevert(reason);
        ledger.status(SECOND, record, endorsements);
    }

    function test_rejects_a_false_endorsement() external {
        bytes memory other = signed(SECOND, digestsOf(FIRST), vote_(3, 3));
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.status(SECOND, record, other);
        other = signed(FIRST, digestsOf(SECOND), vote_(3, 3));
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.status(SECOND, record, other);
        other = _endorsed(3, 3);
        other[0] = 0x04;
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.status(SECOND, record, other);
        other = _endorsed(3, 3);
        other[8] = 0x01;
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.status(SECOND, record, other);
    }

    function testFuzz_rejects_an_altered_endorsement(uint256 position, bytes1 value) external {
        bytes memory endorsement = _endorsed(3, 3);
        position %= 105;
        vm.assume(endorsement[position] != value);
        endorsement[position] = value;
        vm.expectRevert();
        ledger.status(SECOND, record, endorsement);
    }

    /// Also by a builder that would not count.
    function test_rejects_a_false_endorsement_by_a_revoked_builder() external {
        _revoke(3);
        bytes memory other = signed(SECOND, digestsOf(FIRST), vote_(3, 3));
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.status(SECOND, record, other);
    }

    function test_rejects_an_endorsement_for_other_rules() external {
        IQuorumRules mine = rules;
        rules = IQuorumRules(address(0xbeef));
        bytes memory other = _endorsed(3, 3);
        rules = mine;
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.status(SECOND, record, other);
    }

    function test_rejects_endorsements_out_of_order_or_twice() external {
        bytes memory one = _endorsed(3, 3);
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumUnorderedSigners.selector, 3, 3), bytes.concat(one, one));
        _refused(
            abi.encodeWithSelector(IQuorumRules.QuorumUnorderedSigners.selector, 4, 3),
            bytes.concat(_endorsed(4, 3), one)
        );
    }

    function test_rejects_an_unknown_endorser() external {
        bytes memory one = _endorsed(3, 3);
        one[0] = 0x05;
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumUnknownBuilder.selector, 5, 5), one);
        one[0] = 0xff;
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumUnknownBuilder.selector, 255, 5), one);
    }

    function test_rejects_systems_it_is_not_eligible_for() external {
        bytes memory one = _endorsed(3, 3);
        one[8] = 0x00;
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumIneligibleSystems.selector, 3, 0, 3), one);
        one[8] = 0x07;
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumIneligibleSystems.selector, 3, 7, 3), one);
        one[1] = 0x80;
        one[8] = 0x03;
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumIneligibleSystems.selector, 3, 1 << 63 | 3, 3), one);
    }

    function test_rejects_endorsements_of_another_length() external {
        bytes memory one = _endorsed(3, 3);
        _refused(
            abi.encodeWithSelector(IQuorumRules.QuorumMalformedEndorsements.selector, 106), bytes.concat(one, hex"00")
        );
        assembly ("memory-safe") {
            mstore(one, 104)
        }
        _refused(abi.encodeWithSelector(IQuorumRules.QuorumMalformedEndorsements.selector, 104), one);
    }

    function test_rejects_another_record() external {
        bytes memory altered = bytes.concat(record);
        altered[40] ^= 0x01;
        bytes memory one = _endorsed(3, 3);
        vm.expectRevert(
            abi.encodeWithSelector(
                IReleaseLedger.LedgerRecordMismatch.selector, SECOND, keccak256(record), keccak256(altered)
            )
        );
        ledger.status(SECOND, altered, one);
    }

    function test_unknown_where_nothing_is_recorded() external view {
        (IReleaseLedger.Standing standing,,) = ledger.status("other", record, hex"00");
        assertTrue(standing == IReleaseLedger.Standing.Unknown, "unknown");
    }

    // ------------------------------------------------------------------------------------------- the rules alone

    function test_recount_leaves_out_who_is_dropped() external view {
        bytes memory both = bytes.concat(_endorsed(3, 3), _endorsed(4, 1));
        uint256[] memory counts = rules.recount(SECOND, domain(), record, both, 0, 0);
        assertEq(abi.encode(counts), abi.encode(_two(4, 4)), "3 and 4 are one");
        counts = rules.recount(SECOND, domain(), record, both, 1, 1 << 3);
        assertEq(abi.encode(counts), abi.encode(_two(3, 2)), "without 0 and 3");
        counts = rules.recount(SECOND, domain(), record, both, 7, 0);
        assertEq(abi.encode(counts), abi.encode(_two(1, 1)), "endorsers only");
        counts = rules.recount(SECOND, domain(), record, both, type(uint256).max, type(uint256).max);
        assertEq(abi.encode(counts), abi.encode(_two(0, 0)), "nobody");
        // An entry that counts and an endorsement that does not, by one builder.
        counts = rules.recount(SECOND, domain(), record, _endorsed(1, 3), 0, 2);
        assertEq(abi.encode(counts), abi.encode(_two(3, 3)), "by its entry");
    }

    function _two(uint256 a, uint256 b) private pure returns (uint256[] memory counts) {
        counts = new uint256[](2);
        (counts[0], counts[1]) = (a, b);
    }

    function test_recount_rejects_records_of_another_form() external {
        bytes memory bad = bytes.concat(record, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumMalformedRecord.selector, bad.length, 2));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
        bad = hex"0102";
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumMalformedRecord.selector, 2, 0));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
        // Counts can be read from the 32nd byte on.
        bad = bytes.concat(record, "");
        assembly ("memory-safe") {
            mstore(bad, 31)
        }
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumMalformedRecord.selector, 31, 0));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
        assembly ("memory-safe") {
            mstore(bad, 32)
        }
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumMalformedRecord.selector, 32, 2));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
        bad = bytes.concat(record);
        bad[1] = 0x03;
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumMalformedRecord.selector, bad.length, 3));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
        bad = bytes.concat(record);
        bad[128] = 0x05;
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumUnknownBuilder.selector, 5, 5));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
    }

    function test_recount_rejects_records_of_other_rules() external {
        bytes32 hash = address(rules).codehash;
        bytes memory bad = bytes.concat(record);
        bad[127] ^= 0x01;
        address other = address(uint160(address(rules)) ^ 1);
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumForeignRecord.selector, other, hash));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
        bad = bytes.concat(record);
        bad[95] ^= 0x01;
        hash ^= bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumForeignRecord.selector, address(rules), hash));
        rules.recount(SECOND, domain(), bad, "", 0, 0);
    }

    /// Rules that were hostile when they judged answer for their record alone; not even that may look like a standing.
    function test_counts_that_are_none_are_no_standing() external {
        HostileCounts hostile = new HostileCounts();
        vm.prank(TIMELOCK);
        ledger.setRules(address(hostile), address(hostile).codehash);
        ledger.finalise("third", "");
        bytes memory third = bytes.concat(
            abi.encodePacked(uint8(1), uint8(1), uint8(1), new bytes(13), uint64(3), uint64(block.timestamp)),
            keccak256("root"),
            address(hostile).codehash,
            abi.encode(address(hostile), uint256(0xb0b) << 64 | 1, keccak256("evidence"), keccak256("digest"))
        );
        bytes[7] memory wrong = [
            bytes(""),
            abi.encode(2),
            abi.encode(uint256(0x20), 0),
            abi.encode(uint256(0x20), 2, 2),
            abi.encode(uint256(0x40), 1, 2),
            abi.encode(uint256(0x20), 1, 2, 2),
            abi.encodePacked(uint256(0x20), uint256(1), uint248(2))
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            hostile.say(wrong[i]);
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesUnreadable.selector, address(hostile)));
            ledger.status("third", third);
        }
        hostile.say(abi.encode(uint256(0x20), 1, 2));
        (IReleaseLedger.Standing standing,,) = ledger.status("third", third);
        assertTrue(standing == FINAL, "their own word, under their own code hash");
        // Nor may a threshold that no rules may have, whatever the counts.
        hostile.say(abi.encode(uint256(0x20), 1, 32));
        uint256[4] memory needs = [0, 1, 33, type(uint256).max];
        for (uint256 i = 0; i < needs.length; i++) {
            hostile.need(needs[i]);
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesUnreadable.selector, address(hostile)));
            ledger.status("third", third);
        }
        hostile.need(32);
        (standing,,) = ledger.status("third", third);
        assertTrue(standing == FINAL, "as many as there may be");
        hostile.refuse();
        vm.expectRevert(bytes("no counts"));
        ledger.status("third", third);
    }
}

/// Rules that describe themselves honestly, record one builder, and answer anything when asked to count again.
contract HostileCounts {
    bytes private counts;
    bool private refusing;
    uint256 public threshold = 2;

    function need(uint256 threshold_) external {
        threshold = threshold_;
    }

    function say(bytes memory counts_) external {
        counts = counts_;
    }

    function refuse() external {
        refusing = true;
    }

    function builderCount() external pure returns (uint256) {
        return 3;
    }

    function builderAt(uint256 index) external pure returns (address) {
        return address(uint160(0xb0b + index));
    }

    function judge(bytes32, bytes32, bytes calldata) external pure returns (bytes memory) {
        return abi.encodePacked(
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
    }

    fallback() external {
        require(!refusing, "no counts");
        bytes memory answer = counts;
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}
