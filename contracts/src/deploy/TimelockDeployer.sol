// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title  Makes one timelock, with its roles where they belong, in one step
/// @notice OpenZeppelin's constructor cannot make an account that may cancel and nothing else: that needs an administrator
///         for a moment. Here the moment is inside a constructor, and the administrator a contract without any function,
///         so that no key ever holds the role and nobody can come in between.
///
///         Afterwards: the timelock administers itself; `proposer` may propose and cancel; `guardian` may cancel; anybody
///         may execute what is due. The timelock's address is that of the first contract created by this one (nonce 1).
contract TimelockDeployer {
    /// The two roles must be two accounts, neither of them zero.
    error TimelockDeployerInvalidRoles(address proposer, address guardian);
    /// Without a delay there is no timelock.
    error TimelockDeployerNoDelay();

    /// @param delay     Seconds between a proposal and its execution.
    /// @param proposer  May propose and cancel.
    /// @param guardian  May cancel.
    constructor(uint256 delay, address proposer, address guardian) {
        require(
            proposer != address(0) && guardian != address(0) && proposer != guardian,
            TimelockDeployerInvalidRoles(proposer, guardian)
        );
        require(delay != 0, TimelockDeployerNoDelay());

        address[] memory proposers = new address[](1);
        proposers[0] = proposer;
        // The zero address as executor stands for everybody.
        address[] memory executors = new address[](1);
        TimelockController timelock = new TimelockController(delay, proposers, executors, address(this));
        timelock.grantRole(timelock.CANCELLER_ROLE(), guardian);
        timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), address(this));
    }
}
