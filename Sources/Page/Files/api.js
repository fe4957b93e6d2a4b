// The server's interface, which README describes. Every request carries the token of the page's address.

const token = new URLSearchParams(location.search).get("token") ?? "";

/** Names this tab, so that its newest wish goes first. */
const session = crypto.getRandomValues(new Uint32Array(2)).join("-");

/** What the server answers where it cannot do what is asked. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks; throws a `Refusal` for every answer that is none of success. */
export async function ask(path, items = {}, { method = "GET", body, signal } = {}) {
  const response = await fetch(`/api/${path}?${new URLSearchParams(items)}`, {
    method, body, signal, headers: { authorization: `Bearer ${token}`, "vitvideo-session": session },
  });
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new Refusal(response.status, answer.error ?? response.statusText);
}

export const json = async (path, items, options) => (await ask(path, items, options)).json();

/** An array of float32: `{ shape, data, about }`, where `about` is what the server says of it beside. */
export async function array(path, items, options) {
  const response = await ask(path, items, options);
  const about = response.headers.get("vitvideo-maps") ?? response.headers.get("vitvideo-frame");
  return { ...npy(await response.arrayBuffer()), about: about ? JSON.parse(about) : null };
}

/** Reads a `.npy` file of little-endian float32, which is what the server sends. */
export function npy(buffer) {
  const length = new DataView(buffer).getUint16(8, true);
  const head = new TextDecoder().decode(new Uint8Array(buffer, 10, length));
  const shape = /'shape': \(([^)]*)\)/.exec(head)[1].split(",").filter((size) => size.trim()).map(Number);
  return { shape, data: new Float32Array(buffer, 10 + length) };
}

/** The address of a frame's parts. */
export const frame = (media, number, part = "") =>
  `frames/${encodeURIComponent(media)}/${number}${part ? `/${part}` : ""}`;

/** Sends a file, telling how much of it is there: fetch tells nothing of the way up. */
export function upload(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/media?${new URLSearchParams({ name: file.name || "picture" })}`);
    request.setRequestHeader("authorization", `Bearer ${token}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.loaded / Math.max(1, event.total));
    request.onload = () => {
      if (request.status === 201) resolve(request.response);
      else reject(new Refusal(request.status, request.response?.error ?? "the upload failed"));
    };
    request.onerror = () => reject(new Refusal(0, "the server has hung up"));
    request.send(file);
  });
}
