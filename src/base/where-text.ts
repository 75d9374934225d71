/**
 * Where something is written, as text: "config/a.yaml:12". A resource of a Kubernetes API has no
 * line (0), and its title stands for the file.
 */

export const whereText = (file: string | null, line: number | null): string =>
  line === 0 ? (file ?? '') : `${file}:${line}`
