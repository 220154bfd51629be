// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Control, Meter} from "../src/WalletPacking.sol";
import {vm} from "./World.sol";

/// @dev Of the packed words, for every value of them: by induction for any number of payments.
contract WordsProof {
    /// @dev 2: what cannot pay any more never can again in its epoch, whatever else is paid in between.
    function check_aUsedNonceStaysUsed(uint256 word, uint32 paid, uint32 other) public pure {
        Meter m = Meter.wrap(word);
        bool usedBefore = m.indexUsed(other);
        Meter next = m.useIndex(paid, paid);
        assert(next.indexUsed(paid));
        if (usedBefore) assert(next.indexUsed(other));
        assert(next.next() >= m.next());
    }

    /// @dev 2: a nonce that is used is refused.
    function check_aUsedNonceIsRefused(uint256 word, uint32 index) public view {
        Meter m = Meter.wrap(word);
        vm.assume(m.indexUsed(index));
        try this.use(m, index) returns (Meter) {
            assert(false);
        } catch {}
    }

    function use(Meter m, uint256 index) external pure returns (Meter) {
        return m.useIndex(index, index);
    }

    /// @dev 1: a nonce moves no amount, an amount no nonce, and no field another.
    function check_theMetersFieldsKeepToThemselves(uint256 word, uint32 index, uint64 amount) public pure {
        Meter m = Meter.wrap(word);
        Meter used = m.useIndex(index, index);
        assert(Meter.unwrap(used) << 104 == word << 104);
        uint256 total = m.spent() + amount;
        vm.assume(total < 1 << 58);
        Meter spent = m.plusSpent(amount);
        assert(spent.spent() == total && spent.perPeriod() == m.perPeriod() && spent.period() == m.period());
        assert(Meter.unwrap(spent) >> 152 == word >> 152);
    }

    /// @dev 4, 6, 7: no field of the control word moves another.
    function check_controlsFieldsKeepToThemselves(uint256 word, address executor, uint32 epoch, bool flag) public pure {
        Control c = Control.wrap(word);
        Control d = c.withExecutor(executor);
        assert(d.executor() == executor && Control.unwrap(d) >> 160 == word >> 160);
        d = c.withEpoch(epoch);
        assert(d.epoch() == epoch && d.executor() == c.executor() && d.perPayment() == c.perPayment());
        assert(d.frozen() == c.frozen() && d.allowListOn() == c.allowListOn() && d.expires() == c.expires());
        d = c.withFrozen(flag);
        assert(d.frozen() == flag && d.withFrozen(c.frozen()).executor() == c.executor());
        assert(Control.unwrap(d.withFrozen(c.frozen())) == word);
    }
}
