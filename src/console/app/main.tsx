import '@mantine/core/styles.css';
import './console.css';
import './look.css';
import { createRoot } from 'react-dom/client';
import { Console } from './shell.tsx';
import { Look } from './theme.tsx';
import { listenForWallets } from './wallet.ts';

listenForWallets();
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <Look>
      <Console />
    </Look>,
  );
}
