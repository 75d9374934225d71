/**
 * What Secrets hold, as the API server would store it: `stringData` over `data`, which is base64;
 * and what ConfigMaps do, whose `data` is text.
 *
 * Nothing is reported here: one that nobody names may be as it likes.
 */

import type { Resource } from '../resource.ts'

/** By key; null: no base64, such as a file that is still encrypted. */
export type SecretData = ReadonlyMap<string, Uint8Array | null>

/** By "namespace/name", and ConfigMaps by the key below. */
export const secretsOf = (resources: readonly Resource[]): Map<string, SecretData> =>
  new Map(
    resources.flatMap(each => {
      const { apiVersion, kind, id } = each
      if (kind === 'Secret') return [[id, dataOf(each.value)] as const]
      const isConfigMap = kind === 'ConfigMap' && apiVersion === 'v1'
      return isConfigMap ? [[configMapKey(id), plainOf(each.value)] as const] : []
    }),
  )

/** @param id  "namespace/name", which has no space. */
export const configMapKey = (id: string): string => `ConfigMap ${id}`

const plainOf = ({ data }: Readonly<Record<string, unknown>>): SecretData =>
  new Map(textsOf(data).map(([key, text]) => [key, new TextEncoder().encode(text)]))

function dataOf({ data, stringData }: Readonly<Record<string, unknown>>): SecretData {
  const encoded = textsOf(data).map(([key, text]) => [key, decode(text)] as const)
  const plain = textsOf(stringData).map(([key, text]) => [key, new TextEncoder().encode(text)] as const)
  return new Map([...encoded, ...plain])
}

const textsOf = (fields: unknown): [string, string][] =>
  Object.entries(Object(fields)).filter((entry): entry is [string, string] => typeof entry[1] === 'string')

function decode(text: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(text)
  } catch {
    return null
  }
}
