/** Counts the marks of production code (src/base/mark.ts). To be imported before anything of src is. */

export const marks = new Map<string, number>()

Object.assign(globalThis, {
  weirMark: (name: string): void => {
    marks.set(name, (marks.get(name) ?? 0) + 1)
  },
})
