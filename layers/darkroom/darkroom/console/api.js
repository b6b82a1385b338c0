// The API, with the key of this tab.

const STORE = "darkroom-key";

export class Refused extends Error {
  constructor(status, told) {
    super(told.message);
    this.status = status;
    this.param = told.param;
  }
}

export const key = {
  get: () => sessionStorage.getItem(STORE) ?? "",
  set: (value) => sessionStorage.setItem(STORE, value),
  forget: () => sessionStorage.removeItem(STORE),
};

const seen = new Map(); // what was last answered, by path: asked again with its tag

export async function ask(path, { method = "GET", body, headers = {} } = {}) {
  const known = method === "GET" ? seen.get(path) : undefined;
  const answer = await fetch(path, {
    method,
    cache: "no-store",
    headers: {
      authorization: `Bearer ${key.get()}`,
      ...(body ? { "content-type": "application/json" } : {}),
      ...(known ? { "if-none-match": known.tag } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (answer.status === 304) return known.value;
  if (answer.status === 204) return null;
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, value.error ?? { message: `the API answered ${answer.status}` });
  const tag = answer.headers.get("etag");
  if (method === "GET" && tag) seen.set(path, { tag, value });
  return value;
}
