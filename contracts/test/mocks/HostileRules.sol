// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Rules that answer whatever they were told to, to every question about a submission.
contract HostileRules {
    /// How these rules answer when they are asked about themselves.
    enum Description {
        Honest,
        NoBuilders,
        TooManyBuilders,
        ZeroBuilder,
        DirtyBuilder,
        Reverts,
        LongAnswers,
        BurnsGas,
        TurnsSilent
    }

    bytes private raw;
    Description private description;
    address[] private builders;

    constructor(bytes memory raw_, Description description_) {
        raw = raw_;
        description = description_;
    }

    function answer(bytes memory raw_) external {
        raw = raw_;
    }

    function describe(Description description_) external {
        description = description_;
    }

    function addBuilder(address builder) external {
        builders.push(builder);
    }

    function builderCount() external view returns (uint256) {
        if (description == Description.NoBuilders) return 0;
        if (description == Description.TooManyBuilders) return 33;
        _misbehave();
        return builders.length == 0 ? 3 : builders.length;
    }

    function builderAt(uint256 index) external view returns (uint256) {
        if (description == Description.ZeroBuilder && index == 2) return 0;
        if (description == Description.DirtyBuilder) return type(uint256).max;
        _misbehave();
        return builders.length == 0 ? 0xb0b + index : uint160(builders[index]);
    }

    function threshold() external view returns (uint256) {
        _misbehave();
        return description == Description.NoBuilders ? 2 : 0;
    }

    fallback() external {
        bytes memory answer_ = raw;
        assembly ("memory-safe") {
            return(add(answer_, 0x20), mload(answer_))
        }
    }

    function _misbehave() private view {
        if (description == Description.Reverts) revert("no");
        if (description == Description.LongAnswers) {
            // What is too long begins with an answer that would do.
            assembly ("memory-safe") {
                mstore(0x00, 3)
                return(0x00, 0x40)
            }
        }
        if (description == Description.BurnsGas) {
            while (gasleft() > 0) {}
        }
        if (description == Description.TurnsSilent) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
    }
}
