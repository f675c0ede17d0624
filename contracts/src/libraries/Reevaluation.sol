// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../interfaces/IReleaseLedger.sol";
import {Questions} from "./Questions.sol";
import {Record} from "./Record.sol";
import {Revocation} from "./Revocation.sol";

/// @title  How a recorded release stands now
/// @notice For views: takes records that the ledger wrote, and counts again without those who no longer count.
library Reevaluation {
    using Record for bytes;
    using Revocation for uint256;

    /// Builders that do not count, bit i for builder i of the rules; all bits where the rules themselves do not.
    struct Dropped {
        /// For good.
        uint256 lasting;
        /// While disputes are open.
        uint256 disputed;
        /// As endorsers: whoever was revoked at all.
        uint256 revoked;
    }

    /// @notice Who, of those a record relies on, no longer counts for it.
    /// @return found    The same for people.
    /// @return dropped  The same for counting, without `revoked`.
    function withdrawals(mapping(address subject => uint256 word) storage revocations, bytes calldata record)
        internal
        view
        returns (IReleaseLedger.Withdrawal[] memory found, Dropped memory dropped)
    {
        (uint256 systems, uint256 entries,) = record.head();
        found = new IReleaseLedger.Withdrawal[](entries + 1);
        uint256 count;
        for (uint256 i = 0; i <= entries; i++) {
            (uint256 index, address subject, uint64 signed) = i < entries ? record.entryAt(i) : (0, address(0), 0);
            uint256 bits = 1 << index;
            if (i == entries) {
                // Without its rules a record has no signers at all.
                (subject,) = record.rulesOf();
                (bits, signed) = (type(uint256).max, uint64(type(uint64).max >> (64 - systems)));
            }
            IReleaseLedger.Withdrawal memory one = _withdrawal(revocations[subject], record, subject, signed);
            if (one.effect == IReleaseLedger.Standing.Tainted) dropped.lasting |= bits;
            else if (one.effect == IReleaseLedger.Standing.Disputed) dropped.disputed |= bits;
            else continue;
            found[count++] = one;
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    /// What a revocation word means for a record; effect `Unknown` where it means nothing.
    function _withdrawal(uint256 word, bytes calldata record, address subject, uint64 signed)
        private
        view
        returns (IReleaseLedger.Withdrawal memory one)
    {
        (,, uint256 sequence) = record.head();
        (bool concerned, bool mayLapse) = word.concerns(sequence, block.timestamp);
        if (!concerned) return one;
        (one.since,,) = word.unpack();
        (one.subject, one.systems) = (subject, signed);
        one.effect = mayLapse ? IReleaseLedger.Standing.Disputed : IReleaseLedger.Standing.Tainted;
    }

    /// @notice The standing of each system.
    /// @param  dropped  From `withdrawals`.
    function standings(
        mapping(address subject => uint256 word) storage revocations,
        bytes32 release,
        bytes32 domain,
        bytes calldata record,
        bytes calldata endorsements,
        Dropped memory dropped
    ) internal view returns (IReleaseLedger.Standing[] memory result) {
        (uint256 systems,,) = record.head();
        (address rules, bytes32 codeHash) = record.rulesOf();
        require(rules.codehash == codeHash, IReleaseLedger.LedgerRulesCodeMismatch(rules, codeHash, rules.codehash));
        uint256 need = Questions.threshold(rules);
        bool known;
        (known, dropped.revoked) = Questions.revokedBuilders(revocations, rules);
        require(known, IReleaseLedger.LedgerRulesUnreadable(rules));

        uint256[] memory lapsed = _recount(release, domain, record, endorsements, dropped.lasting, dropped.revoked);
        uint256[] memory open =
            _recount(release, domain, record, endorsements, dropped.lasting | dropped.disputed, dropped.revoked);
        result = new IReleaseLedger.Standing[](systems);
        for (uint256 s = 0; s < systems; s++) {
            if (open[s] >= need) result[s] = IReleaseLedger.Standing.Final;
            else if (lapsed[s] >= need) result[s] = IReleaseLedger.Standing.Disputed;
            else result[s] = IReleaseLedger.Standing.Tainted;
        }
    }

    function _recount(
        bytes32 release,
        bytes32 domain,
        bytes calldata record,
        bytes calldata endorsements,
        uint256 dropped,
        uint256 revoked
    ) private view returns (uint256[] memory) {
        (uint256 systems,,) = record.head();
        (address rules,) = record.rulesOf();
        bytes memory question =
            abi.encodeCall(IQuorumRules.recount, (release, domain, record, endorsements, dropped, dropped | revoked));
        return Questions.recount(rules, question, systems);
    }
}
