// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Configuration} from "../src/libraries/Configuration.sol";
import {Merkle} from "../src/libraries/Merkle.sol";
import {QuorumRules} from "../src/QuorumRules.sol";
import {QuorumRulesLogic} from "../src/QuorumRulesLogic.sol";
import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {Typed} from "../src/libraries/Typed.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federations} from "./utils/Federation.sol";
import {Vm, vm} from "./utils/Vm.sol";

/// The golden and negative vectors that the other implementations read, too.
contract VectorsTest is BaseTest {
    string private constant FOLDER = "../tests/vectors/";

    function setUp() public override {}

    function _file(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat(FOLDER, name));
    }

    // ---------------------------------------------------------------------------------------------- merkle

    function test_merkle() external view {
        string memory json = _file("merkle.json");
        uint256 cases;
        for (; vm.keyExistsJson(json, _at(cases, "")); cases++) {
            string[] memory systems = vm.parseJsonStringArray(json, _at(cases, ".systems"));
            bytes32[] memory digests = vm.parseJsonBytes32Array(json, _at(cases, ".digests"));
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, _at(cases, ".leaves"));
            assertTrue(systems.length == leaves.length && digests.length == leaves.length, "lengths");
            for (uint256 i = 0; i < leaves.length; i++) {
                bytes memory name = bytes(systems[i]);
                bytes32 word = bytes32(bytes.concat(bytes1(uint8(name.length)), name, new bytes(31 - name.length)));
                assertEq(Merkle.leaf(word, digests[i]), leaves[i], "leaf");
                assertEq(Reference.leaf(name, digests[i]), leaves[i], "leaf of the reference");
            }
            bytes32 root = vm.parseJsonBytes32(json, _at(cases, ".root"));
            assertEq(Reference.root(leaves), root, "root of the reference");
            assertEq(Merkle.root(leaves), root, "root");
        }
        assertTrue(cases > 5, "cases");
    }

    function _at(uint256 index, string memory key) private pure returns (string memory) {
        return string.concat(".[", vm.toString(index), "]", key);
    }

    // ------------------------------------------------------------------------------------------ typed data

    function test_types_and_domain() external view {
        string memory json = _file("typed-data.json");
        assertEq(vm.parseJsonBytes32(json, ".types[0].typeHash"), Typed.DOMAIN_TYPEHASH, "EIP712Domain");
        assertEq(vm.parseJsonBytes32(json, ".types[1].typeHash"), Typed.ATTESTATION_TYPEHASH, "Attestation");
        assertEq(vm.parseJsonUint(json, ".domain.chainId"), block.chainid, "chain");
        assertEq(
            Typed.domainSeparator(vm.parseJsonAddress(json, ".domain.verifyingContract")),
            vm.parseJsonBytes32(json, ".domain.separator"),
            "separator"
        );
    }

    function test_attestations_and_genesis() external view {
        string memory json = _file("typed-data.json");
        bytes32 separator = vm.parseJsonBytes32(json, ".domain.separator");
        bytes32 release = vm.parseJsonBytes32(json, ".release");
        uint256 form = Typed.attestationForm(separator, release, vm.parseJsonAddress(json, ".rules"));
        for (uint256 i = 0; i < 3; i++) {
            string memory key = string.concat(".attestations[", vm.toString(i), "]");
            bytes32 digest = Typed.attestation(
                form,
                vm.parseJsonBytes32(json, string.concat(key, ".root")),
                vm.parseJsonBytes32(json, string.concat(key, ".evidence"))
            );
            assertEq(digest, vm.parseJsonBytes32(json, string.concat(key, ".digest")), "digest");
            _signedBy(digest, json, key);
        }
        bytes32 genesis = Typed.genesis(
            separator,
            vm.parseJsonBytes32(json, ".genesis.rulesCodeHash"),
            release,
            vm.parseJsonBytes32(json, ".genesis.root")
        );
        assertEq(genesis, vm.parseJsonBytes32(json, ".genesis.digest"), "genesis");
        _signedBy(genesis, json, ".genesis");
    }

    function _signedBy(bytes32 digest, string memory json, string memory key) private pure {
        bytes memory signature = vm.parseJsonBytes(json, string.concat(key, ".signature"));
        (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
        assertEq(Reference.recover(digest, r, vs), vm.parseJsonAddress(json, string.concat(key, ".builder")), "builder");
    }

    // --------------------------------------------------------------------------------------- configuration

    function test_configuration() external {
        string memory json = _file("configuration.json");
        bytes memory config = vm.parseJsonBytes(json, ".configuration");
        IQuorumRules deployed = IQuorumRules(address(new QuorumRules(config)));
        assertEq(deployed.configuration(), config, "configuration");
        assertEq(deployed.threshold(), vm.parseJsonUint(json, ".threshold"), "threshold");
        string[] memory systems = vm.parseJsonStringArray(json, ".systems");
        for (uint256 i = 0; i < systems.length; i++) {
            assertEq(bytes(deployed.systems()[i]), bytes(systems[i]), "system");
        }
        uint256 count = deployed.builderCount();
        for (uint256 i = 0; i < count; i++) {
            string memory key = string.concat(".builders[", vm.toString(i), "]");
            (address builder_, uint256 domains, uint256 eligible) = Configuration.builderAt(config, systems.length, i);
            assertEq(builder_, vm.parseJsonAddress(json, string.concat(key, ".address")), "address");
            assertEq(bytes32(domains), vm.parseJsonBytes32(json, string.concat(key, ".domains")), "domains");
            assertEq(eligible, vm.parseJsonUint(json, string.concat(key, ".systems")), "systems");
        }
    }

    function test_the_constructor_refuses_every_corrupted_configuration() external {
        Vm.DirEntry[] memory files = vm.readDir(string.concat(FOLDER, "negative/configuration"));
        assertTrue(files.length > 20, "files");
        for (uint256 i = 0; i < files.length; i++) {
            bytes memory config = vm.parseJsonBytes(vm.readFile(files[i].path), ".input");
            try new QuorumRules(config) {
                revert Failed(files[i].path);
            } catch (bytes memory reason) {
                assertTrue(reason.length >= 4, "a reason");
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- record

    /// Puts ledger and rules where the vector has them, and has the ledger record the vector's submission.
    function test_the_ledger_records_the_vector() external {
        string memory json = _file("record.json");
        address rules_ = vm.parseJsonAddress(json, ".rules");
        _place(rules_, json);

        vm.recordLogs();
        bytes32 release = vm.parseJsonBytes32(json, ".release");
        ledger.finalise(release, vm.parseJsonBytes(json, ".submission"));

        bytes memory data = abi.decode(vm.getRecordedLogs()[0].data, (bytes));
        bytes memory expected = vm.parseJsonBytes(json, ".eventData");
        // The vector's code hash is that of its own example code; the ledger writes what it finds.
        assertEq(Reference.slice(data, 64, 32), bytes.concat(rules_.codehash), "code hash of the rules that judged");
        bytes32 theirs = vm.parseJsonBytes32(json, ".rulesCodeHash");
        for (uint256 i = 0; i < 32; i++) {
            data[64 + i] = theirs[i];
        }
        assertEq(data, expected, "event data");
        bytes memory record = vm.parseJsonBytes(json, ".record");
        assertEq(keccak256(record), vm.parseJsonBytes32(json, ".commitment"), "commitment");
        assertEq(Reference.slice(data, 0, record.length), record, "record");
    }

    function _place(address rules_, string memory json) private {
        bytes memory config = vm.parseJsonBytes(_file("configuration.json"), ".configuration");
        vm.etch(rules_, bytes.concat(type(QuorumRulesLogic).runtimeCode, config));
        address place = vm.parseJsonAddress(_file("typed-data.json"), ".domain.verifyingContract");
        vm.etch(place, address(deployLedger(rules_)).code);
        ledger = IReleaseLedger(place);
        uint256 before = vm.parseJsonUint(json, ".sequence") - 1;
        vm.store(place, CONTROL_SLOT, bytes32(before << 192 | uint160(rules_)));
        vm.warp(vm.parseJsonUint(json, ".timestamp"));
    }

    // --------------------------------------------------------------------------------------------- standing

    /// The ledger says of every case what the verifier says (crates/verdict/tests/standing.rs).
    function test_standing() external {
        string memory json = _file("standing.json");
        vm.warp(START);
        uint256 before = vm.snapshotState();
        uint256 cases;
        for (; vm.keyExistsJson(json, string.concat(".cases[", vm.toString(cases), "]")); cases++) {
            _assertStanding(json, string.concat(".cases[", vm.toString(cases), "]"));
            vm.revertToState(before);
        }
        assertTrue(cases > 10, "cases");
    }

    function _assertStanding(string memory json, string memory path) private {
        useFederation(Federations.uniform(3, 2, 2));
        uint256 number = vm.parseJsonUint(json, ".sequence");
        vm.store(address(ledger), CONTROL_SLOT, bytes32(ledger.control() | (number - 1) << 192));
        Vote[] memory votes = _votes(vm.parseJsonUintArray(json, string.concat(path, ".entries")));
        bytes memory submission = submissionOf(SECOND, votes);
        (bytes memory record,) = expectedRecord(SECOND, submission, uint64(number));
        ledger.finalise(SECOND, submission);

        uint256[] memory revocations = vm.parseJsonUintArray(json, string.concat(path, ".revocations"));
        for (uint256 i = 0; i < revocations.length; i += 4) {
            address subject = revocations[i] == 255 ? address(rules) : builder(revocations[i]);
            uint256 word = (START - revocations[i + 1]) << 40 | revocations[i + 2] << 8 | revocations[i + 3];
            vm.store(address(ledger), keccak256(abi.encode(subject, REVOCATIONS_SLOT)), bytes32(word));
        }
        bytes memory endorsements;
        votes = _votes(vm.parseJsonUintArray(json, string.concat(path, ".endorsers")));
        for (uint256 i = 0; i < votes.length; i++) {
            endorsements = bytes.concat(endorsements, signed(SECOND, digestsOf(SECOND), votes[i]));
        }

        (, IReleaseLedger.Standing[] memory systems,) = ledger.status(SECOND, record, endorsements);
        string[] memory expected = vm.parseJsonStringArray(json, string.concat(path, ".standing"));
        assertEq(systems.length, expected.length, "systems");
        string[4] memory names = ["unknown", "final", "disputed", "tainted"];
        for (uint256 s = 0; s < systems.length; s++) {
            string memory name = vm.parseJsonString(json, string.concat(path, ".name"));
            assertEq(bytes(names[uint256(systems[s])]), bytes(expected[s]), name);
        }
    }

    function _votes(uint256[] memory flat) private pure returns (Vote[] memory votes) {
        votes = new Vote[](flat.length / 2);
        for (uint256 i = 0; i < votes.length; i++) {
            votes[i] = vote_(flat[2 * i], uint64(flat[2 * i + 1]));
        }
    }

    // ------------------------------------------------------------------------------------------ random values

    /// The code under test hashes many random attestations and genesis agreements as Rust does.
    function test_CON_09_random_values_hash_as_in_rust() external view {
        string memory json = _file("random.json");
        // Others than the committed ones come from scripts/differential.
        uint256 count = vm.envOr("SEED_RANDOM_COUNT", vm.parseJsonUint(json, ".count"));
        bytes32 expected = vm.envOr("SEED_RANDOM_HASH", vm.parseJsonBytes32(json, ".hash"));
        assertTrue(count >= 10_000, "many");
        bytes32 hash;
        for (uint256 i = 0; i < count; i++) {
            uint256 free;
            assembly ("memory-safe") {
                free := mload(0x40)
            }
            hash = keccak256(abi.encode(hash, _attestation(i), _genesis(i)));
            assembly {
                mstore(0x40, free)
            }
        }
        assertEq(hash, expected, "all of them");
    }

    function _word(uint256 number, uint256 which) private pure returns (bytes32) {
        return keccak256(abi.encode(number, which));
    }

    /// The separator of the contracts is that of the chain they run on; other chains are the reference's.
    function _separator(uint256 number) private pure returns (bytes32) {
        return Reference.domainSeparator(number + 1, address(uint160(uint256(_word(number, 0)))));
    }

    function _attestation(uint256 number) private pure returns (bytes32) {
        address rules_ = address(uint160(uint256(_word(number, 4))));
        uint256 form = Typed.attestationForm(_separator(number), _word(number, 1), rules_);
        return Typed.attestation(form, _word(number, 2), _word(number, 3));
    }

    function _genesis(uint256 number) private pure returns (bytes32) {
        return Typed.genesis(_separator(number), _word(number, 3), _word(number, 1), _word(number, 2));
    }

    // ------------------------------------------------------------------------------------------- signatures

    function test_every_corrupted_signature_recovers_nobody_known() external view {
        string memory json = _file("record.json");
        Vm.DirEntry[] memory files = vm.readDir(string.concat(FOLDER, "negative/signature"));
        assertTrue(files.length > 2, "files");
        string memory typed = _file("typed-data.json");
        bytes32 digest = vm.parseJsonBytes32(typed, ".attestations[0].digest");
        address builder_ = vm.parseJsonAddress(json, ".entries[0].builder");
        for (uint256 i = 0; i < files.length; i++) {
            bytes memory signature = vm.parseJsonBytes(vm.readFile(files[i].path), ".input");
            // Other lengths than 64 bytes do not fit into a submission at all.
            if (signature.length != 64) continue;
            (bytes32 r, bytes32 vs) = abi.decode(signature, (bytes32, bytes32));
            assertTrue(Reference.recover(digest, r, vs) != builder_, files[i].path);
        }
    }
}
