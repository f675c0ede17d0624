// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../../src/interfaces/IQuorumRules.sol";
import {Configuration} from "../../src/libraries/Configuration.sol";
import {Merkle} from "../../src/libraries/Merkle.sol";
import {QuorumRules} from "../../src/QuorumRules.sol";
import {Vm, vm} from "../utils/Vm.sol";

/// @notice Whom honest rules accept, for two small configurations. Proven by halmos on the code that is deployed; run with
///         tools/prove.
///
///         Signers and the systems that they name are taken one by one, so that memory has places; digests, evidence, release,
///         domain and signatures are any words. Recovering a signature may lead to any address, so that keys are no
///         obstacle: what is shown is that counting is right even if every signature is good.
contract RulesProof {
    /// Two systems, two of three builders; builders 1 and 2 belong to one company.
    IQuorumRules private two;
    /// One system, three of five builders; builders 3 and 4 belong to one company.
    IQuorumRules private three;

    function setUp() external {
        uint256[] memory domains = new uint256[](3);
        (domains[0], domains[1], domains[2]) = (1 | 1 << 40, 2 | 1 << 41, 4 | 1 << 41);
        two = IQuorumRules(address(new QuorumRules(_configuration(2, domains, 2))));
        domains = new uint256[](5);
        for (uint256 i = 0; i < 5; i++) {
            domains[i] = 1 << i | 1 << (i == 4 ? 43 : 40 + i);
        }
        three = IQuorumRules(address(new QuorumRules(_configuration(1, domains, 3))));
    }

    function _configuration(uint256 systems, uint256[] memory domains, uint256 threshold)
        private
        pure
        returns (bytes memory config)
    {
        for (uint256 i = 0; i < systems; i++) {
            config = bytes.concat(config, bytes32(uint256(3) << 248 | (uint256(bytes32("a-a")) >> 8) + (i << 224)));
        }
        for (uint256 i = 0; i < domains.length; i++) {
            config = bytes.concat(
                config, abi.encodePacked(address(uint160(0xb0b + i)), domains[i], uint64((1 << systems) - 1))
            );
        }
        uint256 length = config.length + 64;
        uint256 last = uint256(1) << 248 | systems << 240 | domains.length << 232 | threshold << 224 | length;
        config = bytes.concat(config, bytes32(0), bytes32(last));
    }

    /// The same number, but one that is written in the code of the path that is taken.
    function _concrete(uint256 value, uint256 below) private pure returns (uint256 result) {
        for (result = 0; result < below; result++) {
            if (value == result) return result;
        }
        vm.assume(false);
    }

    function _signer(uint256 index, uint256 mask, bytes32 a, bytes32 b, bytes32 c) private pure returns (bytes memory) {
        return abi.encodePacked(uint8(index), uint64(mask), a, b, c);
    }

    function _judge(IQuorumRules rules, bytes32 release, bytes32 domain, bytes memory submission)
        private
        view
        returns (bool accepted)
    {
        (accepted,) = address(rules).staticcall(abi.encodeCall(rules.judge, (release, domain, submission)));
    }

    /// One signer, whoever it is and whatever it names, is never a quorum.
    function check_one_signer_is_never_enough(uint8 index_, uint8 mask_, bytes32[7] calldata w) external view {
        uint256 index = _concrete(index_, 5);
        uint256 mask = _concrete(mask_, 5);
        bytes memory submission = bytes.concat(w[0], w[1], _signer(index, mask, w[2], w[3], w[4]));
        assert(!_judge(two, w[5], w[6], submission));
    }

    /// Two signers are a quorum for both systems only if they are two, known, in order, and of two companies.
    function check_two_signers_are_two(uint8[4] calldata shape, bytes32[10] calldata w) external view {
        uint256 a = _concrete(shape[0], 4);
        uint256 b = _concrete(shape[1], 4);
        uint256 first = _concrete(shape[2], 4);
        uint256 second = _concrete(shape[3], 4);
        bytes memory submission =
            bytes.concat(w[0], w[1], _signer(a, first, w[2], w[3], w[4]), _signer(b, second, w[5], w[6], w[7]));
        bool independent = a == 0 && (b == 1 || b == 2);
        if (_judge(two, w[8], w[9], submission)) {
            assert(independent && first == 3 && second == 3 && w[0] != 0 && w[1] != 0);
        }
    }

    /// Two of three needed are too few.
    function check_two_signers_are_not_three(uint8[2] calldata shape, bytes32[9] calldata w) external view {
        uint256 a = _concrete(shape[0], 6);
        uint256 b = _concrete(shape[1], 6);
        bytes memory submission = bytes.concat(w[0], _signer(a, 1, w[1], w[2], w[3]), _signer(b, 1, w[4], w[5], w[6]));
        assert(!_judge(three, w[7], w[8], submission));
    }

    /// Three signers are a quorum only if they are three, known, in order, and of three companies.
    function check_three_signers_are_three(uint8[3] calldata shape, bytes32[12] calldata w) external view {
        uint256 a = _concrete(shape[0], 6);
        uint256 b = _concrete(shape[1], 6);
        uint256 c = _concrete(shape[2], 6);
        bytes memory submission = bytes.concat(
            w[0], _signer(a, 1, w[1], w[2], w[3]), _signer(b, 1, w[4], w[5], w[6]), _signer(c, 1, w[7], w[8], w[9])
        );
        if (_judge(three, w[10], w[11], submission)) {
            assert(a < b && b < c && c < 5 && (b != 3 || c != 4) && w[0] != 0);
        }
    }

    /// A genesis without everybody is refused, whatever else it brings.
    function check_genesis_needs_everybody(uint8[2] calldata shape, bytes32[16] calldata w) external view {
        uint256 a = _concrete(shape[0], 4);
        uint256 b = _concrete(shape[1], 4);
        bytes memory submission =
            bytes.concat(w[0], w[1], _signer(a, 3, w[2], w[3], w[4]), _signer(b, 3, w[5], w[6], w[7]));
        bytes memory signatures = bytes.concat(w[10], w[11], w[12], w[13], w[14], w[15]);
        (bool accepted,) =
            address(two).staticcall(abi.encodeCall(two.judgeGenesis, (w[8], w[9], submission, signatures)));
        assert(!accepted);
    }

    /// No configuration passes whose threshold is below two, or that two disjoint sets of builders could meet.
    function check_threshold_is_a_majority(uint8 threshold, uint64[3] calldata eligible) external view {
        bytes memory config;
        config = bytes.concat(bytes32(uint256(3) << 248 | uint256(bytes32("a-a")) >> 8));
        config = bytes.concat(config, bytes32(uint256(3) << 248 | uint256(bytes32("a-b")) >> 8));
        for (uint256 i = 0; i < 3; i++) {
            config = bytes.concat(config, abi.encodePacked(address(uint160(0xb0b + i)), 1 << i, eligible[i]));
        }
        bytes32 last = bytes32(uint256(0x010203) << 232 | uint256(threshold) << 224 | (config.length + 64));
        config = bytes.concat(config, bytes32(0), last);
        (bool passed,) = address(this).staticcall(abi.encodeCall(this.requireProper, (config)));
        if (!passed) return;
        for (uint256 s = 0; s < 2; s++) {
            uint256 count = ((eligible[0] >> s) & 1) + ((eligible[1] >> s) & 1) + ((eligible[2] >> s) & 1);
            assert(threshold >= 2 && 2 * uint256(threshold) > count && threshold <= count);
        }
        for (uint256 i = 0; i < 3; i++) {
            assert(eligible[i] != 0 && eligible[i] <= 3);
        }
    }

    function requireProper(bytes calldata config) external pure {
        Configuration.check(config);
    }

    /// Lists of one length that differ have roots that differ, as far as Keccak-256 is without collisions.
    function check_root_binds_the_digests(uint8 length, bytes32[5] calldata a, bytes32[5] calldata b) external pure {
        uint256 count = _concrete(length, 6);
        if (count == 0) return;
        bytes32[] memory first = new bytes32[](count);
        bytes32[] memory second = new bytes32[](count);
        bool same = true;
        for (uint256 i = 0; i < count; i++) {
            bytes32 name = bytes32(uint256(3) << 248 | (uint256(bytes32("a-a")) >> 8) + (i << 224));
            (first[i], second[i]) = (Merkle.leaf(name, a[i]), Merkle.leaf(name, b[i]));
            bool equal = a[i] == b[i];
            assembly {
                same := and(same, equal)
            }
        }
        bool sameRoot = Merkle.root(first) == Merkle.root(second);
        assert(same == sameRoot);
    }

    // ------------------------------------------------------------------------- these must fail, or nothing is shown

    function check_must_fail_two_are_never_enough(bytes32[10] calldata w) external view {
        bytes memory submission =
            bytes.concat(w[0], w[1], _signer(0, 3, w[2], w[3], w[4]), _signer(1, 3, w[5], w[6], w[7]));
        assert(!_judge(two, w[8], w[9], submission));
    }

    function check_must_fail_three_are_never_enough(bytes32[12] calldata w) external view {
        bytes memory submission = bytes.concat(
            w[0], _signer(0, 1, w[1], w[2], w[3]), _signer(2, 1, w[4], w[5], w[6]), _signer(4, 1, w[7], w[8], w[9])
        );
        assert(!_judge(three, w[10], w[11], submission));
    }

    function check_must_fail_everybody_is_not_enough(bytes32[19] calldata w) external {
        // Independent builders: a third company instead of the second.
        uint256[] memory domains = new uint256[](2);
        (domains[0], domains[1]) = (1, 2);
        IQuorumRules rules = IQuorumRules(address(new QuorumRules(_configuration(1, domains, 2))));
        bytes memory submission = bytes.concat(w[0], _signer(0, 1, w[1], w[2], w[3]), _signer(1, 1, w[4], w[5], w[6]));
        bytes memory signatures = bytes.concat(w[9], w[10], w[11], w[12]);
        (bool accepted,) =
            address(rules).staticcall(abi.encodeCall(rules.judgeGenesis, (w[7], w[8], submission, signatures)));
        assert(!accepted);
    }

    function check_must_fail_no_configuration_passes(uint8 threshold) external view {
        uint256[] memory domains = new uint256[](3);
        (domains[0], domains[1], domains[2]) = (1, 2, 4);
        bytes memory config = _configuration(2, domains, threshold);
        (bool passed,) = address(this).staticcall(abi.encodeCall(this.requireProper, (config)));
        assert(!passed);
    }
}
