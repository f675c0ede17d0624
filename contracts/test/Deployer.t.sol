// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {TimelockDeployer} from "../src/deploy/TimelockDeployer.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {vm} from "./utils/Vm.sol";

/// The one-shot deployer of the timelock: which roles exist afterwards, and that nothing is left to call.
contract DeployerTest is BaseTest {
    address private constant PROPOSER = address(0x9909);

    function _deploy(uint256 delay) private returns (TimelockDeployer deployer, TimelockController timelock) {
        deployer = new TimelockDeployer(delay, PROPOSER, GUARDIAN);
        // The address of the first contract that a contract creates: keccak(rlp([creator, 1])).
        timelock = TimelockController(
            payable(address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(deployer), hex"01"))))))
        );
    }

    function test_every_role_is_where_it_belongs_and_nowhere_else() external {
        (TimelockDeployer deployer, TimelockController timelock) = _deploy(7 days);
        assertEq(timelock.getMinDelay(), 7 days, "delay");
        address[6] memory accounts =
            [PROPOSER, GUARDIAN, address(timelock), address(0), address(deployer), address(this)];
        for (uint256 i = 0; i < accounts.length; i++) {
            address a = accounts[i];
            assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), a) == (i == 0), "proposer");
            assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), a) == (i <= 1), "canceller");
            assertTrue(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), a) == (i == 2), "admin");
            assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), a) == (i == 3), "executor");
        }
    }

    function test_roles_change_only_through_the_delay() external {
        (TimelockDeployer deployer, TimelockController timelock) = _deploy(7 days);
        bytes32 proposerRole = timelock.PROPOSER_ROLE();
        address[4] memory accounts = [PROPOSER, GUARDIAN, address(deployer), STRANGER];
        for (uint256 i = 0; i < accounts.length; i++) {
            vm.prank(accounts[i]);
            vm.expectRevert();
            timelock.grantRole(proposerRole, STRANGER);
        }
    }

    function test_the_deployer_has_nothing_to_call() external {
        (TimelockDeployer deployer,) = _deploy(1);
        (bool accepted,) = address(deployer).call(abi.encodeWithSignature("renounceRole(bytes32,address)", 0, this));
        assertTrue(!accepted, "a call");
        (accepted,) = address(deployer).call("");
        assertTrue(!accepted, "an empty call");
    }

    function test_the_timelock_has_the_plain_code() external {
        (, TimelockController timelock) = _deploy(1);
        address[] memory nobody = new address[](0);
        TimelockController plain = new TimelockController(2, nobody, nobody, address(this));
        assertEq(address(timelock).codehash, address(plain).codehash, "code");
    }

    function test_rejects_roles_that_are_missing_or_the_same() external {
        address[2][3] memory pairs = [[address(0), GUARDIAN], [PROPOSER, address(0)], [GUARDIAN, GUARDIAN]];
        for (uint256 i = 0; i < pairs.length; i++) {
            vm.expectRevert(
                abi.encodeWithSelector(TimelockDeployer.TimelockDeployerInvalidRoles.selector, pairs[i][0], pairs[i][1])
            );
            new TimelockDeployer(1, pairs[i][0], pairs[i][1]);
        }
    }

    function test_rejects_no_delay() external {
        vm.expectRevert(TimelockDeployer.TimelockDeployerNoDelay.selector);
        new TimelockDeployer(0, PROPOSER, GUARDIAN);
    }
}
