// Which scenarios of the drill are tests of every run. Owns the word for all of them, and what is said of the others. Knows no scenario.

/** Why a scenario is not performed now, as half a sentence; null: it is. @param short those that every run has time for */
export function notAsked(name: string, short: readonly string[]): string | null {
  if (process.env.VIPCAST_DRILL === "all" || short.includes(name)) return null;
  return "it takes long; VIPCAST_DRILL=all performs it";
}
