import { type CSSVariablesResolver, createTheme, MantineProvider } from '@mantine/core';
import type { ReactNode } from 'react';

const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: { light: 9, dark: 9 },
  cursorType: 'pointer',
  defaultRadius: 'md',
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  headings: { fontWeight: '650' },
});

/** Mantine's own greys have too little contrast for WCAG 2.2 AA. */
const contrast: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#545b62',
    '--mantine-color-placeholder': '#5c636a',
    '--mantine-color-anchor': '#0b6b50',
    '--mantine-color-error': '#b02525',
    '--mantine-color-yellow-outline': '#7a4d00',
    '--mantine-color-orange-outline': '#8a3a00',
    '--mantine-primary-color-filled-hover': '#066649',
    '--mantine-color-teal-filled-hover': '#066649',
    '--ground': '#f5f7f7',
    '--card': '#ffffff',
    '--chosen': '#e3efeb',
  },
  dark: {
    '--mantine-color-dimmed': '#b4b9b8',
    '--mantine-color-placeholder': '#a6a9ab',
    '--mantine-color-anchor': '#63e6be',
    '--mantine-color-error': '#ff8787',
    '--mantine-primary-color-filled-hover': '#066649',
    '--mantine-color-teal-filled-hover': '#066649',
    '--mantine-color-body': '#1d2221',
    '--mantine-color-default': '#262d2b',
    '--mantine-color-default-hover': '#2a3330',
    '--mantine-color-default-border': '#3b4542',
    '--ground': '#151918',
    '--card': '#1d2221',
    '--chosen': '#23362f',
  },
});

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';

/** Colours of the page; the nonce lets the policy (CSP) take the one style element with the theme's variables. */
export function Look({ children }: { children: ReactNode }) {
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={contrast}
      getStyleNonce={() => nonce}
    >
      {children}
    </MantineProvider>
  );
}
