// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {QuorumRules} from "../src/QuorumRules.sol";
import {ReleaseLedger} from "../src/ReleaseLedger.sol";
import {vm} from "../test/utils/Vm.sol";

/// @title  Deploys one ledger with its first rules and its timelock
/// @notice Reads the JSON file named by `NIX_SEED_DEPLOY_CONFIG`, writes the one named by `NIX_SEED_DEPLOY_OUTPUT`; see
///         `script/config/example.json` and the README. The deployer keeps no role.
contract Deploy {
    uint256 private constant PRODUCTION_DELAY = 7 days;

    struct Config {
        uint256 delay;
        bool development;
        address guardian;
        address[] proposers;
        address[] executors;
        bytes configuration;
    }

    struct Deployment {
        TimelockController timelock;
        address rules;
        ReleaseLedger ledger;
    }

    /// The timelock's delay is shorter than production needs, and the file does not say that this is development.
    error DeployDelayTooShort(uint256 delay, uint256 least);
    /// A role is empty or held by the zero address.
    error DeployMissingRole(string role);
    /// After deployment a role was not where it belongs.
    error DeployRoleMisplaced(string role, address account);

    /// @notice The entry point for `forge script`.
    function run() external {
        Config memory config = _read(vm.envString("NIX_SEED_DEPLOY_CONFIG"));
        uint256 before = block.number;
        vm.startBroadcast();
        Deployment memory deployed = deploy(config, msg.sender);
        vm.stopBroadcast();
        vm.writeFile(vm.envString("NIX_SEED_DEPLOY_OUTPUT"), _describe(deployed, config, before));
    }

    /// @notice Deploys; `deployer` is the account that sends the transactions.
    function deploy(Config memory config, address deployer) public returns (Deployment memory d) {
        _check(config);
        // The deployer is an administrator for three transactions, because the constructor has no way to make an account
        // that may only cancel.
        d.timelock = new TimelockController(config.delay, config.proposers, config.executors, deployer);
        d.timelock.grantRole(d.timelock.CANCELLER_ROLE(), config.guardian);
        d.timelock.renounceRole(d.timelock.DEFAULT_ADMIN_ROLE(), deployer);
        d.rules = address(new QuorumRules(config.configuration));
        d.ledger = new ReleaseLedger(address(d.timelock), config.guardian, d.rules, d.rules.codehash);
        _verify(d, config, deployer);
    }

    function _check(Config memory config) private pure {
        require(
            config.development || config.delay >= PRODUCTION_DELAY, DeployDelayTooShort(config.delay, PRODUCTION_DELAY)
        );
        require(config.guardian != address(0), DeployMissingRole("guardian"));
        require(config.executors.length != 0, DeployMissingRole("executors"));
        require(config.proposers.length != 0, DeployMissingRole("proposers"));
        for (uint256 i = 0; i < config.proposers.length; i++) {
            require(config.proposers[i] != address(0), DeployMissingRole("proposers"));
        }
    }

    function _verify(Deployment memory d, Config memory config, address deployer) private view {
        bytes32 admin = d.timelock.DEFAULT_ADMIN_ROLE();
        require(!d.timelock.hasRole(admin, deployer), DeployRoleMisplaced("admin", deployer));
        require(d.timelock.hasRole(admin, address(d.timelock)), DeployRoleMisplaced("admin", address(d.timelock)));
        require(
            d.timelock.hasRole(d.timelock.CANCELLER_ROLE(), config.guardian),
            DeployRoleMisplaced("canceller", config.guardian)
        );
        require(d.ledger.timelock() == address(d.timelock), DeployRoleMisplaced("timelock", d.ledger.timelock()));
        require(d.ledger.guardian() == config.guardian, DeployRoleMisplaced("guardian", d.ledger.guardian()));
    }

    function _read(string memory path) private view returns (Config memory config) {
        string memory json = vm.readFile(path);
        config.delay = vm.parseJsonUint(json, ".delay");
        config.development = vm.parseJsonBool(json, ".development");
        config.guardian = vm.parseJsonAddress(json, ".guardian");
        config.proposers = vm.parseJsonAddressArray(json, ".proposers");
        config.executors = vm.parseJsonAddressArray(json, ".executors");
        config.configuration = vm.parseJsonBytes(json, ".configuration");
    }

    /// `block` is the last block before the deployment: no event of this ledger is older. `genesisHash` is absent where
    /// the chain no longer tells the hash of its first block to contracts.
    function _describe(Deployment memory d, Config memory config, uint256 before) private view returns (string memory) {
        bytes32 first = blockhash(0);
        return string.concat(
            "{\n",
            string.concat("  \"chainId\": ", vm.toString(block.chainid), ",\n"),
            first == 0 ? "" : string.concat("  \"genesisHash\": \"", vm.toString(first), "\",\n"),
            string.concat("  \"ledger\": \"", vm.toString(address(d.ledger)), "\",\n"),
            string.concat("  \"ledgerCodeHash\": \"", vm.toString(address(d.ledger).codehash), "\",\n"),
            string.concat("  \"rules\": \"", vm.toString(d.rules), "\",\n"),
            string.concat("  \"rulesCodeHash\": \"", vm.toString(d.rules.codehash), "\",\n"),
            string.concat("  \"timelock\": \"", vm.toString(address(d.timelock)), "\",\n"),
            string.concat("  \"guardian\": \"", vm.toString(config.guardian), "\",\n"),
            string.concat("  \"block\": ", vm.toString(before), "\n}\n")
        );
    }
}
