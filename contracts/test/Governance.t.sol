// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Safe} from "@safe-global/safe-smart-account/contracts/Safe.sol";

import {Deploy} from "../script/Deploy.s.sol";
import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {Safes} from "./utils/Safes.sol";
import {vm} from "./utils/Vm.sol";

/// The deployed whole, with OpenZeppelin's timelock and two Safes: who can do what, and how fast.
contract GovernanceTest is BaseTest {
    using Safes for Safe;

    uint256 private constant DELAY = 7 days;

    Deploy private script;
    TimelockController private timelock;
    Safe private proposer;
    Safe private guardian;
    uint256[] private proposerKeys;
    uint256[] private guardianKeys;

    function setUp() public override {
        vm.warp(START);
        proposerKeys = _keys("proposer", 2);
        guardianKeys = _keys("guardian", 2);
        proposer = Safes.create(proposerKeys, 2);
        guardian = Safes.create(guardianKeys, 2);

        remember(Federations.uniform(3, 4, 2));
        script = new Deploy();
        Deploy.Deployment memory deployed = script.deploy(_config(), address(script));
        timelock = deployed.timelock;
        rules = IQuorumRules(deployed.rules);
        ledger = deployed.ledger;
        completeGenesis();
    }

    /// Keys in ascending order of their addresses, as a Safe wants its signatures.
    function _keys(string memory who, uint256 count) private pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            keys[i] = uint256(keccak256(abi.encode(who, i))) >> 1;
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); j--) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
    }

    function _config() private view returns (Deploy.Config memory config) {
        config.delay = DELAY;
        config.guardian = address(guardian);
        config.proposers = new address[](1);
        config.proposers[0] = address(proposer);
        config.executors = new address[](1);
        config.configuration = fed.encode();
    }

    /// Schedules new rules through the proposer Safe; returns the call and the rules.
    function _schedule() private returns (bytes memory call_, address other) {
        Federation memory f = fed;
        f.names = keccak256("the next federation file");
        other = address(deployRules(f));
        call_ = abi.encodeCall(IReleaseLedger.setRules, (other, other.codehash));
        proposer.execute(
            proposerKeys, address(timelock), abi.encodeCall(timelock.schedule, (address(ledger), 0, call_, 0, 0, DELAY))
        );
    }

    function test_new_rules_take_the_safe_and_the_delay() external {
        (bytes memory call_, address other) = _schedule();
        vm.warp(START + DELAY - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        timelock.execute(address(ledger), 0, call_, 0, 0);

        vm.warp(START + DELAY);
        vm.prank(STRANGER);
        timelock.execute(address(ledger), 0, call_, 0, 0);
        assertEq(address(uint160(ledger.control())), other, "rules");
    }

    function test_the_guardian_can_cancel_what_is_queued() external {
        (bytes memory call_,) = _schedule();
        bytes32 id = timelock.hashOperation(address(ledger), 0, call_, 0, 0);
        guardian.execute(guardianKeys, address(timelock), abi.encodeCall(timelock.cancel, (id)));
        vm.warp(START + DELAY);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        timelock.execute(address(ledger), 0, call_, 0, 0);
    }

    function test_the_guardian_revokes_and_pauses_at_once() external {
        guardian.execute(guardianKeys, address(ledger), abi.encodeCall(ledger.revoke, (builder(0))));
        guardian.execute(guardianKeys, address(ledger), abi.encodeCall(ledger.pause, (1 days)));
        assertEq(revokedBits(), 1, "revoked");
        assertEq(ledger.control() >> 224, block.timestamp + 1 days, "paused");
    }

    function test_one_owner_of_two_can_do_nothing() external {
        uint256[] memory one = new uint256[](1);
        one[0] = guardianKeys[0];
        vm.expectRevert(abi.encodeWithSignature("Error(string)", "GS020"));
        this.executeAsGuardian(one, address(ledger), abi.encodeCall(ledger.pause, (1)));
    }

    function executeAsGuardian(uint256[] calldata keys, address to, bytes calldata data) external {
        guardian.execute(keys, to, data);
    }

    function executeAsProposer(uint256[] calldata keys, address to, bytes calldata data) external {
        proposer.execute(keys, to, data);
    }

    function test_the_proposer_has_no_direct_power_over_the_ledger() external {
        bytes[3] memory calls = [
            abi.encodeCall(ledger.setRules, (address(rules), address(rules).codehash)),
            abi.encodeCall(ledger.revoke, (builder(0))),
            abi.encodeCall(ledger.pause, (1))
        ];
        uint256[] memory keys = proposerKeys;
        for (uint256 i = 0; i < calls.length; i++) {
            vm.expectRevert();
            this.executeAsProposer(keys, address(ledger), calls[i]);
        }
    }

    function test_the_timelock_can_neither_revoke_nor_pause() external {
        bytes[2] memory calls = [abi.encodeCall(ledger.revoke, (builder(0))), abi.encodeCall(ledger.pause, (1))];
        for (uint256 i = 0; i < calls.length; i++) {
            proposer.execute(
                proposerKeys,
                address(timelock),
                abi.encodeCall(timelock.schedule, (address(ledger), 0, calls[i], 0, 0, DELAY))
            );
            vm.warp(START + (i + 1) * DELAY);
            vm.expectPartialRevert(IReleaseLedger.LedgerNotGuardian.selector);
            timelock.execute(address(ledger), 0, calls[i], 0, 0);
        }
    }

    function test_the_roles_are_where_they_belong_and_nowhere_else() external view {
        address[5] memory accounts =
            [address(proposer), address(guardian), address(timelock), address(script), address(this)];
        for (uint256 i = 0; i < accounts.length; i++) {
            address a = accounts[i];
            assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), a) == (i == 0), "proposer");
            // The constructor of the timelock lets its proposers cancel, too.
            assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), a) == (i <= 1), "canceller");
            assertTrue(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), a) == (i == 2), "admin");
        }
        assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)), "anybody executes");
        assertEq(timelock.getMinDelay(), DELAY, "delay");
    }

    function test_nobody_shortens_the_delay_without_the_delay() external {
        vm.expectPartialRevert(TimelockController.TimelockUnauthorizedCaller.selector);
        timelock.updateDelay(0);
        bytes memory call_ = abi.encodeCall(timelock.updateDelay, (0));
        uint256[] memory keys = proposerKeys;
        bytes memory early = abi.encodeCall(timelock.schedule, (address(timelock), 0, call_, 0, 0, DELAY - 1));
        vm.expectRevert();
        this.executeAsProposer(keys, address(timelock), early);
    }

    // ---------------------------------------------------------------------------------------------- deploying

    function test_deploying_rejects_a_short_delay_in_production() external {
        Deploy.Config memory config = _config();
        config.delay = DELAY - 1;
        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployDelayTooShort.selector, DELAY - 1, DELAY));
        script.deploy(config, address(script));
        config.development = true;
        script.deploy(config, address(script));
    }

    function test_deploying_rejects_missing_roles() external {
        Deploy.Config memory config = _config();
        config.guardian = address(0);
        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployMissingRole.selector, "guardian"));
        script.deploy(config, address(script));
        config = _config();
        config.proposers[0] = address(0);
        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployMissingRole.selector, "proposers"));
        script.deploy(config, address(script));
        config = _config();
        config.executors = new address[](0);
        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployMissingRole.selector, "executors"));
        script.deploy(config, address(script));
    }
}
