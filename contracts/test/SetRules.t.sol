// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {ReleaseLedger} from "../src/ReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

contract SetRulesTest is BaseTest {
    function _other() private returns (address) {
        Federation memory f = Federations.uniform(5, 4, 3);
        return address(deployRules(f));
    }

    function test_only_the_timelock_may() external {
        address other = _other();
        bytes32 hash = other.codehash;
        address[4] memory callers = [GUARDIAN, STRANGER, address(this), address(rules)];
        for (uint256 i = 0; i < callers.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerNotTimelock.selector, callers[i]));
            vm.prank(callers[i]);
            ledger.setRules(other, hash);
        }
    }

    function test_replaces_the_rules_and_says_so() external {
        completeGenesis();
        address other = _other();
        vm.recordLogs();
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        assertEq(address(uint160(ledger.control())), other, "rules");
        assertEq(sequence(), 1, "sequence kept");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], keccak256("RulesSet(address,bytes32)"), "event");
        assertEq(logs[0].topics[1], bytes32(uint256(uint160(other))), "rules");
        assertEq(logs[0].data, abi.encode(other.codehash), "code hash");
    }

    function test_the_last_address_there_is_may_be_a_builders() external {
        HostileRules other = new HostileRules("", HostileRules.Description.Honest);
        other.addBuilder(address(type(uint160).max));
        vm.prank(TIMELOCK);
        ledger.setRules(address(other), address(other).codehash);
        assertEq(address(uint160(ledger.control())), address(other), "rules");
    }

    function test_deployment_says_so_too() external {
        vm.recordLogs();
        deployLedger(address(rules));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "one event");
        assertEq(logs[0].topics[0], keccak256("RulesSet(address,bytes32)"), "event");
    }

    function test_signatures_for_the_old_rules_are_worthless_under_new_ones() external {
        completeGenesis();
        bytes memory submission = submissionByAll(SECOND);
        address same = address(deployRules(fed));
        vm.prank(TIMELOCK);
        ledger.setRules(same, same.codehash);
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.finalise(SECOND, submission);
    }

    function test_keeps_a_pause() external {
        vm.prank(GUARDIAN);
        ledger.pause(1 days);
        address other = _other();
        vm.prank(TIMELOCK);
        ledger.setRules(other, other.codehash);
        assertEq(ledger.control() >> 224, START + 1 days, "paused until");
    }

    function test_rejects_another_code_than_announced() external {
        address other = _other();
        bytes32 found = other.codehash;
        bytes32 announced = keccak256("announced");
        vm.expectRevert(
            abi.encodeWithSelector(IReleaseLedger.LedgerRulesCodeMismatch.selector, other, announced, found)
        );
        vm.prank(TIMELOCK);
        ledger.setRules(other, announced);
    }

    function test_rejects_an_address_without_code() external {
        address[2] memory empty = [address(0), address(0xdead)];
        for (uint256 i = 0; i < empty.length; i++) {
            bytes32 hash = empty[i].codehash;
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesNotContract.selector, empty[i]));
            vm.prank(TIMELOCK);
            ledger.setRules(empty[i], hash);
        }
    }

    function test_CON_31_rejects_delegated_accounts_and_other_code_formats() external {
        address account = address(0xde1e);
        bytes[2] memory codes = [bytes.concat(hex"ef0100", bytes20(address(rules))), bytes(hex"ef0001")];
        for (uint256 i = 0; i < codes.length; i++) {
            vm.etch(account, codes[i]);
            bytes32 hash = account.codehash;
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesNotContract.selector, account));
            vm.prank(TIMELOCK);
            ledger.setRules(account, hash);
        }
    }

    /// The shortest code is code; that it answers nothing is another matter.
    function test_a_single_byte_is_a_contract() external {
        address account = address(0xde1f);
        vm.etch(account, hex"00");
        bytes32 hash = account.codehash;
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesUnreadable.selector, account));
        vm.prank(TIMELOCK);
        ledger.setRules(account, hash);
    }

    function test_rejects_revoked_rules() external {
        address other = _other();
        vm.prank(GUARDIAN);
        ledger.revoke(other);
        bytes32 hash = other.codehash;
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesRevoked.selector, other));
        vm.prank(TIMELOCK);
        ledger.setRules(other, hash);
    }

    function test_rejects_rules_that_do_not_name_their_builders() external {
        HostileRules.Description[5] memory wrong = [
            HostileRules.Description.NoBuilders,
            HostileRules.Description.TooManyBuilders,
            HostileRules.Description.ZeroBuilder,
            HostileRules.Description.Reverts,
            HostileRules.Description.LongAnswers
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            address hostile = address(new HostileRules("", wrong[i]));
            bytes32 hash = hostile.codehash;
            vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerRulesUnreadable.selector, hostile));
            vm.prank(TIMELOCK);
            ledger.setRules(hostile, hash);
        }
    }

    function test_rebuilds_the_revoked_builders_for_the_new_indices() external {
        Federation memory f = Federations.uniform(5, 4, 3);
        (f.builders[0].key, f.builders[4].key) = (f.builders[4].key, f.builders[0].key);
        address reversed = address(deployRules(f));
        address revoked = builder(0);
        vm.prank(GUARDIAN);
        ledger.revoke(revoked);
        assertEq(revokedBits(), 1, "index 0");
        vm.prank(TIMELOCK);
        ledger.setRules(reversed, reversed.codehash);
        assertEq(revokedBits(), 1 << 4, "index 4");
    }

    function test_constructor_rejects_missing_or_merged_roles() external {
        address[2][3] memory wrong = [[address(0), GUARDIAN], [TIMELOCK, address(0)], [TIMELOCK, TIMELOCK]];
        bytes32 hash = address(rules).codehash;
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(
                abi.encodeWithSelector(IReleaseLedger.LedgerInvalidRoles.selector, wrong[i][0], wrong[i][1])
            );
            new ReleaseLedger(wrong[i][0], wrong[i][1], address(rules), hash);
        }
    }

    function test_constructor_rejects_rules_of_another_code() external {
        bytes32 announced = keccak256("announced");
        vm.expectPartialRevert(IReleaseLedger.LedgerRulesCodeMismatch.selector);
        new ReleaseLedger(TIMELOCK, GUARDIAN, address(rules), announced);
    }
}
