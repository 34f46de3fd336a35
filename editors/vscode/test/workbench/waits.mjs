// How long the tests in the workbench wait, and for what.

/** Longest waits: a loaded machine takes a minute to paint a window. */
export const LONG = 240_000;
/** What is not given a bound of its own. */
export const USUAL = 90_000;

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `look` gives something true; fails by the name of what was waited for. */
export async function until(what, look, limit = USUAL) {
  const end = Date.now() + limit;
  let last;
  while (Date.now() < end) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error.message;
    }
    await sleep(60);
  }
  throw new Error(`in vain for ${limit} ms: ${what}; last: ${typeof last === "string" ? last : JSON.stringify(last)}`);
}
