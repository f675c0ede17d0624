// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {IReleaseLedger} from "../src/interfaces/IReleaseLedger.sol";
import {ReleaseLedger} from "../src/ReleaseLedger.sol";
import {HostileRules} from "./mocks/HostileRules.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Federations} from "./utils/Federation.sol";
import {HostileCode} from "./utils/HostileCode.sol";
import {vm} from "./utils/Vm.sol";

/// Governs a ledger through a real timelock as badly as it can be governed, and replaces the code of its rules with anything.
contract Misrule is BaseTest {
    uint256 internal constant DELAY = 7 days;
    address internal constant PROPOSER = address(0x9709);

    TimelockController public timelock;
    /// Answers whatever it is told to; its code stays.
    HostileRules private hostile;
    /// May become the rules, and then anything.
    HostileRules private candidate;
    bytes private honestCode;

    bytes32[] public recorded;
    mapping(bytes32 => bytes32) public commitmentOf;
    address[] public revoked;
    /// Where the rules are as far as anybody had the right to say.
    address public agreedRules;
    uint256 public pausedTo;

    struct Scheduled {
        address rules;
        bytes32 codeHash;
        bytes32 salt;
        uint256 ready;
        bool done;
    }

    Scheduled[] private operations;

    constructor() {
        vm.warp(START);
        address[] memory one = new address[](1);
        one[0] = PROPOSER;
        timelock = new TimelockController(DELAY, one, new address[](1), address(0));
        remember(Federations.uniform(3, 2, 2));
        rules = deployRules(fed);
        ledger = new ReleaseLedger(address(timelock), GUARDIAN, address(rules), address(rules).codehash);
        candidate = new HostileRules("", HostileRules.Description.Honest);
        honestCode = address(rules).code;
        agreedRules = address(rules);
        hostile = new HostileRules("", HostileRules.Description.Honest);
        completeGenesis();
        _note(FIRST);
    }

    function setUp() public override {}

    function theLedger() external view returns (IReleaseLedger) {
        return ledger;
    }

    function counts() external view returns (uint256, uint256) {
        return (recorded.length, revoked.length);
    }

    // ------------------------------------------------------------------------------------------ the rules' code

    /// The rules become one of twenty hostile codes, or honest again.
    function swapCode(uint256 which) external {
        which %= HostileCode.COUNT + 2;
        address other = which % 2 == 0 ? address(hostile) : address(ledger);
        bytes memory code = which < HostileCode.COUNT ? HostileCode.at(which, other) : honestCode;
        vm.etch(agreedRules, code);
    }

    /// The rules become any bytes; forge refuses a delegation that is none.
    function swapCodeForAnything(bytes calldata code) external {
        if (bytes2(code) == 0xef01) return;
        vm.etch(agreedRules, code);
    }

    /// The rules become a contract that answers anything, well formed or not.
    function swapCodeForAnswers(bytes calldata raw, uint8 systems, uint8 signers, bool wellFormed, uint8 mood)
        external
    {
        hostile.describe(HostileRules.Description(mood % 9));
        hostile.answer(wellFormed ? abi.encode(_answer(1 + systems % 64, 1 + signers % 32)) : raw);
        vm.etch(agreedRules, HostileCode.at(18, address(hostile)));
        // A proxy runs on the storage of whom it stands for: the description and the answer, copied.
        for (uint256 slot = 0; slot < 3; slot++) {
            vm.store(agreedRules, bytes32(slot), vm.load(address(hostile), bytes32(slot)));
        }
        bytes32 start = keccak256(abi.encode(0));
        for (uint256 i = 0; i < 160; i++) {
            bytes32 slot = bytes32(uint256(start) + i);
            vm.store(agreedRules, slot, vm.load(address(hostile), slot));
        }
    }

    // ------------------------------------------------------------------------------------------------- everybody

    function finalise(uint256 seed, bytes calldata submission) external {
        bytes32 release = bytes32(seed % 8);
        _try(release, abi.encodeCall(ledger.finalise, (release, submission)));
    }

    function finaliseHonestly(uint256 seed) external {
        bytes32 release = bytes32(seed % 8);
        _try(release, abi.encodeCall(ledger.finalise, (release, submissionByAll(release))));
    }

    function finaliseBatch(uint256 seed, bytes calldata submission) external {
        IReleaseLedger.Submission[] memory batch = new IReleaseLedger.Submission[](3);
        for (uint256 i = 0; i < 3; i++) {
            batch[i] = IReleaseLedger.Submission(bytes32((seed % 8 + i) % 8), submission);
        }
        _try(0, abi.encodeCall(ledger.finaliseBatch, (batch)));
    }

    function genesisAgain(uint256 seed, bytes calldata submission) external {
        bytes32 release = bytes32(seed % 8);
        uint256 before = ledger.control();
        _try(release, abi.encodeCall(ledger.genesis, (release, submission, submission)));
        assertEq(ledger.control(), before, "a second genesis");
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + time % 20 days);
    }

    // ------------------------------------------------------------------------------------------------ governance

    function schedule(uint256 which, uint32 delay) external {
        address next = which % 3 == 0 ? address(candidate) : which % 3 == 1 ? address(rules) : address(uint160(which));
        Scheduled memory s = Scheduled(next, next.codehash, bytes32(operations.length), block.timestamp + delay, false);
        vm.prank(PROPOSER);
        (bool accepted,) = address(timelock)
            .call(abi.encodeCall(timelock.schedule, (address(ledger), 0, _setRules(s), 0, s.salt, delay)));
        assertTrue(accepted == (delay >= DELAY), "a delay below the minimum, or a proper one refused");
        if (accepted) operations.push(s);
    }

    function execute(uint256 which, address caller) external {
        if (operations.length == 0) return;
        Scheduled storage s = operations[which % operations.length];
        vm.prank(caller);
        (bool accepted,) =
            address(timelock).call(abi.encodeCall(timelock.execute, (address(ledger), 0, _setRules(s), 0, s.salt)));
        if (!accepted) return;
        assertTrue(!s.done && block.timestamp >= s.ready, "too soon, or twice");
        s.done = true;
        agreedRules = s.rules;
    }

    /// Whoever is not the timelock, timelock's roles included.
    function grab(uint256 which, address caller, address subject, uint32 number) external {
        if (caller == address(timelock) || caller == GUARDIAN) return;
        bytes memory call_ = abi.encodeCall(ledger.setRules, (agreedRules, agreedRules.codehash));
        if (which % 5 == 1) call_ = abi.encodeCall(ledger.confirmRevocation, (subject));
        if (which % 5 == 2) call_ = abi.encodeCall(ledger.revoke, (subject));
        if (which % 5 == 3) call_ = abi.encodeCall(ledger.revokeRetroactively, (subject, number));
        if (which % 5 == 4) call_ = abi.encodeCall(ledger.pause, (number));
        uint256 before = ledger.control();
        vm.prank(which % 2 == 0 ? PROPOSER : caller);
        (bool accepted,) = address(ledger).call(call_);
        assertTrue(!accepted && ledger.control() == before, "power without the role");
    }

    /// The guardian does all it can; whatever the rules are, nothing it does gives anybody a vote.
    function guard(uint256 which, uint8 subject_, uint32 number) external {
        address subject = subject_ % 4 == 3 ? agreedRules : builder(subject_ % 4);
        bytes memory call_ = abi.encodeCall(ledger.revoke, (subject));
        if (which % 4 == 1) call_ = abi.encodeCall(ledger.revokeRetroactively, (subject, number % 9));
        if (which % 4 == 2) call_ = abi.encodeCall(ledger.pause, (number % 40 days));
        if (which % 4 == 3) call_ = abi.encodeCall(ledger.setRules, (agreedRules, agreedRules.codehash));
        uint256 before = ledger.control();
        bool known = ledger.revocations(subject) != 0;
        vm.prank(GUARDIAN);
        (bool accepted,) = address(ledger).call(call_);
        uint256 next = ledger.control();
        assertEq(uint160(next), uint160(before), "the guardian set rules");
        assertEq(uint32(next >> 192), uint32(before >> 192), "the guardian recorded");
        if (!accepted) return;
        assertTrue(which % 4 != 3, "the guardian is not the timelock");
        if (which % 4 == 2) {
            assertTrue(block.timestamp >= pausedTo + 30 days || pausedTo == 0, "paused too soon");
            pausedTo = block.timestamp + number % 40 days;
            assertTrue(pausedTo <= block.timestamp + 30 days, "paused too long");
            return;
        }
        assertTrue(ledger.revocations(subject) != 0, "nothing revoked");
        if (!known) revoked.push(subject);
    }

    // --------------------------------------------------------------------------------------------------- helpers

    function _setRules(Scheduled memory s) private pure returns (bytes memory) {
        return abi.encodeCall(IReleaseLedger.setRules, (s.rules, s.codeHash));
    }

    /// Bounded gas, so that codes which burn all of it cost little here.
    function _try(bytes32 release, bytes memory call_) private {
        uint256 sequence_ = sequence();
        (bool accepted,) = address(ledger).call{gas: 3_000_000}(call_);
        if (!accepted) return assertEq(sequence(), sequence_, "a refused call moved the sequence");
        assertTrue(block.timestamp >= pausedTo, "recorded while paused");
        for (uint256 i = 0; i < 8; i++) {
            bytes32 one = bytes32(i);
            if (ledger.releases(one) != 0 && commitmentOf[one] == 0) _note(one);
        }
        assertEq(sequence(), recorded.length, "one number for each");
        assertTrue(ledger.releases(release) != 0 || release == 0, "recorded elsewhere");
    }

    function _note(bytes32 release) private {
        recorded.push(release);
        commitmentOf[release] = ledger.releases(release);
    }

    function _answer(uint256 systems, uint256 signers) private pure returns (bytes memory answer) {
        answer =
            abi.encodePacked(uint8(0), uint8(systems), uint8(signers), new bytes(29), keccak256("root"), new bytes(64));
        for (uint256 i = 0; i < signers; i++) {
            answer = bytes.concat(answer, bytes32(i << 248 | (0xb0b + i) << 64 | 1), keccak256("evidence"));
        }
        for (uint256 i = 0; i < systems + 2 * signers; i++) {
            answer = bytes.concat(answer, keccak256(abi.encode("word", i)));
        }
    }
}

