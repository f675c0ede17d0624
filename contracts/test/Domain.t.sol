// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {Signature} from "../src/libraries/Signature.sol";
import {Typed} from "../src/libraries/Typed.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {vm} from "./utils/Vm.sol";

/// Domain, types and signatures, against the reference and OpenZeppelin.
contract DomainTest is BaseTest {
    function test_the_separator_is_that_of_this_chain_and_ledger() external view {
        assertEq(ledger.domainSeparator(), Reference.domainSeparator(block.chainid, address(ledger)), "separator");
    }

    function test_describes_its_domain() external view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = ledger.eip712Domain();
        assertEq(
            MessageHashUtils.toDomainSeparator(fields, name, version, chainId, verifyingContract, salt),
            ledger.domainSeparator(),
            "what the description hashes to"
        );
        assertEq(extensions.length, 0, "no extensions");
    }

    function testFuzz_CON_08_follows_the_chain_through_a_fork(uint64 chain) external {
        vm.assume(chain != 0 && chain != block.chainid);
        completeGenesis();
        bytes memory before = submissionBy(SECOND, 0, 1);
        bytes32 separator = ledger.domainSeparator();
        vm.chainId(chain);
        assertTrue(ledger.domainSeparator() != separator, "another separator");
        assertEq(ledger.domainSeparator(), Reference.domainSeparator(chain, address(ledger)), "of that chain");
        vm.expectPartialRevert(IQuorumRules.QuorumBadSignature.selector);
        ledger.finalise(SECOND, before);
        ledger.finalise(SECOND, submissionBy(SECOND, 0, 1));
    }

    function testFuzz_CON_09_attestations_hash_as_the_reference(
        bytes32 domain_,
        bytes32 release,
        bytes32[2] memory root,
        bytes32[2] memory evidence,
        address rules_
    ) external pure {
        uint256 form = Typed.attestationForm(domain_, release, rules_);
        for (uint256 i = 0; i < 2; i++) {
            assertEq(
                Typed.attestation(form, root[i], evidence[i]),
                Reference.attestation(domain_, release, root[i], evidence[i], rules_),
                "attestation"
            );
        }
        assertEq(
            Typed.genesis(domain_, root[0], release, root[1]),
            Reference.genesis(domain_, root[0], release, root[1]),
            "genesis"
        );
    }

    function testFuzz_recovers_whom_openzeppelin_recovers(uint256 key, bytes32 digest) external view {
        key = key % (type(uint128).max - 1) + 1;
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        assertEq(Signature.recover(digest, r, vs), vm.addr(key), "signer");
        _compare(digest, r, vs);
        _compare(digest, r, vs ^ bytes32(uint256(1) << 255));
        _compare(keccak256(abi.encode(digest)), r, vs);
    }

    function testFuzz_CON_06_refuses_what_openzeppelin_refuses(bytes32 digest, bytes32 r, bytes32 vs) external view {
        _compare(digest, r, vs);
        bytes32 half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
        for (uint256 parity = 0; parity < 2; parity++) {
            bytes32 bit = bytes32(parity << 255);
            _compare(digest, r, half | bit);
            _compare(digest, r, bytes32(uint256(half) + 1) | bit);
            _compare(digest, r, bit);
            _compare(digest, 0, vs);
        }
    }

    /// The precompile answers nothing for what is no signature; what memory held before must not be taken for an answer.
    function test_CON_05_recovers_nobody_whatever_memory_holds() external view {
        bytes32 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        address left = builder(0);
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, left)
        }
        assertEq(Signature.recover(keccak256("digest"), order, bytes32(uint256(1))), address(0), "nobody");
    }

    function _compare(bytes32 digest, bytes32 r, bytes32 vs) private view {
        (address expected,,) = ECDSA.tryRecover(digest, r, vs);
        assertEq(Signature.recover(digest, r, vs), expected, "same signer");
    }
}
