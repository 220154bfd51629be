// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Control, Meter, CeilingTooLarge, TimeTooLate, packedCeiling, unpackedCeiling} from "../src/WalletPacking.sol";
import {vm} from "./base/Vm.sol";

/// @dev The packed words by themselves: each field holds its whole range and leaves the others as they were.
contract WalletPackingTest {
    bool public constant IS_TEST = true;
    uint256 private constant MOST = (1 << 58) - 1;

    struct Fields {
        address executor;
        bool frozen;
        bool listOn;
        bool expires;
        bool raising;
        uint32 epoch;
        uint64 perPayment;
    }

    function testFuzz_eachFieldOfControlKeepsToItself(Fields memory f, uint256 before) public pure {
        f.perPayment = uint64(f.perPayment & MOST);
        Control c = Control.wrap(before).withPerPayment(f.perPayment).withEpoch(f.epoch).withFrozen(f.frozen);
        c = c.withRaisePending(f.raising).withExpires(f.expires).withExecutor(f.executor).withAllowListOn(f.listOn);
        vm.assertEq(c.executor(), f.executor);
        vm.assertTrue(c.frozen() == f.frozen && c.allowListOn() == f.listOn, "flags");
        vm.assertTrue(c.expires() == f.expires && c.raisePending() == f.raising, "flags of the terms");
        vm.assertEq(c.epoch(), f.epoch);
        vm.assertEq(c.perPayment(), f.perPayment);
        // Two bits are free and stay as they were.
        vm.assertEq(Control.unwrap(c) >> 254, before >> 254);
    }

    function testFuzz_eachFieldOfTheMeterKeepsToItself(uint256 before, uint64 ceiling, uint40 period, uint64 amount)
        public
        pure
    {
        ceiling = uint64(ceiling & MOST);
        period = uint40(period & ((1 << 36) - 1));
        Meter m = Meter.wrap(before).withPerPeriod(ceiling).startPeriod(period);
        vm.assertEq(m.spent(), 0);
        m = m.plusSpent(amount & MOST);
        vm.assertEq(m.perPeriod(), ceiling);
        vm.assertEq(m.period(), period);
        vm.assertEq(m.spent(), amount & MOST);
        vm.assertEq(m.next(), before >> 152 & type(uint32).max);
        vm.assertEq(m.window(), before >> 184);
        m = m.withoutNonces();
        vm.assertEq(Meter.unwrap(m) >> 152, 0);
        vm.assertEq(m.spent(), amount & MOST);
        vm.assertEq(m.period(), period);
    }

    function testFuzz_usingANonceLeavesTheAmounts(uint256 before, uint32 index) public view {
        Meter m = Meter.wrap(before);
        try this.use(m, index) returns (Meter used) {
            vm.assertFalse(m.indexUsed(index));
            vm.assertTrue(used.indexUsed(index));
            vm.assertEq(Meter.unwrap(used) << 104, before << 104);
            vm.assertTrue(used.next() > index && used.next() >= m.next(), "the window went back");
        } catch {
            vm.assertTrue(m.indexUsed(index) || index - m.next() >= 65_536 || index == type(uint32).max, "refused");
        }
    }

    function test_revert_atTheEndOfAnEpoch() public {
        Meter m = Meter.wrap(uint256(type(uint32).max - 1) << 152);
        Meter last = this.use(m, type(uint32).max - 1);
        vm.assertEq(last.next(), type(uint32).max);
        vm.expectRevert();
        this.use(last, type(uint32).max);
    }

    function testFuzz_ceilingsFitOrAreRefused(uint64 ceiling) public {
        bool fits = ceiling < MOST || ceiling == type(uint64).max;
        if (!fits) vm.expectRevert(abi.encodeWithSelector(CeilingTooLarge.selector, ceiling, uint64(MOST - 1)));
        uint256 packed = this.pack(ceiling);
        if (fits) vm.assertEq(unpackedCeiling(packed), ceiling);
    }

    function test_revert_aTimeThatDoesNotFit() public {
        vm.expectRevert(abi.encodeWithSelector(TimeTooLate.selector, 1 << 36));
        this.start(Meter.wrap(0), 1 << 36);
        vm.assertEq(this.start(Meter.wrap(0), (1 << 36) - 1).period(), (1 << 36) - 1);
    }

    function use(Meter m, uint256 index) external pure returns (Meter) {
        return m.useIndex(index, index);
    }

    function pack(uint64 ceiling) external pure returns (uint256) {
        return packedCeiling(ceiling);
    }

    function start(Meter m, uint256 period) external pure returns (Meter) {
        return m.startPeriod(period);
    }
}
