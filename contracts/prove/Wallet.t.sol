// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../src/AgentWallet.sol";
import {svm, vm, World} from "./World.sol";

/// @dev Of one call in every state of the wallet.
contract WalletProof is World {
    struct Before {
        address executor;
        address owner;
        address guardian;
        bool frozen;
        uint256 validUntil;
        uint256 perPayment;
        uint256 perPeriod;
        uint256 spent;
        uint256 epoch;
        uint256 balance;
    }

    function _read() private view returns (Before memory b) {
        (b.executor, b.owner, b.guardian) = (wallet.executor(), wallet.owner(), wallet.guardian());
        (b.frozen, b.validUntil, b.epoch) = (wallet.frozen(), wallet.validUntil(), wallet.epoch());
        (b.perPayment, b.perPeriod, b.spent) = (wallet.perPayment(), wallet.perPeriod(), wallet.spentInPeriod());
        b.balance = token.balanceOf(address(wallet));
    }

    /// @dev 1, 2, 4, 6: a payment passes only for the executor, within ceilings, freeze and validity, under a nonce that is unused in
    /// the present epoch; it counts, it uses the nonce up, and it moves exactly its amount.
    function check_aPaymentIsWithinEveryLimit(address caller, address payee, uint64 amount, uint256 nonce) public {
        _anyState();
        Before memory b = _read();
        bool usedBefore = wallet.isNonceUsed(nonce);
        vm.prank(caller);
        wallet.pay(bytes32(0), payee, amount, nonce, bytes32(0), bytes32(0));
        assert(caller == b.executor && !b.frozen && block.timestamp < b.validUntil);
        assert(amount != 0 && amount <= b.perPayment);
        assert(b.spent + amount <= b.perPeriod && wallet.spentInPeriod() == b.spent + amount);
        assert(!usedBefore && wallet.isNonceUsed(nonce) && nonce >> 32 == b.epoch);
        assert(token.balanceOf(address(wallet)) == b.balance - amount);
    }

    /// @dev 2: no nonce pays twice in a row, whatever the second payment is.
    function check_aNoncePaysOnce(address payee, uint64[2] calldata amounts, uint256[2] calldata nonces) public {
        _anyState();
        address executor = wallet.executor();
        vm.prank(executor);
        wallet.pay(bytes32(0), payee, amounts[0], nonces[0], bytes32(0), bytes32(0));
        vm.prank(executor);
        wallet.pay(bytes32(0), payee, amounts[1], nonces[1], bytes32(0), bytes32(0));
        assert(nonces[0] != nonces[1]);
    }

    /// @dev 4, 5, 7: whatever the executor calls, no role, ceiling, validity or freeze moves, and the epoch stays.
    function check_theExecutorChangesNoRule() public {
        _anyState();
        Before memory b = _read();
        vm.assume(b.executor != b.owner && b.executor != b.guardian && b.executor != wallet.pendingOwner());
        bytes memory data = svm.createCalldata("AgentWallet");
        vm.prank(b.executor);
        (bool done,) = address(wallet).call(data);
        vm.assume(done);
        Before memory a = _read();
        assert(a.executor == b.executor && a.owner == b.owner && a.guardian == b.guardian);
        assert(a.frozen == b.frozen && a.validUntil == b.validUntil && a.epoch == b.epoch);
        assert(a.perPayment == b.perPayment && a.perPeriod == b.perPeriod);
    }

    /// @dev 5: an account without a role moves nothing and changes nothing; writing a matured raise down changes no view.
    function check_whoHasNoRoleMovesNothing(address caller) public {
        _anyState();
        Before memory b = _read();
        bool role = caller == b.executor || caller == b.owner || caller == b.guardian || caller == wallet.pendingOwner();
        bytes memory data = svm.createCalldata("AgentWallet");
        vm.prank(caller);
        (bool done,) = address(wallet).call(data);
        if (role || !done) return;
        Before memory a = _read();
        assert(a.balance == b.balance && a.executor == b.executor && a.owner == b.owner && a.guardian == b.guardian);
        assert(a.frozen == b.frozen && a.validUntil == b.validUntil && a.epoch == b.epoch);
        assert(a.perPayment == b.perPayment && a.perPeriod == b.perPeriod && a.spent == b.spent);
    }

    /// @dev 10: epochs only grow, whoever calls what.
    function check_epochsOnlyGrow(address caller) public {
        _anyState();
        uint256 epoch = wallet.epoch();
        bytes memory data = svm.createCalldata("AgentWallet");
        vm.prank(caller);
        (bool done,) = address(wallet).call(data);
        vm.assume(done);
        assert(wallet.epoch() >= epoch);
    }

    /// @dev 7: in one act of the owner no ceiling rises while there is a delay.
    function check_noCeilingRisesAtOnce(uint64 perPayment, uint64 perPeriod) public {
        _anyState();
        Before memory b = _read();
        vm.prank(b.owner);
        wallet.setCeilings(perPayment, perPeriod);
        assert(wallet.perPayment() <= b.perPayment && wallet.perPeriod() <= b.perPeriod);
        assert(wallet.perPayment() <= perPayment && wallet.perPeriod() <= perPeriod);
    }

    /// @dev 10: the purse vouches only for what the wallet's freeze, validity, epoch and ceiling of one payment allow, at most an hour
    /// ahead, and never for another than a transfer out of itself.
    function check_whatThePurseVouchesFor(bytes32 hash) public {
        _anyState();
        Before memory b = _read();
        bytes memory signature = svm.createBytes(198, "signature");
        bytes4 answer = purse.isValidSignature(hash, signature);
        if (answer != 0x1626ba7e) return;
        uint256 head = uint256(_word(signature, 0));
        uint256 tail = uint256(_word(signature, 5));
        assert(!b.frozen && block.timestamp < b.validUntil);
        assert(uint64(head >> 32) <= b.perPayment);
        assert(uint32(tail) == b.epoch);
        assert(uint40(tail >> 32) <= block.timestamp + 3600);
        assert(address(uint160(head >> 96)) != address(purse) && b.executor != address(0));
    }

    function _word(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), offset))
        }
    }
}
