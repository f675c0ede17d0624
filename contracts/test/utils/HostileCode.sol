// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Codes that rules could have if somebody put them there: from none at all to ones that try everything.
library HostileCode {
    uint256 internal constant COUNT = 20;

    /// @param which  0 to COUNT - 1.
    /// @param other  An account to delegate or forward to.
    function at(uint256 which, address other) internal pure returns (bytes memory) {
        // Nothing, something that is nothing, something that cannot be.
        if (which == 0) return "";
        if (which == 1) return hex"00";
        if (which == 2) return hex"fe";
        // Revert: with nothing, with a megabyte.
        if (which == 3) return hex"5f5ffd";
        if (which == 4) return hex"620fffff5ffd";
        // Run for ever; use up all memory.
        if (which == 5) return hex"5b5f56";
        if (which == 6) return hex"5b5f595256";
        // Answer: zeros as long as a record, a megabyte, one word of ones, what was asked, what the gas happens to be.
        if (which == 7) return hex"6104005ff3";
        if (which == 8) return hex"620fffff5ff3";
        if (which == 9) return hex"5f195f5260205ff3";
        if (which == 10) return hex"365f5f37365ff3";
        if (which == 11) return hex"5a5f5260205ff3";
        // Write, log, create, destroy: what a STATICCALL forbids.
        if (which == 12) return hex"60015f5500";
        if (which == 13) return hex"5f5fa000";
        if (which == 14) return hex"5f5f5ff000";
        if (which == 15) return hex"33ff";
        // Ask the caller back with what was asked, and itself.
        if (which == 16) return hex"365f5f375f5f365f335afa3d5f5f3e3d5ff3";
        if (which == 17) return hex"365f5f375f5f365f305afa3d5f5f3e3d5ff3";
        // A proxy whose implementation changes, and a delegated account: an authority's choice of code.
        if (which == 18) {
            return bytes.concat(hex"363d3d373d3d3d363d73", bytes20(other), hex"5af43d82803e903d91602b57fd5bf3");
        }
        return bytes.concat(hex"ef0100", bytes20(other));
    }
}
