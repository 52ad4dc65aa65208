/** How a command ends that must leave no trace although it has changed something already. */

/**
 * Thrown by a command, passes every caller within the engine: all that the command did is dropped (of a transaction
 * everything), and `reply`, an error, is the answer.
 */
export class CommandAborted extends Error {
  readonly reply: Buffer

  constructor(reply: Buffer) {
    super(reply.toString('latin1'))
    this.reply = reply
  }
}
