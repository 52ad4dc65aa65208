/** Replies of a text connection count in the node's budget, too. */
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import { FlushList } from '../connection/flush-list.ts'
import { ReplyBudget } from '../connection/reply-budget.ts'
import { DoorStats } from '../stats/stats.ts'
import { TextReplies } from './replies.ts'

test('R20: replies are given up when those of all clients are too much, and the connection finds out', async () => {
  const replyBudget = new ReplyBudget()
  const share = { flushes: new FlushList(), stats: new DoorStats(), replyBudget }
  const large = Buffer.alloc(limits.valueBytes, 'x')
  const found = await new Promise<number>((resolve) => {
    const replies = new TextReplies(new Socket(), share, { flush: () => resolve(replies.bytes) })
    const late = replies.open()
    for (let i = 0; i < limits.unsentBytes / large.length; i++) {
      assert.equal(replyBudget.bytes, i * (large.length + 1))
      replies.fill(replies.open(), large)
    }
    assert.equal(replyBudget.bytes, 0)
    replies.fill(late, 'dropped')
  })
  assert.equal(found, Number.POSITIVE_INFINITY)
})
