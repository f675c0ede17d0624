// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../interfaces/IQuorumRules.sol";
import {SystemName} from "./SystemName.sol";

/// @title  The configuration at the end of the rules' code
/// @notice Per system 32 bytes `u8 length ‖ name ‖ zeros`; per builder 60 bytes `address ‖ u256 domains ‖ u64 systems`;
///         `bytes32 federation`, the SHA-256 of the file that names every domain bit; and a final word `u8 version = 1
///         ‖ u8 systems ‖ u8 builders ‖ u8 threshold ‖ 24 zero bytes ‖ u32 length` with the length of all of it.
/// @dev    The readers check no bounds: they are for configurations that passed `check`.
library Configuration {
    using SystemName for bytes32;

    uint256 internal constant VERSION = 1;
    uint256 internal constant MAX_SYSTEMS = 64;
    uint256 internal constant MAX_BUILDERS = 32;

    // ----------------------------------------------------------------------------------------------- reading

    /// @notice Copies the configuration from the end of the running code.
    function load() internal pure returns (bytes memory config) {
        assembly ("memory-safe") {
            codecopy(0x00, sub(codesize(), 0x20), 0x20)
            let length := and(mload(0x00), 0xffffffff)
            config := mload(0x40)
            mstore(config, length)
            codecopy(add(config, 0x20), sub(codesize(), length), length)
            mstore(0x40, and(add(add(config, length), 0x3f), not(0x1f)))
        }
    }

    /// @notice The final word.
    function finalWord(bytes memory config) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(config, mload(config)))
        }
    }

    /// @notice The counts in a final word.
    function counts(uint256 word) internal pure returns (uint256 systems, uint256 builders, uint256 threshold) {
        systems = (word >> 240) & 0xff;
        builders = (word >> 232) & 0xff;
        threshold = (word >> 224) & 0xff;
    }

    /// @notice The word of a system: `u8 length ‖ name ‖ zeros`.
    function systemAt(bytes memory config, uint256 index) internal pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(config, 0x20), shl(5, index)))
        }
    }

    /// @notice A builder.
    /// @param  systems  How many systems the configuration has.
    function builderAt(bytes memory config, uint256 systems, uint256 index)
        internal
        pure
        returns (address builder, uint256 domains, uint256 eligible)
    {
        assembly ("memory-safe") {
            let at := add(add(config, 0x20), add(shl(5, systems), mul(60, index)))
            builder := shr(96, mload(at))
            domains := mload(add(at, 20))
            eligible := shr(192, mload(add(at, 52)))
        }
    }

    /// @notice A mask with one bit for each of so many systems.
    function allSystems(uint256 systems) internal pure returns (uint256) {
        unchecked {
            return (1 << systems) - 1;
        }
    }

    // ---------------------------------------------------------------------------------------------- checking

    /// @notice Reverts, with the reason, unless the configuration is well formed, canonical and safe to judge by.
    function check(bytes memory config) internal pure {
        (uint256 systems, uint256 builders, uint256 threshold) = _checkFinalWord(config);
        _checkSystems(config, systems);
        _checkBuilders(config, systems, builders);
        _checkMajority(config, systems, builders, threshold);
    }

    function _checkFinalWord(bytes memory config)
        private
        pure
        returns (uint256 systems, uint256 builders, uint256 threshold)
    {
        require(config.length >= 32, IQuorumRules.QuorumConfigurationLength(config.length, 32));
        uint256 word = finalWord(config);
        (systems, builders, threshold) = counts(word);
        uint256 version = word >> 248;
        uint256 flags = (word >> 32) & type(uint192).max;
        require(version == VERSION, IQuorumRules.QuorumConfigurationVersion(version));
        require(flags == 0, IQuorumRules.QuorumConfigurationFlags(flags));
        require(systems != 0 && systems <= MAX_SYSTEMS, IQuorumRules.QuorumConfigurationSystemCount(systems));
        require(builders != 0 && builders <= MAX_BUILDERS, IQuorumRules.QuorumConfigurationBuilderCount(builders));
        uint256 expected = 32 * systems + 60 * builders + 64;
        require(config.length == expected, IQuorumRules.QuorumConfigurationLength(config.length, expected));
        uint256 written = word & type(uint32).max;
        require(written == expected, IQuorumRules.QuorumConfigurationLength(written, expected));
        require(threshold >= 2, IQuorumRules.QuorumConfigurationThreshold(threshold));
    }

    function _checkSystems(bytes memory config, uint256 systems) private pure {
        uint256 previous;
        for (uint256 i = 0; i < systems; i++) {
            bytes32 word = systemAt(config, i);
            require(word.isValid(), IQuorumRules.QuorumConfigurationSystemName(i, word));
            require(word.order() > previous, IQuorumRules.QuorumConfigurationSystemOrder(i));
            previous = word.order();
        }
    }

    function _checkBuilders(bytes memory config, uint256 systems, uint256 builders) private pure {
        for (uint256 i = 0; i < builders; i++) {
            (address builder, uint256 domains, uint256 eligible) = builderAt(config, systems, i);
            require(builder != address(0), IQuorumRules.QuorumConfigurationZeroBuilder(i));
            require(domains & type(uint32).max == 1 << i, IQuorumRules.QuorumConfigurationDomains(i, domains));
            require(
                eligible != 0 && eligible & ~allSystems(systems) == 0,
                IQuorumRules.QuorumConfigurationSystems(i, eligible)
            );
            for (uint256 j = 0; j < i; j++) {
                (address other,,) = builderAt(config, systems, j);
                require(other != builder, IQuorumRules.QuorumConfigurationDuplicateBuilder(j, i));
            }
        }
    }

    function _checkMajority(bytes memory config, uint256 systems, uint256 builders, uint256 threshold) private pure {
        for (uint256 s = 0; s < systems; s++) {
            uint256 count;
            for (uint256 i = 0; i < builders; i++) {
                (,, uint256 eligible) = builderAt(config, systems, i);
                count += (eligible >> s) & 1;
            }
            require(
                2 * threshold > count && threshold <= count,
                IQuorumRules.QuorumConfigurationMajority(s, threshold, count)
            );
        }
    }
}
