// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  The largest set of independent builders
/// @notice Builders are bits of a mask, at most 32 of them. `conflicts[i]` are the builders that builder i is not
///         independent of, without i itself; it is symmetric.
library Independence {
    /// @notice How many builders the largest set has in which all are independent of one another.
    /// @dev    Exact. A builder whose conflicting builders all conflict with one another is in some largest set, so it is
    ///         taken. Where there is none, groups without conflicts between them are searched one by one; and in one
    ///         group, both possibilities for the builder with most conflicts.
    function largest(uint256[] memory conflicts, uint256 candidates) internal pure returns (uint256 size) {
        while (candidates != 0) {
            (uint256 chosen, bool certain) = _choose(conflicts, candidates);
            uint256 others = candidates & ~(1 << chosen);
            uint256 taken = others & ~conflicts[chosen];
            if (certain) {
                size++;
                candidates = taken;
                continue;
            }
            uint256 group = _groupOf(conflicts, candidates, chosen);
            if (group != candidates) {
                size += largest(conflicts, group);
                candidates &= ~group;
                continue;
            }
            uint256 with_ = 1 + largest(conflicts, taken);
            uint256 without = largest(conflicts, others);
            return size + (with_ > without ? with_ : without);
        }
    }

    /// A candidate that is in some largest set for certain, or else the one with most conflicts.
    function _choose(uint256[] memory conflicts, uint256 candidates)
        private
        pure
        returns (uint256 chosen, bool certain)
    {
        uint256 most;
        uint256 i;
        for (uint256 rest = candidates; rest != 0; rest >>= 1) {
            if (rest & 1 == 1) {
                uint256 around = conflicts[i] & candidates;
                if (_allConflict(conflicts, around)) return (i, true);
                uint256 degree = _count(around);
                if (degree > most) (chosen, most) = (i, degree);
            }
            i++;
        }
    }

    /// Whether all members of a set conflict with one another.
    function _allConflict(uint256[] memory conflicts, uint256 members) private pure returns (bool) {
        uint256 i;
        for (uint256 rest = members; rest != 0; rest >>= 1) {
            if (rest & 1 == 1 && members & ~(conflicts[i] | 1 << i) != 0) return false;
            i++;
        }
        return true;
    }

    /// The candidates that a chain of conflicts connects with one of them.
    function _groupOf(uint256[] memory conflicts, uint256 candidates, uint256 member)
        private
        pure
        returns (uint256 group)
    {
        uint256 grown = 1 << member;
        while (grown != group) {
            group = grown;
            uint256 i;
            for (uint256 rest = group; rest != 0; rest >>= 1) {
                if (rest & 1 == 1) grown |= conflicts[i] & candidates;
                i++;
            }
        }
    }

    function _count(uint256 members) private pure returns (uint256 count) {
        for (; members != 0; members &= members - 1) {
            count++;
        }
    }
}
