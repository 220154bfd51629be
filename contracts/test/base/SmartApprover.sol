// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @dev A small smart account: one key signs for it, and can be changed.
contract SmartApprover is IERC1271 {
    address public signer;

    constructor(address signer_) {
        signer = signer_;
    }

    function setSigner(address next) external {
        signer = next;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecover(hash, signature);
        bool good = failure == ECDSA.RecoverError.NoError && recovered == signer;
        return good ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
