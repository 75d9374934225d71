/**
 * A filter (src/engine/flow/filter.ts) that passes everything on unchanged: the cost of its
 * presence.
 */

import type { Stages } from '../../src/engine/flow/admission.ts'
import type { Filter } from '../../src/engine/flow/filter.ts'
import type { Side } from '../../src/engine/flow/slots.ts'

export class PassThrough implements Filter {
  readonly isTransparent: boolean = true
  protected readonly stages: Stages

  constructor(stages: Stages) {
    this.stages = stages
  }

  said(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    this.stages.passage.pass(slot, side, buffer, bytes, more)
  }

  saidEnd(slot: number, side: Side): void {
    this.stages.passage.passEnd(slot, side)
  }

  tell(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    this.stages.flows.put(slot, side, buffer, bytes, bytes, more)
  }

  tellEnd(slot: number, side: Side): void {
    this.stages.flows.putEnd(slot, side)
  }

  closed(_slot: number, _side: Side): void {}
}
