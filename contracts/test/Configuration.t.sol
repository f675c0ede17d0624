// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IQuorumRules} from "../src/interfaces/IQuorumRules.sol";
import {QuorumRules} from "../src/QuorumRules.sol";
import {QuorumRulesLogic} from "../src/QuorumRulesLogic.sol";
import {Reference} from "./reference/Reference.sol";
import {BaseTest} from "./utils/BaseTest.sol";
import {Builder, Federation, Federations} from "./utils/Federation.sol";
import {vm} from "./utils/Vm.sol";

/// What the constructor refuses, and what the deployed rules say about themselves.
contract ConfigurationTest is BaseTest {
    Federation private base;

    function setUp() public override {
        super.setUp();
        base = fed;
    }

    function _refuses(bytes memory config, bytes memory reason) private {
        vm.expectRevert(reason);
        new QuorumRules(config);
    }

    function _refuses(Federation memory f, bytes memory reason) private {
        _refuses(f.encode(), reason);
    }

    function _refuses(bytes memory config, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        new QuorumRules(config);
    }

    // ------------------------------------------------------------------------------------- the deployed code

    function test_code_is_the_logic_and_then_the_configuration() external view {
        bytes memory config = fed.encode();
        assertEq(address(rules).code, bytes.concat(type(QuorumRulesLogic).runtimeCode, config), "code");
        assertEq(rules.configuration(), config, "configuration");
    }

    function test_tells_its_whole_configuration_whatever_its_length() external {
        for (uint256 builders = 3; builders <= 18; builders++) {
            Federation memory f = Federations.uniform(builders, 1 + builders % 2, uint8(builders));
            assertEq(deployRules(f).configuration(), f.encode(), "configuration");
        }
    }

    function test_describes_itself() external {
        assertEq(rules.builderCount(), 3, "builders");
        assertEq(rules.threshold(), 2, "threshold");
        for (uint256 i = 0; i < 3; i++) {
            assertEq(rules.builderAt(i), builder(i), "builder");
        }
        string[] memory names = rules.systems();
        assertEq(names.length, 4, "systems");
        for (uint256 i = 0; i < 4; i++) {
            assertEq(bytes(names[i]), bytes(fed.systems[i]), "system");
        }
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumUnknownBuilder.selector, 3, 3));
        rules.builderAt(3);
        vm.expectRevert(abi.encodeWithSelector(IQuorumRules.QuorumUnknownBuilder.selector, type(uint256).max, 3));
        rules.builderAt(type(uint256).max);
    }

    // ---------------------------------------------------------------------------------------------- threshold

    function test_CON_03_rejects_a_threshold_below_two() external {
        for (uint8 n = 0; n < 2; n++) {
            Federation memory f = base;
            f.threshold = n;
            _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationThreshold.selector, n));
        }
    }

    function test_CON_03_rejects_a_threshold_that_is_no_majority() external {
        for (uint8 n = 2; n <= 16; n++) {
            deployRules(Federations.uniform(2 * n - 1, 1, n));
            _refuses(
                Federations.uniform(2 * n, 1, n),
                abi.encodeWithSelector(IQuorumRules.QuorumConfigurationMajority.selector, 0, n, 2 * n)
            );
        }
    }

    function test_rejects_a_threshold_above_the_eligible_builders_of_any_system() external {
        Federation memory f = base;
        f.threshold = 4;
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationMajority.selector, 0, 4, 3));
        f = base;
        f.threshold = 2;
        f.builders[0].systems = 0x7;
        f.builders[1].systems = 0x7;
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationMajority.selector, 3, 2, 1));
    }

    // ------------------------------------------------------------------------------------------------ builders

    function test_CON_02_rejects_a_builder_twice() external {
        Federation memory f = base;
        f.builders[2].key = f.builders[0].key;
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationDuplicateBuilder.selector, 0, 2));
    }

    function test_CON_05_rejects_the_zero_address() external {
        for (uint256 index = 0; index < 3; index++) {
            bytes memory config = fed.encode();
            for (uint256 i = 0; i < 20; i++) {
                config[128 + 60 * index + i] = 0;
            }
            _refuses(config, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationZeroBuilder.selector, index));
        }
    }

    function test_rejects_domains_without_exactly_the_own_index_bit() external {
        uint256[4] memory wrong = [uint256(0), 1, 3, 4];
        for (uint256 i = 0; i < wrong.length; i++) {
            Federation memory f = base;
            f.builders[1].domains = wrong[i] | 1 << 41;
            _refuses(
                f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationDomains.selector, 1, f.builders[1].domains)
            );
        }
    }

    function test_rejects_a_builder_for_no_system_or_an_unknown_one() external {
        uint64[3] memory wrong = [uint64(0), 0x10, 0x8000000000000001];
        for (uint256 i = 0; i < wrong.length; i++) {
            Federation memory f = base;
            f.builders[1].systems = wrong[i];
            _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationSystems.selector, 1, wrong[i]));
        }
    }

    function test_rejects_no_builders_and_more_than_thirty_two() external {
        Federation memory f = base;
        f.builders = new Builder[](0);
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationBuilderCount.selector, 0));
        _refuses(
            Federations.uniform(33, 1, 17),
            abi.encodeWithSelector(IQuorumRules.QuorumConfigurationBuilderCount.selector, 33)
        );
        deployRules(Federations.uniform(32, 1, 17));
    }

    // ------------------------------------------------------------------------------------------------- systems

    function test_rejects_no_systems_and_more_than_sixty_four() external {
        Federation memory f = base;
        f.systems = new string[](0);
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationSystemCount.selector, 0));
        _refuses(
            Federations.uniform(3, 65, 2),
            abi.encodeWithSelector(IQuorumRules.QuorumConfigurationSystemCount.selector, 65)
        );
        deployRules(Federations.uniform(3, 64, 2));
    }

    function test_rejects_systems_out_of_order_or_twice() external {
        Federation memory f = base;
        (f.systems[1], f.systems[2]) = (f.systems[2], f.systems[1]);
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationSystemOrder.selector, 2));
        f = base;
        f.systems[1] = f.systems[0];
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationSystemOrder.selector, 1));
    }

    function test_orders_systems_by_bytes_and_not_by_length() external {
        Federation memory f = Federations.uniform(3, 3, 2);
        (f.systems[0], f.systems[1], f.systems[2]) = ("a-linux", "a-linux2", "b-os");
        deployRules(f);
        (f.systems[0], f.systems[1], f.systems[2]) = ("b-os", "a-linux", "a-linux2");
        _refuses(f, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationSystemOrder.selector, 1));
    }

    function test_CON_13_rejects_names_that_are_no_systems() external {
        string[15] memory wrong = [
            "",
            "a-",
            "-a",
            "--",
            "-linux",
            "linux-",
            "linux",
            "x86-64-linux",
            "X86_64-linux",
            "x86_64-linu x",
            "x86.64-linux",
            "x86/64-linux",
            unicode"é-linux",
            "x86_64-linux\x00",
            "abcdefghijklmno-abcdefghijklm"
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            Federation memory f = Federations.uniform(3, 1, 2);
            f.systems[0] = wrong[i];
            _refuses(f.encode(), IQuorumRules.QuorumConfigurationSystemName.selector);
        }
    }

    function test_accepts_the_shortest_and_the_longest_name() external {
        Federation memory f = Federations.uniform(3, 1, 2);
        f.systems[0] = "0-_";
        deployRules(f);
        f.systems[0] = "9z-a";
        deployRules(f);
        f.systems[0] = "abcdefghijklmno-abcdefghijkl";
        deployRules(f);
    }

    function test_rejects_bytes_after_a_name() external {
        bytes memory config = fed.encode();
        config[31] = 0x01;
        _refuses(config, IQuorumRules.QuorumConfigurationSystemName.selector);
        // The very next byte, of the shortest name and of one of the usual length.
        for (uint256 length = 3; length <= 12; length += 9) {
            Federation memory f = Federations.uniform(3, 1, 2);
            f.systems[0] = length == 3 ? "a-b" : "x86_64-linux";
            config = f.encode();
            config[length + 1] = 0x01;
            _refuses(config, IQuorumRules.QuorumConfigurationSystemName.selector);
        }
    }

    // ---------------------------------------------------------------------------------------------- final word

    function test_rejects_other_versions() external {
        bytes memory config = fed.encode();
        for (uint256 v = 0; v < 256; v += 51) {
            config[config.length - 32] = bytes1(uint8(v));
            if (v != 1) _refuses(config, abi.encodeWithSelector(IQuorumRules.QuorumConfigurationVersion.selector, v));
        }
    }

    function test_rejects_every_flag() external {
        for (uint256 i = 4; i < 28; i++) {
            for (uint256 bit = 0; bit < 8; bit += 7) {
                bytes memory config = fed.encode();
                config[config.length - 32 + i] = bytes1(uint8(1 << bit));
                _refuses(config, IQuorumRules.QuorumConfigurationFlags.selector);
            }
        }
    }

    function test_rejects_every_other_length() external {
        bytes memory config = fed.encode();
        _refuses("", abi.encodeWithSelector(IQuorumRules.QuorumConfigurationLength.selector, 0, 32));
        _refuses(new bytes(31), abi.encodeWithSelector(IQuorumRules.QuorumConfigurationLength.selector, 31, 32));
        _refuses(new bytes(32), abi.encodeWithSelector(IQuorumRules.QuorumConfigurationVersion.selector, 0));
        _refuses(bytes.concat(hex"00", config), IQuorumRules.QuorumConfigurationLength.selector);
        _refuses(Reference.slice(config, 1, config.length - 1), IQuorumRules.QuorumConfigurationLength.selector);
        config[config.length - 1] ^= 0x01;
        _refuses(config, IQuorumRules.QuorumConfigurationLength.selector);
    }

    /// Whatever one changes, either the constructor refuses or the rules are exactly what was asked for.
    function testFuzz_deploys_nothing_but_what_it_was_given(uint256 position, bytes1 value) external {
        bytes memory config = fed.encode();
        config[position % config.length] = value;
        try new QuorumRules(config) returns (QuorumRules deployed) {
            assertEq(IQuorumRules(address(deployed)).configuration(), config, "configuration");
        } catch (bytes memory reason) {
            assertTrue(reason.length >= 4, "a reason");
        }
    }
}
