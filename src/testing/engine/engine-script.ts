/** Scripts for tests of commands: what is sent to an engine, and what it must answer to the byte. */
import assert from 'node:assert/strict'
import { EngineClient, type Word } from './engine-client.ts'

/** The words of a command, or all of them in one text; and its reply without the last line end. */
export type ScriptStep = readonly [command: Word | readonly Word[], reply: string]

/** Runs the steps on a new engine. SELECT, which is no command of the engine, chooses the database. */
export function script(steps: readonly ScriptStep[], client = new EngineClient()): EngineClient {
  for (const [command, reply] of steps) {
    const words: Word[] = typeof command === 'string' ? command.split(' ') : ([command].flat() as Word[])
    if (words[0] === 'SELECT') client.database = Number(words[1])
    else assert.equal(client.run(...words), `${reply}\r\n`, words.join(' '))
  }
  return client
}
