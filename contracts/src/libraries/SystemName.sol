// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The name of a system in one word
/// @notice `u8 length ‖ name ‖ zeros`; the name is 3 to 28 bytes of the form `[a-z0-9_]+-[a-z0-9_]+`.
library SystemName {
    uint256 private constant SHORTEST = 3;
    uint256 private constant LONGEST = 28;

    /// @notice The word of a name; of one that is too long to have a word, a word that is not valid.
    function pack(string calldata name) internal pure returns (bytes32 word) {
        bytes calldata text = bytes(name);
        if (text.length > LONGEST) return 0;
        return bytes32(text) >> 8 | bytes32(text.length << 248);
    }

    /// @notice Whether a word is that of a system.
    function isValid(bytes32 word) internal pure returns (bool) {
        uint256 length = uint8(word[0]);
        if (length < SHORTEST || length > LONGEST) return false;
        if (uint256(word) << (8 * (length + 1)) != 0) return false;
        uint256 dashes;
        for (uint256 i = 1; i <= length; i++) {
            bytes1 c = word[i];
            if (c == "-") {
                if (i == 1 || i == length) return false;
                dashes++;
            } else if (!((c >= "a" && c <= "z") || (c >= "0" && c <= "9") || c == "_")) {
                return false;
            }
        }
        return dashes == 1;
    }

    /// @notice A number that orders words as their names are ordered byte by byte.
    /// @dev    Without its length byte the name is left-aligned and zero-padded, and zero sorts before any letter.
    function order(bytes32 word) internal pure returns (uint256) {
        return uint256(word) << 8;
    }
}
