// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {AgentWallet} from "./AgentWallet.sol";
import {CodeStore} from "./CodeStore.sol";
import {X402Purse} from "./X402Purse.sol";
import {TransientBytes} from "./TransientBytes.sol";
import {Deployment, IWalletDeployer, WalletConfig} from "./WalletTypes.sol";

/// @title Makes an organisation's agent wallets at addresses that follow from their configuration
/// @notice The same factory address gives the same wallet address on every chain: the constructors take no arguments and ask the
/// factory for them. The salt is the hash of the whole configuration, so nobody can put another wallet there. A wallet is made only
/// with the organisation's consent: by its owner, by deployers it named, or by anyone for a salt that one of them announced. So a
/// wallet of this factory is the organisation's, and its payments are under a policy of the organisation's registry.
contract AgentWalletFactory is IWalletDeployer {
    /// @dev keccak256("bursar.factory.deployment"), far from what the compiler lays out.
    bytes32 private constant DEPLOYMENT_SLOT = keccak256("bursar.factory.deployment");

    CodeStore private immutable _walletCode;
    CodeStore private immutable _purseCode;
    bytes32 private immutable _walletCodeHash;
    bytes32 private immutable _purseCodeHash;

    /// @notice The organisation: configures the factory once, and says who may create wallets.
    address public immutable owner;
    /// @notice The USDC of this chain; zero until configured.
    address public token;
    /// @notice The policy registry of the organisation; zero for unpinned wallets.
    address public registry;

    /// @notice Whether the account may create wallets and announce salts, beside the owner.
    mapping(address account => bool) public isDeployer;
    /// @notice Whether anyone may create the wallet with this salt; see {saltOf}.
    mapping(bytes32 salt => bool) public isAnnounced;
    /// @notice Whether this factory created the wallet.
    mapping(address wallet => bool) public isWallet;

    /// @notice Token and registry are fixed for all wallets of this factory.
    event FactoryConfigured(address indexed token, address indexed registry);
    /// @notice Whether the account may create wallets, beside the owner.
    event DeployerChanged(address indexed deployer, bool allowed);
    /// @notice Anyone may create the wallet with this salt now.
    event SaltAnnounced(bytes32 indexed salt, address indexed by);
    /// @notice A wallet and its purse exist now.
    event WalletCreated(address indexed wallet, address indexed purse, bytes32 indexed salt, address owner);

    /// @notice The owner is missing.
    error ZeroOwner();
    /// @notice Only the factory's owner may do this.
    error NotFactoryOwner(address caller, address owner);
    /// @notice Neither the owner nor a deployer, and the salt is not announced.
    error NoConsent(address caller, bytes32 salt);
    /// @notice The factory is configured once only.
    error AlreadyConfigured(address token, address registry);
    /// @notice The factory has no token yet.
    error NotConfigured();
    /// @notice There must be code at the token, and at the registry unless it is zero.
    error NotAContract(address account);
    /// @notice No wallet is being created now.
    error NotDeploying();

    /// @param owner_ The organisation; part of the factory's own address, so a genuine factory of this owner can be told by its address.
    constructor(address owner_) {
        if (owner_ == address(0)) revert ZeroOwner();
        owner = owner_;
        bytes memory code = type(AgentWallet).creationCode;
        (_walletCode, _walletCodeHash) = (new CodeStore(code), keccak256(code));
        code = type(X402Purse).creationCode;
        (_purseCode, _purseCodeHash) = (new CodeStore(code), keccak256(code));
    }

    /// @notice Fixes token and registry. They differ by chain and so are not part of any address.
    /// @param token_ The USDC contract.
    /// @param registry_ The policy registry, or zero for unpinned wallets.
    function configure(address token_, address registry_) external {
        if (msg.sender != owner) revert NotFactoryOwner(msg.sender, owner);
        if (token != address(0)) revert AlreadyConfigured(token, registry);
        if (token_.code.length == 0) revert NotAContract(token_);
        if (registry_ != address(0) && registry_.code.length == 0) revert NotAContract(registry_);
        token = token_;
        registry = registry_;
        emit FactoryConfigured(token_, registry_);
    }

    /// @notice Names an account that may create wallets, or ends that. Wallets that it created stay.
    function setDeployer(address deployer, bool allowed) external {
        if (msg.sender != owner) revert NotFactoryOwner(msg.sender, owner);
        isDeployer[deployer] = allowed;
        emit DeployerChanged(deployer, allowed);
    }

    /// @notice Lets anyone create the wallet with this salt, so that a facilitator can deploy it by ERC-6492. Owner or deployer.
    /// @param salt Hash of the whole configuration: see {saltOf}.
    function announce(bytes32 salt) external {
        if (!_consents(msg.sender)) revert NoConsent(msg.sender, salt);
        if (isAnnounced[salt]) return;
        isAnnounced[salt] = true;
        emit SaltAnnounced(salt, msg.sender);
    }

    /// @notice Creates the wallet and its purse, or gives the addresses of those that exist already. Owner or deployer; anyone where the
    /// salt is announced.
    function createWallet(WalletConfig calldata config) external returns (address wallet, address purse) {
        (wallet, purse) = addressOf(config);
        if (wallet.code.length != 0) return (wallet, purse);
        if (token == address(0)) revert NotConfigured();
        bytes32 salt = saltOf(config);
        if (!_consents(msg.sender) && !isAnnounced[salt]) revert NoConsent(msg.sender, salt);

        isWallet[wallet] = true;
        TransientBytes.write(DEPLOYMENT_SLOT, abi.encode(Deployment(config, token, registry, wallet, purse)));
        Create2.deploy(0, salt, _codeIn(_walletCode));
        Create2.deploy(0, salt, _codeIn(_purseCode));
        TransientBytes.clear(DEPLOYMENT_SLOT);
        emit WalletCreated(wallet, purse, salt, config.owner);
    }

    /// @notice Where the wallet and the purse of this configuration are, or will be.
    function addressOf(WalletConfig calldata config) public view returns (address wallet, address purse) {
        bytes32 salt = saltOf(config);
        wallet = Create2.computeAddress(salt, _walletCodeHash);
        purse = Create2.computeAddress(salt, _purseCodeHash);
    }

    /// @inheritdoc IWalletDeployer
    function deployment() external view returns (Deployment memory) {
        bytes memory data = TransientBytes.read(DEPLOYMENT_SLOT);
        if (data.length == 0) revert NotDeploying();
        return abi.decode(data, (Deployment));
    }

    /// @notice The CREATE2 salt of a configuration: the hash of all of it.
    function saltOf(WalletConfig calldata config) public pure returns (bytes32) {
        return keccak256(abi.encode(config));
    }

    function _consents(address account) private view returns (bool) {
        return account == owner || isDeployer[account];
    }

    function _codeIn(CodeStore store) private view returns (bytes memory) {
        return Bytes.splice(address(store).code, 1);
    }
}
