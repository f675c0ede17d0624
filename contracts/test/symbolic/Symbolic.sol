// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The one of halmos's own cheat codes that the proofs use.
interface Svm {
    /// From here on, whatever was not written to the account's storage may be anything.
    function enableSymbolicStorage(address account) external;
}

/// @dev Where halmos answers them.
Svm constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

/// @notice Rules that answer what they were told to, to any question: what is told may be symbolic.
contract SymbolicRules {
    /// What `builderCount` and `builderAt` answer.
    uint256 public builderCount;
    mapping(uint256 index => uint256 word) private builders;
    /// Whether those questions are refused instead.
    bool private silent;
    /// The words of the answer to a submission.
    mapping(uint256 index => bytes32 word) private words;
    uint256 private size;

    function describe(uint256 count, uint256 first, uint256 second, bool silent_) external {
        (builderCount, builders[0], builders[1], silent) = (count, first, second, silent_);
    }

    function answer(uint256 size_, bytes32[11] calldata words_) external {
        size = size_;
        for (uint256 i = 0; i < 11; i++) {
            words[i] = words_[i];
        }
    }

    function builderAt(uint256 index) external view returns (uint256) {
        require(!silent);
        return builders[index];
    }

    fallback() external {
        uint256 size_ = size;
        bytes memory encoded = new bytes(32 * size_);
        for (uint256 i = 0; i < size_; i++) {
            bytes32 word = words[i];
            assembly {
                mstore(add(add(encoded, 0x20), shl(5, i)), word)
            }
        }
        encoded = abi.encode(encoded);
        assembly {
            return(add(encoded, 0x20), mload(encoded))
        }
    }
}
