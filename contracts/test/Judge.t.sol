// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federation, Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// Quorum: who is counted, for what, and which signatures are signatures.
contract JudgeTest is BaseTest {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    /// Where parts of the first signer lie in a submission for four systems.
    uint256 private constant INDEX = 128;
    uint256 private constant SYSTEMS = 129;
    uint256 private constant EVIDENCE = 137;
    uint256 private constant R = 169;
    uint256 private constant VS = 201;

    function _judge(bytes memory submission) private view returns (bytes memory) {
        return rules.judge(SECOND, domain(), submission);
    }

    function _refuses(bytes memory submission, bytes memory reason) private {
        bytes32 separator = domain();
        vm.expectRevert(reason);
        rules.judge(SECOND, separator, submission);
    }

    function _refuses(bytes memory submission, bytes4 selector) private {
        bytes32 separator = domain();
        vm.expectPartialRevert(selector);
        rules.judge(SECOND, separator, submission);
    }

    // -------------------------------------------------------------------------------------------- counting

    function test_answers_what_the_reference_answers() external view {
        bytes memory submission = submissionByAll(SECOND);
        (bool accepted, bytes memory answer) =
            Reference.judge(fed.encode(), address(rules), domain(), SECOND, submission);
        assertTrue(accepted, "reference");
        assertEq(_judge(submission), answer, "answer");
    }

    function test_CON_01_rejects_one_signer_fewer_than_the_threshold() external {
        uint256[] memory one = Federations.first(1);
        _refuses(submissionBy(SECOND, one), abi.encodeWithSelector(IQuorumRules.QuorumBelowThreshold.selector, 0, 1, 2));
    }

    function test_rejects_no_signer() external {
        bytes memory submission = submissionBy(SECOND, new uint256[](0));
        _refuses(submission, abi.encodeWithSelector(IQuorumRules.QuorumMalformedSubmission.selector, 128, 4));
    }

    function test_CON_02_rejects_a_signer_twice() external {
        _refuses(submissionBy(SECOND, 1, 1), abi.encodeWithSelector(IQuorumRules.QuorumUnorderedSigners.selector, 1, 1));
    }

    function test_rejects_signers_out_of_order() external {
        _refuses(submissionBy(SECOND, 2, 0), abi.encodeWithSelector(IQuorumRules.QuorumUnorderedSigners.selector, 2, 0));
    }

    function test_rejects_an_index_that_no_builder_has() external {
        bytes memory submission = submissionBy(SECOND, 0, 2);
        for (uint256 index = 3; index < 256; index += 11) {
            submission[INDEX + 105] = bytes1(uint8(index));
            _refuses(submission, abi.encodeWithSelector(IQuorumRules.QuorumUnknownBuilder.selector, index, 3));
        }
    }

    function test_CON_02_rejects_two_signers_that_share_one_domain() external {
        for (uint256 bit = 32; bit < 256; bit += 37) {
            Federation memory f = Federations.uniform(3, 4, 2);
            f.builders[0].domains |= 1 << bit;
            f.builders[1].domains |= 1 << bit;
            useFederation(f);
            uint256 shared = f.builders[0].domains & f.builders[1].domains;
            _refuses(
                submissionBy(SECOND, 0, 1),
                abi.encodeWithSelector(IQuorumRules.QuorumDependentSigners.selector, 0, 1, shared)
            );
            _judge(submissionBy(SECOND, 0, 2));
            _judge(submissionBy(SECOND, 1, 2));
        }
    }

    function test_rejects_a_dependent_signer_beside_a_sufficient_quorum() external {
        Federation memory f = Federations.uniform(3, 4, 2);
        f.builders[0].domains |= 1 << 99;
        f.builders[2].domains |= 1 << 99;
        useFederation(f);
        _refuses(submissionByAll(SECOND), IQuorumRules.QuorumDependentSigners.selector);
    }

    function test_rejects_a_system_below_the_threshold() external {
        Vote[] memory votes = votesOf(Federations.first(3));
        votes[0].systems = 0xb;
        votes[1].systems = 0x3;
        _refuses(
            submissionOf(SECOND, votes), abi.encodeWithSelector(IQuorumRules.QuorumBelowThreshold.selector, 2, 1, 2)
        );
    }

    function test_rejects_any_one_system_below_the_threshold() external {
        for (uint256 s = 0; s < 4; s++) {
            Vote[] memory votes = votesOf(Federations.first(3));
            votes[0].systems = votes[2].systems = 15 & ~uint64(1 << s);
            _refuses(
                submissionOf(SECOND, votes), abi.encodeWithSelector(IQuorumRules.QuorumBelowThreshold.selector, s, 1, 2)
            );
        }
    }

    function test_accepts_signers_that_cover_the_systems_between_them() external {
        Federation memory f = Federations.uniform(4, 3, 2);
        f.builders[0].systems = 1;
        f.builders[1].systems = 3;
        f.builders[3].systems = 6;
        useFederation(f);
        Vote[] memory votes = votesOf(Federations.first(4));
        votes[0].systems = 1;
        votes[1].systems = 3;
        votes[2].systems = 6;
        votes[3].systems = 4;
        bytes memory submission = submissionOf(SECOND, votes);
        (bool accepted, bytes memory answer) =
            Reference.judge(fed.encode(), address(rules), domain(), SECOND, submission);
        assertTrue(accepted, "reference");
        assertEq(_judge(submission), answer, "answer");
    }

    function test_accepts_dependent_signers_on_systems_apart() external {
        Federation memory f = Federations.uniform(4, 2, 2);
        for (uint256 i = 0; i < 4; i++) {
            f.builders[i].systems = i < 2 ? 1 : 2;
            f.builders[i].domains |= 1 << (i % 2 == 0 ? 77 : 78);
        }
        useFederation(f);
        _judge(submissionByAll(SECOND));
    }

    // -------------------------------------------------------------------------------------------- systems

    function test_rejects_a_signer_for_a_system_it_is_not_eligible_for() external {
        Federation memory f = Federations.uniform(3, 4, 2);
        f.builders[0].systems = 0x7;
        useFederation(f);
        Vote[] memory votes = votesOf(Federations.first(3));
        votes[0].systems = 0xf;
        _refuses(
            submissionOf(SECOND, votes),
            abi.encodeWithSelector(IQuorumRules.QuorumIneligibleSystems.selector, 0, 0xf, 0x7)
        );
    }

    function test_rejects_a_system_outside_the_configuration() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        submission[SYSTEMS] = 0x80;
        _refuses(
            submission,
            abi.encodeWithSelector(IQuorumRules.QuorumIneligibleSystems.selector, 0, uint256(0x80) << 56 | 0xf, 0xf)
        );
    }

    function test_rejects_a_signer_for_no_system() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        submission[SYSTEMS + 7] = 0;
        _refuses(submission, abi.encodeWithSelector(IQuorumRules.QuorumIneligibleSystems.selector, 0, 0, 0xf));
    }

    function test_CON_04_rejects_a_zero_digest() external {
        for (uint256 s = 0; s < 4; s++) {
            bytes memory submission = submissionBy(SECOND, 0, 1);
            for (uint256 i = 0; i < 32; i++) {
                submission[32 * s + i] = 0;
            }
            _refuses(submission, abi.encodeWithSelector(IQuorumRules.QuorumZeroDigest.selector, s));
        }
    }

    // ---------------------------------------------------------------------------------------------- lengths

    function test_rejects_every_other_length() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        for (uint256 length = 0; length < submission.length; length++) {
            if (length > 128 && (length - 128) % 105 == 0) continue;
            _refuses(
                Reference.slice(submission, 0, length),
                abi.encodeWithSelector(IQuorumRules.QuorumMalformedSubmission.selector, length, 4)
            );
        }
        _refuses(bytes.concat(submission, hex"00"), IQuorumRules.QuorumMalformedSubmission.selector);
    }

    // ------------------------------------------------------------------------------------------- signatures

    function test_rejects_any_altered_byte() external view {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        bytes32 separator = domain();
        for (uint256 i = 0; i < submission.length; i++) {
            bytes memory altered = bytes.concat(submission);
            altered[i] = altered[i] ^ 0x01;
            (bool accepted,) = address(rules).staticcall(abi.encodeCall(rules.judge, (SECOND, separator, altered)));
            assertTrue(!accepted, "one flipped bit");
        }
    }

    function test_rejects_a_signature_over_another_root() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        submission[5] = ~submission[5];
        _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
    }

    function test_rejects_a_signature_over_other_evidence() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        submission[EVIDENCE] = ~submission[EVIDENCE];
        _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
    }

    function test_rejects_a_signature_for_another_release() external {
        bytes memory submission = submissionBy(FIRST, 0, 1);
        _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
    }

    function test_rejects_a_signature_for_other_rules() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        IQuorumRules same = deployRules(fed);
        bytes32 separator = domain();
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        same.judge(SECOND, separator, submission);
    }

    function test_rejects_a_signature_for_another_ledger() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        ledger = deployLedger(address(rules));
        _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
    }

    function test_rejects_a_signature_for_another_chain() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        vm.chainId(block.chainid + 1);
        _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
    }

    function test_rejects_a_signature_by_another_builder() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        submission[INDEX + 105] = 0x02;
        _refuses(
            submission, abi.encodeWithSelector(IQuorumRules.QuorumBadSignature.selector, 2, builder(2), builder(1))
        );
    }

    function test_CON_06_rejects_a_signature_with_s_in_the_upper_half() external {
        bytes memory submission = submissionBy(SECOND, 0, 1);
        uint256 vs = uint256(bytes32(Reference.slice(submission, VS, 32)));
        uint256 s = vs & (type(uint256).max >> 1);
        // The other s of the same signature, where it still fits into 255 bits, with the other parity.
        uint256 other = ORDER - s;
        if (other >> 255 == 0) {
            _write(submission, VS, bytes32(other | (~vs >> 255) << 255));
            _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
        }
        _write(submission, VS, bytes32(ORDER / 2 + 1));
        _refuses(
            submission, abi.encodeWithSelector(IQuorumRules.QuorumBadSignature.selector, 0, builder(0), address(0))
        );
    }

    function test_rejects_what_is_no_signature() external {
        bytes32[4] memory values = [bytes32(0), bytes32(ORDER), bytes32(type(uint256).max), bytes32(ORDER + 1)];
        for (uint256 i = 0; i < values.length; i++) {
            bytes memory submission = submissionBy(SECOND, 0, 1);
            _write(submission, R, values[i]);
            _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
            submission = submissionBy(SECOND, 0, 1);
            _write(submission, VS, values[i]);
            _refuses(submission, IQuorumRules.QuorumBadSignature.selector);
        }
    }

    // ---------------------------------------------------------------------------------------------- extremes

    function test_CON_28_judges_thirty_two_builders_and_sixty_four_systems() external {
        useFederation(Federations.uniform(32, 64, 17));
        bytes memory submission = submissionBy(SECOND, Federations.first(17));
        (bool accepted, bytes memory answer) =
            Reference.judge(fed.encode(), address(rules), domain(), SECOND, submission);
        assertTrue(accepted, "reference");
        assertEq(_judge(submission), answer, "answer");
        _refuses(
            submissionBy(SECOND, Federations.first(16)),
            abi.encodeWithSelector(IQuorumRules.QuorumBelowThreshold.selector, 0, 16, 17)
        );
    }

    function test_judges_one_system() external {
        useFederation(Federations.uniform(2, 1, 2));
        _judge(submissionByAll(SECOND));
    }

    function _write(bytes memory data, uint256 start, bytes32 word) private pure {
        for (uint256 i = 0; i < 32; i++) {
            data[start + i] = word[i];
        }
    }
}
