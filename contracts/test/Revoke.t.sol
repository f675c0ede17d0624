// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

contract RevokeTest is BaseTest {
    function setUp() public override {
        super.setUp();
        completeGenesis();
    }

    function _revoke(address subject) private {
        vm.prank(GUARDIAN);
        ledger.revoke(subject);
    }

    function test_only_the_guardian_may() external {
        address subject = builder(0);
        address[4] memory callers = [TIMELOCK, STRANGER, address(this), subject];
        for (uint256 i = 0; i < callers.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerNotGuardian.selector, callers[i]));
            vm.prank(callers[i]);
            ledger.revoke(subject);
        }
    }

    function test_writes_the_word_the_bit_and_the_event() external {
        vm.recordLogs();
        _revoke(builder(1));
        assertEq(ledger.revocations(builder(1)), START << 40 | 2 << 8, "since, from sequence 2, no flags");
        assertEq(revokedBits(), 1 << 1, "bit of index 1");
        assertEq(sequence(), 1, "sequence kept");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], keccak256("Revoked(address,uint64,uint32,uint8)"), "event");
        assertEq(logs[0].topics[1], bytes32(uint256(uint160(builder(1)))), "subject");
        assertEq(logs[0].data, abi.encode(START, 2, 0), "since, fromSequence, flags");
    }

    function test_CON_15_takes_effect_in_the_same_block() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        _revoke(builder(1));
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 1, builder(1)));
        ledger.finalise(SECOND, submission);
    }

    function test_CON_15_a_release_earlier_in_the_same_block_stands() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        (bytes memory record,) = expectedRecord(SECOND, submission, 2);
        ledger.finalise(SECOND, submission);
        _revoke(builder(1));
        assertEq(ledger.revocations(builder(1)), START << 40 | 3 << 8, "from sequence 3");
        (IReleaseLedger.Standing standing,,) = ledger.status(SECOND, record);
        assertTrue(standing == IReleaseLedger.Standing.Final, "final");
    }

    function test_CON_14_the_other_builders_carry_on() external {
        _revoke(builder(1));
        ledger.finalise(SECOND, submissionBy(SECOND, 0, 2));
        assertEq(sequence(), 2, "sequence");
    }

    function test_CON_16_a_revoked_key_never_returns_under_any_rules() external {
        address revoked = builder(1);
        _revoke(revoked);
        Federation memory f = Federations.uniform(5, 4, 3);
        (f.builders[1].key, f.builders[3].key) = (f.builders[3].key, f.builders[1].key);
        address other = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        remember(f);
        rules = IQuorumRules(other);
        bytes memory submission = submissionByAll(SECOND);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 3, revoked));
        ledger.finalise(SECOND, submission);
    }

    function test_an_address_without_power_can_be_revoked_in_advance() external {
        Federation memory f = Federations.uniform(5, 4, 3);
        _revoke(vm.addr(f.builders[4].key));
        assertEq(revokedBits(), 0, "nobody of the current rules");
        address other = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        assertEq(revokedBits(), 1 << 4, "but of the next");
    }

    function test_revoking_the_current_rules_stops_everything_until_others_are_set() external {
        bytes memory submission = submissionByAll(SECOND);
        _revoke(address(rules));
        assertEq(revokedBits(), type(uint32).max, "all bits");
        vm.expectPartialRevert(IReleaseLedger.LedgerSignerRevoked.selector);
        ledger.finalise(SECOND, submission);

        // Another revocation keeps it that way.
        _revoke(builder(0));
        assertEq(revokedBits(), type(uint32).max, "still all bits");

        Federation memory f = fed;
        f.names = keccak256("another federation file");
        address other = address(deployRules(f));
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        assertEq(revokedBits(), 1, "only the builder");
        rules = IQuorumRules(other);
        ledger.finalise(SECOND, submissionBy(SECOND, 1, 2));
    }

    function test_works_before_genesis() external {
        ledger = deployLedger(address(rules));
        _revoke(builder(0));
        assertEq(ledger.revocations(builder(0)), START << 40 | 1 << 8, "from sequence 1");
    }

    function test_rejects_the_same_subject_again() external {
        _revoke(builder(1));
        uint256 word = ledger.revocations(builder(1));
        vm.warp(START + 1 days);
        address subject = builder(1);
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerAlreadyRevoked.selector, subject, START));
        vm.prank(GUARDIAN);
        ledger.revoke(subject);
        assertEq(ledger.revocations(subject), word, "word kept");
    }

    function test_rejects_the_zero_address() external {
        vm.expectRevert(IReleaseLedger.LedgerZeroSubject.selector);
        vm.prank(GUARDIAN);
        ledger.revoke(address(0));
    }

    /// Rules that were honest when they were set, and then will not say who their builders are.
    function test_hostile_rules_cannot_keep_the_guardian_from_revoking() external {
        HostileRules hostile = new HostileRules("", HostileRules.Description.Honest);
        vm.prank(TIMELOCK);
        ledger.setRules(address(hostile), address(hostile).codehash);
        for (uint256 i = 1; i <= uint256(type(HostileRules.Description).max); i++) {
            hostile.describe(HostileRules.Description(i));
            _revoke(address(uint160(0x1000 + i)));
            assertEq(revokedBits(), type(uint32).max, "all bits");
        }
        hostile.describe(HostileRules.Description.Honest);
        _revoke(address(0x2000));
        assertEq(revokedBits(), 0, "none, once they speak again");
    }

    function testFuzz_sets_exactly_the_bits_of_the_revoked_builders(uint32 which) external {
        useFederation(Federations.uniform(32, 1, 17));
        for (uint256 i = 0; i < 32; i++) {
            if ((which >> i) & 1 == 1) _revoke(builder(i));
        }
        assertEq(revokedBits(), which, "bits");
    }
}
