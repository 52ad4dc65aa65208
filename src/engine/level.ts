/**
 * Engine levels (R7): what the programs of a cluster execute alike. Whatever must not reach a node that would not know
 * it, or would do it otherwise, belongs to a level: command codes, changes of what a command does, new forms of the
 * saved state and of tables. A cluster is at one level; a committed entry raises it once every member knows the next.
 *
 *   1  the first one
 *   2  scripts (codes 1000-1099); EXEC knows which keys came into being (creations.ts)
 */

/** The level of a new cluster, and of a node that says nothing about levels. */
export const FIRST_LEVEL = 1
/** What this program can execute. */
export const ENGINE_LEVEL = 2
/** From this level on there are scripts. */
export const SCRIPTS_LEVEL = 2
/** From this level on creations are remembered. */
export const CREATIONS_LEVEL = 2
