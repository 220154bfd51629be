// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentWallet} from "../src/AgentWallet.sol";
import {BatchItem} from "../src/WalletTypes.sol";
import {vm} from "./base/Vm.sol";
import {WalletTest} from "./base/WalletTest.sol";

/// @dev Execution gas in the steady state (known holders, a nonce word and a period in use), each call in its own transaction's
/// cold state; without the transaction's own 21,000 and calldata, which `npm run bench -- gas` measures over anvil.
/// forge-config: default.isolate = true
contract GasTest is WalletTest {
    function setUp() public override {
        super.setUp();
        _mint(payee, 1);
        _pay(payee, 1, 0);
        for (uint256 i; i < 50; ++i) {
            _mint(address(uint160(0xbbbb0000 + i)), 1);
        }
    }

    function test_gasOfPayAndOfABatchOfFifty() public {
        _mint(executor, 10e6);
        vm.prank(executor);
        usdc.transfer(payee, 1_250_000);
        uint256 transfer = vm.snapshotGasLastCall("gas.generated", "usdc.transfer");
        _pay(payee, 1_250_000, 1);
        uint256 pay = vm.snapshotGasLastCall("gas.generated", "pay");
        BatchItem[] memory items = new BatchItem[](50);
        for (uint256 i; i < 50; ++i) {
            bytes32 id = keccak256(abi.encode(i));
            items[i] = BatchItem(id, address(uint160(0xbbbb0000 + i)), 1_250_000, 2 + i, id);
        }
        vm.prank(executor);
        wallet.payBatch(DIGEST, items);
        uint256 batch = vm.snapshotGasLastCall("gas.generated", "payBatch of 50");
        // The goals of the project, here with what isolation counts: the whole transaction.
        vm.assertLe(pay * 100, transfer * 148, "pay costs more than 1.48 transfers");
        vm.assertLe(batch * 100, transfer * 37 * 50, "a batched payment costs more than 0.37 transfers");
    }
}
