/**
 * As much of OpenAPI 3 as `kubectl apply` asks for: that the server judges fields itself
 * (fieldValidation), and that it knows each kind.
 */

import { apiVersionOf, type Kind } from './kinds.ts'

export function openApi(path: string, kinds: readonly Kind[]): object | undefined {
  const groupVersions = new Set(
    kinds.flatMap(({ group, versions }) => versions.map(version => pathOf(group, version))),
  )
  if (path === '/openapi/v3') {
    const entry = (each: string) => [each, { serverRelativeURL: `/openapi/v3/${each}?hash=0` }]
    return { paths: Object.fromEntries([...groupVersions].map(entry)) }
  }
  const asked = path.replace('/openapi/v3/', '')
  return path.startsWith('/openapi/v3/') && groupVersions.has(asked) ? documentOf(asked, kinds) : undefined
}

const pathOf = (group: string, version: string): string =>
  group ? `apis/${apiVersionOf(group, version)}` : `api/${version}`

const FIELD_VALIDATION = {
  name: 'fieldValidation',
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}

function documentOf(groupVersion: string, kinds: readonly Kind[]): object {
  const paths: Record<string, object> = {}
  const schemas: Record<string, object> = {}
  for (const { group, versions, kind, plural, isNamespaced } of kinds)
    for (const version of versions) {
      if (pathOf(group, version) !== groupVersion) continue
      const tag = { group, version, kind }
      const within = isNamespaced ? '/namespaces/{namespace}' : ''
      paths[`/${groupVersion}${within}/${plural}/{name}`] = {
        patch: {
          'x-kubernetes-action': 'patch',
          'x-kubernetes-group-version-kind': tag,
          parameters: [FIELD_VALIDATION],
          responses: {},
        },
      }
      schemas[`${group || 'core'}.${version}.${kind}`] = {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        'x-kubernetes-group-version-kind': [tag],
      }
    }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1' }, paths, components: { schemas } }
}