/// CON-18, GOV-01, GOV-08, GOV-10: what holds whatever code the rules have and however badly the ledger is governed.
contract HostileTest is BaseTest {
    Misrule private misrule;

    function setUp() public override {
        misrule = new Misrule();
        ledger = misrule.theLedger();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(misrule);
    }

    function invariant_no_record_changes_under_any_code() public view {
        (uint256 records,) = misrule.counts();
        for (uint256 i = 0; i < records; i++) {
            bytes32 release = misrule.recorded(i);
            assertEq(ledger.releases(release), misrule.commitmentOf(release), "commitment");
        }
        assertEq(sequence(), records, "one number for each");
    }

    function invariant_rules_are_those_that_waited() public view {
        assertEq(address(uint160(ledger.control())), misrule.agreedRules(), "rules");
        assertEq(ledger.timelock(), address(misrule.timelock()), "timelock");
    }

    function invariant_nobody_returns() external view {
        (, uint256 revocations_) = misrule.counts();
        for (uint256 i = 0; i < revocations_; i++) {
            assertTrue(ledger.revocations(misrule.revoked(i)) != 0, "revoked for ever");
        }
    }

    /// The handler is worth something only if what it tries can succeed: honest and hostile records, and changes of rules.
    function test_misrule_really_happens() external {
        misrule.finaliseHonestly(3);
        misrule.swapCodeForAnswers("", 1, 1, true, 0);
        misrule.finalise(4, "");
        (uint256 records,) = misrule.counts();
        assertEq(records, 3, "genesis, an honest release, a hostile one");
        address before = misrule.agreedRules();
        misrule.schedule(0, 7 days);
        misrule.execute(0, STRANGER);
        assertEq(misrule.agreedRules(), before, "not yet");
        vm.warp(block.timestamp + 7 days);
        misrule.execute(0, STRANGER);
        assertTrue(misrule.agreedRules() != before, "other rules");
        misrule.guard(0, 1, 0);
        (, uint256 revocations_) = misrule.counts();
        assertEq(revocations_, 1, "a revocation");
        invariant_no_record_changes_under_any_code();
        invariant_rules_are_those_that_waited();
    }

    /// Each of the codes, with well-formed history before it: nothing is recorded under it, nothing changes.
    function test_none_of_twenty_codes_records_or_changes_anything() external {
        for (uint256 which = 0; which < HostileCode.COUNT; which++) {
            useFederation(Federations.uniform(3, 2, 2));
            completeGenesis();
            bytes32 before = ledger.releases(FIRST);
            uint256 control = ledger.control();
            vm.etch(address(rules), HostileCode.at(which, address(ledger)));
            bytes memory call_ = abi.encodeCall(ledger.finalise, (SECOND, submissionByAll(SECOND)));
            (bool accepted,) = address(ledger).call{gas: 3_000_000}(call_);
            assertTrue(!accepted, string.concat("recorded under code ", vm.toString(which)));
            assertEq(ledger.releases(FIRST), before, "history");
            assertEq(ledger.control(), control, "control");
        }
    }
}
