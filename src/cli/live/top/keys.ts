/**
 * What a terminal sends for keys, as names: "up", "enter", "ctrl-c"; a printable character is its
 * own name.
 *
 * Sequences are those of xterm and of the Linux console, in both cursor modes. An unknown one is
 * dropped as a whole, so that its letters are no commands.
 */

const SEQUENCES: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '4~': 'end',
  '5~': 'page-up',
  '6~': 'page-down',
  '7~': 'home',
  '8~': 'end',
  Z: 'back-tab',
}

const CONTROLS: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0002': 'page-up',
  '\u0003': 'ctrl-c',
  '\u0004': 'ctrl-c',
  '\u0006': 'page-down',
  '\u000c': 'redraw',
  '\u0015': 'clear',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal sends
const KEY = /\u001b(?:\[|O)([\d;]*[A-Za-z~])|./gs

export function keysOf(sent: string): string[] {
  return [...sent.matchAll(KEY)].flatMap(([whole, sequence]) => {
    if (sequence !== undefined) return SEQUENCES[sequence] ?? []
    if (whole === '\u001b') return 'escape'
    return CONTROLS[whole] ?? (/^[ -~]$/.test(whole) ? whole : [])
  })
}
