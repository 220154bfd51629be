import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** The message and the details of an invariant are text for engineers; whether it is checked is mutated. */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'messages', {
    shouldIgnore(path) {
      const { parentPath } = path;
      const isMessage =
        parentPath?.isCallExpression() &&
        parentPath.node.callee.name === 'invariant' &&
        path.listKey === 'arguments' &&
        path.key > 0;
      return isMessage ? 'The text of an invariant.' : undefined;
    },
  }),
];
