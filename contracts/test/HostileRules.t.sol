// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// The ledger under rules that answer anything at all.
contract HostileRulesTest is BaseTest {
    HostileRules private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileRules("", HostileRules.Description.Honest);
        ledger = deployLedger(address(hostile));
        // As if genesis had taken place.
        vm.store(address(ledger), CONTROL_SLOT, bytes32(ledger.control() | 1 << 192));
    }

    /// A well-formed answer with so many systems and signers.
    function _answer(uint256 systems, uint256 signers) private pure returns (bytes memory answer) {
        answer =
            abi.encodePacked(uint8(0), uint8(systems), uint8(signers), new bytes(29), keccak256("root"), new bytes(64));
        for (uint256 i = 0; i < signers; i++) {
            answer = bytes.concat(answer, _entry(i, 0xb0b + i, 1), keccak256("evidence"));
        }
        for (uint256 i = 0; i < systems; i++) {
            answer = bytes.concat(answer, keccak256(abi.encode("digest", i)));
        }
        for (uint256 i = 0; i < 2 * signers; i++) {
            answer = bytes.concat(answer, keccak256(abi.encode("signature", i)));
        }
    }

    function _entry(uint256 index, uint256 builder_, uint256 systems) private pure returns (bytes32) {
        return bytes32(index << 248 | builder_ << 64 | systems);
    }

    function _set(bytes memory answer, uint256 word, bytes32 value) private pure {
        for (uint256 i = 0; i < 32; i++) {
            answer[32 * word + i] = value[i];
        }
    }

    function _refuses(bytes memory answer) private {
        _refusesRaw(abi.encode(answer));
    }

    function _refusesRaw(bytes memory raw) private {
        hostile.answer(raw);
        uint256 before = ledger.control();
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerMalformedAnswer.selector, address(hostile)));
        ledger.finalise(SECOND, "");
        assertEq(ledger.releases(SECOND), 0, "nothing recorded");
        assertEq(ledger.control(), before, "nothing moved");
    }

    function _accepts(bytes memory answer, uint256 signers) private {
        hostile.answer(abi.encode(answer));
        bytes memory record = Reference.record(
            answer, signers, sequence() + 1, uint64(block.timestamp), address(hostile), address(hostile).codehash
        );
        ledger.finalise(SECOND, "");
        assertEq(ledger.releases(SECOND), keccak256(record), "what was answered, under the rules' own name");
    }

    function test_a_well_formed_answer_is_recorded_under_the_rules_own_name() external {
        _accepts(_answer(4, 3), 3);
    }

    function test_the_largest_answer_is_recorded() external {
        _accepts(_answer(64, 32), 32);
    }

    function test_the_smallest_answer_is_recorded() external {
        _accepts(_answer(1, 1), 1);
    }

    function test_rejects_nothing_at_all() external {
        _refusesRaw("");
        _refusesRaw(new bytes(32));
        _refusesRaw(new bytes(64));
        _refuses("");
        _refuses(new bytes(32));
    }

    function test_rejects_an_answer_of_zeros() external {
        for (uint256 length = 0; length <= 1024; length += 32) {
            _refuses(new bytes(length));
        }
    }

    function test_CON_04_rejects_a_zero_root() external {
        bytes memory answer = _answer(4, 3);
        _set(answer, 1, 0);
        _refuses(answer);
    }

    function test_rejects_a_zero_digest() external {
        for (uint256 s = 0; s < 4; s++) {
            bytes memory answer = _answer(4, 3);
            _set(answer, 4 + 6 + s, 0);
            _refuses(answer);
        }
    }

    /// One bit is enough to be something: every word that must not be zero is looked at as a whole.
    function test_accepts_a_root_a_digest_and_a_builder_of_a_single_bit() external {
        uint256 clean = vm.snapshotState();
        for (uint256 bit = 0; bit < 256; bit += 15) {
            for (uint256 word = 1; word < 5; word++) {
                if (word == 2 || (word == 4 && bit > 165)) continue;
                bytes memory answer = _answer(1, 1);
                if (word == 4) _set(answer, word, _entry(0, 1 << (bit == 165 ? 159 : bit), 1));
                else _set(answer, word == 3 ? 6 : word, bytes32(1 << bit));
                _accepts(answer, 1);
                vm.revertToState(clean);
                clean = vm.snapshotState();
            }
        }
    }

    function test_rejects_no_systems_and_no_entries() external {
        _refuses(_answer(0, 3));
        _refuses(_answer(4, 0));
        _refuses(_answer(0, 0));
    }

    function test_rejects_more_than_the_limits() external {
        _refuses(_answer(65, 3));
        _refuses(_answer(255, 3));
        _refuses(_answer(4, 33));
        _refuses(_answer(4, 255));
    }

    function test_rejects_anything_else_in_the_first_word() external {
        for (uint256 bit = 0; bit < 256; bit += 3) {
            if (bit >= 232 && bit < 248) continue;
            bytes memory answer = _answer(4, 3);
            _set(answer, 0, bytes32(uint256(bytes32(Reference.slice(answer, 0, 32))) ^ 1 << bit));
            _refuses(answer);
        }
    }

    function test_rejects_rules_that_write_what_only_the_ledger_writes() external {
        for (uint256 word = 2; word < 4; word++) {
            for (uint256 bit = 0; bit < 256; bit += 17) {
                bytes memory answer = _answer(4, 3);
                _set(answer, word, bytes32(1 << bit));
                _refuses(answer);
            }
        }
    }

    function test_rejects_entries_out_of_order_or_twice() external {
        bytes memory answer = _answer(4, 3);
        _set(answer, 6, _entry(0, 0xb0c, 1));
        _refuses(answer);
        answer = _answer(4, 3);
        _set(answer, 4, _entry(9, 0xb0b, 1));
        _refuses(answer);
        answer = _answer(4, 3);
        _set(answer, 8, _entry(1, 0xb0d, 1));
        _refuses(answer);
    }

    function test_rejects_an_index_above_thirty_one() external {
        for (uint256 index = 32; index < 256; index += 17) {
            bytes memory answer = _answer(4, 3);
            _set(answer, 8, _entry(index, 0xb0d, 1));
            _refuses(answer);
        }
    }

    function test_rejects_bytes_between_index_and_address() external {
        for (uint256 bit = 224; bit < 248; bit++) {
            bytes memory answer = _answer(4, 3);
            _set(answer, 6, _entry(1, 0xb0c, 1) | bytes32(1 << bit));
            _refuses(answer);
        }
    }

    function test_rejects_the_zero_address() external {
        bytes memory answer = _answer(4, 3);
        _set(answer, 6, _entry(1, 0, 1));
        _refuses(answer);
    }

    function test_rejects_entries_for_no_system_or_an_unknown_one() external {
        uint256[3] memory wrong = [uint256(0), 0x10, 1 << 63];
        for (uint256 i = 0; i < wrong.length; i++) {
            bytes memory answer = _answer(4, 3);
            _set(answer, 6, _entry(1, 0xb0c, wrong[i]));
            _refuses(answer);
        }
    }

    function test_rejects_every_other_length() external {
        bytes memory answer = _answer(2, 2);
        for (uint256 length = 0; length < answer.length; length += 8) {
            _refuses(Reference.slice(answer, 0, length));
        }
        _refuses(bytes.concat(answer, hex"00"));
        _refuses(bytes.concat(answer, new bytes(32)));
        _refuses(bytes.concat(answer, new bytes(64)));
    }

    function test_rejects_encodings_that_are_not_exact() external {
        bytes memory answer = _answer(2, 2);
        bytes memory raw = abi.encode(answer);
        _refusesRaw(bytes.concat(raw, new bytes(32)));
        _refusesRaw(bytes.concat(raw, new bytes(1)));
        _refusesRaw(Reference.slice(raw, 0, raw.length - 1));
        _refusesRaw(bytes.concat(bytes32(uint256(64)), Reference.slice(raw, 32, raw.length - 32)));
        uint256[3] memory lengths = [type(uint256).max, type(uint256).max - 31, answer.length + 1];
        for (uint256 i = 0; i < lengths.length; i++) {
            _refusesRaw(bytes.concat(bytes32(uint256(32)), bytes32(lengths[i]), answer));
        }
    }

    function test_rejects_a_revoked_builder() external {
        hostile.addBuilder(address(0xb0b));
        hostile.addBuilder(address(0xb0c));
        hostile.addBuilder(address(0xb0d));
        vm.prank(GUARDIAN);
        ledger.revoke(address(0xb0d));
        hostile.answer(abi.encode(_answer(4, 3)));
        vm.expectRevert(abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, 2, address(0xb0d)));
        ledger.finalise(SECOND, "");
        _accepts(_answer(4, 2), 2);
    }

    function test_CON_14_rejects_a_revoked_builder_wherever_it_stands() external {
        uint256 clean = vm.snapshotState();
        for (uint256 i = 0; i < 3; i++) {
            for (uint256 j = 0; j < 3; j++) {
                hostile.addBuilder(address(uint160(0xb0b + j)));
            }
            vm.prank(GUARDIAN);
            ledger.revoke(address(uint160(0xb0b + i)));
            hostile.answer(abi.encode(_answer(4, 3)));
            vm.expectRevert(
                abi.encodeWithSelector(IReleaseLedger.LedgerSignerRevoked.selector, i, address(uint160(0xb0b + i)))
            );
            ledger.finalise(SECOND, "");
            vm.revertToState(clean);
            clean = vm.snapshotState();
        }
    }

    function test_passes_on_the_rules_own_reason() external {
        ledger = deployLedger(address(rules));
        completeGenesis();
        vm.expectRevert(abi.encodeWithSignature("QuorumMalformedSubmission(uint256,uint256)", 3, 4));
        ledger.finalise(SECOND, "abc");
    }

    /// Whatever the answer, either nothing changes or one release is recorded with the next number.
    function testFuzz_CON_18_any_answer_is_refused_or_recorded_once(bytes calldata raw) external {
        hostile.answer(raw);
        uint256 before = ledger.control();
        try ledger.finalise(SECOND, "") {
            assertTrue(ledger.releases(SECOND) != 0, "recorded");
            assertEq(ledger.control(), before + (1 << 192), "next number");
        } catch {
            assertEq(ledger.releases(SECOND), 0, "nothing recorded");
            assertEq(ledger.control(), before, "nothing moved");
        }
    }

    /// One altered byte of a well-formed answer: refused, or recorded exactly as answered.
    function testFuzz_an_altered_answer_is_refused_or_recorded_as_answered(uint256 position, bytes1 value) external {
        bytes memory answer = _answer(3, 3);
        answer[position % answer.length] = value;
        hostile.answer(abi.encode(answer));
        vm.recordLogs();
        try ledger.finalise(SECOND, "") {
            bytes memory data = abi.decode(vm.getRecordedLogs()[0].data, (bytes));
            uint256 record = data.length - 64 * 3;
            assertEq(ledger.releases(SECOND), keccak256(Reference.slice(data, 0, record)), "event and slot agree");
            assertEq(
                Reference.slice(data, 128, data.length - 128), Reference.slice(answer, 128, data.length - 128), "body"
            );
            assertEq(Reference.slice(data, 32, 32), Reference.slice(answer, 32, 32), "root");
        } catch {
            assertEq(ledger.releases(SECOND), 0, "nothing recorded");
        }
    }
}
