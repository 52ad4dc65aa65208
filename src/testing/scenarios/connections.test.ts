/** The short form; the one with 10 000 connections is `npm run faults -- connections`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import { connections } from './connections.ts'

test('R20: idle, deaf and slow connections cost what the limits say, and others are served', async () => {
  const report = await connections({ idle: 300, deaf: 5, slow: 5 })
  // 40 MiB were asked for before the limit could be met; of the 10 GB behind them nothing is begun.
  assert.ok(report.heldMiB <= 40, `${report.heldMiB} MiB are held for one client`)
  assert.ok(report.heldMiB >= limits.replyQueueBytes / 2 ** 20)
})
