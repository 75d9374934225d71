/**
 * Colours of the page and of its charts. They are CSS variables, so that one drawing serves light
 * and dark.
 */

const LIGHT = {
  paper: '#ffffff',
  ink: '#1b1f24',
  soft: '#57606a',
  rule: '#e4e7eb',
  ours: '#0b63ce',
  peer: '#aab4c0',
  'line-1': '#0b63ce',
  'line-2': '#d9480f',
  'line-3': '#2b8a3e',
  'line-4': '#9c36b5',
  'line-5': '#0c8599',
  'line-6': '#a5740a',
  'line-7': '#868e96',
}
const DARK: typeof LIGHT = {
  paper: '#12161c',
  ink: '#e8ebef',
  soft: '#9aa4b0',
  rule: '#2a313a',
  ours: '#5aa9ff',
  peer: '#56616e',
  'line-1': '#5aa9ff',
  'line-2': '#ff922b',
  'line-3': '#69db7c',
  'line-4': '#da77f2',
  'line-5': '#3bc9db',
  'line-6': '#fcc419',
  'line-7': '#adb5bd',
}

const defined = (colours: typeof LIGHT): string =>
  Object.entries(colours)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';')

/** The style sheet's part that defines the variables. */
export const VARIABLES = `:root{color-scheme:light dark;${defined(LIGHT)}}@media(prefers-color-scheme:dark){:root{${defined(DARK)}}}`

export const colour = (name: keyof typeof LIGHT): string => `var(--${name})`

/** How many curves differ in their looks. */
export const LOOKS = 7
export const lineColour = (index: number): string => `var(--line-${(index % LOOKS) + 1})`
