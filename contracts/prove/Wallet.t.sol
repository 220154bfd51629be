// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Control, Meter} from "../src/WalletPacking.sol";
import {svm, vm, World} from "./World.sol";

/// @dev Of one payment in every state of the wallet.
contract PaymentProof is World {
    function _pay(address caller, address payee, uint64 amount, uint256 nonce) private {
        vm.prank(caller);
        wallet.pay(bytes32(0), payee, amount, nonce, bytes32(0), bytes32(0));
    }

    /// @dev 4, 6: only for the executor, while not frozen and within validity.
    function check_onlyTheExecutorPaysAndOnlyWhileOpen(address caller, address payee, uint64 amount, uint256 nonce)
        public
    {
        _anyState();
        Control c = _control();
        uint256 validUntil = wallet.validUntil();
        _pay(caller, payee, amount, nonce);
        assert(caller == c.executor() && !c.frozen() && block.timestamp < validUntil);
    }

    /// @dev 1: within the ceiling of one payment in force.
    function check_aPaymentIsWithinItsCeiling(address caller, address payee, uint64 amount, uint256 nonce) public {
        _anyState();
        uint256 perPayment = wallet.perPayment();
        _pay(caller, payee, amount, nonce);
        assert(amount != 0 && amount <= perPayment);
    }

    /// @dev 1: within the period's ceiling in force, and counted.
    function check_aPaymentIsWithinItsPeriod(address caller, address payee, uint64 amount, uint256 nonce) public {
        _anyState();
        (uint256 perPeriod, uint256 spent) = (wallet.perPeriod(), wallet.spentInPeriod());
        _pay(caller, payee, amount, nonce);
        assert(spent + amount <= perPeriod && wallet.spentInPeriod() == spent + amount);
    }

    /// @dev 2: under a nonce of the present epoch that is unused, and used afterwards.
    function check_aPaymentUsesItsNonceUp(address caller, address payee, uint64 amount, uint256 nonce) public {
        _anyState();
        uint256 epoch = _control().epoch();
        bool usedBefore = wallet.isNonceUsed(nonce);
        _pay(caller, payee, amount, nonce);
        assert(!usedBefore && nonce >> 32 == epoch && _meter().indexUsed(uint32(nonce)));
    }

    /// @dev 1: it moves exactly its amount, to nobody but the payee.
    function check_aPaymentMovesItsAmount(address caller, address payee, uint64 amount, uint256 nonce) public {
        _anyState();
        (uint256 before, uint256 had) = (token.balanceOf(address(wallet)), token.balanceOf(payee));
        _pay(caller, payee, amount, nonce);
        assert(token.balanceOf(address(wallet)) == before - amount && token.balanceOf(payee) == had + amount);
    }
}

/// @dev Of one call of any function with any arguments, in every state of the wallet without a pending raise: what a matured one changes
/// when it is written down was in force before, so the raw words that are compared here would differ.
contract CallProof is World {
    struct Rules {
        bytes32 owner;
        bytes32 pendingOwner;
        Control control;
        uint256 perPeriod;
        bytes32 terms;
        bytes32 guardianAndThreshold;
    }

    function _rules() private view returns (Rules memory r) {
        (r.owner, r.pendingOwner, r.control) = (_slot(0), _slot(1), _control());
        (r.perPeriod, r.terms, r.guardianAndThreshold) = (_meter().perPeriod(), _slot(4), _slot(5));
    }

    function _call(address caller) private returns (bool done) {
        bytes memory data = svm.createCalldata("AgentWallet");
        vm.prank(caller);
        (done,) = address(wallet).call(data);
    }

    /// @dev 4, 5, 7: the executor changes no role, ceiling, validity, freeze or epoch.
    function check_theExecutorChangesNoRule() public {
        _anyState();
        vm.assume(!_control().raisePending());
        address executor = _control().executor();
        vm.assume(executor != _account(0) && executor != _account(1) && executor != _account(5));
        Rules memory before = _rules();
        _call(executor);
        Rules memory r = _rules();
        assert(r.owner == before.owner && r.pendingOwner == before.pendingOwner && r.terms == before.terms);
        assert(Control.unwrap(r.control) == Control.unwrap(before.control) && r.perPeriod == before.perPeriod);
        assert(r.guardianAndThreshold == before.guardianAndThreshold);
    }

    /// @dev 5: an account without a role changes nothing and moves nothing.
    function check_anAccountWithoutARoleDoesNothing(address caller) public {
        _anyState();
        vm.assume(!_control().raisePending());
        vm.assume(caller != _control().executor() && caller != _account(0));
        vm.assume(caller != _account(1) && caller != _account(5));
        Rules memory before = _rules();
        bytes32 meter = _slot(3);
        uint256 balance = token.balanceOf(address(wallet));
        _call(caller);
        Rules memory r = _rules();
        assert(r.owner == before.owner && r.pendingOwner == before.pendingOwner && r.terms == before.terms);
        assert(Control.unwrap(r.control) == Control.unwrap(before.control) && _slot(3) == meter);
        assert(r.guardianAndThreshold == before.guardianAndThreshold && token.balanceOf(address(wallet)) == balance);
    }

    /// @dev 13: anyone who calls what, the epoch does not go back, and a new epoch has no nonce used.
    function check_epochsOnlyGrow(address caller) public {
        _anyState();
        vm.assume(!_control().raisePending());
        uint256 epoch = _control().epoch();
        _call(caller);
        uint256 next = _control().epoch();
        assert(next == epoch || next > epoch && uint256(_slot(3)) >> 152 == 0);
    }
}

/// @dev Of the two things that the owner and the purse's callers may do with ceilings.
contract CeilingProof is World {
    /// @dev 7: while there is a delay, no act of `setCeilings` raises what is in force; what is lower bites at once.
    function check_noCeilingRisesAtOnce(uint64 perPayment, uint64 perPeriod) public {
        _anyState();
        (uint256 wasPerPayment, uint256 wasPerPeriod) = (wallet.perPayment(), wallet.perPeriod());
        vm.prank(_account(0));
        wallet.setCeilings(perPayment, perPeriod);
        (uint256 nowPerPayment, uint256 nowPerPeriod) = (wallet.perPayment(), wallet.perPeriod());
        assert(nowPerPayment <= wasPerPayment && nowPerPeriod <= wasPerPeriod);
        assert(nowPerPayment <= perPayment && nowPerPeriod <= perPeriod);
    }

    /// @dev 10: the purse vouches for nothing that freeze, validity, epoch, the ceiling of one payment or the hour forbid, and for no
    /// payment to itself.
    function check_whatThePurseVouchesFor(bytes32 hash) public {
        _anyState();
        Control c = _control();
        (uint256 validUntil, uint256 perPayment) = (wallet.validUntil(), wallet.perPayment());
        bytes memory signature = svm.createBytes(198, "signature");
        if (purse.isValidSignature(hash, signature) != 0x1626ba7e) return;
        (uint256 head, uint256 tail) = (_word(signature, 0), _word(signature, 5));
        assert(!c.frozen() && block.timestamp < validUntil && uint64(head >> 32) <= perPayment);
        assert(uint32(tail) == c.epoch() && uint40(tail >> 32) <= block.timestamp + 3600);
        assert(address(uint160(head >> 96)) != address(purse) && c.executor() != address(0));
    }

    function _word(bytes memory data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), offset))
        }
    }
}
