// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {QuorumRulesLogic} from "./QuorumRulesLogic.sol";
import {Configuration} from "./libraries/Configuration.sol";

/// @title  Deploys rules: the logic, then the configuration, as one code
/// @notice The deployed code is `type(QuorumRulesLogic).runtimeCode ‖ configuration`, so that the code hash in a record
///         names both. Whoever reads rules recognises the logic by the Keccak-256 of what precedes the configuration,
///         and repeats the checks below: nothing forces rules to have been deployed by this constructor.
contract QuorumRules {
    /// @param configuration  See `Configuration`. Refused, with the reason, unless well formed and safe to judge by.
    constructor(bytes memory configuration) {
        Configuration.check(configuration);
        bytes memory code = bytes.concat(type(QuorumRulesLogic).runtimeCode, configuration);
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }
}
