/** Styles go through Vite. */
declare module '*.css';
