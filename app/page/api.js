// How the pages talk to the service: calls, their errors in kind words, the key where one is needed, pictures of
// products. Everything comes from this host. Knows no page.

const KEY = "vitrine-key"; // in the session storage, so that it is gone with the tab
let asking = null; // the promise of a key, while a person is asked for it

export class Trouble extends Error {
  // `words` are for people; `id` is the request's, for whoever is asked for help.
  constructor(words, id, status) {
    super(words);
    this.words = words;
    this.id = id;
    this.status = status;
  }
}

const KIND = {
  404: "This product is no longer in the catalogue.",
  408: "The picture took too long to arrive. Is the connection slow? Please try again.",
  413: "This picture is too large to send. A smaller copy of it will do just as well.",
  429: "That were many searches in a short time. Please wait a moment.",
  503: "Many people are searching right now. Please try again in a moment.",
  504: "That took longer than it should. Please try again in a moment.",
};

async function send(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key && { "X-API-Key": key }) };
  try {
    return await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The service cannot be reached just now. Is your connection up? Please try again.");
  }
}

export async function call(path, options = {}) {
  let response = await send(path, options);
  while (response.status === 401 || response.status === 403) {
    if (!(await keyFromPerson(response.status))) throw new Trouble("Without a key this catalogue cannot be searched.");
    response = await send(path, options);
  }
  if (response.ok) return response;
  const error = await response.json().then((answer) => answer.error, () => ({}));
  const bad = error.code === "bad_image" && "This file cannot be read as a picture. A JPEG or PNG works best.";
  const theirs = response.status < 500 && error.message && `That did not work: ${error.message}.`;
  const words = bad || KIND[response.status] || theirs || "Something went wrong on our side. Please try again.";
  throw new Trouble(words, error.request_id, response.status);
}

export const get = (path, signal) => call(path, { signal }).then((response) => response.json());

export const post = (path, body, signal) =>
  call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  }).then((response) => response.json());

export const productPath = (id) => `/v1/products/${encodeURIComponent(id)}`;

// Pictures that need a key cannot be loaded by their address: they are fetched, and shown from memory.
export function showPicture(image, id) {
  const path = `${productPath(id)}/image`;
  image.addEventListener("error", () => image.classList.add("broken"), { once: true });
  if (!sessionStorage.getItem(KEY)) {
    image.src = path;
    return;
  }
  send(path, {})
    .then((response) => (response.ok ? response.blob() : Promise.reject(new Error("no picture"))))
    .then((blob) => {
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      image.src = URL.createObjectURL(blob);
    })
    .catch(() => image.classList.add("broken"));
}

// Several calls may find out at once that a key is needed; the person is asked once.
function keyFromPerson(status) {
  asking ??= new Promise((resolve) => {
    const known = sessionStorage.getItem(KEY);
    const dialog = document.createElement("dialog");
    dialog.className = "ask-key";
    dialog.setAttribute("aria-labelledby", "key-title");
    dialog.innerHTML = `<form method="dialog">
      <h2 id="key-title">This catalogue asks for a key</h2>
      <p id="key-why"></p>
      <label for="key">Key</label>
      <input id="key" type="password" autocomplete="off" spellcheck="false" required placeholder="vtr_…">
      <p class="soft">It is kept in this tab only, and forgotten when you close it.</p>
      <div class="row"><button type="button" class="outline" id="key-leave">Not now</button><button class="go">Continue</button></div>
    </form>`;
    dialog.querySelector("#key-why").textContent =
      status === 403
        ? "The key you gave may not do this. Perhaps you have another one?"
        : known
          ? "The key you gave is not known here. Please check it and try again."
          : "Whoever runs it can give you one.";
    const end = (given) => {
      dialog.close();
      dialog.remove();
      asking = null;
      resolve(given);
    };
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, dialog.querySelector("#key").value.trim());
      end(true);
    });
    dialog.querySelector("#key-leave").addEventListener("click", () => end(false));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(false);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}
