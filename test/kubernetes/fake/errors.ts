/** Refusals as the API server words them: a Status, with its HTTP code. */

export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: object
  readonly status: 'Failure'
  readonly message: string
  readonly reason: string
  readonly details?: object
  readonly code: number
}

export const statusOf = (code: number, reason: string, message: string, details?: object): Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details && { details }),
  code,
})

interface Details {
  readonly retryAfterSeconds?: number
  readonly causes?: readonly object[]
  readonly name?: string
  readonly group?: string
  readonly kind?: string
}

export class ApiError extends Error {
  readonly status: Status
  readonly retryAfterSeconds: number | undefined

  constructor(code: number, reason: string, message: string, details?: Details) {
    super(message)
    this.status = statusOf(code, reason, message, details)
    this.retryAfterSeconds = details?.retryAfterSeconds
  }
}

type Named = { readonly group: string; readonly plural: string }
const resourceOf = ({ group, plural }: Named): string => (group ? `${plural}.${group}` : plural)
const about = ({ group, plural }: Named, name: string): Details => ({ name, group, kind: plural })

export const notFound = (kind: Named, name: string): ApiError =>
  new ApiError(404, 'NotFound', `${resourceOf(kind)} "${name}" not found`, about(kind, name))

/** What a server says about a path that it does not have, as for a CRD that is not installed. */
export const noSuchPath = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource')

export const alreadyExists = (kind: Named, name: string): ApiError =>
  new ApiError(409, 'AlreadyExists', `${resourceOf(kind)} "${name}" already exists`, about(kind, name))

export const conflict = (kind: Named, name: string): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resourceOf(kind)} "${name}": the object has been modified; ` +
      'please apply your changes to the latest version and try again',
    about(kind, name),
  )

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message)

export const invalid = (kind: Named & { kind: string }, name: string, message: string): ApiError =>
  new ApiError(
    422,
    'Invalid',
    `${kind.kind}.${kind.group} "${name}" is invalid: ${message}`,
    about(kind, name),
  )

export const expired = (asked: string, oldest: number): ApiError =>
  new ApiError(410, 'Expired', `too old resource version: ${asked} (${oldest})`)

export const unsupportedMedia = (type: string): ApiError =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${type}`,
  )

export const tooNew = (asked: number, now: number): ApiError =>
  new ApiError(504, 'Timeout', `Too large resource version: ${asked}, current: ${now}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
