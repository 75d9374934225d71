/**
 * Endpoints get the code that their schemas stand for when they are first asked: fastify generates
 * it at the start for all of them, which took a third of a start's CPU time in this listener, and
 * few are ever asked.
 */

import AjvCompiler from '@fastify/ajv-compiler'
import SerializerSelector from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>
type Validate = { (data: unknown): unknown; errors?: unknown }
type Compilers = AjvCompiler.BuildCompilerFromPool

/** For `schemaController` of one fastify, which calls its validators and reads their errors. */
export const lateSchemas = (): { readonly compilersFactory: Factories } => ({
  compilersFactory: { buildValidator, buildSerializer } as object,
})

const buildValidator = (...given: Parameters<Compilers>) => {
  const compilerOf = once(() => AjvCompiler()(...given))
  return (...route: Parameters<ReturnType<Compilers>>) => lateValidator(once(() => compilerOf()(...route)))
}

/** Fastify reads the errors of a validator from the function itself. */
function lateValidator(made: () => Validate): Validate {
  const validate: Validate = data => {
    const isValid = made()(data)
    validate.errors = made().errors
    return isValid
  }
  return validate
}

const buildSerializer: SerializerSelector.SerializerFactory = (...given) => {
  const compilerOf = once(() => SerializerSelector()(...given))
  return route => {
    const made = once(() => compilerOf()(route))
    return data => made()(data)
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
