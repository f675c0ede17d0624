// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../interfaces/IReleaseLedger.sol";

/// @title  What the ledger asks rules, and how far it relies on their good will
/// @notice Every question is a STATICCALL. Rules may refuse a submission for any reason, with all the gas there is. What
///         the powers over rules depend on is asked with bounded gas and bounded answers, so that hostile rules cannot
///         prevent it; and only if that gas is certainly there, so that a caller cannot make honest rules look hostile.
library Questions {
    uint256 private constant MAX_BUILDERS = 32;
    /// Gas for one question about the rules, many times what honest rules need.
    uint256 private constant GAS = 200_000;
    /// What must be left before it. A call keeps a 64th back (EIP-150), and may cost 2,600 to begin with (EIP-2929).
    uint256 private constant GAS_LEFT = GAS * 64 / 63 + 7000;

    /// @notice The rules' answer to a question about a submission; reverts with their reason if they refuse.
    function judgment(address rules, bytes memory question) internal view returns (bytes memory answer) {
        // An answer is the ABI encoding of one `bytes`: its offset, its length, itself. Its length and contents already
        // lie in memory as Solidity keeps `bytes`, so that nothing needs to be copied once they are known to be exact.
        bool exact;
        assembly ("memory-safe") {
            let accepted := staticcall(gas(), rules, add(question, 0x20), mload(question), 0x00, 0x00)
            let size := returndatasize()
            let returned := mload(0x40)
            returndatacopy(returned, 0x00, size)
            if iszero(accepted) { revert(returned, size) }

            mstore(0x40, and(add(add(returned, size), 0x3f), not(0x1f)))
            answer := add(returned, 0x20)
            exact := and(gt(size, 0x3f), and(eq(mload(returned), 0x20), eq(add(mload(answer), 0x40), size)))
        }
        require(exact, IReleaseLedger.LedgerMalformedAnswer(rules));
    }

    /// @notice Per system, how many independent builders of a record count. Reverts with the rules' reason if they refuse,
    ///         and where they do not answer with one number per system.
    function recount(address rules, bytes memory question, uint256 systems)
        internal
        view
        returns (uint256[] memory counts)
    {
        (bool accepted, bytes memory returned) = rules.staticcall(question);
        if (!accepted) {
            assembly ("memory-safe") {
                revert(add(returned, 0x20), mload(returned))
            }
        }
        require(returned.length == 64 + 32 * systems, IReleaseLedger.LedgerRulesUnreadable(rules));
        bool exact;
        assembly ("memory-safe") {
            counts := add(returned, 0x40)
            exact := and(eq(mload(add(returned, 0x20)), 0x20), eq(mload(counts), systems))
        }
        require(exact, IReleaseLedger.LedgerRulesUnreadable(rules));
    }

    /// @notice How many independent builders each system needs; reverts where the rules do not say.
    function threshold(address rules) internal view returns (uint256 need) {
        bool known;
        (known, need) = _ask(rules, abi.encodeCall(IQuorumRules.threshold, ()));
        require(known && need >= 2 && need <= MAX_BUILDERS, IReleaseLedger.LedgerRulesUnreadable(rules));
    }

    /// @notice Which builders of the rules are revoked, if the rules say who their builders are.
    /// @return known    Whether they do.
    /// @return revoked  Bit i: builder i.
    function revokedBuilders(mapping(address subject => uint256 word) storage revocations, address rules)
        internal
        view
        returns (bool known, uint256 revoked)
    {
        uint256 count;
        (known, count) = _ask(rules, abi.encodeCall(IQuorumRules.builderCount, ()));
        if (!known || count == 0 || count > MAX_BUILDERS) return (false, 0);
        for (uint256 i = 0; i < count; i++) {
            uint256 builder;
            (known, builder) = _ask(rules, abi.encodeCall(IQuorumRules.builderAt, (i)));
            if (!known || builder == 0 || builder > type(uint160).max) return (false, 0);
            if (revocations[address(uint160(builder))] != 0) revoked |= 1 << i;
        }
    }

    /// Asks for one word. Bounded in gas and in what is copied.
    function _ask(address rules, bytes memory question) private view returns (bool answered, uint256 word) {
        uint256 left = gasleft();
        require(left >= GAS_LEFT, IReleaseLedger.LedgerTooLittleGas(left, GAS_LEFT));
        assembly ("memory-safe") {
            answered := staticcall(GAS, rules, add(question, 0x20), mload(question), 0x00, 0x20)
            answered := and(answered, eq(returndatasize(), 0x20))
            word := mload(0x00)
        }
    }
}
